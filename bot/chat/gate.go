package chat

import (
	"context"
	"sync"
	"time"
)

// gate spaces the connection attempts of all slots: apps.connections.open is a
// tier 1 method, about one a minute with small bursts.
type gate struct {
	spacing, crowded time.Duration

	mu     sync.Mutex
	next   time.Time
	uneasy bool // keep the wider spacing
}

// wait blocks until an attempt may start.
func (g *gate) wait(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		d := g.try(time.Now())
		if d <= 0 {
			return nil
		}
		if err := sleep(ctx, d); err != nil {
			return err
		}
	}
}

func (g *gate) try(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if d := g.next.Sub(now); d > 0 {
		return d
	}
	step := g.spacing
	if g.uneasy {
		step = g.crowded
	}
	g.next = now.Add(step)
	return 0
}

// hold admits nobody for d.
func (g *gate) hold(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.next = later(g.next, time.Now().Add(d))
}

// trouble widens the spacing until calm.
func (g *gate) trouble() {
	g.hold(g.crowded)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.uneasy = true
}

// calm returns to the ordinary spacing.
func (g *gate) calm() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.uneasy = false
}
