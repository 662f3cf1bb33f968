package trail

import (
	"context"
	"errors"
	"sync"
	"time"
)

// pace hands out turns: some at once after a pause, then so many a second.
type pace struct {
	mu   sync.Mutex
	next time.Time // when the turn after all those handed out is due, without burst
}

var errNoTurn = errors.New("the service takes two calls a second, and the next turn comes too late")

// wait waits for a turn, or says at once that it would come too late.
func (p *pace) wait(ctx context.Context) error {
	const gap = time.Second / perSecond
	p.mu.Lock()
	now := time.Now()
	if floor := now.Add(-gap * (burst - 1)); p.next.Before(floor) {
		p.next = floor
	}
	turn := p.next
	if deadline, ok := ctx.Deadline(); ok && turn.After(deadline) {
		p.mu.Unlock()
		return errNoTurn
	}
	p.next = p.next.Add(gap)
	p.mu.Unlock()
	t := time.NewTimer(time.Until(turn))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
