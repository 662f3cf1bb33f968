package incidents

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/store"
)

// TestSchedules drives incidents through random acts of people and random luck
// of effects: each may succeed, fail for good, lose its answer and be repeated,
// be reported twice, or be lost by the store and found again by the timer.
// After each step what must always hold is checked, and at the end what must
// hold once nothing is under way.
func TestSchedules(t *testing.T) {
	t.Parallel()
	ended, reopened := 0, 0
	for seed := range uint64(1500) {
		r := rand.New(rand.NewPCG(seed, 7))
		o := opening()
		o.Level = Levels()[r.IntN(4)]
		rules := rules()
		rules.NoDoc, rules.Hive = r.IntN(4) == 0, r.IntN(4) > 0
		c, effects, err := Start(idA, o, rules, t0)
		if err != nil {
			t.Fatal(err)
		}
		s := &schedule{r: r, world: newWorld(c), rules: rules, done: map[string]int{}, now: t0}
		if r.IntN(5) == 0 {
			s.taken[c.Name] = true
		}
		s.walled = r.IntN(2) == 0
		s.plan(effects)
		for range 60 {
			s.now = s.now.Add(time.Duration(r.IntN(7200)) * time.Second)
			s.step()
			s.check(t, seed)
		}
		s.calm(t, seed)
		if c.Archived {
			ended++
		}
		reopened += s.reopened
	}
	if reopened < 100 {
		t.Errorf("only %d incidents were reopened", reopened)
	}
	if ended < 250 {
		t.Errorf("only %d of the schedules reached the archive: they are too unlucky to show anything", ended)
	}
}

type schedule struct {
	*world
	r     *rand.Rand
	rules Rules
	done  map[string]int // effect id → how often it was done at the far end
	now   time.Time
	stale []string // effects that ended or were cancelled

	reopened int
}

func (s *schedule) step() {
	if s.r.IntN(4) > 0 && len(s.order) > 0 {
		s.luck(s.order[s.r.IntN(len(s.order))])
		return
	}
	s.act()
}

// luck is one attempt of an effect.
func (s *schedule) luck(id string) {
	e := s.effects[id]
	switch n := s.r.IntN(20); {
	case n == 0: // given up
		out := s.c.Failed(id, "no luck <!channel>", s.now)
		s.end(id, out)
	case n == 1: // done, and the answer lost: it stays planned and is repeated
		s.done[id]++
		s.do(e, s.now)
	case n == 2: // the store loses it; the timer finds out
		s.drop(id)
		s.plan(s.c.Tick(s.now))
	case n == 3 && strings.HasPrefix(e.Kind, EffectKind(StepPage)):
		s.plan(s.c.PageRefused(id, "no", s.now))
	default:
		s.done[id]++
		report := s.do(e, s.now)
		out := report()
		if s.r.IntN(5) == 0 {
			out = append(out, report()...)
		}
		s.end(id, out)
	}
}

func (s *schedule) end(id string, out []store.Effect) {
	s.drop(id)
	s.stale = append(s.stale, id)
	s.plan(out)
}

func (s *schedule) act() {
	c, who := s.c, []string{ana, omar, zoe, "U0KIM"}[s.r.IntN(4)]
	var out []store.Effect
	switch s.r.IntN(12) {
	case 0:
		out, _ = c.SetSeverity(who, Levels()[s.r.IntN(4)], s.rules, s.now)
	case 1:
		out, _ = c.SetLead(who, omar, s.now)
	case 2:
		out, _ = c.Invite(who, []string{"U0KIM", "U0LEE"}, []Source{{Kind: FromGroup, ID: "S0NET"}}, s.now)
	case 3:
		out, _ = c.PageOnCall(who, "help", s.now)
	case 4, 5:
		out, _ = c.Note(who, KindNote, "a `note`", s.now)
	case 6:
		out, _ = c.Link(who, caseA, s.now)
	case 7:
		out, _ = c.Retry(who, s.now)
	case 8:
		if s.r.IntN(3) == 0 {
			effects, cancel, _ := c.Close(who, "over", time.Minute, s.now)
			for _, id := range cancel {
				s.drop(id)
				s.stale = append(s.stale, id)
			}
			out = effects
		}
	case 9:
		out = c.Tick(s.now)
	case 10:
		if out, _ = c.Reopen(who, "more", s.rules, 30*24*time.Hour, s.now); len(out) > 0 {
			s.reopened++
		}
	default: // a report about something that is over
		if len(s.stale) > 0 {
			id := s.stale[s.r.IntN(len(s.stale))]
			if _, again := s.effects[id]; !again {
				out = append(c.Did(id, s.now), c.ChannelMade(id, "C0WRONG", s.now)...)
				out = append(out, c.TimelineExported(id, s.now)...)
			}
		}
	}
	s.plan(out)
}

