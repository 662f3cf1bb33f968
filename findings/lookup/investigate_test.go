package lookup_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/securitybot/securitybot/findings/lookup"
	"github.com/securitybot/securitybot/internal/message"
)

// outside is a source of the world outside, as slow and as faulty as it is told.
type outside struct {
	name   string
	delay  time.Duration // negative hangs, whatever the context says
	err    error
	result lookup.Result
	panics bool
	asked  atomic.Int32
}

func (o *outside) Name() string                  { return o.name }
func (o *outside) Takes(i lookup.Indicator) bool { return true }

func (o *outside) Look(ctx context.Context, _ lookup.Indicator) (lookup.Result, error) {
	o.asked.Add(1)
	if o.panics {
		panic("a hostile answer")
	}
	if o.delay < 0 {
		<-ctx.Done()
		return lookup.Result{}, ctx.Err()
	}
	select {
	case <-time.After(o.delay):
	case <-ctx.Done():
		return lookup.Result{}, ctx.Err()
	}
	return o.result, o.err
}

type records struct {
	delay time.Duration
	err   error
	says  string
}

func (r records) About(ctx context.Context, _ lookup.Indicator) ([]lookup.Section, error) {
	if r.says == "panic" {
		panic("in the store")
	}
	select {
	case <-time.After(r.delay):
		return []lookup.Section{{Title: "Cases", Lines: []message.Text{message.L(r.says)}}}, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// shownAt is a report and when it was shown.
type shownAt struct {
	lookup.Report
	at time.Duration
}

// watch runs one investigation in the bubble and notes every report.
func watch(t *testing.T, ctx context.Context, v *lookup.Investigator) []shownAt {
	t.Helper()
	began := time.Now()
	var out []shownAt
	last := v.Investigate(ctx, lookup.Query{Indicator: indicator(t, "198.51.100.7")}, func(r lookup.Report) { out = append(out, shownAt{r, time.Since(began)}) })
	if len(out) == 0 || fmt.Sprint(out[len(out)-1].Report) != fmt.Sprint(last) {
		t.Errorf("the last report was not shown: %+v", last)
	}
	return out
}

func seats(sources ...*outside) []lookup.Seat {
	var out []lookup.Seat
	for _, s := range sources {
		out = append(out, lookup.Seat{Source: s, Local: true, Limits: lookup.Limits{TTL: time.Hour}})
	}
	return out
}

func state(r lookup.Report) string {
	var out []string
	for _, e := range r.Entries {
		s := e.Source + " " + string(e.State)
		if e.Reason != "" {
			s += " (" + string(e.Reason) + ")"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// The promise: at once what we know, and within eight seconds all there will be,
// with three sources hanging.
func TestHangingSourcesDelayNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := lookup.NewInvestigator(seats(
			&outside{name: "A", delay: -1}, &outside{name: "B", delay: 300 * time.Millisecond, result: lookup.Result{Says: "b"}}, &outside{name: "C", delay: -1},
			&outside{name: "D", delay: -1}, &outside{name: "E", delay: 2 * time.Second, result: lookup.Result{Says: "e"}}, &outside{name: "F", err: errors.New("down")},
		), lookup.Options{History: records{delay: 100 * time.Millisecond, says: "two cases"}})
		got := watch(t, t.Context(), v)
		if first := got[0]; first.at > 600*time.Millisecond || first.HistoryState != lookup.Answered || first.Complete {
			t.Errorf("first report after %v: %+v", first.at, first.Report)
		}
		if s := state(got[1].Report); got[1].at != 300*time.Millisecond || s != "A asking, B answered, C asking, D asking, E asking, F failed (could not be reached)" {
			t.Errorf("second report after %v: %s", got[1].at, s)
		}
		last := got[len(got)-1]
		if !last.Complete || last.at != 6*time.Second || state(last.Report) != "A failed (no answer in time), B answered, C failed (no answer in time), D failed (no answer in time), E answered, F failed (could not be reached)" {
			t.Errorf("complete %v after %v: %s", last.Complete, last.at, state(last.Report))
		}
		for k, r := range got {
			if r.Complete != (k == len(got)-1) {
				t.Errorf("report %d of %d is complete: %v", k+1, len(got), r.Complete)
			}
		}
	})
}

func TestASlowHistoryDelaysTheFirstReportABitAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := lookup.NewInvestigator(seats(&outside{name: "A", delay: 50 * time.Millisecond}), lookup.Options{History: records{delay: time.Hour}})
		got := watch(t, t.Context(), v)
		if got[0].at != 600*time.Millisecond || state(got[0].Report) != "A answered" || got[0].HistoryState != lookup.Asking {
			t.Errorf("first report after %v: %+v", got[0].at, got[0].Report)
		}
		last := got[len(got)-1]
		if last.HistoryState != lookup.Failed || last.HistoryReason != lookup.TimedOut || last.at > 8*time.Second || last.Failures() != 1 {
			t.Errorf("last report after %v: %+v", last.at, last.Report)
		}
	})
}

