package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// Break-glass: an approver who asked for an operation lets it begin alone. What
// makes it loud is in operation_alone_loud.go.

// aloneDoc lists who acted alone. It is read and written with each time, so that
// the limit holds over all replicas.
const aloneDoc = "bg:all"

const (
	aloneWindow = 24 * time.Hour // of the limit
	aloneKept   = 200            // entries of the list
)

// loneAct is one time somebody acted alone.
type loneAct struct {
	User    string        `json:"u"`
	ID      string        `json:"i"` // of the operation
	Action  responders.ID `json:"a"`
	Account string        `json:"c"`
	Region  string        `json:"r"`
	Machine string        `json:"m"`
	Reason  string        `json:"y"`
	At      time.Time     `json:"at"`
}

// readAlone returns the list, the last one first.
func (t *tx) readAlone(ctx context.Context) ([]loneAct, error) {
	body, err := t.loadRaw(ctx, aloneDoc)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	var all []loneAct
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, fmt.Errorf("read who acted alone: %w", err)
	}
	return all, nil
}

// mayActAlone says why somebody may not begin an operation alone now.
func (b *Bot) mayActAlone(ctx context.Context, t *tx, o *responders.Operation, user string, now time.Time) ([]loneAct, error) {
	rule := b.cfg.Access.BreakGlass
	if !rule.Allowed {
		return nil, responders.NotCounted("acting without a second person is not allowed here (access.break_glass in the configuration)")
	}
	all, err := t.readAlone(ctx)
	if err != nil {
		return nil, err
	}
	recent := 0
	for _, one := range all {
		if one.User == user && now.Sub(one.At) < aloneWindow {
			recent++
		}
	}
	switch {
	case o.State != responders.Waiting:
		return nil, responders.ErrNotWaiting
	case o.Job.By != user:
		return nil, responders.ErrNotAsker
	case recent >= rule.PerDay:
		return nil, responders.NotCounted(fmt.Sprintf("you acted alone %d times in the last 24 hours, which is as often as one person may; call somebody who can approve it", recent))
	case now.Before(o.AloneFrom(rule.After)):
		wait := o.AloneFrom(rule.After).Sub(now).Round(time.Second)
		return nil, responders.NotCounted(fmt.Sprintf("please give an approver a few minutes first; if nobody has answered in %s, press this again", wait))
	}
	return all, nil
}

// askAlone opens the dialog that says what it means to act alone.
func (b *Bot) askAlone(ctx context.Context, a chat.Action) (chat.Reply, error) {
	o, _, refused, err := b.decision(ctx, who{a.User, a.Team}, a.Value, actAlone)
	if err != nil || refused != nil {
		return chat.Reply{Message: refused}, err
	}
	if _, err := b.mayActAlone(ctx, b.begin(), o, a.User, b.clock.Now()); err != nil {
		if why, is := notCounted(o, a.User, err); is {
			return chat.Reply{Message: why}, nil
		}
		return chat.Reply{}, err
	}
	word := actionWord(o.Job.Action)
	m := message.Modal{Callback: actNoOther, Private: a.Value, Title: word + " alone", Submit: word + " now"}
	m.Parts = message.Message{}.
		Para(message.Text{}.Strong(word + " ").V(o.Job.Target.Instance + " in " + o.Job.Target.Account + " " + o.Job.Target.Region).L(" without a second person.")).
		Para(message.L("Do this only when nobody who could approve it can be reached, and waiting would be worse. The people on call are paged, ").
			Channel(b.cfg.SecurityChannel).L(" is told with your name and reason, and the audit log marks it.")).Parts
	m = field(m, message.InputField{ID: "reason", Label: "Why alone, and why now?", Multiline: true, MaxLen: responders.MaxAloneReason,
		Hint: fmt.Sprintf("At least %d characters. Whom did you try to reach? What happens if you wait?", responders.MinAloneReason)})
	return chat.Reply{Modal: &m}, nil
}

