package chat

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// An ambiguous post is found, or found not to have happened, before it is
// repeated.
func TestAmbiguousPostThenFind(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault    slackfake.Fault
		kind     Kind
		happened bool
	}{
		"fatal_error":    {slackfake.FatalError(), Ambiguous, true},
		"internal_error": {slackfake.NotOK("internal_error"), Ambiguous, false},
		"lost":           {slackfake.Lost(), Ambiguous, true},
		"hang":           {slackfake.Hang(), Ambiguous, false},
		"cut":            {slackfake.Cut(), Ambiguous, true},
		"cut mid body":   {slackfake.CutMidBody(), Ambiguous, true},
		"not JSON":       {slackfake.NotJSON(), Ambiguous, true},
		"status 500":     {slackfake.Status(500), Ambiguous, false},
		"status 503":     {slackfake.Status(503), Ambiguous, false},
		"no code":        {slackfake.NotOK(""), Ambiguous, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, nil, func(c *Config) { c.RequestTimeout = 2 * time.Second })
			ctx := testCtx(t)
			o.ws.Next("chat.postMessage", 1, tc.fault)
			start := time.Now()
			_, err := o.s.Post(ctx, o.general, "", hello(), "k1")
			wantError(t, err, tc.kind, "")
			if n := len(o.ws.Calls("chat.postMessage")); n != 1 {
				t.Fatalf("%d posts: a post must never be repeated in here", n)
			}
			t.Logf("took %s", time.Since(start))
			_, found, err := o.s.Find(ctx, o.general, "", "k1", start)
			if err != nil || found != tc.happened {
				t.Errorf("found %v %v, happened %v", found, err, tc.happened)
			}
		})
	}
}

func TestNothingSentIsTransient(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, func(cfg *Config) { cfg.APIURL = "http://127.0.0.1:1/api/" }) // a closed fake's port may be given to another
	_, err := o.s.Post(testCtx(t), o.general, "", hello(), "k")
	wantError(t, err, Transient, "unreachable")
}

