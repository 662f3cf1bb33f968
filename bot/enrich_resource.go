package bot

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/enrich"
	"github.com/securitybot/securitybot/responders/inventory"
	"github.com/securitybot/securitybot/responders/portmap"
)

// enrichResource answers "resource": what state the instance is in now, and
// whether a load balancer alone explains what was seen of its ports. Each half
// is left out when it is not known.
func (b *Bot) enrichResource(ctx context.Context, f *findings.Finding) (any, error) {
	if f.Instance.ID == "" {
		return nil, fmt.Errorf("resource: %w: the finding names no instance", enrich.ErrUnavailable)
	}
	out := map[string]any{}
	var lines []string
	var answer portmap.Answer
	var state string
	portsErr, stateErr := enrich.ErrUnavailable, enrich.ErrUnavailable
	var group sync.WaitGroup
	if b.looking.ports != nil && len(f.LocalPorts) > 0 {
		group.Go(func() { answer, portsErr = b.looking.ports.About(ctx, f) })
	}
	if b.looking.inventory != nil {
		group.Go(func() { state, stateErr = b.looking.inventory.State(ctx, f.Account, f.Region, f.Instance.ID) })
	}
	group.Wait()
	if portsErr == nil {
		out["behind_nlb"], out["nlb_covers_ports"] = answer.Behind, answer.Covers
		lines = append(lines, "port map: "+answer.Why)
	}
	if stateErr == nil {
		out["state"], out["terminated"] = state, state == inventory.Terminated
		lines = append(lines, "the instance is "+state)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("resource: %w", errors.Join(portsErr, stateErr))
	}
	if portsErr != nil && len(f.LocalPorts) > 0 {
		lines = append(lines, portsErr.Error())
	}
	out[contextKey] = lines
	return out, nil
}
