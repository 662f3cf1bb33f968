package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

// startTimeout is how long a server may take until it answers.
const startTimeout = 10 * time.Second

// Mini starts a miniredis that ends with the test.
func Mini(t testing.TB) *miniredis.Miniredis {
	t.Helper()
	m := miniredis.NewMiniRedis()
	if err := m.Start(); err != nil {
		t.Fatalf("start miniredis: %v", err)
	}
	t.Cleanup(m.Close)
	return m
}

// Binary is the path of redis-server. Without one the test is skipped, or
// fails when CI=true.
func Binary(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	switch {
	case err == nil:
		return path
	case os.Getenv("CI") == "true":
		t.Fatal("redis-server is not installed, and CI=true wants this test to run")
	default:
		t.Skip("redis-server is not installed")
	}
	return ""
}

// ReplicaOf starts a server that replicates primary, and returns when it has
// caught up.
func ReplicaOf(t testing.TB, primary string, args ...string) *Server {
	t.Helper()
	host, port, err := net.SplitHostPort(primary)
	if err != nil {
		t.Fatalf("split address: %v", err)
	}
	s := Start(t, append([]string{"--replicaof", host + " " + port, "--repl-diskless-sync-delay", "0"}, args...)...)
	Eventually(t, "the replica has caught up", func() bool {
		return s.Info("replication")["master_link_status"] == "up"
	})
	return s
}

// Eventually polls until the condition holds, for at most startTimeout.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(startTimeout)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("still not after %v: %s", startTimeout, what)
		}
		<-tick.C
	}
}

// Server is a redis-server process of the test's own.
type Server struct {
	// Addr is its "host:port" on loopback; it stays the same over restarts.
	Addr string
	// Dir holds its append-only files and snapshots; it is removed with the test.
	Dir string

	t       testing.TB
	binary  string
	args    []string // added by the test
	command []string // if set, the whole command line

	mu   sync.Mutex
	proc *exec.Cmd
	gone chan struct{} // closed when proc has ended
}

// Start starts a redis-server with the given options ("--appendonly", "yes")
// on top of: loopback only, no snapshots, a directory of its own.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	binary := Binary(t)
	dir, err := os.MkdirTemp("", "redistest")
	if err != nil {
		t.Fatalf("make a directory for redis-server: %v", err)
	}
	s := &Server{t: t, binary: binary, args: args, Dir: dir}
	t.Cleanup(func() {
		s.Kill()
		os.RemoveAll(dir)
	})
	for range 3 { // somebody may take the port between our look and the server's
		s.Addr = freeAddr(t)
		if err = s.launch(); err == nil {
			return s
		}
		s.Kill()
	}
	t.Fatalf("start redis-server: %v\n%s", err, s.Log())
	return nil
}

func (s *Server) launch() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return fmt.Errorf("split address: %w", err)
	}
	args := append([]string{"--bind", host, "--port", port, "--dir", s.Dir, "--save", "",
		"--replica-announce-ip", host, "--cluster-announce-ip", host, "--daemonize", "no", "--logfile", filepath.Join(s.Dir, "log")}, s.args...)
	if s.command != nil {
		args = s.command
	}
	cmd := exec.Command(s.binary, args...)
	endWithParent(cmd)
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = cmd.Wait()
	}()
	s.mu.Lock()
	s.proc, s.gone = cmd, gone
	s.mu.Unlock()
	return s.awaitReady(gone)
}

// awaitReady returns when the server answers with its data loaded.
func (s *Server) awaitReady(gone <-chan struct{}) error {
	c := s.Client()
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.knock()
		if err == nil {
			err = c.Ping(ctx).Err()
		}
		if err == nil {
			return s.isOurs(ctx, c)
		}
		if redis.HasErrorPrefix(err, "NOAUTH") {
			return nil
		}
		select {
		case <-gone:
			return errors.New("redis-server ended at once")
		case <-ctx.Done():
			return fmt.Errorf("redis-server does not answer: %w", err)
		case <-tick.C:
		}
	}
}

// knock keeps the client library, which logs every refused connection, away
// from a server that does not listen yet.
func (s *Server) knock() error {
	c, err := net.Dial("tcp", s.Addr)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return c.Close()
}

// isOurs tells our process from another one that got the port first.
func (s *Server) isOurs(ctx context.Context, c *redis.Client) error {
	info, err := c.Info(ctx, "server").Result()
	if err != nil {
		return fmt.Errorf("ask redis-server for its process id: %w", err)
	}
	s.mu.Lock()
	want := "process_id:" + strconv.Itoa(s.proc.Process.Pid) + "\r\n"
	s.mu.Unlock()
	if !strings.Contains(info, want) {
		return errors.New("another server has taken the port")
	}
	return nil
}

// Kill ends the server with SIGKILL, as a crash would, and returns when it is
// gone.
func (s *Server) Kill() {
	s.mu.Lock()
	proc, gone := s.proc, s.gone
	s.mu.Unlock()
	if proc == nil {
		return
	}
	_ = proc.Process.Kill()
	<-gone
}

// Restart starts the server again at the same address, with the data that its
// directory still holds, and returns when it answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.Kill()
	if err := s.launch(); err != nil {
		s.t.Fatalf("restart redis-server: %v\n%s", err, s.Log())
	}
}

// Config is CONFIG SET.
func (s *Server) Config(name, value string) {
	s.t.Helper()
	s.Do("config", "set", name, value)
}

// Do sends one command over a connection of its own and returns the answer.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	c := s.Client()
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	v, err := c.Do(ctx, args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("redis-server: %v: %v", args[0], err)
	}
	return v
}

// Info returns the fields of one section of INFO.
func (s *Server) Info(section string) map[string]string {
	s.t.Helper()
	out := map[string]string{}
	text, _ := s.Do("info", section).(string)
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			out[name] = value
		}
	}
	return out
}

// Client is a plain client for the server; the caller closes it.
func (s *Server) Client() *redis.Client {
	return redis.NewClient(&redis.Options{Addr: s.Addr, Protocol: 2, MaxRetries: -1, DialerRetries: 1, DisableIdentity: true})
}

// Log is what the server has written to its log.
func (s *Server) Log() string {
	b, err := os.ReadFile(filepath.Join(s.Dir, "log"))
	if err != nil {
		return ""
	}
	return string(b)
}
