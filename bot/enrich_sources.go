package bot

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/enrich"
	"github.com/securitybot/securitybot/responders/inventory"
	"github.com/securitybot/securitybot/responders/portmap"
	"github.com/securitybot/securitybot/responders/trail"
)

// looking is what the bot may ask AWS about findings. What is nil is not asked:
// the policy then decides without it, and never for less attention.
type looking struct {
	ports     *portmap.Map
	portJob   *portmap.Job // scans by itself; nil leaves that to others
	portEvery time.Duration
	inventory *inventory.Inventory
	trail     *trail.Lookup
}

// source answers one look-up of the policy: a value, or an error that wraps
// enrich.ErrUnavailable. What it does not know it leaves out.
type source func(ctx context.Context, f *findings.Finding) (any, error)

// sources lists who answers which look-up of the policy.
func (b *Bot) sources() map[string]source {
	out := map[string]source{"by_ip": b.enrichByIP}
	if b.looking.ports != nil || b.looking.inventory != nil {
		out["resource"] = b.enrichResource
	}
	if b.looking.trail != nil {
		out["api_calls"] = b.enrichCalls
	}
	return out
}

// runPortMap keeps the map of ports fresh.
func (b *Bot) runPortMap(ctx context.Context) {
	if b.looking.portJob != nil && b.looking.portEvery > 0 {
		b.looking.portJob.Loop(ctx, b.looking.portEvery)
	}
}

const (
	// enrichTimeout bounds the look-ups that a decision hangs on: slower is
	// unavailable, which raises attention.
	enrichTimeout = 2 * time.Second
	// contextTimeout bounds those that only tell people more: a page does not wait
	// for them (P21).
	contextTimeout = 900 * time.Millisecond
)

// enrichAll asks for several look-ups at once, so that slow ones do not add up.
func (b *Bot) enrichAll(ctx context.Context, limit time.Duration, names []string, f *findings.Finding) (facts map[string]any, unavailable map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, max(limit, b.patience))
	defer cancel()
	facts, unavailable = map[string]any{}, map[string]string{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, name := range names {
		group.Go(func() {
			v, err := b.enrich(ctx, name, f)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				b.log.Debug("a look-up is unavailable", "look-up", name, "error", err)
				unavailable[name] = err.Error()
				return
			}
			facts[name] = v
		})
	}
	group.Wait()
	return facts, unavailable
}

func (b *Bot) enrich(ctx context.Context, name string, f *findings.Finding) (v any, err error) {
	defer func() {
		if p := recover(); p != nil {
			v, err = nil, fmt.Errorf("%s: %w: panic: %v", name, enrich.ErrUnavailable, p)
		}
	}()
	ask, ok := b.sources()[name]
	if !ok {
		return b.people.Enrich(ctx, name, f)
	}
	if b.pauses.paused(name) {
		return nil, fmt.Errorf("%s: %w: it did not answer in time a moment ago", name, enrich.ErrUnavailable)
	}
	v, err = ask(ctx, f)
	if ctx.Err() != nil {
		b.pauses.pause(name)
	}
	return v, err
}

// contextKey is under what a source may leave sentences for people; the policy
// does not see them.
const contextKey = "context"

// contextOf collects the sentences that the sources left, in the order of names.
func contextOf(facts map[string]any, names ...string) []string {
	var out []string
	for _, name := range names {
		if m, ok := facts[name].(map[string]any); ok {
			lines, _ := m[contextKey].([]string)
			out = append(out, lines...)
		}
	}
	return out
}
