package awsfake

import (
	"errors"
	"fmt"
)

// apiError is an answer of a service that is not a success.
type apiError struct {
	status  int // HTTP; 400 when zero
	code    string
	message string
}

func (e *apiError) Error() string { return e.code + ": " + e.message }

// refuse answers 400.
func refuse(code, format string, args ...any) *apiError {
	return &apiError{code: code, message: fmt.Sprintf(format, args...)}
}

// errNoAnswer means that the connection ends without an answer.
var errNoAnswer = errors.New("awsfake: no answer")

// What the protocols call the same thing.
func (p protocol) pick(ec2, query, json, rest apiError) *apiError {
	return map[protocol]*apiError{ec2Query: &ec2, awsQuery: &query, awsJSON10: &json, awsJSON11: &json, awsREST: &rest, awsRESTJSON: &json}[p]
}

func (p protocol) unknownKey() *apiError {
	return p.pick(apiError{401, "AuthFailure", "AWS was not able to validate the provided access credentials"},
		apiError{403, "InvalidClientTokenId", "The security token included in the request is invalid."},
		apiError{400, "UnrecognizedClientException", "The security token included in the request is invalid."},
		apiError{403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."})
}

func (p protocol) expired() *apiError {
	const text = "The security token included in the request is expired"
	return p.pick(apiError{400, "RequestExpired", text}, apiError{403, "ExpiredToken", text},
		apiError{400, "ExpiredTokenException", text}, apiError{400, "ExpiredToken", "The provided token has expired."})
}

func (p protocol) denied(message string) *apiError {
	return p.pick(apiError{403, "UnauthorizedOperation", message}, apiError{403, "AccessDenied", message},
		apiError{400, "AccessDeniedException", message}, apiError{403, "AccessDenied", "Access Denied"})
}

func (p protocol) throttled() *apiError {
	return p.pick(apiError{503, "RequestLimitExceeded", "Request limit exceeded."}, apiError{400, "Throttling", "Rate exceeded"},
		apiError{400, "ThrottlingException", "Rate exceeded"}, apiError{503, "SlowDown", "Please reduce your request rate."})
}

func (p protocol) broken() *apiError {
	const text = "An internal error has occurred"
	return p.pick(apiError{500, "InternalError", text}, apiError{500, "InternalFailure", text},
		apiError{500, "InternalServerError", text}, apiError{500, "InternalError", text})
}

func (p protocol) noSuchOperation(op string) *apiError {
	text := "The action " + op + " is not valid for this web service."
	return p.pick(apiError{400, "InvalidAction", text}, apiError{400, "InvalidAction", text},
		apiError{400, "UnknownOperationException", text}, apiError{501, "NotImplemented", text})
}
