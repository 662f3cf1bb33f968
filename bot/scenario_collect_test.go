package bot_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/responders"
)

// scan is a finding of medium severity about machine n: policy asks osquery and
// copies the volumes.
func scan(n int) rig.Event {
	e := rig.Miner(n)
	e.Type, e.Severity, e.Domain, e.Port = "Recon:EC2/Portscan", 5, "", 8443
	return e
}

// byPolicy counts what policy started, by action.
func (s *scene) byPolicy() map[responders.ID]int {
	out := map[responders.ID]int{}
	for _, o := range s.operations() {
		if o.Job.By == "policy" {
			out[o.Job.Action]++
		}
	}
	return out
}

func total(m map[responders.ID]int) (n int) {
	for _, k := range m {
		n += k
	}
	return n
}

// limited says whether a case has been told that the limit was reached.
func (s *scene) limited() (n int) {
	docs, err := s.Store.Find(s.ctx, "c:", 0)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, d := range docs {
		n += strings.Count(string(d.Body), "aws_ir.collect_per_hour")
	}
	return n
}

// TestCollectIsLimitedByTheHour: whoever can provoke findings cannot have every
// disk copied. People are not held up by it.
func TestCollectIsLimitedByTheHour(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	now := s.Clock.Now()
	s.Forward(now.Truncate(time.Hour).Add(time.Hour + time.Second).Sub(now)) // the beginning of an hour
	const limit, findings = 40, 22                                           // the default, and two each
	for n := range findings {
		s.Machine(n)
		s.Send(scan(n).SNS())
	}
	s.eventually("what is over the limit is noted", func() bool { return s.limited() == 2*findings-limit })
	if n := total(s.byPolicy()); n != limit {
		t.Errorf("%d operations were started, want %d", n, limit)
	}
	if out := s.slash(s.Omar, "memory "+s.Machine(100)+" account="+rig.Account+" region="+rig.Region, s.Security.ID); !strings.Contains(out.Reply.Text, "first and show in") {
		t.Errorf("Omar is told %q", out.Reply.Text)
	}
	s.Forward(time.Hour)
	s.Machine(50)
	s.Send(scan(50).SNS())
	s.eventually("the next hour begins anew", func() bool { return total(s.byPolicy()) == limit+2 })
	if n := s.limited(); n != 2*findings-limit {
		t.Errorf("%d were noted to be over the limit", n)
	}
}

// taken moves the clock until policy has done all it started, and that is as
// wanted.
func (s *scene) taken(want map[responders.ID]int) {
	s.t.Helper()
	s.eventually(fmt.Sprintf("policy has done %v", want), func() bool {
		s.Forward(10 * time.Second)
		done := map[responders.ID]int{}
		for _, o := range s.operations() {
			if o.Job.By == "policy" && o.State == responders.Done {
				done[o.Job.Action]++
			}
		}
		return maps.Equal(done, want)
	})
	if got := s.byPolicy(); !maps.Equal(got, want) {
		s.t.Errorf("started %v, want %v", got, want)
	}
}

// TestEvidenceIsTakenOnceWhateverIsRepeated: by one replica or two.
func TestEvidenceIsTakenOnceWhateverIsRepeated(t *testing.T) {
	t.Parallel()
	for replicas := 1; replicas <= 2; replicas++ {
		t.Run(fmt.Sprintf("%d replicas", replicas), func(t *testing.T) {
			t.Parallel()
			s := begin(t, rig.Options{Replica: replicas})
			s.Machine(3)
			body := s.Known(scan(3)).SNS()
			for range 8 {
				s.Send(body)
			}
			s.taken(map[responders.ID]int{responders.OSQuery: 1, responders.Snapshot: 1})
			again := scan(3)
			again.Count, again.At = 9, s.Clock.Now().Add(time.Second)
			s.Send(again.SNS(), again.SNS())
			s.settled()
			s.taken(map[responders.ID]int{responders.OSQuery: 1, responders.Snapshot: 1})
			if n := len(s.AWS.Snapshots(rig.Account, rig.Region)); n != 2 {
				t.Errorf("%d snapshots of two volumes", n)
			}
			if n := len(s.AWS.CallsOf("ssm", "SendCommand")); n != 1 {
				t.Errorf("%d commands", n)
			}
		})
	}
}

// TestAFindingThatGetsWorseIsANewOccasion: what its severity asks for now and
// was not taken before is taken; the rest only when what is there is old.
func TestAFindingThatGetsWorseIsANewOccasion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		after time.Duration
		want  map[responders.ID]int
		snaps int
	}{
		"soon":          {time.Minute, map[responders.ID]int{responders.OSQuery: 1, responders.Snapshot: 1, responders.Memory: 1, responders.TCPDump: 1}, 2},
		"an hour later": {time.Hour, map[responders.ID]int{responders.OSQuery: 2, responders.Snapshot: 2, responders.Memory: 1, responders.TCPDump: 1}, 4},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, rig.Options{})
			s.Machine(3)
			s.Send(s.Known(scan(3)).SNS())
			s.taken(map[responders.ID]int{responders.OSQuery: 1, responders.Snapshot: 1})
			s.Forward(c.after)
			worse := scan(3)
			worse.Severity, worse.Count, worse.At = 8, 2, s.Clock.Now().Add(time.Second)
			s.Send(worse.SNS(), worse.SNS(), worse.SNS())
			s.taken(c.want)
			if n := len(s.AWS.Snapshots(rig.Account, rig.Region)); n != c.snaps {
				t.Errorf("%d snapshots of two volumes", n)
			}
		})
	}
}

