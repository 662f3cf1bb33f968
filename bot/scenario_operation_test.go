package bot_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// slash types a command until it is acknowledged and returns what the person is
// shown.
func (s *scene) slash(user slackfake.User, text, channel string) slackfake.Outcome {
	s.t.Helper()
	var out slackfake.Outcome
	for s.ctx.Err() == nil {
		g, err := s.Slack.As(user.ID).Slash("/ir", text, channel)
		if err != nil {
			s.t.Fatal(err)
		}
		if out, err = g.Wait(s.ctx); err != nil {
			s.t.Fatal(err)
		}
		if out.OK() {
			return out
		}
		wait(s.ctx, 50*time.Millisecond) // a person who is shown an error types it again
	}
	s.t.Fatalf("/ir %s is never answered: %s", text, out.Trouble)
	return out
}

// edited waits until a message says all of it and none of the other.
func (s *scene) edited(ref slackfake.Message, says ...string) slackfake.Message {
	s.t.Helper()
	var found slackfake.Message
	s.until("the message never says "+strings.Join(says, ", "), func(st slackfake.State) bool {
		m, ok := st.Message(slackfake.Ref{Channel: ref.Channel, TS: ref.TS})
		found = m
		return ok && containsAll(m.Text+string(m.Blocks), says)
	})
	return found
}

// passed moves the clock until a message says something: AWS takes its time.
func (s *scene) passed(ref slackfake.Message, says ...string) slackfake.Message {
	s.t.Helper()
	for moved := 0; moved < 60 && s.ctx.Err() == nil; {
		if m, ok := s.look(ref); ok && containsAll(m.Text+string(m.Blocks), says) {
			return m
		}
		if s.Busy(s.ctx) {
			wait(s.ctx, 2*time.Millisecond)
			continue
		}
		s.Forward(20 * time.Second)
		moved++
	}
	m, _ := s.look(ref)
	s.t.Fatalf("the message never says %v, but %s\n%s", says, m.Blocks, s.transcript())
	return m
}

func (s *scene) look(ref slackfake.Message) (m slackfake.Message, ok bool) {
	s.Slack.Look(func(st slackfake.State) { m, ok = st.Message(slackfake.Ref{Channel: ref.Channel, TS: ref.TS}) })
	return m, ok
}

// writes lists the calls that changed something, apart from opening sessions.
func (s *scene) writes() []string {
	var out []string
	for _, c := range s.AWS.Writes() {
		if c.Service != "sts" {
			out = append(out, c.Service+":"+c.Op)
		}
	}
	return out
}

func (s *scene) groups(id string) map[string][]string {
	return s.AWS.GroupsOf(rig.Account, rig.Region, id)
}

func sameGroups(a, b map[string][]string) bool {
	return maps.EqualFunc(a, b, slices.Equal[[]string])
}

