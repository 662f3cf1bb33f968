package bot

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

// Whoever acted alone is heard: the people on call are paged and the security
// channel is told. Both are alerting effects, tried until they arrive.

// pageAlone pages the people on call. The page stays open until one of them has
// looked: nothing the bot does resolves it.
func (b *Bot) pageAlone(ctx context.Context, o *responders.Operation, e *store.Effect) error {
	err := b.pager.Trigger(ctx, pagerduty.Primary, alonePage(o))
	if err == nil {
		b.metrics.pages.WithLabelValues("accepted").Inc()
		return b.operationDone(ctx, o.ID, e, nil)
	}
	b.metrics.pages.WithLabelValues("failed").Inc()
	b.log.Error("PagerDuty has not accepted the page about somebody who acted alone", "operation", o.Ref(), "attempt", e.Attempt, "error", err)
	elsewhere := func(t *tx, o *responders.Operation, now time.Time) error { t.plan(o.PageRefused(now)...); return nil }
	waited := b.clock.Now().Sub(e.Planned)
	switch {
	case pagerRefused(err) || waited >= giveUpAfter:
		return b.operationDone(ctx, o.ID, e, elsewhere)
	case waited >= b.cfg.FallbackAfter && !o.Elsewhere:
		err = errors.Join(err, b.changeOperation(ctx, o.ID, elsewhere))
	}
	return err
}

// pageAloneElsewhere reaches the people on call the other way.
func (b *Bot) pageAloneElsewhere(ctx context.Context, o *responders.Operation, e *store.Effect) error {
	paged := errNoFallback
	if b.cfg.FallbackKey {
		paged = b.pager.Trigger(ctx, pagerduty.Fallback, alonePage(o))
	}
	m := message.Message{}.Title(message.L("Page: PagerDuty did not take this one")).Para(b.aloneWords(o))
	_, said := b.post(ctx, e, b.cfg.FallbackChannel, "", m.Note(message.L("You see this because nobody may have been called.")), true)
	if paged != nil && said != nil && b.clock.Now().Sub(e.Planned) < giveUpAfter {
		b.log.Error("NOBODY HAS BEEN REACHED: neither PagerDuty nor chat accepts the page", "operation", o.Ref(), "pagerduty", paged, "chat", said)
		b.metrics.pages.WithLabelValues("unreachable").Inc()
		return errors.Join(said, paged)
	}
	b.metrics.pages.WithLabelValues("fallback").Inc()
	return b.operationDone(ctx, o.ID, e, nil)
}

// tellAlone tells the security channel, wherever the operation itself is shown.
func (b *Bot) tellAlone(ctx context.Context, o *responders.Operation, e *store.Effect) error {
	m := message.Message{}.Title(message.L("Somebody acted without a second person")).Para(b.aloneWords(o))
	m = m.Note(message.L("Please look at it now: was it right, and is it still needed? ").Code(b.cfg.Command + " breakglass").L(" lists all of them."))
	_, err := b.post(ctx, e, b.cfg.SecurityChannel, "", m, true)
	if err != nil && b.clock.Now().Sub(e.Planned) < giveUpAfter {
		return err
	}
	if err != nil {
		b.log.Error("the security channel could not be told that somebody acted alone", "operation", o.Ref(), "error", err)
	}
	return b.operationDone(ctx, o.ID, e, nil)
}

// aloneWords say who did what and why, to the people on call.
func (b *Bot) aloneWords(o *responders.Operation) message.Text {
	t := message.Text{}
	if b.cfg.OnCallMention != "" {
		t = t.Person(b.cfg.OnCallMention).L(" ")
	}
	at := o.Job.Target
	t = t.Person(o.Decider).L(" began ").At(o.Decided).L(" to " + string(o.Job.Action) + " ").Code(at.Instance).L(" in ").V(at.Account + " " + at.Region).
		L(" on their word alone (").Code(o.Ref()).L("): ").V(o.Alone)
	if o.Shown.Channel != "" {
		t = t.L(" It is shown in ").Channel(o.Shown.Channel).L(".")
	}
	return t
}

func alonePage(o *responders.Operation) pagerduty.Page {
	at := o.Job.Target
	return pagerduty.Page{DedupKey: "securitybot/" + o.ID + "/alone", Source: "securitybot", Severity: "critical", Component: o.Ref(), Class: "break-glass", At: o.Decided,
		Summary: o.Ref() + " " + strings.ToLower(actionWord(o.Job.Action)) + " of " + at.Instance + " (" + at.Account + " " + at.Region + ") was begun without a second person: " + o.Alone,
		Details: map[string]any{"operation": o.Ref(), "action": string(o.Job.Action), "account": at.Account, "region": at.Region, "instance": at.Instance,
			"person": o.Job.Identity, "slack_user": o.Decider, "why": o.Alone, "case": o.Job.Case, "incident": o.Job.Incident}}
}
