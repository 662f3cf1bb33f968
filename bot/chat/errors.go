package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Kind says what a failed call means for whoever planned it.
type Kind int

// The kinds of failure.
const (
	// Ambiguous means that it may have happened: the answer was lost, or
	// Slack says itself that part of it may have been done (fatal_error,
	// internal_error). Look before doing it again.
	Ambiguous Kind = iota + 1
	// RateLimited means that it did not happen and may be tried again after
	// RetryAfter.
	RateLimited
	// Transient means that it did not happen and may be tried again.
	Transient
	// Permanent means that it did not happen and trying again will not help.
	Permanent
	// Auth means that the token is refused or lacks a right. It did not
	// happen, and nothing like it will until somebody acts.
	Auth
)

// String returns the kind as a short word for logs and metrics.
func (k Kind) String() string {
	switch k {
	case Ambiguous:
		return "ambiguous"
	case RateLimited:
		return "rate_limited"
	case Transient:
		return "transient"
	case Permanent:
		return "permanent"
	case Auth:
		return "auth"
	}
	return "unknown"
}

// Error is the failure of one Web API call. It holds no token, no address with
// a ticket and no message text.
type Error struct {
	Kind       Kind
	Code       string        // Slack's error code, or a word of ours such as "timeout" or "http_503"
	Method     string        // the Web API method
	RetryAfter time.Duration // RateLimited only: between 1 s and 10 min
	cause      error
	list       json.RawMessage // Slack's "errors", for methods that judge each of several things
}

// Error implements error.
func (e *Error) Error() string {
	if e.Kind == RateLimited {
		return fmt.Sprintf("slack %s: %s, retry after %s", e.Method, e.Code, e.RetryAfter)
	}
	return fmt.Sprintf("slack %s: %s (%s)", e.Method, e.Code, e.Kind)
}

// Unwrap returns what lies beneath, such as context.DeadlineExceeded.
func (e *Error) Unwrap() error { return e.cause }

// KindOf returns the kind of an error of this package. Errors of other origin
// are Ambiguous, because nothing is known of them.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return Ambiguous
}

// CodeOf returns Slack's code of an error of this package, such as "name_taken",
// and "" for errors of other origin.
func CodeOf(err error) string { return code(err) }

func code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// kindOfCode sorts the error codes of Slack's method reference. An unknown
// code is a refusal of this very request, so it is Permanent.
func kindOfCode(c string) Kind {
	switch c {
	case "invalid_auth", "account_inactive", "not_authed", "token_revoked", "token_expired",
		"missing_scope", "not_allowed_token_type", "no_permission", "org_login_required",
		"ekm_access_denied", "team_access_not_granted", "access_denied", "two_factor_setup_required",
		"enterprise_is_restricted", "app_is_disabled", "invalid_app_token":
		return Auth
	case "ratelimited", "rate_limited", "message_limit_exceeded":
		return RateLimited
	case "service_unavailable", "team_added_to_org", "accesslimited", "access_limited",
		"feature_not_enabled_yet", "temporarily_unavailable", "canvas_editing_locked":
		return Transient
	case "", "fatal_error", "internal_error", "request_timeout", "unknown_error":
		return Ambiguous
	}
	return Permanent
}

// lostTokenCode reports whether the code means that the token itself is no
// longer good for anything, rather than lacking one right.
func lostTokenCode(c string) bool {
	switch c {
	case "invalid_auth", "account_inactive", "not_authed", "token_revoked", "token_expired":
		return true
	}
	return false
}

// badBlocksCode reports whether Slack refused the layout of a message whose
// text may still be acceptable.
func badBlocksCode(c string) bool {
	switch c {
	case "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "block_mismatch", "blocks_too_long":
		return true
	}
	return false
}
