package bot

import (
	"context"
	"maps"
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
		known, unavailable := b.enrichAll(ctx, d.Needs, f)
		maps.Copy(in.Facts, known)
		maps.Copy(in.Unavailable, unavailable)
		d = b.policy.Decide(in)
	}
	facts := &cases.Facts{Decision: d, Context: contextOf(in.Facts, "resource", "by_ip", "api_calls")}
	if d.Step == policy.Suppress {
		b.log.Info("suppressed", "case", cases.RefOf(cases.IDOf(f.Key())), "type", f.Type, "rule", d.Rule, "because", facts.Context)
	}
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
