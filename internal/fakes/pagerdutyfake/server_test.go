package pagerdutyfake

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	keyA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	keyB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func start(t *testing.T, opts ...Option) *Server {
	t.Helper()
	s := New(opts...)
	t.Cleanup(s.Close)
	return s
}

// post sends a body and returns the status, 0 when no answer came.
func post(t *testing.T, s *Server, body string) (int, string, http.Header) {
	t.Helper()
	resp, err := http.Post(s.URL+"/v2/enqueue", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, "", nil
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), resp.Header
}

func trigger(key, dedup string) string {
	b, _ := json.Marshal(map[string]any{"routing_key": key, "event_action": "trigger", "dedup_key": dedup,
		"payload": map[string]any{"summary": "s", "source": "x", "severity": "critical"}})
	return string(b)
}

func action(key, what, dedup string) string {
	b, _ := json.Marshal(map[string]any{"routing_key": key, "event_action": what, "dedup_key": dedup})
	return string(b)
}

func TestRefusesWhatTheRealServiceRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	for name, tc := range map[string]struct {
		body string
		want int
		says string
	}{
		"good":              {trigger(keyA, "d"), 202, "Event processed"},
		"resolve":           {action(keyA, "resolve", "d"), 202, `"dedup_key":"d"`},
		"no dedup key":      {trigger(keyA, ""), 202, "made-up-1"},
		"not JSON":          {"hello", 400, "not an event"},
		"empty":             {"", 400, "not an event"},
		"no routing key":    {trigger("", "d"), 400, "routing_key"},
		"short routing key": {trigger("abc", "d"), 400, "32 characters"},
		"odd routing key":   {trigger(strings.Repeat("-", 32), "d"), 400, "routing_key' is invalid"},
		"unknown action":    {action(keyA, "snooze", "d"), 400, "event_action"},
		"no payload":        {action(keyA, "trigger", "d"), 400, "payload"},
		"resolve what":      {action(keyA, "resolve", ""), 400, "dedup_key"},
		"long dedup key":    {trigger(keyA, long), 400, "255"},
		"bad severity":      {strings.Replace(trigger(keyA, "d"), "critical", "high", 1), 400, "severity"},
		"no source":         {strings.Replace(trigger(keyA, "d"), `"source":"x",`, "", 1), 400, "source"},
		"no summary":        {strings.Replace(trigger(keyA, "d"), `"summary":"s"`, `"summary":""`, 1), 400, "summary"},
		"long summary":      {strings.Replace(trigger(keyA, "d"), `"summary":"s"`, `"summary":"`+strings.Repeat("é", 1025)+`"`, 1), 400, "1024"},
		"longest summary":   {strings.Replace(trigger(keyA, "d"), `"summary":"s"`, `"summary":"`+strings.Repeat("é", 1024)+`"`, 1), 202, ""},
		"bad time":          {strings.Replace(trigger(keyA, "d"), `"source"`, `"timestamp":"yesterday","source"`, 1), 400, "timestamp"},
		"link without href": {strings.Replace(trigger(keyA, "d"), `"payload"`, `"links":[{"text":"x"}],"payload"`, 1), 400, "href"},
		"too large":         {strings.Replace(trigger(keyA, "d"), `"source"`, `"custom_details":"`+strings.Repeat("x", maxBody)+`","source"`, 1), 413, "512"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			code, body, _ := post(t, s, tc.body)
			if code != tc.want || !strings.Contains(body, tc.says) {
				t.Errorf("answered %d %s; want %d with %q", code, body, tc.want, tc.says)
			}
			if got := s.Calls(); len(got) != 1 || got[0].Status != tc.want || got[0].Ingested != (tc.want == 202) {
				t.Errorf("log: %+v", got)
			}
		})
	}
}

func TestOnlyTheOneEndpoint(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, want := range map[string]int{"/": 404, "/v2/change/enqueue": 404, "/v2/enqueue": 405} {
		resp, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("GET %s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if n := len(s.Calls()); n != 0 {
		t.Errorf("%d calls recorded", n)
	}
}

func TestIncidents(t *testing.T) {
	t.Parallel()
	s := start(t)
	step := func(body string, wantOpen, wantAll int) {
		t.Helper()
		if code, b, _ := post(t, s, body); code != 202 {
			t.Fatalf("answered %d %s", code, b)
		}
		if n := s.Snapshot(); len(n.Open()) != wantOpen || len(n.Incidents) != wantAll {
			t.Fatalf("%d open of %d, want %d of %d", len(n.Open()), len(n.Incidents), wantOpen, wantAll)
		}
	}
	step(action(keyA, "resolve", "k"), 0, 0) // nothing to resolve: dropped
	step(trigger(keyA, "k"), 1, 1)
	step(trigger(keyA, "k"), 1, 1) // appends
	step(trigger(keyB, "k"), 2, 2) // another service
	step(action(keyA, "acknowledge", "k"), 2, 2)
	step(trigger(keyA, "k"), 2, 2) // an acknowledged one is still open
	if got := s.Snapshot().Doubles(); len(got) != 0 {
		t.Fatalf("doubles: %v", got)
	}
	if in := s.Snapshot().Incidents[0]; in.Triggers != 3 || in.Status != Acknowledged || len(in.Log) != 4 {
		t.Fatalf("incident: %+v", in)
	}
	step(action(keyA, "resolve", "k"), 1, 2)
	step(trigger(keyA, "k"), 2, 3) // after a resolve: a new incident
	if got := s.Snapshot().Doubles(); len(got) != 1 || got[0] != "k" {
		t.Fatalf("doubles: %v", got)
	}
	if n := len(s.Snapshot().ByKey("k")); n != 3 {
		t.Errorf("%d incidents by key", n)
	}
}

func TestHumans(t *testing.T) {
	t.Parallel()
	s := start(t)
	post(t, s, trigger(keyA, "k"))
	if err := s.Ack(1, "Bo"); err != nil {
		t.Fatal(err)
	}
	if err := s.Resolve(1, "Bo"); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 2} {
		if s.Resolve(n, "Bo") == nil {
			t.Errorf("incident %d resolved though it is not open", n)
		}
	}
	in := s.Snapshot().Incidents[0]
	if in.Status != Resolved || in.Log[2].Who != "Bo" {
		t.Errorf("incident: %+v", in)
	}
}

