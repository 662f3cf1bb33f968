package chat

import (
	"errors"
	"fmt"
)

var errSocketModeOff = errors.New("socket mode is switched off for the app")

// blame remembers why no connection is possible; nil forgets it.
func (p *supervisor) blame(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault = err
}

// Healthy returns nil while at least one connection is up and Slack takes the
// bot's token, and else what is wrong.
func (s *Slack) Healthy() error {
	if e := s.via.lost.Load(); e != nil {
		return fmt.Errorf("slack refuses the bot token: %w", e)
	}
	p := &s.sup
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case len(p.live) > 0:
		return nil
	case p.fault != nil:
		return p.fault
	}
	return errors.New("no connection to slack")
}

// up notes a connection that Slack has greeted.
func (p *supervisor) up(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.live[c] = struct{}{}
	p.fault = nil
	p.s.metrics.live.Set(float64(len(p.live)))
}

func (p *supervisor) down(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.live, c)
	p.s.metrics.live.Set(float64(len(p.live)))
}
