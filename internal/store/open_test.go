package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

func openErr(t *testing.T, o store.Options) error {
	t.Helper()
	s, err := store.Open(context.Background(), o)
	if err == nil {
		s.Close()
	}
	return err
}

func TestOpenUsage(t *testing.T) {
	t.Parallel()
	mini := redisMini(t)
	for name, o := range map[string]store.Options{
		"no address":          {},
		"brace in the prefix": {Addrs: []string{mini}, Prefix: "a}b"},
		"unknown durability":  {Addrs: []string{mini}, Durability: "very"},
		"negative replicas":   {Addrs: []string{mini}, Replicas: -1},
		"confirm too long":    {Addrs: []string{mini}, Timeout: time.Second, ConfirmTimeout: time.Second},
		"two single servers":  {Addrs: []string{mini, redisMini(t)}},
	} {
		if err := openErr(t, o); !errors.Is(err, store.ErrUsage) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOpenWithoutServer(t *testing.T) {
	t.Parallel()
	m := redistest.Mini(t)
	addr := m.Addr()
	m.Close()
	err := openErr(t, store.Options{Addrs: []string{addr}, Username: "bot", Password: "canary-secret"})
	var ue *store.UnavailableError
	if !errors.Is(err, store.ErrUnavailable) || !errors.As(err, &ue) || !ue.Refused {
		t.Fatalf("open: %v", err)
	}
	if strings.Contains(err.Error(), "canary") {
		t.Fatalf("the password is in the error: %v", err)
	}
}

func TestPassword(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--requirepass", "canary-secret")
	o := store.Options{Addrs: []string{s.Addr}, Password: "canary-secret"}
	if err := openErr(t, o); err != nil {
		t.Fatal(err)
	}
	o.Password = "canary-wrong"
	if err := openErr(t, o); !errors.Is(err, store.ErrUnavailable) || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "password") {
		t.Fatalf("wrong password: %v", err)
	}
	for _, text := range []string{fmt.Sprintf("%v %+v %#v %s", o, o, o, o), slogText(o)} {
		if strings.Contains(text, "canary") {
			t.Errorf("the password is printed: %s", text)
		}
	}
}

func slogText(o store.Options) string {
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("open", "options", o)
	return b.String()
}

func TestPrefixesAreSeparateStores(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		a := open(t, b.addr, func(o *store.Options) { o.Prefix = "a" })
		other := open(t, b.addr, func(o *store.Options) { o.Prefix = "b" })
		must(t, a, store.Commit{Op: "1", Writes: []store.Write{openDoc("x", t0)}, Plan: []store.Effect{effect("e", store.LanePage, t0)}})
		wantDoc(t, other, "x", 0, "")
		if got := claim(t, other, store.LanePage, t0, 9); len(got) != 0 {
			t.Fatal("claimed an effect of the other store")
		}
	})
}

func TestEpoch(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		ctx := context.Background()
		first, created, err := epochOf(open(t, b.addr))
		if err != nil || !created || len(first) < 16 {
			t.Fatalf("an empty store: %q %v %v", first, created, err)
		}
		s := open(t, b.addr)
		if id, created, err := epochOf(s); err != nil || created || id != first {
			t.Fatalf("opened again: %q %v %v, want %q", id, created, err, first)
		}
		if changed, err := s.EpochChanged(ctx); err != nil || changed {
			t.Fatalf("changed: %v %v", changed, err)
		}
		b.do("flushall")
		if changed, err := s.EpochChanged(ctx); err != nil || !changed {
			t.Fatalf("wiped, but changed: %v %v", changed, err)
		}
		id, created, err := epochOf(s)
		if err != nil || !created || id == first {
			t.Fatalf("after the wipe: %q %v %v", id, created, err)
		}
		if changed, err := s.EpochChanged(ctx); err != nil || changed {
			t.Fatalf("the new epoch was not taken over: %v %v", changed, err)
		}
		b.do("set", "{sb}:epoch", "of another store")
		if changed, err := s.EpochChanged(ctx); err != nil || !changed {
			t.Fatalf("replaced, but changed: %v %v", changed, err)
		}
	})
}

func epochOf(s *store.Store) (string, bool, error) { return s.Epoch(context.Background()) }

