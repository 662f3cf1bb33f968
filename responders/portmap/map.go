package portmap

import (
	"context"
	"fmt"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/enrich"
)

// Map answers questions from what is on a shelf.
type Map struct {
	Shelf Shelf
	Rules Rules
	Now   func() time.Time // nil is time.Now
}

// Covers says whether the balancer alone explains a probe of these ports. The
// error wraps enrich.ErrUnavailable whenever there is any doubt about the map.
func (m *Map) Covers(ctx context.Context, q Question) (Answer, error) {
	cov, known, entries, err := m.Shelf.Look(ctx, q.Place, q.Instance)
	if err != nil {
		return Answer{}, fmt.Errorf("port map: %w: %w", enrich.ErrUnavailable, err)
	}
	now := time.Now
	if m.Now != nil {
		now = m.Now
	}
	return Judge(q, cov, known, entries, m.Rules, now())
}

// About puts the question a finding raises.
func (m *Map) About(ctx context.Context, f *findings.Finding) (Answer, error) {
	return m.Covers(ctx, Question{Place: Place{Account: f.Account, Region: f.Region}, Instance: f.Instance.ID, Ports: f.LocalPorts})
}
