package redistest

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
)

// A server that is killed keeps its address: what dials it must be refused, and
// it must get it again. On 127.0.0.1 the kernel gives the port to the next that
// asks for any, such as another test's double. Linux has the whole of 127.0.0.0/8,
// so each process has an address of its own there and counts its ports up.

const (
	firstPort = 20_000
	// lastPort leaves room for a cluster's own port, 10000 further up.
	lastPort = 55_000
)

var ports atomic.Int64 // given away

// freeAddr returns an address that nobody listens on and no other call returns.
func freeAddr(t testing.TB) string {
	t.Helper()
	host := home()
	for range 1000 {
		port := "0"
		if host != loopback {
			port = strconv.FormatInt(firstPort+ports.Add(1)%(lastPort-firstPort), 10)
		}
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			continue
		}
		l.Close()
		if a, ok := l.Addr().(*net.TCPAddr); ok && a.Port < lastPort {
			return a.String()
		}
	}
	t.Fatalf("find a free port on %s", host)
	return ""
}

const loopback = "127.0.0.1"

// home is this process's own loopback address, or the usual one where there is no
// other.
var home = sync.OnceValue(func() string {
	pid := os.Getpid() // at most 22 bits
	own := fmt.Sprintf("127.%d.%d.%d", 64+pid>>16&63, pid>>8&255, pid&255)
	l, err := net.Listen("tcp", net.JoinHostPort(own, "0"))
	if err != nil {
		return loopback
	}
	l.Close()
	return own
})
