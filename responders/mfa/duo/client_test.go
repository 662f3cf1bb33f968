package duo

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/duofake"
	"github.com/securitybot/securitybot/internal/proof"
)

const (
	key    = "DIWJ8X6AEYOR5OMC6TQ1"
	secret = "Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep"
)

func setUp(t *testing.T, users ...duofake.User) (*duofake.Server, *Client) {
	t.Helper()
	s := duofake.New(key, secret, time.Now, users...)
	t.Cleanup(s.Close)
	return s, client(t, Config{URL: s.URL, IntegrationKey: key, SecretKey: secret})
}

func client(t *testing.T, cfg Config) *Client {
	t.Helper()
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

var request = proof.Request{User: "ana+x@corp.example", Ref: "SB-TEST2345", Text: "Confirm your answer \"Yes, this was me\" & more (SB-TEST2345)"}

func TestCheckAsksNobody(t *testing.T) {
	t.Parallel()
	s, c := setUp(t, duofake.User{Name: request.User})
	if err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}
	var f *proof.Failure
	if err := client(t, Config{URL: s.URL, IntegrationKey: key, SecretKey: "x" + secret[1:]}).Check(t.Context()); !errors.As(err, &f) || f.Class != proof.Permanent || f.Status != http.StatusUnauthorized {
		t.Errorf("with a wrong key: %v", err)
	}
	if n := len(s.Pushes()); n > 0 {
		t.Errorf("%d pushes", n)
	}
}

func TestPushIsAnswered(t *testing.T) {
	t.Parallel()
	for status, want := range map[string]proof.Result{"allow": proof.Allow, "deny": proof.Deny, "fraud": proof.Fraud, "timeout": proof.Timeout,
		"bypass": proof.Error, "remembered": proof.Error, "locked_out": proof.Error, "new_thing": proof.Error} {
		s, c := setUp(t, duofake.User{Name: request.User})
		sent, err := c.Start(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		if r, err := c.Poll(t.Context(), sent); r != proof.Waiting || err != nil {
			t.Errorf("at first %s %v", r, err)
		}
		p := s.Pushes()[0]
		if p.Info.Get("Question") != request.Ref || p.Info.Get("Confirm") != request.Text {
			t.Errorf("the telephone shows %v", p.Info)
		}
		s.Press(p.TxID, status)
		for range 2 { // the answer stays
			if r, err := c.Poll(t.Context(), sent); r != want || err != nil {
				t.Errorf("%s: %s %v, want %s", status, r, err, want)
			}
		}
	}
}

func TestWhoCannotBePushedToIsNotEnrolled(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]duofake.User{"unknown": {Name: "other"}, "bypass": {Name: request.User, Status: "allow"},
		"locked out": {Name: request.User, Status: "deny"}, "no app": {Name: request.User, NoPush: true}} {
		s, c := setUp(t, u)
		if _, err := c.Start(t.Context(), request); !errors.Is(err, proof.ErrNotEnrolled) || len(s.Pushes()) > 0 {
			t.Errorf("%s: %v, %d pushes", name, err, len(s.Pushes()))
		}
	}
}

// What may have reached the telephone is never called worth another attempt.
func TestFailuresAreToldApart(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		path   string
		status int
		class  proof.Class
		pushes int
	}{
		"preauth broken": {"/auth/v2/preauth", 503, proof.Retry, 0}, "preauth lost": {"/auth/v2/preauth", 0, proof.Retry, 0}, "preauth busy": {"/auth/v2/preauth", 429, proof.Retry, 0},
		"auth broken": {"/auth/v2/auth", 500, proof.Unclear, 0}, "auth lost": {"/auth/v2/auth", 0, proof.Unclear, 1}, "auth busy": {"/auth/v2/auth", 429, proof.Retry, 0},
		"auth refused": {"/auth/v2/auth", 400, proof.Permanent, 0},
	} {
		s, c := setUp(t, duofake.User{Name: request.User})
		s.Fail(tc.path, tc.status)
		if _, err := c.Start(t.Context(), request); proof.ClassOf(err) != tc.class || err == nil || len(s.Pushes()) != tc.pushes {
			t.Errorf("%s: %v, %d pushes", name, err, len(s.Pushes()))
		}
	}
	s, c := setUp(t)
	s.Close()
	if _, err := c.Start(t.Context(), request); proof.ClassOf(err) != proof.Retry || err == nil {
		t.Errorf("nobody there: %v", err)
	}
}

func TestBadKeysAndDatesAreRefused(t *testing.T) {
	t.Parallel()
	s, _ := setUp(t, duofake.User{Name: request.User})
	for name, cfg := range map[string]Config{
		"other secret": {SecretKey: "another"}, "other key": {IntegrationKey: "DIOTHER"}, "old date": {Now: func() time.Time { return time.Now().Add(-time.Hour) }},
	} {
		cfg.URL = s.URL
		if cfg.IntegrationKey == "" {
			cfg.IntegrationKey = key
		}
		if cfg.SecretKey == "" {
			cfg.SecretKey = secret
		}
		_, err := client(t, cfg).Start(t.Context(), request)
		var f *proof.Failure
		if !errors.As(err, &f) || f.Status != http.StatusUnauthorized || f.Class != proof.Permanent {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(err.Error(), cfg.SecretKey) || strings.Contains(err.Error(), "ana") {
			t.Errorf("%s: the error tells too much: %v", name, err)
		}
	}
}

func TestAnUnknownTransactionIsAnError(t *testing.T) {
	t.Parallel()
	_, c := setUp(t)
	if _, err := c.Poll(t.Context(), proof.Sent{TxID: "x"}); proof.ClassOf(err) != proof.Permanent || err == nil {
		t.Error(err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "api-x.duosecurity.com", "http://api-x.duosecurity.com", "https://u:p@api-x.duosecurity.com", "https://api-x.duosecurity.com/auth"} {
		if _, err := New(Config{URL: u, IntegrationKey: key, SecretKey: secret}); err == nil {
			t.Errorf("%q is accepted", u)
		}
	}
	if _, err := New(Config{URL: "https://api-x.duosecurity.com", IntegrationKey: key}); err == nil {
		t.Error("no secret is accepted")
	}
}

// A redirect would carry the signature elsewhere.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s, c := setUp(t, duofake.User{Name: request.User})
	s.Fail("/auth/v2/preauth", http.StatusFound)
	_, err := c.Start(t.Context(), request)
	if err == nil || slices.Contains(s.Calls(), "/auth/v2/auth") {
		t.Errorf("%v, calls %v", err, s.Calls())
	}
}
