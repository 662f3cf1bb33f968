package chat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// supervisor keeps the Socket Mode connections up. Each slot runs one
// connection and, when Slack announces that it will end, opens the next before
// the old one closes; the slots share one gate, so that trouble never becomes a
// storm of attempts. What arrives goes through dedupe and a bounded queue to
// the workers. See docs/adr/0004.
type supervisor struct {
	s    *Slack
	gate gate
	seen *envelopes
	jobs chan job
	tail chan struct{} // bounds what runs after the acknowledgement

	mu       sync.Mutex
	live     map[*conn]struct{}
	fault    error // why no connection is possible until somebody acts
	draining bool
	work     sync.WaitGroup // envelopes under way, with what follows them
	reading  sync.WaitGroup // goroutines of connections

	appID atomic.Pointer[string]
}

func (p *supervisor) init(s *Slack) {
	p.s = s
	p.gate = gate{spacing: s.cfg.Timing.Spacing, crowded: s.cfg.Timing.Crowded}
	p.seen = newEnvelopes()
	p.jobs = make(chan job, 16*s.cfg.Workers)
	p.tail = make(chan struct{}, 64)
	p.live = map[*conn]struct{}{}
}

// Run keeps the bot connected until ctx ends. Then it takes no more envelopes,
// waits up to Config.DrainTimeout for those under way, and closes the
// connections. It is called once.
func (s *Slack) Run(ctx context.Context) error {
	if s.handler == nil {
		return errors.New("chat: Run needs a handler")
	}
	p := &s.sup
	if !p.introduce(ctx) {
		return nil
	}
	// Work under way outlives ctx: it is drained, not torn.
	base, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var workers, slots sync.WaitGroup
	for range s.cfg.Workers {
		workers.Go(func() { p.worker(base) })
	}
	for n := range s.cfg.Connections {
		slots.Go(func() { p.slot(ctx, n) })
	}
	slots.Go(func() { p.recheck(ctx) })
	<-ctx.Done()
	p.drain()
	slots.Wait()
	p.closeAll("shutdown")
	stop()
	await(&p.reading, time.Second)
	await(&workers, time.Second) // a handler that ignores its context is left behind
	return nil
}

// await waits for wg, at most for d.
func await(wg *sync.WaitGroup, d time.Duration) bool {
	finished := make(chan struct{})
	go func() {
		wg.Wait()
		close(finished)
	}()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-finished:
		return true
	case <-timer.C:
		return false
	}
}

// recheck notices that a refused bot token is good again although nobody
// speaks.
func (p *supervisor) recheck(ctx context.Context) {
	for sleep(ctx, p.s.cfg.Timing.Refused) == nil {
		if p.s.via.lost.Load() != nil {
			_ = p.s.identify(ctx) // the transport notes the outcome
		}
	}
}

// introduce asks Slack who the bot is, until it answers.
func (p *supervisor) introduce(ctx context.Context) bool {
	for failures := 1; ; failures++ {
		err := p.s.identify(ctx)
		if err == nil {
			p.blame(nil)
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		p.blame(fmt.Errorf("cannot authenticate with slack: %w", err))
		p.s.log.Error("cannot authenticate with slack", "code", code(err), "kind", KindOf(err).String())
		if sleep(ctx, p.pauseAfter(err, failures)) != nil {
			return false
		}
	}
}

// pauseAfter returns how long to wait after the n-th failure in a row.
func (p *supervisor) pauseAfter(err error, n int) time.Duration {
	t := p.s.cfg.Timing
	if e, ok := errors.AsType[*Error](err); ok {
		switch e.Kind {
		case Auth:
			return jitter(t.Refused)
		case RateLimited:
			return e.RetryAfter
		}
	}
	return p.backoff(n)
}

func (p *supervisor) backoff(failures int) time.Duration {
	t := p.s.cfg.Timing
	d := t.Spacing << min(failures-1, 10)
	return jitter(min(d, t.MaxBackoff))
}

// jitter returns between 75 % and 125 % of d.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + time.Duration(rand.Int64N(int64(d)/2+1))
}

// slot keeps one connection up until ctx ends. A connection that Slack wants
// replaced is read on until its successor is up.
func (p *supervisor) slot(ctx context.Context, n int) {
	log := p.s.log.With("slot", n)
	var old *conn
	for failures := 0; p.gate.wait(ctx) == nil; {
		c, err := p.open(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			failures++
			log.Warn("cannot connect to slack", "code", code(err), "failures", failures)
			if sleep(ctx, p.afterRefusal(err, failures)) != nil {
				return
			}
			continue
		}
		if before := old; before != nil {
			p.reading.Go(func() { before.linger(p.s.cfg.Timing.Overlap) })
		}
		old = c
		reason := p.watch(ctx, c)
		age := time.Since(c.opened)
		if failures++; age >= p.s.cfg.Timing.ShortLived {
			failures = 0
		}
		if ctx.Err() != nil {
			return
		}
		log.Info("a connection to slack is replaced", "reason", reason, "age", age.Round(time.Second).String(), "failures", failures)
		if sleep(ctx, p.afterEnd(reason, failures)) != nil {
			return
		}
	}
}

// watch returns when the connection has ended or Slack wants it replaced, and
// says why.
func (p *supervisor) watch(ctx context.Context, c *conn) string {
	young := time.NewTimer(p.s.cfg.Timing.ShortLived)
	defer young.Stop()
	for {
		select {
		case <-young.C:
			p.gate.calm()
		case <-c.retiring:
			return c.why()
		case <-c.done:
			return c.why()
		case <-ctx.Done():
			return "shutdown"
		}
	}
}

// afterRefusal returns how long this slot waits after a failed attempt.
func (p *supervisor) afterRefusal(err error, failures int) time.Duration {
	switch KindOf(err) {
	case Auth:
		p.blame(fmt.Errorf("slack refuses the app token: %w", err))
	case RateLimited:
		e, _ := errors.AsType[*Error](err)
		p.gate.hold(e.RetryAfter)
		return 0
	default:
		if c := code(err); c == reasonDisabled {
			p.blame(errSocketModeOff)
			return jitter(p.s.cfg.Timing.Refused)
		} else if c == reasonCrowded || failures > 1 {
			p.gate.trouble()
		}
	}
	return p.pauseAfter(err, failures)
}

// afterEnd returns how long this slot waits after a connection that was up.
func (p *supervisor) afterEnd(reason string, failures int) time.Duration {
	switch {
	case reason == reasonDisabled:
		p.blame(errSocketModeOff)
		return jitter(p.s.cfg.Timing.Refused)
	case reason == reasonCrowded:
		p.gate.trouble()
		return p.backoff(max(failures, 1))
	case failures > 1:
		p.gate.trouble()
		return p.backoff(failures)
	case failures == 1:
		return p.backoff(1)
	}
	return 0
}

// accept admits one envelope to the work under way, unless the bot is
// shutting down.
func (p *supervisor) accept() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.draining {
		return false
	}
	p.work.Add(1)
	return true
}

// drain stops taking envelopes and waits for those under way.
func (p *supervisor) drain() {
	p.mu.Lock()
	p.draining = true
	p.mu.Unlock()
	if !await(&p.work, p.s.cfg.DrainTimeout) {
		p.s.log.Warn("stopped while chat work was under way")
	}
}

// closeAll says goodbye on all connections at once.
func (p *supervisor) closeAll(reason string) {
	p.mu.Lock()
	var parting sync.WaitGroup
	for c := range p.live {
		parting.Go(func() { c.bye(reason) })
	}
	p.mu.Unlock()
	parting.Wait()
}
