package bot

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/store"
)

// kindDigest is one message about several cases: what a channel gets instead
// of many when more arrives than chat takes.
const kindDigest = "digest"

const (
	digestFrom = 4  // waiting for one channel
	digestMost = 15 // cases in one message
)

// channelQueues holds the first messages that wait for a place in their
// channel's lane: in order, one at a time, and as a digest when they pile up.
type channelQueues struct {
	mu sync.Mutex
	m  map[string][]queued
}

type queued struct {
	e    *store.Effect
	free func()
}

// add queues an effect and starts the channel's worker when it has none.
func (q *channelQueues) add(ctx context.Context, b *Bot, e *store.Effect, free func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.m == nil {
		q.m = map[string][]queued{}
	}
	waiting, running := q.m[e.Group]
	q.m[e.Group] = append(waiting, queued{e, free})
	if !running {
		b.workers.Go(func() { b.runChannel(ctx, e.Group) })
	}
}

// next takes what is to be done next: one effect, or enough notices for a
// digest. Nothing left ends the worker.
func (q *channelQueues) next(group string) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.m[group]
	if len(all) == 0 {
		delete(q.m, group)
		return nil
	}
	var notices, rest []queued
	for _, item := range all {
		if item.e.Kind == cases.KindNotice && len(notices) < digestMost {
			notices = append(notices, item)
		} else {
			rest = append(rest, item)
		}
	}
	if len(notices) >= digestFrom {
		q.m[group] = rest
		return notices
	}
	q.m[group] = all[1:]
	return all[:1]
}

// runChannel works off one channel's queue.
func (b *Bot) runChannel(ctx context.Context, group string) {
	for {
		items := b.channels.next(group)
		if items == nil {
			return
		}
		if len(items) > 1 {
			b.bundle(ctx, group, items)
		} else {
			b.perform(ctx, items[0].e)
		}
		for _, item := range items {
			item.free()
		}
	}
}

// digestEntry is one case of a digest.
type digestEntry struct {
	Case   string `json:"c"`
	Effect string `json:"e"`
}

// bundle replaces waiting notices by one planned digest, atomically: a crash
// leaves either the notices or the digest.
func (b *Bot) bundle(ctx context.Context, group string, items []queued) {
	entries := make([]digestEntry, len(items))
	t := b.begin()
	for i, item := range items {
		entries[i] = digestEntry{Case: caseOf(item.e), Effect: item.e.ID}
		t.finish(item.e)
	}
	body, err := json.Marshal(entries)
	if err != nil {
		b.log.Error("digest not planned", "error", err)
		return
	}
	now := b.clock.Now()
	t.plan(store.Effect{ID: "digest/" + short(items[0].e.ID+now.String()), Lane: store.LaneNotify, Kind: kindDigest, Group: group,
		Body: body, Planned: now, Due: now})
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), effectTimeout)
	defer cancel()
	failpoint.Hit("digest.before-plan")
	if err := b.commit(work, t)[0]; err != nil {
		b.log.Warn("digest not planned, the messages go one by one", "channel", group, "error", err)
		for _, item := range items {
			b.giveBack(item.e, time.Second)
		}
		return
	}
	failpoint.Hit("digest.planned")
	b.metrics.effects.WithLabelValues(cases.KindNotice, "bundled").Add(float64(len(items)))
	b.wakes.wake(string(store.LaneNotify))
}
