package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// maxClockError is the largest uncertainty of a reading that is believed once
// there is a better one: half of the time the answer took.
const maxClockError = 500 * time.Millisecond

// TimeSource is a Store as the Clock needs it.
type TimeSource interface {
	Time(ctx context.Context) (time.Time, error)
}

// Clock is the store's clock, read without a round trip. All replicas that use
// it agree on what time it is, even when the clock of one host is wrong or
// jumps: between two readings it runs on the host's monotonic clock.
type Clock struct {
	src  TimeSource
	done chan struct{}

	mu   sync.Mutex
	base time.Time // the store's time...
	at   time.Time // ...at this local instant, which has a monotonic reading
	skew time.Duration
	err  error // of the last reading
}

// NewClock reads the store's clock, and again at every interval until ctx is
// done. It fails when the first reading does.
func NewClock(ctx context.Context, src TimeSource, every time.Duration) (*Clock, error) {
	if every <= 0 {
		return nil, fmt.Errorf("new clock: %w: no interval", ErrUsage)
	}
	c := &Clock{src: src, done: make(chan struct{})}
	if err := c.Sync(ctx); err != nil {
		return nil, fmt.Errorf("new clock: %w", err)
	}
	go c.run(ctx, every)
	return c, nil
}

func (c *Clock) run(ctx context.Context, every time.Duration) {
	defer close(c.done)
	t := time.NewTicker(every)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			_ = c.Sync(ctx) // kept for Err; the clock runs on meanwhile
		}
	}
}

// Sync reads the store's clock now. A reading that took too long to be exact
// is ignored when there is a better one.
func (c *Clock) Sync(ctx context.Context) error {
	before := time.Now()
	t, err := c.src.Time(ctx)
	took := time.Since(before)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err = err; err != nil {
		return err
	}
	if took/2 <= maxClockError || c.base.IsZero() {
		c.base, c.at = t.UTC(), before.Add(took/2)
	}
	return nil
}

// Now is the store's time, in UTC, plus the skew.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base.Add(time.Since(c.at) + c.skew)
}

// Offset is how far the local wall clock is behind the store's, without the skew.
func (c *Clock) Offset() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	return c.base.Add(now.Sub(c.at)).Sub(now.Round(0))
}

// Skew moves Now by d, on top of earlier calls: for tests and the demo, which
// cannot wait for a deadline.
func (c *Clock) Skew(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.skew += d
}

// Err is the error of the last reading, nil if it succeeded.
func (c *Clock) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Wait returns when the Clock has ended after its ctx.
func (c *Clock) Wait() { <-c.done }
