//go:build failpoints

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

var state struct {
	sync.Mutex
	seen map[string]int
}

// Hit kills the process with SIGKILL when the named instant is the one asked
// for in SECURITYBOT_FAILPOINT.
func Hit(name string) {
	state.Lock()
	defer state.Unlock()
	if state.seen == nil {
		state.seen = map[string]int{}
	}
	state.seen[name]++
	if file := os.Getenv("SECURITYBOT_FAILPOINT_LIST"); file != "" && state.seen[name] == 1 {
		if f, err := os.OpenFile(file, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err == nil {
			fmt.Fprintln(f, name)
			f.Close()
		}
	}
	want, at, _ := strings.Cut(os.Getenv("SECURITYBOT_FAILPOINT"), ":")
	if want != name {
		return
	}
	n, err := strconv.Atoi(at)
	if err != nil {
		n = 1
	}
	if state.seen[name] == n {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}
