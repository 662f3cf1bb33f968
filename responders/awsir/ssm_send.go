package awsir

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// maxSends bounds how often a command is sent that verifiably was not
// accepted before.
const maxSends = 3

// send sends the command at most once. SendCommand takes no idempotency token,
// so each attempt is announced first, where nobody can announce it twice; who
// finds it announced only looks for the command, by its comment.
func (h host) send(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	f, err := h.look(ctx, v)
	if err != nil {
		return responders.Progress{}, err
	}
	s.Document = f.document.Name + " version " + f.version
	found, err := h.find(ctx, v, s)
	if err != nil {
		return responders.Progress{}, err
	}
	if found != "" {
		v.note("the command was there already: %s", found)
		return h.sent(v, s, found)
	}
	in, c, err := h.command(ctx, v, f)
	if err != nil {
		return responders.Progress{}, err
	}
	announced := []byte(v.now.Format(time.RFC3339))
	err = v.actor.deps.Records.Put(ctx, announcement(v.job.ID, s.Attempt), announced)
	if errors.Is(err, ErrExists) {
		return h.settle(ctx, v, s)
	}
	if err != nil {
		return responders.Progress{}, fmt.Errorf("announce the command: %w", err)
	}
	failpoint.Hit("host.announced")
	out, err := c.SendCommand(ctx, in)
	failpoint.Hit("host.sent")
	if err != nil {
		v.did("ssm:SendCommand", middleware.Metadata{}, err)
		return h.notSent(v, s, err)
	}
	v.did("ssm:SendCommand", out.ResultMetadata, nil)
	v.note("sent %s as command %s", s.Document, aws.ToString(out.Command.CommandId))
	if early, err := h.tooEarly(ctx, v); err == nil && early != "" {
		v.note("%s", early)
	}
	return h.sent(v, s, aws.ToString(out.Command.CommandId))
}

func announcement(job string, attempt int) string { return fmt.Sprintf("command/%s-%d", job, attempt) }

// command is what will be sent, and the client that may send it.
func (h host) command(ctx context.Context, v *visit, f hostFacts) (*ssm.SendCommandInput, *ssm.Client, error) {
	params, err := h.typed(ctx, v, string(f.instance.Architecture))
	if err != nil {
		return nil, nil, err
	}
	c, err := v.write(ctx, h.sendPermission(v, f.document))
	if err != nil {
		return nil, nil, err
	}
	in := &ssm.SendCommandInput{
		DocumentName: &f.document.Name, DocumentVersion: &f.version, DocumentHash: &f.document.SHA256, DocumentHashType: types.DocumentHashTypeSha256,
		InstanceIds: []string{v.job.Target.Instance}, Comment: aws.String(comment(v.job.ID)), TimeoutSeconds: aws.Int32(int32(deliveryTime / time.Second)),
		Parameters: map[string][]string{},
	}
	for name, value := range params {
		in.Parameters[name] = []string{value}
	}
	return in, ssm.NewFromConfig(c.config), nil
}

func (h host) sent(v *visit, s hostState, id string) (responders.Progress, error) {
	s.Command, s.SentAt = id, v.now
	v.fact("command", id)
	p, err := h.next(v, phaseWait, s)
	p.Again = 3 * time.Second
	return p, err
}

// notSent sorts the answers of SendCommand that are no success.
func (h host) notSent(v *visit, s hostState, err error) (responders.Progress, error) {
	switch {
	case isCode(err, "InvalidInstanceId"):
		return responders.Progress{}, responders.Refuse("SSM does not take commands for the instance now. Its agent has gone since it was looked at; try again when it is back.")
	case isCode(err, "InvalidDocument", "InvalidDocumentVersion"):
		return responders.Progress{}, responders.Refuse("SSM refused the document: it was changed since it was looked at. Find out who changed it; nothing was run.")
	case isCode(err, "InvalidParameters"):
		return responders.Progress{}, responders.Refuse("SSM refused a parameter of the document; nothing was run. The log has the cause.")
	case isCode(err, "ThrottlingException", "Throttling"):
		s.Attempt++
		if s.Attempt > maxSends {
			return responders.Progress{}, responders.Refuse("SSM is too busy to take the command; nothing was run. Try again later.")
		}
		return h.again(v, s, 10*time.Second)
	case final(err):
		return responders.Progress{}, err
	}
	v.note("SSM gave no answer to the command; looking for it")
	return h.again(v, s, 5*time.Second)
}

// settle handles an attempt that was announced by a step whose end is not
// known: look for the command until it must have shown.
func (h host) settle(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	body, there, err := v.actor.deps.Records.Get(ctx, announcement(v.job.ID, s.Attempt))
	if err != nil || !there {
		return responders.Progress{}, fmt.Errorf("read the announcement: %w", errors.Join(err, errIf(!there, "it has gone")))
	}
	at, err := time.Parse(time.RFC3339, string(body))
	if err != nil {
		return responders.Progress{}, fmt.Errorf("read the announcement: %w", err)
	}
	if v.now.Sub(at) < v.actor.config.Settle {
		return h.again(v, s, 5*time.Second)
	}
	if s.Attempt >= maxSends {
		return responders.Progress{}, responders.Doubt("A command was sent to the instance %d times and none of them shows. Look in Run Command of the account for the comment %q before you try again.", s.Attempt, comment(v.job.ID))
	}
	s.Attempt++
	v.note("the command does not show after %s; it was not accepted", v.actor.config.Settle)
	return h.again(v, s, 0)
}

func errIf(yes bool, text string) error {
	if yes {
		return errors.New(text)
	}
	return nil
}

// find looks for the job's command, "" when there is none.
func (h host) find(ctx context.Context, v *visit, s hostState) (string, error) {
	c, err := v.read(ctx)
	if err != nil {
		return "", err
	}
	// The clocks of AWS and of this machine may differ by minutes.
	since := s.Since.Add(-10 * time.Minute).UTC().Format("2006-01-02T15:04:05Z")
	pages := ssm.NewListCommandsPaginator(ssm.NewFromConfig(c.config), &ssm.ListCommandsInput{InstanceId: &v.job.Target.Instance,
		Filters: []types.CommandFilter{{Key: types.CommandFilterKeyInvokedAfter, Value: &since}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("look for the command: %w", err)
		}
		for _, x := range page.Commands {
			if aws.ToString(x.Comment) == comment(v.job.ID) {
				return aws.ToString(x.CommandId), nil
			}
		}
	}
	return "", nil
}

// sendPermission is what the session may do: this document on this instance.
func (h host) sendPermission(v *visit, d Document) responders.Permission {
	t := v.job.Target
	return responders.Permission{Actions: []string{"ssm:SendCommand"}, Resources: []string{
		"arn:" + awsrole.Partition(t.Region) + ":ssm:" + t.Region + ":" + t.Account + ":document/" + d.Name,
		v.arn("instance", t.Instance),
	}}
}
