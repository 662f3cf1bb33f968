package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

// doPage triggers PagerDuty until it accepts. A refusal, or five minutes
// without success, brings in the fallback as well.
func (b *Bot) doPage(ctx context.Context, e *store.Effect) error {
	c, t, err := b.caseFor(ctx, e)
	if err != nil {
		return err
	}
	if c.Page == nil || c.Page.Resolved {
		return b.finishedFrom(ctx, t, e, nil)
	}
	failpoint.Hit("page.before")
	err = b.pager.Trigger(ctx, pagerduty.Primary, b.pageFor(c))
	failpoint.Hit("page.sent")
	if err == nil {
		b.metrics.pages.WithLabelValues("accepted").Inc()
		err = b.finishedFrom(ctx, t, e, func(c *cases.Case, now time.Time) []store.Effect { return c.PageSent(now) })
		return b.pageOvertaken(ctx, c, err)
	}
	return b.pageFailed(ctx, e, err)
}

// pageOvertaken resolves a page that went out while its case was being closed.
func (b *Bot) pageOvertaken(ctx context.Context, c *cases.Case, err error) error {
	if !errors.Is(err, store.ErrFenced) {
		return err
	}
	now := context.WithoutCancel(ctx)
	fresh := b.begin()
	k, loadErr := fresh.loadCase(now, c.ID)
	if loadErr != nil || k.Page == nil || !k.Page.Resolved {
		return err
	}
	return errors.Join(err, b.pager.Resolve(now, pagerduty.Primary, dedupKey(c), "closed while the page was on its way"))
}

// pageFailed plans the fallback when it is time for it, and says whether the
// primary is to be tried again.
func (b *Bot) pageFailed(ctx context.Context, e *store.Effect, cause error) error {
	refused := pagerRefused(cause)
	now := b.clock.Now()
	b.metrics.pages.WithLabelValues("failed").Inc()
	b.log.Error("PagerDuty has not accepted a page", "case", cases.RefOf(caseOf(e)), "attempt", e.Attempt, "refused", refused, "error", cause)
	if !refused && now.Sub(e.Planned) < b.cfg.FallbackAfter {
		return cause
	}
	if refused || now.Sub(e.Planned) > giveUpAfter {
		return b.finished(ctx, e, func(c *cases.Case, now time.Time) []store.Effect {
			return c.PageRefused(pagerReason(cause), now)
		})
	}
	err := b.change(ctx, func(t *tx, now time.Time) error {
		c, err := t.loadCase(ctx, caseOf(e))
		if err != nil {
			return err
		}
		if c.Page == nil || c.Page.Fallback {
			return errGiveUp
		}
		t.plan(c.PageRefused(pagerReason(cause), now)...)
		t.touch(c)
		return nil
	})
	return errors.Join(cause, err)
}

// doFallback reaches the team the other way: a second PagerDuty key when there
// is one, and a mention of the people on call in chat.
func (b *Bot) doFallback(ctx context.Context, e *store.Effect) error {
	c, _, err := b.caseFor(ctx, e)
	if err != nil {
		return err
	}
	if c.Page == nil || c.Page.Resolved {
		return b.finished(ctx, e, nil)
	}
	paged := errNoFallback
	if b.cfg.FallbackKey {
		paged = b.pager.Trigger(ctx, pagerduty.Fallback, b.pageFor(c))
	}
	_, said := b.post(ctx, e, b.cfg.FallbackChannel, "", b.fallbackMessage(c, string(e.Body)), true)
	if paged != nil && said != nil {
		b.log.Error("NOBODY HAS BEEN REACHED: neither PagerDuty nor chat accepts the page", "case", c.Ref(), "pagerduty", paged, "chat", said)
		b.metrics.pages.WithLabelValues("unreachable").Inc()
		return errors.Join(said, paged)
	}
	b.metrics.pages.WithLabelValues("fallback").Inc()
	failpoint.Hit("fallback.sent")
	return b.finished(ctx, e, func(c *cases.Case, now time.Time) []store.Effect {
		c.Note(now, "the team was reached through the fallback")
		c.Comment(now, "The team was reached through the fallback.")
		return nil
	})
}

var errNoFallback = errors.New("no second PagerDuty key is configured")

