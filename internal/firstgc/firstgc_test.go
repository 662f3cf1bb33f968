package firstgc

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

// TestDelay changes a setting of the whole process, so it runs alone.
func TestDelay(t *testing.T) {
	debug.SetGCPercent(77)
	delay()
	if now := current(); now != percent {
		t.Fatalf("before the first collection: %d", now)
	}
	// Cleanups run beside the program: collect until it has had its turn.
	for deadline := time.Now().Add(time.Minute); current() != 77; runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("after many collections: %d", current())
		}
		runtime.GC()
	}
}

func current() uint64 {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
