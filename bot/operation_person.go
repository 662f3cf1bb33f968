package bot

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// What people do with operations: ask for one, approve it, refuse it.

func operationButtonDoors() map[string]door[chat.Action] {
	return map[string]door[chat.Action]{
		actApprove: {actDecide, (*Bot).approveOperation},
		actRefuse:  {actWithdraw, (*Bot).refuseOperation},
		actNoOther: {actAlone, (*Bot).askAlone},
		actRelease: {actAskContain, (*Bot).askRelease},
		actAct:     {actCollect, (*Bot).askAction},
	}
}

func operationDialogs() map[string]door[chat.Submission] {
	return map[string]door[chat.Submission]{
		actRelease: {actAskContain, (*Bot).takeRelease},
		actAct:     {actCollect, (*Bot).takeAction},
		actNoOther: {actAlone, (*Bot).takeAlone},
	}
}

// decision reads the value of an approval's button and authorises on what it
// is about.
func (b *Bot) decision(ctx context.Context, by who, value string, what act) (o *responders.Operation, digest string, refused *message.Message, err error) {
	id, digest, _ := strings.Cut(value, ".")
	if o, err = b.begin().loadOperation(ctx, id); err != nil {
		return nil, "", nil, err
	}
	if o == nil {
		return nil, "", refusal("I do not know this request any more."), nil
	}
	on := object{account: o.Job.Target.Account, subject: identity{o.Subject.ChatID, o.Subject.Email}, asker: o.Job.By}
	return o, digest, b.authorise(ctx, by, what, on), nil
}

// approveOperation lets an operation begin.
func (b *Bot) approveOperation(ctx context.Context, a chat.Action) (chat.Reply, error) {
	by := who{a.User, a.Team}
	o, digest, refused, err := b.decision(ctx, by, a.Value, actDecide)
	if err != nil || refused != nil {
		return chat.Reply{Message: refused}, err
	}
	u, err := b.slack.User(ctx, a.User)
	if err != nil {
		return chat.Reply{Message: refusal("I could not check who you are, so I did nothing. Please try again in a minute.")}, nil
	}
	no, err := b.commitVerdict(ctx, verdict{by: by, envelope: a.EnvelopeID, id: o.ID, what: "approve", on: func(_ *tx, op *responders.Operation, now time.Time) ([]store.Effect, error) {
		return op.Approve(responders.Person{ChatID: a.User, Email: u.Email}, digest, now)
	}})
	return chat.Reply{Message: no}, err
}

// refuseOperation ends an operation that waits.
func (b *Bot) refuseOperation(ctx context.Context, a chat.Action) (chat.Reply, error) {
	by := who{a.User, a.Team}
	o, _, refused, err := b.decision(ctx, by, a.Value, actWithdraw)
	if err != nil || refused != nil {
		return chat.Reply{Message: refused}, err
	}
	no, err := b.commitVerdict(ctx, verdict{by: by, envelope: a.EnvelopeID, id: o.ID, what: "refuse", on: func(_ *tx, op *responders.Operation, now time.Time) ([]store.Effect, error) {
		return op.Refuse(a.User, now)
	}})
	return chat.Reply{Message: no}, err
}

// verdict is what a person decides about an operation that waits.
type verdict struct {
	by       who
	envelope string
	id       string
	what     string            // for the audit log
	detail   map[string]string // for the audit log
	on       func(t *tx, o *responders.Operation, now time.Time) ([]store.Effect, error)
}

// commitVerdict commits a decision with its audit record, or returns the sentence
// that tells why it does not count.
func (b *Bot) commitVerdict(ctx context.Context, v verdict) (no *message.Message, err error) {
	err = b.changeAudited(ctx, func(t *tx, now time.Time) error {
		no = nil
		o, err := t.loadOperation(ctx, v.id)
		if err != nil {
			return err
		}
		if o == nil {
			no = refusal("I do not know this request any more.")
			return errGiveUp
		}
		effects, err := v.on(t, o, now)
		if why, is := notCounted(o, v.by.user, err); is {
			no = why
			if o.Decider != v.by.user { // whoever presses twice has done nothing wrong
				b.auditRefusal(audit.Record{Actor: v.by.user, For: o.Job.By, Act: v.what, Object: o.Job.Target.String(), Decision: audit.Refused, Result: err.Error(), Detail: map[string]string{"operation": o.ID}})
			}
			return errGiveUp
		} else if err != nil {
			return err
		}
		t.plan(effects...)
		t.marks = append(t.marks, store.Mark{ID: "env:" + v.envelope, TTL: inboxTTL})
		if err := t.putOperation(o, now); err != nil {
			return err
		}
		detail := map[string]string{"operation": o.ID, "case": o.Job.Case}
		maps.Copy(detail, v.detail)
		return t.audit(ctx, audit.Record{Actor: v.by.user, For: o.Job.By, Act: v.what, Object: string(o.Job.Action) + " " + o.Job.Target.String(), Digest: o.Job.Digest(), Decision: audit.Allowed, Detail: detail})
	})
	failpoint.Hit("operation.decided")
	if errors.Is(err, store.ErrSeen) {
		err = nil
	}
	if refused := notRecorded(err); refused != nil {
		return refused, nil
	}
	return no, err
}

