package inquiries

import (
	"slices"
	"time"

	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
)

// answered takes in a click. Who may answer is settled first, then "no",
// because it needs nothing else.
func (t *turn) answered(a Answered) {
	q := &t.q
	switch {
	case a.Choice != Yes && a.Choice != No && a.Choice != Unsure:
		t.say(replyStale())
	case a.By == "" || (q.Person.ChatID != "" && a.By != q.Person.ChatID):
		t.stranger(a)
	case a.Choice == No:
		t.no(a)
	case q.Person.ChatID == "":
		// Posted, but the address is not known yet: only a "no" is safe.
		t.say(replyTooEarly())
	case a.Channel != "" && q.Prompt.Channel != "" && a.Channel != q.Prompt.Channel:
		t.say(replyElsewhere())
	default:
		t.yesOrUnsure(a)
	}
}

func (t *turn) say(m message.Message) { t.reply = Reply{Message: m} }

func (t *turn) record(a Answered, late bool) {
	t.q.Answers = append(t.q.Answers, Answer{Choice: a.Choice, By: clean(a.By, maxID), At: t.now, Late: late})
}

// no believes a denial, whatever happened before.
func (t *turn) no(a Answered) {
	q := &t.q
	if q.saidNo() {
		if _, again := q.Answered(No); !again {
			t.record(a, true)
		}
		t.say(replyAlreadyNo(*q))
		return
	}
	late := !q.Open()
	t.record(a, late)
	t.reopen(StatusNo)
	why := whyNo
	if late {
		why = whyLateNo
	}
	t.decide(OutcomeNo, policy.Page, why)
	t.show()
	t.reply.Counted = true
}

// reopen takes in a denial: if the case was closed, it is not any more.
func (t *turn) reopen(s Status) {
	t.q.Status, t.q.ClosedAt, t.q.ClosedWhy = s, time.Time{}, ""
	t.q.Proof.forget()
}

func (t *turn) yesOrUnsure(a Answered) {
	q := &t.q
	if q.Open() && q.Status != StatusVerifying && !t.now.Before(q.Deadline) {
		t.expire() // the timer is late, the answer too
	}
	switch {
	case !q.Open() || q.Status == StatusVerifying:
		t.late(a)
	case a.Choice == Unsure:
		t.record(a, false)
		q.Status = StatusUnsure
		t.decide(OutcomeUnsure, q.unsureStep(), whyUnsure)
		t.show()
		t.reply.Counted = true
	case !q.JoinedAt.IsZero() && t.now.Sub(q.JoinedAt) < joinGrace:
		t.say(replyLookAgain())
	default:
		t.yes(a)
	}
}

func (t *turn) yes(a Answered) {
	q := &t.q
	t.record(a, false)
	t.reply.Counted = true
	if q.Spec.MFA {
		q.Status = StatusVerifying
		q.Proof = Proof{By: instant(t.now.Add(VerifyWait))}
		t.plan(Effect{Key: "verify/1", Kind: EffectVerify})
	} else {
		q.Status = StatusYes
		t.decide(OutcomeYes, q.yesStep(), whyYes)
	}
	t.show()
}

// late notes an answer that does not decide any more.
func (t *turn) late(a Answered) {
	q := &t.q
	first, again := q.Answered(a.Choice)
	if !again {
		t.record(a, true)
		if q.Status != StatusWithdrawn {
			t.tell(whyLater(a.Choice))
		}
	}
	t.say(replyLate(*q, a.Choice, first, again))
}

// stranger refuses somebody else's click and lets the security team know.
func (t *turn) stranger(a Answered) {
	q := &t.q
	t.say(replyNotForYou())
	by := clean(a.By, maxID)
	i := slices.IndexFunc(q.Strangers, func(s Stranger) bool { return s.By == by })
	switch {
	case i >= 0:
		q.Strangers[i].Count++
		return
	case len(q.Strangers) >= maxStrangers:
		return
	}
	q.Strangers = append(q.Strangers, Stranger{By: by, Choice: a.Choice, At: t.now, Count: 1})
	t.tell(whyStranger(by, a.Choice))
}

// The steps that follow from an answer. A rule may ask for more attention than
// these floors, never for less.

// yesStep is what a "yes" needs. Of a high or critical level somebody else
// looks at it too.
func (q Inquiry) yesStep() policy.Step {
	s := step(q.Spec.OnYes, policy.Record)
	if serious(q.Level) {
		return atLeast(s, policy.Ticket)
	}
	return s
}

func (q Inquiry) unsureStep() policy.Step {
	return atLeast(step(q.Spec.OnUnsure, policy.Ticket), policy.Ticket)
}

func (q Inquiry) proofFailStep() policy.Step {
	return atLeast(step(q.Spec.OnMFAFail, policy.Page), policy.Ticket)
}

func (q Inquiry) silenceStep() policy.Step {
	def := policy.Page
	if rank(q.Level) == 0 {
		def = policy.Ticket
	}
	return atLeast(step(q.Spec.OnTimeout, def), policy.Ticket)
}

// step reads a step of a rule: empty is the default, and what makes no sense as
// the end of a question raises attention.
func step(s, def policy.Step) policy.Step {
	switch s {
	case "":
		return def
	case policy.Suppress, policy.Record, policy.Notify, policy.Ticket, policy.Page:
		return s
	case policy.Inquire:
		return policy.Ticket
	}
	return policy.Page
}

func atLeast(s, floor policy.Step) policy.Step {
	order := []policy.Step{policy.Suppress, policy.Record, policy.Notify, policy.Ticket, policy.Inquire, policy.Page}
	if slices.Index(order, s) < slices.Index(order, floor) {
		return floor
	}
	return s
}
