package responders

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/store"
)

// Break-glass: whoever asked for an operation lets it begin alone, because no
// second person can be had. Whether that is allowed at all is for the caller.

// How long the reason is that somebody has to give, in characters.
const (
	MinAloneReason = 20
	MaxAloneReason = 300
)

// The effects that make it loud.
const (
	KindPage     = "operation.page"     // page the people on call
	KindFallback = "operation.fallback" // reach them another way
	KindTell     = "operation.tell"     // say it where the team reads
)

// Errors of ApproveAlone.
const (
	ErrNotAsker NotCounted = "only whoever asked for it can do it alone; an approver can approve it"
	ErrAskFirst NotCounted = "please give an approver a few minutes first"
	ErrNoReason NotCounted = "please write why nobody else can approve it and why it cannot wait, in 20 to 300 characters"
)

// AloneFrom is from when an operation that waits may begin without a second
// person. after is how long an approver is waited for.
func (o *Operation) AloneFrom(after time.Duration) time.Time {
	return o.Expires.Add(after - ApprovalTime)
}

// ApproveAlone lets an operation begin on the word of whoever asked for it, when
// an approver was waited for: never that of the person it is about, for exactly
// the action and target they were shown, once, and with a reason. What makes it
// loud is planned with it.
func (o *Operation) ApproveAlone(by Person, digest, reason string, after time.Duration, now time.Time) ([]store.Effect, error) {
	if err := o.undecided(digest, now); err != nil {
		return nil, err
	}
	reason = strings.TrimSpace(reason)
	n := utf8.RuneCountInString(reason)
	switch {
	case by.ChatID == "" || by.ChatID != o.Job.By:
		return nil, ErrNotAsker
	case o.isSubject(by):
		return nil, ErrSubject
	case now.Before(o.AloneFrom(after)):
		return nil, ErrAskFirst
	case n < MinAloneReason || n > MaxAloneReason:
		return nil, ErrNoReason
	}
	o.Alone = reason
	out := o.approved(by, "begun by one person alone", now)
	return append(out, o.loud(KindPage, now), o.loud(KindTell, now)), nil
}

// loud plans an effect that waits for no other of the operation.
func (o *Operation) loud(kind string, now time.Time) store.Effect {
	e := o.effect(laneOf(kind), kind, now, now)
	e.Group = ""
	return e
}

// PageRefused plans the other way to reach the people on call, once.
func (o *Operation) PageRefused(now time.Time) []store.Effect {
	if o.Elsewhere {
		return nil
	}
	o.Elsewhere = true
	return []store.Effect{o.loud(KindFallback, now)}
}
