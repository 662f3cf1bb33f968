package crash_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// People of the worlds in which machines are acted on: Omar asks, Mei and Priya
// approve.
const access = "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI, U0PRIYA]}}"

// machine is an instance with what isolation has to keep in mind: interfaces in
// two networks, an Auto Scaling group, a target group.
type machine struct {
	w      *world
	id     string
	target string
	before picture
}

// picture is what release has to bring back.
type picture struct {
	Groups   map[string][]string // in order, by interface
	Instance awsfake.Instance
	Member   string
	Desired  int
	Targets  []awsfake.Target
	Keep     map[string]bool // by volume
}

// otherVPC is the second network of machines.
const otherVPC = "vpc-00000000000000002"

func (w *world) machine(n int) *machine {
	w.t.Helper()
	m := &machine{w: w, id: w.Machine(n)}
	var groups []string
	for _, name := range []string{"a", "b", "c"} {
		groups = append(groups, w.AWS.AddGroup(rig.Account, rig.Region, awsfake.Group{Name: name + m.id, VPC: otherVPC, Rules: []awsfake.Rule{awsfake.Open()}}))
	}
	slices.Reverse(groups)
	for i := range 2 {
		w.AWS.AddInterface(rig.Account, rig.Region, awsfake.Interface{Instance: m.id, Index: 2 + i, VPC: otherVPC, Groups: groups[:3-i]})
	}
	w.AWS.AddScalingGroup(rig.Account, rig.Region, awsfake.ScalingGroup{Name: "fleet-" + m.id, Min: 1, Desired: 2}, m.id)
	m.target = w.AWS.AddTargetGroup(rig.Account, rig.Region, awsfake.TargetGroup{Name: fmt.Sprintf("by-id-%d", n), Port: 80, VPC: w.AWS.Instance(rig.Account, rig.Region, m.id).VPC,
		Targets: []awsfake.Target{{ID: m.id, Port: 8080}, {ID: m.id, Port: 8081}}})
	m.before = m.now()
	return m
}

func (m *machine) now() picture {
	aws := m.w.AWS
	p := picture{Groups: aws.GroupsOf(rig.Account, rig.Region, m.id), Instance: aws.Instance(rig.Account, rig.Region, m.id), Member: aws.Member(rig.Account, rig.Region, m.id).State,
		Desired: aws.ScalingGroup(rig.Account, rig.Region, "fleet-"+m.id).Desired, Keep: map[string]bool{}}
	for _, t := range aws.Targets(rig.Account, rig.Region, m.target) {
		if t.State != "draining" {
			p.Targets = append(p.Targets, awsfake.Target{ID: t.ID, Port: t.Port})
		}
	}
	for _, v := range aws.Volumes(rig.Account, rig.Region) {
		if v.Instance == m.id {
			p.Keep[v.ID] = v.Keep
		}
	}
	return p
}

// act is one thing people do with a machine; p may die meanwhile.
type act func(m *machine, p *process)

// operationStep is one life of the program: people do something, and it is to
// die at a failpoint.
type operationStep struct {
	failpoint string
	act       act
}

// operationWalk takes one machine through snapshot, isolate and release, with a
// death at every named instant.
var operationWalk = []operationStep{
	{"snapshot.intended", askFor("snapshot", "")}, {"snapshot.created", age("snapshot")}, {"instance.described", nil},
	{"operation.asked", askFor("isolate", "reason=it mines")}, {"operation.planned", nil}, {"operation.shown", nil}, {"operation.decided", approve("Isolate", "U0MEI")},
	{"operation.step", nil}, {"operation.stepped", nil},
	{"isolate.recorded", nil}, {"isolate.marked", nil}, {"isolate.protected", nil}, {"isolate.standby", nil}, {"isolate.deregistered", nil}, {"isolate.grouped", nil},
	{"isolate.interface", nil}, {"isolate.interface:2", nil}, {"isolate.applied", nil}, {"isolate.verified", nil},
	{"release.interface", release}, {"release.interface:2", nil}, {"release.restored", nil}, {"release.registered", nil}, {"release.inservice", nil},
	{"release.unprotected", nil}, {"release.unmarked", nil}, {"release.forgotten", nil},
}