// doResolve ends the incident of a closed case.
func (b *Bot) doResolve(ctx context.Context, e *store.Effect) error {
	c, _, err := b.caseFor(ctx, e)
	if err != nil {
		return err
	}
	if c.Page != nil && c.Page.Resolved {
		why := fmt.Sprintf("%s closed: %s", c.Ref(), c.Outcome)
		err := b.pager.Resolve(ctx, pagerduty.Primary, dedupKey(c), why)
		if err == nil && c.Page.Fallback && b.cfg.FallbackKey {
			err = b.pager.Resolve(ctx, pagerduty.Fallback, dedupKey(c), why)
		}
		if err != nil && !pagerRefused(err) && b.clock.Now().Sub(e.Planned) < giveUpAfter {
			return err
		}
		failpoint.Hit("resolve.sent")
	}
	return b.finished(ctx, e, nil)
}

// dedupKey is the same for all attempts of one page and differs between pages.
func dedupKey(c *cases.Case) string {
	return fmt.Sprintf("securitybot/%s/%d", c.ID, c.Page.Gen)
}

// pageFor writes the page of a case.
func (b *Bot) pageFor(c *cases.Case) pagerduty.Page {
	p := pagerduty.Page{DedupKey: dedupKey(c), Source: "securitybot", Severity: "critical", Component: c.Ref(), At: c.Page.At,
		Summary: fmt.Sprintf("%s: %s", c.Ref(), c.Page.Why), Details: map[string]any{"case": c.Ref(), "why": c.Page.Why}}
	if f := c.Finding; f != nil {
		p.Summary = pageSummary(c)
		p.Group, p.Class = string(findings.GroupOf(f)), f.Type
		p.Severity = pageSeverity(c)
		p.Details = pageDetails(c)
		if f.Kind == findings.KindDrill {
			p.Summary = fmt.Sprintf("DRILL %s: nothing has happened, the way of a page is being tried", c.Ref())
		}
	}
	return p
}

// pageSummary puts first what a telephone shows at night: what a person did or
// did not say, or what has been found when a rule alone pages.
func pageSummary(c *cases.Case) string {
	f := c.Finding
	what := fmt.Sprintf("%s (%s %s)", f.TellSentence(), f.Account, f.Region)
	if strings.HasPrefix(c.Page.Why, "rule ") {
		return fmt.Sprintf("%s %s — %s", c.Ref(), what, c.Page.Why)
	}
	return fmt.Sprintf("%s %s: %s", c.Ref(), c.Page.Why, what)
}

func pageSeverity(c *cases.Case) string {
	switch findings.LevelOf(c.Severity) {
	case findings.Critical, findings.High:
		return "critical"
	case findings.Medium:
		return "error"
	}
	return "warning"
}

func pageDetails(c *cases.Case) map[string]any {
	f := c.Finding
	d := map[string]any{"case": c.Ref(), "why": c.Page.Why, "type": f.Type, "account": f.Account, "region": f.Region,
		"severity": c.Severity, "finding_id": f.ID, "owner": c.Owner.Team + " (" + c.Owner.Why + ")"}
	if c.Decision != nil {
		d["rule"], d["reasons"] = c.Decision.Rule, c.Decision.Reasons
	}
	if len(c.Context) > 0 {
		d["context"] = c.Context
	}
	if ip := f.RemoteIP(); ip.IsValid() {
		d["remote_ip"] = ip.String()
	}
	if f.Instance.ID != "" {
		d["instance"] = f.Instance.ID
	}
	if f.Principal.Name != "" || f.Principal.Session != "" {
		d["principal"] = f.Principal.Name + " " + f.Principal.Session
	}
	return d
}

func (b *Bot) fallbackMessage(c *cases.Case, why string) message.Message {
	head := message.Text{}
	if b.cfg.OnCallMention != "" {
		head = head.Person(b.cfg.OnCallMention).L(" ")
	}
	m := message.Message{}.Title(message.L("Page: PagerDuty did not take this one"))
	m = m.Para(head.L("please look at ").Code(c.Ref()).L(": ").V(c.Page.Why))
	m = m.Note(message.L("PagerDuty: ").V(why).L(". It is still being tried. You see this because nobody may have been called."))
	return m
}

// pagerRefused says that PagerDuty will never take this page.
func pagerRefused(err error) bool {
	var pe *pagerduty.Error
	return errors.As(err, &pe) && pe.Class == pagerduty.Permanent
}

func pagerRetryAfter(err error) time.Duration {
	var pe *pagerduty.Error
	if errors.As(err, &pe) {
		return pe.RetryAfter
	}
	return 0
}

// pagerReason is a short reason without any detail of the request.
func pagerReason(err error) string {
	var pe *pagerduty.Error
	if errors.As(err, &pe) && pe.Status != 0 {
		return fmt.Sprintf("it answered %d", pe.Status)
	}
	return "it cannot be reached"
}
