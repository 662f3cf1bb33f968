package bot_test

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// TestASecondClickSaysWhereItStands: what was decided, by whom, and how far it is.
func TestASecondClickSaysWhereItStands(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI, U0PRIYA]}}"})
	id := s.Machine(2)
	s.slash(s.Omar, "isolate "+id+" account="+rig.Account+" region="+rig.Region+" reason=it mines", s.Security.ID)
	card := s.message(s.Security.ID, "Isolate", id, "Approve")
	told := func(u slackfake.User, label string, want ...string) {
		t.Helper()
		if got := words(s.press(u, card, label).Message); !containsAll(got, want) {
			t.Errorf("%s presses %s and is told %q, want %q", u.Name, label, got, want)
		}
	}
	if got := words(s.press(s.Mei, card, "Approve").Message); got != "" {
		t.Fatalf("Mei is told %q", got)
	}
	told(s.Mei, "Approve", "You approved this already", "It is under way")
	told(s.Priya, "Approve", s.Mei.ID+" approved this already", "It is under way")
	told(s.Omar, "Refuse", s.Mei.ID+" approved this already")
	s.passed(card, "Done")
	told(s.Mei, "Approve", "You approved this already", "It is done")
	s.settled()
	for _, r := range s.auditClean() {
		if r.Decision == "refused" && r.Actor == s.Mei.ID {
			t.Errorf("her second click is in the audit log as a refusal: %+v", r)
		}
	}
	if n := strings.Count(strings.Join(s.writes(), " "), "ModifyNetworkInterfaceAttribute"); n == 0 {
		t.Error("nothing was isolated")
	}
}
