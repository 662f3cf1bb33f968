package guardduty_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/guardduty"
)

// beginReading is a cloud whose role may do what the catalogue says.
func beginReading(t *testing.T) (*awsfake.Cloud, *guardduty.Reader) {
	t.Helper()
	c := awsfake.New()
	t.Cleanup(c.Close)
	policy, err := responders.Policy(responders.RoleRead, "aws")
	if err != nil {
		t.Fatal(err)
	}
	c.AddRole(awsfake.Role{Account: account, Name: "securitybot-read", Trusts: []string{hub}, Policy: string(policy)})
	k := c.User(hub, "securitybot")
	s, err := awsrole.New(aws.Config{Region: region, BaseEndpoint: &c.URL, Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, "")},
		awsrole.Config{Roles: map[string]string{"read": "securitybot-read"}, MaxBackoff: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return c, guardduty.NewReader(s)
}

var place = guardduty.Place{Account: account, Region: region}

func read(t *testing.T, r *guardduty.Reader, since time.Time) (map[string]*findings.Finding, []int, error) {
	t.Helper()
	all, batches := map[string]*findings.Finding{}, []int(nil)
	err := r.Since(t.Context(), place, since, func(items []findings.Item) error {
		batches = append(batches, len(items))
		for _, i := range items {
			if i.Err != nil {
				t.Errorf("not usable: %v", i.Err)
				continue
			}
			all[i.Finding.ID] = i.Finding
		}
		return nil
	})
	return all, batches, err
}

func TestEverythingSinceIsReadInPages(t *testing.T) {
	t.Parallel()
	c, r := beginReading(t)
	now := time.Now()
	for i := range 120 {
		c.AddFinding(account, region, detector, awsfake.Finding{ID: fmt.Sprintf("%032x", i), Type: "CryptoCurrency:EC2/BitcoinTool.B!DNS", Instance: instance, Severity: 8, Account: other})
	}
	c.AddFinding(account, region, detector, awsfake.Finding{ID: "0ld", Type: "Recon:EC2/Portscan", Instance: instance, Severity: 5, Updated: now.Add(-48 * time.Hour)},
		awsfake.Finding{ID: "archived", Type: "Recon:EC2/Portscan", Instance: instance, Severity: 5, Archived: true})
	all, batches, err := read(t, r, now.Add(-24*time.Hour))
	if err != nil || len(all) != 120 || len(batches) != 3 {
		t.Fatalf("%d findings in %v, %v", len(all), batches, err)
	}
	f := all[fmt.Sprintf("%032x", 7)]
	if f.Account != other || f.Detector != detector || f.Instance.ID != instance || f.Severity != 8 || f.UpdatedAt.IsZero() {
		t.Errorf("%+v", f)
	}
	if n := len(c.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestWithoutGuardDutyThereIsNoList(t *testing.T) {
	t.Parallel()
	c, r := beginReading(t)
	if _, _, err := read(t, r, time.Now()); !errors.Is(err, guardduty.ErrNoDetector) {
		t.Errorf("no detector: %v", err)
	}
	c.SetDetector(account, region, detector, false)
	if _, _, err := read(t, r, time.Now()); !errors.Is(err, guardduty.ErrSuspended) {
		t.Errorf("switched off: %v", err)
	}
	c.SetDetector(account, region, detector, true)
	if all, _, err := read(t, r, time.Now()); err != nil || len(all) > 0 {
		t.Errorf("on, and nothing found: %v, %v", all, err)
	}
}

func TestAnOutageInTheMiddleIsAnError(t *testing.T) {
	t.Parallel()
	for op, what := range map[string]int{"ListFindings": 0, "GetFindings": 0} {
		c, r := beginReading(t)
		c.AddFinding(account, region, detector, awsfake.Finding{ID: "f1", Type: "Recon:EC2/Portscan", Instance: instance, Severity: 5})
		c.Next("guardduty", op, 9, awsfake.Broken())
		if all, _, err := read(t, r, time.Now().Add(-time.Hour)); err == nil || len(all) != what {
			t.Errorf("%s: %v, %v", op, all, err)
		}
	}
}

func TestAThrottledCallIsMadeAgain(t *testing.T) {
	t.Parallel()
	c, r := beginReading(t)
	c.AddFinding(account, region, detector, awsfake.Finding{ID: "f1", Type: "Recon:EC2/Portscan", Instance: instance, Severity: 5})
	c.Next("guardduty", "GetFindings", 1, awsfake.Throttled())
	if all, _, err := read(t, r, time.Now().Add(-time.Hour)); err != nil || len(all) != 1 {
		t.Errorf("%v, %v", all, err)
	}
}
