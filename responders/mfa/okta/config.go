package okta

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/proof"
)

// Config names an Okta organisation.
type Config struct {
	URL   string           // https://corp.okta.com, without path
	Token string           // API token that may verify factors; secret
	HTTP  *http.Client     // nil uses one with sensible timeouts; redirects are never followed
	Now   func() time.Time // nil is time.Now; for tests
}

// New returns a client. It contacts nobody.
func New(cfg Config) (*Client, error) {
	u, err := proof.Address(cfg.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("okta: URL: %w", err)
	case u.Path != "":
		return nil, errors.New("okta: URL: want the organisation's host alone, such as https://corp.okta.com")
	case strings.TrimSpace(cfg.Token) == "":
		return nil, errors.New("okta: token is missing")
	}
	c := &Client{base: u.Scheme + "://" + u.Host, token: strings.TrimSpace(cfg.Token), http: proof.Client(cfg.HTTP), now: cfg.Now}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}
