package trail_test

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/findings/enrich"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders/trail"
)

const (
	account = "111122223333"
	key     = "AKIAIOSFODNN7EXAMPLE"
)

var (
	noon     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	attacker = netip.MustParseAddr("198.51.100.23")
)

// sessions are those of one account's own key.
type sessions struct {
	cloud *awsfake.Cloud
	key   awsfake.Credentials
	err   error
}

func (s sessions) Reader(_ context.Context, _, region string) (aws.Config, error) {
	return aws.Config{Region: region, BaseEndpoint: &s.cloud.URL, HTTPClient: &http.Client{},
		Credentials: credentials.NewStaticCredentialsProvider(s.key.AccessKeyID, s.key.SecretAccessKey, "")}, s.err
}

func start(t *testing.T) (*awsfake.Cloud, sessions) {
	t.Helper()
	c := awsfake.New(awsfake.WithNow(func() time.Time { return noon }))
	t.Cleanup(c.Close)
	return c, sessions{cloud: c, key: c.User(account, "bot")}
}

func question() trail.Question {
	return trail.Question{Account: account, Region: "eu-west-1", AccessKey: key, Address: attacker, From: noon.Add(-24 * time.Hour), To: noon}
}

func event(minutes int, service, name, from string) awsfake.TrailEvent {
	return awsfake.TrailEvent{At: noon.Add(-time.Duration(minutes) * time.Minute), Source: service + ".amazonaws.com", Name: name, User: "ana", AccessKey: key, Address: from, Agent: "aws-cli/2"}
}

func TestCallsFromAnAddress(t *testing.T) {
	t.Parallel()
	c, s := start(t)
	denied := event(5, "s3", "ListBuckets", "198.51.100.23")
	denied.ErrorCode = "AccessDenied"
	other := event(6, "ec2", "RunInstances", "198.51.100.23")
	other.AccessKey = "AKIAOTHER"
	c.AddTrailEvents(account, "eu-west-1", denied, event(7, "s3", "ListBuckets", "::ffff:198.51.100.23"), other,
		event(8, "ec2", "DescribeInstances", "203.0.113.9"), event(9, "kms", "Decrypt", "s3.amazonaws.com"), event(60*25, "ec2", "RunInstances", "198.51.100.23"))
	c.AddTrailEvents(account, "us-east-1", event(2, "iam", "CreateUser", "198.51.100.23"))
	got, err := trail.New(s).ByAddress(t.Context(), question())
	if err != nil {
		t.Fatal(err)
	}
	want := []trail.Name{{"s3:ListBuckets", 2, 1}, {"iam:CreateUser", 1, 0}}
	if got.Total != 3 || got.Failed != 1 || !slices.Equal(got.Names, want) || !got.Complete || got.Examined != 5 || !slices.Equal(got.Agents, []string{"aws-cli/2"}) {
		t.Errorf("%+v", got)
	}
	if !got.First.Equal(noon.Add(-7*time.Minute)) || !got.Last.Equal(noon.Add(-2*time.Minute)) || !slices.Equal(got.Top(1), []string{"s3:ListBuckets"}) {
		t.Errorf("from %s to %s", got.First, got.Last)
	}
}

func TestByUserWithoutAKey(t *testing.T) {
	t.Parallel()
	c, s := start(t)
	mine, theirs := event(1, "ec2", "StopInstances", "198.51.100.23"), event(1, "ec2", "StartInstances", "198.51.100.23")
	theirs.User = "ben"
	c.AddTrailEvents(account, "us-east-1", mine, theirs)
	q := question()
	q.AccessKey, q.User, q.Region = "", "ana", "us-east-1"
	got, err := trail.New(s).ByAddress(t.Context(), q)
	if err != nil || got.Total != 1 || got.Names[0].Name != "ec2:StopInstances" {
		t.Errorf("%+v %v", got, err)
	}
	if n := len(c.CallsOf("cloudtrail", "LookupEvents")); n != 1 {
		t.Errorf("%d calls for one region", n)
	}
}

func TestTooManyEventsAreALowerBound(t *testing.T) {
	t.Parallel()
	c, s := start(t)
	all := make([]awsfake.TrailEvent, 1000)
	for i := range all {
		all[i] = event(3, "s3", "GetObject", "198.51.100.23")
	}
	c.AddTrailEvents(account, "us-east-1", all...)
	q := question()
	q.Region = "us-east-1"
	// Whoever waits for a second gets what was found in that second.
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if got, err := trail.New(s).ByAddress(ctx, q); err != nil || got.Complete || got.Total == 0 || got.Total != got.Examined || got.Total >= 500 {
		t.Errorf("%+v %v", got, err)
	}
	// Whoever waits longer gets the first 500.
	if got, err := trail.New(s).ByAddress(t.Context(), q); err != nil || got.Complete || got.Total != 500 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestWhatCannotBeReadIsNotCountedAsNothing(t *testing.T) {
	t.Parallel()
	c, s := start(t)
	odd := event(3, "s3", "GetObject", "198.51.100.23")
	odd.Raw = "{"
	c.AddTrailEvents(account, "us-east-1", odd)
	got, err := trail.New(s).ByAddress(t.Context(), question())
	if err != nil || got.Complete {
		t.Errorf("%+v %v", got, err)
	}
}

func TestHalfAnAnswerIsNotComplete(t *testing.T) {
	t.Parallel()
	c, s := start(t)
	c.AddTrailEvents(account, "eu-west-1", event(3, "s3", "GetObject", "198.51.100.23"))
	c.AddTrailEvents(account, "us-east-1", event(3, "iam", "CreateUser", "198.51.100.23"))
	c.Next("cloudtrail", "LookupEvents", 1, awsfake.Denied())
	got, err := trail.New(s).ByAddress(t.Context(), question())
	if err != nil || got.Complete || got.Total != 1 {
		t.Errorf("%+v %v", got, err)
	}
}

func TestUnavailable(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault  *awsfake.Fault
		change func(*trail.Question)
		err    error
	}{
		"denied":         {fault: fault(awsfake.Denied())},
		"throttled":      {fault: fault(awsfake.Throttled())},
		"hanging":        {fault: fault(awsfake.Hang())},
		"no session":     {err: errors.New("no such role")},
		"no credentials": {change: func(q *trail.Question) { q.AccessKey = "" }},
		"no address":     {change: func(q *trail.Question) { q.Address = netip.Addr{} }},
		"no account":     {change: func(q *trail.Question) { q.Account = "" }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, s := start(t)
			s.err = tc.err
			if tc.fault != nil {
				c.Next("cloudtrail", "", -1, *tc.fault)
			}
			q := question()
			if tc.change != nil {
				tc.change(&q)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			if got, err := trail.New(s).ByAddress(ctx, q); !errors.Is(err, enrich.ErrUnavailable) {
				t.Errorf("%+v %v", got, err)
			}
		})
	}
}

func fault(f awsfake.Fault) *awsfake.Fault { return &f }

func TestThePaceOfTheService(t *testing.T) {
	t.Parallel()
	c, s := start(t)
	l := trail.New(s)
	q := question()
	q.Region = "us-east-1"
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	for range 20 {
		_, _ = l.ByAddress(ctx, q)
	}
	if n := len(c.CallsOf("cloudtrail", "LookupEvents")); n > 5 {
		t.Errorf("%d calls in a fifth of a second", n)
	}
	q.Account = "444455556666" // another account has its own budget
	if _, err := l.ByAddress(t.Context(), q); err != nil {
		t.Errorf("%v", err)
	}
}
