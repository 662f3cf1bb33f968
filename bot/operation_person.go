package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/commands"
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
		actRelease: {actAskContain, (*Bot).askRelease},
		actAct:     {actCollect, (*Bot).askAction},
	}
}

func operationDialogs() map[string]door[chat.Submission] {
	return map[string]door[chat.Submission]{
		actRelease: {actAskContain, (*Bot).takeRelease},
		actAct:     {actCollect, (*Bot).takeAction},
	}
}

// order is a checked request for an operation.
type order struct {
	action   responders.Action
	params   responders.Params
	target   responders.Target
	about    responders.About
	caseRef  string
	incident string // reference
	by       who
	envelope string
}

// start authorises an order on what it is about and starts it, with its audit
// record in the same commit.
func (b *Bot) start(ctx context.Context, o order) (message.Message, error) {
	need := actCollect
	if o.action.Approval {
		need = actAskContain
	}
	subject := identity{o.about.Subject.ChatID, o.about.Subject.Email}
	if refused := b.authorise(ctx, o.by, need, object{account: o.target.Account, subject: subject}); refused != nil {
		return *refused, nil
	}
	if why := b.mayActOn(o.target); why != "" {
		return message.Message{}.Para(message.Text{}.V(why)), nil
	}
	u, err := b.slack.User(ctx, o.by.user)
	if err != nil {
		return *refusal("I could not check who you are, so I did nothing. Please try again in a minute."), nil
	}
	id := responders.IdentityOf(u.Email)
	if id == "" {
		id = responders.IdentityOf(o.by.user)
	}
	j := responders.Job{ID: jobID(o.envelope, randomSalt(o.envelope)), Action: o.action.ID, Params: o.params, Target: o.target, By: o.by.user, Identity: id, Case: o.caseRef, Incident: o.incident}
	var started bool
	var op *responders.Operation
	err = b.changeAudited(ctx, func(t *tx, now time.Time) error {
		if op, started, err = b.propose(ctx, t, j, o.about, now); err != nil {
			return err
		}
		if !started {
			return errGiveUp
		}
		t.marks = append(t.marks, store.Mark{ID: "env:" + o.envelope, TTL: inboxTTL})
		if err := b.noteOperation(ctx, t, op, fmt.Sprintf("%s asked to %s %s (%s)", u.Name, o.action.ID, o.target.Instance, op.Ref()), now); err != nil {
			return err
		}
		return t.audit(ctx, audit.Record{Actor: o.by.user, Act: string(o.action.ID), Object: o.target.String(), Digest: j.Digest(), Decision: audit.Allowed,
			Detail: map[string]string{"operation": j.ID, "case": o.caseRef, "reason": o.params["reason"]}})
	})
	failpoint.Hit("operation.asked")
	if errors.Is(err, store.ErrSeen) {
		err = nil
	}
	if refused := notRecorded(err); refused != nil {
		return *refused, nil
	}
	if err != nil {
		return message.Message{}, err
	}
	return startedMessage(op, started, o.action), nil
}

// randomSalt makes the ids of jobs unguessable while a redelivered envelope
// still gives the same one: its own id is random.
func randomSalt(envelope string) string {
	if envelope == "" {
		return randomID()
	}
	return ""
}

func startedMessage(op *responders.Operation, started bool, a responders.Action) message.Message {
	t := message.Text{}.Code(op.Ref()).L(": ")
	if !started {
		return message.Message{}.Para(t.L("this is under way already, in ").Channel(op.Channel).L("."))
	}
	t = t.L("I look at ").Code(op.Job.Target.Instance).L(" first and show in ").Channel(op.Channel)
	if a.Approval {
		return message.Message{}.Para(t.L(" what I would do. Somebody else has to approve it there."))
	}
	return message.Message{}.Para(t.L(" what I do."))
}

// Order implements the commands' desk for actions.
func (b *Bot) Order(ctx context.Context, r commands.Request, c commands.Order) (message.Message, error) {
	o := order{action: c.Action, params: c.Params, by: who{r.User, r.Team}, envelope: r.Envelope}
	problem, err := b.locate(ctx, &o, c)
	if err != nil {
		return message.Message{}, err
	}
	if problem != nil {
		return *problem, nil
	}
	where, incident, err := b.placeOf(ctx, r.Channel)
	if err != nil {
		return message.Message{}, err
	}
	if o.incident = incident; where != "" {
		o.about.Channel = where
	}
	return b.start(ctx, o)
}

