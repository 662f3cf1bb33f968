package lookup

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Reason is why a source gave no answer, in words for the report. They are ours
// and hold nothing from outside.
type Reason string

// The reasons.
const (
	TimedOut    Reason = "no answer in time"
	Unreachable Reason = "could not be reached"
	Throttled   Reason = "says that we ask too often"
	Refused     Reason = "refuses us access"
	Broken      Reason = "has an error of its own"
	Unreadable  Reason = "answered something that cannot be read"
	TooLarge    Reason = "answered more than we take"
	Redirected  Reason = "sent us elsewhere, which is not followed"
	Forbidden   Reason = "leads to an address that is not allowed"
	HeldBack    Reason = "not asked, to stay within its limit"
	SpentToday  Reason = "not asked, the quota of today is used up"
	Paused      Reason = "not asked, it failed several times just now"
	Defect      Reason = "could not be asked because of a defect in the bot"
	Stopped     Reason = "not waited for, the investigation was stopped"
)

// Error is a look-up without an answer. Its text is for the log and holds no key.
type Error struct {
	Reason     Reason
	RetryAfter time.Duration // what the source asked for; zero when it did not
	cause      error
}

// Error implements error.
func (e *Error) Error() string {
	if e.cause == nil {
		return string(e.Reason)
	}
	return string(e.Reason) + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

func fail(r Reason, format string, args ...any) error {
	return &Error{Reason: r, cause: fmt.Errorf(format, args...)}
}

// reasonOf is the reason for any error.
func reasonOf(err error) *Error {
	var e *Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, context.DeadlineExceeded):
		return &Error{Reason: TimedOut, cause: err}
	case errors.Is(err, context.Canceled):
		return &Error{Reason: Stopped, cause: err}
	}
	return &Error{Reason: Unreachable, cause: err}
}

// Bounds of what a Retry-After header may ask for, and what is waited when a
// 429 comes without one.
const (
	minPause     = time.Second
	maxPause     = time.Hour
	defaultPause = time.Minute
)

// retryAfter reads a Retry-After header (RFC 9110, 10.2.3): seconds or a date.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if n, err := strconv.ParseInt(header, 10, 64); err == nil {
		return time.Duration(min(max(n, 1), int64(maxPause/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), minPause), maxPause)
	}
	return defaultPause
}