func TestLostCommitsAreNoticedAtTheNextCommit(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		for i := range 5 {
			must(t, s, store.Commit{Op: fmt.Sprint(i), Cancel: []string{"x"}})
		}
		if s.LostCommits() != 0 {
			t.Fatal("nothing was lost")
		}
		b.do("set", "{sb}:seq", 2) // a replica that had seen two of the five
		late := open(t, b.addr)
		must(t, s, store.Commit{Op: "next", Cancel: []string{"x"}})
		must(t, s, store.Commit{Op: "after that", Cancel: []string{"x"}})
		must(t, late, store.Commit{Op: "late", Cancel: []string{"x"}})
		if s.LostCommits() != 3 || late.LostCommits() != 0 {
			t.Fatalf("lost %d and %d, want 3 and 0", s.LostCommits(), late.LostCommits())
		}
	})
}

func TestPingAndTime(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		if err := s.Ping(context.Background()); err != nil {
			t.Fatal(err)
		}
		before := time.Now()
		now, err := s.Time(context.Background())
		if err != nil || now.Before(before.Add(-time.Second)) || now.After(time.Now().Add(time.Second)) || now.Location() != time.UTC {
			t.Fatalf("time: %v, %v", now, err)
		}
	})
}

// confirming gives a miniredis a version and a command that confirms commits.
func confirming(t *testing.T, version, command string, reply func(*server.Peer)) string {
	t.Helper()
	m := redistest.Mini(t)
	hook := func(c *server.Peer, cmd string, args ...string) bool {
		switch {
		case cmd == "INFO":
			c.WriteBulk("redis_version:" + version + "\r\naof_enabled:1\r\nmaxmemory_policy:noeviction\r\nconnected_slaves:2\r\nrole:master\r\n")
		case cmd == command:
			reply(c)
		default:
			return false
		}
		return true
	}
	m.Server().SetPreHook(hook)
	return m.Addr()
}

// TestCommitsAreConfirmed: the same commit counts once the server confirms it.
func TestCommitsAreConfirmed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		durability, version, command string
		poor, good                   func(*server.Peer)
	}{
		"replicas": {store.DurabilityReplicated, "7.0.15", "WAIT",
			func(p *server.Peer) { p.WriteInt(1) }, func(p *server.Peer) { p.WriteInt(2) }},
		"disk": {store.DurabilityFsynced, "7.2.4", "WAITAOF",
			func(p *server.Peer) { p.WriteRaw("*2\r\n:0\r\n:0\r\n") }, func(p *server.Peer) { p.WriteRaw("*2\r\n:1\r\n:0\r\n") }},
		"error": {store.DurabilityFsynced, "8.0.0", "WAITAOF",
			func(p *server.Peer) { p.WriteError("ERR no append-only file") }, func(p *server.Peer) { p.WriteRaw("*2\r\n:1\r\n:0\r\n") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := make(chan func(*server.Peer), 1)
			addr := confirming(t, c.version, c.command, func(p *server.Peer) { (<-answer)(p) })
			s := open(t, addr, func(o *store.Options) { o.Durability, o.Replicas = c.durability, 2 })
			change := store.Commit{Op: "1", Marks: []store.Mark{{ID: "m", TTL: time.Hour}}}
			for range 2 {
				answer <- c.poor
				err := s.Commit(context.Background(), change)[0]
				var ue *store.UnavailableError
				if !errors.As(err, &ue) || ue.Refused {
					t.Fatalf("unconfirmed: %v", err)
				}
			}
			answer <- c.poor
			if err := s.Ping(context.Background()); !errors.Is(err, store.ErrUnavailable) {
				t.Fatalf("ping, unconfirmed: %v", err)
			}
			answer <- c.good
			must(t, s, change)
			answer <- c.good
			want(t, s, store.Commit{Op: "2", Marks: change.Marks}, store.ErrSeen)
		})
	}
}

func TestClientLogIsRouted(t *testing.T) { //nolint:paralleltest // the library has one logger per process
	var b strings.Builder
	store.RouteClientLog(slog.New(slog.NewTextHandler(&b, nil)))
	defer store.RouteClientLog(slog.New(slog.NewTextHandler(io.Discard, nil)))
	m := redistest.Mini(t)
	addr := m.Addr()
	m.Close()
	if err := openErr(t, store.Options{Addrs: []string{addr}}); err == nil {
		t.Fatal("opened")
	}
	if !strings.Contains(b.String(), "redis client") || !strings.Contains(b.String(), "level=WARN") {
		t.Fatalf("logged: %q", b.String())
	}
}
