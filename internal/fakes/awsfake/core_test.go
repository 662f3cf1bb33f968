package awsfake_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

const (
	hub    = "111122223333"
	member = "444455556666"
	region = "eu-west-1"
)

func start(t *testing.T, opts ...awsfake.Option) *awsfake.Cloud {
	t.Helper()
	c := awsfake.New(opts...)
	t.Cleanup(c.Close)
	return c
}

// config is a client configuration without retries and without environment.
func config(c *awsfake.Cloud, k awsfake.Credentials) aws.Config {
	return aws.Config{Region: region, BaseEndpoint: &c.URL, HTTPClient: &http.Client{},
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, k.SessionToken),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} }}
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	if err != nil {
		return "no answer"
	}
	return ""
}

func assume(t *testing.T, c *awsfake.Cloud, k awsfake.Credentials, change func(*sts.AssumeRoleInput)) (awsfake.Credentials, error) {
	t.Helper()
	in := &sts.AssumeRoleInput{RoleArn: aws.String("arn:aws:iam::" + member + ":role/ir-read"), RoleSessionName: aws.String("JOB1"),
		ExternalId: aws.String("ext-1"), SourceIdentity: aws.String("ann@corp.example"), DurationSeconds: aws.Int32(900)}
	if change != nil {
		change(in)
	}
	out, err := sts.NewFromConfig(config(c, k)).AssumeRole(t.Context(), in)
	if err != nil {
		return awsfake.Credentials{}, err
	}
	return awsfake.Credentials{AccessKeyID: *out.Credentials.AccessKeyId, SecretAccessKey: *out.Credentials.SecretAccessKey, SessionToken: *out.Credentials.SessionToken}, nil
}

func TestAssumedSessionsAreKnownAndLogged(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := start(t, awsfake.WithNow(func() time.Time { return now }))
	c.AddRole(awsfake.Role{Account: member, Name: "ir-read", Trusts: []string{hub}, ExternalID: "ext-1", Identity: true})
	k, err := assume(t, c, c.User(hub, "bot"), nil)
	if err != nil {
		t.Fatal(err)
	}
	who, err := sts.NewFromConfig(config(c, k)).GetCallerIdentity(t.Context(), nil)
	if err != nil || *who.Account != member || !strings.HasSuffix(*who.Arn, "assumed-role/ir-read/JOB1") {
		t.Fatalf("%+v %v", who, err)
	}
	got := c.CallsOf("sts", "GetCallerIdentity")[0]
	if got.Account != member || got.Role != "ir-read" || got.Session != "JOB1" || got.Identity != "ann@corp.example" || got.Region != region || !got.Applied {
		t.Errorf("logged %+v", got)
	}
	now = now.Add(15 * time.Minute)
	if _, err := sts.NewFromConfig(config(c, k)).GetCallerIdentity(t.Context(), nil); code(err) != "ExpiredToken" {
		t.Errorf("after its time: %v", err)
	}
}

func TestAssumeRoleRefuses(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.AddRole(awsfake.Role{Account: member, Name: "ir-read", Trusts: []string{hub}, ExternalID: "ext-1", Identity: true})
	user := c.User(hub, "bot")
	for name, tc := range map[string]struct {
		key    awsfake.Credentials
		change func(*sts.AssumeRoleInput)
		want   string
	}{
		"stranger":        {key: awsfake.Credentials{AccessKeyID: "AKIANOBODY", SecretAccessKey: "x"}, want: "InvalidClientTokenId"},
		"wrong token":     {key: awsfake.Credentials{AccessKeyID: user.AccessKeyID, SecretAccessKey: "x", SessionToken: "y"}, want: "InvalidClientTokenId"},
		"not trusted":     {key: c.User("777788889999", "bot"), want: "AccessDenied"},
		"external id":     {key: user, change: func(in *sts.AssumeRoleInput) { in.ExternalId = aws.String("other") }, want: "AccessDenied"},
		"no identity":     {key: user, change: func(in *sts.AssumeRoleInput) { in.SourceIdentity = nil }, want: "AccessDenied"},
		"odd identity":    {key: user, change: func(in *sts.AssumeRoleInput) { in.SourceIdentity = aws.String("ann smith") }, want: "ValidationError"},
		"long policy":     {key: user, change: func(in *sts.AssumeRoleInput) { in.Policy = aws.String(strings.Repeat("x", 2049)) }, want: "ValidationError"},
		"not a policy":    {key: user, change: func(in *sts.AssumeRoleInput) { in.Policy = aws.String(`{"Version":"2012-10-17"}`) }, want: "MalformedPolicyDocument"},
		"too short":       {key: user, change: func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(899) }, want: "ValidationError"},
		"longer than max": {key: user, change: func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) }, want: "ValidationError"},
		"no such role":    {key: user, change: func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::" + member + ":role/other") }, want: "AccessDenied"},
	} {
		if _, err := assume(t, c, tc.key, tc.change); code(err) != tc.want {
			t.Errorf("%s: %v, want %s", name, err, tc.want)
		}
	}
}