// TestFindingsAboutOneInstanceShareEvidence: the second case has the evidence of
// the first in its record. A person who asks gets it anew.
func TestFindingsAboutOneInstanceShareEvidence(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true})
	id := s.Machine(3)
	s.Send(s.Known(scan(3)).SNS())
	once := map[responders.ID]int{responders.OSQuery: 1, responders.Snapshot: 1}
	s.taken(once)
	other := scan(3)
	other.ID, other.Type, other.Port = strings.Repeat("ab", 16), "UnauthorizedAccess:EC2/SSHBruteForce", 22
	s.Send(s.Known(other).SNS())
	s.recorded("the second case shares nothing", func(h thehivefake.Snapshot) bool {
		return len(h.Alerts) == 2 && len(h.Alerts[1].Attachments) == len(h.Alerts[0].Attachments) && len(h.Alerts[1].Attachments) > 3
	})
	s.settled()
	h := s.Hive.Snapshot()
	if says(h.Alerts[1].Comments, "was taken for SB-", "not taken again") != 2 {
		t.Errorf("nobody is told:\n%s", hiveTranscript(h))
	}
	s.taken(once)
	s.slash(s.Omar, "osquery "+id+" account="+rig.Account+" region="+rig.Region, s.Security.ID)
	s.eventually("Omar gets it anew", func() bool { return len(s.AWS.CallsOf("ssm", "SendCommand")) == 2 })
}

// TestNothingIsTakenUntilGuardDutyAnswers: while it cannot be asked nothing is
// changed; when it answers, evidence is taken, and after ten minutes it is given
// up.
func TestNothingIsTakenUntilGuardDutyAnswers(t *testing.T) {
	t.Parallel()
	for name, answers := range map[string]bool{"it comes back": true, "it stays away": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, rig.Options{})
			id := s.Machine(3)
			s.AWS.Next("guardduty", "GetFindings", -1, awsfake.Broken())
			s.Send(s.Known(scan(3)).SNS())
			card := s.message(s.Security.ID, "Snapshot "+id)
			s.eventually("GuardDuty is asked", func() bool { return len(s.AWS.CallsOf("guardduty", "GetFindings")) > 2 })
			s.Forward(time.Minute)
			if got := s.writes(); len(got) != 0 {
				t.Fatalf("AWS was changed: %v", got)
			}
			if answers {
				s.AWS.Calm()
				s.passed(card, "Done")
				return
			}
			s.passed(card, "Not done", "AWS could not be asked")
			s.passed(s.message(s.Security.ID, "Osquery "+id), "Not done")
			if got := s.writes(); len(got) != 0 {
				t.Errorf("AWS was changed: %v", got)
			}
		})
	}
}

// TestNothingIsDoneWhileTheStoreIsAway: an approval is not taken, an isolation
// that is under way stops where it is, and both go on afterwards.
func TestNothingIsDoneWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	asInLife := slackfake.WithAckDeadline(3 * time.Second) // one click gets no acknowledgement
	s := begin(t, rig.Options{Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI]}}", Slack: []slackfake.Option{asInLife}})
	id := s.Machine(2)
	s.slash(s.Omar, "isolate "+id+" account="+rig.Account+" region="+rig.Region+" reason=it mines", s.Security.ID)
	card := s.message(s.Security.ID, "Isolate "+id, "Approve")
	s.settled()

	s.BreakStore("LOADING the store is away")
	if out := s.tries(s.Mei, card, "Approve"); out.OK() {
		t.Error("an approval was acknowledged while it could not be kept")
	}
	if got := s.writes(); len(got) != 0 {
		t.Fatalf("AWS was changed: %v", got)
	}
	s.BreakStore("")

	// It goes away again right before the first interface is changed.
	away := make(chan struct{})
	s.AWS.Next("ec2", "CreateSecurityGroup", 1, awsfake.Meanwhile(func() { s.BreakStore("LOADING the store is away"); close(away) }))
	s.click(s.Mei, card, "Approve")
	s.eventually("the isolation is under way", func() bool {
		select {
		case <-away:
			return true
		default:
			s.Forward(time.Second)
			return false
		}
	})
	s.eventually("nothing is being performed", func() bool { return !s.Bots[0].Busy() })
	before := s.writes()
	for range 5 {
		s.Forward(30 * time.Second)
		wait(s.ctx, 50*time.Millisecond)
	}
	if after := s.writes(); len(after) != len(before) {
		t.Errorf("while the store was away: %v", after[len(before):])
	}
	s.BreakStore("")
	s.passed(card, "Done")
	ours := 0
	for _, g := range s.AWS.Groups(rig.Account, rig.Region) {
		if g.Tags["securitybot:isolation"] != "" {
			ours++
		}
	}
	if ours != 1 {
		t.Errorf("%d isolation groups", ours)
	}
	for eni, groups := range s.groups(id) {
		if len(groups) != 1 {
			t.Errorf("%s has %v", eni, groups)
		}
	}
}

// tries presses a button once and returns what the client shows.
func (s *scene) tries(user slackfake.User, m slackfake.Message, label string) slackfake.Outcome {
	s.t.Helper()
	g, err := s.Slack.As(user.ID).Click(m.Channel, m.TS, label)
	if err != nil {
		s.t.Fatal(err)
	}
	out, err := g.Wait(s.ctx)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}
