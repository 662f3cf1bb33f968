package store_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/securitybot/securitybot/internal/store"
)

// remote is a clock elsewhere: off by some amount, slow to answer, or failing.
type remote struct {
	mu         sync.Mutex
	off, delay time.Duration
	err        error
	reads      int
}

func (r *remote) set(off, delay time.Duration, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off, r.delay, r.err = off, delay, err
}

// Time answers from the middle of its delay, in the time of a synctest bubble.
func (r *remote) Time(context.Context) (time.Time, error) {
	r.mu.Lock()
	off, delay, err := r.off, r.delay, r.err
	r.reads++
	r.mu.Unlock()
	time.Sleep(delay / 2)
	t := time.Now().Add(off)
	time.Sleep(delay - delay/2)
	return t, err
}

func near(t *testing.T, what string, got, want, by time.Duration) {
	t.Helper()
	if d := got - want; d < -by || d > by {
		t.Errorf("%s is %v, want %v", what, got, want)
	}
}

func TestClockFollowsTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		src := &remote{off: 10 * time.Minute, delay: 100 * time.Millisecond}
		c, err := store.NewClock(ctx, src, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "offset", c.Offset(), 10*time.Minute, time.Microsecond)
		near(t, "Now", time.Until(c.Now()), 10*time.Minute, time.Microsecond)
		time.Sleep(30 * time.Second)
		near(t, "Now later", time.Until(c.Now()), 10*time.Minute, time.Microsecond)
		src.set(-5*time.Minute, src.delay, nil)
		time.Sleep(31 * time.Second)
		near(t, "Now after a reading", time.Until(c.Now()), -5*time.Minute, time.Microsecond)
		src.mu.Lock()
		defer src.mu.Unlock()
		if src.reads != 2 || c.Now().Location() != time.UTC {
			t.Errorf("%d readings, %v", src.reads, c.Now().Location())
		}
		cancel()
		c.Wait()
	})
}

func TestClockKeepsRunningOnBadReadings(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		src := &remote{off: time.Hour}
		c, err := store.NewClock(ctx, src, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		src.set(2*time.Hour, 3*time.Second, nil) // too slow to be exact
		time.Sleep(64 * time.Second)
		near(t, "offset after a slow reading", c.Offset(), time.Hour, 0)
		down := errors.New("down")
		src.set(2*time.Hour, 0, down)
		time.Sleep(time.Minute)
		near(t, "offset after a failed reading", c.Offset(), time.Hour, 0)
		if !errors.Is(c.Err(), down) {
			t.Errorf("Err() = %v", c.Err())
		}
		src.set(2*time.Hour, 0, nil)
		time.Sleep(time.Minute)
		near(t, "offset after a good reading", c.Offset(), 2*time.Hour, 0)
		if c.Err() != nil {
			t.Errorf("Err() = %v", c.Err())
		}
		cancel()
		c.Wait()
	})
}

func TestClockSkew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c, err := store.NewClock(ctx, &remote{}, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		c.Skew(time.Hour)
		c.Skew(time.Minute)
		near(t, "Now", time.Until(c.Now()), 61*time.Minute, 0)
		near(t, "offset", c.Offset(), 0, 0)
		time.Sleep(2 * time.Minute)
		near(t, "Now after a reading", time.Until(c.Now()), 61*time.Minute, 0)
		cancel()
		c.Wait()
	})
}

func TestClockNeedsAFirstReading(t *testing.T) {
	t.Parallel()
	down := errors.New("down")
	if _, err := store.NewClock(t.Context(), &remote{err: down}, time.Minute); !errors.Is(err, down) {
		t.Errorf("new clock: %v", err)
	}
	if _, err := store.NewClock(t.Context(), &remote{}, 0); !errors.Is(err, store.ErrUsage) {
		t.Errorf("no interval: %v", err)
	}
}

func TestClocksOfReplicasAgree(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		ctx, cancel := context.WithCancel(context.Background())
		var clocks [2]*store.Clock
		for i := range clocks {
			c, err := store.NewClock(ctx, open(t, b.addr), time.Minute)
			if err != nil {
				t.Fatal(err)
			}
			clocks[i] = c
		}
		near(t, "difference", clocks[1].Now().Sub(clocks[0].Now()), 0, 500*time.Millisecond)
		cancel()
		for _, c := range clocks {
			c.Wait()
		}
	})
}

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
