package bot_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// stolen is a critical finding about credentials that were used from an address.
func stolen(n int, who, ip string) rig.Event {
	return rig.Event{N: n, Type: "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", Severity: 8, Session: who, IP: ip}
}

// paged waits for a page and returns what its details say of the context.
func (s *scene) paged() string {
	s.t.Helper()
	s.incidents("no page", open(1))
	var body struct {
		Payload struct {
			Details struct {
				Context []string `json:"context"`
			} `json:"custom_details"`
		} `json:"payload"`
	}
	for _, c := range s.Pager.Calls() {
		if err := json.Unmarshal(c.Raw, &body); err != nil {
			s.t.Fatal(err)
		}
		if c.Action == "trigger" {
			return strings.Join(body.Payload.Details.Context, "\n")
		}
	}
	return ""
}

func TestAPageSaysWhoElseWasSeenThereAndWhatWasCalled(t *testing.T) {
	t.Parallel()
	const from = "203.0.113.77"
	now := time.Now()
	call := awsfake.TrailEvent{At: now.Add(-time.Minute), Source: "iam.amazonaws.com", Name: "CreateUser", AccessKey: "ASIAIOSFODNN7EXAMPLE", User: "ben@corp.example", Address: from}
	refused := call
	refused.Name, refused.ErrorCode = "AttachUserPolicy", "AccessDenied"
	elsewhere := call
	elsewhere.Address = "198.51.100.1"
	s := beginBalanced(t, func(c *awsfake.Cloud) { c.AddTrailEvents(prod, "us-east-1", call, refused, elsewhere) })
	s.Send(rig.Event{N: 1, Type: "Discovery:IAMUser/AnomalousBehavior", Severity: 5, Session: "ana@corp.example", IP: from}.SNS())
	s.question(1)
	s.seen(from, 1)
	s.Send(stolen(2, "ben@corp.example", from).SNS())
	got := s.paged()
	for _, want := range []string{"seen under 203.0.113.77 in 24 hours: ana@corp.example", "in 24 hours: 2, 1 failed: iam:AttachUserPolicy ×1, iam:CreateUser ×1"} {
		if !strings.Contains(got, want) {
			t.Errorf("the page does not say %q:\n%s", want, got)
		}
	}
}

// seen waits until as many people are known under an address.
func (s *scene) seen(ip string, n int) []bot.Seen {
	s.t.Helper()
	var all []bot.Seen
	for s.ctx.Err() == nil {
		var err error
		if all, err = s.Bots[0].SeenUnder(s.ctx, netip.MustParseAddr(ip)); err == nil && len(all) == n {
			return all
		}
		wait(s.ctx, 5*time.Millisecond)
	}
	s.t.Fatalf("%+v seen under %s, want %d", all, ip, n)
	return nil
}

func TestPagesDoNotWaitForLookUpsThatHang(t *testing.T) {
	t.Parallel()
	o := balanced(t)
	o.Facts = time.Nanosecond // no longer than in life
	s := begin(t, o)
	s.scanned(1)
	s.AWS.Next("cloudtrail", "", -1, awsfake.Hang())
	const n = 60
	began := time.Now()
	for i := range n {
		s.Send(stolen(i, fmt.Sprintf("p%d@corp.example", i), "203.0.113.77").SNS())
	}
	s.incidents("pages are missing", open(n))
	// A look-up that hangs is asked by the first few, and then let alone for ten seconds.
	whiles := 1 + int(time.Since(began)/(10*time.Second))
	if asked := len(s.AWS.CallsOf("cloudtrail", "")); asked == 0 || asked > 22*whiles {
		t.Errorf("%d findings asked %d times in %s", n, asked, time.Since(began))
	}
	for _, call := range s.Pager.Calls() {
		if strings.Contains(string(call.Raw), "API calls") {
			t.Errorf("it knows what it cannot know: %s", call.Raw)
		}
	}
}

func TestPeopleAreForgottenAfterADay(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	const from = "203.0.113.77"
	ask := func(n int, who string, at time.Time) {
		e := rig.Event{N: n, Type: "Discovery:IAMUser/AnomalousBehavior", Severity: 5, Session: who, IP: from, At: at}
		s.Send(e.SNS())
	}
	now := time.Now()
	ask(1, "ana@corp.example", now.Add(-23*time.Hour))
	s.seen(from, 1)
	ask(2, "omar@corp.example", now)
	if all := s.seen(from, 2); all[0].Email != "omar@corp.example" || all[1].Email != "ana@corp.example" {
		t.Errorf("%+v", all)
	}
	ask(3, "ana@corp.example", now.Add(-22*time.Hour)) // the same person again
	s.settled()
	s.seen(from, 2)
	s.Forward(3 * time.Hour)
	if all := s.seen(from, 1); all[0].Email != "omar@corp.example" {
		t.Errorf("%+v", all)
	}
	if all := s.seen("203.0.113.78", 0); len(all) != 0 {
		t.Errorf("under another address %+v", all)
	}
}

// An instance that GuardDuty still shows as running may be gone.
func TestLessonATerminatedInstanceIsKnownToBeGone(t *testing.T) {
	t.Parallel()
	path := writePolicy(t, `version: 1
rules:
  - id: gone
    on: "*:EC2/*"
    when: resource.terminated
    then: notify
  - id: default
    then: ticket
`)
	o := balanced(t, func(c *awsfake.Cloud) { c.Terminate(prod, nearby, webHost) })
	o.Policy = path
	s := begin(t, o)
	s.Send(rig.Probe(1).SNS())
	if k := s.theCase(); k.Decision == nil && k.Outcome == "" || !strings.Contains(s.transcript(), s.Payments.ID) || strings.Contains(s.transcript(), s.Security.ID) {
		t.Errorf("%s %s\n%s", k.Status, k.Outcome, s.transcript())
	}
}

func writePolicy(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
