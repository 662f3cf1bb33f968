package inquiries

import (
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/proof"
)

// Choice is an answer to "was this you?".
type Choice string

// The choices.
const (
	Yes    Choice = "yes"
	No     Choice = "no"
	Unsure Choice = "unsure"
)

// The actions of the buttons of a question. Their value is the inquiry's ID.
const (
	ActionYes     = "inquiry.yes"
	ActionNo      = "inquiry.no"
	ActionUnsure  = "inquiry.unsure"
	ActionDetails = "inquiry.details"
)

// ChoiceOf returns the choice a button stands for, empty when it is none.
func ChoiceOf(action string) Choice {
	switch action {
	case ActionYes:
		return Yes
	case ActionNo:
		return No
	case ActionUnsure:
		return Unsure
	}
	return ""
}

// Event is something that happened to an inquiry: one of the types below.
// Applying an event again changes nothing, so events may be reported at least
// once and late.
type Event interface{ event() }

// Delivered says that the question was posted. ChatID binds the inquiry to the
// person when only an e-mail address was known before.
type Delivered struct {
	ChatID string
	Prompt MessageRef
}

// Reminded says where a reminder was posted, so that its buttons can be
// replaced too. Reporting it is optional.
type Reminded struct{ Message MessageRef }

// Undeliverable says that the question cannot reach the person. Silence is not
// consent: it escalates at once.
type Undeliverable struct {
	Reason string // short, without outside text
	Gone   bool   // the chat account is deactivated: always pages
}

// Answered is a click on a button of the question.
type Answered struct {
	By      string // chat user id, as the chat system says it
	Choice  Choice
	At      time.Time // when the click was received; only for the record
	Channel string    // of the clicked message; empty when not known
	TS      string
}

// Clock says that time has passed.
type Clock struct{}

// VerifyBegan is committed before a provider is asked, so that a crash leads to
// a question to the security team and never to a second request.
type VerifyBegan struct{ User string }

// VerifyHeld takes VerifyBegan back: certainly nothing was sent.
type VerifyHeld struct{}

// VerifyStarted records the provider's transaction, so that a restart resumes
// it instead of starting a second one.
type VerifyStarted struct{ proof.Sent }

// SignedIn says that somebody came back from the company's sign-in with a
// state. Reply.Counted says whether it may be taken: each only once.
type SignedIn struct{ State string }

// StrangeSignIn says that somebody else than the person asked signed in.
type StrangeSignIn struct{}

// Verified is what became of the proof of a "yes".
type Verified struct{ Result Result }

// Joined adds a further case of the same person and rule. It is taken only
// while CanJoin; Reply.Counted says whether it was.
type Joined struct {
	CaseID string
	Level  findings.Level
	About  About
}

// Withdrawn says that the case behind the question was closed otherwise. After
// an answer it only closes the loop with the person asked.
type Withdrawn struct {
	Why string // our own words, e.g. "security looked at it"
}

func (Delivered) event()     {}
func (Reminded) event()      {}
func (Undeliverable) event() {}
func (Answered) event()      {}
func (Clock) event()         {}
func (VerifyBegan) event()   {}
func (VerifyHeld) event()    {}
func (VerifyStarted) event() {}
func (SignedIn) event()      {}
func (StrangeSignIn) event() {}
func (Verified) event()      {}
func (Joined) event()        {}
func (Withdrawn) event()     {}

// EffectKind says what is to be done.
type EffectKind string

// The kinds of effect. All are alerting effects: rather twice than never.
const (
	EffectAsk         EffectKind = "ask"     // post Question to the person, then report Delivered or Undeliverable
	EffectRemind      EffectKind = "remind"  // post Reminder
	EffectShowOutcome EffectKind = "outcome" // replace the delivered question by Outcome
	EffectVerify      EffectKind = "verify"  // ask for proof (see Stage), report what Send and Poll say
	EffectDecide      EffectKind = "decide"  // Step is what the cases need now
	EffectTell        EffectKind = "tell"    // Why is a line for the security team
)

// Effect is something to be done. Key is stable and unique within the inquiry:
// the same key is never given to two different effects.
type Effect struct {
	Key     string
	Kind    EffectKind
	Outcome Conclusion  // Decide only
	Step    policy.Step // Decide only
	Why     string      // Decide and Tell: our own words
}

// Reply is what whoever caused an event is told privately. Counted says whether
// the event decided something, or, for Joined, whether it was taken.
type Reply struct {
	Message message.Message // no parts: nothing to say, the changed question says it
	Counted bool
}
