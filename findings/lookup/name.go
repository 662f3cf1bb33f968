package lookup

import (
	"regexp"
	"strings"
	"unicode"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

var plainLabel = regexp.MustCompile(`^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$`)

// profile is the look-up profile of UTS 46, non-transitional, as browsers use
// it. A new one is cheap and keeps the package free of state.
func profile() *idna.Profile {
	return idna.New(idna.MapForLookup(), idna.StrictDomainName(true), idna.BidiRule(), idna.Transitional(false))
}

// fromName brings a domain name to its canonical form.
func fromName(host string) (Indicator, error) {
	ind := Indicator{Kind: Domain}
	if rest, ok := strings.CutPrefix(host, "*."); ok {
		host = rest
		ind.note("The wildcard was left out.")
	}
	if strings.Contains(host, "%") {
		return Indicator{}, refuse("There is a percent sign in the host; write the character it stands for.")
	}
	name, err := ascii(host)
	if err != nil {
		return Indicator{}, err
	}
	if err := wellFormed(name); err != nil {
		return Indicator{}, err
	}
	ind.Name = name
	if strings.Contains(name, "xn--") {
		u, err := profile().ToUnicode(name)
		if err != nil {
			return Indicator{}, refuse("A part that begins with xn-- does not decode; the name cannot exist.")
		}
		ind.Unicode = u
		ind.Notes = append(ind.Notes, lookalikes(u)...)
	}
	if suffix, icann := publicsuffix.PublicSuffix(name); suffix == name && (icann || strings.Contains(suffix, ".")) {
		ind.note("It is a public suffix, under which everybody registers names, not a name of one owner.")
	} else if !icann && strings.Contains(suffix, ".") {
		ind.note("It lies below a shared host: the registration says nothing about who runs it.")
	}
	return ind, nil
}

// ascii returns the lower-case ASCII form of a name. Names that are ASCII
// already skip IDNA, which refuses the underscores of service names.
func ascii(host string) (string, error) {
	low := strings.ToLower(host)
	if strings.IndexFunc(low, func(r rune) bool { return r > unicode.MaxASCII }) < 0 && !strings.Contains(low, "xn--") {
		return low, nil
	}
	if strings.Contains(low, "_") {
		return "", refuse("A name with other letters than a to z cannot have an underscore.")
	}
	name, err := profile().ToASCII(host)
	if err != nil {
		if strings.Contains(low, "xn--") {
			return "", refuse("A part that begins with xn-- does not decode, or is not the right form of what it decodes to; the name cannot exist.")
		}
		return "", refuse("There are characters in it that no domain name has.")
	}
	return name, nil
}

// wellFormed checks the limits of RFC 1035 and that it is a name, not a number.
func wellFormed(name string) error {
	if len(name) > 253 {
		return refuse("A domain name has at most 253 characters.")
	}
	labels := strings.Split(name, ".")
	if len(labels) < 2 {
		if name == "localhost" {
			return nil
		}
		return refuse("That is one word. Name an IP address, or a domain name with a dot in it.")
	}
	for _, l := range labels {
		switch {
		case l == "":
			return refuse("There are two dots in a row, or one at the beginning.")
		case len(l) > 63:
			return refuse("No part of a domain name is longer than 63 characters.")
		case strings.HasPrefix(l, "-") || strings.HasSuffix(l, "-"):
			return refuse("No part of a domain name begins or ends with a hyphen.")
		case !plainLabel.MatchString(l):
			return refuse("A domain name has only letters, digits, hyphens and dots.")
		}
	}
	last := labels[len(labels)-1]
	if number.MatchString(last) {
		if why := oddAddress(name); why != "" { // other digits became these
			return refuse(why)
		}
		return refuse("The last part of a domain name is never a number; it may be an address with a mistake.")
	}
	if strings.Contains(last, "_") || len(last) < 2 {
		return refuse("The last part is no top-level domain.")
	}
	return nil
}

// Registrable returns the part of a name that somebody registered
// (publicsuffix.org, shared hosts left aside), or the name itself.
func (i Indicator) Registrable() string {
	suffix, icann := publicsuffix.PublicSuffix(i.Name)
	for !icann && strings.Contains(suffix, ".") { // a shared host: go up to the registry
		_, up, _ := strings.Cut(suffix, ".")
		suffix, icann = publicsuffix.PublicSuffix(up)
	}
	if i.Name == suffix || !strings.HasSuffix(i.Name, "."+suffix) {
		return i.Name
	}
	below := strings.TrimSuffix(i.Name, "."+suffix)
	return below[strings.LastIndex(below, ".")+1:] + "." + suffix
}
