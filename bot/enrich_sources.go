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

// Looking is what the bot may ask AWS about findings. What is nil is not asked:
// the policy then decides without it, and never for less attention.
type Looking struct {
	Ports     *portmap.Map // its Shelf is the bot's own store when nil
	PortJob   *portmap.Job // scans by itself; nil leaves that to others
	PortEvery time.Duration
	Inventory *inventory.Inventory
	Trail     *trail.Lookup
}

// source answers one look-up of the policy: a value, or an error that wraps
// enrich.ErrUnavailable. What it does not know it leaves out.
type source func(ctx context.Context, f *findings.Finding) (any, error)

// sources lists who answers which look-up of the policy.
func (b *Bot) sources() map[string]source {
	out := map[string]source{"by_ip": b.enrichByIP}
	if b.looking.Ports != nil || b.looking.Inventory != nil {
		out["resource"] = b.enrichResource
	}
	if b.looking.Trail != nil {
		out["api_calls"] = b.enrichCalls
	}
	return out
}

// prepare gives the parts that look things up the bot's own store and clock.
func (l Looking) prepare(b *Bot) Looking {
	if l.Ports == nil {
		return l
	}
	ports := *l.Ports
	ports.Now = b.clock.Now
	if ports.Shelf == nil {
		ports.Shelf = portmap.NewDocuments(b.store, 2*ports.Rules.Fresh)
	}
	l.Ports = &ports
	if l.PortJob != nil {
		job := *l.PortJob
		job.Shelf, job.Now, job.Log = ports.Shelf, b.clock.Now, b.log
		l.PortJob = &job
	}
	return l
}

// runPortMap keeps the map of ports fresh.
func (b *Bot) runPortMap(ctx context.Context) {
	if b.looking.PortJob != nil && b.looking.PortEvery > 0 {
		b.looking.PortJob.Loop(ctx, b.looking.PortEvery)
	}
}

// enrichTimeout bounds one enrichment: slower is unavailable, which raises
// attention.
const enrichTimeout = 2 * time.Second

// enrichAll asks for several look-ups at once, so that slow ones do not add up.
func (b *Bot) enrichAll(ctx context.Context, names []string, f *findings.Finding) (facts map[string]any, unavailable map[string]string) {
	ctx, cancel := context.WithTimeout(ctx, enrichTimeout)
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
	if ask, ok := b.sources()[name]; ok {
		return ask(ctx, f)
	}
	return b.people.Enrich(ctx, name, f)
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
