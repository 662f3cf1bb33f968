package awsir

import (
	"strconv"
	"time"

	"github.com/securitybot/securitybot/responders"
)

// memoryKind dumps memory with AVML in parts of 64 MiB, at most 256 GiB. Parts
// pass through a buffer in the host's memory, not over its disk.
func memoryKind() hostKind {
	return hostKind{
		action: responders.Memory, tool: "avml", artifact: KindMemory, file: "memory.lime", partBytes: 64 << 20, parts: 4096,
		params: func(p responders.Params) map[string]string { return map[string]string{"minutes": p["minutes"]} },
		lasts:  func(p responders.Params) time.Duration { return number(p["minutes"]) * time.Minute },
		does: func(p responders.Params) string {
			return "dump the memory of the host into the evidence store, for at most " + p["minutes"] + " minutes"
		},
	}
}

// number reads a parameter that is known to be one.
func number(s string) time.Duration {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0
	}
	return time.Duration(n)
}
