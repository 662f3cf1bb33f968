package bot

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
)

// resourceOf names what a finding is about: the instance, else the first
// resource.
func resourceOf(f *findings.Finding) string {
	switch {
	case f.Instance.ID != "":
		return f.Instance.ID
	case len(f.Resources) > 0:
		return f.Resources[0]
	}
	return ""
}

// remoteOf describes the first other end: address, port and place.
func remoteOf(f *findings.Finding) string {
	if len(f.Remote) == 0 {
		return ""
	}
	r := f.Remote[0]
	var parts []string
	if r.IP.IsValid() {
		parts = append(parts, r.IP.String())
	}
	if place := placeOf(f); place != "" {
		parts = append(parts, place)
	}
	if r.Org != "" {
		parts = append(parts, r.Org)
	}
	return strings.Join(parts, ", ")
}

// placeOf is the approximate place of the first other end.
func placeOf(f *findings.Finding) string {
	if len(f.Remote) == 0 {
		return ""
	}
	r := f.Remote[0]
	return strings.Trim(r.City+", "+r.Country, ", ")
}

// lastSeen is when it happened last, as far as known.
func lastSeen(f *findings.Finding) time.Time {
	switch {
	case !f.LastSeen.IsZero():
		return f.LastSeen
	case !f.UpdatedAt.IsZero():
		return f.UpdatedAt
	}
	return f.CreatedAt
}

func bySeverity(all []*cases.Case) []*cases.Case {
	return slices.SortedStableFunc(slices.Values(all), func(a, b *cases.Case) int { return cmp.Compare(b.Severity, a.Severity) })
}
