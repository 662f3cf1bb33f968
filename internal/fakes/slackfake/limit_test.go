package slackfake_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// frozen is a clock that only moves when told.
type frozen struct {
	mu sync.Mutex
	t  time.Time
}

func (f *frozen) now() time.Time { f.mu.Lock(); defer f.mu.Unlock(); return f.t }

func clock() *frozen { return &frozen{t: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)} }

func TestRateLimits(t *testing.T) {
	t.Parallel()
	ws, _, general := workspace(t, slackfake.WithClock(clock().now))
	other := ws.AddChannel(slackfake.Channel{Name: "other", Members: []string{ws.BotUser}})
	say := func(channel string) answer {
		return do(t, ws, "chat.postMessage", args{"channel": channel, "text": "x"})
	}
	refused := func(a answer) bool { return a.code() == "ratelimited" && a["status"] == http.StatusTooManyRequests }

	ws.Limit("chat.postMessage", slackfake.Rate{PerSecond: 0.25, Burst: 2})
	for i, want := range []bool{false, false, true, true} {
		if got := say(general.ID); refused(got) != want {
			t.Errorf("post %d: %v", i, got)
		}
	}
	if got := ws.Calls("chat.postMessage"); got[3].RetryAfter != "4" || got[3].Performed {
		t.Errorf("%+v", got[3])
	}
	ws.Advance(4 * time.Second)
	if refused(say(general.ID)) || !refused(say(general.ID)) {
		t.Error("one post is due after the time in Retry-After, no more")
	}
	ws.Limit("chat.postMessage", slackfake.Rate{})

	ws.Limit(slackfake.PerChannel, slackfake.Rate{PerSecond: 1, Burst: 1})
	if refused(say(general.ID)) || !refused(say(general.ID)) || refused(say(other.ID)) {
		t.Error("each channel has its own limit")
	}
	ws.Unlimited()

	ws.Limit(slackfake.Posting, slackfake.Rate{PerSecond: 1, Burst: 2})
	if refused(say(general.ID)) || refused(say(other.ID)) || !refused(say(other.ID)) {
		t.Error("the workspace has one limit for all channels")
	}
	ws.Unlimited()
	for range 10 {
		if refused(say(general.ID)) {
			t.Fatal("limited after Unlimited")
		}
	}
	if n := len(ws.Messages(general.ID)) + len(ws.Messages(other.ID)); n != 17 {
		t.Errorf("%d messages: refused posts must leave nothing", n)
	}
}

