package pagerduty_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

const apiToken = "u+secret-api-token"

func setupAPI(t *testing.T, change func(*pagerduty.APIConfig)) (*pagerduty.API, *pagerdutyfake.Server, *clock) {
	t.Helper()
	clk := newClock()
	fake := pagerdutyfake.New(pagerdutyfake.WithAPIToken(apiToken), pagerdutyfake.WithNow(clk.Now))
	t.Cleanup(fake.Close)
	cfg := pagerduty.APIConfig{URL: fake.URL + "/", Token: apiToken + "\n", EscalationPolicies: []string{"P0SECURITY", "P0CLOUD"}, Now: clk.Now}
	if change != nil {
		change(&cfg)
	}
	a, err := pagerduty.NewAPI(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a, fake, clk
}

func shiftOf(policy string, level int, name string) pagerdutyfake.Shift {
	return pagerdutyfake.Shift{Policy: policy, PolicyName: "Policy " + policy, Level: level, UserID: "P" + strings.ToUpper(name), Name: name, Email: name + "@corp.example"}
}

func TestOnCall(t *testing.T) {
	t.Parallel()
	a, fake, clk := setupAPI(t, nil)
	end := clk.Now().Add(6 * time.Hour)
	ada := shiftOf("P0SECURITY", 1, "ada")
	ada.End = end
	over := shiftOf("P0SECURITY", 1, "over")
	over.End = clk.Now()
	later := shiftOf("P0SECURITY", 1, "later")
	later.Start = end
	soon := ada // the same level twice, by two schedules: the longer shift counts
	soon.End = clk.Now().Add(time.Hour)
	fake.SetRota(soon, shiftOf("P0SECURITY", 3, "ada"), shiftOf("P0SECURITY", 2, "bob"), ada, shiftOf("P0CLOUD", 1, "bob"),
		shiftOf("P0OTHER", 1, "eve"), over, later, soon, pagerdutyfake.Shift{Policy: "P0CLOUD", Level: 2})
	got, err := a.OnCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []pagerduty.Person{
		{ID: "PBOB", Name: "bob", Email: "bob@corp.example", Level: 1, Policy: "Policy P0CLOUD"},
		{ID: "PADA", Name: "ada", Email: "ada@corp.example", Level: 1, Policy: "Policy P0SECURITY", Until: end},
		{ID: "PBOB", Name: "bob", Email: "bob@corp.example", Level: 2, Policy: "Policy P0SECURITY"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}

	got[0].Name = "changed by the caller"
	fake.SetRota(shiftOf("P0CLOUD", 1, "eve"))
	clk.Advance(59 * time.Second)
	if again, err := a.OnCall(t.Context()); err != nil || fmt.Sprint(again) != fmt.Sprint(want) || len(fake.RESTCalls()) != 1 {
		t.Errorf("within a minute: %+v %v, %d calls", again, err, len(fake.RESTCalls()))
	}
	clk.Advance(time.Second)
	if now, err := a.OnCall(t.Context()); err != nil || len(now) != 1 || now[0].Name != "eve" {
		t.Errorf("after a minute: %+v %v", now, err)
	}
}

func TestOnCallOfNobody(t *testing.T) {
	t.Parallel()
	a, _, _ := setupAPI(t, nil)
	if got, err := a.OnCall(t.Context()); err != nil || len(got) != 0 {
		t.Errorf("%v %v", got, err)
	}
}

func TestOnCallReadsAllPages(t *testing.T) {
	t.Parallel()
	a, fake, _ := setupAPI(t, func(c *pagerduty.APIConfig) { c.EscalationPolicies = nil })
	var rota []pagerdutyfake.Shift
	for i := range 250 {
		rota = append(rota, shiftOf("P0X", 1, fmt.Sprintf("n%03d", i)))
	}
	fake.SetRota(rota...)
	got, err := a.OnCall(t.Context())
	if err != nil || len(got) != 250 || got[249].Name != "n249" || len(fake.RESTCalls()) != 3 {
		t.Errorf("%d people, %v, %d calls", len(got), err, len(fake.RESTCalls()))
	}
	for i := range 2000 {
		rota = append(rota, shiftOf("P0X", 1, fmt.Sprintf("m%04d", i)))
	}
	fake.SetRota(rota...)
	b, err := pagerduty.NewAPI(pagerduty.APIConfig{URL: fake.URL, Token: apiToken})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.OnCall(t.Context()); asError(t, err).Class != pagerduty.Permanent {
		t.Error(err)
	}
}

func TestOnCallFailures(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		failure pagerdutyfake.Failure
		class   pagerduty.Class
		status  int
		after   time.Duration
		says    string
	}{
		"refused token":  {pagerdutyfake.Says(401, `{"error":{"message":"Unauthorized"}}`), pagerduty.Permanent, 401, 0, "REST API key"},
		"forbidden":      {pagerdutyfake.Says(403, `{"error":{"message":"no access to policy"}}`), pagerduty.Permanent, 403, 0, "no access to policy"},
		"too many":       {pagerdutyfake.TooMany("7"), pagerduty.Retry, 429, 7 * time.Second, "retry after 7s"},
		"too many, bare": {pagerdutyfake.TooMany(""), pagerduty.Retry, 429, 10 * time.Second, ""},
		"down":           {pagerdutyfake.Status(503), pagerduty.Retry, 503, 0, ""},
		"drop":           {pagerdutyfake.Drop(), pagerduty.Retry, 0, 0, "not reached"},
		"hang":           {pagerdutyfake.Hang(), pagerduty.Retry, 0, 0, "in time"},
		"HTML":           {pagerdutyfake.Says(200, "<html>"), pagerduty.Retry, 200, 0, "not JSON"},
		"another answer": {pagerdutyfake.Says(200, `{}`), pagerduty.Retry, 200, 0, "not a list"},
		"echo":           {pagerdutyfake.Says(400, `{"error":{"message":"bad token `+apiToken+`"}}`), pagerduty.Permanent, 400, 0, "left out"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, fake, _ := setupAPI(t, func(c *pagerduty.APIConfig) { c.HTTP = &http.Client{Timeout: 300 * time.Millisecond} })
			fake.SetRota(shiftOf("P0CLOUD", 1, "ada"))
			fake.Fail(tc.failure.Only("oncalls"))
			_, err := a.OnCall(t.Context())
			e := asError(t, err)
			if e.Class != tc.class || e.Status != tc.status || e.RetryAfter != tc.after || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%v: %+v", err, e)
			}
			if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), fake.URL) {
				t.Errorf("the error tells too much: %v", err)
			}
			got, err := a.OnCall(t.Context())
			if limited := tc.status == 429; limited != (err != nil) || limited && len(fake.RESTCalls()) != 1 || !limited && len(got) != 1 {
				t.Errorf("afterwards: %v %v, %d calls", got, err, len(fake.RESTCalls()))
			}
		})
	}
}

