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
	base, err := baseURL("events URL", raw)
	return strings.TrimRight(strings.TrimSuffix(base, "/v2/enqueue"), "/"), err
}

// baseURL checks an address that gets a key from us, and returns it without a
// final slash.
func baseURL(what, raw string) (string, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return "", errors.New(what + ": not a URL") // the parser's text repeats the URL
	}
	switch {
	case u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "", errors.New(what + ": want https://host")
	case u.User != nil:
		return "", errors.New(what + ": no user or password, please")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "", fmt.Errorf("%s: http to %s would send the key in the clear", what, u.Hostname())
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New(what + ": no query or fragment")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.Path, "/"), nil
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
func (c Config) client() *http.Client { return bounded(c.HTTP) }

func bounded(given *http.Client) *http.Client {
	h := http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: callTimeout,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   16,
		ForceAttemptHTTP2:     true,
	}}
	if given != nil {
		h = *given
	}
	if h.Timeout <= 0 {
		h.Timeout = callTimeout
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}
