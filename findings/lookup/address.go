package lookup

import (
	"encoding/binary"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// Prefixes of IPv6 addresses that only carry an IPv4 address.
var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")    // RFC 6052
	sixToFour = netip.MustParsePrefix("2002::/16")       // RFC 3056
	teredo    = netip.MustParsePrefix("2001::/32")       // RFC 4380
	mapped    = netip.MustParsePrefix("::ffff:0:0/96")   // RFC 4291, 2.5.5.2
	compat    = netip.MustParsePrefix("::/96")           // RFC 4291, 2.5.5.1, deprecated
	siit      = netip.MustParsePrefix("::ffff:0:0:0/96") // RFC 2765, deprecated
)

// embedded returns the IPv4 address that an IPv6 address stands for, and how
// that form is called.
func embedded(a netip.Addr) (v4 netip.Addr, form string) {
	if !a.Is6() {
		return netip.Addr{}, ""
	}
	b := a.As16()
	last := netip.AddrFrom4([4]byte(b[12:16]))
	switch {
	case mapped.Contains(netip.AddrFrom16(b)) || a.Is4In6():
		return last, "IPv4-mapped"
	case nat64.Contains(a):
		return last, "NAT64"
	case siit.Contains(a):
		return last, "IPv4-translated"
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), "6to4"
	case teredo.Contains(a):
		return netip.AddrFrom4([4]byte{^b[12], ^b[13], ^b[14], ^b[15]}), "Teredo"
	case compat.Contains(a) && binary.BigEndian.Uint32(b[12:]) > 0xffff: // not :: and ::1
		return last, "IPv4-compatible"
	}
	return netip.Addr{}, ""
}

// fromAddr brings an address to its canonical form.
func fromAddr(a netip.Addr) (Indicator, error) {
	if a.Zone() != "" {
		return Indicator{}, refuse("An address with a zone (the part after %) means something on one machine only; leave the zone out.")
	}
	ind := Indicator{Kind: IP, Addr: a}
	if v4, form := embedded(a); form != "" {
		ind.Addr = v4
		ind.note("It was written in an IPv6 form (" + form + "); the IPv4 address in it is looked up.")
	}
	return ind, nil
}

var number = regexp.MustCompile(`^(?:0[xX][0-9a-fA-F]*|[0-9]+)$`)

// oddAddress says why something that looks like an address is none. What
// could be read in two ways is not guessed, but the likely meaning is named.
func oddAddress(host string) string {
	if strings.Contains(host, ":") {
		if strings.Contains(host, "%") {
			return "An address with a zone (the part after %) means something on one machine only; leave the zone out."
		}
		if strings.Trim(host, "0123456789abcdefABCDEF:.") == "" {
			return "That looks like an IPv6 address but is none; check the number of groups and colons."
		}
		return "There is a colon where none can be; name an IP address or a domain name."
	}
	labels := strings.Split(host, ".")
	for _, l := range labels {
		if strings.IndexFunc(l, foreignDigit) >= 0 && strings.IndexFunc(host, unicode.IsLetter) < 0 {
			return "It is written with digits of another script; type it with the digits 0 to 9."
		}
		if !number.MatchString(l) {
			return ""
		}
	}
	plain := strings.Trim(host, "0123456789.") == ""
	switch {
	case len(labels) > 4:
		return "An IPv4 address has four numbers, this has more."
	case plain && len(labels) == 4 && tooLarge(labels):
		return "In an IPv4 address no number is larger than 255."
	}
	if v4, ok := inetAton(labels); ok {
		meaning := Indicator{Kind: IP, Addr: v4}.Defanged()
		if plain && len(labels) == 4 {
			return "A number with a leading zero is octal for some programs and decimal for others. Type it without; read as octal it is " + meaning + "."
		}
		return "That is an unusual way to write an address; many programs read it as " + meaning + ". If you mean that, type it so."
	}
	return "An IPv4 address has four numbers from 0 to 255, such as 192[.]0[.]2[.]1."
}

func foreignDigit(r rune) bool { return r > unicode.MaxASCII && unicode.IsDigit(r) }

func tooLarge(labels []string) bool {
	for _, l := range labels {
		if n, err := strconv.Atoi(l); err != nil || n > 255 {
			return true
		}
	}
	return false
}

// inetAton reads numbers the way inet_aton of the C library does: octal with a
// leading 0, hexadecimal with 0x, and the last number fills what is left.
func inetAton(labels []string) (netip.Addr, bool) {
	var v uint64
	for i, l := range labels {
		n, err := parseC(l)
		if err != nil {
			return netip.Addr{}, false
		}
		if i < len(labels)-1 {
			if n > 255 {
				return netip.Addr{}, false
			}
			v = v<<8 | n
			continue
		}
		left := uint(8 * (4 - i))
		if n >= 1<<left {
			return netip.Addr{}, false
		}
		v = v<<left | n
	}
	return netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}), true
}

func parseC(s string) (uint64, error) {
	low := strings.ToLower(s)
	switch {
	case low == "0x":
		return 0, nil
	case strings.HasPrefix(low, "0x"):
		return strconv.ParseUint(low[2:], 16, 33)
	case len(s) > 1 && s[0] == '0':
		return strconv.ParseUint(s[1:], 8, 33)
	}
	return strconv.ParseUint(s, 10, 33)
}
