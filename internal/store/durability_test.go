package store_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// TestStrict opens the store on servers with all kinds of settings.
func TestStrict(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args       []string
		durability string
		problem    string // "" when strict accepts it
	}{
		"no append-only file":   {nil, "", "append-only file is off"},
		"append-only file":      {[]string{"--appendonly", "yes"}, "", ""},
		"eviction":              {[]string{"--appendonly", "yes", "--maxmemory-policy", "allkeys-lru"}, "", "maxmemory-policy is allkeys-lru"},
		"fsync every second":    {[]string{"--appendonly", "yes"}, store.DurabilityFsynced, "appendfsync is everysec"},
		"fsync always":          {[]string{"--appendonly", "yes", "--appendfsync", "always"}, store.DurabilityFsynced, ""},
		"no replica":            {[]string{"--appendonly", "yes"}, store.DurabilityReplicated, "0 of 1 replicas"},
		"is a replica":          {[]string{"--appendonly", "yes", "--replicaof", "127.0.0.1 1"}, "", "this server is a replica"},
		"CONFIG forbidden":      {[]string{"--appendonly", "yes", "--rename-command", "CONFIG", ""}, "", ""},
		"CONFIG forbidden, off": {[]string{"--rename-command", "CONFIG", ""}, "", "append-only file is off"},
		"fsync not told":        {[]string{"--appendonly", "yes", "--rename-command", "CONFIG", ""}, store.DurabilityFsynced, "appendfsync"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := redistest.Start(t, c.args...)
			o := store.Options{Addrs: []string{srv.Addr}, Durability: c.durability, Strict: true}
			err := openErr(t, o)
			var nd *store.NotDurableError
			if c.problem == "" {
				if err != nil {
					t.Fatalf("open: %v", err)
				}
				return
			}
			if !errors.As(err, &nd) || !strings.Contains(err.Error(), c.problem) || nd.Report.Certain() {
				t.Fatalf("open: %v, want a refusal because %q", err, c.problem)
			}
			o.Strict = false
			if err := openErr(t, o); err != nil && c.problem != "this server is a replica" {
				t.Fatalf("open, not strict: %v", err)
			}
		})
	}
}

func TestStrictOnMiniredis(t *testing.T) {
	t.Parallel()
	o := store.Options{Addrs: []string{redisMini(t)}, Strict: true}
	var nd *store.NotDurableError
	if err := openErr(t, o); !errors.As(err, &nd) || !nd.Report.Holds() || len(nd.Report.Unknown) != 2 {
		t.Fatalf("open: %v", err)
	}
	o.Strict = false
	if err := openErr(t, o); err != nil {
		t.Fatal(err)
	}
}

func TestDurabilityReport(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t, "--appendonly", "yes")
	s := open(t, srv.Addr)
	r, err := s.Durability(context.Background())
	if err != nil || !r.Certain() || r.AOF != "on" || r.Fsync != "everysec" || r.Eviction != "noeviction" || r.Replicas != 0 || r.Level != "local" || !strings.Contains(r.Version, ".") {
		t.Fatalf("%+v, %v", r, err)
	}
	srv.Config("appendonly", "no")
	r, err = s.Durability(context.Background())
	if err != nil || r.Holds() || !strings.Contains(r.ProcessCrash, "loses everything") {
		t.Fatalf("after CONFIG SET: %+v, %v", r, err)
	}
	text := strings.Join(r.Sentences(), "\n")
	if !strings.Contains(text, `The durability level "local" does not hold: the append-only file is off.`) {
		t.Fatalf("sentences:\n%s", text)
	}
}
