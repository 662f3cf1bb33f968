package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/rig"
)

const detector = "1ab23cd45ef67ab89cd01ef23ab45cd6"

// sweeping begins a scene in which GuardDuty's own list is compared, and waits
// until the first sweep has a time.
func sweeping(t *testing.T, o rig.Options) *scene {
	t.Helper()
	o.Extra += "sweep: {regions: [eu-west-1]}\n"
	o.NoEvidence = true
	prepare := o.Prepare
	o.Prepare = func(r *rig.Rig) {
		r.AWS.SetDetector(rig.Account, rig.Region, detector, true)
		if prepare != nil {
			prepare(r)
		}
	}
	s := begin(t, o)
	s.scheduled()
	return s
}

// scheduled waits until the next sweep has a time.
func (s *scene) scheduled() {
	s.t.Helper()
	for s.ctx.Err() == nil {
		if docs, err := s.Store.Load(s.ctx, "w:sweep"); err == nil && len(docs[0].Body) > 0 {
			return
		}
		wait(s.ctx, 5*time.Millisecond)
	}
	s.t.Fatal("no sweep is planned")
}

// nextSweep moves the time on and waits until the sweep that is due then has
// been stored.
func (s *scene) nextSweep() {
	s.t.Helper()
	before, err := s.Store.Load(s.ctx, "w:sweep")
	if err != nil {
		s.t.Fatal(err)
	}
	s.Forward(16 * time.Minute)
	for s.ctx.Err() == nil { // one version is the claim, the second the outcome
		if docs, err := s.Store.Load(s.ctx, "w:sweep"); err == nil && docs[0].Version >= before[0].Version+2 {
			return
		}
		wait(s.ctx, 5*time.Millisecond)
	}
	s.t.Fatal("no sweep")
}

// said counts the messages in the security channel that say something.
func (s *scene) said(what string) int {
	n := 0
	for _, c := range s.Slack.Snapshot(0).Channels {
		for _, m := range c.Messages {
			if c.ID == s.Security.ID && strings.Contains(m.Text+string(m.Blocks), what) {
				n++
			}
		}
	}
	return n
}

func TestAFindingThatTheQueueLostGetsItsCase(t *testing.T) {
	t.Parallel()
	s := sweeping(t, rig.Options{Replica: 2})
	e := rig.Miner(1)
	e.At = s.Clock.Now().Add(-20 * time.Minute)
	s.Known(e)
	s.nextSweep()
	s.incidents("the finding is not paged", open(1))
	s.message(s.Security.ID, "1 finding that I did not know", "queue policy")
	if n := len(s.AWS.CallsOf("guardduty", "ListFindings")); n != 1 {
		t.Errorf("%d replicas asked", n)
	}
	s.Send(e.SNS()) // late, but it arrives
	s.settled()
	s.nextSweep()
	s.settled()
	if p := s.Pager.Snapshot(); len(p.Incidents) != 1 || s.said("that I did not know") != 1 {
		t.Errorf("%d incidents\n%s", len(p.Incidents), s.transcript())
	}
	if n := len(s.AWS.Writes()); n > 0 {
		t.Errorf("%d writes", n)
	}
}

func TestAWipedStoreIsFilledAgain(t *testing.T) {
	t.Parallel()
	m := miniredis.RunT(t)
	s := sweeping(t, rig.Options{Redis: m.Addr()})
	for n := range 3 {
		e := rig.Miner(n)
		e.At = s.Clock.Now().Add(-time.Hour)
		s.Send(s.Known(e).SNS())
	}
	s.incidents("three pages", open(3))
	s.settled()
	m.FlushAll()
	s.Forward(time.Second) // nobody waits for the next look
	s.scheduled()
	s.nextSweep()
	s.message(s.Security.ID, "3 findings that I did not know")
	s.settled()
	if p := s.Pager.Snapshot(); len(p.Open()) != 3 || len(p.Incidents) != 3 {
		t.Errorf("one finding, one incident: %d", len(p.Incidents))
	}
}

