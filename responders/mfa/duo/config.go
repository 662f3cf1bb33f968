package duo

import (
	"errors"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/proof"
)

// Config names an application of type "Auth API" in Duo.
type Config struct {
	URL            string           // https://api-XXXXXXXX.duosecurity.com, without path
	IntegrationKey string           // names the application; not secret
	SecretKey      string           // signs the requests; secret
	HTTP           *http.Client     // nil uses one with sensible timeouts; redirects are never followed
	Now            func() time.Time // nil is time.Now; requests with a date off by minutes are refused
}

// New returns a client. It contacts nobody.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(cfg.URL)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
		return nil, errors.New("duo: want the address of the API host, such as https://api-XXXXXXXX.duosecurity.com")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errors.New("duo: want https")
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

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
