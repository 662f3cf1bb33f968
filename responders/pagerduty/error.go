package pagerduty

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Class says what to do about an error.
type Class int

// The classes.
const (
	Retry     Class = iota // try again, not before RetryAfter
	Permanent              // PagerDuty will never take this event: use the other way
)

// String names a class for logs.
func (c Class) String() string {
	if c == Permanent {
		return "permanent"
	}
	return "retry"
}

// Error is a failed attempt. Its text holds no secret.
type Error struct {
	Op         string // trigger, resolve or on call
	Class      Class
	Status     int           // HTTP status; 0 when there was no answer
	RetryAfter time.Duration // the shortest wait PagerDuty, or our own limit, asks for; 0 when none does
	cause      error
}

var (
	errNoKey    = errors.New("no deduplication key")
	errOwnLimit = errors.New("held back to stay within PagerDuty's rate limit")
	errNoAnswer = errors.New("no answer")
	errTimeout  = errors.New("no answer in time")
)

// Error says what failed, for the log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("pagerduty " + e.Op + " (" + e.Class.String())
	if e.Status != 0 {
		b.WriteString(", HTTP " + strconv.Itoa(e.Status))
	}
	if e.RetryAfter > 0 {
		b.WriteString(", retry after " + e.RetryAfter.Round(time.Second).String())
	}
	b.WriteString(")")
	if e.cause != nil {
		b.WriteString(": " + e.cause.Error())
	}
	return b.String()
}

// Unwrap returns the cause, so that errors.Is finds context.DeadlineExceeded
// and context.Canceled.
func (e *Error) Unwrap() error { return e.cause }

// Temporary says whether trying again can help.
func (e *Error) Temporary() bool { return e.Class == Retry }

// hide takes secrets out of a cause whose text came from outside: whoever
// answers may repeat what we sent.
func (e *Error) hide(secrets []string) {
	if e.cause == nil || errors.Is(e.cause, context.Canceled) || errors.Is(e.cause, context.DeadlineExceeded) {
		return
	}
	text := e.cause.Error()
	for _, s := range secrets {
		if s != "" && strings.Contains(strings.ToLower(text), strings.ToLower(s)) {
			e.cause = errors.New("the explanation is left out, because it repeats a key")
			return
		}
	}
}

// Bounds of what a Retry-After header may ask for, and what is waited when a
// 429 comes without one.
const (
	minPause     = time.Second
	maxPause     = 5 * time.Minute
	defaultPause = 10 * time.Second
)

// ParseRetryAfter reads a Retry-After header (RFC 9110, section 10.2.3):
// seconds or a date. The result lies between one second and five minutes; it is
// zero when the header says nothing usable.
func ParseRetryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if header == "" || len(header) > 64 {
		return 0
	}
	if n, err := strconv.ParseFloat(header, 64); err == nil {
		if n != n { // NaN
			return 0
		}
		return time.Duration(min(max(n, minPause.Seconds()), maxPause.Seconds()) * float64(time.Second))
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), minPause), maxPause)
}
