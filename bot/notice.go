package bot

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// What is said about a case: its first messages, their edits, and lines in their
// threads.

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
		return c.Delivered(i, cases.Ref(ref), false, shown, b.routes, now)
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

// doThread adds lines under the message of a case in the security channel. When
// that message is gone they are posted beside it, because somebody has to see them.
func (b *Bot) doThread(ctx context.Context, e *store.Effect) error {
	c, read, err := b.caseFor(ctx, e)
	if err != nil {
		return err
	}
	root := c.Root(b.routes)
	if len(e.Body) == 0 || root.TS == "" {
		return b.finishedFrom(ctx, read, e, func(c *cases.Case, now time.Time) []store.Effect {
			if len(e.Body) == 0 {
				return nil
			}
			return c.Say(string(e.Body), b.routes, now)
		})
	}
	m := threadMessage(c, string(e.Body))
	_, err = b.post(ctx, e, root.Channel, root.TS, m, false)
	if err != nil && permanent(err) {
		_, err = b.post(ctx, e, root.Channel, "", m, false)
	}
	if err != nil && !permanent(err) {
		return err
	}
	if err != nil {
		b.log.Error("a line about a case cannot be said", "case", c.Ref(), "error", err)
	}
	return b.finished(ctx, e, nil)
}

// threadMessage are lines about a case, each said by itself.
func threadMessage(c *cases.Case, lines string) message.Message {
	var m message.Message
	for k, line := range strings.Split(lines, "\n") {
		t := message.Text{}
		if k == 0 {
			t = t.Code(c.Ref()).L(" ")
		}
		m = m.Para(t.V(line))
	}
	return m
}
