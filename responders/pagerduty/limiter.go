package pagerduty

import (
	"sync"
	"time"
)

// limiter keeps one key within its events per minute. It never waits: it says
// how long to wait. Triggers may use the whole allowance at once, so that the
// first pages of a storm leave immediately; resolves leave a quarter of it to
// them.
type limiter struct {
	mu     sync.Mutex
	sent   []time.Time // ring of the last cap(sent) sends
	next   int         // the oldest once the ring is full
	until  time.Time   // PagerDuty asked for a pause
	window time.Duration
}

func newLimiter(perMinute int) *limiter {
	return &limiter{sent: make([]time.Time, 0, min(perMinute, 10_000)), window: time.Minute}
}

// take takes one event from the allowance and returns zero, or returns how long
// to wait for it.
func (l *limiter) take(now time.Time, urgent bool) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Before(l.until) {
		return l.until.Sub(now)
	}
	most := cap(l.sent)
	if !urgent {
		most = max(1, most*3/4)
	}
	if wait := l.window - now.Sub(l.nthLast(most)); wait > 0 {
		return wait
	}
	if len(l.sent) < cap(l.sent) {
		l.sent = append(l.sent, now)
	} else {
		l.sent[l.next] = now
		l.next = (l.next + 1) % len(l.sent)
	}
	return 0
}

// nthLast is when the n-th last event was sent, long ago when there are fewer.
func (l *limiter) nthLast(n int) time.Time {
	if n > len(l.sent) {
		return time.Time{}
	}
	return l.sent[(l.next+len(l.sent)-n)%len(l.sent)]
}

// pause holds everything back because PagerDuty said so.
func (l *limiter) pause(now time.Time, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := now.Add(d); until.After(l.until) {
		l.until = until
	}
}