// takeAlone lets the operation begin, with its place in the list, its audit
// record and all that makes it loud in one commit.
func (b *Bot) takeAlone(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	by := who{s.User, s.Team}
	o, digest, refused, err := b.decision(ctx, by, s.Private, actAlone)
	if err != nil || refused != nil {
		return chat.Reply{Message: refused}, err
	}
	reason := strings.TrimSpace(s.Values["reason"])
	if len([]rune(reason)) < responders.MinAloneReason {
		return chat.Reply{Errors: map[string]string{"reason": capital(responders.ErrNoReason.Error()) + "."}}, nil
	}
	u, err := b.slack.User(ctx, s.User)
	if err != nil {
		return chat.Reply{Message: refusal("I could not check who you are, so I did nothing. Please try again in a minute.")}, nil
	}
	no, err := b.commitVerdict(ctx, verdict{by: by, envelope: s.EnvelopeID, id: o.ID, what: "act alone", detail: map[string]string{"reason": reason, "second_person": "none"},
		on: func(t *tx, op *responders.Operation, now time.Time) ([]store.Effect, error) {
			all, err := b.mayActAlone(ctx, t, op, s.User, now)
			if err != nil {
				return nil, err
			}
			effects, err := op.ApproveAlone(responders.Person{ChatID: s.User, Email: u.Email}, digest, reason, b.cfg.Access.BreakGlass.After, now)
			if err != nil {
				return nil, err
			}
			at := op.Job.Target
			one := loneAct{User: s.User, ID: op.ID, Action: op.Job.Action, Account: at.Account, Region: at.Region, Machine: at.Instance, Reason: reason, At: now.UTC()}
			all = slices.Insert(all, 0, one)
			t.putRaw(aloneDoc, mustJSON(all[:min(len(all), aloneKept)]), 0)
			return effects, b.noteOperation(ctx, t, op, fmt.Sprintf("%s began to %s %s alone, without a second person (%s): %s", u.Name, op.Job.Action, at.Instance, op.Ref(), reason), now)
		}})
	if err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	m := message.Message{}.Para(message.Text{}.Code(o.Ref()).L(" has begun on your word alone. The people on call are being paged, and ").Channel(b.cfg.SecurityChannel).L(" is told."))
	return chat.Reply{Message: &m}, nil
}

// ActedAlone implements the commands' list of who acted without a second person.
func (b *Bot) ActedAlone(ctx context.Context, r commands.Request, limit int) (commands.Lines, error) {
	seen, err := b.scopeOf(ctx, r.User)
	if err != nil {
		return commands.Lines{}, err
	}
	all, err := b.begin().readAlone(ctx)
	if err != nil {
		return commands.Lines{}, err
	}
	all, hidden := visible(all, func(a loneAct) bool { return seen.sees(a.Account) })
	out := commands.Lines{Hidden: hidden}
	for _, a := range all[:min(limit, len(all))] {
		out.Shown = append(out.Shown, message.Text{}.At(a.At).L(" · ").Person(a.User).L(" · "+actionWord(a.Action)+" ").Code(a.Machine).L(" in ").V(a.Account+" "+a.Region).
			L(" · ").Code((&responders.Operation{ID: a.ID}).Ref()).L(" · ").V(a.Reason))
	}
	return out, nil
}

// whereItStands answers whoever decides about what is decided already.
func whereItStands(o *responders.Operation, user string) *message.Message {
	t := message.Text{}
	by := func(what string) message.Text {
		if o.Decider == user {
			t = t.L("You " + what + " this already")
		} else {
			t = t.Person(o.Decider).L(" " + what + " this already")
		}
		if !o.Decided.IsZero() {
			t = t.L(", ").At(o.Decided)
		}
		return t
	}
	switch {
	case o.State == responders.Planning:
		t = t.L("I am still looking at the instance; what I would do appears here in a moment.")
	case o.State == responders.Expired:
		t = t.L("Nobody approved this in time: it ended ").At(o.Ended).L(", and nothing was done. Ask for it again if it is still needed.")
	case o.State == responders.Refused:
		t = by("refused").L(". Nothing was done.")
	case o.Decider == "":
		t = t.L("This waits for nobody: it is " + stateWords(o) + ". ").V(o.Why)
	default:
		what := "approved"
		if o.Alone != "" {
			what = "began"
		}
		t = by(what).L(". It is " + stateWords(o) + ". ").V(o.Why)
	}
	m := message.Message{}.Para(t)
	return &m
}
