package portmap

import (
	"fmt"
	"net/netip"
	"strconv"
)

// direct says whether an instance is reachable on a port without the balancer:
// one of its interfaces has a public address, and a group of that interface lets
// strangers in on that port. What is not known counts as reachable.
func (b *builder) direct(instance string, port int, transport Transport) (bool, string) {
	interfaces := b.index.byInstance[instance]
	if len(interfaces) == 0 {
		return true, "the instance's interfaces are not known"
	}
	for _, n := range interfaces {
		if len(n.Public) == 0 {
			continue
		}
		for _, id := range n.Groups {
			g, ok := b.view.Groups[id]
			if !ok {
				return true, "the security group " + id + " is not known"
			}
			if g.admits(port, transport) {
				return true, fmt.Sprintf("%s is public and %s lets strangers in on port %d", n.Public[0], id, port)
			}
		}
	}
	return false, ""
}

// admits says whether strangers may come in on a port. A prefix list may hold
// anything, so it counts as strangers.
func (g SecurityGroup) admits(port int, transport Transport) bool {
	for _, r := range g.Ingress {
		if !r.covers(port, transport) {
			continue
		}
		if len(r.Lists) > 0 {
			return true
		}
		for _, n := range r.Networks {
			if !internal(n) {
				return true
			}
		}
	}
	return false
}

func (r Rule) covers(port int, transport Transport) bool {
	number := map[Transport]string{TCP: "6", UDP: "17"}[transport]
	switch r.Protocol {
	case "-1":
		return true
	case string(transport), number:
		return r.From <= port && port <= r.To
	}
	_, err := strconv.Atoi(r.Protocol)
	known := err == nil || r.Protocol == string(TCP) || r.Protocol == string(UDP) || r.Protocol == "icmp" || r.Protocol == "icmpv6"
	return !known // a spelling we do not know
}

// inside are networks no stranger comes from: RFC 1918, RFC 6598, RFC 4193,
// link-local.
var inside = []netip.Prefix{
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fc00::/7"), netip.MustParsePrefix("fe80::/10"),
}

// internal says whether a network lies wholly inside.
func internal(n netip.Prefix) bool {
	for _, p := range inside {
		if p.Bits() <= n.Bits() && p.Contains(n.Addr()) {
			return true
		}
	}
	return false
}
