package bot

import (
	"context"
	"errors"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

// Paging the people on call for an incident. Like the page of a case it is tried
// until PagerDuty accepts it, and after a while in another way as well.

func (b *Bot) pageIncident(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	p, key, ok := c.PageOf(e.ID)
	if !ok || p.Resolved {
		return did(e), nil
	}
	err := b.pager.Trigger(ctx, pagerduty.Primary, incidentPage(c, p, key))
	if err == nil {
		b.metrics.pages.WithLabelValues("accepted").Inc()
		return pageSent(e), nil
	}
	b.metrics.pages.WithLabelValues("failed").Inc()
	b.log.Error("PagerDuty has not accepted the page of an incident", "incident", c.Ref(), "attempt", e.Attempt, "error", err)
	if !pagerRefused(err) && b.clock.Now().Sub(e.Planned) >= b.cfg.FallbackAfter && !p.Fallback {
		err = errors.Join(err, b.changeIncident(ctx, c.ID, func(t *tx, c *incidents.Incident, now time.Time) error {
			t.plan(c.PageRefused(e.ID, pagerReason(err), now)...)
			return nil
		}))
	}
	return nil, err
}

func pageSent(e *store.Effect) outcome {
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.PageSent(e.ID, now) }
}

// pageIncidentElsewhere reaches the people on call the other way: with a second
// key when there is one, and a mention in chat.
func (b *Bot) pageIncidentElsewhere(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	p, key, ok := c.PageOf(e.ID)
	if !ok || p.Resolved {
		return did(e), nil
	}
	paged := errNoFallback
	if b.cfg.FallbackKey {
		paged = b.pager.Trigger(ctx, pagerduty.Fallback, incidentPage(c, p, key))
	}
	_, said := b.post(ctx, e, b.cfg.FallbackChannel, "", b.incidentFallback(c, p), true)
	if paged != nil && said != nil {
		b.metrics.pages.WithLabelValues("unreachable").Inc()
		b.log.Error("NOBODY HAS BEEN REACHED: neither PagerDuty nor chat accepts the page", "incident", c.Ref(), "pagerduty", paged, "chat", said)
		if chat.KindOf(said) == chat.Permanent { // a channel that is gone: PagerDuty may still come back
			return nil, paged
		}
		return nil, said
	}
	b.metrics.pages.WithLabelValues("fallback").Inc()
	return pageSent(e), nil
}

// incidentFallback says where help is needed and why, and nothing else of the
// incident: the fallback channel may have more readers.
func (b *Bot) incidentFallback(c *incidents.Incident, p incidents.Page) message.Message {
	head := message.Text{}
	if b.cfg.OnCallMention != "" {
		head = head.Person(b.cfg.OnCallMention).L(" ")
	}
	m := message.Message{}.Title(message.L("Page: PagerDuty did not take this one"))
	head = head.L("please look at incident ").Code(c.Ref())
	if c.Channel != "" {
		head = head.L(" in ").Channel(c.Channel)
	}
	m = m.Para(head.L(": ").V(p.Why))
	return m.Note(message.L("PagerDuty is still being tried. You see this because nobody may have been called."))
}

func (b *Bot) resolveIncident(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	p, key, ok := c.PageOf(e.ID)
	if !ok {
		return did(e), nil
	}
	why := c.Ref() + " closed"
	err := b.pager.Resolve(ctx, pagerduty.Primary, key, why)
	if err == nil && p.Fallback && b.cfg.FallbackKey {
		err = b.pager.Resolve(ctx, pagerduty.Fallback, key, why)
	}
	return did(e), err
}

// incidentPage is what PagerDuty is told.
func incidentPage(c *incidents.Incident, p incidents.Page, key string) pagerduty.Page {
	out := pagerduty.Page{DedupKey: key, Source: "securitybot", Severity: incidentUrgency(c.Severity), Component: c.Ref(), Class: "incident", At: p.At,
		Summary: c.Ref() + " " + incidents.LevelWord(c.Severity) + ": " + c.Title,
		Details: map[string]any{"incident": c.Ref(), "title": c.Title, "why": p.Why, "severity": string(c.Severity), "slack_channel": c.Name}}
	if p.Why != c.Title {
		out.Summary += " — " + p.Why
	}
	return out
}

func incidentUrgency(l findings.Level) string {
	switch l {
	case findings.Medium:
		return "error"
	case findings.Low:
		return "warning"
	}
	return "critical"
}
