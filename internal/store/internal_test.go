package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/securitybot/securitybot/internal/redistest"
)

func TestAssessSentences(t *testing.T) {
	t.Parallel()
	base := settings{version: "7.0.15", aof: "on", fsync: "everysec", eviction: "noeviction", minReplicas: "0"}
	with := func(change func(*settings)) settings {
		s := base
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		level                         string
		set                           settings
		process, host, over, problems string
	}{
		"everysec": {DurabilityLocal, base, "loses nothing", "last second", "no replica", ""},
		"always":   {DurabilityFsynced, with(func(s *settings) { s.fsync = "always" }), "loses nothing", "loses nothing", "no replica", ""},
		"never":    {DurabilityLocal, with(func(s *settings) { s.fsync = "no" }), "loses nothing", "30 seconds", "no replica", ""},
		"7.2":      {DurabilityFsynced, with(func(s *settings) { s.version = "7.2.0" }), "loses nothing", "loses nothing", "no replica", ""},
		"10.0":     {DurabilityFsynced, with(func(s *settings) { s.version = "10.0.0" }), "loses nothing", "loses nothing", "no replica", ""},
		"6.2":      {DurabilityFsynced, with(func(s *settings) { s.version = "6.2.9" }), "loses nothing", "last second", "no replica", "appendfsync is everysec"},
		"odd":      {DurabilityFsynced, with(func(s *settings) { s.version = unknown }), "loses nothing", "last second", "no replica", "appendfsync is everysec"},
		"off":      {DurabilityLocal, with(func(s *settings) { s.aof = "off" }), "loses everything: neither", "at least", "no replica", "append-only file is off"},
		"snapshot": {DurabilityLocal, with(func(s *settings) { s.aof, s.save = "off", "3600 1" }), "since its last snapshot", "at least", "no replica", "append-only file is off"},
		"unknown":  {DurabilityLocal, with(func(s *settings) { s.aof, s.fsync = unknown, unknown }), "is unknown", "is unknown", "no replica", ""},
		"replica":  {DurabilityLocal, with(func(s *settings) { s.replicas = 1 }), "nothing", "second", "without a limit", ""},
		"min":      {DurabilityLocal, with(func(s *settings) { s.replicas, s.minReplicas = 1, "1" }), "nothing", "second", "min-replicas-max-lag", ""},
		"wait":     {DurabilityReplicated, with(func(s *settings) { s.replicas = 2 }), "nothing", "second", "confirmed by 1 of the 2", ""},
		"wait 0":   {DurabilityReplicated, base, "nothing", "second", "no replica", "0 of 1 replicas"},
	} {
		r := assess(Options{Durability: c.level, Replicas: 1}, c.set)
		for _, p := range [][2]string{{r.ProcessCrash, c.process}, {r.HostCrash, c.host}, {r.Failover, c.over}, {strings.Join(r.Problems, "; "), c.problems}} {
			if !strings.Contains(p[0], p[1]) || c.problems == "" && !r.Holds() {
				t.Errorf("%s: %q, want %q; %v", name, p[0], p[1], r.Problems)
			}
		}
	}
}

