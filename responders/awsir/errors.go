package awsir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
)

// errorCode is AWS's code of an error, "no answer" when there was none, and ""
// without an error.
func errorCode(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return "no answer"
}

// tooMany is a limit of ours that was reached, in words for people.
type tooMany string

func (t tooMany) Error() string { return string(t) }

// because is an error in brackets for people: AWS's code, or our limit.
func because(err error) string {
	var t tooMany
	if errors.As(err, &t) {
		return t.Error()
	}
	return errorCode(err)
}

func requestID(err error) string {
	var r *awshttp.ResponseError
	if errors.As(err, &r) {
		return r.ServiceRequestID()
	}
	return ""
}

// isCode says whether AWS answered with one of these codes.
func isCode(err error, codes ...string) bool {
	return err != nil && slices.Contains(codes, errorCode(err))
}

// denied says whether AWS refused for want of a permission.
func denied(err error) bool {
	return isCode(err, "UnauthorizedOperation", "AccessDenied", "AccessDeniedException")
}

// final says whether trying again cannot help: AWS refused, rather than
// failed, was busy, or did not answer.
func final(err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return false
	}
	switch api.ErrorCode() {
	case "RequestLimitExceeded", "Throttling", "ThrottlingException", "InternalError", "InternalFailure", "Unavailable", "ServiceUnavailable",
		"RequestExpired", "ExpiredToken", "ExpiredTokenException", "ScalingActivityInProgress", "ResourceContention", "InternalServerError":
		return false
	}
	return true
}

// refused says whether AWS answered that it did nothing: an error of ours, or
// one over the request rate.
func refused(err error) bool {
	var r *awshttp.ResponseError
	return errors.As(err, &r) && (r.HTTPStatusCode() >= 400 && r.HTTPStatusCode() < 500 || isCode(err, "RequestLimitExceeded"))
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// explain turns an error into one for the person who asked, where there is
// something they can do, and logs the cause.
func (a *Actor) explain(ctx context.Context, job *responders.Job, what string, err error) error {
	if err == nil {
		return nil
	}
	level := a.deps.Log.InfoContext
	if !errors.Is(err, responders.ErrRefused) {
		level = a.deps.Log.WarnContext
	}
	level(ctx, "aws-ir", "job", job.ID, "action", job.Action, "target", job.Target.String(), "what", what, "error", err)
	var role *awsrole.Error
	switch {
	case errors.Is(err, responders.ErrRefused), errors.Is(err, responders.ErrUnknown):
		return err
	case errors.Is(err, awsrole.ErrNoRole):
		return responders.Refuse("%s is not set up here: the configuration names no role for it. Nothing was changed.", capital(string(job.Action)))
	case errors.As(err, &role) && role.Denied:
		return responders.Refuse("The role %s in account %s cannot be assumed. Check that it is deployed there, trusts the bot, and has the configured external id.", role.Role, role.Account)
	case denied(err):
		return responders.Refuse("AWS does not permit it in account %s. Compare the deployed roles with the output of iam-policy, and look for a service control policy. The log has the call.", job.Target.Account)
	}
	return fmt.Errorf("%s of %s: %w", what, job.Action, err)
}
