package lookup_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/securitybot/securitybot/findings/lookup"
)

func TestAFailingSourceIsLeftAloneForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &outside{name: "S", err: errors.New("down")}
		v := lookup.NewInvestigator(seats(s), lookup.Options{})
		reason := func() lookup.Reason {
			got := watch(t, t.Context(), v)
			return got[len(got)-1].Entries[0].Reason
		}
		for range 3 {
			if r := reason(); r != lookup.Unreachable {
				t.Fatal(r)
			}
		}
		for range 5 {
			if r := reason(); r != lookup.Paused {
				t.Error(r)
			}
		}
		if s.asked.Load() != 3 {
			t.Errorf("asked %d times", s.asked.Load())
		}
		time.Sleep(31 * time.Second)
		if r := reason(); r != lookup.Unreachable || s.asked.Load() != 4 {
			t.Errorf("after a pause: %s, asked %d times", r, s.asked.Load())
		}
		time.Sleep(31 * time.Second)
		if r := reason(); r != lookup.Paused {
			t.Errorf("the second pause is no longer: %s", r)
		}
		time.Sleep(30 * time.Second)
		s.err = nil
		if r := reason(); r != "" {
			t.Errorf("it works again, but: %s", r)
		}
	})
}

func TestOneSuccessForgivesEarlierFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &outside{name: "S"}
		v := lookup.NewInvestigator([]lookup.Seat{{Source: s, Local: true}}, lookup.Options{})
		for k, err := range []error{errors.New("down"), errors.New("down"), nil, errors.New("down"), errors.New("down"), nil} {
			s.err = err
			watch(t, t.Context(), v)
			if int(s.asked.Load()) != k+1 {
				t.Fatalf("question %d was not asked", k+1)
			}
		}
	})
}

// After a pause one question finds out whether the source works again; the
// others do not wait for its timeout as well.
func TestOneQuestionTriesAFailingSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &outside{name: "S", err: errors.New("down")}
		v := lookup.NewInvestigator(seats(s), lookup.Options{})
		for range 3 {
			watch(t, t.Context(), v)
		}
		time.Sleep(31 * time.Second)
		s.delay = time.Second
		var group sync.WaitGroup
		for k := range 5 {
			group.Go(func() {
				v.Investigate(t.Context(), lookup.Query{Indicator: indicator(t, fmt.Sprintf("198.51.100.%d", k+1))}, func(lookup.Report) {})
			})
		}
		group.Wait()
		if n := s.asked.Load(); n != 4 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestASourcesOwnWishesAreHeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			err  *lookup.Error
			rest time.Duration
		}{
			{&lookup.Error{Reason: lookup.Throttled, RetryAfter: 90 * time.Second}, 90 * time.Second},
			{&lookup.Error{Reason: lookup.Refused}, 10 * time.Minute},
		} {
			s := &outside{name: "S", err: c.err}
			v := lookup.NewInvestigator(seats(s), lookup.Options{})
			watch(t, t.Context(), v)
			time.Sleep(c.rest - time.Second)
			got := watch(t, t.Context(), v)
			if e := got[len(got)-1].Entries[0]; s.asked.Load() != 1 || e.Reason != c.err.Reason {
				t.Errorf("%s: asked %d times, %s", c.err, s.asked.Load(), e.Reason)
			}
			time.Sleep(2 * time.Second)
			watch(t, t.Context(), v)
			if s.asked.Load() != 2 {
				t.Errorf("%s: not asked again", c.err)
			}
		}
	})
}

func TestRateAndQuota(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &outside{name: "S"}
		v := lookup.NewInvestigator([]lookup.Seat{{Source: s, Local: true, Limits: lookup.Limits{Every: 15 * time.Second, Burst: 2, PerDay: 4}}}, lookup.Options{})
		ask := func(want lookup.Reason) {
			t.Helper()
			got := watch(t, t.Context(), v)
			if e := got[len(got)-1].Entries[0]; e.Reason != want {
				t.Errorf("%q, want %q", e.Reason, want)
			}
		}
		ask("")
		ask("")
		ask(lookup.HeldBack)
		time.Sleep(14500 * time.Millisecond) // half a second is worth waiting for
		began := time.Now()
		ask("")
		if w := time.Since(began); w.Round(time.Millisecond) != 500*time.Millisecond {
			t.Errorf("waited %v", w)
		}
		time.Sleep(time.Minute)
		ask("")
		time.Sleep(time.Minute)
		ask(lookup.SpentToday)
		ask(lookup.SpentToday)
		ask(lookup.SpentToday)
		ask(lookup.SpentToday)
		if s.asked.Load() != 4 {
			t.Errorf("asked %d times", s.asked.Load())
		}
		time.Sleep(24 * time.Hour)
		ask("")
	})
}
