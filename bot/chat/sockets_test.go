package chat

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// Every connection is told to go at once, for whatever reason: no storm of
// attempts follows. With the real clocks a hundredfold slower, two slots make
// two quick attempts each and then one in ten seconds together.
func TestDisconnectStorm(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{slackfake.Warning, slackfake.RefreshRequested, slackfake.LinkDisabled, slackfake.TooManySockets, "brand_new_reason"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, &desk{}, quick, slackfake.WithWarning(0))
			o.ws.WelcomeDisconnect(-1, reason)
			begun := time.Now()
			o.run(t)
			time.Sleep(time.Second) // the length of the observation, not a wait
			eventually(t, 30*time.Second, "three attempts", func() bool { return o.attempts() >= 3 })
			calls := o.ws.Calls("apps.connections.open")
			calls = slices.DeleteFunc(calls, func(c slackfake.Call) bool { return c.At.Sub(begun) > time.Second })
			limit := 4 + int(time.Second/o.s.cfg.Timing.Crowded)
			if reason == slackfake.TooManySockets {
				limit -= 2 // not even one quick try more
			}
			if reason == slackfake.LinkDisabled {
				limit = 2 + 2*3 // each slot asks again after Refused
			}
			if len(calls) > limit {
				t.Errorf("%d attempts in 1 s, want at most %d", len(calls), limit)
			}
			if reason == slackfake.TooManySockets {
				for i, c := range calls[min(2, len(calls)):] {
					if gap := c.At.Sub(calls[i+1].At); gap < o.s.cfg.Timing.Crowded/2 { // the way here takes its time
						t.Errorf("attempt %d came %s after the one before", i+2, gap)
					}
				}
			}
			if reason == slackfake.LinkDisabled {
				eventually(t, 30*time.Second, "health says that it is switched off", func() bool {
					err := o.s.Healthy()
					return err != nil && strings.Contains(err.Error(), "switched off")
				})
			}
			label := reason
			if reason == "brand_new_reason" {
				label = reasonOther
			}
			eventually(t, 30*time.Second, "the reason is counted", func() bool { return value(t, o.s.metrics.ended.WithLabelValues(label)) >= 2 })
			o.ws.WelcomeNormally()
			o.up(t, 2)
		})
	}
}

// An orderly refresh: the successor is up before the old connection is left,
// and an envelope under way is acknowledged where it came.
func TestRefreshOpensBeforeItCloses(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	d := &desk{before: func(context.Context) { <-release }}
	o := newOffice(t, d, func(c *Config) {
		quick(c)
		c.Connections = 1
		c.Timing.Overlap = 500 * time.Millisecond
	}, slackfake.WithWarning(time.Minute))
	o.run(t)
	o.up(t, 1)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "x", o.general)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the envelope is under way", func() bool { return len(d.seen()) == 1 })
	o.ws.Disconnect(0, slackfake.Warning)
	eventually(t, 30*time.Second, "both are up", func() bool {
		c := o.ws.Connections()
		return len(c) == 2 && c[0].Open() && c[1].Open()
	})
	close(release)
	if out := outcome(t, g, nil); !out.OK() || out.Foreign {
		t.Errorf("%+v", out)
	}
	eventually(t, 30*time.Second, "the old one is closed", func() bool { return !o.ws.Connections()[0].Open() })
	if o.s.Healthy() != nil || len(o.ws.Connections()) != 2 {
		t.Error("the successor did not stay")
	}
}

// While one connection is replaced the other takes what comes: no gap.
func TestNoGapOnRefresh(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, quick)
	o.run(t)
	o.up(t, 2)
	for round := range 3 {
		eventually(t, 30*time.Second, "two are open", func() bool { return openConnections(o.ws) == 2 })
		time.Sleep(o.s.cfg.Timing.ShortLived) // they have lived long enough to be replaced at once
		first := firstOpen(o.ws)
		o.ws.Disconnect(first, slackfake.RefreshRequested)
		eventually(t, 30*time.Second, "it is closed", func() bool { return firstOpen(o.ws) != first })
		g, err := o.ws.As(o.ada.ID).Slash("/ir", fmt.Sprint(round), o.general)
		if out := outcome(t, g, err); !out.OK() {
			t.Errorf("round %d: %+v", round, out.Delivery)
		}
	}
}

func firstOpen(ws *slackfake.Server) int {
	for _, c := range ws.Connections() {
		if c.Open() {
			return c.ID
		}
	}
	return 0
}

