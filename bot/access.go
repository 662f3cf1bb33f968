package bot

import (
	"context"
	"slices"

	"github.com/securitybot/securitybot/internal/message"
)

// act is something a person may want to do. The set is closed: what is not
// listed in requirements is denied.
type act string

const (
	actAnswer      act = "answer a question" // the inquiry itself checks that it is the person asked
	actReadInquiry act = "read a question"   // the same
	actReadCase    act = "read a case"
	actCloseCase   act = "close a case"
	actCommand     act = "use the command" // commands ask for more
	actRespond     act = "use the responders' commands"
	actIncident    act = "run an incident"
	actLookUp      act = "look up an indicator"
	actCollect     act = "take evidence"      // snapshot, osquery, memory, tcpdump
	actAskContain  act = "ask to contain"     // isolate and release wait for an approver
	actDecide      act = "decide a request"   // approve
	actWithdraw    act = "withdraw a request" // refuse: anybody who responds may stop something
	actAdmin       act = "administer the bot"
)

// role is what a person may be. Each contains the ones before it.
type role int

const (
	nobody role = iota
	employee
	responder
	approver
	admin
)

// requirement says who may do something.
type requirement struct {
	role role
	// apart keeps away the person it is about: they may neither close nor
	// contain nor approve what concerns themselves.
	apart bool
	// second keeps away the person who asked for it.
	second bool
}

// requirements is the whole of who may do what. actAnswer and actReadInquiry
// need no look-up, so that a "no" gets through when the directory is down: the
// inquiry accepts only the id it was bound to when it was delivered.
var requirements = map[act]requirement{
	actAnswer: {role: nobody}, actReadInquiry: {role: nobody},
	actReadCase: {role: employee}, actCommand: {role: employee},
	actRespond: {role: responder}, actIncident: {role: responder}, actLookUp: {role: responder},
	actCloseCase: {role: responder, apart: true},
	actCollect:   {role: responder, apart: true}, actAskContain: {role: responder, apart: true},
	actDecide: {role: approver, apart: true, second: true}, actWithdraw: {role: responder},
	actAdmin: {role: admin},
}

// who is the person that acts, as Slack says it.
type who struct{ user, team string }

// object is what an act is about, as far as it decides who may do it. The zero
// value is about nothing in particular.
type object struct {
	account string   // AWS account: people with limits act on theirs only
	subject identity // whom it concerns
	asker   string   // chat id of who asked for it
}

// identity is a person as far as known: either may be empty.
type identity struct{ chatID, email string }

// authorise is the one place where somebody is allowed something. Everything
// not expressly allowed is denied, and so is anything whose look-up fails. The
// returned message tells the person why; nil means allowed.
func (b *Bot) authorise(ctx context.Context, p who, what act, on object) *message.Message {
	need, listed := requirements[what]
	if !listed || p.user == "" {
		return refusal("This is not something the bot lets anybody do.")
	}
	if own := b.slack.Team(); p.team != "" && own != "" && p.team != own {
		return b.deny(p, what, "team", "Only people of this company's workspace can do this.")
	}
	if need.role == nobody {
		return nil
	}
	have, err := b.roleOf(ctx, p.user)
	if err == nil && have >= responder && on.account != "" {
		err = b.withinLimits(ctx, p.user, on.account)
	}
	same := false
	if err == nil && have >= need.role && need.apart {
		same, err = b.samePerson(ctx, p.user, on.subject)
	}
	switch {
	case err == errLimited:
		return b.deny(p, what, "account", "This AWS account is not one of those you look after. Ask a responder who does.")
	case err != nil:
		b.log.Warn("a person cannot be looked up, so they are refused", "user", p.user, "act", string(what), "error", err)
		return b.deny(p, what, "lookup", "I could not check who you are, so I did nothing. Please try again in a minute.")
	case have == nobody:
		return b.deny(p, what, "role", "Only employees can do this: guests, outside people and apps cannot.")
	case have < need.role && need.role == approver:
		return b.deny(p, what, "role", "Only an approver can do this. Ask one of them to press the button.")
	case have < need.role:
		return b.deny(p, what, "role", "Only the security responders can do this. If you think you should be one, ask them.")
	case same:
		return b.deny(p, what, "subject", "This is about you, so somebody else has to do it.")
	case need.second && b.isAsker(ctx, p.user, on.asker):
		return b.deny(p, what, "asker", "You asked for this yourself, so somebody else has to approve it.")
	}
	return nil
}

func (b *Bot) deny(p who, what act, why, sentence string) *message.Message {
	b.metrics.denied.WithLabelValues(why).Inc()
	b.log.Info("refused", "user", p.user, "act", string(what), "why", why)
	return refusal(sentence)
}

func refusal(text string) *message.Message {
	m := message.Message{}.Para(message.L(text))
	return &m
}

// samePerson says whether a chat user is the person known by an id or an
// address: people have more than one account.
func (b *Bot) samePerson(ctx context.Context, user string, other identity) (bool, error) {
	if other.chatID != "" && user == other.chatID {
		return true, nil
	}
	email := other.email
	if email == "" && other.chatID != "" {
		u, err := b.slack.User(ctx, other.chatID)
		if err != nil {
			return false, err
		}
		email = u.Email
	}
	if email == "" {
		return false, nil
	}
	u, err := b.slack.User(ctx, user)
	if err != nil {
		return false, err
	}
	return u.Email != "" && b.people.SameAddress(u.Email, email), nil
}

// isAsker compares as persons; whoever cannot be compared counts as the asker.
func (b *Bot) isAsker(ctx context.Context, user, asker string) bool {
	if asker == "" {
		return false
	}
	same, err := b.samePerson(ctx, user, identity{chatID: asker})
	return same || err != nil
}

// withinLimits keeps people with limits to their accounts: errLimited when this
// is another one.
func (b *Bot) withinLimits(ctx context.Context, user, account string) error {
	limited := false
	for _, l := range b.cfg.Access.Limits {
		in, err := b.listed(ctx, user, l.People)
		if err != nil {
			return err
		}
		if in && slices.Contains(l.Accounts, account) {
			return nil
		}
		limited = limited || in
	}
	if limited {
		return errLimited
	}
	return nil
}
