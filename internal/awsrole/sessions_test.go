package awsrole_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

const (
	hub    = "111122223333"
	member = "444455556666"
	allow  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}]}`
)

// world is a cloud with a role, and sessions in it, on one clock.
type world struct {
	cloud    *awsfake.Cloud
	sessions *awsrole.Sessions
	mu       sync.Mutex
	at       time.Time
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

func start(t *testing.T, change func(*awsrole.Config)) *world {
	t.Helper()
	w := &world{at: time.Now()}
	w.cloud = awsfake.New(awsfake.WithNow(w.now))
	t.Cleanup(w.cloud.Close)
	w.cloud.AddRole(awsfake.Role{Account: member, Name: "ir/securitybot-read", Trusts: []string{hub}, ExternalID: "ext-1", Identity: true})
	k := w.cloud.User(hub, "bot")
	c := awsrole.Config{Roles: map[string]string{"read": "ir/securitybot-read"}, ExternalID: "ext-1", Now: w.now}
	if change != nil {
		change(&c)
	}
	s, err := awsrole.New(aws.Config{Region: "eu-west-1", BaseEndpoint: &w.cloud.URL, HTTPClient: &http.Client{},
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, "")}, c)
	if err != nil {
		t.Fatal(err)
	}
	w.sessions = s
	return w
}

func request() awsrole.Request {
	return awsrole.Request{Account: member, Region: "eu-west-1", Role: "read", Session: "JOB1", Identity: "ann@corp.example",
		Tags: map[string]string{"case": "SB-1"}, Policy: allow}
}

// who asks STS who one is, and returns the account or the error.
func who(t *testing.T, c aws.Config) (string, error) {
	t.Helper()
	out, err := sts.NewFromConfig(c).GetCallerIdentity(t.Context(), nil)
	if err != nil {
		return "", err
	}
	return *out.Account, nil
}

func TestASessionSaysWhoAndWhatFor(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	c, err := w.sessions.Config(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if account, err := who(t, c); err != nil || account != member || c.Region != "eu-west-1" {
		t.Fatalf("in account %s, %v", account, err)
	}
	call := w.cloud.CallsOf("sts", "GetCallerIdentity")[0]
	if call.Role != "ir/securitybot-read" || call.Session != "JOB1" || call.Identity != "ann@corp.example" || call.Policy != allow || call.Tags["case"] != "SB-1" {
		t.Errorf("the session is %+v", call)
	}
	assumed := w.cloud.CallsOf("sts", "AssumeRole")[0]
	if assumed.Params["DurationSeconds"] != "900" || assumed.Params["ExternalId"] != "ext-1" {
		t.Errorf("asked for %v", assumed.Params)
	}
}

func TestSessionsAreReusedUntilShortlyBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	get := func(change func(*awsrole.Request)) {
		t.Helper()
		r := request()
		if change != nil {
			change(&r)
		}
		if _, err := w.sessions.Config(t.Context(), r); err != nil {
			t.Fatal(err)
		}
	}
	expect := func(what string, n int) {
		t.Helper()
		if got := len(w.cloud.CallsOf("sts", "AssumeRole")); got != n {
			t.Fatalf("%s: %d sessions were opened, want %d", what, got, n)
		}
	}
	get(nil)
	get(nil)
	get(func(r *awsrole.Request) { r.Region, r.Acting = "us-east-1", true })
	expect("the same again", 1)
	for i, change := range []func(*awsrole.Request){
		func(r *awsrole.Request) { r.Identity = "bob@corp.example" },
		func(r *awsrole.Request) { r.Policy = strings.Replace(allow, "Describe", "Get", 1) },
		func(r *awsrole.Request) { r.Session = "JOB2" },
		func(r *awsrole.Request) { r.Tags = nil },
	} {
		get(change)
		expect("another", 2+i)
	}
	w.pass(11 * time.Minute)
	get(nil)
	expect("with four minutes left", 5)
	w.pass(time.Minute + time.Second)
	get(nil)
	expect("with less than three minutes left", 6)
}

func TestConcurrentCallersShareASession(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := w.sessions.Config(t.Context(), request()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(w.cloud.CallsOf("sts", "AssumeRole")); n != 1 {
		t.Errorf("%d sessions were opened", n)
	}
}

func TestOwnAccountNeedsNoRole(t *testing.T) {
	t.Parallel()
	w := start(t, func(c *awsrole.Config) { c.Own = hub })
	r := request()
	r.Account, r.Region = hub, "us-east-1"
	c, err := w.sessions.Config(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	if account, err := who(t, c); err != nil || account != hub || c.Region != "us-east-1" {
		t.Errorf("account %s, region %s, %v", account, c.Region, err)
	}
	if n := len(w.cloud.CallsOf("sts", "AssumeRole")); n != 0 {
		t.Errorf("%d roles were assumed", n)
	}
}

func TestActingCallsAreNotRepeated(t *testing.T) {
	t.Parallel()
	for acting, want := range map[bool]int{true: 1, false: 3} {
		w := start(t, nil)
		r := request()
		r.Acting = acting
		c, err := w.sessions.Config(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		w.cloud.Next("sts", "GetCallerIdentity", 3, awsfake.AnswerLost())
		if _, err := who(t, c); err == nil {
			t.Error("no error")
		}
		if n := len(w.cloud.CallsOf("sts", "GetCallerIdentity")); n != want {
			t.Errorf("acting %v: %d calls, want %d", acting, n, want)
		}
	}
}

func TestRefusedAndFailedSessions(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	r := request()
	r.Identity = ""
	_, err := w.sessions.Config(t.Context(), r)
	var e *awsrole.Error
	if !errors.As(err, &e) || !e.Denied || e.Account != member {
		t.Errorf("without identity: %v", err)
	}
	w.cloud.Next("sts", "AssumeRole", 3, awsfake.Broken())
	if _, err = w.sessions.Config(t.Context(), request()); !errors.As(err, &e) || e.Denied {
		t.Errorf("broken: %v", err)
	}
	if _, err = w.sessions.Config(t.Context(), request()); err != nil {
		t.Errorf("a failure was kept: %v", err)
	}
	if strings.Contains(e.Error(), "ext-1") {
		t.Errorf("the external id is in the error: %v", e)
	}
	for name, change := range map[string]func(*awsrole.Request){
		"account":  func(r *awsrole.Request) { r.Account = "1234" },
		"region":   func(r *awsrole.Request) { r.Region = "" },
		"purpose":  func(r *awsrole.Request) { r.Role = "other" },
		"session":  func(r *awsrole.Request) { r.Session = "a b" },
		"identity": func(r *awsrole.Request) { r.Identity = "ann smith" },
		"prefix":   func(r *awsrole.Request) { r.Identity = "aws:root" },
		"policy":   func(r *awsrole.Request) { r.Policy = strings.Repeat("x", awsrole.MaxPolicy+1) },
	} {
		r, before := request(), len(w.cloud.Calls())
		change(&r)
		if _, err := w.sessions.Config(t.Context(), r); err == nil || len(w.cloud.Calls()) != before {
			t.Errorf("a bad %s: %v, %d calls", name, err, len(w.cloud.Calls())-before)
		}
	}
}

func TestOtherPartitions(t *testing.T) {
	t.Parallel()
	w := start(t, nil)
	for region, want := range map[string]string{"cn-north-1": "arn:aws-cn:iam::", "us-gov-west-1": "arn:aws-us-gov:iam::"} {
		r := request()
		r.Region = region
		_, err := w.sessions.Config(t.Context(), r)
		calls := w.cloud.CallsOf("sts", "AssumeRole")
		if got := calls[len(calls)-1].Params["RoleArn"]; err == nil || !strings.HasPrefix(got, want) {
			t.Errorf("%s: asked for %s, %v", region, got, err)
		}
	}
}

func TestConfigurationIsChecked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]awsrole.Config{
		"no roles": {}, "an ARN": {Roles: map[string]string{"read": "arn:aws:iam::444455556666:role/x"}},
		"external id": {Roles: map[string]string{"read": "x"}, ExternalID: "a b"}, "own account": {Roles: map[string]string{"read": "x"}, Own: "123"},
	} {
		if _, err := awsrole.New(aws.Config{}, c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	for n, ok := range map[int]bool{0: true, 1: false, 2: true, 1224: true, 1225: false} {
		if _, err := awsrole.New(aws.Config{}, awsrole.Config{Roles: map[string]string{"read": "x"}, ExternalID: strings.Repeat("x", n)}); (err == nil) != ok {
			t.Errorf("an external id of %d characters: %v", n, err)
		}
	}
}

// TestWhatACallerChangesLaterDoesNotCount: the roles are those given at the
// start.
func TestWhatACallerChangesLaterDoesNotCount(t *testing.T) {
	t.Parallel()
	roles := map[string]string{"read": "ir/securitybot-read"}
	w := start(t, func(c *awsrole.Config) { c.Roles = roles })
	roles["read"] = "Administrator"
	if _, err := w.sessions.Config(t.Context(), request()); err != nil {
		t.Fatal(err)
	}
	if got := w.cloud.CallsOf("sts", "AssumeRole")[0].Params["RoleArn"]; !strings.HasSuffix(got, ":role/ir/securitybot-read") {
		t.Errorf("assumed %s", got)
	}
}
