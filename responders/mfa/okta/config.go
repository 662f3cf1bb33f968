package okta

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
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
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return nil, errors.New("okta: want the address of the organisation, such as https://corp.okta.com")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errors.New("okta: want https")
	case strings.TrimSpace(cfg.Token) == "":
		return nil, errors.New("okta: token is missing")
	}
	c := &Client{base: u.Scheme + "://" + u.Host, token: strings.TrimSpace(cfg.Token), http: proof.Client(cfg.HTTP), now: cfg.Now}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
