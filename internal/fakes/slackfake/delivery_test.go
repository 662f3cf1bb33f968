package slackfake_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

func TestAckDeadline(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t, slackfake.WithAckDeadline(30*time.Millisecond))
	g, err := ws.As(ada.ID).Slash("/ir", "", general.ID)
	if out := outcome(t, g, err); out.Trouble != slackfake.NoConnection || out.Conn != 0 {
		t.Errorf("%+v", out)
	}
	l := dial(t, ws)
	g, err = ws.As(ada.ID).Slash("/ir", "", general.ID)
	if out := outcome(t, g, err); out.Trouble != slackfake.NoAck || out.OK() {
		t.Errorf("%+v", out)
	}
	l.ack(l.next().EnvelopeID, `{"text":"too late"}`)
	delivered(t, ws, g.EnvelopeID, func(d slackfake.Delivery) bool { return d.Late && !d.Acked && d.Acks == 1 })
	if got := ws.Ephemerals(ada.ID); len(got) != 0 {
		t.Errorf("a late ack was shown: %+v", got)
	}
	if got := ws.Troubles(); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}

func TestDroppedAcks(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	ack := func(l *link, payload string) string {
		g, err := ws.As(ada.ID).Slash("/ir", "", general.ID)
		if err != nil {
			t.Fatal(err)
		}
		l.ack(l.next().EnvelopeID, payload)
		return g.EnvelopeID
	}
	text := func(n int) string { return `{"text":"` + strings.Repeat("x", n) + `"}` }
	l, _, err := dialRaw(t, ws, websocket.Dialer{WriteBufferSize: 64 << 10}) // a small buffer makes several frames
	if err != nil {
		t.Fatal(err)
	}
	l.next()
	delivered(t, ws, ack(l, text(20_000)), func(d slackfake.Delivery) bool { return d.Acked })
	delivered(t, ws, ack(l, text(20_480)), func(d slackfake.Delivery) bool { return d.Oversize > 20_480 && !d.Acked })
	_ = l.Close()
	wait(t, ws, func(st slackfake.State) bool { return st.Open() == 0 })

	small, _, err := dialRaw(t, ws, websocket.Dialer{WriteBufferSize: 1024})
	if err != nil {
		t.Fatal(err)
	}
	small.next()
	delivered(t, ws, ack(small, text(5000)), func(d slackfake.Delivery) bool { return d.Fragmented && !d.Acked })
	delivered(t, ws, ack(small, text(100)), func(d slackfake.Delivery) bool { return d.Acked && !d.Fragmented })
}

func TestForeignAcks(t *testing.T) {
	t.Parallel()
	for _, honoured := range []bool{false, true} {
		t.Run(fmt.Sprint(honoured), func(t *testing.T) {
			t.Parallel()
			var opts []slackfake.Option
			if honoured {
				opts = append(opts, slackfake.WithForeignAcks())
			}
			ws, ada, general := workspace(t, opts...)
			a, b := dial(t, ws), dial(t, ws)
			ws.SendVia(2)
			g, err := ws.As(ada.ID).Slash("/ir", "", general.ID)
			if err != nil {
				t.Fatal(err)
			}
			a.ack(b.next().EnvelopeID, "")
			delivered(t, ws, g.EnvelopeID, func(d slackfake.Delivery) bool { return d.Foreign && d.Acked == honoured && d.Conn == 2 })
		})
	}
}

func TestCutBeforeAck(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	l := dial(t, ws)
	ws.CutBeforeAck(1)
	g, err := ws.As(ada.ID).Slash("/ir", "", general.ID)
	if err != nil {
		t.Fatal(err)
	}
	l.ack(l.next().EnvelopeID, "")
	if err := l.ended(); err == nil {
		t.Error("the connection goes on")
	}
	delivered(t, ws, g.EnvelopeID, func(d slackfake.Delivery) bool { return d.Acks == 0 })
}

