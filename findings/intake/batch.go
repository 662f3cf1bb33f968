package intake

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/securitybot/securitybot/internal/failpoint"
)

// panicked is the outcome of an arrival on which the handler panicked.
const panicked Outcome = -1

// work takes a batch from its receipt to its end.
func (p *Poller) work(s scope, got []*inflight) {
	failpoint.Hit("intake.received")
	stop := p.keep(s, got)
	jobs, poison, retry := p.admit(s, got)
	if len(poison) > 0 { // beside the others, whom it must not delay
		p.batches.Go(func() { p.parkAll(s, poison) })
	}
	jobs = p.offer(s, jobs)
	stop()
	failpoint.Hit("intake.handled")
	p.conclude(s, jobs, retry)
}

// offer gives the handler a batch until there is an answer other than Later
// for some of it, or no time is left.
func (p *Poller) offer(s scope, jobs []*job) []*job {
	if len(jobs) == 0 {
		return jobs
	}
	ctx, cancel := context.WithTimeout(s.work, p.cfg.MaxHold)
	defer cancel()
	defer context.AfterFunc(ctx, func() { p.overrun(ctx, jobs) })()
	batch := make([]Arrival, len(jobs))
	for i, j := range jobs {
		batch[i] = j.arrival
	}
	for try := 1; ; try++ {
		for i, o := range p.handle(ctx, batch) {
			jobs[i].outcome = o
		}
		if anyHandled(jobs) {
			p.outage.over(time.Now())
		}
		if !allLater(jobs) {
			return jobs
		}
		p.outage.failed(jobs, time.Now())
		if !p.hold(ctx, s.run, backoff(time.Second, probeEvery, try)) {
			return jobs
		}
	}
}

// overrun holds it against messages that the handler did not come back in time.
func (p *Poller) overrun(ctx context.Context, jobs []*job) {
	if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return
	}
	p.log.Error("handler has taken too long", "messages", len(jobs), "limit", p.cfg.MaxHold)
	for _, j := range jobs {
		p.memory.blame(j.m.id)
	}
}

// hold waits for d, and reports whether there is time for one more attempt.
func (p *Poller) hold(ctx, run context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	both, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(run, cancel)()
	return sleep(both, d)
}

func anyHandled(jobs []*job) bool {
	return slices.ContainsFunc(jobs, func(j *job) bool { return j.outcome == Handled })
}

func allLater(jobs []*job) bool {
	return !slices.ContainsFunc(jobs, func(j *job) bool { return j.outcome != Later })
}

// handle asks the handler. When it panics, each arrival is offered alone, to
// find the one that is to blame.
func (p *Poller) handle(ctx context.Context, batch []Arrival) []Outcome {
	out, ok := p.attempt(ctx, batch)
	if ok || len(batch) == 1 {
		return out
	}
	for i := range batch {
		one, _ := p.attempt(ctx, batch[i:i+1])
		out[i] = one[0]
	}
	return out
}

// attempt calls the handler once. Its answer is always as long as the batch.
func (p *Poller) attempt(ctx context.Context, batch []Arrival) (out []Outcome, ok bool) {
	defer func() {
		if r := recover(); r != nil {
			p.metrics.panics.Inc()
			p.log.Error("handler panicked", "messages", len(batch), "panic", fmt.Sprint(r), "stack", string(debug.Stack()))
			out, ok = fillOutcomes(len(batch), panicked), false
		}
	}()
	out = p.handler.HandleArrivals(ctx, batch)
	if len(out) != len(batch) {
		p.log.Error("handler gave the wrong number of outcomes", "messages", len(batch), "outcomes", len(out))
		return fillOutcomes(len(batch), Later), true
	}
	for i, o := range out {
		if o != Handled {
			out[i] = Later
		}
	}
	return out, true
}

func fillOutcomes(n int, o Outcome) []Outcome {
	out := make([]Outcome, n)
	for i := range out {
		out[i] = o
	}
	return out
}

// conclude settles what the handler has answered.
func (p *Poller) conclude(s scope, jobs []*job, later []*inflight) {
	var handled []*inflight
	var poison []*job
	for _, j := range jobs {
		switch {
		case j.outcome == panicked:
			p.memory.blame(j.m.id)
			j.parked = Parked{Kind: KindPanic, Reason: "handling it panics", Body: head(j.m.body, 0)}
			poison = append(poison, j)
		case j.outcome == Handled && j.parked.Kind != "":
			p.metrics.handled.Inc()
			poison = append(poison, j)
		case j.outcome == Handled:
			p.metrics.handled.Inc()
			handled = append(handled, j.m)
		default:
			later = append(later, j.m)
		}
	}
	p.deletes.add(s.calls, handled)
	p.later(s, later)
	if len(poison) > 0 {
		p.parkAll(s, poison)
	}
}

// later hands messages back, each for as long as its history says. At the end
// of the run they are handed back for everybody.
func (p *Poller) later(s scope, ms []*inflight) {
	p.metrics.later.Add(float64(len(ms)))
	ending := s.run.Err() != nil
	p.leave(s.calls, settle(ms), func(m *inflight) time.Duration {
		if ending {
			return 0
		}
		return laterDelay(m.receives)
	})
}

// parkAll gives messages to the parker and leaves them in the queue. What
// cannot be parked now is parked when it is received again.
func (p *Poller) parkAll(s scope, jobs []*job) {
	ctx, cancel := context.WithTimeout(s.calls, min(callTimeout, p.cfg.Visibility/3))
	defer cancel()
	var parked, later []*inflight
	for _, j := range jobs {
		if err := p.park(ctx, j); err != nil {
			p.log.Warn("message not parked", "message", j.m.id, "kind", j.parked.Kind, "error", err)
			later = append(later, j.m)
			continue
		}
		p.metrics.parked.WithLabelValues(j.parked.Kind).Inc()
		p.log.Warn("message parked", "message", j.m.id, "kind", j.parked.Kind, "reason", j.parked.Reason)
		if j.outcome == panicked { // it may go better next time, until it is quarantined
			later = append(later, j.m)
			continue
		}
		p.memory.park(j.m.id)
		parked = append(parked, j.m)
	}
	failpoint.Hit("intake.parked")
	p.leave(s.calls, settle(later), func(m *inflight) time.Duration { return laterDelay(m.receives) })
	p.leave(s.calls, settle(parked), func(m *inflight) time.Duration { return parkedDelay(m.receives) })
}

// park hands one message to the parker, whose panics are contained, too.
func (p *Poller) park(ctx context.Context, j *job) (err error) {
	defer func() {
		if r := recover(); r != nil {
			p.metrics.panics.Inc()
			err = fmt.Errorf("parker panicked: %v", r)
		}
	}()
	j.parked.Queue, j.parked.MessageID, j.parked.At = p.cfg.QueueURL, j.m.id, time.Now().UTC()
	return p.parker.Park(ctx, j.parked)
}

// settle returns those messages about which nobody has decided yet.
func settle(ms []*inflight) []*inflight {
	var out []*inflight
	for _, m := range ms {
		if m.settle() {
			out = append(out, m)
		}
	}
	return out
}