// A source that heeds no deadline is left behind.
func TestASourceThatIgnoresItsDeadlineIsLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		stubborn := stubbornSource{release}
		v := lookup.NewInvestigator([]lookup.Seat{{Source: stubborn, Local: true}}, lookup.Options{})
		got := watch(t, t.Context(), v)
		if last := got[len(got)-1]; last.at != 8*time.Second || state(last.Report) != "stubborn failed (no answer in time)" {
			t.Errorf("after %v: %s", last.at, state(last.Report))
		}
		close(release)
		synctest.Wait()
	})
}

type stubbornSource struct{ release chan struct{} }

func (stubbornSource) Name() string                { return "stubborn" }
func (stubbornSource) Takes(lookup.Indicator) bool { return true }
func (s stubbornSource) Look(context.Context, lookup.Indicator) (lookup.Result, error) {
	<-s.release
	return lookup.Result{}, nil
}

func TestDefectsAndStopsAreNamed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := lookup.NewInvestigator(seats(&outside{name: "A", panics: true}, &outside{name: "B", result: lookup.Result{Says: "b"}}), lookup.Options{History: records{says: "panic"}})
		got := watch(t, t.Context(), v)
		last := got[len(got)-1]
		if state(last.Report) != "A failed ("+string(lookup.Defect)+"), B answered" || last.HistoryState != lookup.Failed || last.HistoryReason != lookup.Defect {
			t.Errorf("%s, history %s (%s)", state(last.Report), last.HistoryState, last.HistoryReason)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		cancel()
		v = lookup.NewInvestigator(seats(&outside{name: "A", delay: time.Minute}), lookup.Options{})
		got = watch(t, ctx, v)
		if last := got[len(got)-1]; last.at != 0 || state(last.Report) != "A failed ("+string(lookup.Stopped)+")" {
			t.Errorf("stopped after %v: %s", last.at, state(last.Report))
		}
		time.Sleep(10 * time.Second) // the question itself goes on until its own deadline
	})
}

func TestWhatArrivesDuringAnUpdateIsCollected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var all []*outside
		for k := range 10 {
			all = append(all, &outside{name: fmt.Sprint(k), delay: time.Duration(k*100) * time.Millisecond})
		}
		v := lookup.NewInvestigator(seats(all...), lookup.Options{})
		busy, n := false, 0
		v.Investigate(t.Context(), lookup.Query{Indicator: indicator(t, "198.51.100.7")}, func(lookup.Report) {
			if busy {
				t.Error("two updates at once")
			}
			busy = true
			time.Sleep(500 * time.Millisecond) // as slow as chat may be
			busy = false
			n++
		})
		if n > 4 {
			t.Errorf("%d updates for ten answers", n)
		}
	})
}

func TestAnswersAreKeptAndQuestionsShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		good := &outside{name: "good", delay: time.Second, result: lookup.Result{Says: "yes"}}
		none := &outside{name: "none", delay: time.Second, result: lookup.Result{Nothing: "nothing"}}
		bad := &outside{name: "bad", delay: time.Second, err: errors.New("down")}
		all := seats(good, none, bad)
		all[1].Limits.Nothing = time.Minute
		v := lookup.NewInvestigator(all, lookup.Options{})
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() { watch(t, t.Context(), v) })
		}
		group.Wait()
		if good.asked.Load() != 1 || none.asked.Load() != 1 || bad.asked.Load() != 1 {
			t.Errorf("20 at once asked %d, %d, %d times", good.asked.Load(), none.asked.Load(), bad.asked.Load())
		}
		first := watch(t, t.Context(), v)[0]
		if s := state(first.Report); s != "good answered, none answered, bad asking" || !first.Entries[0].Kept || first.at != 0 {
			t.Errorf("what is remembered comes after %v: %s", first.at, s)
		}
		if good.asked.Load() != 1 || none.asked.Load() != 1 || bad.asked.Load() != 2 {
			t.Errorf("asked again: %d, %d, %d", good.asked.Load(), none.asked.Load(), bad.asked.Load())
		}
		time.Sleep(2 * time.Minute)
		watch(t, t.Context(), v)
		if good.asked.Load() != 1 || none.asked.Load() != 2 {
			t.Errorf("after two minutes: %d, %d", good.asked.Load(), none.asked.Load())
		}
		time.Sleep(time.Hour)
		watch(t, t.Context(), v)
		if good.asked.Load() != 2 {
			t.Errorf("after an hour: %d", good.asked.Load())
		}
	})
}

// One who gives up must not spoil the answer for the others.
func TestASharedQuestionOutlivesWhoAskedFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		slow := &outside{name: "slow", delay: 2 * time.Second, result: lookup.Result{Says: "yes"}}
		v := lookup.NewInvestigator(seats(slow), lookup.Options{})
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() { watch(t, ctx, v) })
		synctest.Wait()
		group.Go(func() {
			got := watch(t, t.Context(), v)
			if last := got[len(got)-1]; state(last.Report) != "slow answered" {
				t.Error(state(last.Report))
			}
		})
		time.Sleep(time.Second)
		cancel()
		group.Wait()
		if slow.asked.Load() != 1 {
			t.Errorf("asked %d times", slow.asked.Load())
		}
	})
}