func TestLimitLikeSlack(t *testing.T) {
	t.Parallel()
	ws, ada, _ := workspace(t, slackfake.WithClock(clock().now))
	ws.LimitLikeSlack()
	count := func(call func() answer) int {
		for n := range 1000 {
			if call().code() == "ratelimited" {
				return n
			}
		}
		return -1
	}
	if n := count(func() answer { return send(t, ws, "apps.connections.open", "", ws.AppToken, "") }); n != 3 {
		t.Errorf("tier 1 allowed %d", n)
	}
	if n := count(func() answer { return do(t, ws, "users.info", args{"user": ada.ID}) }); n != 10 {
		t.Errorf("tier 4 allowed %d", n)
	}
	ws.Advance(time.Minute)
	if n := count(func() answer { return send(t, ws, "apps.connections.open", "", ws.AppToken, "") }); n != 1 {
		t.Errorf("tier 1 allowed %d after a minute", n)
	}
	ws.Advance(time.Hour)
	if n := count(func() answer { return send(t, ws, "apps.connections.open", "", ws.AppToken, "") }); n != 3 {
		t.Errorf("tier 1 allowed %d after an hour", n)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  slackfake.Fault
		posted int
		check  func(error) bool
	}{
		"rate limited": {slackfake.RateLimited("30"), 0, func(err error) bool {
			var limited *slack.RateLimitedError
			return errors.As(err, &limited) && limited.RetryAfter == 30*time.Second
		}},
		"rate limited, no header": {slackfake.RateLimited(""), 0, func(err error) bool {
			var status slack.StatusCodeError
			return errors.As(err, &status) && status.Code == http.StatusTooManyRequests
		}},
		"503": {slackfake.Status(503), 0, func(err error) bool {
			var status slack.StatusCodeError
			return errors.As(err, &status) && status.Code == 503
		}},
		"refused": {slackfake.NotOK("channel_not_found"), 0, code("channel_not_found")},
		"fatal":   {slackfake.FatalError(), 1, code("fatal_error")},
		"hang":    {slackfake.Hang(), 0, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		"lost":    {slackfake.Lost(), 1, func(err error) bool { return errors.Is(err, context.DeadlineExceeded) }},
		"cut": {slackfake.Cut(), 1, func(err error) bool {
			var dropped *url.Error
			return errors.As(err, &dropped)
		}},
		"cut mid body": {slackfake.CutMidBody(), 1, func(err error) bool { return err != nil }},
		"not JSON":     {slackfake.NotJSON(), 1, func(err error) bool { return err != nil }},
		"slow":         {slackfake.Slow(time.Millisecond), 1, func(err error) bool { return err == nil }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws, _, general := workspace(t)
			api := client(ws)
			ws.Next("chat.postMessage", 1, c.fault)
			patience := 10 * time.Second
			if name == "hang" || name == "lost" {
				patience = time.Second
			}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			_, _, err := api.PostMessageContext(ctx, general.ID, slack.MsgOptionText("x", false))
			if !c.check(err) {
				t.Errorf("error %v", err)
			}
			if got := ws.Messages(general.ID); len(got) != c.posted {
				t.Errorf("%d messages", len(got))
			}
			call := ws.Calls("chat.postMessage")[0]
			if call.Fault == "" || call.Performed != (c.posted == 1) || call.OK() != (err == nil) {
				t.Errorf("%+v", call)
			}
			if _, _, err := api.PostMessageContext(ctxOf(t), general.ID, slack.MsgOptionText("y", false)); err != nil {
				t.Errorf("the call after the fault: %v", err)
			}
		})
	}
}

func code(want string) func(error) bool {
	return func(err error) bool {
		var refused slack.SlackErrorResponse
		return errors.As(err, &refused) && refused.Err == want
	}
}

func TestFaultsInOrder(t *testing.T) {
	t.Parallel()
	ws, _, general := workspace(t)
	ws.Next("chat.postMessage", 2, slackfake.NotOK("one"))
	ws.Next("*", 1, slackfake.NotOK("any"))
	ws.Next("chat.postMessage", -1, slackfake.NotOK("quiet").When(func(a map[string]string) bool { return a["text"] == "quiet" }))
	var got []string
	for _, text := range []string{"x", "x", "quiet", "x", "quiet", "quiet"} {
		got = append(got, do(t, ws, "chat.postMessage", args{"channel": general.ID, "text": text}).code())
	}
	if want := []string{"one", "one", "any", "", "quiet", "quiet"}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, want %q", got, want)
	}
	ws.ClearFaults()
	must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "quiet"})
}

func TestRetryAfterIsVerbatim(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t)
	for _, text := range []string{"-1", "Wed, 21 Oct 2026 07:28:00 GMT", "1000000000", "soon"} {
		ws.Next("auth.test", 1, slackfake.RateLimited(text))
		resp, err := http.PostForm(ws.APIURL()+"auth.test", url.Values{"token": {ws.BotToken}})
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if got := resp.Header.Get("Retry-After"); got != text || !strings.Contains(string(data), "ratelimited") {
			t.Errorf("%q: %q %s", text, got, data)
		}
	}
}

// TestCloseEndsHangs shows that Close does not wait for clients that do.
func TestCloseEndsHangs(t *testing.T) {
	t.Parallel()
	ws := slackfake.New()
	ws.Next("auth.test", 1, slackfake.Hang())
	done := make(chan error, 1)
	go func() {
		resp, err := http.PostForm(ws.APIURL()+"auth.test", nil)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	wait(t, ws, func(st slackfake.State) bool { return len(st.Calls("auth.test")) == 1 })
	ws.Close()
	ws.Close()
	if err := <-done; err == nil {
		t.Error("the call was answered")
	}
	if err := ws.WaitFor(t.Context(), func(slackfake.State) bool { return false }); !errors.Is(err, slackfake.ErrClosed) {
		t.Error(err)
	}
}
