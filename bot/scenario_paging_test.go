package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

func TestARefusedPageUsesTheFallbackAtOnce(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Pager.Down(pagerdutyfake.Status(400).On(rig.RoutingKey))
	s.Send(rig.Miner(1).SNS())
	p := s.incidents("the fallback key is not used", open(1))
	if p.Incidents[0].Service != "Security fallback" {
		t.Errorf("the page went to %q", p.Incidents[0].Service)
	}
	s.message(s.Security.ID, "PagerDuty did not take this one", s.OnCall.ID)
}

func TestAPagerThatIsDownIsTriedOnAndTheFallbackComesAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Pager.Down(pagerdutyfake.Status(503).On(rig.RoutingKey))
	s.Send(rig.Miner(1).SNS())
	s.incidents("no attempt is made", func(p pagerdutyfake.Snapshot) bool { return len(p.Calls) >= 1 })
	if n := len(s.Pager.Snapshot().Incidents); n != 0 {
		t.Fatalf("the fallback came at once, %d incidents", n)
	}
	s.Forward(6 * time.Minute)
	s.incidents("no fallback after five minutes", open(1))
	s.Pager.Up()
	s.Forward(6 * time.Minute)
	p := s.incidents("the primary is not tried on", open(2))
	if len(p.Doubles()) != 0 {
		t.Errorf("doubled: %v", p.Doubles())
	}
	keys := map[string]bool{}
	for _, i := range p.Incidents {
		keys[i.DedupKey] = true
	}
	if len(keys) != 1 {
		t.Errorf("one page with several keys: %v", keys)
	}
}

func TestClosingACaseResolvesThePageAndTakesTheButtonsAway(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Miner(1).SNS())
	m := s.message(s.Security.ID, "digital money")
	s.incidents("no page", open(1))
	s.click(s.Omar, m, "Close…")
	s.fillIn(s.Omar, map[string]string{"outcome": "false_positive", "reason": "our own test"})
	s.incidents("the page stays open", open(0))
	s.until("the message is not brought up to date", func(st slackfake.State) bool {
		now, _ := st.Message(m.Ref())
		return strings.Contains(string(now.Blocks), "a false alarm") && !slices.ContainsFunc(now.Buttons(), func(b slackfake.Button) bool { return b.Label == "Close…" })
	})
	// An update of the same finding must not page again.
	again := rig.Miner(1)
	again.Count, again.At = 7, time.Now().Add(time.Minute)
	s.Send(again.SNS())
	s.settled()
	if p := s.Pager.Snapshot(); len(p.Incidents) != 1 {
		t.Errorf("an update of a closed case paged again: %d incidents", len(p.Incidents))
	}
}

func TestOnlyRespondersClose(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	if err := s.Slack.As(s.Ana.ID).Join(s.Security.ID); err != nil {
		t.Fatal(err)
	}
	s.Send(rig.Miner(1).SNS())
	m := s.message(s.Security.ID, "digital money")
	if out := s.click(s.Ana, m, "Close…"); out.View != nil {
		t.Fatal("an employee got the dialog")
	}
	s.told(s.Ana, "Only the security responders")
	if len(s.Slack.Views(s.Ana.ID)) != 0 {
		t.Fatal("an employee got the dialog after all")
	}
}

func TestAGuestIsToldNo(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Probe(1).SNS())
	m := s.message(s.Payments.ID, "i-0")
	if out := s.click(s.Gus, m, "Details"); out.View != nil {
		t.Fatal("a guest sees the details")
	}
	s.told(s.Gus, "guests")
	if len(s.Slack.Views(s.Gus.ID)) != 0 {
		t.Fatal("a guest sees the details after all")
	}
}

func TestThePersonACaseIsAboutDoesNotCloseIt(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Slack.SetUsergroup(s.OnCall.ID, s.Omar.ID, s.Ana.ID)
	if err := s.Slack.As(s.Ana.ID).Join(s.Security.ID); err != nil {
		t.Fatal(err)
	}
	s.Send(rig.Ask(1).SNS())
	s.click(s.Ana, s.question(1), "No, this wasn't me")
	m := s.message(s.Security.ID, "SB-")
	if out := s.click(s.Ana, m, "Close…"); out.View != nil {
		t.Fatal("the person the case is about got the dialog that closes it")
	}
	s.told(s.Ana, "about you")
	s.click(s.Omar, m, "Close…")
	s.dialog(s.Omar)
	if len(s.Slack.Views(s.Ana.ID)) != 0 {
		t.Fatal("the person the case is about got the dialog after all")
	}
}
