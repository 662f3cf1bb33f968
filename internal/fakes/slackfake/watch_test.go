package slackfake_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestExpect(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	dm := ws.DMChannel(ada.ID)
	done := make(chan error)
	go func() {
		_, err := ws.Expect(ctxOf(t), dm, slackfake.Saying("first"))
		done <- err
	}()
	must(t, ws, "chat.postMessage", args{"channel": dm, "text": "first"})
	must(t, ws, "chat.postMessage", args{"channel": dm, "text": "second"})
	must(t, ws, "chat.postEphemeral", args{"channel": general.ID, "user": ada.ID, "text": "third"})
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if got := ws.Unclaimed(); len(got) != 2 || got[0].Text != "second" || got[1].Text != "third" {
		t.Errorf("%+v", got)
	}
	if m, err := ws.Expect(ctxOf(t), "", func(slackfake.Message) bool { return true }); err != nil || m.Text != "second" {
		t.Errorf("%+v %v", m, err)
	}
	short, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := ws.Expect(short, "", slackfake.Saying("first"))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), `"third"`) {
		t.Errorf("a message is expected once, and the error says what there was: %v", err)
	}
	ref := ws.DM(ada.ID)[1].Ref()
	must(t, ws, "chat.update", args{"channel": ref.Channel, "ts": ref.TS, "text": "edited"})
	if m, err := ws.Await(ctxOf(t), ref, slackfake.Saying("edited")); err != nil || len(m.Edits) != 1 {
		t.Errorf("%+v %v", m, err)
	}
	if _, err := ws.Await(short, ref, slackfake.Saying("other")); err == nil || !strings.Contains(err.Error(), "edited") {
		t.Error(err)
	}
}

func TestSubscribe(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	changes, stop := ws.Subscribe()
	must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x"})
	if _, err := ws.As(ada.ID).Say(general.ID, "y"); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	last := 0
	for len(kinds) < 3 {
		c := <-changes
		if last != 0 && c.Seq != last+1 {
			t.Errorf("gap: %d after %d", c.Seq, last)
		}
		last = c.Seq
		kinds = append(kinds, c.Kind+" "+c.Channel)
	}
	if want := fmt.Sprintf("[message %[1]s call %[1]s message %[1]s]", general.ID); fmt.Sprint(kinds) != want {
		t.Errorf("%v, want %s", kinds, want)
	}
	for range 300 { // more than fits
		ws.Advance(0)
	}
	stop()
	stop()
	n := 0
	for range changes {
		n++
	}
	if n != 256 {
		t.Errorf("%d kept for a slow subscriber", n)
	}
	ws.Advance(0) // must not write to the closed channel
}

func TestTimeOfWorkspace(t *testing.T) {
	t.Parallel()
	c := clock()
	ws, _, general := workspace(t, slackfake.WithClock(c.now))
	first := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x"})["ts"].(string)
	second := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x"})["ts"].(string)
	if first != "1772355600.000000" || second != "1772355600.000001" {
		t.Errorf("%s %s: timestamps are unique though the clock stands still", first, second)
	}
	ws.Advance(time.Minute)
	if got := ws.Now(); !got.Equal(c.now().Add(time.Minute)) {
		t.Error(got)
	}
	at := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	ws.SetNow(at)
	if got := ws.Now(); !got.Equal(at) {
		t.Error(got)
	}
	if m, ok := ws.Message(slackfake.Ref{Channel: general.ID, TS: first}); !ok || m.PostedAt.Year() != 2026 {
		t.Errorf("%+v", m)
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	ws.AddUsergroup(slackfake.Usergroup{Handle: "oncall", Users: []string{ada.ID}})
	dm := ws.DMChannel(ada.ID)
	for _, text := range []string{"one", "two", "three"} {
		must(t, ws, "chat.postMessage", args{"channel": dm, "text": text, "blocks": question})
	}
	gone := ws.DM(ada.ID)[1]
	must(t, ws, "chat.delete", args{"channel": dm, "ts": gone.TS})
	must(t, ws, "chat.postEphemeral", args{"channel": general.ID, "user": ada.ID, "text": "psst"})
	trigger, _ := command(t, ws, ada.ID, general.ID)
	must(t, ws, "views.open", args{"trigger_id": trigger, "view": form})
	must(t, ws, "views.publish", args{"user_id": ada.ID, "view": `{"type":"home","blocks":[{"type":"divider"}]}`})

	data, err := json.Marshal(ws.Snapshot(0))
	if err != nil {
		t.Fatal(err)
	}
	var out answer
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"channels.0.id": general.ID, "channels.0.messages.0.ephemeral_to": ada.ID, "channels.1.kind": "im",
		"channels.1.messages.0.text": "one", "channels.1.messages.1.text": "three", "channels.1.messages.2": nil,
		"channels.1.messages.0.blocks.1.elements.0.action_id": "yes",
		"modals." + ada.ID + ".0.view.callback_id":            "note", "homes." + ada.ID + ".type": "home",
		"usergroups.0.handle": "oncall", "users.1.name": "ada", "bot_user": ws.BotUser,
	} {
		if got := out.at(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
	if got := ws.Snapshot(1).Channels[1].Messages; len(got) != 1 || got[0].Text != "three" {
		t.Errorf("%+v", got)
	}
}

// TestParallelUse drives everything at once, for the race detector.
func TestParallelUse(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	l := dial(t, ws)
	const n = 20
	go func() {
		for range n {
			var e envelope
			if l.ReadJSON(&e) != nil {
				return
			}
			_ = l.WriteJSON(map[string]any{"envelope_id": e.EnvelopeID})
		}
	}()
	for i := range n {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": fmt.Sprint(i), "blocks": question})["ts"].(string)
			g, err := ws.As(ada.ID).Click(general.ID, ts, "yes")
			if out := outcome(t, g, err); !out.OK() {
				t.Errorf("%+v", out)
			}
			ws.Snapshot(0)
			must(t, ws, "chat.update", args{"channel": general.ID, "ts": ts, "text": "done"})
		})
	}
}
