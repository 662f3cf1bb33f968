package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// TestOurOwnHistoryOfAnAddress: which machine has it, which calls came from it,
// and a case that was closed before.
func TestOurOwnHistoryOfAnAddress(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	s.AWS.AddTrailEvents(rig.Account, rig.Region, awsfake.TrailEvent{At: s.Clock.Now().Add(-time.Hour), Source: "iam.amazonaws.com", Name: "ListUsers", User: "ana@corp.example", AccessKey: "ASIAIOSFODNN7EXAMPLE", Address: "203.0.113.8"})
	s.Send(rig.Ask(7).SNS())
	s.question(1)
	s.settled()
	s.slash(s.Omar, "ip 203.0.113.8", s.Security.ID)
	s.found(s.Omar, "203[.]0[.]113[.]8", "Complete after", "API calls: ", "iam:ListUsers ×1", "Employees seen under it in 24 hours: Ana")

	id := s.Machine(2)
	private := s.AWS.Instance(rig.Account, rig.Region, id).PrivateIP
	s.slash(s.Omar, "ip "+private, s.Security.ID)
	s.found(s.Omar, strings.ReplaceAll(private, ".", "[.]"), "Ours, now: "+rig.Account, id)
}

// TestAWSThatHangsHoldsNothingUp: our own cases are in the first answer, and
// what AWS did not say is named.
func TestAWSThatHangsHoldsNothingUp(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	s.Send(rig.Ask(7).SNS())
	s.question(1)
	s.settled()
	s.AWS.Next("ec2", "", 1000, awsfake.Fault{Hang: true})
	s.AWS.Next("cloudtrail", "", 1000, awsfake.Fault{Hang: true})
	out := s.slash(s.Omar, "ip 203.0.113.8", s.Security.ID)
	if first := string(out.Reply.Blocks); !containsAll(first, []string{"Cases: ", "Still looking into the rest of our own records"}) {
		t.Errorf("the first answer is %s", first)
	}
	s.found(s.Omar, "Complete after", "not all accounts could be asked which machine has it", "this part is missing", "Cases: ")
	s.AWS.Calm()
}

// TestAClosedCaseIsRemembered by its domain and the one it belongs to.
func TestAClosedCaseIsRemembered(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	s.Send(rig.Miner(2).SNS())
	m := s.message(s.Security.ID, "digital money")
	s.slash(s.Omar, "domain miner.example", s.Security.ID)
	s.found(s.Omar, "Investigation of miner[.]example", "Cases: ", "paged")
	s.click(s.Omar, m, "Close…")
	s.submit(s.Omar, map[string]string{"outcome": "true_positive", "reason": "it mined"})
	s.settled()
	for s.ctx.Err() == nil {
		if docs, err := s.Store.Find(s.ctx, "in:", 0); err == nil && len(docs) == 2 {
			break
		}
		wait(s.ctx, 5*time.Millisecond)
	}
	for _, name := range []string{"pool.miner.example", "miner.example"} {
		s.slash(s.Omar, "domain "+name, s.Security.ID)
		s.found(s.Omar, "Investigation of "+strings.ReplaceAll(name, ".", "[.]"), "closed: a real incident", "digital money")
	}
	out := s.slash(s.Omar, "domain other.example", s.Security.ID)
	if strings.Contains(string(out.Reply.Blocks), "Cases: ") {
		t.Errorf("a case about something else: %s", out.Reply.Blocks)
	}
}

// TestTheOtherEndOfACaseIsAButtonAway, in the case and in its details; people who
// may not look up do not see it.
func TestTheOtherEndOfACaseIsAButtonAway(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	s.Lookups.AddHost("203.0.113.8", badHost())
	s.Lookups.AddName("pool.miner.example", lookupfake.Name{Registrar: "Example Registrar", Malicious: 3})
	s.Send(rig.Ask(7).SNS())
	s.question(1)
	s.settled()
	docs, err := s.Store.Find(s.ctx, "c:", 1)
	if err != nil || len(docs) != 1 {
		t.Fatal(err)
	}
	id := strings.TrimPrefix(docs[0].ID, "c:")
	out := s.slash(s.Omar, "case SB-"+id[:8], s.Security.ID)
	s.click(s.Omar, *out.Reply, "Look up 203.0.113.8")
	s.found(s.Omar, "Investigation of 203[.]0[.]113[.]8", "Complete after")
	s.audited("look up an indicator", "203.0.113.8", 1)
	for u, want := range map[string]bool{s.Priya.ID: false, s.Omar.ID: true} {
		reply, err := s.Bots[0].Action(s.ctx, chat.Action{Action: "case.details", Value: id, User: u, Team: s.Slack.TeamID})
		if err != nil || reply.Modal == nil {
			t.Fatalf("%v, %v", reply, err)
		}
		if got := strings.Contains(fmt.Sprint(reply.Modal.Parts), "Look up 203.0.113.8"); got != want {
			t.Errorf("%s is offered to look it up: %v", u, got)
		}
	}

	s.Send(rig.Miner(2).SNS())
	s.click(s.Omar, s.message(s.Security.ID, "digital money"), "Details")
	s.dialog(s.Omar)
	g, err := s.Slack.As(s.Omar.ID).ClickView("Look up the domain")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := g.Wait(s.ctx); err != nil || !out.OK() {
		t.Fatalf("%v %s", err, out.Trouble)
	}
	s.until("no answer to a button in a dialog", func(st slackfake.State) bool {
		for _, m := range st.DM(s.Omar.ID) {
			if containsAll(string(m.Blocks), []string{"pool[.]miner[.]example", "Complete after"}) {
				return true
			}
		}
		return false
	})
}

