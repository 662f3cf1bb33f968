package thehive

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Class says what to do about an error.
type Class int

// The classes.
const (
	Retry     Class = iota // try again, not before RetryAfter
	Permanent              // TheHive will never take this
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
	Op         string // such as "create alert"
	Class      Class
	Status     int           // HTTP status; 0 when there was no answer
	RetryAfter time.Duration // the shortest wait that makes sense; 0 when nothing is known
	cause      error
}

var (
	errTimeout = errors.New("no answer in time")
	errOther   = errors.New("the answer is about another record")
	errNoJSON  = errors.New("the answer is not TheHive's; is something between us and it?")
)

// Error says what failed, for the log.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("thehive " + e.Op + " (" + e.Class.String())
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

// permanent is an error of ours: nothing was sent, or what came back can never
// be used.
func permanent(op, why string) *Error {
	return &Error{Op: op, Class: Permanent, cause: errors.New(why)}
}

// statusOf returns the HTTP status of an error of this package, or 0.
func statusOf(err error) int {
	var e *Error
	if errors.As(err, &e) {
		return e.Status
	}
	return 0
}

// refused says whether TheHive refused what was sent. A repeated record is
// refused this way too, so the caller looks before believing it. The texts
// differ between versions and are not relied on.
func refused(err error) bool {
	s := statusOf(err)
	return s == http.StatusBadRequest || s == http.StatusConflict
}

// saysThere says whether TheHive refused something because it has it. The type
// and the words are those of TheHive 3 to 5 (TheHive-Project/TheHive#203, #1094
// and #1963).
func saysThere(err error) bool {
	if !refused(err) {
		return false
	}
	text := strings.ToLower(err.Error())
	return strings.Contains(text, "already exist") || strings.Contains(text, "conflicterror")
}

// notFoundYet is a refusal because of something that cannot be found.
func notFoundYet(op string, err error) *Error {
	return &Error{Op: op, Class: Retry, Status: statusOf(err), RetryAfter: indexPause, cause: errors.New("TheHive has it, but does not find it yet")}
}

// How long to wait where no Retry-After says so. A key that is refused, or a
// licence that has run out, is for a person to mend: asking more often only
// locks the account.
const (
	minPause     = time.Second
	maxPause     = 5 * time.Minute
	defaultPause = 10 * time.Second
	rightsPause  = 5 * time.Minute
	indexPause   = 2 * time.Second
)

// failure judges an answer that is no success.
func failure(op string, resp *http.Response, body []byte, now time.Time) *Error {
	says, theirs := explanation(body)
	e := &Error{Op: op, Status: resp.StatusCode, Class: classOf(resp.StatusCode, theirs), cause: errors.New(says)}
	if e.Class == Permanent {
		return e
	}
	e.RetryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), now)
	if e.RetryAfter == 0 {
		switch resp.StatusCode {
		case http.StatusTooManyRequests:
			e.RetryAfter = defaultPause
		case http.StatusUnauthorized, http.StatusForbidden:
			e.RetryAfter = rightsPause
		}
	}
	return e
}

// classOf says whether trying again can help. Only a refusal in TheHive's own
// form counts as one: during an outage, whatever stands in front of it answers
// with all kinds of statuses. Missing rights are worth waiting for, since
// without a licence TheHive turns read-only until a person acts (TheHive
// documentation, "About Licenses").
func classOf(status int, theirs bool) Class {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return Permanent
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return Retry
	}
	if status >= 400 && status < 500 && theirs {
		return Permanent
	}
	return Retry
}

// explanation is TheHive's own text, for the operator's log, and whether the
// answer is TheHive's at all.
func explanation(body []byte) (says string, theirs bool) {
	var b struct {
		Type    string `json:"type"`
		Message string `json:"message"`
	}
	if json.Unmarshal(body, &b) != nil || b.Type == "" {
		return "no explanation", false
	}
	return line(b.Type+": "+b.Message, 300), true
}

// unreached is a call without any answer: it may or may not have arrived.
func unreached(ctx context.Context, op string, err error) *Error {
	e := &Error{Op: op, Class: Retry}
	var t interface{ Timeout() bool }
	var u *url.Error
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		e.cause = context.Canceled
	case ctx.Err() != nil:
		e.cause = ctx.Err()
	case errors.As(err, &t) && t.Timeout():
		e.cause = errTimeout
	case errors.As(err, &u):
		e.cause = errors.New("not reached: " + line(u.Err.Error(), 200)) // without the URL around it
	default:
		e.cause = errors.New("not reached: " + line(err.Error(), 200))
	}
	return e
}

// hide takes the key out of a cause whose text came from outside: whoever
// answers may repeat what we sent.
func (e *Error) hide(key string) *Error {
	if e.cause != nil && !errors.Is(e.cause, context.Canceled) && !errors.Is(e.cause, context.DeadlineExceeded) &&
		strings.Contains(strings.ToLower(e.cause.Error()), strings.ToLower(key)) {
		e.cause = errors.New("the explanation is left out, because it repeats the key")
	}
	return e
}

// parseRetryAfter reads a Retry-After header (RFC 9110, section 10.2.3):
// seconds or a date. The result lies between one second and five minutes; it is
// zero when the header says nothing usable.
func parseRetryAfter(header string, now time.Time) time.Duration {
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
