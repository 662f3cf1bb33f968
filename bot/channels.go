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
	digestFrom  = 4  // waiting for one channel
	digestMost  = 15 // cases in one message
	channelOpen = 16 // posts into one channel that chat has not answered yet
)

// channelQueues holds the first messages that wait for a place in their
// channel's lane. One at a time waits for its slot, so that a backlog becomes a
// digest; what has its slot is on its way to chat beside the next.
type channelQueues struct {
	mu sync.Mutex
	m  map[string]*channelQueue
}

type channelQueue struct {
	waiting []queued
	worker  bool          // somebody looks at what waits
	ahead   *store.Effect // what the worker performs and has no slot yet
	open    int           // performed, slot given
	start   func()        // a worker
}

type queued struct {
	e    *store.Effect
	free func()
}

// add queues an effect; start runs a worker for its channel, which is done when
// it has none.
func (q *channelQueues) add(e *store.Effect, free, start func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.m == nil {
		q.m = map[string]*channelQueue{}
	}
	c := q.m[e.Group]
	if c == nil {
		c = &channelQueue{start: start}
		q.m[e.Group] = c
	}
	c.waiting = append(c.waiting, queued{e, free})
	c.more()
}

// more starts a worker when there is something to do and none does it.
func (c *channelQueue) more() {
	if !c.worker && len(c.waiting) > 0 && c.open < channelOpen {
		c.worker = true
		c.start()
	}
}

// next takes what is to be done next: one effect, or enough notices for a
// digest. Nothing left ends the worker.
func (q *channelQueues) next(group string) []queued {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.m[group]
	if len(c.waiting) == 0 || c.open >= channelOpen {
		c.worker = false
		q.forget(group, c)
		return nil
	}
	var notices, rest []queued
	for _, item := range c.waiting {
		if item.e.Kind == cases.KindNotice && len(notices) < digestMost {
			notices = append(notices, item)
		} else {
			rest = append(rest, item)
		}
	}
	if len(notices) >= digestFrom {
		c.waiting = rest
		return notices
	}
	one := c.waiting[:1:1]
	c.waiting, c.ahead = c.waiting[1:], one[0].e
	return one
}

// posting says that an effect has its slot: the next one may wait for the next.
func (q *channelQueues) posting(e *store.Effect) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if c := q.m[e.Group]; c != nil && c.ahead == e {
		c.ahead, c.worker = nil, false
		c.open++
		c.more()
	}
}

// performed ends an effect that next gave out; false when another worker has
// taken over meanwhile.
func (q *channelQueues) performed(e *store.Effect) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.m[e.Group]
	if c.ahead == e { // it came to no slot
		c.ahead = nil
		return true
	}
	c.open--
	c.more()
	q.forget(e.Group, c)
	return false
}

// forget drops a queue without anything in it.
func (q *channelQueues) forget(group string, c *channelQueue) {
	if !c.worker && c.open == 0 && len(c.waiting) == 0 {
		delete(q.m, group)
	}
}

// runChannel works off one channel's queue.
func (b *Bot) runChannel(ctx context.Context, group string) {
	for {
		items := b.channels.next(group)
		if items == nil {
			return
		}
		goOn := true
		if len(items) > 1 {
			b.bundle(ctx, group, items)
		} else {
			b.perform(ctx, items[0].e)
			goOn = b.channels.performed(items[0].e)
		}
		for _, item := range items {
			item.free()
		}
		if !goOn {
			return
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
}
