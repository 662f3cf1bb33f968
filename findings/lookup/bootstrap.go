package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// registries is IANA's list of who answers for which addresses or top-level
// domains (RFC 9224).
type registries []registry

type registry struct {
	entries []string // networks, or domains
	urls    []string
}

// bootstrap finds the registry of an indicator. Registries are the only hosts
// that are not named in the configuration; their list comes from IANA alone.
type bootstrap struct {
	door        *door
	base        endpoint
	v4, v6, dns *download[registries]
}

func newBootstrap(d *door, cache disk, base endpoint) *bootstrap {
	list := func(name string) *download[registries] {
		at := base
		at.URL = base.JoinPath(name + ".json")
		return &download[registries]{door: d, disk: cache, url: at, name: "rdap-" + name, maxAge: 24 * time.Hour, retry: 5 * time.Minute, most: maxBody, parse: parseRegistries}
	}
	return &bootstrap{door: d, base: base, v4: list("ipv4"), v6: list("ipv6"), dns: list("dns")}
}

func parseRegistries(body []byte) (registries, error) {
	var doc struct {
		Services [][][]string `json:"services"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, jsonProblem(err)
	}
	var out registries
	for _, s := range doc.Services {
		if len(s) != 2 {
			return nil, errors.New("an entry is not entries and addresses")
		}
		out = append(out, registry{s[0], s[1]})
	}
	if len(out) == 0 {
		return nil, errors.New("the list is empty")
	}
	return out, nil
}

// find returns the base address of the registry for an indicator, and nil when
// no registry answers for it.
func (b *bootstrap) find(ctx context.Context, i Indicator) (*url.URL, error) {
	l, match := b.dns, func(e string) int { return matchDomain(e, i.Registrable()) }
	if i.Kind == IP {
		match = func(e string) int { return matchPrefix(e, i.Addr) }
		if l = b.v4; i.Addr.Is6() {
			l = b.v6
		}
	}
	got, _, err := l.get(ctx)
	if err != nil {
		return nil, err
	}
	var found *url.URL
	best := -1
	for _, r := range got.list {
		u := b.usable(r.urls)
		if u == nil {
			continue
		}
		b.door.admit(u) // registries send us to each other
		for _, e := range r.entries {
			if n := match(e); n > best {
				best, found = n, u
			}
		}
	}
	return found, nil
}

// usable picks the address of a registry that may be asked: https on the usual
// port, or, when IANA's list itself comes from this machine, a server here.
func (b *bootstrap) usable(urls []string) *url.URL {
	for _, raw := range urls {
		e, err := newEndpoint(raw)
		if err != nil {
			continue
		}
		if e.local() && b.base.local() && e.Host == b.base.Host {
			return e.URL
		}
		if e.Scheme == "https" && !e.literal.IsValid() && (e.Port() == "" || e.Port() == "443") {
			return e.URL
		}
	}
	return nil
}

// matchPrefix is how many bits of an entry match, or -1.
func matchPrefix(entry string, a netip.Addr) int {
	p, err := netip.ParsePrefix(entry)
	if err != nil || !p.Contains(a) {
		return -1
	}
	return p.Bits()
}

// matchDomain is how many labels of an entry match, or -1.
func matchDomain(entry, name string) int {
	if !below(name, entry) {
		return -1
	}
	return strings.Count(entry, ".") + 1
}
