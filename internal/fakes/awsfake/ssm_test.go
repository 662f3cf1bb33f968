package awsfake_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

const (
	node     = "i-0a1b2c3d4e5f60718"
	document = `{"schemaVersion":"2.2","parameters":{"port":{"type":"String","allowedPattern":"^[0-9]+$","interpolationType":"ENV_VAR"},` +
		`"opt":{"type":"String","default":"","allowedPattern":"^[a-z]*$","interpolationType":"ENV_VAR"}},"mainSteps":[{"action":"aws:runShellScript","name":"x","inputs":{"runCommand":["id"]}}]}`
)

func managed(t *testing.T) (*awsfake.Cloud, *ssm.Client) {
	t.Helper()
	c := start(t)
	c.AddAgent(member, region, awsfake.Agent{Instance: node})
	c.AddDocument(member, region, "doc", "v-1", document)
	return c, ssm.NewFromConfig(config(c, c.User(member, "ann")))
}

func command(change func(*ssm.SendCommandInput)) *ssm.SendCommandInput {
	in := &ssm.SendCommandInput{DocumentName: aws.String("doc"), DocumentVersion: aws.String("1"), InstanceIds: []string{node},
		Parameters: map[string][]string{"port": {"443"}}, Comment: aws.String("job 1"), TimeoutSeconds: aws.Int32(60)}
	if change != nil {
		change(in)
	}
	return in
}

func TestCommandsAreCheckedAsSSMDoes(t *testing.T) {
	t.Parallel()
	c, cl := managed(t)
	doc, err := cl.DescribeDocument(t.Context(), &ssm.DescribeDocumentInput{Name: aws.String("doc"), VersionName: aws.String("v-1")})
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		change func(*ssm.SendCommandInput)
		code   string
	}{
		"fine": {nil, ""},
		"with its hash": {func(in *ssm.SendCommandInput) {
			in.DocumentHash, in.DocumentHashType = doc.Document.Hash, types.DocumentHashTypeSha256
		}, ""},
		"another hash": {func(in *ssm.SendCommandInput) {
			in.DocumentHash, in.DocumentHashType = aws.String(strings.Repeat("0", 64)), types.DocumentHashTypeSha256
		}, "InvalidDocument"},
		"no such document":    {func(in *ssm.SendCommandInput) { in.DocumentName = aws.String("AWS-RunShellScript") }, "InvalidDocument"},
		"no such version":     {func(in *ssm.SendCommandInput) { in.DocumentVersion = aws.String("7") }, "InvalidDocumentVersion"},
		"no such node":        {func(in *ssm.SendCommandInput) { in.InstanceIds = []string{"i-0ffffffffffffffff"} }, "InvalidInstanceId"},
		"the pattern":         {func(in *ssm.SendCommandInput) { in.Parameters["port"] = []string{"443;id"} }, "InvalidParameters"},
		"an unknown one":      {func(in *ssm.SendCommandInput) { in.Parameters["commands"] = []string{"id"} }, "InvalidParameters"},
		"one is missing":      {func(in *ssm.SendCommandInput) { in.Parameters = nil }, "InvalidParameters"},
		"two values":          {func(in *ssm.SendCommandInput) { in.Parameters["port"] = []string{"1", "2"} }, "InvalidParameters"},
		"a long comment":      {func(in *ssm.SendCommandInput) { in.Comment = aws.String(strings.Repeat("x", 101)) }, "ValidationException"},
		"too short a timeout": {func(in *ssm.SendCommandInput) { in.TimeoutSeconds = aws.Int32(29) }, "ValidationException"},
	} {
		if _, err := cl.SendCommand(t.Context(), command(x.change)); code(err) != x.code {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(c.Commands(member, region)); n != 2 {
		t.Errorf("%d commands were accepted", n)
	}
	if got := c.Commands(member, region)[0].Parameters; got["port"] != "443" || got["opt"] != "" {
		t.Errorf("%v", got)
	}
}

func TestCommandsShowLateAndOutputIsCut(t *testing.T) {
	t.Parallel()
	c, cl := managed(t)
	c.CommandLag(member, region, 2)
	done := make(chan struct{})
	c.AddAgent(member, region, awsfake.Agent{Instance: node, Run: func(awsfake.Command) awsfake.Invocation {
		<-done
		return awsfake.Invocation{Status: "Success", Stdout: strings.Repeat("x", 30000), Stderr: strings.Repeat("y", 9000)}
	}})
	out, err := cl.SendCommand(t.Context(), command(nil))
	if err != nil {
		t.Fatal(err)
	}
	get := func() (*ssm.GetCommandInvocationOutput, error) {
		return cl.GetCommandInvocation(t.Context(), &ssm.GetCommandInvocationInput{CommandId: out.Command.CommandId, InstanceId: aws.String(node)})
	}
	for i := range 2 {
		if _, err := get(); code(err) != "InvocationDoesNotExist" {
			t.Errorf("question %d: %v", i, err)
		}
	}
	if now, err := get(); err != nil || now.Status != types.CommandInvocationStatusInProgress || now.ResponseCode != -1 {
		t.Errorf("%+v %v", now, err)
	}
	close(done)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := c.WaitFor(ctx, func([]awsfake.Call) bool {
		return c.Invocation(member, region, *out.Command.CommandId).Status == "Success"
	}); err != nil {
		t.Fatal(err)
	}
	now, err := get()
	if err != nil || len(aws.ToString(now.StandardOutputContent)) != 24000 || len(aws.ToString(now.StandardErrorContent)) != 8000 {
		t.Errorf("%v: %d and %d characters", err, len(aws.ToString(now.StandardOutputContent)), len(aws.ToString(now.StandardErrorContent)))
	}
	if _, err := cl.GetCommandInvocation(t.Context(), &ssm.GetCommandInvocationInput{CommandId: out.Command.CommandId, InstanceId: aws.String("i-0ffffffffffffffff")}); code(err) != "InvocationDoesNotExist" {
		t.Errorf("another node: %v", err)
	}
}

func TestListsOfCommandsHavePages(t *testing.T) {
	t.Parallel()
	_, cl := managed(t)
	for range 53 {
		if _, err := cl.SendCommand(t.Context(), command(nil)); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	pages := ssm.NewListCommandsPaginator(cl, &ssm.ListCommandsInput{InstanceId: aws.String(node),
		Filters: []types.CommandFilter{{Key: types.CommandFilterKeyInvokedAfter, Value: aws.String("2020-01-01T00:00:00Z")}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		n += len(page.Commands)
	}
	if n != 53 {
		t.Errorf("%d commands", n)
	}
}
