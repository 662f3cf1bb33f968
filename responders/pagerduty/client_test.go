package pagerduty_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

const (
	keyA = "0123456789abcdef0123456789abcdef"
	keyB = "fedcba9876543210fedcba9876543210"
)

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func setup(t *testing.T, change func(*pagerduty.Config), opts ...pagerdutyfake.Option) (*pagerduty.Client, *pagerdutyfake.Server, *clock) {
	t.Helper()
	clk := newClock()
	opts = append([]pagerdutyfake.Option{pagerdutyfake.WithService("Security", keyA), pagerdutyfake.WithService("Second", keyB), pagerdutyfake.WithNow(clk.Now)}, opts...)
	fake := pagerdutyfake.New(opts...)
	t.Cleanup(fake.Close)
	cfg := pagerduty.Config{EventsURL: fake.URL, RoutingKey: keyA, FallbackKey: keyB, Now: clk.Now}
	if change != nil {
		change(&cfg)
	}
	c, err := pagerduty.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, fake, clk
}

func page(key string) pagerduty.Page {
	return pagerduty.Page{DedupKey: key, Summary: "SB-TEST a server talks to a mining pool", Source: "securitybot", Severity: "critical"}
}

func asError(t *testing.T, err error) *pagerduty.Error {
	t.Helper()
	var pe *pagerduty.Error
	if !errors.As(err, &pe) {
		t.Fatalf("error %v (%T), want *pagerduty.Error", err, err)
	}
	return pe
}

