package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// The effects of questions.
const (
	kindAsk     = "inquiry.ask"
	kindRemind  = "inquiry.remind"
	kindOutcome = "inquiry.outcome"
	kindVerify  = "inquiry.verify"
)

// applyInquiry writes an inquiry's next state and turns its effects into
// planned ones; a decision goes to the cases at once, in the same commit.
func (b *Bot) applyInquiry(ctx context.Context, t *tx, q inquiries.Inquiry, effects []inquiries.Effect, now time.Time) error {
	for _, e := range effects {
		switch e.Kind {
		case inquiries.EffectDecide:
			for _, id := range q.Cases {
				c, err := t.loadCase(ctx, id)
				if err != nil {
					return err
				}
				if c.Known() {
					t.archiveAnswer(c, q, e, now)
					t.plan(c.Decided(e.Step, e.Why, b.routes, now)...)
					t.touch(c)
					if !c.IsOpen() {
						t.closed = append(t.closed, c)
					}
				}
			}
		case inquiries.EffectAsk:
			t.plan(inquiryEffect(q, e, kindAsk, now))
		case inquiries.EffectRemind:
			t.plan(inquiryEffect(q, e, kindRemind, now))
		case inquiries.EffectShowOutcome:
			t.plan(inquiryEffect(q, e, kindOutcome, now))
		case inquiries.EffectVerify:
			t.plan(inquiryEffect(q, e, kindVerify, now))
		case inquiries.EffectTell:
			if err := b.tellSecurity(ctx, t, q, e.Why, now); err != nil {
				return err
			}
		}
	}
	return t.putInquiry(q)
}

func inquiryEffect(q inquiries.Inquiry, e inquiries.Effect, kind string, now time.Time) store.Effect {
	return store.Effect{ID: "q/" + q.ID + "/" + e.Key, Lane: store.LaneInquiry, Kind: kind, Doc: inquiryDoc(q.ID), Planned: now, Due: now}
}

// tellSecurity adds a line under the message about the first case.
func (b *Bot) tellSecurity(ctx context.Context, t *tx, q inquiries.Inquiry, what string, now time.Time) error {
	c, err := t.loadCase(ctx, q.Cases[0])
	if err != nil || !c.Known() {
		return err
	}
	c.Note(now, what)
	c.Comment(now, what)
	t.plan(c.Say(what, b.routes, now)...)
	t.touch(c)
	return nil
}

// doInquiry performs an effect of a question.
func (b *Bot) doInquiry(ctx context.Context, e *store.Effect) error {
	id := e.Doc[len("q:"):]
	q, known, err := b.begin().loadInquiry(ctx, id)
	if err != nil {
		return err
	}
	if !known {
		return b.inquiryDone(ctx, id, e, nil)
	}
	switch e.Kind {
	case kindAsk:
		return b.doAsk(ctx, q, e)
	case kindRemind:
		return b.doRemind(ctx, q, e)
	case kindOutcome:
		return b.doOutcome(ctx, q, e)
	}
	return b.doVerify(ctx, q, e)
}

// inquiryDone commits that an effect is done, with the event it causes.
func (b *Bot) inquiryDone(ctx context.Context, id string, e *store.Effect, event inquiries.Event) error {
	if event == nil {
		return b.change(ctx, func(t *tx, _ time.Time) error { t.finish(e); return nil })
	}
	_, _, err := b.changeInquiry(ctx, id, func(t *tx) { t.finish(e) }, func(inquiries.Inquiry) inquiries.Event { return event })
	return err
}

// doAsk delivers the question to the person's direct messages.
func (b *Bot) doAsk(ctx context.Context, q inquiries.Inquiry, e *store.Effect) error {
	if q.Prompt.TS != "" || !q.Open() {
		return b.inquiryDone(ctx, q.ID, e, nil)
	}
	u, err := b.addressee(ctx, q.Person.ChatID, q.Person.Email)
	if err != nil {
		return b.askFailed(ctx, q, e, err)
	}
	channel, err := b.slack.DM(ctx, u.ID)
	if err != nil {
		return b.askFailed(ctx, q, e, err)
	}
	if q.Person.ChatID == "" {
		// Bind the person first: whoever clicks fast must be known by then.
		if _, _, err := b.changeInquiry(ctx, q.ID, nil, func(inquiries.Inquiry) inquiries.Event { return inquiries.Delivered{ChatID: u.ID} }); err != nil {
			return err
		}
		q.Person.ChatID = u.ID
	}
	ref, err := b.post(ctx, e, channel, "", inquiries.Question(q), true)
	if err != nil {
		return b.askFailed(ctx, q, e, err)
	}
	failpoint.Hit("ask.posted")
	return b.inquiryDone(ctx, q.ID, e, inquiries.Delivered{ChatID: u.ID, Prompt: inquiries.MessageRef(ref)})
}

// askFailed tries again, unless the person cannot be reached: silence is not
// consent, so that is escalated at once.
func (b *Bot) askFailed(ctx context.Context, q inquiries.Inquiry, e *store.Effect, err error) error {
	if !permanent(err) {
		return err
	}
	b.log.Warn("a question cannot be delivered", "case", q.Ref, "error", err)
	return b.inquiryDone(ctx, q.ID, e, inquiries.Undeliverable{Reason: reasonOf(err), Gone: errors.Is(err, errGone)})
}

