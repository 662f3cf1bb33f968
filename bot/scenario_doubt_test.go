package bot_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// isolating is an isolation of machine 2 that Omar asked for and Mei approved,
// with AWS in a bad way. tried counts the calls of what does not work.
func isolating(t *testing.T, op string, f awsfake.Fault) (s *scene, id string, card slackfake.Message, tried func() int) {
	t.Helper()
	s = online(t, rig.Options{Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI]}}"})
	id = s.Machine(2)
	s.slash(s.Omar, "isolate "+id+" account="+rig.Account+" region="+rig.Region+" reason=it mines", s.Security.ID)
	card = s.message(s.Security.ID, "Isolate", id, "Approve")
	s.settled()
	rehearsed := len(s.AWS.CallsOf("ec2", op)) // preflight asks AWS whether it may
	s.AWS.Next("ec2", op, -1, f)
	s.click(s.Mei, card, "Approve")
	return s, id, card, func() int { return len(s.AWS.CallsOf("ec2", op)) - rehearsed }
}

// ended waits for how an operation ended in the audit log.
func (s *scene) ended(act, result string) {
	s.t.Helper()
	s.eventually(act+" is recorded as "+result, func() bool {
		report, records, err := bot.VerifyAuditLog(s.ctx, s.Store, s.Clock.Now())
		if err != nil || len(report.Problems) > 0 {
			s.t.Fatal(err, report.Problems)
		}
		for _, r := range records {
			if r.Act == act && r.Actor == "system" && strings.HasPrefix(r.Result, result+": ") {
				return true
			}
		}
		return false
	})
}

// TestWhatAWSNeverAnswersGoesToAPerson: after two hours of trying nothing is
// tried any more; whoever is on call is asked to look, and the log says that
// nobody knows.
func TestWhatAWSNeverAnswersGoesToAPerson(t *testing.T) {
	t.Parallel()
	s, id, card, tried := isolating(t, "ModifyNetworkInterfaceAttribute", awsfake.Broken())
	s.eventually("AWS is asked", func() bool { s.Forward(time.Second); return tried() > 0 })
	s.Forward(time.Hour)
	if m, _ := s.look(card); strings.Contains(string(m.Blocks), "Outcome unknown") {
		t.Fatal("it is given up after an hour")
	}
	s.Forward(61 * time.Minute)
	s.passed(card, "Outcome unknown", "Look at the instance")
	s.message(s.Security.ID, s.OnCall.ID, "please look at", id, "I will not try again by myself")
	s.ended("isolate", "unknown")
	s.settled()
	calls := len(s.AWS.CallsOf("ec2", ""))
	s.AWS.Calm()
	s.Forward(time.Hour)
	s.settled()
	if n := len(s.AWS.CallsOf("ec2", "")); n != calls {
		t.Errorf("%d more calls after it was given up", n-calls)
	}
	if out := s.slash(s.Omar, "operations", s.Security.ID); !strings.Contains(out.Reply.Text, "Nothing is under way") {
		t.Errorf("Omar is told %q", out.Reply.Text)
	}
}

// TestWhatAWSRefusesIsNotDone: it is said, recorded, and not tried again.
func TestWhatAWSRefusesIsNotDone(t *testing.T) {
	t.Parallel()
	s, id, card, tried := isolating(t, "CreateSecurityGroup", awsfake.Denied())
	before := s.groups(id)
	s.passed(card, "Not done", "AWS does not permit it")
	s.ended("isolate", "failed")
	s.settled()
	if n := tried(); n != 1 {
		t.Errorf("tried %d times", n)
	}
	if got := s.groups(id); !sameGroups(before, got) {
		t.Errorf("before %v, now %v", before, got)
	}
	m, _ := s.look(card)
	if len(m.Buttons()) != 0 {
		t.Errorf("there are buttons on it: %v", m.Buttons())
	}
}

