package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/responders"
)

// localAccess: Omar looks after one account only, Mei after all.
const localAccess = `{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI]}, limits: [{people: {users: [U0OMAR]}, accounts: ["111122223333"]}]}`

// TestPeopleWithLimitsSeeTheirAccountsOnly: one case in Omar's account and one
// in another, about the same machine name and the same domain.
func TestPeopleWithLimitsSeeTheirAccountsOnly(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{Access: localAccess, NoEvidence: true})
	s.Machine(2)
	s.Send(rig.Miner(2).SNS(), rig.Miner(3).SNS())
	mine, other := s.caseOf(2), s.caseOf(3)
	s.settled()
	s.edit("c:"+idOf(rig.Miner(3)), func(doc map[string]any) {
		f := doc["f"].(map[string]any)
		f["account"] = rig.Other
		f["instance"].(map[string]any)["id"] = machineID(2)
	})

	says := func(u slackfake.User, text string, want, not []string) {
		t.Helper()
		out := s.slash(u, text, s.Security.ID)
		got := out.Reply.Text + string(out.Reply.Blocks)
		if !containsAll(got, want) {
			t.Errorf("%s, /ir %s: %s", u.Name, text, got)
		}
		for _, no := range not {
			if strings.Contains(got, no) {
				t.Errorf("%s, /ir %s tells %q: %s", u.Name, text, no, got)
			}
		}
	}
	says(s.Mei, "list", []string{mine, other}, []string{"look after"})
	says(s.Omar, "list", []string{mine, "1 more is in an AWS account you do not look after"}, []string{other, rig.Other})
	says(s.Mei, "case "+other, []string{rig.Other}, nil)
	says(s.Omar, "case "+mine, []string{rig.Account}, nil)
	says(s.Omar, "case "+other, []string{"not one of those you look after"}, []string{rig.Other, "digital money"})
	says(s.Omar, "open case="+other, []string{"not one of those you look after"}, []string{"digital money"})
	says(s.Mei, "snapshot "+machineID(2), []string{"more than one place", rig.Other}, nil)
	says(s.Omar, "snapshot "+machineID(2), []string{"show in"}, []string{rig.Other})

	// Incidents: one about the other account alone is hidden, in all ways to it.
	says(s.Mei, "open low Mining over there case="+other, []string{"is open"}, nil)
	room := s.roomWhen("mining-over-there", func(c slackfake.Channel) bool { return len(c.Pins) == 1 })
	ref := room.Topic[:len("INC-7F3KQX")]
	says(s.Omar, "list", []string{"2 more are in AWS accounts"}, []string{"Mining over there", ref})
	says(s.Omar, "status "+ref, []string{"not among those you look after"}, []string{"Mining over there"})
	says(s.Mei, "status "+ref, []string{"Mining over there"}, nil)

	// What is under way there.
	s.slash(s.Mei, "isolate "+machineID(2)+" account="+rig.Account+" region="+rig.Region+" reason=it mines", s.Security.ID)
	says(s.Omar, "operations", []string{"Isolate"}, []string{"look after"})
	s.edit("r:"+s.operationIn(rig.Account).ID, func(doc map[string]any) {
		doc["job"].(map[string]any)["target"].(map[string]any)["account"] = rig.Other
	})
	says(s.Omar, "operations", []string{"1 more is in an AWS account"}, []string{"Isolate", rig.Other})
	says(s.Mei, "operations", []string{"Isolate"}, []string{"look after"})

	// And what is known of a domain.
	s.slash(s.Omar, "domain pool.miner.example", s.Security.ID)
	m := s.found(s.Omar, "Investigation of pool[.]miner", "Complete after", mine, "1 in AWS accounts you do not look after")
	if strings.Contains(string(m.Blocks), other) {
		t.Errorf("Omar is told of the other case: %s", m.Blocks)
	}
}

func idOf(e rig.Event) string { return cases.IDOf(findings.Parse([]byte(e.SNS()))[0].Finding.Key()) }

// caseOf waits for the case of Miner(n) and returns its reference.
func (s *scene) caseOf(n int) string {
	s.t.Helper()
	ref := cases.RefOf(idOf(rig.Miner(n)))
	s.message(s.Security.ID, "digital money", ref)
	return ref
}

// operationIn is an isolation in an account that waits.
func (s *scene) operationIn(account string) *responders.Operation {
	s.t.Helper()
	for s.ctx.Err() == nil {
		for _, o := range s.operations() {
			if o.Job.Target.Account == account && o.State == responders.Waiting {
				return o
			}
		}
		wait(s.ctx, 5*time.Millisecond)
	}
	s.t.Fatal("no operation waits")
	return nil
}
