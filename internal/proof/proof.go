// Package proof is what providers of second proofs are asked and what they say:
// the words that questions and providers share.
package proof

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Result is how a request for a second proof stands.
type Result string

// The results. Only Allow is a proof; Deny and Fraud count as a "no".
const (
	Waiting     Result = "waiting"
	Allow       Result = "allow"
	Deny        Result = "deny"
	Fraud       Result = "fraud" // the person reported the request
	Timeout     Result = "timeout"
	Error       Result = "error"
	Unavailable Result = "unavailable" // no provider, or the person has nothing set up
	Outage      Result = "outage"      // the provider does not answer
	Lost        Result = "lost"        // whether the request reached the person is not known; it is not sent twice
	Capped      Result = "capped"      // the person got enough requests already; none was sent
)

// Request is what a provider is to ask a person.
type Request struct {
	ID   string // of the question, opaque; letters and digits
	User string // the person's name or e-mail address at the provider
	Ref  string // reference of the question, for the person to compare
	Text string // what is to be confirmed, in our own words
}

// Sent is a request that was made. TxID is the provider's id of it, at most 256
// bytes; with User it is all that is needed to follow it.
type Sent struct {
	TxID   string
	User   string // the person at the provider, when following needs it
	Number string // to be picked on the phone; only the person asked may see it
	Link   string // where the person proves it; only the person asked may see it
	Key    string // secret of a proof given at Link
}

// ErrNotEnrolled says that the person has no second proof set up, or none that
// counts.
var ErrNotEnrolled = errors.New("the person has no second proof set up that counts")

// Class says what a failed attempt means.
type Class int

// The classes.
const (
	Retry     Class = iota // nothing was sent; try again, not before RetryAfter
	Permanent              // nothing was sent, and trying again cannot help
	Unclear                // the request may have reached the person
)

// String names a class for logs.
func (c Class) String() string {
	switch c {
	case Retry:
		return "retry"
	case Permanent:
		return "permanent"
	}
	return "unclear"
}

// Failure is a failed attempt. Its text holds no secret.
type Failure struct {
	Op         string // what was tried, with the provider's name
	Class      Class
	Status     int           // HTTP status; 0 when there was no answer
	RetryAfter time.Duration // the shortest wait the provider asks for; 0 when none
	Cause      error
}

// Error says what failed, for the log.
func (e *Failure) Error() string {
	var b strings.Builder
	b.WriteString(e.Op + " (" + e.Class.String())
	if e.Status != 0 {
		b.WriteString(", HTTP " + strconv.Itoa(e.Status))
	}
	b.WriteString(")")
	if e.Cause != nil {
		b.WriteString(": " + e.Cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Failure) Unwrap() error { return e.Cause }

// ClassOf returns the class of an error. What is not known may have been sent.
func ClassOf(err error) Class {
	var f *Failure
	if errors.As(err, &f) {
		return f.Class
	}
	return Unclear
}
