package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/message"
)

// desk is a Handler that records what comes and answers as told.
type desk struct {
	mu     sync.Mutex
	got    []any
	reply  Reply
	err    error
	before func(context.Context) // runs in every call
}

func (d *desk) take(ctx context.Context, what any) (Reply, error) {
	d.mu.Lock()
	d.got = append(d.got, what)
	reply, err, before := d.reply, d.err, d.before
	d.mu.Unlock()
	if before != nil {
		before(ctx)
	}
	return reply, err
}

func (d *desk) Action(ctx context.Context, a Action) (Reply, error)     { return d.take(ctx, a) }
func (d *desk) Command(ctx context.Context, c Command) (Reply, error)   { return d.take(ctx, c) }
func (d *desk) Submit(ctx context.Context, s Submission) (Reply, error) { return d.take(ctx, s) }

func (d *desk) answer(r Reply, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reply, d.err = r, err
}

func (d *desk) seen() []any {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]any(nil), d.got...)
}

// quick shortens the supervisor's clocks a hundredfold or so.
func quick(c *Config) {
	c.DrainTimeout = 2 * time.Second
	c.Timing = Timing{Hello: 3 * time.Second, Ping: 50 * time.Millisecond, Silence: 1500 * time.Millisecond, Overlap: 50 * time.Millisecond,
		Spacing: 10 * time.Millisecond, Crowded: 200 * time.Millisecond, MaxBackoff: 400 * time.Millisecond,
		Refused: 500 * time.Millisecond, ShortLived: 300 * time.Millisecond, Write: time.Second}
}

// run starts the supervisor; stop ends it and waits.
func (o *office) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- o.s.Run(ctx) }()
	var once sync.Once
	stop = func() {
		once.Do(func() {
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("Run: %v", err)
				}
			case <-time.After(10 * time.Second):
				t.Error("Run does not end")
			}
		})
	}
	t.Cleanup(stop)
	return stop
}

// up waits until n connections are up.
func (o *office) up(t *testing.T, n int) {
	t.Helper()
	eventually(t, 30*time.Second, fmt.Sprintf("%d connections", n), func() bool { return o.live() == n && o.s.Healthy() == nil })
}

func (o *office) live() int {
	o.s.sup.mu.Lock()
	defer o.s.sup.mu.Unlock()
	return len(o.s.sup.live)
}

func (o *office) attempts() int { return len(o.ws.Calls("apps.connections.open")) }

func outcome(t *testing.T, g *slackfake.Gesture, err error) slackfake.Outcome {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.Wait(testCtx(t))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func said(s string) *message.Message {
	m := message.Message{}.Para(message.L(s))
	return &m
}

// After an error or a panic nothing is acknowledged, nothing of the payload is
// logged, and the next envelope is handled.
func TestFailureIsNotAcked(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(*desk){
		"error": func(d *desk) { d.err = errors.New("store is down") },
		"panic": func(d *desk) { d.before = func(context.Context) { panic("with secret-text") } },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &desk{}
			fail(d)
			o := newOffice(t, d, quick, slackfake.WithAckDeadline(300*time.Millisecond))
			o.run(t)
			o.up(t, 2)
			g, err := o.ws.As(o.ada.ID).Slash("/ir", "secret-text", o.general)
			out := outcome(t, g, err)
			if out.Acks != 0 || out.Trouble != slackfake.NoAck {
				t.Fatalf("%+v", out)
			}
			o.logs.mustNotHold(t, "secret-text")
			if n := value(t, o.s.metrics.envelopes.WithLabelValues("slash_commands", "failed")); n != 1 {
				t.Errorf("%v are counted", n)
			}
			d.mu.Lock()
			d.err, d.before = nil, nil
			d.mu.Unlock()
			o.ws.Redeliver(out.EnvelopeID, true)
			o.lastAcked(t)
			if n := len(d.seen()); n != 2 {
				t.Errorf("handled %d times", n)
			}
		})
	}
}

func TestHandlerDeadline(t *testing.T) {
	t.Parallel()
	left := make(chan time.Duration, 1)
	d := &desk{before: func(ctx context.Context) {
		at, _ := ctx.Deadline()
		left <- time.Until(at)
	}}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "x", o.general)
	outcome(t, g, err)
	if l := <-left; l > 2400*time.Millisecond || l < 2*time.Second {
		t.Errorf("the handler had %s", l)
	}
}

// A copy of an envelope is acknowledged and not handled again, on whatever
// connection it comes.
func TestDuplicateEnvelope(t *testing.T) {
	t.Parallel()
	d := &desk{}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "x", o.general)
	out := outcome(t, g, err)
	for _, c := range o.ws.Connections() {
		o.ws.SendVia(c.ID)
		o.ws.Redeliver(out.EnvelopeID, true)
		o.lastAcked(t)
	}
	if n := len(d.seen()); n != 1 {
		t.Errorf("handled %d times", n)
	}
}

// lastAcked waits until the last delivery is acknowledged.
func (o *office) lastAcked(t *testing.T) {
	t.Helper()
	eventually(t, 30*time.Second, "the last delivery is acknowledged", func() bool {
		all := o.ws.Deliveries()
		return all[len(all)-1].Acked
	})
}