// What the queue is about to bring, what no queue would take, and what somebody
// archived is left alone.
func TestTheSweepTakesNothingThatIsNotMissing(t *testing.T) {
	t.Parallel()
	s := sweeping(t, rig.Options{})
	young, known := rig.Miner(1), rig.Miner(2)
	young.At, known.At = s.Clock.Now().Add(15*time.Minute), s.Clock.Now().Add(-time.Hour)
	s.Known(young)
	s.Send(s.Known(known).SNS())
	s.incidents("the page of the one that arrived", open(1))
	s.AWS.AddFinding(rig.Account, rig.Region, detector,
		awsfake.Finding{ID: "a1", Type: young.Type, Instance: young.Instance, Severity: 8, Account: rig.Other, Updated: known.At},
		awsfake.Finding{ID: "a2", Type: young.Type, Instance: young.Instance, Severity: 8, Archived: true, Updated: known.At},
		awsfake.Finding{ID: "a3", Type: young.Type, Instance: young.Instance, Severity: 8, Updated: known.At.Add(-100 * time.Hour)})
	s.settled()
	s.nextSweep()
	s.settled()
	if p := s.Pager.Snapshot(); len(p.Incidents) != 1 || s.said("GuardDuty's own list") != 0 {
		t.Errorf("%d incidents\n%s", len(p.Incidents), s.transcript())
	}
	s.nextSweep() // now the young one has had its time
	s.incidents("the one that never came", open(2))
}

func TestASeverityThatRoseUnheard(t *testing.T) {
	t.Parallel()
	s := sweeping(t, rig.Options{})
	e := rig.Ask(1)
	e.At = s.Clock.Now().Add(-2 * time.Hour)
	s.Send(e.SNS())
	s.question(1)
	e.Severity, e.At, e.Count = 8, s.Clock.Now().Add(-time.Hour), 7
	s.Known(e)
	s.nextSweep()
	s.message(s.Security.ID, "1 finding that I did not know")
	lives, err := s.Bots[0].Lives(s.ctx, 5)
	if err != nil || len(lives) != 1 || lives[0].Level != findings.High {
		t.Errorf("%+v, %v", lives, err)
	}
}

func TestAnOutageOfTheListIsSaidOnceAndThatItIsOver(t *testing.T) {
	t.Parallel()
	s := sweeping(t, rig.Options{})
	const place = rig.Account + " " + rig.Region
	s.ReadRole(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}]}`)
	s.nextSweep()
	s.settled()
	if s.said("cannot compare") != 0 {
		t.Errorf("one failure is no outage\n%s", s.transcript())
	}
	s.nextSweep()
	s.message(s.Security.ID, "I cannot compare ", place, "AccessDenied", "securitybot doctor")
	s.nextSweep()
	s.settled()
	if n := s.said("cannot compare"); n != 1 {
		t.Errorf("said %d times", n)
	}
	s.ReadRole("")
	s.nextSweep()
	s.message(s.Security.ID, place, "can be compared again")
}

func TestWhereGuardDutyIsOffIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	s := sweeping(t, rig.Options{})
	s.AWS.SetDetector(rig.Account, rig.Region, detector, false)
	s.nextSweep()
	s.message(s.Security.ID, rig.Account+" "+rig.Region, "switched off there")
}

func TestWithoutASweepNobodyIsAsked(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{NoEvidence: true})
	e := rig.Miner(1)
	e.At = s.Clock.Now().Add(-20 * time.Minute)
	s.Known(e)
	s.Send(rig.Miner(2).SNS())
	s.incidents("the one that arrived", open(1))
	s.Forward(time.Hour)
	s.settled()
	if n := len(s.AWS.CallsOf("guardduty", "")); n > 0 || len(s.Pager.Snapshot().Incidents) != 1 {
		t.Errorf("%d calls", n)
	}
}
