package lookup_test

import (
	"net/netip"
	"testing"

	"github.com/securitybot/securitybot/findings/lookup"
)

func indicator(t *testing.T, s string) lookup.Indicator {
	t.Helper()
	i, err := lookup.Parse(s)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return i
}

func TestEveryIndicatorHasItsAudience(t *testing.T) {
	t.Parallel()
	own := lookup.Own{Networks: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/28"), netip.MustParsePrefix("2001:db8:1::/48")}, Domains: []string{"corp.example", ".Shop.test."}}
	for _, c := range []struct {
		in, name string
		audience lookup.Audience
	}{
		{"10.1.2.3", "private", lookup.Nobody}, {"172.31.0.1", "private", lookup.Nobody}, {"192.168.1.1", "private", lookup.Nobody},
		{"172.32.0.1", "public", lookup.Everybody}, {"100.64.0.1", "carrier", lookup.Nobody}, {"100.128.0.1", "public", lookup.Everybody},
		{"127.0.0.1", "loopback", lookup.Nobody}, {"169.254.1.1", "link-local", lookup.Nobody}, {"169.254.169.254", "metadata", lookup.Nobody},
		{"0.0.0.0", "unspecified", lookup.Nobody}, {"224.0.0.251", "multicast", lookup.Nobody}, {"255.255.255.255", "reserved", lookup.Nobody},
		{"198.18.0.1", "benchmark", lookup.Nobody}, {"192.0.0.8", "reserved", lookup.Nobody},
		{"192.0.2.1", "documentation", lookup.Rehearsal}, {"198.51.100.99", "documentation", lookup.Rehearsal}, {"203.0.113.9", "documentation", lookup.Rehearsal},
		{"198.51.100.3", "own", lookup.Nobody}, {"2001:db8:1::5", "own", lookup.Nobody}, {"::ffff:198.51.100.3", "own", lookup.Nobody},
		{"::1", "loopback", lookup.Nobody}, {"::", "unspecified", lookup.Nobody}, {"fe80::1", "link-local", lookup.Nobody}, {"fc00::1", "private", lookup.Nobody},
		{"fd00:ec2::254", "metadata", lookup.Nobody}, {"fec0::1", "private", lookup.Nobody}, {"ff02::1", "multicast", lookup.Nobody},
		{"2001:db8::1", "documentation", lookup.Rehearsal}, {"3fff::1", "documentation", lookup.Rehearsal}, {"100::1", "discard", lookup.Nobody},
		{"64:ff9b:1::1", "private", lookup.Nobody}, {"4000::1", "reserved", lookup.Nobody}, {"2001:2::1", "reserved", lookup.Nobody},
		{"64:ff9b::10.0.0.1", "private", lookup.Nobody}, {"2002:a9fe:a9fe::1", "metadata", lookup.Nobody},
		{"corp.example", "own", lookup.Nobody}, {"vpn.corp.example", "own", lookup.Nobody}, {"a.shop.test", "own", lookup.Nobody}, {"notcorp.example", "documentation", lookup.Rehearsal},
		{"www.example.com", "documentation", lookup.Rehearsal}, {"notexample.com", "public", lookup.Everybody}, {"evil.github.io", "public", lookup.Everybody},
		{"localhost", "reserved", lookup.Nobody}, {"printer.local", "reserved", lookup.Nobody}, {"ip-10-0-0-1.eu-west-1.compute.internal", "reserved", lookup.Nobody},
		{"abcdefghij234567.onion", "reserved", lookup.Nobody}, {"1.2.0.192.in-addr.arpa", "reserved", lookup.Nobody},
		{"jira.bananas", "internal", lookup.Nobody}, {"ad.corp", "internal", lookup.Nobody}, {"files.lan", "internal", lookup.Nobody},
	} {
		got := lookup.Classify(indicator(t, c.in), own)
		if got.Name != c.name || got.Audience != c.audience || got.About == "" {
			t.Errorf("%s is %+v, want %s for %v", c.in, got, c.name, c.audience)
		}
	}
}

func TestPublicSeesThroughEveryForm(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]bool{
		"8.0.0.1": true, "2600::1": true, // parsed only, never contacted
		"::ffff:169.254.169.254": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::8.0.0.1": false, "2002:a00:1::": false, "2002:800:1::": false,
		"2001:0:c000:201:0:0:3f57:fefe": false, "::127.0.0.1": false, "::ffff:0:127.0.0.1": false, "fe80::1%eth0": false, "fec0::1": false, "100.64.0.1": false,
		"192.0.2.1": false, "2001:db8::1": false, "fd00:ec2::254": false, "::": false, "0.0.0.0": false, "::ffff:8.0.0.1": true,
	} {
		if got := lookup.Public(netip.MustParseAddr(in)); got != want {
			t.Errorf("%s: public %v", in, got)
		}
	}
	if lookup.Public(netip.Addr{}) {
		t.Error("no address is public")
	}
}