// A copy that comes while the first is being handled is acknowledged with it,
// each on its connection.
func TestDuplicateEnvelopeUnderWay(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	d := &desk{before: func(context.Context) { <-release }}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	conns := o.ws.Connections()
	o.ws.SendVia(conns[0].ID)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "x", o.general)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the first is under way", func() bool { return len(d.seen()) == 1 })
	o.ws.SendVia(conns[1].ID)
	o.ws.Redeliver(g.EnvelopeID, true)
	eventually(t, 30*time.Second, "the copy has come", func() bool {
		return value(t, o.s.metrics.envelopes.WithLabelValues("slash_commands", "duplicate")) == 1
	})
	close(release)
	o.lastAcked(t)
	if n := len(d.seen()); n != 1 {
		t.Errorf("handled %d times", n)
	}
	eventually(t, 30*time.Second, "each connection gets one acknowledgement", func() bool {
		return !slices.ContainsFunc(o.ws.Connections(), func(c slackfake.Connection) bool { return c.Acks != 1 })
	})
}

// What is not ours or not understood is acknowledged; what is not to be trusted
// is refused. Neither reaches the handler, neither breaks the connection.
func TestOddEnvelopes(t *testing.T) {
	t.Parallel()
	d := &desk{}
	o := newOffice(t, d, quick, slackfake.WithAckDeadline(3*time.Second))
	o.run(t)
	o.up(t, 2)
	user := fmt.Sprintf(`"user":{"id":%q,"team_id":%q},"api_app_id":%q`, o.ada.ID, o.ws.TeamID, o.ws.AppID)
	acked := map[string]json.RawMessage{
		"events_api":     json.RawMessage(`{"type":"event_callback","event":{"type":"unheard_of"}}`),
		"brand_new_type": json.RawMessage(`{}`),
		"interactive 1":  json.RawMessage(`[]`),
		"interactive 2":  json.RawMessage(`"text"`),
		"interactive 3":  json.RawMessage(`{"type":"block_actions",` + user + `,"actions":[]}`),
		"interactive 4":  json.RawMessage(`{"type":"block_actions",` + user + `,"actions":[{"action_id":"a"},{"action_id":"b"}]}`),
		"interactive 5":  json.RawMessage(`{"type":"view_closed",` + user + `}`),
		"interactive 6":  json.RawMessage(`{"type":"block_actions","user":7}`),
		"slash_commands": json.RawMessage(`{"command":""}`),
	}
	refused := map[string]json.RawMessage{
		"interactive 1":  json.RawMessage(`{"type":"block_actions","user":{"id":"U1AAA","team_id":"T1"},"api_app_id":"A0OTHER","actions":[{"action_id":"a"}]}`),
		"interactive 2":  json.RawMessage(`{"type":"block_actions","api_app_id":"` + o.ws.AppID + `","actions":[{"action_id":"a"}]}`),
		"interactive 3":  json.RawMessage(`{"type":"view_submission","user":{"id":"U1AAA"},"team":null,"api_app_id":"` + o.ws.AppID + `"}`),
		"slash_commands": json.RawMessage(`{"command":"/ir","user_id":"","team_id":"T1","api_app_id":"` + o.ws.AppID + `"}`),
	}
	want := map[string]bool{}
	for set, ack := range map[*map[string]json.RawMessage]bool{&acked: true, &refused: false} {
		for kind, payload := range *set {
			name, _, _ := strings.Cut(kind, " ")
			want[o.ws.Inject(name, payload)] = ack
		}
	}
	eventually(t, 30*time.Second, "all settled", func() bool {
		for _, d := range o.ws.Deliveries() {
			if !d.Settled() {
				return false
			}
		}
		return true
	})
	for _, got := range o.ws.Deliveries() {
		if got.Acked != want[got.EnvelopeID] {
			t.Errorf("%s %s: acked %v, want %v", got.Type, got.Payload, got.Acked, want[got.EnvelopeID])
		}
	}
	if n := len(d.seen()); n != 0 {
		t.Errorf("%d reached the handler", n)
	}
	if n := value(t, o.s.metrics.envelopes.WithLabelValues("interactive", "refused")); n != 3 {
		t.Errorf("%v refusals are counted", n)
	}
	if len(o.ws.Connections()) != 2 {
		t.Error("an odd envelope cost a connection")
	}
}

// A payload that was encoded twice is still understood.
func TestDoublyEncodedPayload(t *testing.T) {
	t.Parallel()
	e := envelope{Type: "slash_commands", ID: "e", Payload: json.RawMessage(`"{\"command\":\"/ir\",\"user_id\":\"U1AAA\",\"team_id\":\"T1\"}"`)}
	if c, err := decode(e, ""); err != nil || c.(Command).Name != "/ir" {
		t.Errorf("got %v %v", c, err)
	}
}

func FuzzEnvelope(f *testing.F) {
	f.Add("interactive", []byte(`{"type":"block_actions","user":{"id":"U1AAA","team_id":"T1"},"actions":[{"action_id":"a","value":"b"}]}`))
	f.Add("slash_commands", []byte(`{"command":"/ir","user_id":"U1AAA","team_id":"T1"}`))
	f.Fuzz(func(t *testing.T, kind string, payload []byte) {
		what, err := decode(envelope{Type: kind, ID: "e", Payload: payload}, "A1")
		if err != nil {
			return
		}
		user, team, app := "", "", ""
		switch w := what.(type) {
		case Action:
			user, team, app = w.User, w.Team, w.AppID
		case Command:
			user, team, app = w.User, w.Team, w.AppID
		case Submission:
			user, team, app = w.User, w.Team, w.AppID
		}
		if !personID.MatchString(user) || team == "" || app != "A1" {
			t.Errorf("%+v was let in", what)
		}
	})
}
