package lookup

import (
	"net/netip"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Audience says who may be asked about an indicator.
type Audience int

// The audiences, from the narrowest.
const (
	Nobody    Audience = iota // only our own history
	Rehearsal                 // besides, sources that run on this machine: documentation addresses in tests and the demo
	Everybody                 // every source that is set up
)

// Class is what an indicator is, known without asking anybody.
type Class struct {
	Name     string // such as private, metadata, own, public
	About    string // one sentence of ours
	Audience Audience
}

// Own are the company's own networks and domains. Nobody outside is asked about
// them: the question itself would tell something.
type Own struct {
	Networks []netip.Prefix
	Domains  []string // with everything below them
}

// block is an entry of IANA's registries of special-purpose addresses (RFC
// 6890), or an address that clouds have given a meaning.
type block struct {
	prefix netip.Prefix
	name   string
	about  string
}

// blocks lists special addresses, the more specific first.
func blocks() []block {
	var out []block
	for _, b := range []struct{ prefix, name, about string }{
		{"169.254.169.254/32", "metadata", "The address of the cloud's instance metadata service, the same on every instance."},
		{"169.254.170.2/32", "metadata", "The address where containers get the credentials of their task role."},
		{"169.254.170.23/32", "metadata", "The address where pods get their AWS credentials."},
		{"fd00:ec2::/32", "metadata", "An address of AWS's services inside an instance, such as instance metadata."},
		{"0.0.0.0/8", "unspecified", "It means this host, or no address at all."},
		{"10.0.0.0/8", "private", "A private address: every company has its own. Only our own records can say whose it is."},
		{"100.64.0.0/10", "carrier", "A carrier-grade NAT address, shared by customers of one provider or used inside a cloud."},
		{"127.0.0.0/8", "loopback", "A machine's own loopback address."},
		{"169.254.0.0/16", "link-local", "A link-local address, valid on one network segment only."},
		{"172.16.0.0/12", "private", "A private address: every company has its own. Only our own records can say whose it is."},
		{"192.0.2.0/24", "documentation", "An address reserved for documentation; nobody has it."},
		{"192.0.0.0/24", "reserved", "An address reserved for protocol assignments."},
		{"192.88.99.0/24", "reserved", "A 6to4 relay anycast address, withdrawn."},
		{"192.168.0.0/16", "private", "A private address: every company has its own. Only our own records can say whose it is."},
		{"198.18.0.0/15", "benchmark", "An address reserved for measuring network devices."},
		{"198.51.100.0/24", "documentation", "An address reserved for documentation; nobody has it."},
		{"203.0.113.0/24", "documentation", "An address reserved for documentation; nobody has it."},
		{"224.0.0.0/4", "multicast", "A multicast address: a group, not a machine."},
		{"240.0.0.0/4", "reserved", "A reserved address; it is not in use."},
		{"::/128", "unspecified", "It means no address at all."},
		{"::1/128", "loopback", "A machine's own loopback address."},
		{"64:ff9b:1::/48", "private", "An address of a local NAT64 translator."},
		{"100::/64", "discard", "Traffic to it is thrown away."},
		{"2001:db8::/32", "documentation", "An address reserved for documentation; nobody has it."},
		{"3fff::/20", "documentation", "An address reserved for documentation; nobody has it."},
		{"2001::/23", "reserved", "An address reserved for protocol assignments."},
		{"fc00::/7", "private", "A unique local address: every company has its own. Only our own records can say whose it is."},
		{"fe80::/10", "link-local", "A link-local address, valid on one network segment only."},
		{"fec0::/10", "private", "A site-local address, a withdrawn form of private address."},
		{"ff00::/8", "multicast", "A multicast address: a group, not a machine."},
	} {
		out = append(out, block{netip.MustParsePrefix(b.prefix), b.name, b.about})
	}
	return out
}

// global is where all IPv6 addresses of the internet are (RFC 4291; IANA, "IPv6
// Global Unicast Address Assignments").
var global = netip.MustParsePrefix("2000::/3")

// Classify says what an indicator is and who may be asked about it. In doubt
// nobody is.
func Classify(ind Indicator, own Own) Class {
	if ind.Kind == IP {
		return classifyIP(ind.Addr, own)
	}
	return classifyName(ind.Name, own)
}

func classifyIP(a netip.Addr, own Own) Class {
	a = a.WithZone("").Unmap()
	for _, p := range own.Networks {
		if p.Contains(a) {
			return Class{"own", "One of the company's own networks; nobody outside is asked about it.", Nobody}
		}
	}
	if v4, form := embedded(a); form != "" {
		inner := classifyIP(v4, own)
		if inner.Audience != Everybody {
			return inner
		}
		return Class{"embedded", "An IPv6 address that only carries an IPv4 address.", Nobody}
	}
	for _, b := range blocks() {
		if b.prefix.Contains(a) {
			return Class{b.name, b.about, audienceOf(b.name)}
		}
	}
	if !a.IsValid() || a.Is6() && !global.Contains(a) {
		return Class{"reserved", "An IPv6 address outside the range that is in use on the internet.", Nobody}
	}
	return Class{"public", "A public address.", Everybody}
}

func audienceOf(name string) Audience {
	if name == "documentation" {
		return Rehearsal
	}
	return Nobody
}

// Public says whether an address is one of the internet, in whatever form.
func Public(a netip.Addr) bool {
	return classifyIP(a, Own{}).Audience == Everybody
}

func classifyName(name string, own Own) Class {
	for _, d := range own.Domains {
		if below(name, d) {
			return Class{"own", "One of the company's own domains; nobody outside is asked about it.", Nobody}
		}
	}
	for _, d := range []string{"example", "example.com", "example.net", "example.org"} { // RFC 2606
		if below(name, d) {
			return Class{"documentation", "A name reserved for documentation.", Rehearsal}
		}
	}
	for _, r := range []struct{ name, about string }{
		{"localhost", "The machine itself."},
		{"onion", "A Tor onion service: reachable through Tor only, and without a registration or DNS record to look up."},
		{"i2p", "A name inside the I2P network, without a registration or DNS record to look up."},
		{"local", "A name on one local network (multicast DNS)."},
		{"internal", "A name in private use; it may be inside a cloud's or a company's network."},
		{"home.arpa", "A name on a home network."},
		{"in-addr.arpa", "A name for looking up an address; name the address instead."},
		{"ip6.arpa", "A name for looking up an address; name the address instead."},
		{"test", "A name reserved for tests."},
		{"invalid", "A name reserved for being invalid."},
		{"alt", "A name outside the DNS."},
	} {
		if below(name, r.name) {
			return Class{"reserved", r.about, Nobody}
		}
	}
	if suffix, icann := publicsuffix.PublicSuffix(name); !icann && !strings.Contains(suffix, ".") {
		return Class{"internal", "Its ending is no public top-level domain: probably an internal name, so nobody outside is asked about it.", Nobody}
	}
	return Class{"public", "A public domain name.", Everybody}
}

func below(name, domain string) bool {
	domain = strings.ToLower(strings.Trim(domain, "."))
	return domain != "" && (name == domain || strings.HasSuffix(name, "."+domain))
}