// TestIsolateApproveVerifyRelease: Omar asks, Mei approves, the instance is cut
// off; Mei asks for its release, and it has exactly the groups it had.
func TestIsolateApproveVerifyRelease(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI, U0PRIYA]}}"})
	id := s.Machine(2)
	before := s.groups(id)
	s.Send(rig.Miner(2).SNS())
	s.message(s.Security.ID, "digital money")

	out := s.slash(s.Omar, "isolate "+id+" reason=it mines coins", s.Security.ID)
	if !strings.Contains(out.Reply.Text, "Somebody else has to approve") {
		t.Fatalf("Omar is told %q", out.Reply.Text)
	}
	card := s.message(s.Security.ID, "Isolate", id, "Approve", "it mines coins")
	if got := s.writes(); len(got) != 0 {
		t.Fatalf("before anybody approved: %v", got)
	}
	s.click(s.Omar, card, "Approve")
	s.told(s.Omar, "Only an approver can do this")
	if got := s.writes(); len(got) != 0 {
		t.Fatalf("after Omar pressed himself: %v", got)
	}

	s.click(s.Mei, card, "Approve")
	done := s.passed(card, "Done", "Release…", "Still possible")
	for eni, groups := range s.groups(id) {
		if len(groups) != 1 || sameGroups(map[string][]string{eni: groups}, map[string][]string{eni: before[eni]}) {
			t.Errorf("%s has the groups %v", eni, groups)
		}
	}
	for _, c := range s.AWS.Writes() {
		if c.Service != "sts" && c.Service != "s3" && (c.Role != "securitybot-contain" || c.Identity != "mei@corp.example") {
			t.Errorf("%s ran as %s for %q", c.Op, c.Role, c.Identity)
		}
	}

	s.click(s.Mei, done, "Release…")
	s.submit(s.Mei, map[string]string{"reason": "the machine is clean"})
	card = s.message(s.Security.ID, "Release", "Approve", "the machine is clean")
	s.click(s.Mei, card, "Approve")
	s.told(s.Mei, "You asked for this yourself")
	s.click(s.Priya, card, "Approve")
	s.passed(card, "Done")
	if after := s.groups(id); !sameGroups(before, after) {
		t.Errorf("before %v\nafter  %v", before, after)
	}
	s.settled()
}

// submit fills in the dialog the person looks at.
func (s *scene) submit(user slackfake.User, values map[string]string) slackfake.Outcome {
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
	if err != nil || !out.OK() {
		s.t.Fatalf("the dialog is not answered: %v %s", err, out.Trouble)
	}
	return out
}

// TestAHighFindingTakesEvidenceByItself: nobody presses anything.
func TestAHighFindingTakesEvidenceByItself(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	id := s.Machine(3)
	s.Send(s.Known(rig.Miner(3)).SNS())
	snapshot := s.passed(s.message(s.Security.ID, "Snapshot", id), "Done", "snap-")
	if !strings.Contains(string(snapshot.Blocks), "policy") {
		t.Errorf("nobody is said to have asked: %s", snapshot.Blocks)
	}
	s.passed(s.message(s.Security.ID, "Osquery", id), "Done", rig.Bucket+"/cases/")
	if n := len(s.AWS.Snapshots(rig.Account, rig.Region)); n != 2 {
		t.Errorf("%d snapshots of two volumes", n)
	}
	for key, o := range s.AWS.Objects(rig.Bucket) {
		if strings.Contains(key, "osquery") && !strings.Contains(string(o.Body), "xmrig") {
			t.Errorf("%s has %s", key, o.Body)
		}
	}
	if got := s.groups(id); slices.ContainsFunc(slices.Collect(maps.Values(got)), func(g []string) bool { return len(g) == 0 }) {
		t.Error("the machine was touched")
	}
	// The same finding again, and once more, is no reason to do it again.
	for i := range 3 {
		e := rig.Miner(3)
		e.Count, e.At = 2+i, s.Clock.Now().Add(time.Duration(i)*time.Second)
		s.Send(e.SNS())
	}
	s.settled()
	if n := len(s.AWS.Snapshots(rig.Account, rig.Region)); n != 2 {
		t.Errorf("%d snapshots after repeats", n)
	}
}

