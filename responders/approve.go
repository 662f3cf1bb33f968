package responders

import (
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

// NotCounted is why what somebody decided does not count: a sentence for them,
// without capital and full stop. Nothing was changed.
type NotCounted string

func (n NotCounted) Error() string { return string(n) }

// Errors of Approve and Refuse.
const (
	ErrNotWaiting NotCounted = "this request is not waiting for anybody any more"
	ErrTooLate    NotCounted = "the time for approving this is over; ask for it again"
	ErrOther      NotCounted = "this is not what was asked for any more; ask for it again"
	ErrAsker      NotCounted = "whoever asked for it cannot approve it"
	ErrSubject    NotCounted = "this is about you, so somebody else has to decide it"
)

// Approve lets an operation begin: once, in time, by somebody else than the one
// who asked and the one it is about, and for exactly the action and target they
// were shown. digest is what the button carried.
func (o *Operation) Approve(by Person, digest string, now time.Time) ([]store.Effect, error) {
	if err := o.undecided(digest, now); err != nil {
		return nil, err
	}
	switch {
	case by.ChatID == "" || by.ChatID == o.Job.By:
		return nil, ErrAsker
	case o.isSubject(by):
		return nil, ErrSubject
	}
	return o.approved(by, "approved", now), nil
}

// undecided says why nobody can decide about an operation any more, or not about
// what they were shown.
func (o *Operation) undecided(digest string, now time.Time) error {
	switch {
	case o.State != Waiting:
		return ErrNotWaiting
	case !now.Before(o.Expires):
		return ErrTooLate
	case digest == "" || digest != o.Job.Digest():
		return ErrOther
	}
	return nil
}

func (o *Operation) isSubject(by Person) bool {
	return by.ChatID == o.Subject.ChatID || by.Email != "" && strings.EqualFold(by.Email, o.Subject.Email)
}

func (o *Operation) approved(by Person, what string, now time.Time) []store.Effect {
	o.Decider, o.Job.Approver, o.Decided = by.ChatID, by.ChatID, now.UTC()
	if id := IdentityOf(by.Email); id != "" {
		o.Job.Identity = id
	}
	o.Job.Note(now, "%s", what)
	return o.begin(now)
}

// Refuse ends an operation that waits.
func (o *Operation) Refuse(by string, now time.Time) ([]store.Effect, error) {
	if o.State != Waiting {
		return nil, ErrNotWaiting
	}
	o.Decider, o.Decided = by, now.UTC()
	return o.end(Refused, "somebody said no", now), nil
}
