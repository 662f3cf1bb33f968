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
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// The second line: a person acts in Slack. Each of these three functions is
// called before the acknowledgement: authorise, commit, and only then return,
// so that an acknowledged click is a durable click.

// inboxTTL is how long an envelope is remembered: longer than Slack's last
// retry, which comes after about five minutes.
const inboxTTL = time.Hour

// Action handles a pressed button.
func (b *Bot) Action(ctx context.Context, a chat.Action) (chat.Reply, error) {
	failpoint.Hit("click.received")
	switch a.Action {
	case inquiries.ActionYes, inquiries.ActionNo, inquiries.ActionUnsure:
		if refused := b.authorise(ctx, a.User, a.Team, actAnswer); refused != nil {
			return chat.Reply{Message: refused}, nil
		}
		return b.answer(ctx, a)
	case inquiries.ActionDetails:
		if refused := b.authorise(ctx, a.User, a.Team, actReadInquiry); refused != nil {
			return chat.Reply{Message: refused}, nil
		}
		return b.inquiryDetails(ctx, a)
	case actCaseDetails:
		return b.caseDetails(ctx, a)
	case actCaseClose:
		if refused := b.authorise(ctx, a.User, a.Team, actCloseCase); refused != nil {
			return chat.Reply{Message: refused}, nil
		}
		c, err := b.readCase(ctx, a.Value)
		if err != nil {
			return chat.Reply{}, err
		}
		if refused := b.refuseSubject(ctx, c, a.User); refused != nil {
			return chat.Reply{Message: refused}, nil
		}
		if !c.IsOpen() {
			return chat.Reply{Message: alreadyClosed(c)}, nil
		}
		m := b.closeModal(c)
		return chat.Reply{Modal: &m}, nil
	}
	b.log.Info("a button nobody knows was pressed", "action", a.Action, "user", a.User)
	return chat.Reply{Message: refusal("This button is from another version of me and does nothing any more.")}, nil
}

// Submit handles a submitted dialog.
func (b *Bot) Submit(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	if s.Callback != actCaseClose {
		return chat.Reply{Message: refusal("This dialog is from another version of me and does nothing any more.")}, nil
	}
	if refused := b.authorise(ctx, s.User, s.Team, actCloseCase); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	outcome, reason := cases.Outcome(s.Values["outcome"]), strings.TrimSpace(s.Values["reason"])
	if !slices.Contains(cases.Verdicts, outcome) {
		return chat.Reply{Errors: map[string]string{"outcome": "Please choose one of the answers."}}, nil
	}
	if reason == "" {
		return chat.Reply{Errors: map[string]string{"reason": "Please write a sentence: somebody will read it later."}}, nil
	}
	return b.closeCase(ctx, s, outcome, cut(reason, 500))
}

// Command handles a slash command.
func (b *Bot) Command(ctx context.Context, c chat.Command) (chat.Reply, error) {
	m, err := b.commands.Run(ctx, commands.Request{Root: c.Name, Text: c.Text, User: c.User, Team: c.Team, Channel: c.Channel})
	if err != nil {
		b.log.Error("command failed", "user", c.User, "error", err)
	}
	return chat.Reply{Message: &m}, nil
}

// closeCase records a verdict, once.
func (b *Bot) closeCase(ctx context.Context, s chat.Submission, o cases.Outcome, reason string) (chat.Reply, error) {
	var reply *message.Message
	err := b.change(ctx, func(t *tx, now time.Time) error {
		c, err := t.loadCase(ctx, s.Private)
		if err != nil {
			return err
		}
		if reply = b.refuseSubject(ctx, c, s.User); reply != nil {
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
		t.marks = append(t.marks, store.Mark{ID: "env:" + s.EnvelopeID, TTL: inboxTTL})
		b.log.Info("case closed", "case", c.Ref(), "by", s.User, "outcome", string(o))
		return b.withdraw(ctx, t, asked, now)
	})
	if errors.Is(err, store.ErrSeen) {
		err = nil
	}
	if err == nil && reply == nil {
		b.metrics.closed.WithLabelValues(string(o)).Inc()
	}
	failpoint.Hit("close.committed")
	return chat.Reply{Message: reply}, err
}

// refuseSubject keeps the person a case is about from closing it, whether the
// bot knows them by their chat id or only by their address. Somebody who cannot
// be looked up is refused.
func (b *Bot) refuseSubject(ctx context.Context, c *cases.Case, user string) *message.Message {
	same := user == c.Subject()
	if !same && c.Employee.Email != "" {
		u, err := b.slack.User(ctx, user)
		same = err != nil || strings.EqualFold(u.Email, c.Employee.Email)
	}
	if same {
		return refusal("This case is about you, so somebody else has to close it.")
	}
	return nil
}

func alreadyClosed(c *cases.Case) *message.Message {
	if !c.Known() {
		return refusal("I do not know this case any more.")
	}
	m := message.Message{}.Para(message.Text{}.Code(c.Ref()).L(" is already closed. ").L(verdictWords(c.Outcome)))
	return &m
}

func (b *Bot) caseDetails(ctx context.Context, a chat.Action) (chat.Reply, error) {
	if refused := b.authorise(ctx, a.User, a.Team, actReadCase); refused != nil {
		return chat.Reply{Message: refused}, nil
	}
	c, err := b.readCase(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if !c.Known() {
		return chat.Reply{Message: alreadyClosed(c)}, nil
	}
	mayClose := b.authorise(ctx, a.User, a.Team, actCloseCase) == nil && b.refuseSubject(ctx, c, a.User) == nil
	m := b.detailsModal(c, mayClose)
	return chat.Reply{Modal: &m}, nil
}

func (b *Bot) readCase(ctx context.Context, id string) (*cases.Case, error) {
	if !cases.ValidID(id) {
		return &cases.Case{ID: ""}, nil
	}
	return b.begin().loadCase(ctx, id)
}

// Refuse is the commands' gate to the one authorisation function.
func (b *Bot) Refuse(ctx context.Context, r commands.Request, need commands.Right) *message.Message {
	what := actCommand
	if need == commands.Responder {
		what = actListCases
	}
	return b.authorise(ctx, r.User, r.Team, what)
}

// OpenCases describes open cases for /ir list.
func (b *Bot) OpenCases(ctx context.Context, limit int) ([]message.Text, error) {
	ids, err := b.store.OpenDocs(ctx, 2000)
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
	var out []message.Text
	for _, c := range bySeverity(open) {
		if len(out) == limit {
			break
		}
		out = append(out, message.Text{}.Code(c.Ref()).L(" · "+levelWord(c.Severity)+" · "+string(c.Status)+" · "+headline(c)+" · ").V(c.Finding.Account).L(" · ").At(c.Opened))
	}
	return out, nil
}

// Case describes a case for /ir case.
func (b *Bot) Case(ctx context.Context, ref string) (message.Message, bool, error) {
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
	if c.Finding == nil {
		return message.Message{}.Para(message.Text{}.Code(ref).L(": " + string(c.Status) + ", " + verdictWords(c.Outcome) + ". Its details are no longer kept.")), true, nil
	}
	m := message.Message{}.Title(message.L(headline(&c))).Para(caseStatus(&c)).Fields(caseFields(&c)...).Para(decisionText(&c))
	for _, e := range c.Timeline {
		m = m.Note(message.Text{}.At(e.At).L("  ").V(e.What))
	}
	return m.Actions(detailsButton(&c)), true, nil
}
