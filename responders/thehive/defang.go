package thehive

import (
	"net/netip"
	"regexp"
	"strings"
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
// address: its last label begins with a letter, or it is four numbers.
func hostLike(s string) bool {
	labels := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(".。．｡", r) })
	last := labels[len(labels)-1]
	return !digits(last) || len(labels) >= 4
}
