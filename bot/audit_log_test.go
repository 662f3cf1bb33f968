package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// server is a Redis with the raw commands of somebody who tampers.
type server struct {
	addr string
	do   func(args ...any) any
}

// servers runs a test on miniredis and on a real redis-server.
func servers(t *testing.T, test func(t *testing.T, s server)) {
	t.Helper()
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		m := redistest.Mini(t)
		c := redis.NewClient(&redis.Options{Addr: m.Addr()})
		t.Cleanup(func() { c.Close() })
		test(t, server{m.Addr(), func(args ...any) any {
			v, err := c.Do(context.Background(), args...).Result()
			if err != nil && !errors.Is(err, redis.Nil) {
				t.Fatalf("%v: %v", args, err)
			}
			return v
		}})
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		s := redistest.Start(t)
		test(t, server{s.Addr, s.Do})
	})
}

// manual is a clock moved by hand.
type manual struct {
	mu sync.Mutex
	t  time.Time
}

func (m *manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.t
}

func (m *manual) add(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.t = m.t.Add(d)
}

// writer is a bot with nothing but a store and an audit log.
func writer(t *testing.T, addr string, set AuditSettings) (*Bot, *manual) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Addrs: []string{addr}, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	clock := &manual{t: time.Now().Truncate(time.Millisecond)}
	reg := prometheus.NewRegistry()
	return &Bot{store: s, clock: clock, log: slog.New(slog.DiscardHandler), instance: randomID()[:10] + "-", reg: reg, auditLog: newAuditLog(set, reg)}, clock
}

// figure reads a metric with one label, or none.
func figure(t *testing.T, b *Bot, name, label string) float64 {
	t.Helper()
	families, err := b.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "securitybot_audit_"+name && (label == "" || m.GetLabel()[0].GetValue() == label) {
				return m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return 0
}

func sampleRecord(n int) audit.Record {
	return audit.Record{Actor: "U0OMAR", For: "U0ANA", Act: "isolate", Object: fmt.Sprintf("i-%017x", n), Digest: audit.Digest("isolate", fmt.Sprint(n)),
		Decision: audit.Allowed, Result: "planned", Detail: map[string]string{"account": "111122223333"}}
}

// isolate is a privileged change: it writes the document p:n, and the record.
func isolate(ctx context.Context, b *Bot, n int) error {
	return b.changeAudited(ctx, func(t *tx, _ time.Time) error {
		t.putRaw(fmt.Sprintf("p:%d", n), []byte("done"), time.Hour)
		return t.audit(ctx, sampleRecord(n))
	})
}

// done says whether the privileged change n was made.
func done(t *testing.T, b *Bot, n int) bool {
	t.Helper()
	docs, err := b.store.Load(t.Context(), fmt.Sprintf("p:%d", n))
	if err != nil {
		t.Fatal(err)
	}
	return docs[0].Version > 0
}

func verifyStore(t *testing.T, b *Bot, points ...audit.Checkpoint) audit.Report {
	t.Helper()
	log, err := readAuditLog(t.Context(), b.store, b.clock.Now())
	if err != nil || log.HeadErr != nil {
		t.Fatal(err, log.HeadErr)
	}
	return audit.Verify(log.Records(), audit.Evidence{Head: log.Head, Keys: b.auditLog.keys(), Since: log.Since, Checkpoints: points})
}

func TestThreeReplicasWriteOneChain(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, s server) {
		const each = 40
		var all sync.WaitGroup
		var bots []*Bot
		for i := range 3 {
			b, _ := writer(t, s.addr, AuditSettings{Key: []byte(strings.Repeat("k", 32))})
			bots = append(bots, b)
			all.Go(func() {
				for n := range each {
					if err := isolate(t.Context(), b, i*each+n); err != nil {
						t.Errorf("writer %d: %v", i, err)
					}
				}
			})
		}
		all.Wait()
		report := verifyStore(t, bots[0])
		if report.Records != 3*each || report.Last != 3*each || len(report.Problems) != 0 {
			t.Errorf("%+v", report)
		}
		for n := range 3 * each {
			if !done(t, bots[0], n) {
				t.Errorf("change %d was recorded but not made", n)
			}
		}
		counted := 0.0
		for _, b := range bots {
			counted += figure(t, b, "records_total", audit.Allowed)
		}
		if counted != 3*each {
			t.Errorf("%v records counted", counted)
		}
	})
}

