package bot_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// TestRevokeApproveTakeBack: Omar asks, Mei approves, what was taken from the
// instance is denied; Mei asks to take that back, and the role is as it was.
func TestRevokeApproveTakeBack(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI, U0PRIYA]}}"})
	id, other := s.Machine(2), s.Machine(3)
	profile := s.AWS.AddInstanceRole(rig.Account, awsfake.InstanceRole{Name: "fleet", Path: "/apps/", Tags: map[string]string{"securitybot:revocable": "true"}})
	for _, i := range []string{id, other} {
		s.AWS.EditInstance(rig.Account, rig.Region, i, func(i *awsfake.Instance) { i.Profile = profile })
	}
	before, began := s.AWS.InstanceRole(rig.Account, "fleet"), s.Clock.Now()
	s.Send(rig.Miner(2).SNS())
	s.message(s.Security.ID, "digital money")

	s.slash(s.Omar, "revoke "+id+" reason=keys were used elsewhere", s.Security.ID)
	card := s.message(s.Security.ID, "Revoke credentials", id, "Approve", "keys were used elsewhere", "with the same profile: 1", other, "six hours")
	if got := s.writes(); len(got) != 0 {
		t.Fatalf("before anybody approved: %v", got)
	}
	s.click(s.Mei, card, "Approve")
	done := s.passed(card, "Done", "Take back…", "Isolate it too")
	if !s.AWS.Denied(rig.Account, "fleet", id, began) || s.AWS.Denied(rig.Account, "fleet", other, began) {
		t.Errorf("the role has %v", s.AWS.InstanceRole(rig.Account, "fleet").Policies)
	}
	for _, c := range s.AWS.CallsOf("iam", "PutRolePolicy") {
		if c.Role != "securitybot-revoke" || c.Identity != "mei@corp.example" {
			t.Errorf("it ran as %s for %q", c.Role, c.Identity)
		}
	}

	s.click(s.Mei, done, "Take back…")
	undo := map[string]string{"reason": "the keys have expired"}
	s.asked(s.Mei, undo)
	views := s.Slack.Views(s.Mei.ID)
	if v := views[len(views)-1]; !strings.Contains(string(v.Raw), "works again") {
		t.Errorf("the dialog does not say what it costs: %s", v.Raw)
	}
	s.submit(s.Mei, undo)
	card = s.message(s.Security.ID, "Take back revocation", "Approve", "the keys have expired")
	s.click(s.Priya, card, "Approve")
	s.passed(card, "Done")
	if after := s.AWS.InstanceRole(rig.Account, "fleet"); !reflect.DeepEqual(after, before) {
		t.Errorf("%+v\nbefore %+v", after, before)
	}
	s.settled()
}

// TestRevokeThatIsNotAllowed: nobody is asked to approve what cannot be done.
func TestRevokeThatIsNotAllowed(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI, U0PRIYA]}}"})
	id := s.Machine(2)
	profile := s.AWS.AddInstanceRole(rig.Account, awsfake.InstanceRole{Name: "fleet"})
	s.AWS.EditInstance(rig.Account, rig.Region, id, func(i *awsfake.Instance) { i.Profile = profile })
	s.Send(rig.Miner(2).SNS())
	s.message(s.Security.ID, "digital money")
	s.slash(s.Omar, "revoke "+id+" reason=keys were used elsewhere", s.Security.ID)
	card := s.message(s.Security.ID, "Revoke credentials", id, "securitybot:revocable = true")
	if strings.Contains(string(card.Blocks), `"Approve"`) || len(s.writes()) != 0 {
		t.Errorf("%s, writes %v", card.Blocks, s.writes())
	}
	s.settled()
}
