package lookupfake

import (
	"context"
	"net"
)

// via is a resolver that asks one DNS server only.
func (s *Server) via(addr string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "udp", addr)
	}}
}
