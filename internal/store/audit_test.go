package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

func openDoc(id string, timer time.Time) store.Write {
	return store.Write{ID: id, Body: []byte("x"), Open: true, Timer: timer}
}

func wantReport(t *testing.T, got, want store.Report) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(store.Report{}, "Took"), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("audit (-want +got):\n%s", diff)
	}
}

func one(id string) store.Anomaly { return store.Anomaly{Count: 1, IDs: []string{id}} }

// TestAudit spoils one thing at a time: the audit reports it, repairs it, and
// finds nothing the next time.
func TestAudit(t *testing.T) {
	t.Parallel()
	sound := store.Report{Open: 2, Timers: 2, Effects: 2}
	for name, c := range map[string]struct {
		spoil [][]any
		want  func(*store.Report)
		after func(*store.Report) // how the sound state differs after the repair
	}{
		"nothing": {},
		"timer lost": {[][]any{{"zrem", "{sb}:timers", "a"}},
			func(r *store.Report) { r.OpenWithoutTimer = one("a") }, nil},
		"document lost": {[][]any{{"del", "{sb}:d:a"}},
			func(r *store.Report) { r.OpenWithoutDoc = one("a"); r.Timers = 1 }, func(r *store.Report) { r.Open, r.Timers = 1, 1 }},
		"timer of nothing": {[][]any{{"zadd", "{sb}:timers", t0.UnixMilli(), "ghost"}},
			func(r *store.Report) { r.TimerWithoutDoc = one("ghost"); r.Timers = 3 }, nil},
		"timer overdue": {[][]any{{"zadd", "{sb}:timers", t0.Add(-time.Minute).UnixMilli() - 1, "a"}},
			func(r *store.Report) { r.TimerOverdue = one("a") }, func(r *store.Report) { r.TimerOverdue = one("a") }},
		"timer not yet overdue": {[][]any{{"zadd", "{sb}:timers", t0.Add(-time.Minute).UnixMilli(), "a"}}, nil, nil},
		"entry of nothing": {[][]any{{"zadd", "{sb}:lane:page", t0.UnixMilli(), "ghost"}},
			func(r *store.Report) { r.EntryWithoutTask = one("ghost") }, nil},
		"effect in no lane": {[][]any{{"zrem", "{sb}:lane:page", "e"}},
			func(r *store.Report) { r.EffectWithoutLane = one("e") }, nil},
		"effect of a later version": {[][]any{{"hset", "{sb}:effects", "new", "0 0 telepathy {}\n"}},
			func(r *store.Report) { r.Effects = 3 }, func(r *store.Report) { r.Effects = 3 }},
		"wiped": {[][]any{{"flushall"}},
			func(r *store.Report) { *r = store.Report{EpochChanged: true, LostCommits: 1} },
			func(r *store.Report) { *r = store.Report{EpochChanged: true} }},
		"rewound": {[][]any{{"set", "{sb}:seq", 0}},
			func(r *store.Report) { r.LostCommits = 1 }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, b backend) {
				s := open(t, b.addr)
				must(t, s, store.Commit{Op: "1", Writes: []store.Write{openDoc("a", t0.Add(time.Hour)), openDoc("b", t0.Add(time.Hour)), put("closed", 0, "x")},
					Plan: []store.Effect{effect("e", store.LanePage, t0), effect("f", store.LaneRecord, t0)}})
				for _, cmd := range c.spoil {
					b.do(cmd...)
				}
				wanted, after := sound, sound
				if c.want != nil {
					c.want(&wanted)
				}
				if c.after != nil {
					c.after(&after)
				}
				first := audit(t, s, t0)
				wantReport(t, first, wanted)
				if first.OK() != (c.want == nil || name == "effect of a later version") {
					t.Errorf("OK() = %v for %+v", first.OK(), first)
				}
				wantReport(t, audit(t, s, t0), after)
			})
		})
	}
}

func TestAuditRepairsAreDueNow(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Writes: []store.Write{openDoc("a", t0.Add(time.Hour))}, Plan: []store.Effect{effect("e", store.LanePage, t0.Add(time.Hour))}})
		b.do("del", "{sb}:timers", "{sb}:lane:page")
		audit(t, s, t0)
		due, err := s.DueTimers(context.Background(), t0, 9, time.Minute)
		if err != nil || len(due) != 1 || due[0].ID != "a" {
			t.Fatalf("due: %v, %v", due, err)
		}
		if got := claim(t, s, store.LanePage, t0, 9); len(got) != 1 {
			t.Fatal("the effect was not put back")
		}
	})
}

func TestClaimSkipsAnEntryWithoutRecord(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Plan: []store.Effect{effect("e", store.LanePage, t0)}})
		b.do("zadd", "{sb}:lane:page", t0.Add(-time.Hour).UnixMilli(), "ghost")
		if got := ids(claim(t, s, store.LanePage, t0, 1)); got != "[]" {
			t.Fatalf("claimed %s", got)
		}
		if got := ids(claim(t, s, store.LanePage, t0, 1)); got != "[e]" {
			t.Fatalf("the ghost stands in the way: %s", got)
		}
	})
}

// TestAuditOfTenThousandOpenDocuments repairs every document, and then holds
// the audit to the promised second.
func TestAuditOfTenThousandOpenDocuments(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	s := open(t, srv.Addr)
	fill(t, s, 10_000, func(i int) store.Commit {
		id := fmt.Sprintf("case:%d", i)
		return store.Commit{Op: id, Writes: []store.Write{openDoc(id, t0)}, Plan: []store.Effect{effect(id, store.LanePage, t0)}}
	})
	srv.Do("del", "{sb}:timers", "{sb}:lane:page")
	r := audit(t, s, t0)
	if r.Open < 10_000 || r.OpenWithoutTimer.Count != 10_000 || r.EffectWithoutLane.Count != 10_000 || len(r.OpenWithoutTimer.IDs) != 20 {
		t.Fatalf("audit: %+v", r)
	}
	best := r.Took
	for range 5 { // the machine may be busy with other tests
		if r = audit(t, s, t0); !r.OK() {
			t.Fatalf("after the repair: %+v", r)
		}
		best = min(best, r.Took)
	}
	if best > time.Second {
		t.Errorf("the audit took %v", best)
	}
}

// fill commits n changes, a hundred in a round trip.
func fill(t testing.TB, s *store.Store, n int, change func(i int) store.Commit) {
	t.Helper()
	for i := 0; i < n; {
		var batch []store.Commit
		for ; i < n && len(batch) < 100; i++ {
			batch = append(batch, change(i))
		}
		for _, err := range s.Commit(context.Background(), batch...) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
