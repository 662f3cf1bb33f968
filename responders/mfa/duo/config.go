package duo

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/proof"
)

// Config names an application of type "Auth API" in Duo.
type Config struct {
	URL            string           // https://api-1a2b3c4d.duosecurity.com, without path
	IntegrationKey string           // names the application; not secret
	SecretKey      string           // signs the requests; secret
	HTTP           *http.Client     // nil uses one with sensible timeouts; redirects are never followed
	Now            func() time.Time // nil is time.Now; requests with a date off by minutes are refused
}

// New returns a client. It contacts nobody.
func New(cfg Config) (*Client, error) {
	u, err := proof.Address(cfg.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("duo: URL: %w", err)
	case u.Path != "":
		return nil, errors.New("duo: URL: want the API host alone, such as https://api-1a2b3c4d.duosecurity.com")
	case cfg.IntegrationKey == "" || cfg.SecretKey == "":
		return nil, errors.New("duo: integration key or secret key is missing")
	}
	c := &Client{scheme: u.Scheme, host: u.Host, key: strings.TrimSpace(cfg.IntegrationKey), secret: strings.TrimSpace(cfg.SecretKey),
		http: proof.Client(cfg.HTTP), now: cfg.Now}
	if c.now == nil {
		c.now = time.Now
	}
	return c, nil
}