// notCounted is the sentence for a decision that does not count; false for an
// error of another sort.
func notCounted(o *responders.Operation, user string, err error) (*message.Message, bool) {
	var why responders.NotCounted
	switch {
	case errors.Is(err, responders.ErrNotWaiting):
		return whereItStands(o, user), true
	case errors.As(err, &why):
		return refusal(capital(why.Error()) + "."), true
	}
	return nil, false
}

// askRelease opens the dialog that asks to undo what was done.
func (b *Bot) askRelease(ctx context.Context, a chat.Action) (chat.Reply, error) {
	o, err := b.begin().loadOperation(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if o == nil || o.State != responders.Done {
		return chat.Reply{Message: forgotten()}, nil
	}
	done, _ := responders.Find(string(o.Job.Action))
	undo, known := undoWords[done.Undo]
	if !known {
		return chat.Reply{Message: forgotten()}, nil
	}
	on := object{account: o.Job.Target.Account, subject: identity{o.Subject.ChatID, o.Subject.Email}}
	if refused := b.authorise(ctx, who{a.User, a.Team}, actAskContain, on); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	m := message.Modal{Callback: actRelease, Private: o.ID, Title: undo.title, Submit: "Ask for it"}
	m.Parts = message.Message{}.Para(message.L(undo.before).Code(o.Job.Target.Instance).L(undo.after)).Parts
	m.Parts = append(m.Parts, reasonField(false))
	return chat.Reply{Modal: &m}, nil
}

func reasonField(optional bool) message.Part {
	return message.Part{Kind: message.Input, Input: &message.InputField{ID: "reason", Label: "Why?", Multiline: true, MaxLen: 300, Optional: optional, Hint: "For the record, and for whoever approves it."}}
}

// forgotten is for buttons of operations that are not kept any more.
func forgotten() *message.Message {
	return refusal("I do not know this request any more. Use the command instead.")
}

// takeRelease starts what undoes what an operation did.
func (b *Bot) takeRelease(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	o, err := b.begin().loadOperation(ctx, s.Private)
	if err != nil {
		return chat.Reply{}, err
	}
	if o == nil {
		return chat.Reply{Message: forgotten()}, nil
	}
	done, _ := responders.Find(string(o.Job.Action))
	a, known := responders.Find(string(done.Undo))
	if !known {
		return chat.Reply{Message: forgotten()}, nil
	}
	return b.submitted(ctx, s, order{action: a, target: o.Job.Target, about: o.About, caseRef: o.Job.Case, incident: o.Job.Incident})
}

// submitted reads the fields of a dialog into an order and starts it.
func (b *Bot) submitted(ctx context.Context, s chat.Submission, o order) (chat.Reply, error) {
	var args []string
	if reason := strings.TrimSpace(s.Values["reason"]); reason != "" && slices.ContainsFunc(o.action.Params, func(p responders.Param) bool { return p.Name == "reason" }) {
		args = []string{"reason=" + reason}
	}
	params, err := o.action.Parse(args)
	if err != nil {
		return chat.Reply{Errors: map[string]string{"reason": capital(err.Error()) + "."}}, nil
	}
	o.params, o.by, o.envelope = params, who{s.User, s.Team}, s.EnvelopeID
	m, err := b.start(ctx, o)
	return chat.Reply{Message: &m}, err
}

// askAction opens the dialog of what can be done about a case's instance.
func (b *Bot) askAction(ctx context.Context, a chat.Action) (chat.Reply, error) {
	c, err := b.readCase(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if c.Finding == nil || c.Finding.Instance.ID == "" {
		return chat.Reply{Message: refusal("This case names no instance any more.")}, nil
	}
	if refused := b.authorise(ctx, who{a.User, a.Team}, actCollect, objectOf(c)); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	var options []message.Option
	for _, act := range responders.Catalogue() {
		options = append(options, message.Option{Label: message.Cut(capital(act.About), 75), Value: string(act.ID)})
	}
	m := message.Modal{Callback: actAct, Private: c.ID, Title: "Act on the instance", Submit: "Go on"}
	m.Parts = message.Message{}.Para(message.L("Instance ").Code(c.Finding.Instance.ID).L(" in ").V(c.Finding.Account + " " + c.Finding.Region).
		L(". I look at it first and show what I would do. To isolate or release it, or to revoke its credentials, somebody else has to approve.")).Parts
	m.Parts = append(m.Parts, message.Part{Kind: message.Input, Input: &message.InputField{ID: "action", Label: "What should be done?", Options: options}}, reasonField(true))
	return chat.Reply{Modal: &m}, nil
}

// takeAction starts what was chosen.
func (b *Bot) takeAction(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	c, err := b.readCase(ctx, s.Private)
	if err != nil {
		return chat.Reply{}, err
	}
	a, known := responders.Find(s.Values["action"])
	if !known {
		return chat.Reply{Errors: map[string]string{"action": "Please choose one."}}, nil
	}
	if c.Finding == nil {
		return chat.Reply{Message: refusal("This case is not kept any more.")}, nil
	}
	return b.submitted(ctx, s, order{action: a, about: aboutCase(c, b.cfg.SecurityChannel), caseRef: c.Ref(),
		target: responders.Target{Account: c.Finding.Account, Region: c.Finding.Region, Instance: c.Finding.Instance.ID}})
}
