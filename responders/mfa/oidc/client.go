package oidc

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/securitybot/securitybot/internal/proof"
)

// Client speaks to one provider. It is safe for concurrent use.
type Client struct {
	cfg  Config
	http *http.Client
	now  func() time.Time

	mu       sync.Mutex
	provider *gooidc.Provider // once it was reached
}

// Start makes the link for one question. Nothing is sent to anybody but the
// person who is shown it; that the provider can be reached is made sure of
// first.
func (c *Client) Start(ctx context.Context, r proof.Request) (proof.Sent, error) {
	if _, err := c.discovered(ctx); err != nil {
		return proof.Sent{}, err
	}
	ticket := random()
	return proof.Sent{TxID: ticket, Link: c.cfg.PublicURL + PathStart + r.ID + "." + ticket, Key: random()}, nil
}

// Poll says that the person has not come back: when they do, the browser brings
// the answer.
func (c *Client) Poll(context.Context, proof.Sent) (proof.Result, error) { return proof.Waiting, nil }

// discovered returns the provider's endpoints and keys, asking for them once.
func (c *Client) discovered(ctx context.Context) (*gooidc.Provider, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.provider != nil {
		return c.provider, nil
	}
	// The keys are fetched again later with this context: it must not end.
	p, err := within(ctx, func() (*gooidc.Provider, error) {
		return gooidc.NewProvider(gooidc.ClientContext(context.WithoutCancel(ctx), c.http), c.cfg.Issuer)
	})
	if err != nil {
		return nil, &proof.Failure{Op: "oidc discovery", Class: proof.Retry, Cause: errors.New("the provider's discovery document cannot be read, or names another issuer")}
	}
	c.provider = p
	return p, nil
}

// within ends waiting with ctx. The call itself ends with the client's timeout.
func within[T any](ctx context.Context, fn func() (T, error)) (T, error) {
	type result struct {
		v   T
		err error
	}
	done := make(chan result, 1)
	go func() {
		v, err := fn()
		done <- result{v, err}
	}()
	select {
	case r := <-done:
		return r.v, r.err
	case <-ctx.Done():
		var zero T
		return zero, ctx.Err()
	}
}

func (c *Client) oauth(p *gooidc.Provider) *oauth2.Config {
	return &oauth2.Config{ClientID: c.cfg.ClientID, ClientSecret: c.cfg.ClientSecret, Endpoint: p.Endpoint(),
		RedirectURL: c.cfg.PublicURL + PathCallback, Scopes: c.scopes()}
}

func (c *Client) scopes() []string {
	s := []string{gooidc.ScopeOpenID}
	if c.cfg.Claim == "email" {
		return append(s, "email")
	}
	return append(s, "profile", "email")
}

// SignIn is the address at the provider that a browser is sent to.
func (c *Client) SignIn(ctx context.Context, s Session) (string, error) {
	p, err := c.discovered(ctx)
	if err != nil {
		return "", err
	}
	opts := []oauth2.AuthCodeOption{gooidc.Nonce(s.nonce()), oauth2.S256ChallengeOption(s.verifier()),
		oauth2.SetAuthURLParam("max_age", "0"), oauth2.SetAuthURLParam("prompt", "login")}
	if len(c.cfg.ACR) > 0 {
		opts = append(opts, oauth2.SetAuthURLParam("acr_values", strings.Join(c.cfg.ACR, " ")))
	}
	return c.oauth(p).AuthCodeURL(s.State(), opts...), nil
}

// Host is where people's browsers reach us, for links in messages.
func (c *Client) Host() string {
	u, err := url.Parse(c.cfg.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Path is what the public address has before our own paths.
func (c *Client) Path() string {
	u, err := url.Parse(c.cfg.PublicURL)
	if err != nil {
		return ""
	}
	return strings.TrimRight(u.Path, "/")
}

// Secure says whether browsers reach us by https.
func (c *Client) Secure() bool { return strings.HasPrefix(c.cfg.PublicURL, "https:") }

// random returns 256 random bits in 43 characters.
func random() string {
	var b [32]byte
	rand.Read(b[:]) // never fails, by its documentation
	return base64.RawURLEncoding.EncodeToString(b[:])
}