// TestAnOperationForgedInTheStoreDoesNotAct: whoever can write to the store can
// write down an operation and its step, but not an approval for where the bot
// may not act, nor by nobody else, nor of something else.
func TestAnOperationForgedInTheStoreDoesNotAct(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	id := s.Machine(2)
	s.AWS.AddInstance(rig.Other, rig.Region, awsfake.Instance{ID: "i-0fedcba9876543210"})
	fine := func() *responders.Operation {
		j := responders.Job{Action: responders.Isolate, Params: responders.Params{"reason": "x"}, By: s.Omar.ID, Approver: s.Mei.ID, Identity: "mei@corp.example",
			Target: responders.Target{Account: rig.Account, Region: rig.Region, Instance: id}, Started: s.Clock.Now()}
		return &responders.Operation{State: responders.Running, Job: j, Decider: s.Mei.ID, About: responders.About{Channel: s.Security.ID}, Asked: s.Clock.Now(), Seq: 1}
	}
	for n, c := range []struct {
		name   string
		forge  func(*responders.Operation)
		says   string
		digest bool // made to fit after the forgery
	}{
		{"another account", func(o *responders.Operation) {
			o.Job.Target.Account, o.Job.Target.Instance = rig.Other, "i-0fedcba9876543210"
		}, "not one I may act in", true},
		{"another region", func(o *responders.Operation) { o.Job.Target.Region = "us-east-1" }, "not one I may act in", true},
		{"approved by nobody", func(o *responders.Operation) { o.Decider, o.Job.Approver = "", "" }, "nobody else has approved it", true},
		{"approved by who asked", func(o *responders.Operation) { o.Decider, o.Job.Approver = o.Job.By, o.Job.By }, "nobody else has approved it", true},
		{"two approvers", func(o *responders.Operation) { o.Job.Approver = "U0EVE" }, "nobody else has approved it", true},
		{"without a digest", func(o *responders.Operation) {}, "it is not what was approved", false},
		{"another instance than approved", func(o *responders.Operation) { o.Digest = o.Job.Digest(); o.Job.Target.Instance = s.Machine(3) }, "it is not what was approved", false},
		{"no reason", func(o *responders.Operation) { o.Job.Params = nil }, "reason is missing", true},
		{"an action there is not", func(o *responders.Operation) { o.Job.Action = "terminate" }, "there is no action", true},
	} {
		o := fine()
		o.ID = fmt.Sprintf("FORGED%020d", n)
		o.Job.ID = o.ID
		if c.forge(o); c.digest {
			o.Digest = o.Job.Digest()
		}
		body, err := o.Encode()
		if err != nil {
			t.Fatal(err)
		}
		now := s.Clock.Now()
		step := store.Effect{ID: o.ID + "/operation.step/1", Lane: store.LaneAct, Kind: responders.KindStep, Doc: responders.DocID(o.ID), Planned: now, Due: now}
		err = s.Store.Commit(s.ctx, store.Commit{Op: o.ID, Writes: []store.Write{{ID: responders.DocID(o.ID), Body: body, Open: true, Timer: now.Add(time.Hour)}}, Plan: []store.Effect{step}})[0]
		if err != nil {
			t.Fatal(err)
		}
		s.Bots[0].Wake()
		s.message(s.Security.ID, "Not done", c.says)
		s.settled()
		if got := s.writes(); len(got) != 0 {
			t.Fatalf("%s: AWS was changed: %v", c.name, got)
		}
	}
}

// TestADoubtReachesPeopleWithoutItsMessage: also when the operation itself could
// never be shown.
func TestADoubtReachesPeopleWithoutItsMessage(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	now := s.Clock.Now()
	o := &responders.Operation{ID: "NEVERSHOWN0000000000000000", State: responders.Unknown, Why: "Look at the instance.", Ended: now, Asked: now, About: responders.About{Channel: s.Security.ID},
		Job: responders.Job{Action: responders.Isolate, By: s.Omar.ID, Target: responders.Target{Account: rig.Account, Region: rig.Region, Instance: s.Machine(2)}}, Pending: []string{"operation.record"}}
	body, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	record := store.Effect{ID: o.ID + "/operation.record", Lane: store.LaneRecord, Kind: responders.KindRecord, Doc: responders.DocID(o.ID), Planned: now, Due: now}
	if err := s.Store.Commit(s.ctx, store.Commit{Op: o.ID, Writes: []store.Write{{ID: responders.DocID(o.ID), Body: body, Timer: now.Add(time.Hour)}}, Plan: []store.Effect{record}})[0]; err != nil {
		t.Fatal(err)
	}
	s.Bots[0].Wake()
	s.message(s.Security.ID, s.OnCall.ID, "please look at", o.Job.Target.Instance)
	s.settled()
}
