package enrich

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/securitybot/securitybot/findings"
)

// ErrUnavailable says that a look-up cannot answer. The policy then decides
// without it, and never for less attention.
var ErrUnavailable = errors.New("look-up unavailable")

// Directory answers from the configuration. It never changes and may be used
// by many goroutines at once.
type Directory struct {
	domains   map[string]bool
	people    []Person
	byEmail   map[string]*Person // by e-mail in lower case
	tags      []string
	teams     map[string]team // by name in lower case
	accounts  map[string]Account
	egress    []netip.Prefix
	catchAll  Contact
	exact     map[string][]*Person // by principal, in lower case
	principal []principalPattern
}

type team struct {
	name string
	Contact
}

type principalPattern struct {
	pattern string
	person  *Person
}

// New returns the directory of a configuration, or its Problems.
func New(c Config) (*Directory, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	d := &Directory{
		domains: map[string]bool{}, byEmail: map[string]*Person{}, teams: map[string]team{}, exact: map[string][]*Person{},
		tags:     append([]string(nil), c.OwnerTags...),
		accounts: map[string]Account{}, catchAll: c.CatchAll,
	}
	if len(d.tags) == 0 {
		d.tags = []string{"owner", "team"}
	}
	for _, name := range c.Domains {
		d.domains[strings.ToLower(name)] = true
	}
	for name, contact := range c.Teams {
		d.teams[strings.ToLower(name)] = team{name: name, Contact: contact}
	}
	for id, a := range c.Accounts {
		d.accounts[id] = a
	}
	for _, s := range c.TrustedEgress {
		d.egress = append(d.egress, netip.MustParsePrefix(s)) // checked by Validate
	}
	for _, p := range c.People {
		p.Principals, p.DeviceIPs, p.Addresses = slices.Clone(p.Principals), slices.Clone(p.DeviceIPs), slices.Clone(p.Addresses)
		d.people = append(d.people, p)
	}
	d.indexPeople()
	return d, nil
}

func (d *Directory) indexPeople() {
	for i := range d.people {
		p := &d.people[i]
		d.byEmail[strings.ToLower(p.Email)] = p
		for _, other := range p.Addresses {
			d.byEmail[strings.ToLower(other)] = p
		}
		for _, principal := range p.Principals {
			principal = strings.ToLower(principal)
			if strings.Contains(principal, "*") {
				d.principal = append(d.principal, principalPattern{pattern: principal, person: p})
				continue
			}
			d.exact[principal] = append(d.exact[principal], p)
		}
	}
}

// Enrich answers one look-up of the policy language: "employee" with a
// findings.Employee, "owner" with a findings.Owner, "network" with a map. For
// every other name the error wraps ErrUnavailable.
func (d *Directory) Enrich(ctx context.Context, name string, f *findings.Finding) (any, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("look up %s: %w: %w", name, ErrUnavailable, err)
	}
	switch name {
	case "employee":
		return d.Employee(f), nil
	case "owner":
		return d.Owner(f), nil
	case "network":
		return map[string]any{"trusted": d.Trusted(f)}, nil
	}
	return nil, fmt.Errorf("%w: nothing is configured that answers %q", ErrUnavailable, name)
}

// SameAddress says whether two e-mail addresses are of one person: the same
// text, or addresses that the configuration gives to one.
func (d *Directory) SameAddress(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	a, b = strings.ToLower(a), strings.ToLower(b)
	return a == b || d.byEmail[a] != nil && d.byEmail[a] == d.byEmail[b]
}

// Trusted reports whether every remote address of the finding lies in a network
// that all employees come from. Such an address says nothing about which of
// them it was.
func (d *Directory) Trusted(f *findings.Finding) bool {
	seen := false
	for _, r := range f.Remote {
		if !r.IP.IsValid() {
			continue
		}
		seen = true
		if !d.trusted(r.IP) {
			return false
		}
	}
	return seen
}

func (d *Directory) trusted(ip netip.Addr) bool {
	for _, p := range d.egress {
		if p.Contains(ip.Unmap().WithZone("")) {
			return true
		}
	}
	return false
}

// Device compares the finding's addresses with the person's devices. An
// address that all employees share makes a mismatch unknown: the person may
// well have been behind it.
func (d *Directory) Device(f *findings.Finding, e findings.Employee) findings.IPMatch {
	if !e.Known {
		return findings.IPUnknown
	}
	match := f.DeviceMatch(e.DeviceIPs)
	if match == findings.IPMismatch && d.Trusted(f) {
		return findings.IPUnknown
	}
	return match
}

// quote shows outside text inside a sentence: one line, bounded.
func quote(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > 60 {
		s = string(runes[:59]) + "…"
	}
	return "“" + s + "”"
}