// TestTheDialogOfLookUps: a command with nothing to look up asks for it.
func TestTheDialogOfLookUps(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{Patience: sourcePatience})
	s.Lookups.AddHost("203.0.113.8", badHost())
	s.Lookups.Down("greynoise", lookupfake.Hang())
	s.slash(s.Omar, "ip", s.Security.ID)
	if out := s.try(s.Omar, map[string]string{"what": "nonsense"}); len(out.Errors) != 1 {
		t.Fatalf("the dialog takes nonsense: %+v", out)
	}
	s.submit(s.Omar, map[string]string{"what": "hxxp://203[.]0.113[.]8/x"})
	s.until("the dialog does not show the first answer", func(st slackfake.State) bool {
		v := st.Views(s.Omar.ID)
		return len(v) > 0 && containsAll(string(v[len(v)-1].Raw), []string{"Investigation of", "The rest follows"})
	})
	s.until("the rest does not follow", func(st slackfake.State) bool {
		for _, m := range st.DM(s.Omar.ID) {
			if containsAll(string(m.Blocks), []string{"Complete after", "GreyNoise (no answer in time)"}) {
				return true
			}
		}
		return false
	})
}

// try submits a dialog that may stay open.
func (s *scene) try(user slackfake.User, values map[string]string) slackfake.Outcome {
	s.t.Helper()
	s.asked(user, values)
	var view string
	s.Slack.Look(func(st slackfake.State) {
		if all := st.Views(user.ID); len(all) > 0 {
			view = all[len(all)-1].ID
		}
	})
	g, err := s.Slack.As(user.ID).Submit(view, values)
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := g.Wait(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

func TestLookUpsHaveALimit(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	for n := 0; n < 60; n += 5 {
		var text strings.Builder
		for k := range 5 {
			fmt.Fprintf(&text, " 10.0.%d.%d", n, k)
		}
		s.slash(s.Omar, "ip"+text.String(), s.Security.ID)
	}
	out := s.slash(s.Omar, "ip 203.0.113.8", s.Security.ID)
	if !strings.Contains(out.Reply.Text, "as many as one person may") || len(s.Lookups.Calls("")) > 0 {
		t.Errorf("the 61st: %s, asked %v", out.Reply.Text, s.Lookups.Calls(""))
	}
	s.Forward(time.Hour)
	s.slash(s.Omar, "ip 10.0.1.17", s.Security.ID)
	s.found(s.Omar, "Investigation of 10[.]0[.]1[.]17")
}

// TestThreeSourcesThatHang, with nothing shortened: the first answer comes while
// they hang, all of it when they are given up. How long that took is logged; the
// promise is one second and eight.
func TestThreeSourcesThatHang(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	s.Lookups.AddHost("203.0.113.8", badHost())
	for _, name := range []string{"greynoise", "rdap", "internetdb"} {
		s.Lookups.Down(name, lookupfake.Hang())
	}
	s.Send(rig.Ask(7).SNS())
	s.question(1)
	begun := time.Now()
	out := s.slash(s.Omar, "ip 203.0.113.8", s.Security.ID)
	first := time.Since(begun)
	if !containsAll(string(out.Reply.Blocks), []string{"Cases: ", "Still asking"}) {
		t.Errorf("the first answer is %s", out.Reply.Blocks)
	}
	s.found(s.Omar, "Complete after", "RDAP (no answer in time)", "GreyNoise (no answer in time)", "Shodan InternetDB (no answer in time)")
	all := time.Since(begun)
	t.Logf("first answer after %v, complete after %v", first, all)
	if n := s.shown(s.Omar, "Investigation of"); n > 3 {
		t.Errorf("%d messages", n)
	}
}
