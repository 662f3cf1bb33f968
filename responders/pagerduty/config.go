package pagerduty

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// DefaultEventsURL is the endpoint of accounts in the United States; European
// accounts have another one (PagerDuty, "Service Regions").
const DefaultEventsURL = "https://events.pagerduty.com"

// DefaultPerMinute is how many events a minute one integration key takes, as
// PagerDuty documents it ("Events API v2, API Response Codes & Retry Logic").
const DefaultPerMinute = 120

// callTimeout bounds one attempt, connecting included.
const callTimeout = 10 * time.Second

// Config says where pages go.
type Config struct {
	EventsURL   string // base URL without path; empty is DefaultEventsURL
	RoutingKey  string // integration key of the service that wakes the team; secret
	FallbackKey string // of a second service; empty when there is none; secret
	// PerMinute is how many events a minute each key is given; zero is
	// DefaultPerMinute.
	PerMinute int
	HTTP      *http.Client     // nil uses one with sensible timeouts; redirects are never followed
	Now       func() time.Time // nil is time.Now; for tests
}

// endpoint checks the base URL and brings it to the form the client library
// wants.
func (c Config) endpoint() (string, error) {
	raw := c.EventsURL
	if raw == "" {
		raw = DefaultEventsURL
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New("events URL: not a URL") // the parser's text repeats the URL
	}
	switch {
	case u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "", errors.New("events URL: want https://host")
	case u.User != nil:
		return "", errors.New("events URL: no user or password, please")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "", fmt.Errorf("events URL: http to %s would send the key in the clear", u.Hostname())
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("events URL: no query or fragment")
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/v2/enqueue")
	return u.Scheme + "://" + u.Host + strings.TrimRight(path, "/"), nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// client returns the HTTP client to use. A redirect would carry the key to
// another host, so it is an answer, not an instruction.
func (c Config) client() *http.Client {
	h := http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: callTimeout,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   16,
		ForceAttemptHTTP2:     true,
	}}
	if c.HTTP != nil {
		h = *c.HTTP
	}
	if h.Timeout <= 0 {
		h.Timeout = callTimeout
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}
