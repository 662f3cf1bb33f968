package bot

import (
	"context"
	"maps"
	"slices"
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
		known, unavailable := b.enrichAll(ctx, enrichTimeout, d.Needs, f)
		maps.Copy(in.Facts, known)
		maps.Copy(in.Unavailable, unavailable)
		d = b.policy.Decide(in)
	}
	b.fetchWanted(ctx, &in, d, f)
	facts := &cases.Facts{Decision: d, Context: contextOf(in.Facts, "resource", "by_ip", "api_calls"), Known: in.Facts, Unavailable: in.Unavailable}
	b.addFreeFacts(ctx, facts, f)
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

// fetchWanted asks for what the rule wants people to be told. The decision has
// been made and does not change.
func (b *Bot) fetchWanted(ctx context.Context, in *policy.Input, d policy.Decision, f *findings.Finding) {
	missing := slices.DeleteFunc(slices.Clone(d.Wants), func(name string) bool {
		_, known := in.Facts[name]
		_, failed := in.Unavailable[name]
		return known || failed
	})
	if len(missing) > 0 {
		known, _ := b.enrichAll(ctx, contextTimeout, missing, f)
		maps.Copy(in.Facts, known)
	}
}

// addFreeFacts adds for the archive what the configuration knows and no rule asked
// for: a policy that is tried later may ask.
func (b *Bot) addFreeFacts(ctx context.Context, facts *cases.Facts, f *findings.Finding) {
	if !b.routes.Archive {
		return
	}
	for _, name := range []string{"employee", "network", "owner"} {
		if _, known := facts.Known[name]; known || facts.Unavailable[name] != "" {
			continue
		}
		if v, err := b.people.Enrich(ctx, name, f); err == nil {
			facts.Known[name] = v
		}
	}
}
