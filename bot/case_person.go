package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// What people do with cases and questions.

// inboxTTL is how long an envelope is remembered: longer than Slack's last
// retry, which comes after about five minutes.
const inboxTTL = time.Hour

func inquiryButtons() map[string]door[chat.Action] {
	return map[string]door[chat.Action]{
		inquiries.ActionYes:     {actAnswer, (*Bot).answer},
		inquiries.ActionNo:      {actAnswer, (*Bot).answer},
		inquiries.ActionUnsure:  {actAnswer, (*Bot).answer},
		inquiries.ActionDetails: {actReadInquiry, (*Bot).inquiryDetails},
	}
}

func caseButtons() map[string]door[chat.Action] {
	return map[string]door[chat.Action]{
		actCaseDetails: {actReadCase, (*Bot).caseDetails},
		actCaseClose:   {actCloseCase, (*Bot).askVerdict},
	}
}

func caseDialogs() map[string]door[chat.Submission] {
	return map[string]door[chat.Submission]{actCaseClose: {actCloseCase, (*Bot).takeVerdict}}
}

// askVerdict opens the dialog that closes a case.
func (b *Bot) askVerdict(ctx context.Context, a chat.Action) (chat.Reply, error) {
	c, err := b.readCase(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if refused := b.authorise(ctx, who{a.User, a.Team}, actCloseCase, objectOf(c)); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	if !c.IsOpen() {
		return chat.Reply{Message: alreadyClosed(c)}, nil
	}
	m := b.closeModal(c)
	return chat.Reply{Modal: &m}, nil
}

// takeVerdict reads the dialog that closes a case.
func (b *Bot) takeVerdict(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	outcome, reason := cases.Outcome(s.Values["outcome"]), strings.TrimSpace(s.Values["reason"])
	if !slices.Contains(cases.Verdicts, outcome) {
		return chat.Reply{Errors: map[string]string{"outcome": "Please choose one of the answers."}}, nil
	}
	if reason == "" {
		return chat.Reply{Errors: map[string]string{"reason": "Please write a sentence: somebody will read it later."}}, nil
	}
	return b.closeCase(ctx, s, outcome, message.Cut(reason, 500))
}

// objectOf is what a case is about: its account and the person it concerns.
func objectOf(c *cases.Case) object {
	o := object{subject: identity{chatID: c.Subject(), email: c.Employee.Email}}
	if c.Finding != nil {
		o.account = c.Finding.Account
	}
	return o
}

// closeCase records a verdict, once.
func (b *Bot) closeCase(ctx context.Context, s chat.Submission, o cases.Outcome, reason string) (chat.Reply, error) {
	var reply *message.Message
	err := b.changeAudited(ctx, func(t *tx, now time.Time) error {
		c, err := t.loadCase(ctx, s.Private)
		if err != nil {
			return err
		}
		if reply = b.authorise(ctx, who{s.User, s.Team}, actCloseCase, objectOf(c)); reply != nil {
			return errGiveUp
		}
		if !c.IsOpen() {
			reply = alreadyClosed(c)
			return errGiveUp
		}
		asked := c.Inquiry
		effects, cancel := c.Close(o, s.User, reason, 2*leaseTime, now)
		t.plan(effects...)
		t.cancel = append(t.cancel, cancel...)
		t.touch(c)
		t.closed = append(t.closed, c)
		t.marks = append(t.marks, store.Mark{ID: "env:" + s.EnvelopeID, TTL: inboxTTL})
		b.log.Info("case closed", "case", c.Ref(), "by", s.User, "outcome", string(o))
		if err := b.withdraw(ctx, t, asked, now); err != nil {
			return err
		}
		return t.audit(ctx, audit.Record{Actor: s.User, Act: string(actCloseCase), Object: c.Ref(), Digest: audit.Digest(c.ID, string(o), reason), Decision: audit.Allowed, Result: string(o)})
	})
	if errors.Is(err, store.ErrSeen) {
		err = nil
	}
	if refused := notRecorded(err); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	if err == nil && reply == nil {
		b.metrics.closed.WithLabelValues(string(o)).Inc()
	}
	failpoint.Hit("close.committed")
	return chat.Reply{Message: reply}, err
}

func alreadyClosed(c *cases.Case) *message.Message {
	if !c.Known() {
		return refusal("I do not know this case any more.")
	}
	m := message.Message{}.Para(message.Text{}.Code(c.Ref()).L(" is already closed. ").L(verdictWords(c.Outcome)))
	return &m
}

func (b *Bot) caseDetails(ctx context.Context, a chat.Action) (chat.Reply, error) {
	c, err := b.readCase(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if !c.Known() {
		return chat.Reply{Message: alreadyClosed(c)}, nil
	}
	mayClose := b.may(ctx, who{a.User, a.Team}, actCloseCase, objectOf(c))
	m := b.detailsModal(c, mayClose)
	if button, ok := b.lookUpButton(c); ok && b.may(ctx, who{a.User, a.Team}, actLookUp, objectOf(c)) {
		m.Parts = append(m.Parts, message.Part{Kind: message.Actions, Buttons: []message.Button{button}})
	}
	return chat.Reply{Modal: &m}, nil
}

func (b *Bot) readCase(ctx context.Context, id string) (*cases.Case, error) {
	if !cases.ValidID(id) {
		return &cases.Case{ID: ""}, nil
	}
	return b.begin().loadCase(ctx, id)
}

// OpenCases describes open cases for /ir list.
func (b *Bot) OpenCases(ctx context.Context, r commands.Request, limit int) (commands.Lines, error) {
	seen, err := b.scopeOf(ctx, r.User)
	if err != nil {
		return commands.Lines{}, err
	}
	open, err := b.openCases(ctx)
	if err != nil {
		return commands.Lines{}, err
	}
	open, hidden := visible(open, seen.seesCase)
	out := commands.Lines{Hidden: hidden}
	for _, c := range open[:min(limit, len(open))] {
		out.Shown = append(out.Shown, message.Text{}.Code(c.Ref()).L(" · "+levelWord(c.Severity)+" · "+string(c.Status)+" · "+headline(c)+" · ").V(c.Finding.Account).L(" · ").At(c.Opened))
	}
	return out, nil
}

// maxOpenRead bounds how many open documents one look reads.
const maxOpenRead = 2000

// openCases reads the open cases, most serious first.
func (b *Bot) openCases(ctx context.Context) ([]*cases.Case, error) {
	ids, err := b.store.OpenDocs(ctx, maxOpenRead)
	if err != nil {
		return nil, err
	}
	t := b.begin()
	ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, "c:") })
	if err := t.load(ctx, ids...); err != nil {
		return nil, err
	}
	var open []*cases.Case
	for _, id := range ids {
		if c, err := t.loadCase(ctx, strings.TrimPrefix(id, "c:")); err == nil && c.IsOpen() && c.Finding != nil {
			open = append(open, c)
		}
	}
	return bySeverity(open), nil
}

