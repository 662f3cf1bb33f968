package thehive

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// Markdown renderers turn bare addresses into links (GitHub Flavored Markdown,
// "Autolinks"). These find what looks like one; too much is harmless, because the
// observables hold the exact text.
var (
	schemes = regexp.MustCompile(`(?i)\b([a-z][a-z0-9+.-]{1,20}):/`)
	bare    = regexp.MustCompile(`(?i)\b(mailto|tel|javascript|data|file|xmpp|sip|sms):`)
	hosts   = regexp.MustCompile(`[\pL\pN_-]+(?:[.。．｡][\pL\pN_-]+)+`)
	v6      = regexp.MustCompile(`(?i)[0-9a-f:.]*:[0-9a-f:.]*:[0-9a-f:.]*`)
	anyDot  = strings.NewReplacer(".", "[.]", "。", "[.]", "．", "[.]", "｡", "[.]")
)

// defang rewrites what a renderer would turn into a link:
// hxxps[:]//evil[.]example, 192[.]0[.]2[.]1, 2001[:]db8[:][:]1,
// ana[@]corp[.]example.
func defang(s string) string {
	if !strings.ContainsAny(s, ".:@。．｡＠") {
		return s
	}
	s = v6.ReplaceAllStringFunc(s, func(m string) string {
		trimmed := strings.TrimRight(m, ".")
		if _, err := netip.ParseAddr(trimmed); err != nil {
			return m
		}
		return strings.ReplaceAll(trimmed, ":", "[:]") + m[len(trimmed):]
	})
	s = schemes.ReplaceAllStringFunc(s, func(m string) string {
		name := m[:len(m)-2]
		if strings.HasPrefix(strings.ToLower(name), "http") {
			name = "hxxp" + name[4:]
		}
		return name + "[:]/"
	})
	s = bare.ReplaceAllString(s, "$1[:]")
	s = strings.NewReplacer("@", "[@]", "＠", "[@]").Replace(s)
	return hosts.ReplaceAllStringFunc(s, func(m string) string {
		if !hostLike(m) {
			return m
		}
		return anyDot.Replace(m)
	})
}

// hostLike reports whether a word with dots may be a host name or an IPv4
// address: one of its labels but the first is a top-level domain that exists, or
// one in private use, or it has four numbers. Names such as finding.severity are
// none.
func hostLike(s string) bool {
	labels := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return strings.ContainsRune(".。．｡", r) })
	if strings.HasPrefix(labels[0], "www") || digits(labels[len(labels)-1]) && len(labels) >= 4 {
		return true
	}
	return slices.ContainsFunc(labels[1:], message.TopLevel)
}
