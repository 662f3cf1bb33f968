package store_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// maxBytesPerDoc is the promise: what Redis keeps for a known finding.
const maxBytesPerDoc = 400

func used(t testing.TB, srv *redistest.Server) int {
	t.Helper()
	n, err := strconv.Atoi(srv.Info("memory")["used_memory"])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestMemoryPerDocument counts everything Redis has allocated, so also hash
// tables, expiry and allocator rounding, over 100,000 documents with a body of
// 120 bytes that have been written twice.
func TestMemoryPerDocument(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	s := open(t, srv.Addr)
	const n = 100_000
	body := []byte(strings.Repeat("x", 120))
	before := used(t, srv)
	for version := range int64(2) {
		fill(t, s, n, func(i int) store.Commit {
			id := fmt.Sprintf("case:%026d", i)
			return store.Commit{Op: fmt.Sprint(i, version), Writes: []store.Write{{ID: id, IfVersion: version, Body: body, TTL: 90 * 24 * time.Hour}}}
		})
	}
	per := (used(t, srv) - before) / n
	t.Logf("%d bytes a document", per)
	if per > maxBytesPerDoc {
		t.Errorf("Redis keeps %d bytes a document, want at most %d", per, maxBytesPerDoc)
	}
	if keys := srv.Do("dbsize"); keys.(int64) > n+10 {
		t.Errorf("%d keys for %d documents", keys, n)
	}
}
