package bot

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/audit"
)

// Refusals are recorded too, but nobody waits for it and nothing depends on it:
// somebody who presses buttons they may not press cannot fill the log.
const (
	maxRefusals     = 64 // waiting to be written
	refusalBatch    = 16 // written in one commit
	refusalWindow   = 10 * time.Minute
	refusalsOfActor = 5   // recorded in a window
	refusalsOfAll   = 100 // recorded in a window
)

// auditRefusal records that somebody was refused something. It returns at once.
// What exceeds the limits is counted, and the number is told by the next record
// of the kind.
func (b *Bot) auditRefusal(r audit.Record) {
	l := b.auditLog
	now := b.clock.Now()
	r.Decision = audit.Refused
	if r.At.IsZero() {
		r.At = now
	}
	ok, skipped := l.limit.allow(r.Actor, now)
	if !ok {
		l.leftOut.WithLabelValues("rate").Inc()
		return
	}
	if skipped > 0 {
		detail := map[string]string{"not_recorded_before": strconv.Itoa(skipped)}
		for k, v := range r.Detail {
			detail[k] = v
		}
		r.Detail = detail
	}
	select {
	case l.refusals <- r:
	default:
		l.leftOut.WithLabelValues("full").Inc()
		l.limit.skip()
	}
}

// writeRefusals records what waits, first included.
func (b *Bot) writeRefusals(ctx context.Context, first audit.Record) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	batch := []audit.Record{first}
	for more := true; more && len(batch) < refusalBatch; {
		select {
		case r := <-b.auditLog.refusals:
			batch = append(batch, r)
		default:
			more = false
		}
	}
	err := b.changeAudited(ctx, func(t *tx, _ time.Time) error {
		for _, r := range batch {
			if err := t.audit(ctx, r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.auditLog.leftOut.WithLabelValues("store").Add(float64(len(batch)))
		b.log.Warn("refusals were not recorded", "count", len(batch), "error", err)
	}
}

// refusalLimit bounds what is recorded in a window, for each actor and for all.
type refusalLimit struct {
	mu      sync.Mutex
	start   time.Time
	actors  map[string]int
	all     int
	skipped int
}

// allow says whether one more may be recorded, and how many were not since the
// last one that was.
func (r *refusalLimit) allow(actor string, now time.Time) (ok bool, skipped int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if now.Sub(r.start) >= refusalWindow || r.actors == nil {
		r.start, r.actors, r.all = now, map[string]int{}, 0
	}
	if r.all >= refusalsOfAll || r.actors[actor] >= refusalsOfActor {
		r.skipped++
		return false, 0
	}
	r.all++
	r.actors[actor]++
	skipped, r.skipped = r.skipped, 0
	return true, skipped
}

func (r *refusalLimit) skip() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.skipped++
}
