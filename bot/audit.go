package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// auditEvery is how often the store's promises are checked: every open
// document has exactly one armed timer, every planned effect is due some time.
const auditEvery = time.Minute

// overdue is how late a timer or effect may be before it counts as stuck.
const overdue = 5 * time.Minute

// runAuditor checks, repairs and raises the alarm.
func (b *Bot) runAuditor(ctx context.Context) {
	for {
		b.audit(ctx)
		if !sleep(ctx, auditEvery) {
			return
		}
	}
}

func (b *Bot) audit(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	now := b.clock.Now()
	r, err := b.store.Audit(ctx, now, overdue)
	if err != nil {
		if ctx.Err() == nil {
			b.log.Warn("audit of the store failed", "error", err)
		}
		return
	}
	b.reportAudit(r)
	b.metrics.lastAudit.Set(float64(now.Unix()))
	depths, err := b.store.Depth(ctx, now)
	if err != nil {
		return
	}
	for lane, d := range depths {
		b.metrics.waiting.WithLabelValues(string(lane)).Set(float64(d.Waiting))
		age := 0.0
		if !d.Oldest.IsZero() && d.Oldest.Before(now) {
			age = now.Sub(d.Oldest).Seconds()
		}
		b.metrics.oldest.WithLabelValues(string(lane)).Set(age)
	}
}

// reportAudit makes every anomaly a figure and a log line.
func (b *Bot) reportAudit(r store.Report) {
	for what, n := range map[string]int{"open_without_timer": r.OpenWithoutTimer.Count, "open_without_document": r.OpenWithoutDoc.Count,
		"timer_without_document": r.TimerWithoutDoc.Count, "timer_overdue": r.TimerOverdue.Count, "effect_without_record": r.EntryWithoutTask.Count,
		"effect_without_lane": r.EffectWithoutLane.Count, "effect_unreadable": r.EffectUnreadable.Count, "lost_commits": int(r.LostCommits)} {
		b.metrics.audit.WithLabelValues(what).Set(float64(n))
		if n > 0 {
			b.log.Error("the audit found something wrong", "what", what, "count", n)
		}
	}
	if r.EpochChanged {
		b.log.Error("the store was wiped or replaced while running: open cases from before are gone")
	}
}

// checkEpoch tells a wiped store from an empty one and says so loudly.
func (b *Bot) checkEpoch(ctx context.Context) {
	id, created, err := b.store.Epoch(ctx)
	switch {
	case err != nil:
		b.log.Warn("the store's epoch cannot be read", "error", err)
	case created:
		b.log.Warn("the store is new or was wiped: open cases of an earlier store, if there was one, are gone", "epoch", id)
	}
}

// parkedNotices says what kinds of unusable message were announced lately.
type parkedNotices struct {
	mu sync.Mutex
	at map[string]time.Time
}

const (
	parkedTTL    = 14 * 24 * time.Hour
	parkedNotice = time.Hour
)

// Park keeps an unusable message with its reason, and announces the first of a
// kind each hour. The message itself stays in the queue for the dead letters.
func (b *Bot) Park(ctx context.Context, p intake.Parked) error {
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("encode parked message: %w", err)
	}
	b.metrics.parked.WithLabelValues(p.Kind).Inc()
	id := "x:" + short(p.Queue+"|"+p.MessageID+"|"+p.Reason)
	announce := b.notices.due(p.Kind, b.clock.Now())
	err = b.change(ctx, func(t *tx, now time.Time) error {
		known, err := t.loadRaw(ctx, id)
		if err != nil {
			return err
		}
		if len(known) > 0 {
			return errGiveUp
		}
		t.putRaw(id, body, parkedTTL)
		if announce {
			t.plan(store.Effect{ID: "parked/" + short(p.Kind+now.Truncate(parkedNotice).String()), Lane: store.LaneNotify, Kind: kindParked,
				Group: b.routes.Security, Doc: id, Planned: now, Due: now})
		}
		return nil
	})
	if err != nil && announce {
		b.notices.forget(p.Kind)
	}
	if err == nil {
		b.log.Warn("a message could not be used", "kind", p.Kind, "reason", p.Reason, "message", p.MessageID)
	}
	return err
}

func (n *parkedNotices) due(kind string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.at == nil {
		n.at = map[string]time.Time{}
	}
	if last, ok := n.at[kind]; ok && now.Sub(last) < parkedNotice {
		return false
	}
	n.at[kind] = now
	return true
}

// forget lets the next message of the kind be announced after all.
func (n *parkedNotices) forget(kind string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.at, kind)
}

// kindParked announces that messages arrive that cannot be used.
const kindParked = "parked"

func (b *Bot) doParked(ctx context.Context, e *store.Effect) error {
	body, err := b.begin().loadRaw(ctx, e.Doc)
	if err != nil {
		return err
	}
	var p intake.Parked
	if err := json.Unmarshal(body, &p); err == nil {
		m := message.Message{}.Title(message.L("A message could not be used"))
		m = m.Para(message.L("Something arrived in the queue that I cannot read, so it was put aside and left for the dead-letter queue: ").V(p.Reason))
		m = m.Note(message.L("Kind ").Code(p.Kind).L(" · message ").Code(p.MessageID).L(" · further ones of this kind are counted, and announced once an hour."))
		if _, err := b.post(ctx, e, b.routes.Security, "", m, false); err != nil && !permanent(err) {
			return err
		}
	}
	return b.change(ctx, func(t *tx, _ time.Time) error { t.finish(e); return nil })
}
