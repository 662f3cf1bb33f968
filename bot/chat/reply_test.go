package chat

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/message"
)

func TestCommandIsAckedWithItsAnswer(t *testing.T) {
	t.Parallel()
	d := &desk{reply: Reply{Message: said("three cases are open")}}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "list open", o.general)
	out := outcome(t, g, err)
	if !out.OK() || out.Reply == nil || !strings.Contains(out.Reply.AllText(), "three cases are open") || out.Reply.EphemeralTo != o.ada.ID || out.Acks != 1 {
		t.Fatalf("%+v", out)
	}
	got := d.seen()[0].(Command)
	if got.Name != "/ir" || got.Text != "list open" || got.User != o.ada.ID || got.Team != o.ws.TeamID || got.Channel != o.general ||
		got.EnvelopeID != out.EnvelopeID || got.TriggerID == "" || got.ResponseURL == "" || got.AppID != o.ws.AppID {
		t.Errorf("%+v", got)
	}
}

func TestLongAnswerFollowsTheAck(t *testing.T) {
	t.Parallel()
	long := message.Message{}
	for range 3 {
		long = long.Para(message.L(strings.Repeat("木", 2900)))
	}
	d := &desk{reply: Reply{Message: &long}}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "list", o.general)
	out := outcome(t, g, err)
	if !out.OK() || out.Reply == nil || len(out.AckPayload) > maxAck || out.Oversize != 0 {
		t.Fatalf("%+v", out)
	}
	eventually(t, 30*time.Second, "the answer itself", func() bool {
		for _, m := range o.ws.Ephemerals(o.ada.ID) {
			if strings.Contains(m.AllText(), "木木木") {
				return true
			}
		}
		return false
	})
}

func TestClick(t *testing.T) {
	t.Parallel()
	d := &desk{}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	root, err := o.s.Post(testCtx(t), o.general, "", hello(), "")
	if err != nil {
		t.Fatal(err)
	}
	ref, err := o.s.Post(testCtx(t), o.general, root.TS, samples()["several"], "")
	if err != nil {
		t.Fatal(err)
	}
	after := make(chan slackfake.Outcome, 1)
	var g *slackfake.Gesture
	ready := make(chan struct{})
	d.answer(Reply{Message: said("only Ada can"), After: func(ctx context.Context) {
		<-ready
		out, _ := g.Wait(ctx)
		after <- out
	}}, nil)
	g, err = o.ws.As(o.ada.ID).Click(ref.Channel, ref.TS, "SB-2")
	close(ready)
	if out := outcome(t, g, err); !out.OK() {
		t.Fatalf("%+v", out)
	}
	if out := <-after; !out.Acked {
		t.Error("After ran before the acknowledgement")
	}
	got := d.seen()[0].(Action)
	if got.Action != "case.open" || got.Value != "c2" || got.TS != ref.TS || got.Thread != root.TS || got.Channel != o.general ||
		got.User != o.ada.ID || got.Team != o.ws.TeamID || got.ActionTS == "" || got.Ephemeral {
		t.Errorf("%+v", got)
	}
	eventually(t, 30*time.Second, "the private answer", func() bool {
		e := o.ws.Ephemerals(o.ada.ID)
		return len(e) == 1 && e[0].ThreadTS == root.TS && strings.Contains(e[0].AllText(), "only Ada can")
	})
}

func TestEphemeralFallsBackToResponseURL(t *testing.T) {
	t.Parallel()
	d := &desk{reply: Reply{Message: said("noted")}}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	ref, err := o.s.Post(testCtx(t), o.general, "", samples()["question"], "")
	if err != nil {
		t.Fatal(err)
	}
	o.ws.Next("chat.postEphemeral", 1, slackfake.NotOK("user_not_in_channel"))
	g, err := o.ws.As(o.ada.ID).Click(ref.Channel, ref.TS, "inquiry.no")
	outcome(t, g, err)
	eventually(t, 30*time.Second, "the answer through the response address", func() bool {
		e := o.ws.Ephemerals(o.ada.ID)
		return len(e) == 1 && e[0].Via == "response_url"
	})
}

func TestResponseURLIsOnlySlacks(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, nil)
	for _, address := range []string{"http://169.254.169.254/", "https://slack.com.evil.example/x", "https://evil.example/x", "http://hooks.slack.com/x", "file:///etc/passwd", "%"} {
		wantError(t, o.s.Respond(t.Context(), address, hello(), false), Permanent, "bad_response_url")
	}
}

func TestModalAndSubmission(t *testing.T) {
	t.Parallel()
	modal := sampleModal()
	d := &desk{reply: Reply{Modal: &modal}}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	person := o.ws.As(o.ada.ID)
	g, err := person.Slash("/ir", "unsure", o.general)
	outcome(t, g, err)
	eventually(t, 30*time.Second, "the dialog", func() bool { return len(o.ws.Views(o.ada.ID)) == 1 })
	view := o.ws.Views(o.ada.ID)[0]

	d.answer(Reply{Errors: map[string]string{"note": "say <more>"}}, nil)
	g, err = person.Submit(view.ID, map[string]string{"who": "script", "note": "cron"})
	out := outcome(t, g, err)
	if !out.OK() || out.AckError != "" || out.Errors["note"] == "" || strings.ContainsAny(out.Errors["note"], "<>") {
		t.Fatalf("%+v", out)
	}
	got := d.seen()[1].(Submission)
	if got.Callback != "inquiry.unsure" || got.Private != "q_4f1c" || got.Values["who"] != "script" || got.Values["note"] != "cron" || got.ViewID != view.ID {
		t.Errorf("%+v", got)
	}

	d.answer(Reply{Message: said("thank you")}, nil)
	g, err = person.Submit(view.ID, map[string]string{"who": "unknown"})
	out = outcome(t, g, err)
	if !out.OK() || out.AckError != "" || out.View == nil || !strings.Contains(string(out.View.Raw), "thank you") {
		t.Fatalf("%+v", out)
	}
	if note, there := d.seen()[2].(Submission).Values["note"]; there {
		t.Errorf("an empty field has the value %q", note)
	}
}

func TestExpiredTriggerIsTold(t *testing.T) {
	t.Parallel()
	modal := sampleModal()
	d := &desk{reply: Reply{Modal: &modal}}
	o := newOffice(t, d, quick)
	o.run(t)
	o.up(t, 2)
	o.ws.Next("views.open", 1, slackfake.NotOK("expired_trigger_id"))
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "x", o.general)
	outcome(t, g, err)
	eventually(t, 30*time.Second, "a word that it took too long", func() bool {
		e := o.ws.Ephemerals(o.ada.ID)
		return len(e) == 1 && strings.Contains(e[0].AllText(), "try it once more")
	})
}
