package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

func redisMini(t testing.TB) string { return redistest.Mini(t).Addr() }

func done(e store.Effect) store.Done { return store.Done{ID: e.ID, Fence: e.Fence} }

func TestClaimOrderAndContent(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Plan: []store.Effect{
			effect("third", store.LaneNotify, t0.Add(2*time.Second)), effect("first", store.LaneNotify, t0),
			effect("second", store.LaneNotify, t0.Add(time.Second)), effect("later", store.LaneNotify, t0.Add(time.Hour)),
			effect("page", store.LanePage, t0)}})
		now := t0.Add(time.Minute)
		if got := ids(claim(t, s, store.LaneNotify, now, 2)); got != "[first second]" {
			t.Fatalf("claimed %s", got)
		}
		third := claim(t, s, store.LaneNotify, now, 10)
		wanted := effect("third", store.LaneNotify, t0.Add(2*time.Second))
		wanted.Attempt, wanted.Fence = 1, third[0].Fence
		if diff := cmp.Diff([]store.Effect{wanted}, third); diff != "" {
			t.Fatal(diff)
		}
		if got := claim(t, s, store.LaneNotify, now, 10); len(got) != 0 {
			t.Fatalf("claimed while leased: %s", ids(got))
		}
		if got := ids(claim(t, s, store.LanePage, now, 10)); got != "[page]" {
			t.Fatalf("the page lane gave %s", got)
		}
	})
}

func TestNothingIsDueEarly(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		due := t0.Add(500 * time.Microsecond)
		must(t, s, store.Commit{Op: "1", Plan: []store.Effect{effect("e", store.LanePage, due)},
			Writes: []store.Write{{ID: "a", Body: []byte("x"), Timer: due, Open: true}}})
		for _, now := range []time.Time{t0, due.Add(-1)} {
			timers, err := s.DueTimers(context.Background(), now, 9, time.Minute)
			if got := claim(t, s, store.LanePage, now, 9); err != nil || len(got)+len(timers) != 0 {
				t.Fatalf("%v before it is due: %v %v %v", due.Sub(now), got, timers, err)
			}
		}
		if got := claim(t, s, store.LanePage, t0.Add(time.Millisecond), 9); len(got) != 1 {
			t.Fatal("not due a millisecond later")
		}
	})
}

func TestLeaseExpiryAndFencing(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		slow, quick := open(t, b.addr), open(t, b.addr)
		must(t, slow, store.Commit{Op: "1", Plan: []store.Effect{effect("e", store.LanePage, t0)}})
		first := claim(t, slow, store.LanePage, t0, 1)[0]
		if got := claim(t, quick, store.LanePage, t0.Add(time.Minute-time.Millisecond), 1); len(got) != 0 {
			t.Fatal("claimed before the lease ended")
		}
		second := claim(t, quick, store.LanePage, t0.Add(time.Minute), 1)[0]
		if second.Fence <= first.Fence || second.Attempt != 2 {
			t.Fatalf("first %+v, second %+v", first, second)
		}
		want(t, slow, store.Commit{Op: "2", Done: []store.Done{done(first)}}, store.ErrFenced)
		if err := slow.Retry(context.Background(), done(first), t0); !errors.Is(err, store.ErrFenced) {
			t.Fatalf("retry by the slow one: %v", err)
		}
		until := t0.Add(3 * time.Minute)
		results, err := slow.Extend(context.Background(), []store.Done{done(first), done(second), {ID: "none", Fence: 1}}, until)
		if err != nil || !errors.Is(results[0], store.ErrFenced) || results[1] != nil || !errors.Is(results[2], store.ErrFenced) {
			t.Fatalf("extend: %v, %v", results, err)
		}
		if got := claim(t, slow, store.LanePage, until.Add(-time.Millisecond), 1); len(got) != 0 {
			t.Fatal("the lease was not extended")
		}
		must(t, quick, store.Commit{Op: "3", Done: []store.Done{done(second)}})
		want(t, quick, store.Commit{Op: "4", Done: []store.Done{done(second)}}, store.ErrFenced)
		if got := claim(t, slow, store.LanePage, t0.Add(time.Hour), 1); len(got) != 0 {
			t.Fatal("still there when done")
		}
	})
}

func TestLeaseThatEndedUnnoticedCanBeExtended(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Plan: []store.Effect{effect("e", store.LanePage, t0)}})
		e := claim(t, s, store.LanePage, t0, 1)[0]
		results, err := s.Extend(context.Background(), []store.Done{done(e)}, t0.Add(time.Hour))
		if err != nil || results[0] != nil {
			t.Fatal(results, err)
		}
		if got := claim(t, s, store.LanePage, t0.Add(30*time.Minute), 1); len(got) != 0 {
			t.Fatal("claimed although extended")
		}
	})
}

func TestRetry(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Plan: []store.Effect{effect("e", store.LanePage, t0)}})
		e := claim(t, s, store.LanePage, t0, 1)[0]
		due := t0.Add(10 * time.Second)
		for range 2 { // the answer may be lost
			if err := s.Retry(context.Background(), done(e), due); err != nil {
				t.Fatal(err)
			}
		}
		want(t, s, store.Commit{Op: "2", Done: []store.Done{done(e)}}, store.ErrFenced)
		if r, err := s.Extend(context.Background(), []store.Done{done(e)}, due); err != nil || !errors.Is(r[0], store.ErrFenced) {
			t.Fatalf("extend what was given back: %v, %v", r, err)
		}
		if got := claim(t, s, store.LanePage, due.Add(-time.Millisecond), 1); len(got) != 0 {
			t.Fatal("due too early")
		}
		again := claim(t, s, store.LanePage, due, 1)
		if len(again) != 1 || again[0].Attempt != 2 || again[0].Fence <= e.Fence || string(again[0].Body) != "body of e" {
			t.Fatalf("claimed again: %+v", again)
		}
		if err := s.Retry(context.Background(), done(e), due); !errors.Is(err, store.ErrFenced) {
			t.Fatalf("the first holder, after the second claim: %v", err)
		}
	})
}