func TestTriggerAndResolve(t *testing.T) {
	t.Parallel()
	c, fake, _ := setup(t, nil)
	ctx := context.Background()
	p := page("securitybot/X/1")
	p.Details = map[string]any{"case": "SB-TEST"}
	p.Links = []pagerduty.Link{{Href: "https://console.aws.amazon.com/", Text: "AWS"}, {Href: "javascript:alert(1)", Text: "no"}}
	p.At = time.Date(2026, 3, 4, 5, 0, 0, 0, time.UTC)
	for range 3 {
		if err := c.Trigger(ctx, pagerduty.Primary, p); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Trigger(ctx, pagerduty.Fallback, p); err != nil {
		t.Fatal(err)
	}
	snap := fake.Snapshot()
	if len(snap.Incidents) != 2 || len(snap.Doubles()) != 0 {
		t.Fatalf("incidents: %+v", snap.Incidents)
	}
	in := snap.Incidents[0]
	if in.Service != "Security" || in.Triggers != 3 || in.DedupKey != p.DedupKey || string(in.Details) != `{"case":"SB-TEST"}` || len(in.Links) != 1 {
		t.Errorf("incident: %+v", in)
	}
	if err := c.Resolve(ctx, pagerduty.Primary, p.DedupKey, "SB-TEST closed: benign"); err != nil {
		t.Fatal(err)
	}
	in = fake.Snapshot().Incidents[0]
	if last := in.Log[len(in.Log)-1]; in.Status != pagerdutyfake.Resolved || last.Note != "SB-TEST closed: benign" {
		t.Errorf("after resolve: %+v", in)
	}
	if open := fake.Snapshot().Open(); len(open) != 1 || open[0].Service != "Second" {
		t.Errorf("open: %+v", open)
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const accepted = pagerduty.Class(-1)
	for name, tc := range map[string]struct {
		fail   pagerdutyfake.Failure
		class  pagerduty.Class
		status int
		after  time.Duration
	}{
		"202 with an empty body":           {pagerdutyfake.OddBody(""), accepted, 0, 0},
		"202 with HTML":                    {pagerdutyfake.OddBody("<html>"), accepted, 0, 0},
		"202 with another key":             {pagerdutyfake.OtherKey("someone else's"), accepted, 0, 0},
		"200 that says success":            {pagerdutyfake.Says(200, `{"status":"success"}`), accepted, 0, 0},
		"200 from something in between":    {pagerdutyfake.Says(200, "<html>please log in</html>"), pagerduty.Retry, 200, 0},
		"200 that says something else":     {pagerdutyfake.Says(200, `{"status":"ok"}`), pagerduty.Retry, 200, 0},
		"204":                              {pagerdutyfake.Says(204, ""), pagerduty.Retry, 204, 0},
		"302":                              {pagerdutyfake.Status(302), pagerduty.Retry, 302, 0},
		"400":                              {pagerdutyfake.Status(400), pagerduty.Permanent, 400, 0},
		"401":                              {pagerdutyfake.Status(401), pagerduty.Permanent, 401, 0},
		"403":                              {pagerdutyfake.Status(403), pagerduty.Permanent, 403, 0},
		"404":                              {pagerdutyfake.Status(404), pagerduty.Permanent, 404, 0},
		"408":                              {pagerdutyfake.Status(408), pagerduty.Retry, 408, 0},
		"413":                              {pagerdutyfake.Status(413), pagerduty.Permanent, 413, 0},
		"429 with seconds":                 {pagerdutyfake.TooMany("30"), pagerduty.Retry, 429, 30 * time.Second},
		"429 without":                      {pagerdutyfake.TooMany(""), pagerduty.Retry, 429, 10 * time.Second},
		"429 absurd":                       {pagerdutyfake.TooMany("999999999999"), pagerduty.Retry, 429, 5 * time.Minute},
		"429 in the past":                  {pagerdutyfake.TooMany("Mon, 02 Jan 2006 15:04:05 GMT"), pagerduty.Retry, 429, time.Second},
		"429 with a date":                  {pagerdutyfake.TooMany("Wed, 04 Mar 2026 05:07:07 GMT"), pagerduty.Retry, 429, time.Minute},
		"500":                              {pagerdutyfake.Status(500), pagerduty.Retry, 500, 0},
		"502 with HTML":                    {pagerdutyfake.Says(502, "<html>bad gateway"), pagerduty.Retry, 502, 0},
		"503":                              {pagerdutyfake.Status(503), pagerduty.Retry, 503, 0},
		"connection closed":                {pagerdutyfake.Drop(), pagerduty.Retry, 0, 0},
		"accepted but the answer was lost": {pagerdutyfake.AnswerLost(), pagerduty.Retry, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, fake, clk := setup(t, nil)
			fake.Fail(tc.fail)
			err := c.Trigger(context.Background(), pagerduty.Primary, page("k"))
			if tc.class == accepted {
				if err != nil {
					t.Fatalf("error %v, want accepted", err)
				}
				return
			}
			pe := asError(t, err)
			if pe.Class != tc.class || pe.Status != tc.status || pe.RetryAfter != tc.after || pe.Temporary() != (tc.class == pagerduty.Retry) {
				t.Errorf("error %+v (%v); want class %v, status %d, after %v", *pe, pe, tc.class, tc.status, tc.after)
			}
			// Whatever it was, the next attempt works and there is one incident.
			clk.Advance(10 * time.Minute)
			if err := c.Trigger(context.Background(), pagerduty.Primary, page("k")); err != nil {
				t.Fatal(err)
			}
			if in := fake.Snapshot().Incidents; len(in) != 1 {
				t.Errorf("%d incidents", len(in))
			}
		})
	}
}

// A redirect must not carry the key anywhere.
func TestRedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	other := pagerdutyfake.New()
	t.Cleanup(other.Close)
	hop := &http.Server{Handler: http.RedirectHandler(other.URL+"/v2/enqueue", http.StatusTemporaryRedirect)}
	url := serve(t, hop)
	c, _, _ := setup(t, func(cfg *pagerduty.Config) { cfg.EventsURL = url; cfg.HTTP = &http.Client{} })
	pe := asError(t, c.Trigger(context.Background(), pagerduty.Primary, page("k")))
	if pe.Status != http.StatusTemporaryRedirect || len(other.Calls()) != 0 {
		t.Errorf("error %v; the other host got %d calls", pe, len(other.Calls()))
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	c, fake, _ := setup(t, nil)
	fake.Down(pagerdutyfake.Hang())
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	err := c.Trigger(ctx, pagerduty.Primary, page("k"))
	if pe := asError(t, err); pe.Class != pagerduty.Retry || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	err = c.Trigger(gone, pagerduty.Primary, page("k"))
	if pe := asError(t, err); pe.Class != pagerduty.Retry || !errors.Is(err, context.Canceled) {
		t.Errorf("cancel: %v", err)
	}
}

// The client's own timeout, not only the caller's, ends an attempt.
func TestOwnTimeout(t *testing.T) {
	t.Parallel()
	c, fake, _ := setup(t, func(cfg *pagerduty.Config) { cfg.HTTP = &http.Client{Timeout: 20 * time.Millisecond} })
	fake.Down(pagerdutyfake.Hang())
	err := c.Trigger(context.Background(), pagerduty.Primary, page("k"))
	if pe := asError(t, err); pe.Class != pagerduty.Retry || !strings.Contains(err.Error(), "in time") {
		t.Errorf("timeout: %v", err)
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	c, _, _ := setup(t, func(cfg *pagerduty.Config) { cfg.EventsURL = "http://127.0.0.1:1" }) // a closed fake's port may be given to another
	err := c.Trigger(context.Background(), pagerduty.Primary, page("k"))
	if pe := asError(t, err); pe.Class != pagerduty.Retry || pe.Status != 0 || !strings.Contains(err.Error(), "not reached: dial") {
		t.Errorf("refused connection: %v", err)
	}
}

// Whoever answers may repeat what was sent; no key may come out in an error.
func TestNoKeyInErrors(t *testing.T) {
	t.Parallel()
	echo := func(key string) []pagerdutyfake.Failure {
		body := fmt.Sprintf(`{"status":"invalid event","message":"bad key %s","errors":["%s"]}`, key, strings.ToUpper(key))
		return []pagerdutyfake.Failure{pagerdutyfake.Says(400, body), pagerdutyfake.Says(500, body), pagerdutyfake.Says(200, body),
			pagerdutyfake.Says(400, key), pagerdutyfake.Says(403, `{"error":{"message":"`+key+`","code":1,"errors":["`+key+`"]}}`),
			pagerdutyfake.TooMany(key), pagerdutyfake.Drop(), pagerdutyfake.Status(503)}
	}
	for _, r := range []pagerduty.Route{pagerduty.Primary, pagerduty.Fallback} {
		c, fake, clk := setup(t, nil)
		fake.Fail(echo(map[pagerduty.Route]string{pagerduty.Primary: keyA, pagerduty.Fallback: keyB}[r])...)
		for i := range 8 {
			err := c.Trigger(context.Background(), r, page("k"))
			pe := asError(t, err)
			for e := error(pe); e != nil; e = errors.Unwrap(e) {
				text := strings.ToLower(fmt.Sprintf("%v %+v %#v %s", e, e, e, e))
				if strings.Contains(text, keyA) || strings.Contains(text, keyB) {
					t.Errorf("failure %d, %s route: a key is in %q", i, r, text)
				}
			}
			clk.Advance(10 * time.Minute)
		}
	}
}

func TestExplanationReachesTheOperator(t *testing.T) {
	t.Parallel()
	c, fake, _ := setup(t, func(cfg *pagerduty.Config) { cfg.RoutingKey = strings.Repeat("9", 32) })
	err := c.Trigger(context.Background(), pagerduty.Primary, page("k"))
	if pe := asError(t, err); pe.Class != pagerduty.Permanent || !strings.Contains(err.Error(), "Invalid routing key") {
		t.Errorf("error: %v", err)
	}
	fake.Fail(pagerdutyfake.Says(400, `{"message":"a\nb\u001b[31m`+strings.Repeat("x", 5000)+`"}`))
	err = c.Trigger(context.Background(), pagerduty.Primary, page("k"))
	if strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 500 {
		t.Errorf("outside text is not bounded: %q", err)
	}
}

func TestRefusedHere(t *testing.T) {
	t.Parallel()
	c, fake, _ := setup(t, func(cfg *pagerduty.Config) { cfg.FallbackKey = "" })
	for name, err := range map[string]error{
		"no fallback key": c.Trigger(context.Background(), pagerduty.Fallback, page("k")),
		"unknown route":   c.Trigger(context.Background(), pagerduty.Route(7), page("k")),
		"no dedup key":    c.Trigger(context.Background(), pagerduty.Primary, page("")),
		"resolve what":    c.Resolve(context.Background(), pagerduty.Primary, "", "why"),
	} {
		if pe := asError(t, err); pe.Class != pagerduty.Permanent {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := len(fake.Calls()); n != 0 {
		t.Errorf("%d calls", n)
	}
}
