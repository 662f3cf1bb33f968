package redistest_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/securitybot/securitybot/internal/redistest"
)

func client(t *testing.T, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr, MaxRetries: -1, Protocol: 2, DisableIdentity: true})
	t.Cleanup(func() { c.Close() })
	return c
}

func TestServerKeepsItsFilesOverKill(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--appendonly", "yes")
	s.Do("set", "a", "1")
	s.Kill()
	if err := client(t, s.Addr).Ping(t.Context()).Err(); err == nil {
		t.Fatal("the server answers after Kill")
	}
	s.Restart()
	if got := s.Do("get", "a"); got != "1" {
		t.Fatalf("after the restart: %v, want 1", got)
	}
	s.Config("maxmemory", "100mb")
	if got := s.Info("memory")["maxmemory"]; got != "104857600" {
		t.Fatalf("maxmemory is %q", got)
	}
}

func TestServersAreSeparate(t *testing.T) {
	t.Parallel()
	a, b := redistest.Start(t), redistest.Start(t)
	a.Do("set", "a", "1")
	if got := b.Do("get", "a"); got != nil {
		t.Fatalf("the other server has %v", got)
	}
}

func TestMini(t *testing.T) {
	t.Parallel()
	if err := client(t, redistest.Mini(t).Addr()).Set(t.Context(), "a", "1", 0).Err(); err != nil {
		t.Fatal(err)
	}
}

func TestProxyLosesOneReplyAfterExecution(t *testing.T) {
	t.Parallel()
	m := redistest.Mini(t)
	p := redistest.NewProxy(t, m.Addr())
	c := client(t, p.Addr)
	if err := c.Incr(t.Context(), "n").Err(); err != nil {
		t.Fatal(err)
	}
	p.LoseReply(0)
	if err := c.Incr(t.Context(), "n").Err(); err == nil {
		t.Fatal("the reply was not lost")
	}
	if n, err := c.Incr(t.Context(), "n").Result(); err != nil || n != 3 {
		t.Fatalf("n = %d, %v; want 3: the command with the lost reply was executed once", n, err)
	}
	if p.Lost() != 1 {
		t.Fatalf("Lost() = %d", p.Lost())
	}
}

func TestProxyDelaysRefusesAndCuts(t *testing.T) {
	t.Parallel()
	p := redistest.NewProxy(t, redistest.Mini(t).Addr())
	c := client(t, p.Addr)
	if err := c.Ping(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	p.Delay(30 * time.Millisecond)
	began := time.Now()
	if err := c.Ping(t.Context()).Err(); err != nil || time.Since(began) < 30*time.Millisecond {
		t.Fatalf("answered after %v, %v", time.Since(began), err)
	}
	p.Delay(0)
	p.Refuse(true)
	p.Cut()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := c.Ping(ctx).Err(); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("while refusing: %v", err)
	}
	p.Refuse(false)
	if err := client(t, p.Addr).Ping(ctx).Err(); err != nil {
		t.Fatalf("afterwards: %v", err)
	}
}
