package bot

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/store"
)

// The third line: the clock. One loop claims due timers; one loop a lane claims
// planned effects and performs them. Success, retry and giving up are committed
// the same way as everything else.

const (
	pollEvery   = 500 * time.Millisecond // how long another replica's plans may wait
	timerHold   = 30 * time.Second
	leaseTime   = 15 * time.Second
	leaseBeat   = 5 * time.Second
	claimAtOnce = 50
)

// laneSlots bounds how many effects of a lane are held at once. A page never
// waits for chat because the lanes share nothing.
var laneSlots = map[store.Lane]int{store.LanePage: 32, store.LaneInquiry: 32, store.LaneNotify: 128, store.LaneRecord: 8, store.LaneAct: 8}

// runTimers looks after documents whose timer has run out.
func (b *Bot) runTimers(ctx context.Context) {
	for {
		due, err := b.store.DueTimers(ctx, b.clock.Now(), claimAtOnce, timerHold)
		if err != nil && ctx.Err() == nil {
			b.log.Warn("timers cannot be read", "error", err)
		}
		for _, d := range due {
			failpoint.Hit("timer.claimed")
			if err := b.fire(ctx, d); err != nil && ctx.Err() == nil {
				b.log.Warn("timer not handled, it comes again", "document", d.ID, "error", err)
			}
		}
		if len(due) == claimAtOnce {
			continue
		}
		if !b.wakes.wait(ctx, "timers", pollEvery) {
			return
		}
	}
}

// fire handles one timer.
func (b *Bot) fire(ctx context.Context, d store.Due) error {
	kind, id, _ := strings.Cut(d.ID, ":")
	switch kind {
	case "c":
		return b.change(ctx, func(t *tx, now time.Time) error { return b.tickCase(ctx, t, id, now) })
	case "q":
		return b.tickInquiry(ctx, id)
	case "r":
		return b.tickOperation(ctx, id)
	case "i":
		return b.tickIncident(ctx, id)
	}
	b.log.Error("a timer of an unknown kind is left alone", "document", d.ID)
	return nil
}

func (b *Bot) tickCase(ctx context.Context, t *tx, id string, now time.Time) error {
	c, err := t.loadCase(ctx, id)
	if err != nil {
		return err
	}
	if !c.Known() {
		return errGiveUp
	}
	if c.Overstayed(now) {
		t.endDrill(c, now)
		return nil
	}
	t.plan(c.Tick(now)...)
	t.touch(c)
	if c.Status == cases.Asked {
		return b.checkAsked(ctx, t, c, now)
	}
	return nil
}

// runLane claims and performs the effects of one lane. Slots that become free
// make it look again only while more may be waiting: each look costs a round
// trip.
func (b *Bot) runLane(ctx context.Context, lane store.Lane) {
	slots := make(chan struct{}, laneSlots[lane])
	var backlog atomic.Bool
	free := func() {
		<-slots
		if backlog.Load() {
			b.wakes.wake(string(lane))
		}
	}
	for {
		backlog.Store(true) // before counting: a slot that becomes free meanwhile is not overlooked
		room := min(cap(slots)-len(slots), claimAtOnce)
		if room > 0 {
			n := b.claim(ctx, lane, room, slots, free)
			if n == room {
				continue
			}
			backlog.Store(false)
		}
		if !b.wakes.wait(ctx, string(lane), pollEvery) {
			return
		}
	}
}

// claim takes effects that are due and starts them, as many as there is room
// for, and returns how many it took.
func (b *Bot) claim(ctx context.Context, lane store.Lane, room int, slots chan<- struct{}, free func()) int {
	got, err := b.store.Claim(ctx, lane, b.clock.Now(), room, leaseTime)
	if err != nil && ctx.Err() == nil {
		b.log.Warn("effects cannot be claimed", "lane", lane, "error", err)
	}
	for i := range got {
		failpoint.Hit("effect.claimed")
		slots <- struct{}{}
		b.held.add(&got[i], time.Now())
		b.dispatch(ctx, &got[i], free)
	}
	return len(got)
}

// dispatch performs an effect in its own goroutine, or through the queue of its
// channel so that a backlog becomes a digest.
func (b *Bot) dispatch(ctx context.Context, e *store.Effect, free func()) {
	finish := func() { b.held.remove(e); free() }
	if e.Kind == cases.KindNotice || e.Kind == kindDigest {
		b.channels.add(e, finish, func() { b.workers.Go(func() { b.runChannel(ctx, e.Group) }) })
		return
	}
	b.workers.Go(func() {
		defer finish()
		b.perform(ctx, e)
	})
}

// perform does one effect and deals with what became of it. Work in flight
// outlives ctx by the drain time, so that a stop does not cut it in half.
func (b *Bot) perform(ctx context.Context, e *store.Effect) {
	if ctx.Err() != nil {
		b.giveBack(e, 0)
		return
	}
	work, cancel := context.WithTimeout(context.WithoutCancel(ctx), effectTimeout)
	defer cancel()
	start := time.Now()
	err := b.guard(func() error { return b.do(work, e) })
	b.metrics.effectSeconds.WithLabelValues(e.Kind).Observe(time.Since(start).Seconds())
	b.settle(work, e, err)
}

// effectTimeout bounds one attempt; it is shorter than a lease that is kept
// alive, and longer than any client's own timeout.
const effectTimeout = 20 * time.Second

// settle records the outcome of an attempt.
func (b *Bot) settle(ctx context.Context, e *store.Effect, err error) {
	var wait *later
	switch {
	case err == nil:
		b.metrics.effects.WithLabelValues(e.Kind, "done").Inc()
	case errors.Is(err, store.ErrFenced):
		b.metrics.effects.WithLabelValues(e.Kind, "fenced").Inc()
		b.log.Info("effect was taken over or cancelled", "effect", e.ID)
	case errors.As(err, &wait):
		b.metrics.effects.WithLabelValues(e.Kind, "later").Inc()
		b.giveBack(e, wait.after)
	default:
		wait := backoff(e.Attempt)
		if after := retryAfter(err); after > 0 {
			wait = after
		}
		if errors.Is(err, errChanged) {
			wait = 2 * time.Second // not a failure
		}
		b.metrics.effects.WithLabelValues(e.Kind, "retry").Inc()
		b.log.Warn("effect will be tried again", "effect", e.ID, "kind", e.Kind, "attempt", e.Attempt, "wait", wait.String(), "error", err)
		b.giveBack(e, wait)
	}
}

// giveBack makes an effect due again. When that fails too, its lease runs out.
func (b *Bot) giveBack(e *store.Effect, wait time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	err := b.store.Retry(ctx, store.Done{ID: e.ID, Fence: e.Fence}, b.clock.Now().Add(wait))
	if err != nil && !errors.Is(err, store.ErrFenced) {
		b.log.Warn("effect not given back, its lease will run out", "effect", e.ID, "error", err)
	}
}

// backoff grows from about 1 s to 5 min, with jitter.
func backoff(attempt int) time.Duration {
	d := time.Second << min(max(attempt-1, 0), 8)
	d = min(d, 5*time.Minute)
	return d/2 + rand.N(d/2)
}