// TestNothingIsWrittenWithoutRight: each way around approval ends with no call
// to AWS that changes anything.
func TestNothingIsWrittenWithoutRight(t *testing.T) {
	t.Parallel()
	isolate := func(s *scene, id string) slackfake.Message {
		s.slash(s.Omar, "isolate "+id+" reason=it mines", s.Security.ID)
		return s.message(s.Security.ID, "Isolate", id, "Approve")
	}
	for name, try := range map[string]func(t *testing.T, s *scene, id string){
		"approved by who asked": func(_ *testing.T, s *scene, id string) {
			s.slash(s.Mei, "isolate "+id+" reason=it mines", s.Security.ID)
			s.click(s.Mei, s.message(s.Security.ID, "Isolate", id, "Approve"), "Approve")
			s.told(s.Mei, "You asked for this yourself")
		},
		"approved by the second account of who asked": func(_ *testing.T, s *scene, id string) {
			s.Slack.AddUser(slackfake.User{ID: "U0OMAR2", Name: "omar2", Email: "omar.admin@corp.example"})
			s.Slack.SetChannel(s.Security.ID, func(c *slackfake.Channel) { c.Members = append(c.Members, "U0OMAR2") })
			card := isolate(s, id)
			s.click(slackfake.User{ID: "U0OMAR2"}, card, "Approve")
			s.told(slackfake.User{ID: "U0OMAR2"}, "You asked for this yourself")
		},
		"approved too late": func(_ *testing.T, s *scene, id string) {
			card := isolate(s, id)
			s.settled()
			s.Forward(responders.ApprovalTime + time.Second)
			s.edited(card, "Not approved in time")
			reply := s.press(s.Mei, card, "Approve")
			if !strings.Contains(words(reply.Message), "Nobody approved this in time") {
				s.t.Errorf("Mei is told %q", words(reply.Message))
			}
		},
		"a button for another digest": func(_ *testing.T, s *scene, id string) {
			card := isolate(s, id)
			op, _, _ := strings.Cut(valueOf(card, "Approve"), ".")
			for _, value := range []string{op, op + ".", op + ".0123456789abcdef0123456789abcdef", "nonsense", "."} {
				reply, err := s.Bots[0].Action(s.ctx, chat.Action{EnvelopeID: "forged" + value, Action: "operation.approve", Value: value, User: s.Mei.ID, Team: s.Slack.TeamID, Channel: s.Security.ID})
				if err != nil || !strings.Contains(words(reply.Message), "ask for it again") && !strings.Contains(words(reply.Message), "do not know this request") {
					s.t.Errorf("%q: %v %q", value, err, words(reply.Message))
				}
			}
		},
		"a request that was edited": func(_ *testing.T, s *scene, id string) {
			card := isolate(s, id)
			other := s.Machine(77)
			s.settled()
			s.tamper(valueOf(card, "Approve"), id, other)
			reply := s.press(s.Mei, card, "Approve")
			if !strings.Contains(words(reply.Message), "not what was asked for") {
				s.t.Errorf("Mei is told %q", words(reply.Message))
			}
		},
		"an approval that was refused before": func(_ *testing.T, s *scene, id string) {
			card := isolate(s, id)
			s.click(s.Omar, card, "Refuse")
			s.edited(card, "Refused")
			if reply := s.press(s.Mei, card, "Approve"); !strings.Contains(words(reply.Message), "U0OMAR refused this already") {
				s.t.Errorf("Mei is told %q", words(reply.Message))
			}
		},
		"a finding that GuardDuty does not know": func(_ *testing.T, s *scene, _ string) {
			e := rig.Miner(9)
			s.Machine(9)
			s.Send(e.SNS())
			s.edited(s.message(s.Security.ID, "Snapshot", e.Instance), "Not done", "GuardDuty does not know this finding")
			s.edited(s.message(s.Security.ID, "Osquery", e.Instance), "Not done")
		},
		"an instance of another account": func(t *testing.T, s *scene, id string) {
			out := s.slash(s.Omar, "isolate i-0a1b2c3d4e5f60718 account="+rig.Other+" region="+rig.Region+" reason=x", s.Security.ID)
			if !strings.Contains(out.Reply.Text, "not one I may act in") {
				t.Errorf("Omar is told %q", out.Reply.Text)
			}
		},
		"an instance of another region": func(t *testing.T, s *scene, id string) {
			out := s.slash(s.Omar, "snapshot i-0a1b2c3d4e5f60718 account="+rig.Account+" region=us-east-1", s.Security.ID)
			if !strings.Contains(out.Reply.Text, "not one I may act in") {
				t.Errorf("Omar is told %q", out.Reply.Text)
			}
		},
		"an instance that is protected": func(_ *testing.T, s *scene, id string) {
			s.AWS.EditInstance(rig.Account, rig.Region, id, func(i *awsfake.Instance) { i.Tags["securitybot:protected"] = "true" })
			s.slash(s.Omar, "isolate "+id+" reason=x", s.Security.ID)
			s.edited(s.message(s.Security.ID, "Isolate", id), "Not done", "protected")
		},
		"an employee": func(t *testing.T, s *scene, id string) {
			out := s.slash(s.Priya, "isolate "+id+" reason=x", s.Payments.ID)
			if !strings.Contains(out.Reply.Text, "Only the security responders") {
				t.Errorf("Priya is told %q", out.Reply.Text)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, rig.Options{Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI, U0OMAR2]}}"})
			id := s.Machine(2)
			e := rig.Miner(2)
			e.Type, e.Severity, e.Domain = "Recon:EC2/Portscan", 5, "" // a ticket, no evidence by itself
			s.Send(e.SNS())
			s.message(s.Security.ID, id)
			try(t, s, id)
			s.settled()
			if got := s.writes(); len(got) != 0 {
				t.Errorf("AWS was changed: %v", got)
			}
		})
	}
}

