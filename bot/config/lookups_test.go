package config

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/securitybot/securitybot/findings/lookup"
)

// What the company calls its own anywhere in the file is never asked about.
func TestLookupsKnowWhatIsOurs(t *testing.T) {
	t.Parallel()
	c, err := exampleLoader().Parse("example.yaml", []byte(readExample(t)))
	if err != nil {
		t.Fatal(err)
	}
	own := c.Lookup().Own
	for _, ip := range []string{"203.0.113.9", "198.51.100.77", "192.0.2.7"} {
		if !slices.ContainsFunc(own.Networks, func(p netip.Prefix) bool { return p.Contains(netip.MustParseAddr(ip)) }) {
			t.Errorf("%s is not ours", ip)
		}
	}
	for _, name := range []string{"corp.example", "shop.example"} {
		if !slices.Contains(own.Domains, name) {
			t.Errorf("%s is not ours", name)
		}
	}
	if _, err := lookup.New(c.Lookup()); err != nil {
		t.Error(err)
	}
}
