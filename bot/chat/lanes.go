package chat

import (
	"context"
	"slices"
	"sync"
	"time"
)

// lanes hands out slots for posts. Slack takes about one post a second into
// one channel and several hundred a minute into all of a workspace
// (docs.slack.dev, "Rate limits"). Whoever wants to post waits here for both;
// urgent ones go before others, and otherwise it is first come, first served.
// A post that Slack refused with 429 all the same pauses its channel, and when
// a second channel is refused meanwhile, the workspace.
//
// There is no goroutine: whoever arrives, leaves or is woken by the one timer
// hands out what is due.
type lanes struct {
	mu       sync.Mutex
	all      bucket
	interval time.Duration
	burst    int
	channels map[string]*lane
	waiting  map[*lane]struct{} // the lanes somebody waits in
	seq      uint64
	timer    *time.Timer
	refused  refusal
	depth    func(urgent bool, delta int) // for the metric
}

// bucket is a token bucket that can be paused. A zero interval never delays.
type bucket struct {
	interval time.Duration // per token
	burst    int
	tokens   float64
	at       time.Time // when tokens was right
	paused   time.Time // nothing before this
}

type lane struct {
	bucket
	queue [2][]*waiter // urgent, others
}

type waiter struct {
	seq     uint64
	ready   chan struct{}
	granted bool
}

type refusal struct {
	channel string
	until   time.Time
}

func newLanes(cfg Config) *lanes {
	every := time.Duration(float64(time.Second) / cfg.PostsPerSecond)
	return &lanes{
		all:      newBucket(every, cfg.PostBurst),
		interval: cfg.ChannelInterval,
		burst:    cfg.ChannelBurst,
		channels: map[string]*lane{},
		waiting:  map[*lane]struct{}{},
		depth:    func(bool, int) {},
	}
}

func newBucket(interval time.Duration, burst int) bucket {
	return bucket{interval: interval, burst: burst, tokens: float64(burst)}
}

// readyAt returns when the next token can be taken, which may be in the past.
func (b *bucket) readyAt(now time.Time) time.Time {
	if b.at.IsZero() {
		b.at = now
	}
	if gone := now.Sub(b.at); gone > 0 && b.interval > 0 {
		b.tokens = min(float64(b.burst), b.tokens+float64(gone)/float64(b.interval))
		b.at = now
	}
	at := now
	// The margin forgives what floating point loses between two refills.
	if missing := 1 - b.tokens; b.interval > 0 && missing > 1e-6 {
		at = now.Add(time.Duration(missing*float64(b.interval)) + time.Microsecond)
	}
	if b.paused.After(at) {
		at = b.paused
	}
	return at
}

func (b *bucket) take() {
	if b.interval > 0 {
		b.tokens--
	}
}

func (b *bucket) idle(now time.Time) bool {
	at := b.readyAt(now)
	return !at.After(now) && b.tokens >= float64(b.burst)
}

// wait blocks until it is this post's turn or ctx ends.
func (l *lanes) wait(ctx context.Context, channel string, urgent bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	l.mu.Lock()
	ln := l.lane(channel)
	l.seq++
	w := &waiter{seq: l.seq, ready: make(chan struct{})}
	q := queueIndex(urgent)
	ln.queue[q] = append(ln.queue[q], w)
	l.waiting[ln] = struct{}{}
	l.depth(urgent, 1)
	l.dispatch(time.Now())
	l.mu.Unlock()
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if w.granted {
		return nil // the slot is taken already: better used than lost
	}
	if i := slices.Index(ln.queue[q], w); i >= 0 {
		ln.queue[q] = slices.Delete(ln.queue[q], i, i+1)
	}
	l.depth(urgent, -1)
	l.settle(ln)
	return ctx.Err()
}

// pause holds back a channel whose post was refused with 429.
func (l *lanes) pause(channel string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	until := now.Add(d)
	ln := l.lane(channel)
	ln.paused = later(ln.paused, until)
	if l.refused.channel != channel && l.refused.until.After(now) {
		l.all.paused = later(l.all.paused, until)
	}
	l.refused = refusal{channel: channel, until: until}
	l.dispatch(now)
}

// dispatch hands out every slot that is due and arms the timer for the next.
func (l *lanes) dispatch(now time.Time) {
	for len(l.waiting) > 0 {
		if at := l.all.readyAt(now); at.After(now) {
			l.arm(at.Sub(now))
			return
		}
		ln, q, next := l.first(now)
		if ln == nil {
			l.arm(next.Sub(now))
			return
		}
		w := ln.queue[q][0]
		ln.queue[q] = ln.queue[q][1:]
		ln.take()
		l.all.take()
		l.depth(q == 0, -1)
		w.granted = true
		close(w.ready)
		l.settle(ln)
	}
	l.forget(now)
}

// first returns the lane and queue whose head is next, or when to look again.
func (l *lanes) first(now time.Time) (best *lane, queue int, next time.Time) {
	for ln := range l.waiting {
		if at := ln.readyAt(now); at.After(now) {
			if next.IsZero() || at.Before(next) {
				next = at
			}
			continue
		}
		q := 0
		if len(ln.queue[0]) == 0 {
			q = 1
		}
		if best == nil || q < queue || q == queue && ln.queue[q][0].seq < best.queue[queue][0].seq {
			best, queue = ln, q
		}
	}
	return best, queue, next
}

func (l *lanes) arm(d time.Duration) {
	if l.timer == nil {
		l.timer = time.AfterFunc(d, func() {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.dispatch(time.Now())
		})
		return
	}
	l.timer.Reset(d)
}

func (l *lanes) lane(channel string) *lane {
	ln := l.channels[channel]
	if ln == nil {
		ln = &lane{bucket: newBucket(l.interval, l.burst)}
		l.channels[channel] = ln
	}
	return ln
}

func (l *lanes) settle(ln *lane) {
	if len(ln.queue[0])+len(ln.queue[1]) == 0 {
		delete(l.waiting, ln)
	}
}

// forget drops lanes that have rested long enough to be as good as new.
func (l *lanes) forget(now time.Time) {
	if len(l.channels) < 1024 {
		return
	}
	for id, ln := range l.channels {
		if _, busy := l.waiting[ln]; !busy && ln.idle(now) {
			delete(l.channels, id)
		}
	}
}

func queueIndex(urgent bool) int {
	if urgent {
		return 0
	}
	return 1
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
