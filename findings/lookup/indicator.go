package lookup

import (
	"net/netip"
	"strings"
)

// Kind is what an indicator is.
type Kind string

// The kinds of indicator.
const (
	IP     Kind = "ip"
	Domain Kind = "domain"
)

// Indicator is an IP address or a domain name in its one canonical form.
type Indicator struct {
	Kind Kind
	Addr netip.Addr // IP: without zone, and IPv4 where an IPv6 form only carries one
	Name string     // Domain: lower-case ASCII labels (RFC 5890 A-labels), no trailing dot
	// Unicode is the name as people see it; empty when it is the same as Name.
	Unicode string
	// Notes are our own sentences about what was left out or deserves a second
	// look. They repeat nothing that was typed.
	Notes []string
}

// String returns the canonical form. It is not defanged.
func (i Indicator) String() string {
	if i.Kind == IP {
		return i.Addr.String()
	}
	return i.Name
}

// Key identifies the indicator in caches: equal exactly when the canonical
// forms are.
func (i Indicator) Key() string { return string(i.Kind) + ":" + i.String() }

// Defanged returns the form to show where nothing may become a link.
func (i Indicator) Defanged() string {
	return strings.NewReplacer(".", "[.]", ":", "[:]").Replace(i.String())
}

func (i *Indicator) note(s string) {
	for _, n := range i.Notes {
		if n == s {
			return
		}
	}
	i.Notes = append(i.Notes, s)
}

// Refusal says why something cannot be investigated. Its text is ours alone and
// repeats nothing of the input, so that it may be shown as it is.
type Refusal struct{ Why string }

// Error implements error.
func (r *Refusal) Error() string { return r.Why }

func refuse(why string) error { return &Refusal{Why: why} }