func TestConfirmation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		level, version, fsync string
		want                  confirm
	}{
		"local":       {DurabilityLocal, "7.2.0", "everysec", confirm{}},
		"replicated":  {DurabilityReplicated, "7.0.0", "everysec", confirm{replicas: 2, timeout: time.Second}},
		"fsynced":     {DurabilityFsynced, "7.2.0", "everysec", confirm{disk: true, timeout: time.Second}},
		"unknown":     {DurabilityFsynced, "7.2.0", unknown, confirm{disk: true, timeout: time.Second}},
		"always":      {DurabilityFsynced, "7.2.0", "always", confirm{}},
		"old, always": {DurabilityFsynced, "6.0.0", "always", confirm{}},
		"too old":     {DurabilityFsynced, "7.0.0", "everysec", confirm{}},
	} {
		o := Options{Durability: c.level, Replicas: 2, ConfirmTimeout: time.Second}
		if got := o.confirmation(settings{version: c.version, fsync: c.fsync}); got != c.want {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestWrap(t *testing.T) {
	t.Parallel()
	if wrap(nil) != nil {
		t.Error("nil became an error")
	}
	dial := &net.OpError{Op: "dial", Err: errors.New("refused")}
	for _, c := range []struct {
		err     error
		refused bool
		text    string
	}{
		{dial, true, "no connection"},
		{fmt.Errorf("pool: %w", dial), true, "no connection"},
		{redis.ErrPoolTimeout, true, "no free connection"},
		{redis.ErrClosed, true, "no free connection"},
		{context.DeadlineExceeded, false, "no answer in time"},
		{context.Canceled, false, "given up"},
		{io.EOF, false, "connection was closed"},
		{&net.OpError{Op: "read", Err: errors.New("reset")}, false, "connection failed"},
	} {
		got := wrap(fmt.Errorf("x: %w", c.err))
		var ue *UnavailableError
		if !errors.As(got, &ue) || ue.Refused != c.refused || !strings.Contains(got.Error(), c.text) || !errors.Is(got, c.err) || !errors.Is(got, ErrUnavailable) {
			t.Errorf("%v: %v", c.err, got)
		}
		if wrap(got) != got {
			t.Errorf("wrapped twice: %v", wrap(got))
		}
	}
}

func TestEffectRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	for _, e := range []Effect{
		{ID: "a\nb", Lane: LanePage, Kind: "k", Planned: at, Due: at},
		{ID: "a", Lane: LaneNotify, Kind: "k\n", Group: "g", Doc: "d", Body: []byte("x\ny\x00\xff"), Planned: at, Due: at},
	} {
		record, err := encodeEffect(e)
		if err != nil {
			t.Fatal(err)
		}
		got, err := decodeEffect(string(record))
		if diff := cmp.Diff(e, got); err != nil || diff != "" {
			t.Errorf("%v %s", err, diff)
		}
	}
}

func TestOpNamesHaveNoSpaceAndFixedLength(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for i := range 10_000 {
		n := opName(fmt.Sprint(i))
		if len(n) != 11 || strings.ContainsAny(n, " \n") || seen[n] {
			t.Fatalf("operation %d: %q", i, n)
		}
		seen[n] = true
	}
}

// FuzzDecode: values in the store may have been tampered with.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{"", "1", "1 a b", "99999999999999999999 a b", "{}\n", "{\"id\":1}\nx"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if d, err := decodeDoc("id", value); err == nil && (d.Version < 1 || d.ID != "id" || len(d.Body) >= len(value)) {
			t.Errorf("document %+v from %q", d, value)
		}
		if e, err := decodeEffect(string(value)); err == nil && !strings.HasSuffix(string(value), string(e.Body)) {
			t.Errorf("effect %+v from %q", e, value)
		}
	})
}

// TestAuditLeavesAloneWhatClosedMeanwhile: between the scan and the script a
// document may close.
func TestAuditLeavesAloneWhatClosedMeanwhile(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, err := Open(ctx, Options{Addrs: []string{redistest.Mini(t).Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Commit(ctx, Commit{Op: "1", Writes: []Write{{ID: "closed", Body: []byte("x")}}})[0]; err != nil {
		t.Fatal(err)
	}
	c := call{keys: []string{s.k.timers(), s.k.open()}, args: []any{1}}
	err = s.auditIDs(ctx, s.scripts.auditOpen, c, []string{"closed", "gone"}, true, func(id string, found int64) {
		t.Errorf("%s: reported %d", id, found)
	})
	due, err2 := s.DueTimers(ctx, time.Now(), 9, time.Minute)
	if err != nil || err2 != nil || len(due) != 0 {
		t.Errorf("%v %v %v", err, err2, due)
	}
}

// TestEveryKeyHasTheHashTag: a Cluster hashes what stands between the first
// braces of a key.
func TestEveryKeyHasTheHashTag(t *testing.T) {
	t.Parallel()
	k := newKeys("prod")
	all := []string{k.doc("}{x}"), k.mark("{y}"), k.op("z"), k.timers(), k.open(), k.effects(), k.fence(), k.seq(), k.epoch(), k.ping()}
	all = append(all, k.lanes()...)
	for _, key := range all {
		if !strings.HasPrefix(key, "{prod}:") {
			t.Errorf("%q", key)
		}
	}
	slices.Sort(all)
	if len(slices.Compact(all)) != 10+len(Lanes) {
		t.Errorf("two keys are the same: %q", all)
	}
	if id := k.docID(k.doc("a:b")); id != "a:b" {
		t.Errorf("docID gave %q", id)
	}
}
