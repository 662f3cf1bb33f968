package awsir

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/securitybot/securitybot/responders"
)

// unseenTime is how long a command that was accepted may not be seen: the
// service is eventually consistent.
const unseenTime = 3 * time.Minute

// wait looks at the command once.
func (h host) wait(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	c, err := v.read(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	out, err := ssm.NewFromConfig(c.config).GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{CommandId: &s.Command, InstanceId: &v.job.Target.Instance})
	if isCode(err, "InvocationDoesNotExist") {
		if v.now.Sub(s.SentAt) > unseenTime {
			return responders.Progress{}, responders.Doubt("SSM accepted command %s and does not know it any more. Look at the host and in the evidence bucket for what became of it.", s.Command)
		}
		return h.again(v, s, 3*time.Second)
	}
	if err != nil {
		return responders.Progress{}, fmt.Errorf("look at the command: %w", err)
	}
	if neverRan(aws.ToString(out.StatusDetails)) {
		return responders.Progress{}, cutOff(s.Command, string(out.Status), aws.ToString(out.StatusDetails))
	}
	switch out.Status {
	case types.CommandInvocationStatusSuccess, types.CommandInvocationStatusFailed:
		return h.ended(v, s, out)
	case types.CommandInvocationStatusPending, types.CommandInvocationStatusInProgress, types.CommandInvocationStatusDelayed, types.CommandInvocationStatusCancelling:
		return h.running(v, s, out.Status)
	}
	return responders.Progress{}, cutOff(s.Command, string(out.Status), aws.ToString(out.StatusDetails))
}

// running waits longer each time, up to half a minute.
func (h host) running(v *visit, s hostState, status types.CommandInvocationStatus) (responders.Progress, error) {
	if limit := deliveryTime + h.kind.limit + graceTime; v.now.Sub(s.SentAt) > limit {
		return responders.Progress{}, responders.Doubt("Command %s has been %s for %s, longer than it may take. Look at the host; it may be down, or slow. What it stored by then is in the evidence bucket.",
			s.Command, status, v.now.Sub(s.SentAt).Round(time.Minute))
	}
	if status == types.CommandInvocationStatusDelayed && s.Polls%10 == 0 {
		v.note("the agent has not taken the command yet; SSM keeps trying")
	}
	s.Polls++
	return h.again(v, s, min(30*time.Second, time.Duration(2+s.Polls)*time.Second))
}

// neverRan says whether SSM gave a command up before it ran, whatever its
// status is called.
func neverRan(details string) bool {
	switch strings.ReplaceAll(details, " ", "") {
	case "Undeliverable", "DeliveryTimedOut", "Terminated", "InvalidPlatform", "AccessDenied":
		return true
	}
	return false
}

// cutOff tells in plain words what SSM did to a command that did not end by
// itself. When it never ran, that is certain; otherwise it is not.
func cutOff(command, status, details string) error {
	switch strings.ReplaceAll(details, " ", "") {
	case "Undeliverable", "DeliveryTimedOut":
		return responders.Refuse("The command could not be delivered to the host within %s; nothing was run. Check that the instance and its agent are up.", deliveryTime)
	case "Terminated":
		return responders.Refuse("SSM gave the command up before it reached the host; nothing was run.")
	case "InvalidPlatform":
		return responders.Refuse("The document does not fit the host's platform; nothing was run.")
	case "AccessDenied":
		return responders.Refuse("The agent may not run the command on this host; nothing was run.")
	case "ExecutionTimedOut":
		return responders.Doubt("SSM ended command %s on the host because it took too long. What was stored by then is not complete.", command)
	}
	if status == string(types.CommandInvocationStatusCancelled) {
		return responders.Doubt("Somebody cancelled command %s. Whether it still ran on the host is not known: cancelling does not end a program for certain.", command)
	}
	return responders.Doubt("Command %s ended as %s (%s). Whether it ran on the host is not known.", command, status, details)
}

// ended reads the receipt of a command that has ended by itself.
func (h host) ended(v *visit, s hostState, out *ssm.GetCommandInvocationOutput) (responders.Progress, error) {
	r, err := readReceipt(aws.ToString(out.StandardOutputContent), v.job.ID)
	if words := strings.TrimSpace(aws.ToString(out.StandardErrorContent)); words != "" {
		v.note("the host says: %s", clip(words, 500))
	}
	if err != nil {
		v.note("no receipt: %v; exit code %d", err, out.ResponseCode)
		if out.Status == types.CommandInvocationStatusFailed && aws.ToString(out.StandardOutputContent) == "" {
			return responders.Progress{}, responders.Refuse("The agent could not run the document (exit code %d). Its words are in the log.", out.ResponseCode)
		}
		return responders.Progress{}, responders.Doubt("Command %s has ended, but what it says is not from our script. Treat the host's answers as forged, and look in the evidence bucket for what was stored.", s.Command)
	}
	s.Receipt = r
	v.fact("tool sha256", r.Tool)
	why := reasons[r.Reason]
	if why.text != "" && !(why.partial && r.evidence()) {
		if why.partial {
			return responders.Progress{}, responders.Refuse("The tool ended without giving anything: %s.", why.text)
		}
		return responders.Progress{}, responders.Refuse("%s", why.text)
	}
	if !r.evidence() {
		return responders.Progress{}, responders.Doubt("The host says that command %s went well and stored nothing. Treat its answers as forged.", s.Command)
	}
	v.note("the command has ended: %d bytes", r.Bytes)
	return h.next(v, phaseCollect, s)
}

// clip bounds text from outside, in characters.
func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n]) + "…"
	}
	return s
}