// revokeWalk has credentials revoked and that taken back, a death at every
// named instant.
var revokeWalk = []operationStep{{"revoke.recorded", order("revoke", "Revoke credentials")}, {"revoke.put", nil}, {"revoke.held", nil},
	{"unrevoke.deleted", order("unrevoke", "Take back revocation")}, {"unrevoke.forgotten", nil}}

// hostWalk has memory dumped, a death at every named instant.
var hostWalk = []operationStep{{"host.announced", askFor("memory", "")}, {"host.sent", age("command")}, {"host.completed", nil}}

// One operation after the other is killed at every step and goes on in the next
// life: people approve once, and AWS is changed once.
func TestSIGKILLAtEveryStepOfAnOperation(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, rig.Options{Access: access})
	m := w.machine(2)
	w.about(m)
	m.walk(operationWalk)
	last := w.start("")
	m.ended("Snapshot", "Isolate", "Release")
	m.released()
	w.drain(last)
}

// TestSIGKILLWhileAHostWorks: the command runs once, and its evidence is there.
func TestSIGKILLWhileAHostWorks(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, rig.Options{Access: access})
	m := w.machine(2)
	w.about(m)
	m.walk(hostWalk)
	last := w.start("")
	m.ended("Dump memory")
	if n := len(w.AWS.CallsOf("ssm", "SendCommand")); n != 1 {
		t.Errorf("%d commands", n)
	}
	w.drain(last)
}

// TestSIGKILLWhileCredentialsAreRevoked: the policy is there until it is taken
// back, and then the role is as it was.
func TestSIGKILLWhileCredentialsAreRevoked(t *testing.T) {
	t.Parallel()
	w := newWorldOf(t, rig.Options{Access: access})
	m := w.machine(2)
	profile := w.AWS.AddInstanceRole(rig.Account, awsfake.InstanceRole{Name: "fleet", Path: "/apps/", Tags: map[string]string{"securitybot:revocable": "true"}})
	w.AWS.EditInstance(rig.Account, rig.Region, m.id, func(i *awsfake.Instance) { i.Profile = profile })
	before, began := w.AWS.InstanceRole(rig.Account, "fleet"), w.Clock.Now()
	w.about(m)
	m.walk(revokeWalk[:3])
	p := w.start("")
	m.ended("Revoke credentials")
	if !w.AWS.Denied(rig.Account, "fleet", m.id, began) || w.AWS.Denied(rig.Account, "fleet", "i-00000000000000099", began) {
		t.Errorf("the role has %v", w.AWS.InstanceRole(rig.Account, "fleet").Policies)
	}
	w.drain(p)
	m.walk(revokeWalk[3:])
	last := w.start("")
	m.ended("Revoke credentials", "Take back revocation")
	if after := w.AWS.InstanceRole(rig.Account, "fleet"); !reflect.DeepEqual(after, before) {
		t.Errorf("%+v\nbefore %+v", after, before)
	}
	w.drain(last)
}

// order has Omar ask for an action and Mei approve it.
func order(action, title string) act {
	return func(m *machine, p *process) {
		askFor(action, "reason=keys were taken")(m, p)
		approve(title, "U0MEI")(m, p)
	}
}

func (m *machine) walk(steps []operationStep) {
	w := m.w
	for _, s := range steps {
		began := time.Now()
		p := w.start(s.failpoint)
		if s.act != nil {
			s.act(m, p)
		}
		w.killed(p, s.failpoint)
		w.outlived()
		m.holds(s.failpoint)
		w.t.Logf("%s after %v", s.failpoint, time.Since(began).Round(10*time.Millisecond))
	}
}

// about sends a finding about the machine, so that what is done is told in a case.
func (w *world) about(m *machine) {
	w.t.Helper()
	e := rig.Probe(2)
	e.Instance, e.Port = m.id, 3389 // a ticket, and no evidence by itself
	w.Send(e.SNS())
	p := w.start("")
	w.eventually("the case is shown", 20*time.Second, func() bool { return len(w.said(m.id)) > 0 })
	w.drain(p)
}

