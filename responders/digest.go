package responders

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Digest identifies exactly what is asked for: 32 hex digits of SHA-256 over
// the job's id, action, target, parameters and asker. What a step adds to the
// job later is not part of it.
func (j *Job) Digest() string {
	var b strings.Builder
	field := func(s string) { fmt.Fprintf(&b, "%d:%s,", len(s), s) }
	for _, s := range []string{"securitybot/job/1", j.ID, string(j.Action), j.Target.Account, j.Target.Region, j.Target.Instance, j.By, j.Case} {
		field(s)
	}
	for _, name := range slices.Sorted(maps.Keys(j.Params)) {
		field(name)
		field(j.Params[name])
	}
	sum := sha256.Sum256([]byte(b.String()))
	return hex.EncodeToString(sum[:16])
}
