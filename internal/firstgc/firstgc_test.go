package firstgc

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"testing"
)

// TestDelay changes a setting of the whole process, so it runs alone.
func TestDelay(t *testing.T) {
	debug.SetGCPercent(77)
	delay()
	if now := current(); now != percent {
		t.Fatalf("before the first collection: %d", now)
	}
	// Cleanups run beside the program: collect until it has had its turn. The
	// time-out of the test is the limit.
	for current() != 77 {
		runtime.GC()
		runtime.Gosched()
	}
}

func current() uint64 {
	s := []metrics.Sample{{Name: "/gc/gogc:percent"}}
	metrics.Read(s)
	return s[0].Value.Uint64()
}