func TestPoliciesLimitWhatASessionMayDo(t *testing.T) {
	t.Parallel()
	const yes = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:Assume*","Resource":"arn:aws:iam::444455556666:role/ir-*"}]}`
	const no = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:*","Resource":"*"}]}`
	for name, tc := range map[string]struct {
		role, session, want string
	}{
		"no limits": {}, "both allow": {role: yes, session: yes}, "session refuses": {role: yes, session: no, want: "AccessDenied"},
		"role refuses": {role: no, want: "AccessDenied"},
	} {
		c := start(t)
		c.AddRole(awsfake.Role{Account: member, Name: "ir-read", Trusts: []string{hub, member}, Policy: tc.role})
		k, err := assume(t, c, c.User(hub, "bot"), func(in *sts.AssumeRoleInput) {
			if tc.session != "" {
				in.Policy = &tc.session
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := assume(t, c, k, nil); code(err) != tc.want {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.AddRole(awsfake.Role{Account: member, Name: "ir-read", Trusts: []string{hub}})
	k := c.User(hub, "bot")
	met := 0
	for _, tc := range []struct {
		fault   awsfake.Fault
		want    string
		applied bool
	}{
		{awsfake.Throttled(), "Throttling", false}, {awsfake.Broken(), "InternalFailure", false}, {awsfake.Denied(), "AccessDenied", false},
		{awsfake.Error("Odd", "x"), "Odd", false}, {awsfake.Dropped(), "no answer", false}, {awsfake.AnswerLost(), "no answer", true},
		{awsfake.Meanwhile(func() { met = len(c.Calls()) }), "", true},
	} {
		c.Next("sts", "AssumeRole", 1, tc.fault)
		before := len(c.Calls())
		_, err := assume(t, c, k, nil)
		calls := c.Calls()
		if code(err) != tc.want || len(calls) != before+1 || calls[before].Applied != tc.applied {
			t.Errorf("%+v: error %v, %d calls, last %+v", tc.fault, err, len(calls)-before, calls[len(calls)-1])
		}
	}
	if met != 6 {
		t.Errorf("the function ran after %d calls", met)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c.Next("", "", 1, awsfake.Hang())
	ended := make(chan error)
	go func() {
		_, err := sts.NewFromConfig(config(c, k)).GetCallerIdentity(ctx, nil)
		ended <- err
	}()
	if err := c.WaitFor(t.Context(), func(calls []awsfake.Call) bool { return calls[len(calls)-1].Code == "hung" }); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("a call that hangs: %v", err)
	}
	c.Next("", "", -1, awsfake.Fault{Code: "Odd", Status: 400, Skip: 1})
	for _, want := range []string{"", "Odd", "Odd"} {
		if _, err := assume(t, c, k, nil); code(err) != want {
			t.Errorf("skipping one: %v, want %q", err, want)
		}
	}
	c.Calm()
	if _, err := assume(t, c, k, nil); err != nil {
		t.Errorf("calm: %v", err)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		condition string
		keys      map[string]string
		want      bool
	}{
		{`{"StringEquals":{"aws:RequestTag/case":"1"}}`, map[string]string{"aws:RequestTag/case": "1"}, true},
		{`{"StringEquals":{"aws:RequestTag/case":["2","3"]}}`, map[string]string{"aws:RequestTag/case": "1"}, false},
		{`{"StringEquals":{"aws:RequestTag/case":"1"}}`, nil, false},
		{`{"StringEqualsIfExists":{"aws:RequestTag/case":"1"}}`, nil, true},
		{`{"StringNotEquals":{"aws:ResourceTag/protected":"true"}}`, map[string]string{"aws:ResourceTag/protected": "true"}, false},
		{`{"StringNotEquals":{"aws:ResourceTag/protected":"true"}}`, nil, true},
		{`{"StringLike":{"ec2:CreateAction":"CreateSnap*"}}`, map[string]string{"ec2:CreateAction": "CreateSnapshots"}, true},
		{`{"Null":{"aws:RequestTag/case":"false"}}`, map[string]string{"aws:RequestTag/case": "1"}, true},
		{`{"Null":{"aws:RequestTag/case":"false"}}`, nil, false},
	} {
		policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:X"],"Resource":"arn:aws:ec2:*:*:snap?/*","Condition":` + tc.condition + `}]}`
		got, err := awsfake.Allows(policy, awsfake.Need{Action: "ec2:X", Resource: "arn:aws:ec2:eu-west-1::snaps/snap-1", Keys: tc.keys})
		if err != nil || got != tc.want {
			t.Errorf("%s with %v: %v %v", tc.condition, tc.keys, got, err)
		}
	}
	if _, err := awsfake.Allows(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"a:B","Resource":"*","Condition":{"Odd":{}}}]}`, awsfake.Need{}); err == nil {
		t.Error("an unknown operator was accepted")
	}
}
