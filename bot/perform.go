package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
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

// doNotice posts the first message about a case.
func (b *Bot) doNotice(ctx context.Context, e *store.Effect) error {
	c, t, err := b.caseFor(ctx, e)
	if err != nil {
		return err
	}
	i := noticeIndex(e.ID)
	if i >= len(c.Notices) || c.Notices[i].Ref.TS != "" || c.Finding == nil {
		return b.finishedFrom(ctx, t, e, nil)
	}
	n := c.Notices[i]
	channel, err := b.noticeChannel(ctx, n)
	if err != nil {
		return b.noticeFailed(ctx, e, i, err)
	}
	shown := c.Looks()
	ref, err := b.post(ctx, e, channel, "", b.caseMessage(c, channel == b.routes.Security), false)
	if err != nil {
		return b.noticeFailed(ctx, e, i, err)
	}
	failpoint.Hit("notice.posted")
	return b.finishedFrom(ctx, t, e, func(c *cases.Case, now time.Time) []store.Effect {
		return c.Delivered(i, cases.Ref(ref), false, shown, now)
	})
}

// noticeFailed decides between another attempt and another place.
func (b *Bot) noticeFailed(ctx context.Context, e *store.Effect, i int, err error) error {
	if !permanent(err) && b.clock.Now().Sub(e.Planned) < giveUpAfter {
		return err
	}
	b.log.Error("message cannot be delivered, it goes elsewhere", "effect", e.ID, "error", err)
	return b.finished(ctx, e, func(c *cases.Case, now time.Time) []store.Effect {
		return c.Undeliverable(i, reasonOf(err), b.routes, now)
	})
}

// giveUpAfter is how long a message or page is tried.
const giveUpAfter = 24 * time.Hour

// noticeChannel returns the channel of a notice, opening a direct message to a
// person when it is for one.
func (b *Bot) noticeChannel(ctx context.Context, n cases.Notice) (string, error) {
	if n.Channel != "" {
		return n.Channel, nil
	}
	u, err := b.addressee(ctx, n.ChatID, n.Email)
	if err != nil {
		return "", err
	}
	return b.slack.DM(ctx, u.ID)
}

// post waits for the channel's lane and posts once: a repeated attempt looks
// for the message of the earlier one first.
func (b *Bot) post(ctx context.Context, e *store.Effect, channel, thread string, m message.Message, urgent bool) (chat.Ref, error) {
	if e.Attempt > 1 && !b.notPosted.was(e) {
		ref, found, err := b.slack.Find(ctx, channel, thread, e.ID, e.Planned.Add(-time.Minute))
		if err != nil {
			return chat.Ref{}, fmt.Errorf("look for an earlier attempt: %w", err)
		}
		if found {
			return ref, nil
		}
	}
	if err := b.slack.Wait(ctx, channel, urgent); err != nil {
		return chat.Ref{}, err
	}
	b.channels.posting(e)
	failpoint.Hit("post.before")
	ref, err := b.slack.Post(ctx, channel, thread, m, e.ID)
	if err != nil && chat.KindOf(err) != chat.Ambiguous {
		b.notPosted.note(e)
	}
	return ref, err
}

// notPosted remembers attempts that certainly posted nothing, so that the next
// one need not look: looking is one of Slack's slower methods, and it would be
// used up just when Slack refuses most.
type notPosted struct {
	mu sync.Mutex
	m  map[string]int // effect id → attempt
}

// maxNotPosted bounds the memory; forgetting costs a look, nothing else.
const maxNotPosted = 4096

func (n *notPosted) note(e *store.Effect) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil || len(n.m) >= maxNotPosted {
		n.m = map[string]int{}
	}
	n.m[e.ID] = e.Attempt
}

// was says whether the attempt before this one was here and posted nothing.
func (n *notPosted) was(e *store.Effect) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	at, ok := n.m[e.ID]
	delete(n.m, e.ID)
	return ok && at == e.Attempt-1
}

// noticeIndex reads the number of a notice from its effect id.
func noticeIndex(effectID string) int {
	i, err := strconv.Atoi(effectID[strings.LastIndexByte(effectID, '/')+1:])
	if err != nil || i < 0 {
		return 1 << 30
	}
	return i
}

// doEdit brings all messages of a case up to date in place.
func (b *Bot) doEdit(ctx context.Context, e *store.Effect) error {
	c, read, err := b.caseFor(ctx, e)
	if err != nil {
		return err
	}
	version := read.docs[e.Doc].Version
	for _, n := range c.Notices {
		if n.Ref.TS == "" || n.Digest || c.Finding == nil {
			continue
		}
		err := b.slack.Update(ctx, chat.Ref(n.Ref), b.caseMessage(c, n.Ref.Channel == b.routes.Security))
		if err != nil && !permanent(err) && b.clock.Now().Sub(e.Planned) < giveUpAfter {
			b.caseMayBeOld(ctx, e, version, err)
			return err
		}
	}
	failpoint.Hit("edit.done")
	again := false
	err = b.changeFrom(ctx, read, func(t *tx, now time.Time) error {
		fresh, err := t.loadCase(ctx, c.ID)
		if err != nil {
			return err
		}
		// The messages may show an older state: edit again. Planned anew, because
		// somebody who took this over while we hung may be done already.
		if again = t.docs[e.Doc].Version != version; again {
			if fresh.Known() {
				t.plan(fresh.Refresh(now)...)
				t.touch(fresh)
			}
			return nil
		}
		t.finish(e)
		if fresh.Known() {
			fresh.Finished(e.ID, now)
			t.touch(fresh)
		}
		return nil
	})
	if errors.Is(err, store.ErrFenced) {
		b.caseMayBeOld(ctx, e, version, err)
	}
	if err == nil && again {
		return errChanged
	}
	return err
}

var errChanged = errors.New("the case changed while its messages were edited")

// doThread adds a line under the messages of a case.
func (b *Bot) doThread(ctx context.Context, e *store.Effect) error {
	c, _, err := b.caseFor(ctx, e)
	if err != nil {
		return err
	}
	if len(e.Body) > 0 {
		for _, n := range c.Notices {
			if n.Ref.TS == "" || n.Ref.Channel != b.routes.Security {
				continue
			}
			m := message.Message{}.Para(message.Text{}.Code(c.Ref()).L(" ").V(string(e.Body)))
			if _, err := b.post(ctx, e, n.Ref.Channel, n.Ref.TS, m, false); err != nil && !permanent(err) {
				return err
			}
		}
	}
	return b.finished(ctx, e, nil)
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