// locate finds out where an instance is and which case is about it.
func (b *Bot) locate(ctx context.Context, o *order, c commands.Order) (*message.Message, error) {
	o.about.Channel = b.cfg.SecurityChannel
	o.target = responders.Target{Account: c.Account, Region: c.Region, Instance: c.Instance}
	probe := o.target
	probe.Account, probe.Region = orElse(probe.Account, "000000000000"), orElse(probe.Region, "eu-west-1")
	if err := probe.Check(); err != nil {
		m := message.Message{}.Para(message.Text{}.V(capital(err.Error())).L("."))
		return &m, nil
	}
	found, err := b.casesAbout(ctx, c)
	if err != nil {
		return nil, err
	}
	var places []string
	for _, k := range found {
		t := responders.Target{Account: k.Finding.Account, Region: k.Finding.Region, Instance: c.Instance}
		if !slices.Contains(places, t.String()) {
			places = append(places, t.String())
		}
	}
	switch {
	case len(places) > 1:
		m := message.Message{}.Para(message.L("Cases name this instance in more than one place: ").V(strings.Join(places, ", ")).L(". Say which, with ").Code("account=… region=…").L("."))
		return &m, nil
	case len(places) == 1:
		k := found[0]
		o.target.Account, o.target.Region = k.Finding.Account, k.Finding.Region
		o.about, o.caseRef = aboutCase(k, b.cfg.SecurityChannel), k.Ref()
	case c.Case != "":
		m := message.Message{}.Para(message.L("No case ").Code(c.Case).L(" about this instance is open."))
		return &m, nil
	}
	if err := o.target.Check(); err != nil {
		m := message.Message{}.Para(message.L("No open case is about ").Code(c.Instance).L(", so please say where it is: add ").Code("account=… region=…").L("."))
		return &m, nil
	}
	return nil, nil
}

// casesAbout lists the open cases about an instance that fit what was typed,
// most serious first.
func (b *Bot) casesAbout(ctx context.Context, c commands.Order) ([]*cases.Case, error) {
	open, err := b.openCases(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(open, func(k *cases.Case) bool {
		f := k.Finding
		return f.Instance.ID != c.Instance || c.Account != "" && f.Account != c.Account || c.Region != "" && f.Region != c.Region ||
			c.Case != "" && !strings.EqualFold(k.Ref(), "SB-"+strings.TrimPrefix(strings.ToUpper(c.Case), "SB-"))
	}), nil
}

// OpenOperations describes what is under way, for /ir operations.
func (b *Bot) OpenOperations(ctx context.Context, limit int) ([]message.Text, error) {
	ids, err := b.store.OpenDocs(ctx, maxOpenRead)
	if err != nil {
		return nil, err
	}
	t := b.begin()
	ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, "r:") })
	if err := t.load(ctx, ids...); err != nil {
		return nil, err
	}
	var open []*responders.Operation
	for _, id := range ids {
		if o, err := t.loadOperation(ctx, strings.TrimPrefix(id, "r:")); err == nil && o != nil && o.IsOpen() {
			open = append(open, o)
		}
	}
	slices.SortFunc(open, func(a, b *responders.Operation) int { return a.Asked.Compare(b.Asked) })
	var out []message.Text
	for _, o := range open[:min(limit, len(open))] {
		line := message.Text{}.Code(o.Ref()).L(" · " + actionWord(o.Job.Action) + " ").Code(o.Job.Target.Instance).L(" · " + stateWords(o) + " · ").At(o.Asked)
		if o.Shown.Channel != "" {
			line = line.L(" · in ").Channel(o.Shown.Channel)
		}
		out = append(out, line)
	}
	return out, nil
}

// decision reads the value of an approval's button and authorises on what it
// is about.
func (b *Bot) decision(ctx context.Context, a chat.Action, what act) (o *responders.Operation, digest string, refused *message.Message, err error) {
	id, digest, _ := strings.Cut(a.Value, ".")
	if o, err = b.begin().loadOperation(ctx, id); err != nil {
		return nil, "", nil, err
	}
	if o == nil {
		return nil, "", refusal("I do not know this request any more."), nil
	}
	on := object{account: o.Job.Target.Account, subject: identity{o.Subject.ChatID, o.Subject.Email}, asker: o.Job.By}
	return o, digest, b.authorise(ctx, who{a.User, a.Team}, what, on), nil
}

// approveOperation lets an operation begin.
func (b *Bot) approveOperation(ctx context.Context, a chat.Action) (chat.Reply, error) {
	o, digest, refused, err := b.decision(ctx, a, actDecide)
	if err != nil || refused != nil {
		return chat.Reply{Message: refused}, err
	}
	u, err := b.slack.User(ctx, a.User)
	if err != nil {
		return chat.Reply{Message: refusal("I could not check who you are, so I did nothing. Please try again in a minute.")}, nil
	}
	return b.commitDecision(ctx, a, o.ID, "approve", func(op *responders.Operation, now time.Time) ([]store.Effect, error) {
		return op.Approve(responders.Person{ChatID: a.User, Email: u.Email}, digest, now)
	})
}

