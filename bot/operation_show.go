package bot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// The message of an operation. Slack takes few edits, so that none is spent on
// what nobody would see.

// doShow posts the operation's message, or brings it up to date in place.
func (b *Bot) doShow(ctx context.Context, o *responders.Operation, e *store.Effect) error {
	m := b.operationMessage(o)
	look := lookOf(m)
	switch {
	case o.Early(e.ID):
		return &later{after: time.Second, why: "the message about it is on its way"}
	case o.Superseded(e.ID), o.Shown.TS != "" && o.Look == look:
		return b.operationDone(ctx, o.ID, e, nil)
	}
	shown, certain, err := b.showOperation(ctx, o, e, m)
	switch {
	case err != nil && !permanent(err) && b.clock.Now().Sub(e.Planned) < giveUpAfter:
		b.operationMayBeOld(ctx, o, err)
		return err
	case err != nil && o.Channel != b.cfg.SecurityChannel && shown.TS == "":
		b.log.Warn("an operation cannot be shown where it was asked for, it goes to the security channel", "operation", o.Ref(), "error", err)
		return b.changeOperation(ctx, o.ID, func(_ *tx, o *responders.Operation, _ time.Time) error {
			o.Channel = b.cfg.SecurityChannel
			return nil
		})
	case err != nil:
		b.log.Error("an operation cannot be shown", "operation", o.Ref(), "error", err)
	}
	failpoint.Hit("operation.shown")
	again, failed := false, err != nil
	err = b.changeOperation(ctx, o.ID, func(t *tx, fresh *responders.Operation, now time.Time) error {
		if fresh.Shown.TS == "" {
			fresh.Shown = shown
		}
		// Somebody else has edited it since we read it (we hung, and were taken over;
		// or the end was shown beside us), or it has moved on: what stands there now
		// may be older. It is edited again, whoever of us comes to it.
		raced := fresh.Look != o.Look || !certain || lookOf(b.operationMessage(fresh)) != look
		if again = !failed && raced; again {
			fresh.Look = ""
			t.plan(fresh.Show(now)...)
			return nil
		}
		if fresh.Look = look; failed {
			fresh.Look = ""
		}
		t.finish(e)
		fresh.Finished(e.ID)
		return nil
	})
	if err == nil && again {
		return &later{after: time.Second, why: "the operation moved on while its message was edited"}
	}
	return err
}

// showOperation posts or edits. certain says that the message says now what m
// says: one that an earlier attempt posted may say less.
func (b *Bot) showOperation(ctx context.Context, o *responders.Operation, e *store.Effect, m message.Message) (shown responders.Ref, certain bool, err error) {
	if o.Shown.TS != "" {
		return o.Shown, true, b.slack.Update(ctx, refOf(o.Shown), m)
	}
	// What people asked for goes ahead; what policy started waits for questions.
	var ref chat.Ref
	ref, err = b.post(ctx, e, o.Channel, "", m, o.Job.By != byPolicy)
	return responders.Ref{Channel: ref.Channel, TS: ref.TS}, e.Attempt <= 1, err
}

// lookOf identifies what a message says.
func lookOf(m message.Message) string {
	body, err := json.Marshal(m)
	if err != nil {
		return "" // equal to nothing that is kept
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:8])
}