// check is what holds after each step.
func (s *schedule) check(t *testing.T, seed uint64) {
	t.Helper()
	c := s.c
	if c.Live() == c.Timer(s.now).IsZero() {
		t.Fatalf("seed %d: live %v, timer %v", seed, c.Live(), c.Timer(s.now))
	}
	if len(c.Pending) != len(s.effects) {
		t.Fatalf("seed %d: pending %v, under way %v", seed, c.Pending, s.order)
	}
	if made := s.channels; len(made) > 1+len(c.Former) || c.Channel != "" && !slices.Contains([]string{made[c.Name]}, c.Channel) {
		t.Fatalf("seed %d: channels %v, the incident knows %q", seed, made, c.Channel)
	}
	reopening := c.busy(func(s string) bool { return s == StepUnarchive })
	if c.Archived && !reopening && (!c.Exported || c.Status != Closed) || len(s.after) > 0 {
		t.Fatalf("seed %d: archived %v, exported %v, %s, written afterwards: %v", seed, c.Archived, c.Exported, c.Status, s.after)
	}
	if s.archived[c.Channel] && slices.ContainsFunc(s.order, func(id string) bool {
		step, _ := StepOf(s.effects[id].Kind)
		return inChannel(step) && step != StepUnarchive
	}) {
		t.Fatalf("seed %d: planned for an archived channel: %v", seed, s.order)
	}
	if s.r.IntN(20) > 0 {
		return
	}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(c.ID, body)
	if err != nil || again.Looks() != c.Looks() || again.Markdown(nil) != c.Markdown(nil) {
		t.Fatalf("seed %d: what is stored is not what it was: %v", seed, err)
	}
}

// calm lets everything under way end well and checks how things stand then.
func (s *schedule) calm(t *testing.T, seed uint64) {
	t.Helper()
	s.drain(t, s.now)
	c := s.c
	if len(c.Pending) > 0 {
		t.Fatalf("seed %d: %v is under way for ever", seed, c.Pending)
	}
	if c.Status != Closed {
		if c.Channel != "" && c.Summary.TS == "" && !c.failed(StepSummary) {
			t.Fatalf("seed %d: a channel without a summary that nobody knows of", seed)
		}
		if c.Channel != "" && len(c.ToInvite()) > 0 {
			t.Fatalf("seed %d: nobody invites %v", seed, c.ToInvite())
		}
		return
	}
	for key, state := range s.pages {
		if state == "open" && !c.failed(StepResolve+strings.TrimPrefix(key, "securitybot/"+c.ID)) {
			t.Fatalf("seed %d: page %s still rings after the end", seed, key)
		}
	}
	if c.Channel != "" && !c.Archived && !c.failed(StepExport) && !c.failed(StepArchive) {
		t.Fatalf("seed %d: closed, nothing failed, and the channel is still there: %+v", seed, c)
	}
}

// A severity that pages does so exactly once, whatever happens to the effect.
func TestTheRulePagesOnce(t *testing.T) {
	t.Parallel()
	r := rules()
	o := opening()
	o.Level = findings.Low
	c, _ := started(t, o, r)
	for _, l := range []findings.Level{findings.High, findings.Low, findings.Critical} {
		if _, err := c.SetSeverity(omar, l, r, t0); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.Pages) != 1 {
		t.Errorf("%d pages", len(c.Pages))
	}
}
