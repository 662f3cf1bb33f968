package bot

import (
	"context"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

// heldEffects are the claimed effects of this process; their leases are kept
// alive while it makes progress.
type heldEffects struct {
	mu sync.Mutex
	m  map[string]heldEffect
}

type heldEffect struct {
	done  store.Done
	since time.Time
}

func (h *heldEffects) add(e *store.Effect, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m == nil {
		h.m = map[string]heldEffect{}
	}
	h.m[e.ID] = heldEffect{store.Done{ID: e.ID, Fence: e.Fence}, now}
}

func (h *heldEffects) remove(e *store.Effect) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.m[e.ID].done.Fence == e.Fence {
		delete(h.m, e.ID)
	}
}

// live lists the held effects that are not older than maxHold: an effect whose
// worker hangs is not kept alive for ever.
func (h *heldEffects) live(now time.Time) []store.Done {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []store.Done
	for _, e := range h.m {
		if now.Sub(e.since) < maxHold {
			out = append(out, e.done)
		}
	}
	return out
}

func (h *heldEffects) count() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.m)
}

// maxHold is how long one process may sit on an effect, waiting included.
const maxHold = 3 * time.Minute

// runLeases keeps the leases of held effects alive.
func (b *Bot) runLeases(ctx context.Context) {
	for sleep(ctx, leaseBeat) {
		live := b.held.live(time.Now())
		if len(live) == 0 {
			continue
		}
		if _, err := b.store.Extend(ctx, live, b.clock.Now().Add(leaseTime)); err != nil && ctx.Err() == nil {
			b.log.Warn("leases cannot be extended", "effects", len(live), "error", err)
		}
	}
}