func TestKinds(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	for c, want := range map[string]Kind{
		"channel_not_found": Permanent, "is_archived": Permanent, "not_in_channel": Permanent, "user_disabled": Permanent,
		"some_new_code": Permanent, "ratelimited": RateLimited, "missing_scope": Auth, "service_unavailable": Transient,
		"token_revoked": Auth, "Not A Code<>": Permanent,
	} {
		o.ws.Next("chat.postMessage", 1, slackfake.NotOK(c))
		_, err := o.s.Post(ctx, o.general, "", hello(), "k")
		e := wantError(t, err, want, "")
		if strings.ContainsAny(e.Error(), "<>") {
			t.Errorf("outside text in %q", e)
		}
	}
	_, err := o.s.Post(ctx, "C0NOWHERE", "", hello(), "k")
	wantError(t, err, Permanent, "channel_not_found")
	if KindOf(errors.New("x")) != Ambiguous || Kind(99).String() != "unknown" {
		t.Error("an unknown error is not ambiguous")
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": time.Second, "0": time.Second, "-5": time.Second, "1": time.Second, "30": 30 * time.Second, " 7 ": 7 * time.Second,
		"2.5": 2500 * time.Millisecond, "120": 2 * time.Minute, "1000000000": 10 * time.Minute, "1e300": 10 * time.Minute,
		"NaN": time.Second, "Inf": 10 * time.Minute, "soon": time.Second,
		"Mon, 23 Nov 2026 12:01:00 GMT": time.Minute, "Mon, 23 Nov 2020 12:01:00 GMT": time.Second,
	} {
		if got := retryAfter(http.Header{"Retry-After": {header}}, now); got != want {
			t.Errorf("%q: got %s, want %s", header, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("1")
	f.Fuzz(func(t *testing.T, header string) {
		if d := retryAfter(http.Header{"Retry-After": {header}}, time.Now()); d < time.Second || d > 10*time.Minute {
			t.Errorf("%q: %s", header, d)
		}
	})
}

// A refused channel waits until Slack takes it again, and others do not.
func TestRateLimitDelays(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, func(c *Config) { c.ChannelInterval = time.Millisecond })
	ctx := testCtx(t)
	for _, header := range []string{"1", ""} {
		o.ws.Next("chat.postMessage", 1, slackfake.RateLimited(header))
		_, err := o.s.Post(ctx, o.general, "", hello(), "k")
		if e := wantError(t, err, RateLimited, "ratelimited"); e.RetryAfter != time.Second {
			t.Errorf("retry after %s", e.RetryAfter)
		}
		start := time.Now()
		if err := o.s.Wait(ctx, o.general, true); err != nil || time.Since(start) < 900*time.Millisecond {
			t.Errorf("the channel waited %s: %v", time.Since(start), err)
		}
	}
	o.ws.Next("chat.postMessage", 1, slackfake.RateLimited("600"))
	_, err := o.s.Post(ctx, o.general, "", hello(), "k")
	wantError(t, err, RateLimited, "ratelimited")
	if err := o.s.Wait(ctx, "C0OTHER", false); err != nil {
		t.Errorf("another channel waits: %v", err)
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	if err := o.s.Wait(short, o.general, true); err == nil {
		t.Error("the channel does not wait")
	}
	if n := value(t, o.s.metrics.requests.WithLabelValues("chat.postMessage", "rate_limited")); n != 3 {
		t.Errorf("%v are counted", n)
	}
}

// A storm against a throttled workspace: nothing lost, nothing doubled, urgent
// ones first, next to no refusals.
func TestThrottledStorm(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, func(c *Config) { c.PostsPerSecond, c.PostBurst = 40, 5 })
	o.ws.Limit(slackfake.Posting, slackfake.Rate{PerSecond: 40, Burst: 6})
	ctx := testCtx(t)
	const posts = 80
	errs := make(chan error, posts)
	urgent := map[string]bool{}
	for i := range posts {
		channel := o.ws.AddChannel(slackfake.Channel{Name: fmt.Sprint("c", i), Members: []string{o.ws.BotUser}}).ID
		urgent[channel] = i%4 == 3
		go func() { errs <- postUntilTaken(ctx, o.s, channel, fmt.Sprint("k", i), i%4 == 3) }()
	}
	for range posts {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	seen, lastUrgent := 0, 0
	calls := o.ws.Calls("chat.postMessage")
	for _, c := range calls {
		if c.OK() {
			seen++
			if urgent[c.Args["channel"]] {
				lastUrgent = seen
			}
		}
	}
	if refused := len(calls) - seen; seen != posts || refused > posts/20 {
		t.Errorf("%d posted, %d refused of %d", seen, refused, posts)
	}
	if lastUrgent > posts*2/3 {
		t.Errorf("the last urgent one went as number %d of %d", lastUrgent, posts)
	}
}

func postUntilTaken(ctx context.Context, s *Slack, channel, key string, urgent bool) error {
	for {
		if err := s.Wait(ctx, channel, urgent); err != nil {
			return err
		}
		_, err := s.Post(ctx, channel, "", hello(), key)
		if err == nil || KindOf(err) != RateLimited {
			return err
		}
	}
}

func TestRefusedLayoutBecomesPlainText(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	o.ws.Next("chat.postMessage", 1, slackfake.NotOK("invalid_blocks"))
	ref, err := o.s.Post(ctx, o.general, "", samples()["question"], "k")
	if err != nil {
		t.Fatal(err)
	}
	m := o.ws.Messages(o.general)[0]
	if len(m.Blocks) != 0 || !strings.Contains(m.Text, "Was this you?") || !strings.Contains(m.Text, "Questions?") {
		t.Errorf("blocks %s text %q", m.Blocks, m.Text)
	}
	if _, ok, err := o.s.Find(ctx, o.general, "", "k", time.Now()); !ok || err != nil {
		t.Errorf("the plain text has no key: %v", err)
	}
	o.ws.Next("chat.update", 1, slackfake.NotOK("msg_blocks_too_long"))
	if err := o.s.Update(ctx, ref, hello()); err != nil {
		t.Fatal(err)
	}
	o.ws.Next("chat.postEphemeral", 1, slackfake.NotOK("invalid_blocks_format"))
	if err := o.s.Ephemeral(ctx, o.general, o.ada.ID, hello()); err != nil {
		t.Fatal(err)
	}
	if n := len(o.ws.Ephemerals(o.ada.ID)); n != 1 {
		t.Errorf("%d ephemerals", n)
	}
	o.ws.Next("chat.postMessage", 2, slackfake.NotOK("invalid_blocks"))
	_, err = o.s.Post(ctx, o.general, "", hello(), "k2")
	wantError(t, err, Permanent, "invalid_blocks")
	for _, method := range []string{"chat.postMessage", "chat.update", "chat.postEphemeral"} {
		if n := value(t, o.s.metrics.plain.WithLabelValues(method)); n < 1 {
			t.Errorf("%s is not counted", method)
		}
	}
}

// Answers the Slack library does not cope with.
func TestOddAnswers(t *testing.T) {
	t.Parallel()
	var answer atomic.Value
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, answer.Load().(string))
	}))
	defer srv.Close()
	s, err := New(Config{AppToken: "xapp-1", BotToken: "xoxb-1", APIURL: srv.URL + "/api"}, nil, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	post := func(body string) error {
		answer.Store(body)
		_, err := s.Post(t.Context(), "C1", "", hello(), "k")
		return err
	}
	if err := post(`{"ok":true,"channel":"C1","ts":"1.2","errors":{"odd":1},"message":{"blocks":"odd","metadata":7}}`); err != nil {
		t.Errorf("an accepted post was taken for a failure: %v", err)
	}
	wantError(t, post(`{"ok":false}`), Ambiguous, "no_code")
	wantError(t, post(`{"ok":false,"error":"channel_not_found","errors":[{"odd":1}]}`), Permanent, "channel_not_found")
	wantError(t, post(`{"ok":true,"channel":"C1"}`), Ambiguous, "no_timestamp")
	wantError(t, post(`[]`), Ambiguous, "bad_answer")
	wantError(t, post(``), Ambiguous, "bad_answer")
	answer.Store(`{"ok":true,"messages":[{"ts":"1.1","metadata":"odd","blocks":7},{"ts":"1.2","user":"U1","metadata":{"event_type":"securitybot","event_payload":{"key":"k"}}}]}`)
	if ref, ok, err := s.Find(t.Context(), "C1", "", "k", time.Now()); err != nil || !ok || ref.TS != "1.2" {
		t.Errorf("got %v %v %v", ref, ok, err)
	}
	s.self = identity{user: "U2", bot: "B2"}
	if _, ok, _ := s.Find(t.Context(), "C1", "", "k", time.Now()); ok {
		t.Error("a message of another app was taken for ours")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var hits atomic.Int32
	target := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hits.Add(1) }))
	defer target.Close()
	srv := httptest.NewServer(http.RedirectHandler(target.URL, http.StatusTemporaryRedirect))
	defer srv.Close()
	s, err := New(Config{AppToken: "xapp-1", BotToken: "xoxb-1", APIURL: srv.URL}, nil, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Post(t.Context(), "C1", "", hello(), "k"); err == nil || hits.Load() != 0 {
		t.Errorf("a redirect was followed: %v", err)
	}
}