func TestFenceGrowsAfterTheServerForgotIt(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		plan := store.Commit{Op: "1", Plan: []store.Effect{effect("e", store.LanePage, t0)}}
		must(t, s, plan)
		before := claim(t, s, store.LanePage, t0, 1)[0]
		b.do("flushall")
		must(t, s, plan)
		after := claim(t, s, store.LanePage, t0.Add(time.Second), 1)[0]
		if after.Fence <= before.Fence {
			t.Fatalf("fence %d after %d", after.Fence, before.Fence)
		}
		want(t, s, store.Commit{Op: "2", Done: []store.Done{done(before)}}, store.ErrFenced)
	})
}

func TestPlanIsIdempotentAndCancelStops(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Plan: []store.Effect{effect("e", store.LanePage, t0), effect("f", store.LaneNotify, t0)}})
		e := claim(t, s, store.LanePage, t0, 1)[0]
		again := effect("e", store.LaneNotify, t0)
		again.Body = []byte("other")
		must(t, s, store.Commit{Op: "2", Plan: []store.Effect{again}})
		if got := ids(claim(t, s, store.LaneNotify, t0, 9)); got != "[f]" {
			t.Fatalf("planned twice: %s", got)
		}
		must(t, s, store.Commit{Op: "3", Cancel: []string{"e", "f", "never planned"}})
		want(t, s, store.Commit{Op: "4", Done: []store.Done{done(e)}}, store.ErrFenced)
		if r, err := s.Extend(context.Background(), []store.Done{done(e)}, t0); err != nil || !errors.Is(r[0], store.ErrFenced) {
			t.Fatalf("extend what was cancelled: %v %v", r, err)
		}
		must(t, s, store.Commit{Op: "5", Cancel: []string{"e"}, Plan: []store.Effect{effect("e", store.LanePage, t0)}})
		if got := claim(t, s, store.LanePage, t0, 9); len(got) != 1 || got[0].Attempt != 1 || got[0].Fence <= e.Fence {
			t.Fatalf("planned anew after cancelling: %+v", got)
		}
	})
}

func TestDueTimers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s, other := open(t, b.addr), open(t, b.addr)
		for i, id := range []string{"c", "b", "a"} {
			must(t, s, store.Commit{Op: id, Writes: []store.Write{{ID: id, Body: []byte("x"), Timer: t0.Add(time.Duration(i) * time.Second), Open: true}}})
		}
		now := t0.Add(time.Second)
		got, err := s.DueTimers(context.Background(), now, 9, time.Minute)
		if diff := cmp.Diff([]store.Due{{ID: "c", At: t0}, {ID: "b", At: now}}, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		if got, err := other.DueTimers(context.Background(), now.Add(time.Second), 9, time.Minute); err != nil || len(got) != 1 || got[0].ID != "a" {
			t.Fatalf("the other replica got %v, %v", got, err)
		}
		must(t, s, store.Commit{Op: "disarm", Writes: []store.Write{put("b", 1, "closed")}})
		must(t, s, store.Commit{Op: "delete", Writes: []store.Write{{ID: "a", IfVersion: 1}}})
		got, err = other.DueTimers(context.Background(), now.Add(time.Hour), 1, time.Minute)
		if err != nil || len(got) != 1 || got[0].ID != "c" {
			t.Fatalf("after the hold: %v, %v", got, err)
		}
		if got, err := other.DueTimers(context.Background(), now.Add(time.Hour), 9, time.Minute); err != nil || len(got) != 0 {
			t.Fatalf("disarmed or deleted, and still: %v, %v", got, err)
		}
	})
}

func TestDepth(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Plan: []store.Effect{
			effect("a", store.LaneNotify, t0), effect("b", store.LaneNotify, t0.Add(time.Second)), effect("c", store.LaneNotify, t0.Add(time.Hour)), effect("d", store.LanePage, t0)}})
		claim(t, s, store.LanePage, t0, 1)
		got, err := s.Depth(context.Background(), t0.Add(time.Second))
		wanted := map[store.Lane]store.LaneDepth{store.LaneNotify: {Waiting: 2, Oldest: t0, Planned: 3},
			store.LanePage: {Planned: 1}, store.LaneInquiry: {}, store.LaneRecord: {}, store.LaneAct: {}}
		if diff := cmp.Diff(wanted, got); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
	})
}

func TestClaimUsage(t *testing.T) {
	t.Parallel()
	s := open(t, redisMini(t))
	ctx := context.Background()
	if _, err := s.Claim(ctx, "fax", t0, 1, time.Minute); !errors.Is(err, store.ErrUsage) {
		t.Errorf("unknown lane: %v", err)
	}
	if _, err := s.Claim(ctx, store.LanePage, t0, 1, 0); !errors.Is(err, store.ErrUsage) {
		t.Errorf("no lease: %v", err)
	}
	if err := s.Retry(ctx, store.Done{ID: "e"}, t0); !errors.Is(err, store.ErrUsage) {
		t.Errorf("no fence: %v", err)
	}
	if out, err := s.Extend(ctx, nil, t0); out != nil || err != nil {
		t.Errorf("nothing to extend: %v %v", out, err)
	}
}