// refuseOperation ends an operation that waits.
func (b *Bot) refuseOperation(ctx context.Context, a chat.Action) (chat.Reply, error) {
	o, _, refused, err := b.decision(ctx, a, actWithdraw)
	if err != nil || refused != nil {
		return chat.Reply{Message: refused}, err
	}
	return b.commitDecision(ctx, a, o.ID, "refuse", func(op *responders.Operation, now time.Time) ([]store.Effect, error) { return op.Refuse(a.User, now) })
}

// commitDecision commits a decision with its audit record.
func (b *Bot) commitDecision(ctx context.Context, a chat.Action, id, what string, fn func(*responders.Operation, time.Time) ([]store.Effect, error)) (chat.Reply, error) {
	var reply *message.Message
	err := b.changeAudited(ctx, func(t *tx, now time.Time) error {
		o, err := t.loadOperation(ctx, id)
		if err != nil {
			return err
		}
		if o == nil {
			reply = refusal("I do not know this request any more.")
			return errGiveUp
		}
		effects, err := fn(o, now)
		if err != nil {
			reply = refusal(capital(err.Error()) + ".")
			b.auditRefusal(audit.Record{Actor: a.User, For: o.Job.By, Act: what, Object: o.Job.Target.String(), Decision: audit.Refused, Result: err.Error(), Detail: map[string]string{"operation": o.ID}})
			return errGiveUp
		}
		t.plan(effects...)
		t.marks = append(t.marks, store.Mark{ID: "env:" + a.EnvelopeID, TTL: inboxTTL})
		if err := t.putOperation(o, now); err != nil {
			return err
		}
		return t.audit(ctx, audit.Record{Actor: a.User, For: o.Job.By, Act: what, Object: string(o.Job.Action) + " " + o.Job.Target.String(), Digest: o.Job.Digest(), Decision: audit.Allowed, Detail: map[string]string{"operation": o.ID, "case": o.Job.Case}})
	})
	failpoint.Hit("operation.decided")
	if errors.Is(err, store.ErrSeen) {
		err = nil
	}
	if refused := notRecorded(err); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	return chat.Reply{Message: reply}, err
}

// askRelease opens the dialog that asks for a release.
func (b *Bot) askRelease(ctx context.Context, a chat.Action) (chat.Reply, error) {
	o, err := b.begin().loadOperation(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if o == nil || o.State != responders.Done {
		return chat.Reply{Message: refusal("I do not know this request any more. Use the command to release the instance.")}, nil
	}
	on := object{account: o.Job.Target.Account, subject: identity{o.Subject.ChatID, o.Subject.Email}}
	if refused := b.authorise(ctx, who{a.User, a.Team}, actAskContain, on); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	m := message.Modal{Callback: actRelease, Private: o.ID, Title: "Release", Submit: "Ask for it"}
	m.Parts = message.Message{}.Para(message.L("Ask to put ").Code(o.Job.Target.Instance).L(" back on the network. Somebody else has to approve it.")).Parts
	m.Parts = append(m.Parts, reasonField(false))
	return chat.Reply{Modal: &m}, nil
}

func reasonField(optional bool) message.Part {
	return message.Part{Kind: message.Input, Input: &message.InputField{ID: "reason", Label: "Why?", Multiline: true, MaxLen: 300, Optional: optional, Hint: "For the record, and for whoever approves it."}}
}

// takeRelease starts the release of what an operation isolated.
func (b *Bot) takeRelease(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	o, err := b.begin().loadOperation(ctx, s.Private)
	if err != nil {
		return chat.Reply{}, err
	}
	if o == nil {
		return chat.Reply{Message: refusal("I do not know this request any more. Use the command to release the instance.")}, nil
	}
	a, _ := responders.Find(string(responders.Release))
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
		options = append(options, message.Option{Label: cut(capital(act.About), 75), Value: string(act.ID)})
	}
	m := message.Modal{Callback: actAct, Private: c.ID, Title: "Act on the instance", Submit: "Go on"}
	m.Parts = message.Message{}.Para(message.L("Instance ").Code(c.Finding.Instance.ID).L(" in ").V(c.Finding.Account + " " + c.Finding.Region).
		L(". I look at it first and show what I would do. To isolate or release it, somebody else has to approve.")).Parts
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
