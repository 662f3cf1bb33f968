package lookup

import (
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Parse reads one IP address or domain name, alone or inside a URL or an e-mail
// address, defanged in any of the usual ways or not. An error is a *Refusal.
func Parse(in string) (Indicator, error) {
	s, notes, err := refang(in)
	if err != nil {
		return Indicator{}, err
	}
	if s == "" {
		return Indicator{}, refuse("Name an IP address or a domain name.")
	}
	if why := notAnIndicator(s); why != "" {
		return Indicator{}, refuse(why)
	}
	host, more, err := hostOf(s)
	if err != nil {
		return Indicator{}, err
	}
	ind, err := fromHost(host)
	if err != nil {
		return Indicator{}, err
	}
	for _, n := range append(notes, more...) {
		ind.note(n)
	}
	return ind, nil
}

// ParseIP reads an IP address as Parse does and refuses a domain name.
func ParseIP(in string) (Indicator, error) {
	ind, err := Parse(in)
	if err == nil && ind.Kind != IP {
		return Indicator{}, refuse("That is a domain name, not an IP address.")
	}
	return ind, err
}

// ParseDomain reads a domain name as Parse does and refuses an IP address.
func ParseDomain(in string) (Indicator, error) {
	ind, err := Parse(in)
	if err == nil && ind.Kind != Domain {
		return Indicator{}, refuse("That is an IP address, not a domain name.")
	}
	return ind, err
}

// Parsed is one word of a longer text.
type Parsed struct {
	Input     string // as typed; outside text
	Indicator Indicator
	Err       error // a *Refusal; then Indicator is empty
}

// ParseAll reads a text of several indicators separated by white space or
// commas, each once, and no more than most of them. More says that there were
// further ones.
func ParseAll(text string, most int) (out []Parsed, more bool) {
	if len(text) > 64<<10 {
		text, more = strings.ToValidUTF8(text[:64<<10], ""), true
	}
	text = spacedDot.ReplaceAllStringFunc(text, func(m string) string {
		if strings.ContainsAny(m, "\n\r") {
			return m
		}
		if strings.HasPrefix(m, ".") { // the end of a sentence
			return " "
		}
		return "."
	})
	seen := map[string]bool{}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || r == ',' || r == ';' }) {
		if bare(word) == "" {
			continue
		}
		p := Parsed{Input: word}
		p.Indicator, p.Err = Parse(word)
		key := "refused:" + word
		if p.Err == nil {
			key = p.Indicator.Key()
		}
		if seen[key] {
			continue
		}
		if len(out) == most {
			return out, true
		}
		seen[key] = true
		out = append(out, p)
	}
	return out, more
}

var schemeForm = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*):(.*)$`)

// hostOf finds the host in a URL, an e-mail address, host:port or host/path,
// the way a browser does (WHATWG URL: the authority ends at / \ ? or #, and the
// user information at its last @).
func hostOf(s string) (host string, notes []string, err error) {
	rest, isURL := s, false
	if m := schemeForm.FindStringSubmatch(s); m != nil {
		scheme := strings.ToLower(m[1])
		switch {
		case scheme == "mailto":
			rest, _, _ = strings.Cut(m[2], "?")
		case noHost[scheme]:
			return "", nil, refuse("That kind of address leads to no host; there is nothing to look up.")
		case strings.HasPrefix(m[2], "//"):
			rest, isURL = m[2][2:], true
		case scheme == "http" || scheme == "https" || scheme == "ftp":
			rest, isURL = strings.TrimLeft(m[2], `/\`), true
		}
	} else if strings.HasPrefix(s, "//") {
		rest, isURL = s[2:], true
	}
	if prefix, bits, ok := strings.Cut(rest, "/"); ok && !isURL && digits(bits) {
		if addr, err := netip.ParseAddr(prefix); err == nil {
			return network(addr, bits)
		}
	}
	authority := rest
	if i := strings.IndexAny(rest, `/\?#`); i >= 0 {
		authority = rest[:i]
		if len(rest) > i+1 {
			notes = append(notes, "Only the host was looked up, not the path after it.")
		}
		if strings.Contains(rest[i:], "@") {
			notes = append(notes, "There is an @ after the host: the address may be made to look like another one.")
		}
	}
	if i := strings.LastIndex(authority, "@"); i >= 0 {
		authority = authority[i+1:]
		if isURL {
			notes = append(notes, "What stands before the @ is a user name, not the host.")
		} else {
			notes = append(notes, "The domain of an e-mail address was looked up.")
		}
	}
	host, err = withoutPort(authority)
	return host, notes, err
}

// noHost are schemes without a host.
var noHost = map[string]bool{"javascript": true, "data": true, "file": true, "about": true, "blob": true, "vbscript": true, "tel": true, "sms": true}

func digits(s string) bool {
	return s != "" && len(s) <= 4 && strings.Trim(s, "0123456789") == ""
}

// network takes a prefix of one address and refuses a larger one.
func network(addr netip.Addr, bits string) (string, []string, error) {
	n, _ := strconv.Atoi(bits)
	switch {
	case n > addr.BitLen():
		return "", nil, refuse("The number after the slash is too large for a network; leave it out to look up the address.")
	case n < addr.BitLen():
		return "", nil, refuse("That is a whole network. Name one address of it.")
	}
	return addr.String(), nil, nil
}

// withoutPort splits off ":port" and the brackets of IPv6.
func withoutPort(s string) (string, error) {
	if _, err := netip.ParseAddr(s); err == nil {
		return s, nil
	}
	host, port := s, ""
	if strings.HasPrefix(s, "[") {
		inside, after, closed := strings.Cut(s[1:], "]")
		if !closed {
			return "", refuse("A bracket is not closed; type the address again.")
		}
		host, port = inside, strings.TrimPrefix(after, ":")
		if after != "" && !strings.HasPrefix(after, ":") && strings.Trim(after, ".,") != "" {
			return "", refuse("There is something after the bracket that is no port; type the address again.")
		}
		port = strings.Trim(port, ".,")
	} else if i := strings.IndexByte(s, ':'); i >= 0 && strings.Count(s, ":") == 1 {
		host, port = s[:i], strings.TrimRight(s[i+1:], ".")
	}
	if n, err := strconv.Atoi(port); port != "" && (err != nil || n < 0 || n > 65535 || port[0] == '+') {
		return "", refuse("After the colon comes a port between 0 and 65535; leave it out, it is not needed.")
	}
	return host, nil
}

// fromHost reads a bare host.
func fromHost(host string) (Indicator, error) {
	if addr, err := netip.ParseAddr(host); err == nil { // "::" ends in what is trimmed below
		return fromAddr(addr)
	}
	host = strings.TrimRight(host, ".,:]})>")
	if strings.IndexFunc(host, unicode.IsSpace) >= 0 {
		return Indicator{}, refuse("That is more than one word; name one address or domain name.")
	}
	if host == "" {
		return Indicator{}, refuse("There is no host in it; name an IP address or a domain name.")
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return fromAddr(addr)
	}
	if why := oddAddress(host); why != "" {
		return Indicator{}, refuse(why)
	}
	return fromName(host)
}
