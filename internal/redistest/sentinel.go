package redistest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// StartSentinel starts a sentinel that watches primary under the given name
// and, alone, decides on a failover half a second after it is gone.
func StartSentinel(t testing.TB, name string, primary *Server) *Server {
	t.Helper()
	dir, err := os.MkdirTemp("", "redistest")
	if err != nil {
		t.Fatalf("make a directory for the sentinel: %v", err)
	}
	s := &Server{t: t, binary: Binary(t), Dir: dir}
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(dir)
	})
	host, port, err := net.SplitHostPort(primary.Addr)
	if err != nil {
		t.Fatalf("split address: %v", err)
	}
	for range 5 {
		s.Addr = freeAddr(t)
		home, own, _ := net.SplitHostPort(s.Addr)
		conf := fmt.Sprintf("port %s\nbind %s\nsentinel announce-ip %s\ndir %s\nlogfile %s\n"+
			"sentinel monitor %s %s %s 1\nsentinel down-after-milliseconds %s 500\nsentinel failover-timeout %s 3000\n",
			own, home, home, dir, filepath.Join(dir, "log"), name, host, port, name, name)
		file := filepath.Join(dir, "sentinel.conf")
		if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
			t.Fatalf("write the sentinel's configuration: %v", err)
		}
		s.command = []string{file, "--sentinel"}
		if err = s.launch(); err == nil {
			return s
		}
		s.Kill()
	}
	t.Fatalf("start the sentinel\n%s", s.Log())
	return nil
}
