package store_test

import (
	"testing"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// Whoever examines a store leaves it as it is: an empty one stays empty, so
// that a wiped one is still recognised at the next start.
func TestExamineWritesNothing(t *testing.T) {
	t.Parallel()
	m := redistest.Mini(t)
	o := store.Options{Addrs: []string{m.Addr()}, Strict: true}
	x, err := store.Examine(t.Context(), o)
	if err != nil || x.Used || x.Durability.Certain() {
		t.Fatalf("%+v, %v", x, err)
	}
	if keys := m.Keys(); len(keys) > 0 {
		t.Errorf("written: %v", keys)
	}
	o.Strict = false
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if x, err = store.Examine(t.Context(), o); err != nil || !x.Used || len(x.Lanes) != len(store.Lanes) || x.Now.IsZero() {
		t.Errorf("%+v, %v", x, err)
	}
}
