package lookup

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

var errForbidden = errors.New("the address is not one of the internet")

// endpoint is a configured address of a source.
type endpoint struct {
	*url.URL
	literal netip.Addr // the host, when it was configured as an address
}

// newEndpoint checks the address of a source: https, or a server on this
// machine.
func newEndpoint(raw string) (endpoint, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.Opaque != "" || u.Scheme != "https" && u.Scheme != "http" {
		return endpoint{}, errors.New("want an address such as https://host/path")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return endpoint{}, errors.New("want no user, query or fragment in the address")
	}
	e := endpoint{URL: u}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil {
		e.literal = a.WithZone("").Unmap()
		if c := classifyIP(e.literal, Own{}); c.Name == "metadata" || c.Name == "link-local" {
			return endpoint{}, errors.New("that is an address of instance metadata or of one link; nothing is asked there")
		}
	}
	if u.Scheme == "http" && !e.local() {
		return endpoint{}, errors.New("use https; http is for a server on this machine")
	}
	return e, nil
}

// local says whether the endpoint was configured as an address of this machine.
func (e endpoint) local() bool { return e.literal.IsValid() && e.literal.IsLoopback() }

// hostPort is what is dialled for the endpoint.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return net.JoinHostPort(u.Hostname(), port)
}

// dialer connects to public addresses only. The check is on the address that is
// really dialled, after names were resolved, so that a name that changes its
// address in between gains nothing. An endpoint that was configured as an
// address is the operator's word and is dialled as it is.
func dialer(literals map[string]bool, resolver *net.Resolver) func(context.Context, string, string) (net.Conn, error) {
	strict := &net.Dialer{Timeout: 4 * time.Second, Resolver: resolver, Control: func(_, address string, _ syscall.RawConn) error {
		ap, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: not an address", errForbidden)
		}
		if !Public(ap.Addr()) {
			return fmt.Errorf("%w: %s", errForbidden, ap.Addr())
		}
		return nil
	}}
	plain := &net.Dialer{Timeout: 4 * time.Second}
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if literals[addr] {
			return plain.DialContext(ctx, network, addr)
		}
		return strict.DialContext(ctx, network, addr)
	}
}
