package chat

import (
	"strings"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/message"
)

// Own says which names are the company's own, from its configuration: they are
// shown as people write them. Everything else that looks like a host is broken
// up, whoever it seems to belong to.
type Own struct {
	// Domains are the company's; addresses in them and hosts below them stay. One
	// that anybody can register below (publicsuffix.org) does not count.
	Domains []string
	// Names stay when the whole name is one of them: the e-mail addresses and
	// principals of employees, which may end in what happens to be a top-level domain.
	Names []string
}

// ownNames answers what is ours. The zero value knows nothing.
type ownNames struct {
	domains []string
	names   map[string]bool
}

func newOwn(o Own) ownNames {
	out := ownNames{names: map[string]bool{}}
	for _, d := range o.Domains {
		if d = strings.ToLower(d); message.Registrable(d) {
			out.domains = append(out.domains, d)
		}
	}
	for _, n := range o.Names {
		out.names[strings.ToLower(n)] = true
	}
	return out
}

// defang breaks up everything in s that is not ours.
func (o ownNames) defang(s string) string {
	if len(o.domains)+len(o.names) == 0 || !strings.ContainsAny(s, ".@") {
		return defang(s)
	}
	var b strings.Builder
	from := 0
	for i := 0; i < len(s); {
		n := nameLength(s[i:])
		if n == 0 {
			_, size := utf8.DecodeRuneInString(s[i:])
			i += size
			continue
		}
		name := strings.TrimRight(s[i:i+n], ".")
		if standsAlone(s[:i], s[i+len(name):]) && o.ours(name) {
			b.WriteString(defang(s[from:i]) + name)
			from = i + len(name)
		}
		i += n
	}
	return b.String() + defang(s[from:])
}

// nameLength is the length of the name or address that s begins with, as a
// client that makes links might see it.
func nameLength(s string) int {
	n := strings.IndexFunc(s, func(r rune) bool { return !hostRune(r) && !strings.ContainsRune("@+'%", r) })
	if n < 0 {
		return len(s)
	}
	return n
}

// standsAlone says whether a name stands between what surrounds words in a
// sentence: in an address of the web or after a scheme it would be part of
// something that leads somewhere.
func standsAlone(before, after string) bool {
	last, _ := utf8.DecodeLastRuneInString(before)
	if before != "" && !strings.ContainsRune(" \n\"“‘«(<", last) {
		return false
	}
	after = strings.TrimLeft(after, ".,;:!?\"”’»)>")
	return after == "" || after[0] == ' ' || after[0] == '\n'
}

// ours decides about one whole name.
func (o ownNames) ours(name string) bool {
	if !plainASCII(name) {
		return false // look-alikes of our letters are not ours, nor what they are in lower case
	}
	name = strings.ToLower(name)
	if o.names[name] {
		return true
	}
	local, host, address := strings.Cut(name, "@")
	if !address {
		host = name
	} else if local == "" || strings.Contains(host, "@") || isHost(local, "", "") {
		return false // a host before the sign is what people and phones would read
	}
	for _, d := range o.domains {
		if host == d {
			return true
		}
		if below, ok := strings.CutSuffix(host, "."+d); ok {
			return !hasIPv4(strings.Split(below, ".")) && !strings.ContainsAny(below, "+'%")
		}
	}
	return false
}
