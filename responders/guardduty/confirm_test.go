package guardduty_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders/guardduty"
)

const (
	hub      = "999900001111"
	account  = "111122223333"
	other    = "444455556666"
	region   = "eu-west-1"
	detector = "1ab23cd45ef67ab89cd01ef23ab45cd6"
	instance = "i-0a1b2c3d4e5f60718"
)

func begin(t *testing.T) (*awsfake.Cloud, *guardduty.Confirmer) {
	t.Helper()
	c := awsfake.New()
	t.Cleanup(c.Close)
	for _, a := range []string{account, other} {
		c.AddRole(awsfake.Role{Account: a, Name: "securitybot-read", Trusts: []string{hub}, Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"guardduty:GetFindings","Resource":"*"}]}`})
	}
	k := c.User(hub, "securitybot")
	s, err := awsrole.New(aws.Config{Region: region, BaseEndpoint: &c.URL, Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, "")},
		awsrole.Config{Roles: map[string]string{"read": "securitybot-read"}})
	if err != nil {
		t.Fatal(err)
	}
	c.AddFinding(account, region, detector, awsfake.Finding{ID: "f1", Type: "CryptoCurrency:EC2/BitcoinTool.B!DNS", Instance: instance, Severity: 8})
	return c, guardduty.New(s)
}

func finding() *findings.Finding {
	return &findings.Finding{ID: "f1", Type: "CryptoCurrency:EC2/BitcoinTool.B!DNS", Account: account, Region: region, Detector: detector, Instance: findings.Instance{ID: instance}}
}

func TestOnlyWhatGuardDutyKnowsIsConfirmed(t *testing.T) {
	t.Parallel()
	_, c := begin(t)
	for name, tc := range map[string]struct {
		change func(*findings.Finding)
		want   bool
	}{
		"as it is":           {func(*findings.Finding) {}, true},
		"made up":            {func(f *findings.Finding) { f.ID = "f2" }, false},
		"another instance":   {func(f *findings.Finding) { f.Instance.ID = "i-0ffffffffffffffff" }, false},
		"another type":       {func(f *findings.Finding) { f.Type = "Backdoor:EC2/C&CActivity.B" }, false},
		"another account":    {func(f *findings.Finding) { f.Account = other }, false},
		"another region":     {func(f *findings.Finding) { f.Region = "us-east-1" }, false},
		"another detector":   {func(f *findings.Finding) { f.Detector = "00000000000000000000000000000000" }, false},
		"without a detector": {func(f *findings.Finding) { f.Detector = "" }, false},
		"without instance":   {func(f *findings.Finding) { f.Instance.ID = "" }, false},
		"without id":         {func(f *findings.Finding) { f.ID = "" }, false},
	} {
		f := finding()
		tc.change(f)
		if got, err := c.Confirm(t.Context(), f); got != tc.want || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

func TestAnOutageIsNotAnAnswer(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]awsfake.Fault{
		"an error": awsfake.Broken(), "no permission": awsfake.Denied(), "too many": awsfake.Throttled(),
	} {
		cloud, c := begin(t)
		cloud.Next("guardduty", "GetFindings", 9, fault)
		if got, err := c.Confirm(t.Context(), finding()); got || err == nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	cloud, c := begin(t)
	cloud.AddRole(awsfake.Role{Account: account, Name: "securitybot-read", Trusts: []string{other}})
	if got, err := c.Confirm(t.Context(), finding()); got || err == nil {
		t.Errorf("a role that does not trust us: %v, %v", got, err)
	}
	if n := len(cloud.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
}
