package inquiries

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/proof"
)

// simulated is one inquiry under a random schedule, with what an observer who
// knows only the events and effects remembers.
type simulated struct {
	t        *testing.T
	rng      *rand.Rand
	q        Inquiry
	now      time.Time
	keys     map[string]bool
	decided  map[Conclusion]int
	denials  int // pages for a "no" or a refusal
	denied   bool
	saidYes  bool
	proved   bool
	log      []string
	joinable int
}

func newSimulated(t *testing.T, seed uint64) *simulated {
	rng := rand.New(rand.NewPCG(seed, 7))
	levels := []findings.Level{findings.Low, findings.Medium, findings.High, findings.Critical}
	all := []policy.Step{"", policy.Record, policy.Notify, policy.Ticket, policy.Inquire, policy.Page}
	pick := func() policy.Step { return all[rng.IntN(len(all))] }
	a := askOf(levels[rng.IntN(4)], func(a *Ask) {
		a.Spec = policy.InquireSpec{MFA: rng.IntN(2) == 0, OnYes: pick(), OnUnsure: pick(), OnTimeout: pick(), OnMFAFail: pick(), OnNo: pick()}
		a.Spec.Timeout = []time.Duration{0, 0, time.Minute, time.Hour}[rng.IntN(4)]
		a.Person.TZ = zones[rng.IntN(len(zones))]
		if rng.IntN(3) == 0 {
			a.Person.ChatID = ""
		}
	})
	s := &simulated{t: t, rng: rng, keys: map[string]bool{}, decided: map[Conclusion]int{}}
	s.now = tuesday.Add(time.Duration(rng.IntN(10*24*3600)) * time.Second)
	q, effects := New(fmt.Sprintf("q%d", seed), a, s.now)
	s.log = append(s.log, fmt.Sprintf("seed %d: new %s at %v", seed, a.Level, s.now))
	s.q = q
	s.observe(effects)
	return s
}

func (s *simulated) fail(format string, args ...any) {
	s.t.Helper()
	for _, l := range s.log {
		s.t.Log(l)
	}
	s.t.Fatalf(format, args...)
}

// observe checks the effects of one step.
func (s *simulated) observe(effects []Effect) {
	s.t.Helper()
	for _, e := range effects {
		if s.keys[e.Key] {
			s.fail("effect %s came twice", e.Key)
		}
		s.keys[e.Key] = true
		if e.Kind != EffectDecide {
			continue
		}
		if s.decided[e.Outcome]++; s.decided[e.Outcome] > 1 {
			s.fail("%s was decided twice", e.Outcome)
		}
		switch e.Outcome {
		case OutcomeNo, OutcomeRefused:
			s.denials++
			if e.Step != policy.Page {
				s.fail("a no leads to %s", e.Step)
			}
		case OutcomeYes, OutcomeVerified:
			if !s.saidYes || (s.q.Spec.MFA && !s.proved) {
				s.fail("decided %s: said yes %v, proved %v", e.Outcome, s.saidYes, s.proved)
			}
			if serious(s.q.Level) && rankOf(e.Step) < rankOf(policy.Ticket) {
				s.fail("a yes closes a %s one", s.q.Level)
			}
		default:
			if rankOf(e.Step) < rankOf(policy.Ticket) {
				s.fail("%s leads to %s", e.Outcome, e.Step)
			}
		}
	}
}

func rankOf(s policy.Step) int {
	return slices.Index([]policy.Step{policy.Suppress, policy.Record, policy.Notify, policy.Ticket, policy.Inquire, policy.Page}, s)
}

// event makes something up.
func (s *simulated) event() Event {
	choices := []Choice{Yes, Yes, No, Unsure, "?"}
	switch n := s.rng.IntN(40); {
	case n < 16:
		return Clock{}
	case n < 20:
		return Delivered{ChatID: ana, Prompt: MessageRef{"D1", fmt.Sprint(s.rng.IntN(3))}}
	case n < 24:
		return by(ana, choices[s.rng.IntN(2)])
	case n < 26:
		return by(ana, choices[s.rng.IntN(len(choices))])
	case n < 28:
		return by(bo, choices[s.rng.IntN(len(choices))])
	case n < 33:
		return Verified{[]Result{VerifyAllow, VerifyAllow, VerifyDeny, VerifyFraud, VerifyTimeout, VerifyError, VerifyUnavailable, VerifyWaiting}[s.rng.IntN(8)]}
	case n < 34:
		return VerifyStarted{proof.Sent{TxID: "tx"}}
	case n < 37:
		s.joinable++
		return Joined{CaseID: fmt.Sprintf("J%d", s.joinable), Level: []findings.Level{findings.Low, findings.Medium, findings.High, findings.Critical}[s.rng.IntN(4)]}
	case n < 38:
		return Undeliverable{Reason: "x", Gone: s.rng.IntN(2) == 0}
	case n < 39:
		return Reminded{MessageRef{"D1", fmt.Sprint(s.rng.IntN(9))}}
	}
	if s.rng.IntN(3) > 0 {
		return Clock{}
	}
	return Withdrawn{"closed"}
}

