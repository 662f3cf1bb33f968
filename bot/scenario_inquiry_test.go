package bot_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

func TestANoPagesAtOnce(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	acked := time.Now()
	if out := s.click(s.Ana, m, "No, this wasn't me"); !out.OK() {
		t.Fatalf("the click was not acknowledged: %s", out.Trouble)
	}
	p := s.incidents("a no does not page", open(1))
	t.Logf("the page came after %s", time.Since(acked))
	if !strings.HasPrefix(p.Incidents[0].DedupKey, "securitybot/") {
		t.Errorf("dedup key %q", p.Incidents[0].DedupKey)
	}
	if got := p.Incidents[0].Summary; !strings.HasPrefix(got[len("SB-DJ26J6XL"):], " the employee says that it was not them: ") {
		t.Errorf("at night the telephone shows %q", got)
	}
	s.until("the buttons stay", func(st slackfake.State) bool {
		now, _ := st.Message(m.Ref())
		return len(now.Buttons()) < len(m.Buttons()) && !now.EditedAt.IsZero()
	})
	s.message(s.Security.ID, "SB-", "paged")
	s.settled()
	if n := len(s.Slack.DM(s.Ana.ID)); n != 1 {
		t.Errorf("Ana got %d messages, want 1\n%s", n, s.transcript())
	}
	if p := s.Pager.Snapshot(); len(p.Incidents) != 1 {
		t.Errorf("%d incidents, want 1", len(p.Incidents))
	}
}

func TestAYesClosesAMediumCaseAndALateNoPagesAllTheSame(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, "inquire: {mfa: false, timeout: 4h, on_yes: record, on_timeout: page}")})
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	s.until("the outcome is not shown", func(st slackfake.State) bool {
		now, _ := st.Message(m.Ref())
		return !now.EditedAt.IsZero()
	})
	s.settled()
	if n := len(s.Pager.Snapshot().Incidents); n != 0 {
		t.Fatalf("a yes paged %d times", n)
	}
	now, _ := s.Slack.Message(m.Ref())
	s.click(s.Ana, now, now.Buttons()[0].Label)
	s.incidents("a late no does not page", open(1))
}

func TestAYesWithoutTheProofThePolicyWantsIsNotBelieved(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, "inquire: {mfa: true, timeout: 4h, on_timeout: page}")})
	s.Send(rig.Ask(1).SNS())
	s.click(s.Ana, s.question(1), "Yes, this was me")
	s.incidents("a yes that cannot be proved does not page", open(1))
}

func TestSilencePagesAfterTheDeadlineAndNotBefore(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, "inquire: {timeout: 30m, on_timeout: page}")})
	high := rig.Ask(1)
	high.Severity = 7 // wall clock: no quiet hours
	s.Send(high.SNS())
	s.question(1)
	s.settled()
	deadline := s.deadline()
	s.Clock.Stop()
	s.Forward(deadline.Sub(s.Clock.Now()) - time.Second)
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.eventually("everything due is done", func() bool { return !s.Busy(s.ctx) })
	if n := len(s.Pager.Snapshot().Incidents); n != 0 {
		t.Fatal("paged before the deadline")
	}
	s.Forward(deadline.Sub(s.Clock.Now()) + time.Millisecond)
	s.incidents("silence does not page", open(1))
	if late := s.Clock.Now().Sub(deadline); late > 60*time.Second {
		t.Errorf("silence paged %s after the deadline", late)
	}
}

// deadline is that of the one open question.
func (s *scene) deadline() time.Time {
	s.t.Helper()
	lives, err := s.Bots[0].Lives(s.ctx, 5)
	if err != nil || len(lives) != 1 || lives[0].Deadline.IsZero() {
		s.t.Fatalf("lives %+v %v", lives, err)
	}
	return lives[0].Deadline
}

