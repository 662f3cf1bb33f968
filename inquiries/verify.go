package inquiries

import (
	"context"
	"errors"
	"fmt"
)

// Result is what a provider says about a proof.
type Result string

// The results. Only VerifyAllow is a proof; VerifyDeny and VerifyFraud count
// as a "no".
const (
	VerifyWaiting     Result = "waiting"
	VerifyAllow       Result = "allow"
	VerifyDeny        Result = "deny"
	VerifyFraud       Result = "fraud" // the person reported the request
	VerifyTimeout     Result = "timeout"
	VerifyError       Result = "error"
	VerifyUnavailable Result = "unavailable" // no provider, or the person is not enrolled
)

// Verifier asks a person for a second proof that it is them, outside the chat
// system.
type Verifier interface {
	// Start sends the request and returns the provider's id of it, at most 256
	// bytes. prompt is shown beside the request and holds our own words.
	Start(ctx context.Context, p Person, prompt string) (txid string, err error)
	// Poll returns how the request stands, VerifyWaiting while it is open.
	Poll(ctx context.Context, txid string) (Result, error)
}

// ErrNotEnrolled is returned by a Verifier for a person who has no second
// proof set up.
var ErrNotEnrolled = errors.New("inquiries: the person has no second proof set up")

// Verify does the next piece of proving a "yes" and returns the event to apply,
// nil when the person has not reacted yet or, with an inquiry that is not
// verifying any more, when there is nothing left to do. A nil Verifier means that nobody can
// prove anything, which is never a "yes". A temporary error is returned as
// such: try again, the engine ends the waiting.
func Verify(ctx context.Context, v Verifier, q Inquiry) (Event, error) {
	switch {
	case q.Status != StatusVerifying:
		return nil, nil
	case v == nil:
		return Verified{Result: VerifyUnavailable}, nil
	case q.Proof.TxID == "":
		txid, err := v.Start(ctx, q.Person, proofPrompt(q))
		if errors.Is(err, ErrNotEnrolled) {
			return Verified{Result: VerifyUnavailable}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("start verification: %w", err)
		}
		return VerifyStarted{TxID: txid}, nil
	}
	r, err := v.Poll(ctx, q.Proof.TxID)
	if err != nil {
		return nil, fmt.Errorf("poll verification: %w", err)
	}
	if r == VerifyWaiting {
		return nil, nil
	}
	return Verified{Result: r}, nil
}
