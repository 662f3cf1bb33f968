package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// t0 is the now of the tests.
var t0 = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// backend is a server with the raw commands that tests need for tampering.
type backend struct {
	addr string
	do   func(args ...any) any
}

// both runs a contract test on miniredis and on a real redis-server.
func both(t *testing.T, test func(t *testing.T, b backend)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		m := redistest.Mini(t)
		test(t, backend{addr: m.Addr(), do: rawDo(t, m.Addr())})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		s := redistest.Start(t)
		test(t, backend{addr: s.Addr, do: s.Do})
	})
}

func rawDo(t *testing.T, addr string) func(args ...any) any {
	return func(args ...any) any {
		t.Helper()
		c := plain(addr)
		defer c.Close()
		v, err := c.Do(context.Background(), args...).Result()
		if err != nil && err.Error() != "redis: nil" {
			t.Fatalf("%v: %v", args, err)
		}
		return v
	}
}

func open(t testing.TB, addr string, change ...func(*store.Options)) *store.Store {
	t.Helper()
	o := store.Options{Addrs: []string{addr}}
	for _, c := range change {
		c(&o)
	}
	s, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// must commits and fails the test unless it is applied.
func must(t testing.TB, s *store.Store, c store.Commit) {
	t.Helper()
	want(t, s, c, nil)
}

// want commits and compares the result.
func want(t testing.TB, s *store.Store, c store.Commit, target error) {
	t.Helper()
	if err := s.Commit(context.Background(), c)[0]; !errors.Is(err, target) || (target == nil) != (err == nil) {
		t.Fatalf("commit %s: %v, want %v", c.Op, err, target)
	}
}

func load(t testing.TB, s *store.Store, id string) store.Doc {
	t.Helper()
	docs, err := s.Load(context.Background(), id)
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	return docs[0]
}

func wantDoc(t testing.TB, s *store.Store, id string, version int64, body string) {
	t.Helper()
	d := load(t, s, id)
	if d.ID != id || d.Version != version || !bytes.Equal(d.Body, []byte(body)) {
		t.Fatalf("document %s: version %d body %q, want %d %q", d.ID, d.Version, d.Body, version, body)
	}
}

// put writes a closed document without more ado.
func put(id string, ifVersion int64, body string) store.Write {
	return store.Write{ID: id, IfVersion: ifVersion, Body: []byte(body)}
}

func effect(id string, lane store.Lane, due time.Time) store.Effect {
	return store.Effect{ID: id, Lane: lane, Kind: "k", Group: "C1", Doc: "case-1", Body: []byte("body of " + id), Planned: t0, Due: due}
}

func claim(t testing.TB, s *store.Store, lane store.Lane, now time.Time, limit int) []store.Effect {
	t.Helper()
	got, err := s.Claim(context.Background(), lane, now, limit, time.Minute)
	if err != nil {
		t.Fatalf("claim: %v", err)
	}
	return got
}

func ids(effects []store.Effect) string {
	var out []string
	for _, e := range effects {
		out = append(out, e.ID)
	}
	return fmt.Sprint(out)
}

func audit(t testing.TB, s *store.Store, now time.Time) store.Report {
	t.Helper()
	r, err := s.Audit(context.Background(), now, time.Minute)
	if err != nil {
		t.Fatalf("audit: %v", err)
	}
	return r
}