func TestOnlyThePersonAskedAnswers(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	robot := s.Slack.AddUser(slackfake.User{ID: "U0ROBOT", Name: "robot", Bot: true})
	far := s.Slack.AddUser(slackfake.User{ID: "U0FAR", Name: "far", TeamID: "T0OTHER", Stranger: true})
	s.Send(rig.Ask(1).SNS())
	value := s.question(1).Buttons()[0].Value
	for _, u := range []slackfake.User{s.Gus, s.Priya, s.Omar, robot, far} {
		for _, action := range []string{inquiries.ActionNo, inquiries.ActionYes, inquiries.ActionUnsure} {
			team := u.TeamID
			if team == "" {
				team = s.Slack.TeamID
			}
			reply, err := s.Bots[0].Action(s.ctx, chat.Action{EnvelopeID: u.ID + action, Action: action, Value: value, User: u.ID, Team: team})
			if err != nil {
				t.Fatal(err)
			}
			if reply.Message == nil {
				t.Errorf("%s pressed %s and was told nothing", u.ID, action)
			}
		}
	}
	s.settled()
	if n := len(s.Pager.Snapshot().Incidents); n != 0 {
		t.Errorf("other people's clicks paged %d times", n)
	}
	if n := len(s.question(1).Buttons()); n < 3 {
		t.Errorf("other people's clicks changed the question: %d buttons left", n)
	}
	s.click(s.Ana, s.question(1), "No, this wasn't me")
	s.incidents("the person asked is not believed afterwards", open(1))
}

func TestSomebodyWithoutAChatAccountIsAPage(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Slack.SetUser(s.Ana.ID, func(u *slackfake.User) { u.Deleted = true })
	s.Send(rig.Ask(1).SNS())
	s.incidents("nobody could be asked and nobody is called", open(1))
}

func TestFiftyCopiesOverThreeReplicas(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Replica: 3})
	var all []string
	for range 50 {
		at := time.Now()
		ask, miner := rig.Ask(1), rig.Miner(2)
		ask.At, miner.At = at, at
		ask.Count, miner.Count = rand.IntN(9)+1, rand.IntN(9)+1
		all = append(all, ask.SNS(), miner.SNS())
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	s.Send(all...)
	s.question(1)
	s.incidents("no page", open(1))
	s.settled()
	if n := len(s.Slack.DM(s.Ana.ID)); n != 1 {
		t.Errorf("%d questions, want 1\n%s", n, s.transcript())
	}
	p := s.Pager.Snapshot()
	if len(p.Incidents) != 1 || len(p.Doubles()) != 0 {
		t.Errorf("%d incidents, doubles %v", len(p.Incidents), p.Doubles())
	}
}

func TestTheSamePersonIsNotFloodedWithQuestions(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	for n := range 6 {
		s.Send(rig.Ask(n).SNS())
	}
	s.question(1)
	s.settled()
	if n := len(s.Slack.DM(s.Ana.ID)); n != 1 {
		t.Errorf("Ana got %d questions of one kind, want 1 with the rest added\n%s", n, s.transcript())
	}
	s.click(s.Ana, s.question(1), "No, this wasn't me")
	s.incidents("no does not reach all of them", open(6))
}

func TestOnePersonHasAsManyQuestionsOpenAsConfigured(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	two := "version: 1\nrules:\n" +
		"  - {id: ask-a, on: \"Discovery:IAMUser/*\", when: employee.known, then: inquire}\n" +
		"  - {id: ask-b, on: \"Recon:IAMUser/*\", when: employee.known, then: inquire}\n" +
		"  - {id: default, then: notify}\n"
	if err := os.WriteFile(path, []byte(two), 0o600); err != nil {
		t.Fatal(err)
	}
	other := rig.Ask(2)
	other.Type = "Recon:IAMUser/MaliciousIPCaller"
	for most := 1; most <= 2; most++ {
		s := begin(t, rig.Options{Policy: path, Extra: fmt.Sprintf("inquiries: {max_open: %d}\n", most)})
		s.Send(rig.Ask(1).SNS(), other.SNS())
		s.question(most)
		s.settled()
		if n := len(s.Slack.DM(s.Ana.ID)); n != most {
			t.Errorf("max_open %d: Ana got %d questions\n%s", most, n, s.transcript())
		}
	}
}
