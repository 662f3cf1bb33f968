package inquiries

import (
	"context"
	"errors"
	"time"

	"github.com/securitybot/securitybot/internal/proof"
)

// Result is what a provider says about a proof.
type Result = proof.Result

// The results. Only VerifyAllow is a proof; VerifyDeny and VerifyFraud count
// as a "no".
const (
	VerifyWaiting     = proof.Waiting
	VerifyAllow       = proof.Allow
	VerifyDeny        = proof.Deny
	VerifyFraud       = proof.Fraud
	VerifyTimeout     = proof.Timeout
	VerifyError       = proof.Error
	VerifyUnavailable = proof.Unavailable
	VerifyOutage      = proof.Outage
	VerifyLost        = proof.Lost
	VerifyCapped      = proof.Capped
)

// Verifier asks a person for a second proof that it is them, outside the chat
// system.
type Verifier interface {
	// Start sends the request once. Errors are a *proof.Failure or
	// proof.ErrNotEnrolled.
	Start(ctx context.Context, r proof.Request) (proof.Sent, error)
	// Poll returns how a request stands, VerifyWaiting while it is open.
	Poll(ctx context.Context, s proof.Sent) (Result, error)
}

// Stage is the next piece of proving a "yes".
type Stage int

// The stages.
const (
	StageNone  Stage = iota // nothing is to be proved any more
	StageBegin              // apply VerifyBegan, then Send
	StageLost               // an earlier attempt was cut off: apply Verified{VerifyLost}
	StagePoll
	StageLast // the time is over: look once more, because a refusal counts even now
)

// Stage returns what is to be done next. A request is sent at most once: what
// was begun and not reported may have reached the person.
func (q Inquiry) Stage() Stage {
	p := q.Proof
	switch {
	case q.Status == StatusUnverified && p.Result == VerifyTimeout && p.TxID != "":
		return StageLast
	case q.Status != StatusVerifying:
		return StageNone
	case p.TxID != "":
		return StagePoll
	case !p.Began.IsZero():
		return StageLost
	}
	return StageBegin
}

// Send asks for the proof that VerifyBegan was applied for, and returns the
// event to apply. With VerifyHeld the error says why nothing was sent, and
// Send may be tried again from VerifyBegan on. With other events the error, if
// any, is for the log.
func Send(ctx context.Context, v Verifier, q Inquiry) (Event, error) {
	s, err := v.Start(ctx, proof.Request{ID: q.ID, User: q.Proof.User, Ref: q.Ref, Text: proofPrompt(q)})
	switch {
	case err == nil:
		return VerifyStarted{s}, nil
	case errors.Is(err, proof.ErrNotEnrolled):
		return Verified{VerifyUnavailable}, err
	case proof.ClassOf(err) == proof.Permanent:
		return Verified{VerifyError}, err
	case proof.ClassOf(err) == proof.Retry:
		return VerifyHeld{}, err
	}
	return Verified{VerifyLost}, err
}

// Poll looks how the request stands, and returns the event to apply, nil while
// the person has not reacted. After an error try again: the engine ends the
// waiting.
func Poll(ctx context.Context, v Verifier, q Inquiry) (Event, error) {
	r, err := v.Poll(ctx, q.Proof.sent())
	if err != nil || r == VerifyWaiting {
		return nil, err
	}
	return Verified{r}, nil
}

// Patience is how long a provider may stay out of reach before nothing is
// sent any more: the rest of the waiting is the person's.
const Patience = time.Minute

// GivenUp says whether a provider that could not be reached by now is tried no
// longer.
func (q Inquiry) GivenUp(now time.Time) bool {
	return !now.Before(q.Proof.By.Add(Patience - VerifyWait))
}

func (p Proof) sent() proof.Sent { return proof.Sent{TxID: p.TxID, User: p.At} }
