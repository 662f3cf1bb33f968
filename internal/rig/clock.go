package rig

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/securitybot/securitybot/bot"
)

// Clock is the time of the bot: real time, moved on by hand, or stopped.
type Clock struct {
	skip    atomic.Int64
	stopped atomic.Pointer[time.Time]
}

// Now implements the bot's clock.
func (c *Clock) Now() time.Time {
	at := time.Now()
	if t := c.stopped.Load(); t != nil {
		at = *t
	}
	return at.Add(time.Duration(c.skip.Load()))
}

// Stop lets time pass only by hand from now on.
func (c *Clock) Stop() {
	now := time.Now()
	c.stopped.Store(&now)
}

// Skipped is how far the clock has been moved on.
func (c *Clock) Skipped() time.Duration { return time.Duration(c.skip.Load()) }

// Busy says whether the bots have something to do at this instant: an effect
// that is performed or due.
func (r *Rig) Busy(ctx context.Context) bool {
	if slices.ContainsFunc(r.Bots, (*bot.Bot).Busy) {
		return true
	}
	waiting, _ := r.depth(ctx)
	return waiting > 0
}

// depth counts the effects that are due, and all that are planned; none when the
// store does not answer.
func (r *Rig) depth(ctx context.Context) (waiting, planned int) {
	depth, _ := r.Store.Depth(ctx, r.Clock.Now())
	for _, d := range depth {
		waiting, planned = waiting+d.Waiting, planned+d.Planned
	}
	return waiting, planned
}

// How long Forward waits for what is being performed: where the bots keep to
// Slack's pace they may wait themselves, and somebody looks at the demo.
const (
	patience      = 2 * time.Second
	hastyPatience = 10 * time.Second
)

// Forward moves the time of the bot and of the workspace on, once nothing is
// being performed: a jump over the end of a lease is a crash to everybody else.
func (r *Rig) Forward(d time.Duration) {
	limit := patience
	if r.options.Hasty {
		limit = hastyPatience
	}
	for until := time.Now().Add(limit); r.Busy(context.Background()) && time.Now().Before(until); {
		time.Sleep(time.Millisecond)
	}
	r.Slack.Advance(d + time.Duration(r.lag.Swap(0)))
	r.pass(d)
}

// Pass moves the time of the bots on a little, if all they do is wait for it:
// the queue is empty, and what is planned is not due. What people have in hand in
// the workspace does not get older. It reports whether it did.
func (r *Rig) Pass(ctx context.Context, d time.Duration) bool {
	if r.SQS.Depth(Queue)+r.SQS.InFlight(Queue) > 0 || r.Busy(ctx) {
		return false
	}
	if waiting, planned := r.depth(ctx); waiting > 0 || planned == 0 {
		return false
	}
	r.Jump(d)
	return true
}

// Jump moves the time of the bots on whatever they are doing: who sits on
// something for so long is taken over.
func (r *Rig) Jump(d time.Duration) {
	r.lag.Add(int64(d))
	r.pass(d)
}

func (r *Rig) pass(d time.Duration) {
	r.Clock.skip.Add(int64(d))
	for _, b := range r.Bots {
		b.Wake()
	}
}