func TestSeveralRecordsInOneChange(t *testing.T) {
	t.Parallel()
	b, _ := writer(t, redistest.Mini(t).Addr(), AuditSettings{})
	err := b.changeAudited(t.Context(), func(x *tx, _ time.Time) error {
		return errors.Join(x.audit(t.Context(), sampleRecord(1)), x.audit(t.Context(), sampleRecord(2)))
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := verifyStore(t, b); r.Records != 2 || len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
}

// TestWhatCannotBeRecordedIsNotDone covers S17 and F56.
func TestWhatCannotBeRecordedIsNotDone(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, s server) {
		tests := []struct {
			name, why  string
			harm, mend func()
		}{
			{"the head is garbage", whyTampered, func() { s.do("set", "{sb}:d:a:head", "1 AAAAAAAAAAA nonsense") }, func() { s.do("del", "{sb}:d:a:head") }},
			{"the head is gone but the records are not", whyConflict, func() { s.do("rename", "{sb}:d:a:head", "kept") }, func() { s.do("rename", "kept", "{sb}:d:a:head") }},
			{"the head was signed by somebody with a key", whyTampered, func() {
				s.do("rename", "{sb}:d:a:head", "kept")
				s.do("set", "{sb}:d:a:head", `1 AAAAAAAAAAA {"seq":1,"hash":"00","key":"abc","mac":"00"}`)
			}, func() { s.do("rename", "kept", "{sb}:d:a:head") }},
		}
		b, _ := writer(t, s.addr, AuditSettings{})
		for i, c := range tests {
			if i > 0 {
				if err := isolate(t.Context(), b, 100+i); err != nil {
					t.Fatalf("before %q: %v", c.name, err)
				}
			}
			c.harm()
			err := isolate(t.Context(), b, i)
			if notRecorded(err) == nil || done(t, b, i) {
				t.Errorf("%s: %v, done %v", c.name, err, done(t, b, i))
			}
			if n := figure(t, b, "refused_total", c.why); n == 0 {
				t.Errorf("%s: not counted as %s", c.name, c.why)
			}
			c.mend()
		}
		if m := notRecorded(errors.New("another")); m != nil {
			t.Error("any error is taken for one of the audit log")
		}
	})
}

// A full disk makes Redis refuse writes (MISCONF); reads go on.
func TestAServerThatRefusesWritesLeavesEverythingUndone(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--min-replicas-to-write", "0")
	b, _ := writer(t, s.Addr, AuditSettings{})
	if err := isolate(t.Context(), b, 1); err != nil {
		t.Fatal(err)
	}
	s.Do("config", "set", "min-replicas-to-write", "1")
	if err := isolate(t.Context(), b, 2); notRecorded(err) == nil || done(t, b, 2) {
		t.Errorf("%v, done %v", err, done(t, b, 2))
	}
	s.Do("config", "set", "min-replicas-to-write", "0")
	if err := isolate(t.Context(), b, 2); err != nil || !done(t, b, 2) {
		t.Errorf("after it is mended: %v", err)
	}
	if r := verifyStore(t, b); r.Records != 2 || len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestRecordsAreKeptForAYearAndTheHeadForEver(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, s server) {
		b, _ := writer(t, s.addr, AuditSettings{})
		if err := isolate(t.Context(), b, 1); err != nil {
			t.Fatal(err)
		}
		if ttl := s.do("ttl", "{sb}:d:"+auditDoc(1)).(int64); ttl < 399*24*3600 || ttl > 400*24*3600 {
			t.Errorf("a record is kept for %d s", ttl)
		}
		if ttl := s.do("ttl", "{sb}:d:a:head").(int64); ttl != -1 {
			t.Errorf("the head is kept for %d s", ttl)
		}
	})
}
