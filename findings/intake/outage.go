package intake

import (
	"context"
	"sync"
	"time"
)

const (
	// outageSign is how many different messages must fail, with none handled
	// in between, before receiving stops: one message that always fails must
	// not keep the others waiting.
	outageSign = 3
	// outageExcuse is how long after an outage receive counts mean nothing.
	outageExcuse = time.Hour
	probeEvery   = 15 * time.Second
)

// outage is a time in which the handler says Later to everything. Receiving
// then slows down to one message each probeEvery.
type outage struct {
	mu      sync.Mutex
	failing map[string]struct{} // messages since the latest success, at most outageSign
	since   time.Time           // of the outage under way
	ended   time.Time           // of the latest one
	better  chan struct{}       // closed at the end of the outage under way
}

func newOutage() *outage { return &outage{failing: map[string]struct{}{}} }

// failed notes messages that could not be handled.
func (o *outage) failed(jobs []*job, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, j := range jobs {
		if len(o.failing) < outageSign {
			o.failing[j.m.id] = struct{}{}
		}
	}
	if len(o.failing) >= outageSign && o.since.IsZero() {
		o.since, o.better = now, make(chan struct{})
	}
}

// over notes that something was handled.
func (o *outage) over(now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	clear(o.failing)
	if !o.since.IsZero() {
		o.since, o.ended = time.Time{}, now
		close(o.better)
	}
}

// wait returns at once when there is no outage, else at its end or when it is
// time for a probe. ok is false when ctx ended first.
func (o *outage) wait(ctx context.Context) (active, ok bool) {
	o.mu.Lock()
	active, better := !o.since.IsZero(), o.better
	o.mu.Unlock()
	if !active {
		return false, ctx.Err() == nil
	}
	t := time.NewTimer(probeEvery)
	defer t.Stop()
	select {
	case <-better:
		return false, true
	case <-t.C:
		return true, true
	case <-ctx.Done():
		return true, false
	}
}

func (o *outage) began() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.since
}

// explains reports whether a message may have been received often because of
// an outage.
func (o *outage) explains(now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return !o.since.IsZero() || !o.ended.IsZero() && now.Sub(o.ended) < outageExcuse
}
