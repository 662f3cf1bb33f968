package okta

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/oktafake"
	"github.com/securitybot/securitybot/internal/proof"
)

const token = "00QCjAl4MlV-WPXM-ABcdefghijklmnopqrstuvwx"

func setUp(t *testing.T, users ...oktafake.User) (*oktafake.Server, *Client) {
	t.Helper()
	s := oktafake.New(token, time.Now, users...)
	t.Cleanup(s.Close)
	c, err := New(Config{URL: s.URL, Token: token})
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

var request = proof.Request{User: "ana@corp.example", Ref: "SB-TEST2345"}

func TestPushIsAnswered(t *testing.T) {
	t.Parallel()
	for result, want := range map[string]proof.Result{"SUCCESS": proof.Allow, "REJECTED": proof.Deny, "TIMEOUT": proof.Timeout, "EXPIRED": proof.Timeout,
		"FAILED": proof.Error, "ERROR": proof.Error, "CHALLENGE": proof.Error, "CANCELLED": proof.Error, "PASSCODE_REPLAYED": proof.Error, "NEW_THING": proof.Error, "": proof.Error} {
		s, c := setUp(t, oktafake.User{Login: "bo@corp.example"}, oktafake.User{Login: request.User})
		sent, err := c.Start(t.Context(), request)
		if err != nil || sent.Number != "" {
			t.Fatal(sent, err)
		}
		if r, err := c.Poll(t.Context(), sent); r != proof.Waiting || err != nil {
			t.Errorf("at first %s %v", r, err)
		}
		s.Set(s.Pushes()[0].ID, result)
		if r, err := c.Poll(t.Context(), sent); r != want || err != nil {
			t.Errorf("%s: %s %v, want %s", result, r, err, want)
		}
	}
}

// The number is the one that approves: any other is a refusal.
func TestNumberChallenge(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]proof.Result{"74": proof.Allow, "12": proof.Deny} {
		s, c := setUp(t, oktafake.User{Login: request.User, Number: "74"})
		sent, err := c.Start(t.Context(), request)
		if err != nil || sent.Number != "74" {
			t.Fatal(sent, err)
		}
		s.Press(s.Pushes()[0].ID, true, number)
		if r, err := c.Poll(t.Context(), sent); r != want || err != nil {
			t.Errorf("%s: %s %v", number, r, err)
		}
	}
	_, c := setUp(t, oktafake.User{Login: request.User, Number: "74", Beside: true})
	if sent, err := c.Start(t.Context(), request); err != nil || sent.Number != "74" {
		t.Error("beside the factor:", sent, err)
	}
}

func TestWhoCannotBePushedToIsNotEnrolled(t *testing.T) {
	t.Parallel()
	for name, u := range map[string]oktafake.User{"unknown": {Login: "other@corp.example"}, "locked out": {Login: request.User, Status: "LOCKED_OUT"},
		"suspended": {Login: request.User, Status: "SUSPENDED"}, "no app": {Login: request.User, NoPush: true}} {
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
		kind   string
		status int
		class  proof.Class
		pushes int
	}{
		"user broken": {"user", 500, proof.Retry, 0}, "user lost": {"user", 0, proof.Retry, 0}, "factors broken": {"factors", 503, proof.Retry, 0},
		"busy": {"verify", 429, proof.Retry, 0}, "broken": {"verify", 500, proof.Unclear, 0}, "lost": {"verify", 0, proof.Unclear, 1},
		"refused": {"verify", 403, proof.Permanent, 0}, "redirected": {"verify", 302, proof.Permanent, 0},
	} {
		s, c := setUp(t, oktafake.User{Login: request.User})
		s.Fail(tc.kind, tc.status)
		_, err := c.Start(t.Context(), request)
		if err == nil || proof.ClassOf(err) != tc.class || len(s.Pushes()) != tc.pushes {
			t.Errorf("%s: %v, %d pushes", name, err, len(s.Pushes()))
		}
		var f *proof.Failure
		if errors.As(err, &f) && tc.status == http.StatusTooManyRequests && f.RetryAfter < time.Second {
			t.Errorf("busy: wait %s", f.RetryAfter)
		}
		if err != nil && (strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "ana")) {
			t.Errorf("%s: the error tells too much: %v", name, err)
		}
	}
}

// "me" is the owner of the token, not a person of that name.
func TestNobodyIsMe(t *testing.T) {
	t.Parallel()
	s, c := setUp(t, oktafake.User{Login: "robot@corp.example"})
	if _, err := c.Start(t.Context(), proof.Request{User: "me"}); !errors.Is(err, proof.ErrNotEnrolled) || len(s.Pushes()) > 0 {
		t.Errorf("%v, %d pushes", err, len(s.Pushes()))
	}
	if _, err := c.Start(t.Context(), proof.Request{User: "robot"}); err != nil {
		t.Errorf("by short name: %v", err)
	}
}

func TestAWrongTokenIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := setUp(t, oktafake.User{Login: request.User})
	c, err := New(Config{URL: s.URL, Token: "another"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Start(t.Context(), request); proof.ClassOf(err) != proof.Permanent || err == nil {
		t.Error(err)
	}
}

// The token goes to the configured host only, whatever the poll link says.
func TestOnlyOurOwnTransactionIsFollowed(t *testing.T) {
	t.Parallel()
	s, c := setUp(t, oktafake.User{Login: "bo@corp.example"}, oktafake.User{Login: request.User})
	sent, err := c.Start(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []proof.Sent{{TxID: "x", User: sent.User}, {TxID: "a/../../b", User: sent.User}, {TxID: sent.TxID, User: "../x"}} {
		if r, err := c.Poll(t.Context(), bad); r != proof.Error || err != nil {
			t.Errorf("%+v: %s %v", bad, r, err)
		}
	}
	var v verification
	v.Links.Poll.Href = "https://evil.example/transactions/x"
	if tx := v.transaction("u", "f"); tx != "" {
		t.Errorf("took %q", tx)
	}
	other := sent
	other.User = "00ub0oNGTSWTBKOLGL00"
	if r, err := c.Poll(t.Context(), other); err == nil {
		t.Errorf("somebody else's transaction: %s", r)
	}
	_ = s
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "corp.okta.com", "http://corp.okta.com", "https://u:p@corp.okta.com", "https://corp.okta.com/api/v1"} {
		if _, err := New(Config{URL: u, Token: token}); err == nil {
			t.Errorf("%q is accepted", u)
		}
	}
	if _, err := New(Config{URL: "https://corp.okta.com"}); err == nil {
		t.Error("no token is accepted")
	}
}