func openConnections(ws *slackfake.Server) int {
	n := 0
	for _, c := range ws.Connections() {
		if c.Open() {
			n++
		}
	}
	return n
}

// A half-open connection sends nothing and closes nothing.
func TestSilentSocketIsReplaced(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, quick)
	o.run(t)
	o.up(t, 2)
	start := time.Now()
	o.ws.Stall(o.ws.Connections()[0].ID)
	eventually(t, 30*time.Second, "a third connection", func() bool { return len(o.ws.Connections()) == 3 })
	if took := time.Since(start); took > 8*o.s.cfg.Timing.Silence {
		t.Errorf("noticed after %s", took)
	}
	if n := value(t, o.s.metrics.ended.WithLabelValues(reasonSilent)); n != 1 {
		t.Errorf("%v silent connections are counted", n)
	}
}

// Slack's own pings may stop; ours show that the connection is alive.
func TestQuietSocketStays(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, quick, slackfake.WithPing(0))
	o.run(t)
	o.up(t, 2)
	time.Sleep(3 * o.s.cfg.Timing.Silence) // the length of the observation, not a wait
	if n := len(o.ws.Connections()); n != 2 {
		t.Errorf("%d connections were opened", n)
	}
}

// A slow handler holds up neither pings nor the next envelope's arrival.
func TestSlowHandlerDoesNotStallReading(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	d := &desk{before: func(context.Context) { <-release }}
	o := newOffice(t, d, func(c *Config) { quick(c); c.Workers = 1 }, slackfake.WithPing(20*time.Millisecond), slackfake.WithAckDeadline(time.Minute))
	o.run(t)
	o.up(t, 2)
	person := o.ws.As(o.ada.ID)
	first, err := person.Slash("/ir", "first", o.general)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the first is under way", func() bool { return len(d.seen()) == 1 })
	for range 100 { // more than the queue holds
		if _, err := person.Slash("/ir", "more", o.general); err != nil {
			t.Fatal(err)
		}
	}
	pongs := func() (n int) {
		for _, c := range o.ws.Connections() {
			n += c.Pongs
		}
		return n
	}
	before := pongs()
	eventually(t, 30*time.Second, "pings are answered", func() bool { return pongs() > before+10 })
	eventually(t, 30*time.Second, "what is too much is turned away", func() bool {
		return value(t, o.s.metrics.envelopes.WithLabelValues("slash_commands", "overload")) >= 50
	})
	close(release)
	if out := outcome(t, first, nil); !out.OK() {
		t.Errorf("%+v", out)
	}
	if len(o.ws.Connections()) != 2 {
		t.Error("a slow handler cost a connection")
	}
}

// The connection is reset before the ack is read: the copy that comes by
// another connection is acknowledged and not handled again.
func TestLostAck(t *testing.T) {
	t.Parallel()
	d := &desk{}
	o := newOffice(t, d, quick, slackfake.WithAckDeadline(2*time.Second))
	o.run(t)
	o.up(t, 2)
	o.ws.CutBeforeAck(0)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "x", o.general)
	if out := outcome(t, g, err); out.Acked {
		t.Fatal("the ack was read")
	}
	eventually(t, 30*time.Second, "a new connection", func() bool { return len(o.ws.Connections()) == 3 })
	o.up(t, 2)
	o.ws.SendVia(3)
	o.ws.Redeliver(g.EnvelopeID, true)
	o.lastAcked(t)
	if n := len(d.seen()); n != 1 {
		t.Errorf("handled %d times", n)
	}
}

// A reset while the handler works: the late ack goes nowhere, not to another
// connection, and harms nothing.
func TestResetUnderWay(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	d := &desk{before: func(context.Context) { <-release }}
	o := newOffice(t, d, quick, slackfake.WithAckDeadline(400*time.Millisecond))
	o.run(t)
	o.up(t, 2)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "x", o.general)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the envelope is under way", func() bool { return len(d.seen()) == 1 })
	o.ws.Reset(0)
	eventually(t, 30*time.Second, "new connections", func() bool { return len(o.ws.Connections()) >= 4 })
	close(release)
	out := outcome(t, g, nil)
	if out.Acks != 0 || out.Foreign {
		t.Errorf("%+v", out)
	}
	eventually(t, 30*time.Second, "the failed ack is counted", func() bool { return value(t, o.s.metrics.acks.WithLabelValues("failed")) == 1 })
	o.up(t, 2)
}

func TestNoHello(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, func(c *Config) { quick(c); c.Timing.Hello = 300 * time.Millisecond })
	o.ws.WelcomeSilence(2)
	o.run(t)
	o.up(t, 2)
	if n := o.attempts(); n > 6 {
		t.Errorf("%d attempts", n)
	}
}

func TestUpgradeRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, quick)
	o.ws.WelcomeStatus(3, http.StatusConflict)
	o.run(t)
	o.up(t, 2)
	if n := o.attempts(); n != 5 {
		t.Errorf("%d attempts", n)
	}
}

func TestConnectionsOpenTrouble(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		fault slackfake.Fault
		least time.Duration
	}{
		"hang":      {slackfake.Hang(), 300 * time.Millisecond},
		"429":       {slackfake.RateLimited("1"), time.Second},
		"503":       {slackfake.Status(503), 0},
		"not JSON":  {slackfake.NotJSON(), 0},
		"cut":       {slackfake.CutMidBody(), 0},
		"no code":   {slackfake.NotOK(""), 0},
		"transient": {slackfake.NotOK("internal_error"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, &desk{}, func(c *Config) { quick(c); c.RequestTimeout = 300 * time.Millisecond })
			o.ws.Next("apps.connections.open", 1, tc.fault)
			start := time.Now()
			o.run(t)
			o.up(t, 2)
			if took := time.Since(start); took < tc.least {
				t.Errorf("up after %s, want at least %s", took, tc.least)
			}
			if n := o.attempts(); n != 3 {
				t.Errorf("%d attempts", n)
			}
		})
	}
}

// A refused token is no reason to try often, and health says so.
func TestRefusedToken(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"invalid_auth", "account_inactive", "not_authed", "token_revoked", "missing_scope", "not_allowed_token_type", "token_expired"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, &desk{}, quick)
			o.ws.Next("apps.connections.open", -1, slackfake.NotOK(code))
			o.run(t)
			eventually(t, 30*time.Second, "health says so", func() bool {
				err := o.s.Healthy()
				return err != nil && strings.Contains(err.Error(), code)
			})
			time.Sleep(400 * time.Millisecond) // the length of the observation, not a wait
			if n := o.attempts(); n > 2+2*2 {
				t.Errorf("%d attempts; two slots ask each half second", n)
			}
			o.ws.ClearFaults()
			o.up(t, 2)
		})
	}
}

func TestRefusedBotToken(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, quick)
	o.ws.Next("auth.test", 2, slackfake.NotOK("invalid_auth"))
	o.run(t)
	eventually(t, 30*time.Second, "health says so", func() bool {
		err := o.s.Healthy()
		return err != nil && strings.Contains(err.Error(), "invalid_auth")
	})
	if o.attempts() != 0 {
		t.Error("connected without knowing who the bot is")
	}
	o.up(t, 2)
	o.ws.Next("chat.postMessage", 1, slackfake.NotOK("token_revoked"))
	o.ws.Next("auth.test", 1, slackfake.NotOK("token_revoked"))
	if _, err := o.s.Post(testCtx(t), o.general, "", hello(), "k"); KindOf(err) != Auth {
		t.Errorf("got %v", err)
	}
	if err := o.s.Healthy(); err == nil || !strings.Contains(err.Error(), "token_revoked") {
		t.Errorf("healthy says %v", err)
	}
	eventually(t, 30*time.Second, "the token is found to be good again", func() bool { return o.s.Healthy() == nil })
}

// Slack is away and comes back: not ready meanwhile, no storm, ready again.
func TestOutage(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, quick)
	o.run(t)
	o.up(t, 2)
	o.ws.Down()
	eventually(t, 30*time.Second, "not ready", func() bool { return o.s.Healthy() != nil })
	before := o.attempts()
	time.Sleep(time.Second) // the length of the observation, not a wait
	if n := o.attempts() - before; n > 8 {
		t.Errorf("%d attempts in a second", n)
	}
	o.ws.Up()
	o.up(t, 2)
}

// An https API never leads to a socket in clear.
func TestSocketInClearIsRefused(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, nil)
	o.s.sup.s.cfg.APIURL = "https" + strings.TrimPrefix(o.s.cfg.APIURL, "http")
	_, err := o.s.sup.dial(testCtx(t))
	wantError(t, err, Transient, "bad_address")
}

func TestManyConnectionsAreNoticed(t *testing.T) {
	t.Parallel()
	o := newOffice(t, &desk{}, func(c *Config) { quick(c); c.ExpectedConnections = 1 })
	o.run(t)
	o.up(t, 2)
	if !o.logs.has("more connections of this app than expected") || value(t, o.s.metrics.reported) != 2 {
		t.Error("two connections where one is expected went unnoticed")
	}
}
