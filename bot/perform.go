package bot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/thehive"
)

// do performs one effect: one function a kind, a closed set.
func (b *Bot) do(ctx context.Context, e *store.Effect) error {
	switch e.Kind {
	case cases.KindPage:
		return b.doPage(ctx, e)
	case cases.KindFallback:
		return b.doFallback(ctx, e)
	case cases.KindResolve:
		return b.doResolve(ctx, e)
	case cases.KindNotice:
		return b.doNotice(ctx, e)
	case kindDigest:
		return b.doDigest(ctx, e)
	case cases.KindEdit:
		return b.doEdit(ctx, e)
	case cases.KindThread:
		return b.doThread(ctx, e)
	case cases.KindArchive:
		return b.doArchive(ctx, e)
	case cases.KindRecord:
		return b.doRecord(ctx, e)
	case kindParked:
		return b.doParked(ctx, e)
	case kindSwept:
		return b.doSwept(ctx, e)
	case kindCollect:
		return b.doCollect(ctx, e)
	case responders.KindPlan, responders.KindStep, responders.KindShow, responders.KindRecord, responders.KindPage, responders.KindFallback, responders.KindTell:
		return b.doOperation(ctx, e)
	case kindAsk, kindRemind, kindOutcome, kindVerify:
		return b.doInquiry(ctx, e)
	}
	if step, ok := incidents.StepOf(e.Kind); ok {
		return b.doIncident(ctx, step, e)
	}
	// A newer version planned it: leave it to a replica that knows it.
	return fmt.Errorf("effect of an unknown kind %q", e.Kind)
}

// caseOf returns the id of the case an effect belongs to.
func caseOf(e *store.Effect) string { return strings.TrimPrefix(e.Doc, "c:") }

// finished commits that an effect is done, with what fn changes in its case.
func (b *Bot) finished(ctx context.Context, e *store.Effect, fn func(c *cases.Case, now time.Time) []store.Effect) error {
	return b.finishedFrom(ctx, b.begin(), e, fn)
}

// finishedFrom is finished with the case as it was read for the effect.
func (b *Bot) finishedFrom(ctx context.Context, t *tx, e *store.Effect, fn func(c *cases.Case, now time.Time) []store.Effect) error {
	return b.changeFrom(ctx, t, func(t *tx, now time.Time) error {
		c, err := t.loadCase(ctx, caseOf(e))
		if err != nil {
			return err
		}
		t.finish(e)
		if !c.Known() {
			return nil
		}
		if fn != nil {
			t.plan(fn(c, now)...)
		}
		c.Finished(e.ID, now)
		t.touch(c)
		return nil
	})
}

// caseFor loads the case of an effect to read it; what is to be changed
// afterwards is changed from the same reading.
func (b *Bot) caseFor(ctx context.Context, e *store.Effect) (*cases.Case, *tx, error) {
	t := b.begin()
	c, err := t.loadCase(ctx, caseOf(e))
	return c, t, err
}

// permanent says that trying again cannot help.
func permanent(err error) bool {
	var ce *chat.Error
	return errors.As(err, &ce) && ce.Kind == chat.Permanent || errors.Is(err, errNobody)
}

// retryAfter is how long the far end asked us to wait.
func retryAfter(err error) time.Duration {
	var ce *chat.Error
	if errors.As(err, &ce) {
		return ce.RetryAfter
	}
	var he *thehive.Error
	if errors.As(err, &he) {
		return he.RetryAfter
	}
	return pagerRetryAfter(err)
}

// reasonOf is a short reason for the timeline: the far end's code, no detail.
func reasonOf(err error) string {
	var ce *chat.Error
	if errors.As(err, &ce) {
		return ce.Code
	}
	if errors.Is(err, errNobody) {
		return err.Error()
	}
	return "it was tried for a day"
}
