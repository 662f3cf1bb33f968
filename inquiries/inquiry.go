package inquiries

import (
	"slices"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
)

// Limits of one inquiry, so that its stored form stays small whatever arrives.
const (
	MaxCases     = 20 // cases one question is about
	maxMore      = 3  // further events shown; the others are counted
	maxStrangers = 5  // people other than the addressee who pressed a button
	maxDetails   = 16 // fields of the details view
	maxTells     = 12 // lines for the security team, repeated clicks of strangers included
)

// Waiting times that do not depend on the policy.
const (
	// VerifyWait is how long a proof of a "yes" may take.
	VerifyWait = 5 * time.Minute
	// joinGrace is how long a "yes" is not taken after something was added to
	// the question: the person may not have seen it yet.
	joinGrace = 5 * time.Second
)

// Ask is what a question is made from. Sentence and the labels of Details are
// our own words; everything else in About may come from outside.
type Ask struct {
	Ref    string // the short reference people see
	CaseID string
	Rule   string
	Level  findings.Level
	Spec   policy.InquireSpec
	Person Person
	About  About
	// Command is the slash command by which people check that a question is
	// genuine; empty means /ir.
	Command string
}

// Person is who is asked. ChatID or Email is set. ChatID, once known, is the
// only identity that may answer.
type Person struct {
	Email  string `json:"e,omitempty"`
	ChatID string `json:"u,omitempty"`
	Name   string `json:"n,omitempty"`  // given name for the greeting
	Why    string `json:"w,omitempty"`  // why we think that it was them
	TZ     string `json:"tz,omitempty"` // IANA name; empty or unknown means that quiet hours are not known
}

// About is what the question is about.
type About struct {
	Sentence string          `json:"s"` // our own words, second person: "your AWS access was used to list IAM users"
	Account  string          `json:"a,omitempty"`
	Region   string          `json:"r,omitempty"`
	Place    string          `json:"p,omitempty"` // city, country
	Resource string          `json:"re,omitempty"`
	Service  string          `json:"sv,omitempty"`
	At       time.Time       `json:"at,omitzero"`
	Details  []message.Field `json:"d,omitempty"` // for the details view
}

// MessageRef is a delivered chat message.
type MessageRef struct {
	Channel string `json:"c,omitempty"`
	TS      string `json:"t,omitempty"`
}

// Status is where an inquiry stands. The first four are open.
type Status string

// The statuses.
const (
	StatusHeld          Status = "held"  // waits for the end of the person's quiet hours
	StatusAsked         Status = "asked" // the question is planned or delivered
	StatusReminded      Status = "reminded"
	StatusVerifying     Status = "verifying"     // "yes", waiting for proof
	StatusYes           Status = "yes"           // "yes" where no proof is asked for
	StatusVerified      Status = "verified"      // "yes" with proof
	StatusNo            Status = "no"            // "no"
	StatusRefused       Status = "refused"       // the proof was refused by the person: the same as "no"
	StatusUnverified    Status = "unverified"    // "yes", but no proof came
	StatusUnsure        Status = "unsure"        // "I'm not sure"
	StatusExpired       Status = "expired"       // no answer until the deadline
	StatusUndeliverable Status = "undeliverable" // the person cannot be reached
	StatusWithdrawn     Status = "withdrawn"     // the case was closed otherwise
)

// Conclusion is why a decision was made. An inquiry makes at most one decision
// per conclusion.

type Conclusion string

// The conclusions.
const (
	OutcomeCritical      Conclusion = "critical" // paged before anybody is asked
	OutcomeYes           Conclusion = "yes"
	OutcomeVerified      Conclusion = "verified"
	OutcomeNo            Conclusion = "no"
	OutcomeRefused       Conclusion = "refused"
	OutcomeUnverified    Conclusion = "unverified"
	OutcomeUnsure        Conclusion = "unsure"
	OutcomeExpired       Conclusion = "expired"
	OutcomeUndeliverable Conclusion = "undeliverable"
)

// Denied says whether the person denied it, by a click or by refusing the proof.
func (c Conclusion) Denied() bool { return c == OutcomeNo || c == OutcomeRefused }

// Decision is what an inquiry decided about its cases.
type Decision struct {
	Outcome Conclusion  `json:"o,omitempty"`
	Step    policy.Step `json:"s,omitempty"`
	Why     string      `json:"w,omitempty"` // our own words, for the case and the page
	At      time.Time   `json:"at,omitzero"`
}

// Answer is the first click of its choice by the person asked.
type Answer struct {
	Choice Choice    `json:"c"`
	By     string    `json:"b"`
	At     time.Time `json:"at"`             // when it was taken in
	Late   bool      `json:"late,omitempty"` // noted only: something else had decided before
}

// Stranger is somebody else who pressed a button.
type Stranger struct {
	By     string    `json:"b"`
	Choice Choice    `json:"c"` // the first one pressed
	At     time.Time `json:"at"`
	Count  int       `json:"n"`
}

// Proof is the state of verifying a "yes".
type Proof struct {
	By    time.Time `json:"by,omitzero"`  // when waiting for it ends; zero when none was asked for
	Began time.Time `json:"bg,omitzero"`  // when the request was about to be sent; it is sent at most once
	User  string    `json:"u,omitempty"`  // whom the provider was asked about
	TxID  string    `json:"tx,omitempty"` // the provider's id of the transaction
	At    string    `json:"pu,omitempty"` // the provider's id of the person, when it is needed
	// Number and Link are for the person asked only, Key for nobody. All are
	// forgotten once the waiting is over.
	Number string   `json:"n,omitempty"`
	Link   string   `json:"l,omitempty"`
	Key    string   `json:"k,omitempty"`
	Used   []string `json:"us,omitempty"` // sign-ins at Link that were taken in; each only once
	Result Result   `json:"r,omitempty"`
}

