package lookupfake

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Types of DNS records.
const (
	typeA     = 1
	typeNS    = 2
	typeCNAME = 5
	typePTR   = 12
	typeMX    = 15
	typeTXT   = 16
	typeAAAA  = 28
)

var typeNames = map[uint16]string{typeA: "A", typeNS: "NS", typeCNAME: "CNAME", typePTR: "PTR", typeMX: "MX", typeTXT: "TXT", typeAAAA: "AAAA"}

// resolver answers DNS over HTTPS (RFC 8484), POST only.
func (s *Server) resolver(r *http.Request, path string) reply {
	if path != "dns-query" || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/dns-message" {
		return text(http.StatusUnsupportedMediaType, "want POST of application/dns-message")
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return text(http.StatusBadRequest, "unreadable")
	}
	name, kind, err := parseQuestion(body)
	if err != nil {
		return text(http.StatusBadRequest, err.Error())
	}
	a := reply{status: http.StatusOK, kind: "application/dns-message", target: typeName(kind) + " " + name}
	a.body = pack(body, s.zone(name, kind))
	return a
}

func typeName(kind uint16) string {
	if n := typeNames[kind]; n != "" {
		return n
	}
	return fmt.Sprint("TYPE", kind)
}

// parseQuestion reads the one question of a query (RFC 1035, 4.1).
func parseQuestion(b []byte) (name string, kind uint16, err error) {
	if len(b) < 17 || binary.BigEndian.Uint16(b[4:]) != 1 || b[2]&0x80 != 0 {
		return "", 0, errors.New("want one question")
	}
	var labels []string
	i := 12
	for i < len(b) && b[i] != 0 {
		n := int(b[i])
		if n > 63 || i+1+n >= len(b) {
			return "", 0, errors.New("bad label")
		}
		labels = append(labels, string(b[i+1:i+1+n]))
		i += 1 + n
	}
	if i+5 > len(b) {
		return "", 0, errors.New("question is cut off")
	}
	return strings.ToLower(strings.Join(labels, ".")), binary.BigEndian.Uint16(b[i+1:]), nil
}

// rr is one record of an answer.
type rr struct {
	kind uint16
	data []byte
}

// pack answers a query; nil records mean that the name does not exist.
func pack(query []byte, records []rr) []byte {
	end := 12
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	end += 5
	out := append([]byte(nil), query[:end]...)
	out[2], out[3] = 0x81, 0x80 // response, recursion desired and available
	if records == nil {
		out[3] |= 3 // NXDOMAIN
	}
	binary.BigEndian.PutUint16(out[6:], uint16(len(records)))
	binary.BigEndian.PutUint32(out[8:], 0)
	for _, r := range records {
		out = append(out, 0xc0, 12) // the name of the question
		out = binary.BigEndian.AppendUint16(out, r.kind)
		out = append(out, 0, 1, 0, 0, 0, 60)
		out = binary.BigEndian.AppendUint16(out, uint16(len(r.data)))
		out = append(out, r.data...)
	}
	return out
}

func wireName(s string) []byte {
	var out []byte
	for l := range strings.SplitSeq(strings.TrimSuffix(s, "."), ".") {
		out = append(append(out, byte(len(l))), l...)
	}
	return append(out, 0)
}

func txt(s string) rr { return rr{typeTXT, append([]byte{byte(len(s))}, s...)} }

// zone is what all zones of the world say about a name.
func (s *Server) zone(name string, kind uint16) []rr {
	switch {
	case strings.HasSuffix(name, ".origin.asn.cymru.com"), strings.HasSuffix(name, ".origin6.asn.cymru.com"):
		h, _, ok := s.reversed(name)
		if h.Origin != "" {
			return []rr{txt(h.Origin)}
		}
		if ok && h.ASN > 0 {
			return []rr{txt(fmt.Sprintf("%d | %s | %s | ripencc | 2010-01-01", h.ASN, h.Prefix, h.Country))}
		}
		return nil
	case strings.HasSuffix(name, ".asn.cymru.com"):
		return s.asName(name)
	case strings.HasSuffix(name, ".in-addr.arpa"), strings.HasSuffix(name, ".ip6.arpa"):
		h, _, _ := s.reversed(name)
		var out []rr
		for _, n := range h.Names {
			out = append(out, rr{typePTR, wireName(n)})
		}
		return out
	}
	n, ok := s.name(name)
	if !ok {
		return nil
	}
	return n.records(kind)
}

func (s *Server) asName(name string) (out []rr) {
	s.each(func(_ netip.Addr, h Host) {
		if out == nil && name == fmt.Sprintf("as%d.asn.cymru.com", h.ASN) {
			out = []rr{txt(fmt.Sprintf("%d | %s | ripencc | 2010-01-01 | %s", h.ASN, h.Country, h.ASName))}
		}
	})
	return out
}

func (n Name) records(kind uint16) []rr {
	out := []rr{}
	if n.Alias != "" {
		out = append(out, rr{typeCNAME, wireName(n.Alias)})
	}
	for _, a := range n.Addresses {
		ip := netip.MustParseAddr(a)
		if ip.Is4() == (kind == typeA) && (kind == typeA || kind == typeAAAA) {
			out = append(out, rr{kind, ip.AsSlice()})
		}
	}
	for _, m := range n.Mail {
		if kind == typeMX {
			out = append(out, rr{kind, append([]byte{0, 10}, wireName(m)...)})
		}
	}
	for _, ns := range n.Servers {
		if kind == typeNS {
			out = append(out, rr{kind, wireName(ns)})
		}
	}
	for _, t := range n.Text {
		if kind == typeTXT {
			out = append(out, txt(t))
		}
	}
	return out
}

// reversed finds the host of a name such as 7.100.51.198.in-addr.arpa.
func (s *Server) reversed(name string) (h Host, a netip.Addr, found bool) {
	s.each(func(ip netip.Addr, host Host) {
		if strings.HasPrefix(name, backwards(ip)+".") {
			h, a, found = host, ip, true
		}
	})
	return h, a, found
}

func backwards(a netip.Addr) string {
	var parts []string
	if a.Is4() {
		for _, b := range a.AsSlice() {
			parts = append([]string{fmt.Sprint(b)}, parts...)
		}
	} else {
		for _, b := range a.AsSlice() {
			parts = append([]string{fmt.Sprintf("%x", b&15), fmt.Sprintf("%x", b>>4)}, parts...)
		}
	}
	return strings.Join(parts, ".")
}

// Resolver starts a plain DNS server (UDP) and returns a resolver that asks it:
// for tests of what happens when the name of a source leads somewhere else than
// it should. Each question for an address of any name gets the next of these
// addresses; the last one stays.
func (s *Server) Resolver(addresses ...string) (*net.Resolver, func()) {
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("lookupfake: listen: %v", err))
	}
	go func() {
		buf := make([]byte, 4096)
		next := 0
		for {
			n, from, err := c.ReadFrom(buf)
			if err != nil {
				return
			}
			name, kind, err := parseQuestion(buf[:n])
			if err != nil {
				continue
			}
			s.record(Call{Source: "system", Target: typeName(kind) + " " + name})
			ip := netip.MustParseAddr(addresses[min(next, len(addresses)-1)])
			records := []rr{}
			if ip.Is4() == (kind == typeA) {
				records = append(records, rr{kind, ip.AsSlice()})
				next++
			}
			_, _ = c.WriteTo(pack(buf[:n], records), from)
		}
	}()
	return s.via(c.LocalAddr().String()), func() { c.Close() }
}
