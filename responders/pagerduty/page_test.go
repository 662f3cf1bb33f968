package pagerduty_test

import (
	"context"
	"encoding/json"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

func serve(t *testing.T, s *http.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l) //nolint:errcheck // ends with Close
	t.Cleanup(func() { s.Close() })
	return "http://" + l.Addr().String()
}

// Nothing in a page's content keeps it from getting out: the fake refuses what
// PagerDuty refuses.
func TestAnyContentGetsOut(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("é<!channel>\x00", 100_000)
	many := map[string]any{}
	for i := range 5000 {
		many[strings.Repeat("k", 10)+string(rune('a'+i%26))+strings.Repeat("x", i%50)+time.Duration(i).String()] = strings.Repeat("v", 500)
	}
	for name, p := range map[string]pagerduty.Page{
		"nothing but a key":    {DedupKey: "k"},
		"long everything":      {DedupKey: strings.Repeat("k", 5000), Summary: huge, Source: huge, Severity: "urgent", Component: huge, Group: huge, Class: huge},
		"broken UTF-8":         {DedupKey: "k\xff", Summary: "a\xff\xfe", Source: "\x00\x01"},
		"only control":         {DedupKey: "k", Summary: "\n\t\x1b", Source: " "},
		"large details":        {DedupKey: "k", Summary: "s", Details: map[string]any{"a": huge, "b": 1}},
		"many details":         {DedupKey: "k", Summary: "s", Details: many},
		"details without JSON": {DedupKey: "k", Summary: "s", Details: map[string]any{"n": math.NaN(), "c": make(chan int), "ok": "kept"}},
		"impossible time":      {DedupKey: "k", Summary: "s", At: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)},
		"year zero":            {DedupKey: "k", Summary: "s", At: time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)},
		"many links":           {DedupKey: "k", Summary: "s", Links: make([]pagerduty.Link, 1000)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, fake, _ := setup(t, nil)
			if err := c.Trigger(context.Background(), pagerduty.Primary, p); err != nil {
				t.Fatal(err)
			}
			in := fake.Snapshot().Incidents[0]
			if !utf8.ValidString(in.Summary) || strings.ContainsAny(in.Summary, "\n\x00\x1b") || len(in.Summary) > 1024 || len(in.DedupKey) > 255 {
				t.Errorf("incident %q %q", in.DedupKey, in.Summary)
			}
			if name == "details without JSON" && !strings.Contains(string(in.Details), `"ok":"kept"`) {
				t.Errorf("details: %s", in.Details)
			}
			if name == "large details" && !strings.Contains(string(in.Details), `"b":1`) {
				t.Errorf("details: %.200s", in.Details)
			}
			// The same key must resolve what it triggered.
			if err := c.Resolve(context.Background(), pagerduty.Primary, p.DedupKey, huge); err != nil {
				t.Fatal(err)
			}
			if open := fake.Snapshot().Open(); len(open) != 0 {
				t.Errorf("%d still open", len(open))
			}
		})
	}
}

func TestLongKeysStayApart(t *testing.T) {
	t.Parallel()
	c, fake, _ := setup(t, nil)
	long := strings.Repeat("k", 300)
	for _, k := range []string{long + "1", long + "2", long + "1"} {
		if err := c.Trigger(context.Background(), pagerduty.Primary, page(k)); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(fake.Snapshot().Incidents); n != 2 {
		t.Errorf("%d incidents, want 2", n)
	}
}

func TestSeverityIsNeverLowered(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"critical": "critical", "error": "error", "warning": "warning", "info": "info", "": "critical", "high": "critical", "CRITICAL": "critical"} {
		c, fake, _ := setup(t, nil)
		p := page("k")
		p.Severity = given
		if err := c.Trigger(context.Background(), pagerduty.Primary, p); err != nil {
			t.Fatal(err)
		}
		if got := fake.Snapshot().Incidents[0].Severity; got != want {
			t.Errorf("severity %q became %q, want %q", given, got, want)
		}
	}
}

func TestWireForm(t *testing.T) {
	t.Parallel()
	c, fake, _ := setup(t, nil)
	p := page("securitybot/A/1")
	p.Component, p.Group, p.Class = "SB-A", "iam", "Some:Type/Thing"
	p.At = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.FixedZone("", 3600))
	if err := c.Trigger(context.Background(), pagerduty.Primary, p); err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(fake.Calls()[0].Raw, &got); err != nil {
		t.Fatal(err)
	}
	payload := got["payload"].(map[string]any)
	if got["routing_key"] != keyA || got["event_action"] != "trigger" || payload["timestamp"] != "2026-01-02T02:04:05.006Z" || payload["group"] != "iam" || payload["class"] != "Some:Type/Thing" || payload["component"] != "SB-A" {
		t.Errorf("sent: %v", got)
	}
}

