package proof

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Errors of Address.
var (
	errNoHost = errors.New("want the address of a host, such as https://login.corp.example")
	errPlain  = errors.New("want https; http would send secrets in the clear")
)

// Address reads the address of a provider or of ourselves: https, or http to
// this machine, without user and query. A final slash is taken off the path.
func Address(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errNoHost // the parser's text repeats the address
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, errPlain
	}
	u.Path = strings.TrimRight(u.Path, "/")
	return u, nil
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
