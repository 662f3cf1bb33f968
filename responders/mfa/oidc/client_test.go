package oidc

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/oidcfake"
	"github.com/securitybot/securitybot/internal/proof"
)

const public = "https://securitybot.corp.example"

// world is a provider with Ana in front of the browser, and our client.
func world(t *testing.T, change ...func(*Config)) (*oidcfake.Server, *Client) {
	t.Helper()
	s := oidcfake.New("securitybot", "sesame-sesame", time.Now)
	t.Cleanup(s.Close)
	s.Redirect(public + PathCallback)
	s.SignsIn(map[string]any{"email": "Ana@corp.example", "email_verified": true, "preferred_username": "ana", "acr": "phr", "amr": []string{"hwk", "pin"}})
	cfg := Config{Issuer: s.URL, ClientID: "securitybot", ClientSecret: "sesame-sesame", PublicURL: public + "/", ACR: []string{"phrh", "phr"}, AMR: []string{"hwk"}}
	for _, fn := range change {
		fn(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s, c
}

// started is a session that came from a link.
func started(t *testing.T, c *Client) Session {
	t.Helper()
	sent, err := c.Start(t.Context(), proof.Request{ID: "Q1"})
	if err != nil {
		t.Fatal(err)
	}
	id, ticket, ok := ParseTicket(strings.TrimPrefix(sent.Link, public+PathStart))
	if !ok || id != "Q1" || ticket != sent.TxID || sent.Key == "" || strings.Contains(sent.Link, sent.Key) {
		t.Fatalf("%+v", sent)
	}
	return NewSession(id, ticket, sent.Key, "")
}

// signIn goes to the provider and returns the code it comes back with.
func signIn(t *testing.T, c *Client, s Session) string {
	t.Helper()
	to, err := c.SignIn(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Get(to)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	back, err := url.Parse(resp.Header.Get("Location"))
	if err != nil || back.Query().Get("state") != s.State() {
		t.Fatalf("%d, back to %v", resp.StatusCode, back)
	}
	if got, ok := ParseState(back.Query().Get("state"), s.Browser); !ok || got.ID != s.ID || got.Once != s.Once {
		t.Fatalf("state %+v %v", got, ok)
	}
	return back.Query().Get("code")
}

func TestANewSignInProvesWhoItIs(t *testing.T) {
	t.Parallel()
	_, c := world(t)
	s := started(t, c)
	code := signIn(t, c, s)
	if err := c.Login(t.Context(), s, code, "ana@corp.example", time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := c.Login(t.Context(), s, code, "ana@corp.example", time.Now()); !errors.Is(err, ErrUnproved) {
		t.Errorf("the code is taken twice: %v", err)
	}
	_, byName := world(t, func(c *Config) { c.Claim = "preferred_username" })
	s = started(t, byName)
	if err := byName.Login(t.Context(), s, signIn(t, byName, s), "ana", time.Now()); err != nil {
		t.Error(err)
	}
}

func TestWhatProvesNothing(t *testing.T) {
	t.Parallel()
	tamper := func(k string, v any) func(*oidcfake.Server) {
		return func(s *oidcfake.Server) {
			s.Tamper(func(c map[string]any) {
				if c[k] = v; v == nil {
					delete(c, k)
				}
			})
		}
	}
	for name, tc := range map[string]struct {
		set  func(*oidcfake.Server)
		want error
	}{
		"another key":         {(*oidcfake.Server).Forge, ErrUnproved},
		"another issuer":      {tamper("iss", "https://evil.example"), ErrUnproved},
		"another audience":    {tamper("aud", "other"), ErrUnproved},
		"several audiences":   {tamper("aud", []string{"securitybot", "other"}), ErrUnproved},
		"another party":       {tamper("azp", "other"), ErrUnproved},
		"expired":             {tamper("exp", time.Now().Add(-time.Hour).Unix()), ErrUnproved},
		"another nonce":       {tamper("nonce", "x"), ErrUnproved},
		"no nonce":            {tamper("nonce", nil), ErrUnproved},
		"no auth_time":        {tamper("auth_time", nil), ErrUnproved},
		"an old session":      {func(s *oidcfake.Server) { s.OldSession(time.Now().Add(-2 * time.Minute)) }, ErrUnproved},
		"a future session":    {func(s *oidcfake.Server) { s.OldSession(time.Now().Add(time.Hour)) }, ErrUnproved},
		"another acr":         {tamper("acr", "pwd"), ErrUnproved},
		"no acr":              {tamper("acr", nil), ErrUnproved},
		"too little amr":      {tamper("amr", []string{"pwd"}), ErrUnproved},
		"address not checked": {tamper("email_verified", false), ErrUnproved},
		"no word about it":    {tamper("email_verified", nil), ErrUnproved},
		"no address":          {tamper("email", nil), ErrUnproved},
		"somebody else":       {tamper("email", "bo@corp.example"), ErrSomebodyElse},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, c := world(t)
			s := started(t, c)
			tc.set(server)
			err := c.Login(t.Context(), s, signIn(t, c, s), "ana@corp.example", time.Now())
			if !errors.Is(err, tc.want) || strings.Contains(err.Error(), s.Key) {
				t.Errorf("%v, want %v", err, tc.want)
			}
		})
	}
}

// A code that began in another browser, or for another question, is refused by
// the provider itself: PKCE differs.
func TestACodeBelongsToItsSession(t *testing.T) {
	t.Parallel()
	_, c := world(t)
	mine, other := started(t, c), started(t, c)
	if err := c.Login(t.Context(), other, signIn(t, c, mine), "ana@corp.example", time.Now()); !errors.Is(err, ErrUnproved) {
		t.Errorf("another session's code: %v", err)
	}
	if _, ok := ParseState(mine.State(), other.Browser); ok {
		t.Error("a state is taken in another browser")
	}
	for _, bad := range []string{"", "a.b.c.d", mine.State() + "x", mine.State()[1:] + ".", strings.Replace(mine.State(), "Q1", "Q2", 1) + "."} {
		if _, ok := ParseState(bad, mine.Browser); ok {
			t.Errorf("state %q is taken", bad)
		}
	}
	if mine.Confirms(other.Confirmed()) || !mine.Confirms(mine.Confirmed()) || (Session{}).Confirms(Session{}.Confirmed()) {
		t.Error("forms are not told apart")
	}
}

func TestOutagesAreNotTheirFault(t *testing.T) {
	t.Parallel()
	server, c := world(t)
	server.Fail("/.well-known/openid-configuration", 503)
	if _, err := c.Start(t.Context(), proof.Request{ID: "Q1"}); proof.ClassOf(err) != proof.Retry || err == nil {
		t.Errorf("start: %v", err)
	}
	server.Fail("/.well-known/openid-configuration", 0)
	s := started(t, c)
	code := signIn(t, c, s)
	server.Fail("/token", 502)
	var f *proof.Failure
	if err := c.Login(t.Context(), s, code, "ana@corp.example", time.Now()); !errors.As(err, &f) {
		t.Errorf("token endpoint down: %v", err)
	}
	_, bad := world(t, func(c *Config) { c.ClientSecret = "other" })
	s = started(t, bad)
	if err := bad.Login(t.Context(), s, signIn(t, bad, s), "ana@corp.example", time.Now()); !errors.Is(err, ErrUnproved) || strings.Contains(err.Error(), "code-") {
		t.Errorf("wrong client secret: %v", err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"no https":  {Issuer: "http://login.corp.example", PublicURL: public, ClientID: "x", ClientSecret: "y"},
		"no public": {Issuer: "https://login.corp.example", ClientID: "x", ClientSecret: "y"},
		"no secret": {Issuer: "https://login.corp.example", PublicURL: public, ClientID: "x"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