func TestServices(t *testing.T) {
	t.Parallel()
	s := start(t, WithService("Security", keyA))
	if code, body, _ := post(t, s, trigger(keyB, "k")); code != 400 || !strings.Contains(body, "routing key") {
		t.Errorf("unknown key: %d %s", code, body)
	}
	s.Fail(OddBody("ok"))
	post(t, s, trigger(keyB, "k"))
	if n := len(s.Snapshot().Incidents); n != 0 {
		t.Errorf("an unknown key made %d incidents", n)
	}
	post(t, s, trigger(keyA, "k"))
	raw, err := json.Marshal(s.Snapshot())
	if err != nil || !strings.Contains(string(raw), `"service":"Security"`) || strings.Contains(string(raw), keyA) {
		t.Errorf("snapshot: %s %v", raw, err)
	}
}

func TestRateLimitIsPerKeyAndIngestsNothing(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s := start(t, WithRate(2, time.Minute), WithNow(func() time.Time { return now }))
	want := func(key, dedup string, code int) {
		t.Helper()
		if got, _, _ := post(t, s, trigger(key, dedup)); got != code {
			t.Fatalf("%s: %d, want %d", dedup, got, code)
		}
	}
	want(keyA, "1", 202)
	want(keyA, "2", 202)
	want(keyA, "3", 429)
	want(keyB, "4", 202)
	if n := len(s.Snapshot().Incidents); n != 3 {
		t.Fatalf("%d incidents", n)
	}
	now = now.Add(time.Minute)
	want(keyA, "3", 202)
}

func TestScript(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Fail(TooMany("7"), Status(503), Says(403, "<html>"), Drop(), AnswerLost(), OddBody("ok"), OtherKey("zz"), Status(500).On(keyB), Status(502).Only("resolve"))
	for i, want := range []struct {
		code, incidents int
		body            string
	}{{429, 0, ""}, {503, 0, ""}, {403, 0, "<html>"}, {0, 0, ""}, {0, 1, ""}, {202, 2, "ok"}, {202, 3, "zz"}, {202, 4, ""}} {
		code, body, h := post(t, s, trigger(keyA, string(rune('a'+i))))
		if code != want.code || !strings.Contains(body, want.body) || len(s.Snapshot().Incidents) != want.incidents {
			t.Errorf("call %d: %d %q, %d incidents; want %+v", i, code, body, len(s.Snapshot().Incidents), want)
		}
		if i == 0 && h.Get("Retry-After") != "7" {
			t.Errorf("Retry-After %q", h.Get("Retry-After"))
		}
	}
	if code, _, _ := post(t, s, trigger(keyB, "q")); code != 500 {
		t.Errorf("keyed failure: %d", code)
	}
	if code, _, _ := post(t, s, action(keyA, "resolve", "q")); code != 502 {
		t.Errorf("failure of an action: %d", code)
	}
	s.Down(Status(503).On(keyA))
	for range 3 {
		if code, _, _ := post(t, s, trigger(keyA, "q")); code != 503 {
			t.Errorf("down: %d", code)
		}
	}
	if code, _, _ := post(t, s, trigger(keyB, "q")); code != 202 {
		t.Errorf("the other key is down too: %d", code)
	}
	s.Up()
	if code, _, _ := post(t, s, trigger(keyA, "q")); code != 202 {
		t.Errorf("up: %d", code)
	}
}

func TestHangEndsWithTheCallerOrTheServer(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.Down(Hang())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v2/enqueue", strings.NewReader(trigger(keyA, "k")))
	if _, err := http.DefaultClient.Do(req); err == nil {
		t.Error("answered")
	}
	ended := make(chan int, 1)
	go func() { code, _, _ := post(t, s, trigger(keyA, "k")); ended <- code }()
	wait, stop := context.WithTimeout(context.Background(), 10*time.Second)
	defer stop()
	if err := s.WaitFor(wait, func(n Snapshot) bool { return len(n.Calls) == 2 }); err != nil {
		t.Fatal(err)
	}
	s.Close()
	if code := <-ended; code != 0 {
		t.Errorf("answered %d", code)
	}
}

func TestWaitForSeesEveryChange(t *testing.T) {
	t.Parallel()
	s := start(t)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() { post(t, s, trigger(keyA, "same")) })
	}
	if err := s.WaitFor(ctx, func(n Snapshot) bool { return len(n.Incidents) == 1 && n.Incidents[0].Triggers == 20 }); err != nil {
		t.Error(err)
	}
	wg.Wait()
	short, stop := context.WithTimeout(context.Background(), time.Millisecond)
	defer stop()
	if err := s.WaitFor(short, func(Snapshot) bool { return false }); err == nil || !strings.Contains(err.Error(), "20 calls, 1 incidents, 1 open") {
		t.Errorf("error: %v", err)
	}
}
