package findings

import "net/netip"

// IPMatch says whether an address is one of a person's devices. The third
// value matters: only IPMismatch supports the words "not from your laptop".
type IPMatch string

// The three answers.
const (
	IPSame     IPMatch = "match"
	IPMismatch IPMatch = "mismatch"
	IPUnknown  IPMatch = "unknown"
)

// sharedSpace is the shared address space of RFC 6598: many customers of one carrier sit
// behind each address, and AWS sees it only inside private networks.
func sharedSpace() netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64, 0, 0}), 10) }

// MatchDevice compares an address with the known addresses of a person's
// devices. IPv4 addresses are compared whole, IPv6 by their /64, because
// devices rotate the rest. The answer is unknown when the address says nothing
// about where somebody sits (private, link-local, shared, unspecified), and
// when no device has a comparable address of the same family.
func MatchDevice(ip netip.Addr, devices []string) IPMatch {
	ip = ip.Unmap().WithZone("")
	if !telling(ip) {
		return IPUnknown
	}
	answer := IPUnknown
	for _, text := range devices {
		device, err := netip.ParseAddr(text)
		if err != nil {
			continue
		}
		device = device.Unmap().WithZone("")
		if !telling(device) || device.Is4() != ip.Is4() {
			continue
		}
		if network(device) == network(ip) {
			return IPSame
		}
		answer = IPMismatch
	}
	return answer
}

// telling reports whether an address belongs to one place on the internet.
func telling(ip netip.Addr) bool {
	return ip.IsValid() && ip.IsGlobalUnicast() && !ip.IsPrivate() && !sharedSpace().Contains(ip)
}

func network(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}

// DeviceMatch compares every remote address of the finding with the addresses
// of a person's devices: one address elsewhere is a mismatch, only all of them
// at home is a match, and no address at all is unknown.
func (f *Finding) DeviceMatch(devices []string) IPMatch {
	answer, seen := IPSame, false
	for _, r := range f.Remote {
		if !r.IP.IsValid() {
			continue
		}
		seen = true
		switch MatchDevice(r.IP, devices) {
		case IPMismatch:
			return IPMismatch
		case IPUnknown:
			answer = IPUnknown
		}
	}
	if !seen {
		return IPUnknown
	}
	return answer
}