// addressee finds the chat user to ask and makes sure that they can answer.
func (b *Bot) addressee(ctx context.Context, chatID, email string) (chat.User, error) {
	var u chat.User
	var err error
	if chatID != "" {
		u, err = b.slack.User(ctx, chatID)
	} else {
		u, err = b.slack.UserByEmail(ctx, email)
	}
	if err != nil {
		return chat.User{}, err
	}
	switch {
	case u.Deleted:
		return u, fmt.Errorf("%w: %w", errNobody, errGone)
	case u.Bot:
		return u, fmt.Errorf("%w: the chat account is an app", errNobody)
	case u.Guest || u.Stranger:
		return u, fmt.Errorf("%w: the chat account is a guest's or an outsider's", errNobody)
	}
	return u, nil
}

func (b *Bot) doRemind(ctx context.Context, q inquiries.Inquiry, e *store.Effect) error {
	if q.Open() && q.Prompt.TS != "" {
		ref, err := b.post(ctx, e, q.Prompt.Channel, "", inquiries.Reminder(q), true)
		if err != nil && !permanent(err) {
			return err
		}
		failpoint.Hit("remind.posted")
		if err == nil {
			return b.inquiryDone(ctx, q.ID, e, inquiries.Reminded{Message: inquiries.MessageRef(ref)})
		}
	}
	return b.inquiryDone(ctx, q.ID, e, nil)
}

// doOutcome replaces the buttons of the question by what was answered and what
// follows.
func (b *Bot) doOutcome(ctx context.Context, q inquiries.Inquiry, e *store.Effect) error {
	for _, shown := range append(slices.Clone(q.Extra), q.Prompt) {
		if shown.TS == "" {
			continue
		}
		err := b.slack.Update(ctx, chat.Ref(shown), inquiries.Outcome(q))
		if err != nil && !permanent(err) && b.clock.Now().Sub(e.Planned) < giveUpAfter {
			return err
		}
		failpoint.Hit("outcome.shown")
	}
	return b.change(ctx, func(t *tx, _ time.Time) error {
		fresh, known, err := t.loadInquiry(ctx, q.ID)
		if err != nil {
			return err
		}
		if known && (fresh.Prompt != q.Prompt || len(fresh.Extra) != len(q.Extra)) {
			return errChanged // delivered meanwhile: its buttons must go too
		}
		t.finish(e)
		return nil
	})
}

// answer takes a click on a question.
func (b *Bot) answer(ctx context.Context, a chat.Action) (chat.Reply, error) {
	choice := inquiries.ChoiceOf(a.Action)
	mark := store.Mark{ID: "env:" + a.EnvelopeID, TTL: inboxTTL}
	var asked inquiries.Inquiry
	reply, known, err := b.changeInquiry(ctx, a.Value, func(t *tx) { t.marks = append(t.marks, mark) }, func(q inquiries.Inquiry) inquiries.Event {
		asked = q
		return inquiries.Answered{By: a.User, Choice: choice, At: b.clock.Now(), Channel: a.Channel, TS: a.TS}
	})
	if errors.Is(err, store.ErrSeen) {
		return chat.Reply{}, nil // the same envelope again: it was dealt with
	}
	if err != nil {
		return chat.Reply{}, err
	}
	failpoint.Hit("click.committed")
	if !known {
		return chat.Reply{Message: refusal("I do not know this question any more. If something looks wrong, please tell the security team directly.")}, nil
	}
	b.metrics.answers.WithLabelValues(string(choice), fmt.Sprint(reply.Counted)).Inc()
	b.log.Info("question answered", "case", asked.Ref, "by", a.User, "choice", string(choice), "counted", reply.Counted)
	if len(reply.Message.Parts) == 0 {
		return chat.Reply{}, nil
	}
	m := reply.Message
	return chat.Reply{Message: &m}, nil
}

// inquiryDetails opens the technical view of a question for the person asked.
func (b *Bot) inquiryDetails(ctx context.Context, a chat.Action) (chat.Reply, error) {
	q, known, err := b.begin().loadInquiry(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if !known || q.Person.ChatID != a.User {
		m := message.Message{}.Para(message.L("This question is for somebody else."))
		return chat.Reply{Message: &m}, nil
	}
	m := inquiries.Details(q)
	return chat.Reply{Modal: &m}, nil
}

// Question answers /ir verify: only the person asked learns anything.
func (b *Bot) Question(ctx context.Context, ref, user string) (message.Text, bool, error) {
	docs, err := b.store.Find(ctx, cases.DocID(ref[len("SB-"):]), 1)
	if err != nil || len(docs) == 0 {
		return nil, false, err
	}
	c, err := cases.Decode(docs[0].ID[len("c:"):], docs[0].Body)
	if err != nil || c.Inquiry == "" {
		return nil, false, err
	}
	q, known, err := b.begin().loadInquiry(ctx, c.Inquiry)
	if err != nil || !known || q.Person.ChatID != user {
		return nil, false, err
	}
	if !q.Open() {
		return message.L("The question has been answered or closed already; there is nothing left to do."), true, nil
	}
	return message.L("It is waiting for your answer until ").At(q.Deadline).L("."), true, nil
}