// mayRead says to people with limits why they are not shown a case.
func (b *Bot) mayRead(ctx context.Context, r commands.Request, c *cases.Case) (*message.Message, error) {
	seen, err := b.scopeOf(ctx, r.User)
	if err != nil || seen.seesCase(c) {
		return nil, err
	}
	if c.Finding == nil {
		return refusal("Which AWS account this case was in is not kept any more, so I cannot show it to somebody who looks after some accounts only."), nil
	}
	return b.authorise(ctx, who{r.User, r.Team}, actRespond, object{account: c.Finding.Account}), nil
}

// Case describes a case for /ir case.
func (b *Bot) Case(ctx context.Context, r commands.Request, ref string) (message.Message, bool, error) {
	docs, err := b.store.Find(ctx, cases.DocID(strings.TrimPrefix(ref, "SB-")), 1)
	if err != nil || len(docs) == 0 {
		return message.Message{}, false, err
	}
	c, err := cases.Decode(strings.TrimPrefix(docs[0].ID, "c:"), docs[0].Body)
	if err != nil {
		return message.Message{}, false, err
	}
	if c.Alias != "" {
		return message.Message{}.Para(message.Text{}.Code(ref).L(" is the same act as ").Code(cases.RefOf(c.Alias)).L(".")), true, nil
	}
	if no, err := b.mayRead(ctx, r, &c); err != nil || no != nil {
		return deref(no), true, err
	}
	if c.Finding == nil {
		return message.Message{}.Para(message.Text{}.Code(ref).L(": " + string(c.Status) + ", " + verdictWords(c.Outcome) + ". Its details are no longer kept.")), true, nil
	}
	m := message.Message{}.Title(message.L(headline(&c))).Para(caseStatus(&c)).Fields(caseFields(&c)...).Para(b.withRecord(decisionText(&c), &c))
	for _, e := range c.Timeline {
		m = m.Note(message.Text{}.At(e.At).L("  ").V(e.What))
	}
	buttons := []message.Button{detailsButton(&c)}
	if look, ok := b.lookUpButton(&c); ok {
		buttons = append(buttons, look)
	}
	return m.Actions(buttons...), true, nil
}
