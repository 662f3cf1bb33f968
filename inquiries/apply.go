package inquiries

import (
	"slices"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// Apply returns the inquiry after an event, what is to be done, and what to
// tell whoever caused it. q itself is not changed. now must not run backwards
// by more than clocks do.
func (q Inquiry) Apply(ev Event, now time.Time) (Inquiry, []Effect, Reply) {
	t := &turn{q: q.clone(), now: instant(now)}
	switch ev := ev.(type) {
	case Clock:
		t.clock()
	case Answered:
		t.answered(ev)
	case Delivered:
		t.delivered(ev)
	case Reminded:
		t.reminded(ev)
	case Undeliverable:
		t.undeliverable(ev)
	case VerifyBegan:
		t.verifyBegan(ev)
	case VerifyHeld:
		t.verifyHeld()
	case VerifyStarted:
		t.verifyStarted(ev)
	case SignedIn:
		t.signedIn(ev)
	case StrangeSignIn:
		t.strangeSignIn()
	case Verified:
		t.verified(ev)
	case Joined:
		t.joined(ev)
	case Withdrawn:
		t.withdrawn(ev)
	}
	return t.q, t.effects, t.reply
}

// turn is one application of an event.
type turn struct {
	q       Inquiry
	now     time.Time
	effects []Effect
	reply   Reply
}

func (t *turn) plan(e Effect) { t.effects = append(t.effects, e) }

// show plans that the delivered question is brought up to date. Before it is
// delivered there is nothing to change; Delivered comes back to it.
func (t *turn) show() {
	if t.q.Prompt == (MessageRef{}) {
		return
	}
	for i, e := range t.effects {
		if e.Kind == EffectShowOutcome { // one edit shows everything of this turn
			t.effects = append(slices.Delete(t.effects, i, i+1), e)
			return
		}
	}
	t.q.Shown++
	t.plan(Effect{Key: "outcome/" + strconv.Itoa(t.q.Shown), Kind: EffectShowOutcome})
}

// tell plans a line for the security team.
func (t *turn) tell(why string) {
	if t.q.Told >= maxTells {
		return
	}
	t.q.Told++
	t.plan(Effect{Key: "tell/" + strconv.Itoa(t.q.Told), Kind: EffectTell, Why: why})
}

// decide plans what the cases need, once per conclusion.
func (t *turn) decide(o Conclusion, step policy.Step, why string) {
	if slices.Contains(t.q.Decided, o) {
		return
	}
	t.q.Decided = append(t.q.Decided, o)
	t.q.Decision = Decision{Outcome: o, Step: step, Why: why, At: t.now}
	t.plan(Effect{Key: "decide/" + string(o), Kind: EffectDecide, Outcome: o, Step: step, Why: why})
}

func (t *turn) decideCritical() {
	t.decide(OutcomeCritical, policy.Page, whyCritical)
}

// clock acts on whatever is due. Nothing happens before its instant.
func (t *turn) clock() {
	q := &t.q
	switch {
	case !q.Open():
		return
	case q.Status == StatusVerifying:
		if !t.now.Before(q.Proof.By) {
			t.unverified(VerifyTimeout)
		}
		return
	case !t.now.Before(q.Deadline):
		t.expire()
		return
	case q.Status == StatusHeld && !t.now.Before(q.HoldUntil):
		t.send()
	}
	due := 0
	for due < len(q.Reminders) && !t.now.Before(q.Reminders[due]) {
		due++
	}
	if due == 0 {
		return
	}
	q.Reminders = q.Reminders[due:]
	if len(q.Reminders) == 0 {
		q.Reminders = nil
	}
	if q.Prompt == (MessageRef{}) {
		return // the question itself is still on its way
	}
	q.Status = StatusReminded
	q.Nudged++
	t.plan(Effect{Key: "remind/" + strconv.Itoa(q.Nudged), Kind: EffectRemind})
}

// send plans the delivery of a question that was held back.
func (t *turn) send() {
	t.q.Status = StatusAsked
	t.plan(Effect{Key: "ask/0", Kind: EffectAsk})
}

// expire escalates silence.
func (t *turn) expire() {
	why := whyExpired
	if t.q.Prompt == (MessageRef{}) {
		why = whyNotDelivered
	}
	t.q.Status = StatusExpired
	t.decide(OutcomeExpired, t.q.silenceStep(), why)
	t.show()
}

func (t *turn) delivered(ev Delivered) {
	q := &t.q
	if q.Prompt != (MessageRef{}) {
		return // the first delivery counts
	}
	if q.Person.ChatID == "" {
		q.Person.ChatID = clean(ev.ChatID, maxID)
	}
	q.Prompt = boundRef(ev.Prompt)
	if !q.Open() || q.Status == StatusVerifying || len(q.Cases) > 1 {
		t.show() // what was posted is out of date already
	}
}

func (t *turn) reminded(ev Reminded) {
	q := &t.q
	ref := boundRef(ev.Message)
	if ref == (MessageRef{}) || slices.Contains(q.Extra, ref) || len(q.Extra) >= 4 {
		return
	}
	q.Extra = append(q.Extra, ref)
	if !q.Open() || q.Status == StatusVerifying {
		t.show()
	}
}

func (t *turn) undeliverable(ev Undeliverable) {
	q := &t.q
	if !q.Open() || q.Status == StatusVerifying || q.Prompt != (MessageRef{}) {
		return
	}
	step := q.silenceStep()
	if ev.Gone {
		step = policy.Page
	}
	why := whyUndeliverable
	if r := clean(ev.Reason, maxValue); r != "" {
		why += " (" + r + ")"
	}
	q.Status = StatusUndeliverable
	t.decide(OutcomeUndeliverable, step, why)
}

func (t *turn) joined(ev Joined) {
	q := &t.q
	if slices.Contains(q.Cases, ev.CaseID) {
		t.reply.Counted = true
		return
	}
	if !q.CanJoin() {
		return
	}
	t.reply.Counted = true
	q.Cases = append(q.Cases, ev.CaseID)
	if len(q.More) < maxMore {
		a := boundAbout(ev.About)
		a.Details = nil
		q.More = append(q.More, a)
	}
	q.JoinedAt = t.now
	if l := level(ev.Level); rank(l) > rank(q.Level) {
		t.raise(l)
	}
	t.show()
}

// raise takes in that the question has become more serious: it may end
// earlier, never later.
func (t *turn) raise(l findings.Level) {
	q := &t.q
	q.Level = l
	s := scheduleFor(l, q.Spec.Timeout, q.Person.TZ, t.now)
	if s.deadline.Before(q.Deadline) {
		q.Deadline, q.Reminders = s.deadline, s.reminders
	}
	if q.Status == StatusHeld {
		if q.HoldUntil = s.hold; !s.hold.After(t.now) {
			q.HoldUntil = time.Time{}
			t.send()
		}
	}
	if serious(l) {
		q.Spec.OnTimeout = policy.Page
	}
	if l == findings.Critical {
		t.decideCritical()
	}
}

func (t *turn) withdrawn(ev Withdrawn) {
	q := &t.q
	if !q.ClosedAt.IsZero() {
		return
	}
	q.ClosedAt, q.ClosedWhy = t.now, clean(ev.Why, maxValue)
	q.Proof.forget()
	if q.Open() {
		q.Status = StatusWithdrawn
	}
	t.show()
}

func boundRef(r MessageRef) MessageRef {
	return MessageRef{Channel: clean(r.Channel, maxID), TS: clean(r.TS, maxID)}
}
