package portmap_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/portmap"
)

// contested is a store in which somebody else is faster a number of times.
type contested struct {
	*store.Store
	lose atomic.Int32
}

func (c *contested) Commit(ctx context.Context, changes ...store.Commit) []error {
	if c.lose.Add(-1) >= 0 {
		return []error{store.ErrConflict}
	}
	return c.Store.Commit(ctx, changes...)
}

func TestDocumentsThatOthersChange(t *testing.T) {
	t.Parallel()
	mini := redistest.Mini(t)
	s, err := store.Open(t.Context(), store.Options{Addrs: []string{mini.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	c := &contested{Store: s}
	shelf := portmap.NewDocuments(c, time.Hour)
	c.lose.Store(2)
	publish(t, shelf, scan(here, "none", noon, 0))
	c.lose.Store(2)
	if ok, err := shelf.Claim(t.Context(), "scan", noon, time.Minute); !ok || err != nil {
		t.Errorf("a claim that lost twice: %v %v", ok, err)
	}
	c.lose.Store(100)
	if ok, err := shelf.Claim(t.Context(), "scan", noon.Add(time.Hour), time.Minute); ok || err != nil {
		t.Errorf("a claim that always loses: %v %v", ok, err)
	}
	if err := shelf.Publish(t.Context(), scan(here, "one", noon.Add(time.Hour), 0)); err == nil {
		t.Error("published though others were faster each time")
	}
	// Entries go when nobody believes them any more; that there was a scan stays.
	c.lose.Store(0)
	publish(t, shelf, scan(here, "two", noon.Add(time.Minute), 1))
	mini.FastForward(61 * time.Minute)
	if cov, known, entries := look(t, shelf, here, "i-0000"); !known || cov.Run != "two" || len(entries) != 0 {
		t.Errorf("an hour later: %v %+v %+v", known, cov, entries)
	}
}
