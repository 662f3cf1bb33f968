package findings

import (
	"bytes"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxBody is the largest body Parse reads, in bytes: what SQS carries at most
// (Amazon SQS quotas, 1 MiB).
const MaxBody = 1 << 20

// MaxDepth is how deep objects and lists may nest in one document. GuardDuty
// stays below 20.
const MaxDepth = 64

// maxWraps is how many envelopes may be wrapped around a finding.
const maxWraps = 10

// Limits on what is kept of a finding. Texts are cut at a rune boundary,
// identifiers are not: a cut identifier would be another one.
const (
	maxID       = 256
	maxText     = 4096 // title, description, in bytes
	maxName     = 512  // names, user agents, tags
	maxList     = 200  // elements of a list that are looked at
	maxTags     = 50
	maxRemotes  = 50
	maxPorts    = 50
	maxResource = 20
	maxAPIs     = 20
	maxAddrs    = 20
)

// clip cuts s to at most n bytes, at a rune boundary.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return strings.Clone(s[:n])
}

// clean reports whether s holds no control, format or separator character:
// nothing that could break a line, a key or a log.
func clean(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x20 || c >= 0x7f {
			return cleanRunes(s)
		}
	}
	return true
}

func cleanRunes(s string) bool {
	for _, r := range s {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			return false
		}
	}
	return true
}

// accountID returns s when it is a 12-digit account id, else "".
func accountID(s string) string {
	if len(s) != 12 || strings.Trim(s, "0123456789") != "" {
		return ""
	}
	return s
}

// regionName returns s when it has the form of a Region name, such as
// us-gov-east-1, else "".
func regionName(s string) string {
	if len(s) < 6 || len(s) > 32 || strings.Count(s, "-") < 2 || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		return ""
	}
	if last := s[len(s)-1]; last < '0' || last > '9' {
		return ""
	}
	return s
}

// findingARN is the parts of arn:partition:guardduty:region:account:detector/D/finding/F.
type findingARN struct{ partition, region, account, detector, id string }

// parseARN reads the ARN of a GuardDuty finding or detector; parts that cannot
// be what they should be (masked ones) are empty.
func parseARN(s string) findingARN {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[2] != "guardduty" {
		return findingARN{}
	}
	a := findingARN{region: regionName(p[3]), account: accountID(p[4])}
	if strings.HasPrefix(p[1], "aws") && len(p[1]) <= 16 && clean(p[1]) {
		a.partition = p[1]
	}
	r := strings.Split(p[5], "/")
	if len(r) >= 2 && r[0] == "detector" && len(r[1]) <= 128 && clean(r[1]) {
		a.detector = r[1]
	}
	if len(r) == 4 && r[2] == "finding" {
		a.id = r[3]
	}
	return a
}

// address reads an IP address as it is written; what is none, or is 0.0.0.0
// or ::, gives the zero Addr. A zone is dropped and an IPv4 address in IPv6
// notation unwrapped, so that equal addresses compare equal.
func address(s string) netip.Addr {
	a, err := netip.ParseAddr(strings.TrimSpace(s))
	if err != nil {
		return netip.Addr{}
	}
	if a = a.WithZone("").Unmap(); a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}

// tooDeep returns the offset where b nests deeper than MaxDepth, or -1. Most
// documents hold fewer brackets than that, which two counts show.
func tooDeep(b []byte) int64 {
	if bytes.Count(b, []byte{'{'})+bytes.Count(b, []byte{'['}) <= MaxDepth {
		return -1
	}
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return int64(i)
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return -1
}
