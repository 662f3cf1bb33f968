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
	m  map[string]chan struct{}
}

func (w *wakes) channel(name string) chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.m == nil {
		w.m = map[string]chan struct{}{}
	}
	if w.m[name] == nil {
		w.m[name] = make(chan struct{}, 1)
	}
	return w.m[name]
}

func (w *wakes) wake(name string) {
	select {
	case w.channel(name) <- struct{}{}:
	default:
	}
}

// wait returns after d or a wake; false when the context has ended.
func (w *wakes) wait(ctx context.Context, name string, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-w.channel(name):
	case <-t.C:
	}
	return ctx.Err() == nil
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

// Wake makes all loops look at once, e.g. because the clock was moved.
func (b *Bot) Wake() { b.kick() }
