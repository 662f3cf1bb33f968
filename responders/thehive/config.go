package thehive

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// How long one attempt may take, connecting included.
const (
	callTimeout   = 15 * time.Second
	uploadTimeout = 2 * time.Minute
)

// DefaultMaxFile is how many bytes a file may have to be uploaded; what is larger is
// recorded as a link and a hash. TheHive itself takes 1 GB by default
// (documentation, "Update TheHive Service Configuration").
const DefaultMaxFile = 10 << 20

// Marking is a level of the Traffic Light Protocol or of the Permissible
// Actions Protocol as TheHive numbers it.
type Marking int

// The markings that records may have. They name employees and hosts, so that
// nothing below amber is offered.
const (
	Amber Marking = 2
	Red   Marking = 3
)

// tlp is the marking as TLP. TheHive numbers TLP 0 to 4, with amber+strict
// before red.
func (m Marking) tlp() int {
	if m == Red {
		return 4
	}
	return 2
}

// pap is the marking as PAP, which is numbered 0 to 3.
func (m Marking) pap() int {
	if m == Red {
		return 3
	}
	return 2
}

// Config says where records go.
type Config struct {
	URL          string // base URL as in the browser, with the path of a proxy if there is one
	APIKey       string // of a service account; secret
	Organisation string // empty is the account's default organisation
	Marking      Marking
	MaxFile      int64            // bytes; zero is DefaultMaxFile
	HTTP         *http.Client     // nil uses one with sensible timeouts; redirects are never followed
	Now          func() time.Time // nil is time.Now; for tests
}

// longestName is how many characters the name of an organisation or template may have.
const longestName = 128

// IsName says whether s can be the name of an organisation or template: letters
// and digits of any script, with spaces and . _ @ / - after the first. Line ends
// and other surprises stay out of the header.
func IsName(s string) bool {
	count := 0
	for i, r := range s {
		if !unicode.In(r, unicode.L, unicode.N) && (i == 0 || !strings.ContainsRune(" ._@/-", r)) {
			return false
		}
		count++
	}
	return count > 0 && count <= longestName
}

// base checks the URL and returns it without a slash at its end.
func (c Config) base() (string, error) {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "", errors.New("URL: not a URL") // the parser's text repeats the URL
	}
	switch {
	case u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return "", errors.New("URL: want https://host")
	case u.User != nil:
		return "", errors.New("URL: no user or password, please")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "", fmt.Errorf("URL: http to %s would send the key in the clear", u.Hostname())
	case u.RawQuery != "" || u.Fragment != "":
		return "", errors.New("URL: no query or fragment")
	}
	return u.Scheme + "://" + u.Host + strings.TrimRight(u.EscapedPath(), "/"), nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// client returns the HTTP client to use. A redirect would carry the key to
// another host, so it is an answer, not an instruction. Attempts are bounded by
// their contexts, because an upload takes longer than a question.
func (c Config) client() *http.Client {
	h := http.Client{Transport: &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 5 * time.Second,
		IdleConnTimeout:     60 * time.Second,
		MaxIdleConnsPerHost: 4,
		ForceAttemptHTTP2:   true,
	}}
	if c.HTTP != nil {
		h = *c.HTTP
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}
