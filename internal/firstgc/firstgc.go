// Package firstgc puts the first garbage collection of a process off. Import it
// for its effect.
//
// The runtime collects for the first time when the heap has 4 MiB. Initialising
// the packages and building the parts takes a program of this size past that several
// times before it has done anything, and nearly all of what is there then stays: a
// third of a start was collecting. It imports so little that it is initialised
// early, though not before all that allocates.
package firstgc

import (
	"os"
	"runtime"
	"runtime/debug"
)

// percent makes the first collection begin at 16 MiB (the runtime's 4 MiB at 100).
const percent = 400

func init() {
	if os.Getenv("GOGC") == "" { // whoever set it, knows better
		delay()
	}
}

// delay holds until the first collection, whose end brings back what was before.
func delay() {
	before := debug.SetGCPercent(percent)
	// A pointer inside keeps the runtime from putting it beside something that lives on.
	runtime.AddCleanup(new(*byte), func(p int) { debug.SetGCPercent(p) }, before)
}
