package rig

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/duofake"
	"github.com/securitybot/securitybot/internal/fakes/oidcfake"
	"github.com/securitybot/securitybot/internal/fakes/oktafake"
)

// ProofSecret is the bot's secret at the provider of second proofs.
const (
	ProofSecret = "Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep"
	duoKey      = "DIWJ8X6AEYOR5OMC6TQ1"
	oidcClient  = "securitybot"
)

// PagesURL is where browsers reach the bots. Messages link to https without a
// port only, so browsers of this world use Browser.
const PagesURL = "https://securitybot.corp.example"

// Browser returns a browser of an employee, with cookies of its own.
func (r *Rig) Browser() *http.Client {
	jar, _ := cookiejar.New(nil) // has no errors
	roots := x509.NewCertPool()
	roots.AddCert(r.Pages.Certificate())
	plain := &net.Dialer{Timeout: 5 * time.Second}
	secure := &tls.Dialer{NetDialer: plain, Config: &tls.Config{RootCAs: roots, ServerName: "example.com"}}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, Transport: &http.Transport{
		DialContext: plain.DialContext, DialTLSContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return secure.DialContext(ctx, network, r.Pages.Listener.Addr().String())
		}}}
}

// Proving is who is asked for second proofs, with Options.Proofs; the others
// are nil.
type Proving struct {
	Duo  *duofake.Server
	Okta *oktafake.Server
	OIDC *oidcfake.Server
	// Pages is where browsers reach the bots: each request goes to the next one.
	Pages *httptest.Server
}

// proofs adds who is asked for second proofs, if anybody is. Everybody in the
// company but Priya has set it up; Ana's Okta asks for a number.
func (r *Rig) proofs(provider string) {
	switch provider {
	case "duo":
		r.Duo = duofake.New(duoKey, ProofSecret, r.Clock.Now)
		for _, u := range []string{r.Ana.Email, r.Omar.Email, r.Mei.Email} {
			r.Duo.SetUser(duofake.User{Name: u})
		}
	case "okta":
		r.Okta = oktafake.New(ProofSecret, r.Clock.Now, oktafake.User{Login: r.Ana.Email, Number: "74"}, oktafake.User{Login: r.Omar.Email}, oktafake.User{Login: r.Mei.Email})
	case "oidc":
		r.OIDC = oidcfake.New(oidcClient, ProofSecret, r.Clock.Now)
		var n atomic.Int64
		r.Pages = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			r.Bots[int(n.Add(1))%len(r.Bots)].ProofHandler().ServeHTTP(w, req)
		}))
		r.OIDC.Redirect(PagesURL + "/verify/callback")
	}
}

func (r *Rig) closeProofs() {
	if r.Duo != nil {
		r.Duo.Close()
	}
	if r.Okta != nil {
		r.Okta.Close()
	}
	if r.OIDC != nil {
		r.Pages.Close()
		r.OIDC.Close()
	}
}

// proofConfig is the line of the configuration about second proofs.
func (r *Rig) proofConfig() string {
	switch {
	case r.Duo != nil:
		return fmt.Sprintf(`mfa: {provider: duo, duo: {url: "%s", integration_key: %s, secret_key: "${env:PROOF}"}}`, r.Duo.URL, duoKey)
	case r.Okta != nil:
		return fmt.Sprintf(`mfa: {provider: okta, okta: {url: "%s", token: "${env:PROOF}"}}`, r.Okta.URL)
	case r.OIDC != nil:
		return fmt.Sprintf(`mfa: {provider: oidc, oidc: {issuer: "%s", client_id: %s, client_secret: "${env:PROOF}", acr: [phr], public_url: "%s", listen: "127.0.0.1:0"}}`, r.OIDC.URL, oidcClient, PagesURL)
	}
	return ""
}