// said lists what the bot has posted in the security channel, outside threads,
// that has all of these words.
func (w *world) said(words ...string) []slackfake.Message {
	return slices.DeleteFunc(w.Slack.Messages(w.Security.ID), func(m slackfake.Message) bool {
		text := m.Text + string(m.Blocks)
		return m.BotID == "" || m.EphemeralTo != "" || m.ThreadTS != "" && m.ThreadTS != m.TS ||
			slices.ContainsFunc(words, func(word string) bool { return !strings.Contains(text, word) })
	})
}

// outlived lets the leases of the dead process end, as they do by themselves
// fifteen seconds later.
func (w *world) outlived() {
	for _, lane := range []string{"page", "inquiry", "act", "notify", "record"} {
		ids, _ := w.redis.Do("zrange", "{sb}:lane:"+lane, 0, -1).([]any)
		for _, id := range ids {
			w.redis.Do("zadd", "{sb}:lane:"+lane, "XX", 1, id)
		}
	}
}

// insist repeats a gesture until it is acknowledged, as a person does who is
// shown an error; false when the process is dead first.
func (w *world) insist(p *process, what string, try func() (*slackfake.Gesture, error)) (out slackfake.Outcome, ok bool) {
	w.t.Helper()
	w.eventually(what, 30*time.Second, func() bool {
		select {
		case <-p.gone:
			return true
		default:
		}
		g, err := try()
		if err != nil {
			return false
		}
		out, err = g.Wait(w.t.Context())
		ok = err == nil && out.OK()
		return ok
	})
	return out, ok
}

func askFor(action, rest string) act {
	return func(m *machine, p *process) {
		m.w.insist(p, "Omar's command is taken", func() (*slackfake.Gesture, error) {
			return m.w.Slack.As(m.w.Omar.ID).Slash("/ir", action+" "+m.id+" "+rest, m.w.Security.ID)
		})
	}
}

// approve presses the button of the message with a title.
func approve(title, by string) act {
	return func(m *machine, p *process) {
		var card slackfake.Message
		m.w.eventually("the request waits for an approver", 30*time.Second, func() bool {
			for _, card = range m.w.said(title + " " + m.id) {
				if slices.ContainsFunc(card.Buttons(), func(b slackfake.Button) bool { return b.Label == "Approve" }) {
					return true
				}
			}
			return false
		})
		m.w.insist(p, "the approval is taken", func() (*slackfake.Gesture, error) { return m.w.Slack.As(by).Click(card.Channel, card.TS, "Approve") })
	}
}

// release waits for the end of the isolation, looks at it, and has it undone:
// Mei asks, Priya approves.
func release(m *machine, p *process) {
	m.w.eventually("the isolation is done", 40*time.Second, func() bool { return len(m.w.said("Isolate "+m.id, "Done")) > 0 })
	m.isolated()
	card := m.w.said("Isolate "+m.id, "Done")[0]
	mei := m.w.Slack.As(m.w.Mei.ID)
	m.w.insist(p, "the dialog opens", func() (*slackfake.Gesture, error) { return mei.Click(card.Channel, card.TS, "Release…") })
	m.w.eventually("the dialog is there", 10*time.Second, func() bool { return m.w.asks(m.w.Mei.ID, "reason") })
	m.w.insist(p, "the dialog is taken", func() (*slackfake.Gesture, error) { return mei.Submit("", map[string]string{"reason": "it is clean"}) })
	approve("Release", "U0PRIYA")(m, p)
}

// age makes the one announcement of a kind two minutes older: for one the next attempt waits for what was announced to show up.
func age(kind string) act {
	return func(m *machine, _ *process) {
		keys, _ := m.w.redis.Do("keys", "{sb}:d:n:"+kind+"/*").([]any)
		if len(keys) != 1 {
			m.w.t.Fatalf("%d announcements of a %s, want 1", len(keys), kind)
		}
		doc, _ := m.w.redis.Do("get", keys[0]).(string)
		at := strings.LastIndex(doc, " ") + 1
		said, err := time.Parse(time.RFC3339Nano, strings.Trim(doc[at:], `"`))
		if err != nil {
			m.w.t.Fatalf("the announcement is %q: %v", doc, err)
		}
		m.w.redis.Do("set", keys[0], doc[:at]+strings.ReplaceAll(doc[at:], strings.Trim(doc[at:], `"`), said.Add(-2*time.Minute).Format(time.RFC3339)))
	}
}
