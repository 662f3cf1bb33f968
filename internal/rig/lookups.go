package rig

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// lookupConfig are the lines of the configuration about look-ups.
func (r *Rig) lookupConfig() string {
	var at []string
	all := r.Lookups.Endpoints()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		at = append(at, fmt.Sprintf("%s: %q", name, all[name]))
	}
	return `lookups: {virustotal_key: "${env:VIRUSTOTAL}", abuseipdb_key: "${env:ABUSEIPDB}", endpoints: {` + strings.Join(at, ", ") + "}}"
}