// step applies one event and checks what must hold for every one.
func (s *simulated) step(ev Event) {
	s.t.Helper()
	before := s.q
	s.log = append(s.log, fmt.Sprintf("%v %s: %T %+v", s.now, before.Status, ev, ev))
	believed := before.Person.ChatID == ana || before.Person.ChatID == ""
	switch ev := ev.(type) {
	case Answered:
		s.saidYes = s.saidYes || (ev.Choice == Yes && ev.By == ana && before.Person.ChatID == ana)
		s.denied = s.denied || (ev.Choice == No && believed && (ev.By == ana || before.Person.ChatID == ""))
	case Verified:
		s.proved = s.proved || (ev.Result == VerifyAllow && before.Status == StatusVerifying && s.now.Before(before.Proof.By))
		s.denied = s.denied || ((ev.Result == VerifyDeny || ev.Result == VerifyFraud) && !before.Proof.By.IsZero())
	}
	next, effects, reply := before.Apply(ev, s.now)
	s.q = next
	s.observe(effects)
	switch {
	case next.Open() == next.Next().IsZero():
		s.fail("open %v, next %v", next.Open(), next.Next())
	case !before.Open() && next.Open():
		s.fail("closed, and open again")
	case next.Status.rank() < before.Status.rank():
		s.fail("went back to %s", next.Status)
	case next.Deadline.After(before.Deadline):
		s.fail("the deadline was put off")
	case !next.Open() && next.Status != StatusWithdrawn && len(s.decided) == 0:
		s.fail("closed without a decision")
	case s.decided[OutcomeExpired] == 1 && !slices.Contains(before.Decided, OutcomeExpired) && s.now.Before(before.Deadline):
		s.fail("expired %v too early", before.Deadline.Sub(s.now))
	case s.denied != (s.denials == 1) || s.denials > 1:
		s.fail("denied %v, paged for it %d times", s.denied, s.denials)
	case next.Open() && next.Next().Before(s.now) && ev == Event(Clock{}):
		s.fail("after the clock at %v it still wants %v", s.now, next.Next())
	}
	if again, more, _ := next.Apply(Clock{}, s.now); ev == Event(Clock{}) && (len(more) > 0 || again.Status != next.Status) {
		s.fail("the same instant twice: %s", brief(more))
	}
	if counted := len(effects) > 0; reply.Counted && !counted && !isJoin(ev) {
		s.fail("counted, but nothing follows")
	}
}

func isJoin(ev Event) bool { _, ok := ev.(Joined); return ok }

// finish lets only the clock go on: every inquiry ends, with a decision.
func (s *simulated) finish() int {
	for i := range 20 {
		if !s.q.Open() {
			return i
		}
		s.now = s.q.Next()
		s.step(Clock{})
	}
	s.fail("still open at %v", s.now)
	return 0
}

func TestRandomSchedules(t *testing.T) {
	t.Parallel()
	const schedules, parts = 40_000, 4
	for part := range parts {
		t.Run(fmt.Sprint(part), func(t *testing.T) {
			t.Parallel()
			ends := map[Status]int{}
			for seed := part; seed < schedules; seed += parts {
				s := newSimulated(t, uint64(seed))
				for range 4 + s.rng.IntN(20) {
					switch s.rng.IntN(6) {
					case 0:
						s.now = s.now.Add(time.Duration(s.rng.IntN(3600)) * time.Second)
					case 1:
						if next := s.q.Next(); next.After(s.now) {
							s.now = next.Add(time.Duration(s.rng.IntN(3)-1) * time.Second)
						}
					default:
						s.now = s.now.Add(time.Duration(s.rng.IntN(3000)) * time.Millisecond)
					}
					s.step(s.event())
				}
				if seed%50 == 0 {
					check(t, s.q)
				}
				s.finish()
				ends[s.q.Status]++
			}
			for _, status := range allStatuses {
				if open := status.rank() < 4; open == (ends[status] > 0) {
					t.Errorf("%d schedules ended %s: the schedules do not cover it", ends[status], status)
				}
			}
		})
	}
}

// With nobody there and nothing working, every level escalates.
func TestNothingButTheClock(t *testing.T) {
	t.Parallel()
	for _, l := range []findings.Level{findings.Low, findings.Medium, findings.High, findings.Critical} {
		for _, name := range zones {
			q, _ := New("q", askOf(l, func(a *Ask) { a.Person.TZ = name }), tuesday)
			var effects []Effect
			for q.Open() {
				q, effects, _ = do(t, q, q.Next(), Clock{})
			}
			if d, ok := decision(effects); !ok || rankOf(d.Step) < rankOf(policy.Ticket) {
				t.Errorf("%s in %s: %s", l, name, brief(effects))
			}
		}
	}
}
