package intake

import (
	"context"
	"math/rand/v2"
	"time"
)

// backoff returns a random time around first·2^(n-1), at most limit, for the
// n-th failure in a row: between three quarters of it and all of it.
func backoff(first, limit time.Duration, n int) time.Duration {
	d := first
	for i := 1; i < n && d < limit; i++ {
		d *= 2
	}
	return jitter(min(d, limit))
}

func jitter(d time.Duration) time.Duration {
	if d < 4 {
		return d
	}
	return d*3/4 + rand.N(d/4)
}

// laterDelay hides a message that is to be tried again: about 10 s, then three
// times as long each time, up to ten minutes.
func laterDelay(receives int) time.Duration {
	d := 10 * time.Second
	for i := 1; i < receives && d < 10*time.Minute; i++ {
		d *= 3
	}
	return jitter(min(d, 10*time.Minute))
}

// parkedDelay hides a message that waits for the dead-letter queue: soon there
// where the queue has one, and hardly a burden where it has none.
func parkedDelay(receives int) time.Duration {
	return backoff(30*time.Second, time.Hour, max(1, receives-20))
}

// sleep reports whether d has passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