// The first pages of a storm leave at once; then the allowance of a minute is
// kept without anybody waiting inside, and resolves leave room for pages.
func TestOwnLimit(t *testing.T) {
	t.Parallel()
	c, fake, clk := setup(t, nil)
	ctx := context.Background()
	for i := range 90 {
		if err := c.Resolve(ctx, pagerduty.Primary, "k", "why"); err != nil {
			t.Fatalf("resolve %d: %v", i, err)
		}
	}
	if pe := asError(t, c.Resolve(ctx, pagerduty.Primary, "k", "why")); pe.Class != pagerduty.Retry || pe.RetryAfter != time.Minute {
		t.Fatalf("resolve 91: %v", pe)
	}
	for i := range 30 {
		if err := c.Trigger(ctx, pagerduty.Primary, page("k")); err != nil {
			t.Fatalf("trigger %d: %v", i, err)
		}
	}
	clk.Advance(20 * time.Second)
	if pe := asError(t, c.Trigger(ctx, pagerduty.Primary, page("k"))); pe.Class != pagerduty.Retry || pe.Status != 0 || pe.RetryAfter != 40*time.Second {
		t.Fatalf("trigger 31: %+v", *pe)
	}
	if err := c.Trigger(ctx, pagerduty.Fallback, page("k")); err != nil {
		t.Fatalf("the other key has its own allowance: %v", err)
	}
	clk.Advance(40 * time.Second)
	if err := c.Trigger(ctx, pagerduty.Primary, page("k")); err != nil {
		t.Fatal(err)
	}
	for _, call := range fake.Calls() {
		if call.Status != 202 {
			t.Fatalf("the fake refused: %+v", call)
		}
	}
}

// Any minute of any schedule holds at most the allowance: the fake counts the
// same way.
func TestOwnLimitNeverTripsTheirs(t *testing.T) {
	t.Parallel()
	c, fake, clk := setup(t, func(cfg *pagerduty.Config) { cfg.PerMinute = 7 }, pagerdutyfake.WithRate(7, time.Minute))
	sent := 0
	for i := range 400 {
		if c.Trigger(context.Background(), pagerduty.Primary, page("k")) == nil {
			sent++
		}
		clk.Advance(time.Duration(i*i%9000) * time.Millisecond)
	}
	for _, call := range fake.Calls() {
		if call.Status != 202 {
			t.Fatalf("refused: %+v", call)
		}
	}
	if sent < 100 {
		t.Errorf("only %d of 400 sent in %v", sent, clk.Now().Sub(newClock().Now()))
	}
}

func TestPauseAfter429(t *testing.T) {
	t.Parallel()
	c, fake, clk := setup(t, nil)
	fake.Fail(pagerdutyfake.TooMany("30"))
	first := asError(t, c.Trigger(context.Background(), pagerduty.Primary, page("k")))
	clk.Advance(10 * time.Second)
	second := asError(t, c.Trigger(context.Background(), pagerduty.Primary, page("k2")))
	if first.Status != 429 || second.Status != 0 || second.RetryAfter != 20*time.Second || len(fake.Calls()) != 1 {
		t.Errorf("first %v, second %v, %d calls", first, second, len(fake.Calls()))
	}
	if err := c.Trigger(context.Background(), pagerduty.Fallback, page("k2")); err != nil {
		t.Errorf("the other key is paused too: %v", err)
	}
	clk.Advance(20 * time.Second)
	if err := c.Trigger(context.Background(), pagerduty.Primary, page("k")); err != nil {
		t.Error(err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]pagerduty.Config{
		"no key":         {EventsURL: "https://events.example.com"},
		"blank key":      {RoutingKey: " \n"},
		"not a URL":      {RoutingKey: keyA, EventsURL: "::"},
		"no scheme":      {RoutingKey: keyA, EventsURL: "events.pagerduty.com"},
		"other scheme":   {RoutingKey: keyA, EventsURL: "ftp://events.example.com"},
		"plain http":     {RoutingKey: keyA, EventsURL: "http://events.example.com"},
		"plain http, IP": {RoutingKey: keyA, EventsURL: "http://192.0.2.1"},
		"password":       {RoutingKey: keyA, EventsURL: "https://u:canary@events.example.com"},
		"query":          {RoutingKey: keyA, EventsURL: "https://events.example.com?x=canary"},
	} {
		if _, err := pagerduty.New(cfg); err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), keyA) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, u := range []string{"", "https://events.eu.pagerduty.com", "https://events.example.com/", "http://127.0.0.1:1", "http://localhost:1/v2/enqueue", "http://[::1]:1"} {
		if _, err := pagerduty.New(pagerduty.Config{RoutingKey: keyA + "\n", EventsURL: u}); err != nil {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func TestTrailingPathAndNewlineAreForgiven(t *testing.T) {
	t.Parallel()
	c, fake, _ := setup(t, func(cfg *pagerduty.Config) { cfg.EventsURL += "/v2/enqueue/"; cfg.RoutingKey += "\n" })
	if err := c.Trigger(context.Background(), pagerduty.Primary, page("k")); err != nil || len(fake.Snapshot().Incidents) != 1 {
		t.Errorf("error %v, %+v", err, fake.Calls())
	}
}

func FuzzParseRetryAfter(f *testing.F) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, s := range []string{"", "0", "1", "-5", "30", "1e309", "NaN", "Inf", "1.5", "0x10", "Wed, 04 Mar 2026 05:07:07 GMT", "Mon, 02 Jan 2006 15:04:05 GMT", "soon", " 7 ", strings.Repeat("9", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		d := pagerduty.ParseRetryAfter(s, now)
		if d != 0 && (d < time.Second || d > 5*time.Minute) {
			t.Errorf("%q: %v", s, d)
		}
	})
}

func TestParseRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for s, want := range map[string]time.Duration{"": 0, "soon": 0, "NaN": 0, "0": time.Second, "-1": time.Second, "1.5": 1500 * time.Millisecond, "120": 2 * time.Minute,
		"301": 5 * time.Minute, "Inf": 5 * time.Minute, "Wed, 04 Mar 2026 05:07:07 GMT": time.Minute, "Wed, 04 Mar 2099 05:07:07 GMT": 5 * time.Minute} {
		if got := pagerduty.ParseRetryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}
