package bot

import (
	"context"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// decide asks the policy, fetching the enrichments it wants and only those.
func (b *Bot) decide(ctx context.Context, f *findings.Finding, now time.Time) *cases.Facts {
	in := policy.Input{Finding: f, Facts: map[string]any{}, Unavailable: map[string]string{}, Now: now}
	d := b.policy.Decide(in)
	for range maxEnrichRounds {
		if len(d.Needs) == 0 {
			break
		}
		for _, name := range d.Needs {
			v, err := b.enrich(ctx, name, f)
			if err != nil {
				in.Unavailable[name] = err.Error()
				continue
			}
			in.Facts[name] = v
		}
		d = b.policy.Decide(in)
	}
	facts := &cases.Facts{Decision: d}
	if d.Step.Compare(policy.Record) > 0 {
		facts.Owner = b.people.Owner(f)
		facts.Employee = b.people.Employee(f)
	}
	if f.Kind == findings.KindAnnouncement {
		facts.Owner = findings.Owner{Channel: b.cfg.NewsChannel, Why: "news from GuardDuty itself"}
	}
	b.metrics.decisions.WithLabelValues(d.Rule, string(d.Step)).Inc()
	return facts
}

// maxEnrichRounds bounds how often the policy may ask for more.
const maxEnrichRounds = 8

// enrichTimeout bounds one enrichment: slower is unavailable, which raises
// attention.
const enrichTimeout = 2 * time.Second

func (b *Bot) enrich(ctx context.Context, name string, f *findings.Finding) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, enrichTimeout)
	defer cancel()
	return b.people.Enrich(ctx, name, f)
}
