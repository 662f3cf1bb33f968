package bot

import (
	"context"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

// wakes lets a commit wake the loop it has work for, without waiting for the
// next poll.
type wakes struct {
	mu sync.Mutex
	m  map[string]*wake
}

// wake is what one loop waits for.
type wake struct {
	c       chan struct{}
	called  bool // and not looked yet
	resting bool // the loop waits
}

// of returns the wake of a loop. Callers hold mu.
func (w *wakes) of(name string) *wake {
	if w.m == nil {
		w.m = map[string]*wake{}
	}
	if w.m[name] == nil {
		w.m[name] = &wake{c: make(chan struct{}, 1)}
	}
	return w.m[name]
}

func (w *wakes) wake(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.of(name)
	l.called = true
	select {
	case l.c <- struct{}{}:
	default:
	}
}

// wait returns after d or a wake; false when the context has ended.
func (w *wakes) wait(ctx context.Context, name string, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	c := w.rest(name)
	select {
	case <-ctx.Done():
		return false // it rests for good
	case <-c:
	case <-t.C:
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.of(name)
	l.called, l.resting = false, false
	return ctx.Err() == nil
}

func (w *wakes) rest(name string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := w.of(name)
	l.resting = true
	return l.c
}

// quiet says whether all loops wait, and none was woken.
func (w *wakes) quiet() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.m {
		if l.called || !l.resting {
			return false
		}
	}
	return true
}

// wakeFor wakes the loops that have something to do after commits, and only
// those. What is due later is found by their polls.
func (b *Bot) wakeFor(commits []store.Commit, now time.Time) {
	for _, c := range commits {
		for i := range c.Plan {
			if !c.Plan[i].Due.After(now) {
				b.wakes.wake(string(c.Plan[i].Lane))
			}
		}
		for i := range c.Writes {
			if at := c.Writes[i].Timer; !at.IsZero() && !at.After(now) {
				b.wakes.wake("timers")
			}
		}
	}
}

// kick wakes all loops.
func (b *Bot) kick() {
	for _, lane := range store.Lanes {
		b.wakes.wake(string(lane))
	}
	b.wakes.wake("timers")
}

// Busy says whether anything is being performed right now, or looked for.
func (b *Bot) Busy() bool { return b.held.count() > 0 || !b.wakes.quiet() }

// Wake makes all loops look at once, e.g. because the clock was moved.
func (b *Bot) Wake() {
	b.kick()
	if b.sweeper != nil {
		b.wakes.wake("sweep")
	}
}
