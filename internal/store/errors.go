package store

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/redis/go-redis/v9"
)

// ErrUnavailable is what every *UnavailableError is, for errors.Is.
var ErrUnavailable = errors.New("store unavailable")

// ErrUsage marks a call that no server could satisfy, such as an open
// document without a timer. Nothing has been sent; repeating it does not help.
var ErrUsage = errors.New("store: bad usage")

// UnavailableError says that the store could not do what was asked at this
// moment. It names no key and no secret.
type UnavailableError struct {
	// Reason is one plain clause: "it is a read-only replica".
	Reason string
	// Refused is true when the server certainly did nothing. Otherwise a
	// write may have happened: repeat it with the same Op.
	Refused bool
	cause   error
}

// Error gives the reason and, for network errors, the cause.
func (e *UnavailableError) Error() string {
	var re redis.Error
	if e.cause == nil || errors.As(e.cause, &re) {
		return "store unavailable: " + e.Reason
	}
	return "store unavailable: " + e.Reason + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.cause }

// Is makes errors.Is(err, ErrUnavailable) true.
func (e *UnavailableError) Is(target error) bool { return target == ErrUnavailable }

// refusals are the replies with which a server declines a command before
// doing anything, by their first word.
var refusals = []struct{ code, reason string }{
	{"READONLY", "the server is a read-only replica"},
	{"LOADING", "the server is still loading its data"},
	{"MISCONF", "the server cannot write its data to disk"},
	{"NOREPLICAS", "too few replicas are connected for a safe write"},
	{"OOM", "the server's memory is full"},
	{"BUSY", "the server is busy with a long script"},
	{"MASTERDOWN", "the replica has lost its primary"},
	{"CLUSTERDOWN", "the cluster is down"},
	{"TRYAGAIN", "the cluster is moving the data"},
	{"MOVED", "the cluster has moved the data"},
	{"ASK", "the cluster is moving the data"},
	{"NOSCRIPT", "the server keeps forgetting the scripts"},
	{"NOAUTH", "the server wants a password"},
	{"WRONGPASS", "the server refuses the user name or password"},
	{"NOPERM", "the server does not permit this user the command"},
	{"ERR max number of clients", "the server has too many clients"},
}

// refusal finds the plain reason for a reply that means "not now". A script
// refused at its first write carries the code inside its message.
func refusal(msg string) (string, bool) {
	for _, r := range refusals {
		if strings.HasPrefix(msg, r.code+" ") || msg == r.code || strings.HasPrefix(msg, "-"+r.code+" ") {
			return r.reason, true
		}
	}
	return "", false
}

// wrap turns an error of the client library into one of this package.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	var ue *UnavailableError
	if errors.As(err, &ue) || errors.Is(err, ErrUsage) {
		return err
	}
	var re redis.Error
	if errors.As(err, &re) {
		if reason, ok := refusal(re.Error()); ok {
			return &UnavailableError{Reason: reason, Refused: true, cause: err}
		}
		return &UnavailableError{Reason: "the server answered " + brief(re.Error()), cause: err}
	}
	var op *net.OpError
	switch {
	case errors.Is(err, context.Canceled):
		return &UnavailableError{Reason: "given up", cause: err}
	case errors.As(err, &op) && op.Op == "dial":
		return &UnavailableError{Reason: "no connection", Refused: true, cause: err}
	case errors.Is(err, redis.ErrPoolTimeout), errors.Is(err, redis.ErrClosed):
		return &UnavailableError{Reason: "no free connection", Refused: true, cause: err}
	case errors.Is(err, io.EOF):
		return &UnavailableError{Reason: "the connection was closed", cause: err}
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &op) && op.Timeout():
		return &UnavailableError{Reason: "no answer in time", cause: err}
	}
	return &UnavailableError{Reason: "the connection failed", cause: err}
}

// brief cuts what a server echoes of the command (which holds keys and
// values) off its message.
func brief(msg string) string {
	for _, cut := range []string{", with args", "script:", "'"} {
		msg, _, _ = strings.Cut(msg, cut)
	}
	if len(msg) > 100 {
		msg = msg[:100]
	}
	return strings.TrimSpace(msg)
}