func TestStalledConnectionSwallows(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t, slackfake.WithAckDeadline(200*time.Millisecond))
	l := dial(t, ws)
	g, err := ws.As(ada.ID).Slash("/ir", "", general.ID)
	if err != nil {
		t.Fatal(err)
	}
	ws.Stall(1)
	l.ack(l.next().EnvelopeID, "")
	if out := outcome(t, g, nil); out.Acks != 0 || out.OK() {
		t.Errorf("an ack was read on a stalled connection: %+v", out)
	}
	g, err = ws.As(ada.ID).Slash("/ir", "", general.ID)
	if out := outcome(t, g, err); out.Trouble != slackfake.NoAck || out.Conn != 1 {
		t.Errorf("%+v", out)
	}
	_ = l.SetReadDeadline(time.Now()) // whatever was sent is here by now
	if _, _, err := l.ReadMessage(); err == nil {
		t.Error("something came over a stalled connection")
	}
}

func TestEventRetries(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t, slackfake.WithAckDeadline(time.Millisecond), slackfake.WithEventRetries(0, time.Millisecond, time.Millisecond))
	l := dial(t, ws)
	ws.Event("user_change", map[string]any{"user": map[string]any{"id": "U1"}})
	ids := map[string]bool{}
	for attempt := range 4 {
		e := l.next()
		reason := map[bool]string{true: "", false: "timeout"}[attempt == 0]
		if e.Type != "events_api" || e.RetryAttempt != attempt || e.RetryReason != reason || e.Accepts {
			t.Errorf("attempt %d: %+v", attempt, e)
		}
		ids[e.Payload["event_id"].(string)] = true
	}
	if len(ids) != 1 {
		t.Errorf("%d event ids", len(ids))
	}
	wait(t, ws, func(st slackfake.State) bool { d := st.Deliveries(); return len(d) == 4 && d[3].Settled() })
	ws.Event("user_change", nil) // the next envelope is this one, not a fifth attempt
	if e := l.next(); e.RetryAttempt != 0 {
		t.Errorf("%+v", e)
	}
}

func TestAckedEventIsNotRetried(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t, slackfake.WithEvents("message", "app_mention", "member_joined_channel"), slackfake.WithEventRetries(0))
	l := dial(t, ws)
	if _, err := ws.As(ada.ID).Say(general.ID, "hello <@"+ws.BotUser+">"); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"message", "app_mention"} {
		e := l.next()
		inner := e.Payload["event"].(map[string]any)
		if inner["type"] != want || inner["user"] != ada.ID {
			t.Errorf("%v", inner)
		}
		l.ack(e.EnvelopeID, "")
		delivered(t, ws, e.EnvelopeID, func(d slackfake.Delivery) bool { return d.Acked })
	}
	bob := ws.AddUser(slackfake.User{Name: "bob"})
	if err := errors.Join(ws.As(bob.ID).Join(general.ID), ws.As(bob.ID).Invite(general.ID, "U404")); err != nil {
		t.Fatal(err)
	}
	if e := l.next(); e.Payload["event"].(map[string]any)["type"] != "member_joined_channel" {
		t.Errorf("%+v", e)
	}
	if got := len(ws.Deliveries()); got != 3 {
		t.Errorf("%d deliveries", got)
	}
}

func TestInjectAndRedeliver(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t)
	l := dial(t, ws)
	id := ws.Inject("interactive", json.RawMessage(`{"type":"block_actions","user":7}`))
	if e := l.next(); e.EnvelopeID != id || e.Payload["user"] != 7.0 || !e.Accepts {
		t.Errorf("%+v", e)
	}
	l.ack(id, "")
	delivered(t, ws, id, func(d slackfake.Delivery) bool { return d.Acked })
	if same := ws.Redeliver(id, true); same != id {
		t.Error(same)
	}
	if e := l.next(); e.EnvelopeID != id {
		t.Errorf("%+v", e)
	}
	other := ws.Redeliver(id, false)
	if e := l.next(); e.EnvelopeID != other || other == id || e.Payload["user"] != 7.0 {
		t.Errorf("%+v", e)
	}
}