func TestOnCallEndsWithItsContext(t *testing.T) {
	t.Parallel()
	a, fake, _ := setupAPI(t, nil)
	fake.Down(pagerdutyfake.Hang())
	first, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { _, err := a.OnCall(first); done <- err }()
	if err := fake.WaitFor(t.Context(), func(pagerdutyfake.Snapshot) bool { return len(fake.RESTCalls()) == 1 }); err != nil {
		t.Fatal(err)
	}
	second, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := a.OnCall(second); !errors.Is(err, context.DeadlineExceeded) { // waits behind the first
		t.Error(err)
	}
	stop()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if len(fake.RESTCalls()) != 1 {
		t.Errorf("%d calls", len(fake.RESTCalls()))
	}
}

func TestTheTokenDoesNotFollowARedirect(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("followed: %v", r.Header) }))
	defer elsewhere.Close()
	srv := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	a, _, _ := setupAPI(t, func(c *pagerduty.APIConfig) { c.URL = srv.URL })
	if _, err := a.OnCall(t.Context()); asError(t, err).Status != http.StatusTemporaryRedirect {
		t.Error(err)
	}
}

func TestNewAPIRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]pagerduty.APIConfig{
		"no token": {Token: " \n"},
		"http":     {Token: "x", URL: "http://api.example.com"},
		"user":     {Token: "x", URL: "https://u:p@api.example.com"},
		"no host":  {Token: "x", URL: "api.example.com"},
	} {
		if _, err := pagerduty.NewAPI(cfg); err == nil || strings.Contains(err.Error(), "u:p") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := pagerduty.NewAPI(pagerduty.APIConfig{Token: "x"}); err != nil {
		t.Error(err)
	}
}