// Inquiry is the state of one question. It is a value: Apply returns a changed
// copy. Stored as JSON an ordinary one has 1 to 2 KiB, and the worst under 64.
type Inquiry struct {
	ID     string             `json:"id"` // opaque and unguessable, chosen by the caller; the value of the buttons
	Ref    string             `json:"ref"`
	Cases  []string           `json:"cs"`
	Rule   string             `json:"ru,omitempty"`
	Level  findings.Level     `json:"lv"`
	Spec   policy.InquireSpec `json:"sp"`
	Person Person             `json:"pe"`
	About  About              `json:"ab"`
	// Command is the slash command of the bot; empty means /ir.
	Command string  `json:"cm,omitempty"`
	More    []About `json:"mo,omitempty"` // joined later; at most three are kept, without details

	Status    Status       `json:"st"`
	AskedAt   time.Time    `json:"at"`           // when New was called
	HoldUntil time.Time    `json:"ho,omitzero"`  // when the question is sent, if it is held
	Deadline  time.Time    `json:"de"`           // absolute
	Reminders []time.Time  `json:"rm,omitempty"` // still to come
	JoinedAt  time.Time    `json:"jo,omitzero"`  // when something was last added
	Prompt    MessageRef   `json:"pr,omitzero"`  // the delivered question
	Extra     []MessageRef `json:"ex,omitempty"` // delivered reminders, when the runtime reports them
	Answers   []Answer     `json:"an,omitempty"` // at most one a choice
	Strangers []Stranger   `json:"sr,omitempty"` // at most five
	Proof     Proof        `json:"vf,omitzero"`  //
	Decision  Decision     `json:"dc,omitzero"`  // the one that stands
	Decided   []Conclusion `json:"do,omitempty"` // all that were made
	ClosedAt  time.Time    `json:"cl,omitzero"`  // when the case behind it was closed, if we were told
	ClosedWhy string       `json:"cw,omitempty"` // in our own words
	Shown     int          `json:"ng,omitempty"` // generation of the last outcome effect
	Nudged    int          `json:"nr,omitempty"` // generation of the last reminder
	Told      int          `json:"nt,omitempty"` // generation of the last line for the security team
}

// New makes the question and plans its delivery, at once or after the quiet
// hours. A critical one decides to page first: the question is information
// only. id must be unguessable (128 random bits), because whoever knows it can
// name the inquiry.
func New(id string, a Ask, now time.Time) (Inquiry, []Effect) {
	q := Inquiry{ID: id, Ref: clean(a.Ref, 32), Cases: []string{a.CaseID}, Rule: clean(a.Rule, 128), Command: clean(a.Command, 32), Level: level(a.Level),
		Spec: a.Spec, Person: boundPerson(a.Person), About: boundAbout(a.About), AskedAt: instant(now), Status: StatusAsked}
	t := &turn{q: q, now: instant(now)}
	s := scheduleFor(t.q.Level, t.q.Spec.Timeout, t.q.Person.TZ, t.now)
	t.q.Deadline, t.q.Reminders = s.deadline, s.reminders
	if t.q.Level == findings.Critical {
		t.decideCritical()
	}
	if s.hold.After(t.now) {
		t.q.Status, t.q.HoldUntil = StatusHeld, s.hold
	} else {
		t.plan(Effect{Key: "ask/0", Kind: EffectAsk})
	}
	return t.q, t.effects
}

// Open says whether the inquiry still waits for something.
func (q Inquiry) Open() bool {
	switch q.Status {
	case StatusHeld, StatusAsked, StatusReminded, StatusVerifying:
		return true
	}
	return false
}

// CanJoin says whether something more can be added to the question: nobody has
// answered yet and there is room. A "yes" is never stretched over what came
// after it.
func (q Inquiry) CanJoin() bool {
	return q.Open() && q.Status != StatusVerifying && len(q.Cases) < MaxCases
}

// Next returns when Clock must be applied next, zero when the inquiry is not
// open. Applying it earlier or more often is harmless.
func (q Inquiry) Next() time.Time {
	switch {
	case !q.Open():
		return time.Time{}
	case q.Status == StatusVerifying:
		return q.Proof.By
	}
	next := q.Deadline
	if q.Status == StatusHeld && q.HoldUntil.Before(next) {
		next = q.HoldUntil
	}
	if len(q.Reminders) > 0 && q.Reminders[0].Before(next) {
		next = q.Reminders[0]
	}
	return next
}

// Answered returns the first answer of a choice.
func (q Inquiry) Answered(c Choice) (Answer, bool) {
	i := slices.IndexFunc(q.Answers, func(a Answer) bool { return a.Choice == c })
	if i < 0 {
		return Answer{}, false
	}
	return q.Answers[i], true
}

// saidNo says whether the person denied it once.
func (q Inquiry) saidNo() bool { return slices.ContainsFunc(q.Decided, Conclusion.Denied) }

// clone copies what Apply may change in place.
func (q Inquiry) clone() Inquiry {
	q.Cases = slices.Clone(q.Cases)
	q.More = slices.Clone(q.More)
	q.Reminders = slices.Clone(q.Reminders)
	q.Extra = slices.Clone(q.Extra)
	q.Answers = slices.Clone(q.Answers)
	q.Strangers = slices.Clone(q.Strangers)
	q.Decided = slices.Clone(q.Decided)
	q.Proof.Used = slices.Clone(q.Proof.Used)
	return q
}
