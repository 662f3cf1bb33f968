package bot

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// Asking for an operation: by command, dialog or button.

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
	found, err := b.casesAbout(ctx, o.by, c)
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
// most serious first: those in accounts of the person if there are any, else one
// of the others, which they are refused then.
func (b *Bot) casesAbout(ctx context.Context, by who, c commands.Order) ([]*cases.Case, error) {
	seen, err := b.scopeOf(ctx, by.user)
	if err != nil {
		return nil, err
	}
	open, err := b.openCases(ctx)
	if err != nil {
		return nil, err
	}
	open = slices.DeleteFunc(open, func(k *cases.Case) bool {
		f := k.Finding
		return f.Instance.ID != c.Instance || c.Account != "" && f.Account != c.Account || c.Region != "" && f.Region != c.Region ||
			c.Case != "" && !strings.EqualFold(k.Ref(), "SB-"+strings.TrimPrefix(strings.ToUpper(c.Case), "SB-"))
	})
	if mine, hidden := visible(open, seen.seesCase); hidden > 0 {
		if len(mine) > 0 {
			return mine, nil
		}
		return open[:1], nil
	}
	return open, nil
}

// OpenOperations describes what is under way, for /ir operations.
func (b *Bot) OpenOperations(ctx context.Context, r commands.Request, limit int) (commands.Lines, error) {
	seen, err := b.scopeOf(ctx, r.User)
	if err != nil {
		return commands.Lines{}, err
	}
	open, err := b.openOperations(ctx)
	if err != nil {
		return commands.Lines{}, err
	}
	open, hidden := visible(open, func(o *responders.Operation) bool { return seen.sees(o.Job.Target.Account) })
	out := commands.Lines{Hidden: hidden}
	for _, o := range open[:min(limit, len(open))] {
		line := message.Text{}.Code(o.Ref()).L(" · " + actionWord(o.Job.Action) + " ").Code(o.Job.Target.Instance).L(" · " + stateWords(o) + " · ").At(o.Asked)
		if o.Shown.Channel != "" {
			line = line.L(" · in ").Channel(o.Shown.Channel)
		}
		out.Shown = append(out.Shown, line)
	}
	return out, nil
}

// openOperations reads what is under way, oldest first.
func (b *Bot) openOperations(ctx context.Context) ([]*responders.Operation, error) {
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
	return open, nil
}
