package awsrole

import (
	"errors"

	"github.com/aws/smithy-go"
)

// Error is a session that was not given. Its text holds no secret.
type Error struct {
	Account, Role string
	// Denied: the role does not exist, does not trust us, or wants another
	// external id or source identity; STS does not say which. Trying again
	// does not help.
	Denied bool
	cause  error
}

// Error says what failed, for the log.
func (e *Error) Error() string {
	return "assume " + e.Role + " in " + e.Account + ": " + e.cause.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

func failed(account, role string, err error) error {
	e := &Error{Account: account, Role: role, cause: err}
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "AccessDenied", "ValidationError", "MalformedPolicyDocument", "PackedPolicyTooLarge", "RegionDisabledException":
			e.Denied = true
		}
	}
	return e
}
