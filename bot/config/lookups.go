package config

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/securitybot/securitybot/findings/lookup"
)

// Lookups says who is asked about IP addresses and domains, and about which
// nobody is.
type Lookups struct {
	Without       []string          `yaml:"without"`      // sources that are not asked
	OwnNetworks   []string          `yaml:"own_networks"` // nobody outside is asked about these, the employees' and the trusted ones
	OwnDomains    []string          `yaml:"own_domains"`  // likewise, with everything below
	VirusTotalKey Secret            `yaml:"virustotal_key"`
	AbuseIPDBKey  Secret            `yaml:"abuseipdb_key"`
	GreyNoiseKey  Secret            `yaml:"greynoise_key"`
	URLScanKey    Secret            `yaml:"urlscan_key"`
	PerDay        map[string]int    `yaml:"per_day"`   // questions a day by source, for paid keys; 0 is no limit
	CacheDir      string            `yaml:"cache_dir"` // keeps downloaded lists over a restart; empty keeps them in memory
	Endpoints     map[string]string `yaml:"endpoints"` // other addresses of sources, for private mirrors
}

var domainForm = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9][a-z0-9-]*[a-z0-9]$`)

func (d *document) checkLookups(l Lookups) {
	for i, name := range l.Without {
		if item := fmt.Sprintf("lookups.without[%d]", i); !d.failed(item) {
			d.oneOf(item, name, lookup.SourceNames()...)
		}
	}
	d.unique("lookups.without", l.Without)
	for i, n := range l.OwnNetworks {
		item := fmt.Sprintf("lookups.own_networks[%d]", i)
		if _, ok := networkOf(n); !ok && !d.failed(item) {
			d.wrong(item, "%s is a network such as 198.51.100.0/24, or an address, not %s", item, show(n))
		}
	}
	d.unique("lookups.own_networks", l.OwnNetworks)
	d.each("lookups.own_domains", l.OwnDomains, domainForm, "a domain such as corp.example, in lower case")
	for _, name := range slices.Sorted(maps.Keys(l.PerDay)) {
		path := "lookups.per_day." + name
		if !slices.Contains(lookup.SourceNames(), name) {
			d.wrong(path, "unknown source %s in lookups.per_day%s", show(name), didYouMean(name, lookup.SourceNames()))
			continue
		}
		between(d, path, l.PerDay[name], 0, 10_000_000)
	}
	known := slices.Sorted(maps.Keys(lookup.Defaults()))
	for _, name := range slices.Sorted(maps.Keys(l.Endpoints)) {
		path := "lookups.endpoints." + name
		if !slices.Contains(known, name) {
			d.wrong(path, "unknown endpoint %s in lookups.endpoints; known here: %s", show(name), strings.Join(known, ", "))
			continue
		}
		if err := lookup.CheckEndpoint(l.Endpoints[name]); err != nil && !d.failed(path) {
			d.wrong(path, "%s: %v", path, err)
		}
	}
}

// networkOf reads a network or a single address.
func networkOf(s string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(s); err == nil && !p.Addr().Is4In6() {
		return p.Masked(), true
	}
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" {
		return netip.Prefix{}, false
	}
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen()), true
}

// Lookup returns the set-up of look-ups. What the directory calls the company's
// (e-mail domains, networks, devices of employees) counts as our own.
func (c *Config) Lookup() lookup.Config {
	l := c.Lookups
	out := lookup.Config{
		Off: l.Without, Endpoints: l.Endpoints, PerDay: l.PerDay, CacheDir: l.CacheDir,
		VirusTotal: trimLineEnd(l.VirusTotalKey.Reveal()), AbuseIPDB: trimLineEnd(l.AbuseIPDBKey.Reveal()),
		GreyNoise: trimLineEnd(l.GreyNoiseKey.Reveal()), URLScan: trimLineEnd(l.URLScanKey.Reveal()),
	}
	networks := slices.Concat(l.OwnNetworks, c.Enrich.TrustedEgress)
	for _, p := range c.Enrich.People {
		networks = append(networks, p.DeviceIPs...)
	}
	for _, n := range networks {
		if p, ok := networkOf(n); ok {
			out.Own.Networks = append(out.Own.Networks, p)
		}
	}
	out.Own.Domains = slices.Concat(l.OwnDomains, c.Enrich.Domains)
	return out
}
