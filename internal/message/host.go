package message

import (
	"strings"
	"unicode"

	"golang.org/x/net/publicsuffix"
)

// TopLevel reports whether a label of a name, in lower case, begins like a
// top-level domain that exists (publicsuffix.org) or is in private use: what
// looks like a host to somebody's client is broken up where it is shown. Labels
// in other scripts count, because lists of those age.
func TopLevel(label string) bool {
	if strings.HasPrefix(label, "xn--") || strings.ContainsFunc(label, func(r rune) bool { return r > unicode.MaxASCII && unicode.IsLetter(r) }) {
		return true
	}
	if i := strings.IndexAny(label, "-_"); i >= 0 {
		label = label[:i]
	}
	switch label {
	case "":
		return false
	case "example", "test", "invalid", "localhost", "local", "onion", "internal", "corp", "lan", "home", "i2p", "intranet":
		return true
	}
	// Some top-level domains are listed only by what is below them.
	_, listed := publicsuffix.PublicSuffix("a.b." + label)
	return listed
}

// Registrable reports whether a domain, in lower case, belongs to somebody: it is
// no public suffix (publicsuffix.org), below which anybody can have a name.
func Registrable(domain string) bool {
	suffix, _ := publicsuffix.PublicSuffix(domain)
	return domain != "" && suffix != domain
}