// tamper changes the stored request behind a button's value.
func (s *scene) tamper(value, from, to string) {
	s.t.Helper()
	id, _, _ := strings.Cut(value, ".")
	docs, err := s.Store.Load(s.ctx, "r:"+id)
	if err != nil || docs[0].Version == 0 {
		s.t.Fatal(err)
	}
	body := strings.ReplaceAll(string(docs[0].Body), from, to)
	err = s.Store.Commit(s.ctx, store.Commit{Op: "tamper", Writes: []store.Write{{ID: docs[0].ID, IfVersion: docs[0].Version, Body: []byte(body), Open: true, Timer: s.Clock.Now().Add(responders.ApprovalTime)}}})[0]
	if err != nil {
		s.t.Fatal(err)
	}
}

// press is what a click reaches the bot as, past what the client shows.
func (s *scene) press(user slackfake.User, m slackfake.Message, label string) chat.Reply {
	s.t.Helper()
	reply, err := s.Bots[0].Action(s.ctx, chat.Action{EnvelopeID: fmt.Sprint(user.ID, m.TS, label, s.Clock.Now().UnixNano()), Action: "operation." + strings.ToLower(label),
		Value: valueOf(m, label), User: user.ID, Team: s.Slack.TeamID, Channel: m.Channel, TS: m.TS})
	if err != nil {
		s.t.Fatal(err)
	}
	return reply
}

// valueOf is what a button carries.
func valueOf(m slackfake.Message, label string) string {
	for _, b := range m.Buttons() {
		if b.Label == label {
			return b.Value
		}
	}
	return ""
}

// TestWhatIsUnderWayCanBeSeen: a request waits, and the list says so.
func TestWhatIsUnderWayCanBeSeen(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	id := s.Machine(2)
	if out := s.slash(s.Omar, "operations", s.Security.ID); !strings.Contains(out.Reply.Text, "Nothing is under way") {
		t.Errorf("Omar is told %q", out.Reply.Text)
	}
	s.slash(s.Omar, "isolate "+id+" account="+rig.Account+" region="+rig.Region+" reason=it mines", s.Security.ID)
	s.message(s.Security.ID, "Isolate", id, "Approve")
	if out := s.slash(s.Omar, "ops", s.Security.ID); !containsAll(out.Reply.Text+string(out.Reply.Blocks), []string{"Isolate", id, "waits for an approver"}) {
		t.Errorf("Omar is told %s", out.Reply.Blocks)
	}
	if out := s.slash(s.Omar, "isolate "+id+" account="+rig.Account+" region="+rig.Region+" reason=again", s.Security.ID); !strings.Contains(out.Reply.Text, "under way already") {
		t.Errorf("Omar is told %q", out.Reply.Text)
	}
	s.settled()
}
