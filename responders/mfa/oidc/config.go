package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"

	"github.com/securitybot/securitybot/internal/proof"
)

// Paths below the public address.
const (
	PathStart    = "/verify/"         // and the ticket
	PathCallback = "/verify/callback" // the redirect URI to register at the provider
	PathConfirm  = "/verify/confirm"
)

// Config names a provider and our client there.
type Config struct {
	Issuer       string // as in its discovery document
	ClientID     string
	ClientSecret string   // secret
	PublicURL    string   // where people's browsers reach us, without final slash
	Claim        string   // of the ID token that names the person; empty is email, which has to be verified
	ACR          []string // authentication contexts that count; empty: the provider's own rules decide
	AMR          []string // methods that all must have been used
	HTTP         *http.Client
	Now          func() time.Time
}

// New returns a client. It contacts nobody.
func New(cfg Config) (*Client, error) {
	for _, raw := range []string{cfg.Issuer, cfg.PublicURL} {
		if _, err := proof.Address(raw); err != nil {
			return nil, fmt.Errorf("oidc: issuer and public URL: %w", err)
		}
	}
	if cfg.ClientID == "" || cfg.ClientSecret == "" {
		return nil, errors.New("oidc: client id or secret is missing")
	}
	c := &Client{cfg: cfg, http: proof.Client(cfg.HTTP), now: cfg.Now}
	c.http.Timeout = proof.CallTimeout
	c.cfg.PublicURL = strings.TrimRight(cfg.PublicURL, "/")
	c.cfg.ACR, c.cfg.AMR = slices.Clone(cfg.ACR), slices.Clone(cfg.AMR)
	if c.cfg.Claim == "" {
		c.cfg.Claim = "email"
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

// algorithms are the signatures that are believed: none with a shared secret.
var algorithms = []string{gooidc.RS256, gooidc.RS384, gooidc.RS512, gooidc.ES256, gooidc.ES384, gooidc.ES512, gooidc.PS256, gooidc.PS384, gooidc.PS512, gooidc.EdDSA}
