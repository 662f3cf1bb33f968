package chat

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/message"
)

// defang rewrites what chat clients, mail gateways and phones turn into links:
// hxxps[:]//evil[.]example, 192[.]0[.]2[.]1, 2001[:]db8[:][:]1,
// ana[@]corp[.]example. Names with dots that are no host names stay.
func defang(s string) string {
	if !strings.ContainsAny(s, ".:@") && plainASCII(s) {
		return s
	}
	s = defangSchemes(s)
	s = defangV6(s)
	s = strings.ReplaceAll(s, "@", "[@]")
	s = strings.ReplaceAll(s, "＠", "[@]")
	return defangHosts(s)
}

// defangSchemes breaks "scheme://" and the schemes that need no slashes.
func defangSchemes(s string) string {
	if !strings.Contains(s, ":") {
		return s
	}
	var b strings.Builder
	for {
		i := strings.IndexByte(s, ':')
		if i < 0 {
			b.WriteString(s)
			return b.String()
		}
		start := i
		for start > 0 && wordByte(s[start-1]) {
			start--
		}
		word := strings.ToLower(s[start:i])
		slashes := strings.HasPrefix(s[i+1:], "//")
		switch {
		case slashes && (word == "http" || word == "https"):
			b.WriteString(s[:start] + "hxxp" + s[start+4:i] + "[:]")
		case slashes, word == "mailto", word == "tel", word == "javascript", word == "data", word == "file", word == "sip", word == "sms":
			b.WriteString(s[:i] + "[:]")
		default:
			b.WriteString(s[:i+1])
		}
		s = s[i+1:]
	}
}

// defangV6 breaks the colons of IPv6 addresses.
func defangV6(s string) string {
	if strings.Count(s, ":") < 2 {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		i := strings.IndexFunc(s, hexColon)
		if i < 0 {
			break
		}
		end := len(s)
		if n := strings.IndexFunc(s[i:], func(r rune) bool { return !hexColon(r) }); n >= 0 {
			end = i + n
		}
		run := s[i:end]
		b.WriteString(s[:i])
		if _, err := netip.ParseAddr(run); err == nil && strings.Contains(run, ":") {
			run = strings.ReplaceAll(run, ":", "[:]")
		}
		b.WriteString(run)
		s = s[end:]
	}
	b.WriteString(s)
	return b.String()
}

func hexColon(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'f' || r >= 'A' && r <= 'F' || r == ':' || r == '.'
}

// defangHosts breaks the dots of host names and IPv4 addresses.
func defangHosts(s string) string {
	if strings.IndexFunc(s, dotRune) < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for len(s) > 0 {
		end := strings.IndexFunc(s, func(r rune) bool { return !hostRune(r) })
		if end == 0 {
			_, n := utf8.DecodeRuneInString(s)
			b.WriteString(s[:n])
			s = s[n:]
			continue
		}
		if end < 0 {
			end = len(s)
		}
		run := s[:end]
		if isHost(run, b.String(), s[end:]) {
			run = strings.Map(func(r rune) rune {
				if dotRune(r) {
					return '.'
				}
				return r
			}, run)
			run = strings.ReplaceAll(run, ".", "[.]")
		}
		b.WriteString(run)
		s = s[end:]
	}
	return b.String()
}

func dotRune(r rune) bool { return r == '.' || r == '。' || r == '．' || r == '｡' || r == '․' }

func hostRune(r rune) bool {
	return dotRune(r) || r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r)
}

// isHost reports whether a run of host characters holds something a client
// might link, given what stands before and after it.
func isHost(run, before, after string) bool {
	name := strings.Trim(strings.Map(func(r rune) rune {
		if dotRune(r) {
			return '.'
		}
		return unicode.ToLower(r)
	}, run), ".")
	labels := strings.Split(name, ".")
	if len(labels) < 2 {
		return false
	}
	inURL := strings.HasSuffix(before, "//") || strings.HasSuffix(before, "[@]") || labels[0] == "www" ||
		len(after) > 1 && (after[0] == '/' || after[0] == ':' && after[1] >= '0' && after[1] <= '9')
	if inURL && strings.ContainsFunc(labels[len(labels)-1], unicode.IsLetter) || hasIPv4(labels) {
		return true
	}
	for _, l := range labels[1:] {
		if message.TopLevel(l) {
			return true
		}
	}
	return false
}

// hasIPv4 reports four numbers in a row, in whatever way they are written.
func hasIPv4(labels []string) bool {
	row := 0
	for _, l := range labels {
		l = strings.Trim(l, "-_")
		if l == "" || strings.ContainsFunc(l, func(r rune) bool { return !unicode.IsDigit(r) }) {
			row = 0
			continue
		}
		if row++; row == 4 {
			return true
		}
	}
	return false
}
