package lookup

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode"
)

var (
	linkScheme = regexp.MustCompile(`(?i)\b(h)tt(ps?):(//)`)
	otherSlash = regexp.MustCompile(`([A-Za-z0-9+-]):(//)`)
	hostLike   = regexp.MustCompile(`[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)+`)
	colons     = regexp.MustCompile(`[0-9a-fA-F.]*(?::[0-9a-fA-F.]*){2,}`)
)

// Defang rewrites what terminals and mail programs turn into links: schemes,
// host names, addresses, e-mail addresses. Chat has its own renderer.
func Defang(s string) string {
	s = linkScheme.ReplaceAllString(s, "${1}xx${2}[:]${3}")
	s = otherSlash.ReplaceAllString(s, "${1}[:]${2}")
	s = strings.ReplaceAll(s, "@", "[@]")
	s = colons.ReplaceAllStringFunc(s, func(m string) string {
		if _, err := netip.ParseAddr(m); err != nil {
			return m
		}
		return strings.ReplaceAll(m, ":", "[:]")
	})
	return hostLike.ReplaceAllStringFunc(s, func(m string) string {
		last := m[strings.LastIndexByte(m, '.')+1:]
		_, notAddr := netip.ParseAddr(m)
		name := len(last) >= 2 && strings.IndexFunc(last, unicode.IsDigit) < 0 || strings.HasPrefix(last, "xn--")
		if notAddr != nil && !name {
			return m
		}
		return strings.ReplaceAll(m, ".", "[.]")
	})
}
