package bot

import (
	"context"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// An edit that was taken over, or whose answer was lost, may take effect after
// that of somebody who knew more. The message would stay old: nobody has anything
// left to do. So when what it shows has moved on, it is edited again. A case that
// is closed and done keeps nothing that could be shown: its messages stay.

// lateTime bounds the commit; the time for the edit itself may be over.
const lateTime = 3 * time.Second

// operationMayBeOld plans that an operation's message is edited again when an
// edit failed that may have taken effect, and somebody else has edited it since
// this one was begun.
func (b *Bot) operationMayBeOld(ctx context.Context, begun *responders.Operation, failure error) {
	if begun.Shown.TS == "" {
		return // it was a post, for which the next attempt looks
	}
	b.mayBeOld(ctx, failure, func(ctx context.Context) error {
		return b.changeOperation(ctx, begun.ID, func(t *tx, o *responders.Operation, now time.Time) error {
			if o.Look == begun.Look {
				return errGiveUp
			}
			o.Look = ""
			t.plan(o.Show(now)...)
			return nil
		})
	})
}

// caseMayBeOld does the same for the messages of a case, when it has changed
// since the version that was shown.
func (b *Bot) caseMayBeOld(ctx context.Context, e *store.Effect, shown int64, failure error) {
	b.mayBeOld(ctx, failure, func(ctx context.Context) error {
		return b.change(ctx, func(t *tx, now time.Time) error {
			c, err := t.loadCase(ctx, caseOf(e))
			if err != nil {
				return err
			}
			if t.docs[e.Doc].Version == shown || !c.Known() {
				return errGiveUp
			}
			t.plan(c.Refresh(now)...)
			t.touch(c)
			return nil
		})
	})
}

func (b *Bot) mayBeOld(ctx context.Context, failure error, again func(context.Context) error) {
	if chat.KindOf(failure) != chat.Ambiguous {
		return // it certainly changed nothing
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lateTime)
	defer cancel()
	if err := again(ctx); err != nil {
		b.log.Warn("a message may show an older state until it changes again", "error", err)
	}
}
