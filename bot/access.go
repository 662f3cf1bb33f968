package bot

import (
	"context"
	"errors"

	"github.com/securitybot/securitybot/internal/audit"
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
	actEndIncident act = "end an incident"
	actLookUp      act = "look up an indicator"
	actCollect     act = "take evidence"      // snapshot, osquery, memory, tcpdump
	actAskContain  act = "ask to contain"     // isolate, revoke and what undoes them wait for an approver
	actDecide      act = "decide a request"   // approve
	actWithdraw    act = "withdraw a request" // refuse: anybody who responds may stop something
	actAlone       act = "act alone"          // approve what one has asked for oneself: break-glass
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
	actRespond: {role: responder}, actIncident: {role: responder}, actEndIncident: {role: responder, apart: true}, actLookUp: {role: responder},
	actCloseCase: {role: responder, apart: true},
	actCollect:   {role: responder, apart: true}, actAskContain: {role: responder, apart: true},
	actDecide: {role: approver, apart: true, second: true}, actWithdraw: {role: responder}, actAlone: {role: approver, apart: true},
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
	why, sentence := b.weigh(ctx, p, what, on)
	if why == "" {
		return nil
	}
	b.metrics.denied.WithLabelValues(why).Inc()
	b.log.Info("refused", "user", p.user, "act", string(what), "why", why)
	if requirements[what].role >= responder {
		b.auditRefusal(audit.Record{Actor: p.user, Act: string(what), Object: on.account, Decision: audit.Refused, Result: why})
	}
	return refusal(sentence)
}

// may is authorise for what is only shown or hidden: nobody has tried anything.
func (b *Bot) may(ctx context.Context, p who, what act, on object) bool {
	why, _ := b.weigh(ctx, p, what, on)
	return why == ""
}

// weigh decides: why somebody may not, as a label and as a sentence for them;
// empty when they may.
func (b *Bot) weigh(ctx context.Context, p who, what act, on object) (why, sentence string) {
	need, listed := requirements[what]
	if !listed || p.user == "" {
		return "act", "This is not something the bot lets anybody do."
	}
	if own := b.slack.Team(); p.team != "" && own != "" && p.team != own {
		return "team", "Only people of this company's workspace can do this."
	}
	if need.role == nobody {
		return "", ""
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
	case errors.Is(err, errLimited):
		return "account", "This AWS account is not one of those you look after. Ask a responder who does."
	case err != nil:
		b.log.Warn("a person cannot be looked up, so they are refused", "user", p.user, "act", string(what), "error", err)
		return "lookup", "I could not check who you are, so I did nothing. Please try again in a minute."
	case have < need.role:
		return "role", tooLow(have, need.role)
	case same:
		return "subject", "This is about you, so somebody else has to do it."
	case need.second && b.isAsker(ctx, p.user, on.asker):
		return "asker", "You asked for this yourself, so somebody else has to approve it."
	}
	return "", ""
}

func tooLow(have, need role) string {
	switch {
	case have == nobody:
		return "Only employees can do this: guests, outside people and apps cannot."
	case need == approver:
		return "Only an approver can do this. Ask one of them to press the button."
	case need == admin:
		return "Only those who administer the bot can do this."
	}
	return "Only the security responders can do this. If you think you should be one, ask them."
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
