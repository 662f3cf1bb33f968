package lookupfake

import (
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// rdap is IANA's list of registries and one registry for everything.
func (s *Server) rdap(_ *http.Request, path string) reply {
	services := func(entries ...string) reply {
		return object(http.StatusOK, map[string]any{"version": "1.0", "services": [][][]string{{entries, {s.URL + "/rdap/registry/"}}}})
	}
	switch path {
	case "iana/ipv4.json":
		return services("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
	case "iana/ipv6.json":
		return services("2001:db8::/32")
	case "iana/dns.json":
		return services("example", "com")
	}
	rest, ok := strings.CutPrefix(path, "registry/")
	kind, id, _ := strings.Cut(rest, "/")
	var doc map[string]any
	switch {
	case !ok:
		return text(http.StatusNotFound, "not found")
	case kind == "ip":
		doc = s.rdapNetwork(id)
	case kind == "domain":
		doc = s.rdapDomain(id)
	}
	if doc == nil {
		a := object(http.StatusNotFound, map[string]any{"errorCode": 404, "title": "Not found"})
		a.kind = "application/rdap+json"
		return a
	}
	a := object(http.StatusOK, doc)
	a.kind = "application/rdap+json"
	return a
}

func card(role, name, email string) map[string]any {
	rows := []any{[]any{"version", map[string]any{}, "text", "4.0"}, []any{"fn", map[string]any{}, "text", name}}
	if email != "" {
		rows = append(rows, []any{"email", map[string]any{}, "text", email})
	}
	return map[string]any{"objectClassName": "entity", "roles": []string{role}, "vcardArray": []any{"vcard", rows}}
}

func (s *Server) rdapNetwork(ip string) map[string]any {
	h, ok := s.host(ip)
	a, err := netip.ParseAddr(ip)
	if !ok || err != nil || h.Holder == "" {
		return nil
	}
	holder := card("registrant", h.Holder, "")
	holder["entities"] = []any{card("abuse", "Abuse desk", h.Abuse)}
	return map[string]any{"objectClassName": "ip network", "handle": "NET-1", "name": "EXAMPLE-NET", "country": h.Country,
		"startAddress": h.network(a).Addr().String(), "endAddress": a.String(), "entities": []any{holder}}
}

func (s *Server) rdapDomain(name string) map[string]any {
	n, ok := s.name(name)
	if !ok || n.Registered.IsZero() {
		return nil
	}
	registrar := card("registrar", n.Registrar, "")
	registrar["entities"] = []any{card("abuse", "Abuse desk", "abuse@registrar.example")}
	var servers []map[string]string
	for _, ns := range n.Servers {
		servers = append(servers, map[string]string{"objectClassName": "nameserver", "ldhName": strings.ToUpper(ns)})
	}
	return map[string]any{"objectClassName": "domain", "ldhName": strings.ToUpper(name), "status": []string{"client transfer prohibited"}, "entities": []any{registrar},
		"events": []map[string]string{{"eventAction": "registration", "eventDate": n.Registered.Format(time.RFC3339)}}, "nameservers": servers}
}
