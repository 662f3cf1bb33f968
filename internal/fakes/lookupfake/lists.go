package lookupfake

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// each calls f for every host, in a fixed order.
func (s *Server) each(f func(netip.Addr, Host)) (etag string) {
	s.mu.Lock()
	hosts, version := maps.Clone(s.hosts), s.version
	s.mu.Unlock()
	for _, a := range slices.SortedFunc(maps.Keys(hosts), netip.Addr.Compare) {
		f(a, hosts[a])
	}
	return fmt.Sprintf("%q", fmt.Sprint("v", version))
}

func (s *Server) tor(_ *http.Request, path string) reply {
	if path != "torbulkexitlist" {
		return text(http.StatusNotFound, "not found")
	}
	b := strings.Builder{}
	b.WriteString("192.0.2.250\n") // the real list is never empty
	etag := s.each(func(a netip.Addr, h Host) {
		if h.Tor {
			fmt.Fprintln(&b, a)
		}
	})
	a := text(http.StatusOK, b.String())
	a.etag = etag
	return a
}

func (s *Server) drop(_ *http.Request, path string) reply {
	v4 := path == "drop_v4.json"
	if !v4 && path != "drop_v6.json" {
		return text(http.StatusNotFound, "not found")
	}
	var b strings.Builder
	line := func(v any) {
		j, _ := json.Marshal(v)
		b.Write(j)
		b.WriteByte('\n')
	}
	first := map[bool]string{true: "192.0.2.240/28", false: "2001:db8:ffff::/48"}[v4]
	line(map[string]string{"cidr": first, "sblid": "SBL000001", "rir": "ripencc"})
	etag := s.each(func(a netip.Addr, h Host) {
		if h.SBL != "" && a.Is4() == v4 {
			line(map[string]string{"cidr": h.network(a).String(), "sblid": h.SBL, "rir": "ripencc"})
		}
	})
	line(map[string]any{"type": "metadata", "timestamp": 1772582400, "size": b.Len(), "records": strings.Count(b.String(), "\n")})
	return reply{status: http.StatusOK, kind: "application/json", body: []byte(b.String()), etag: etag}
}

func (s *Server) aws(_ *http.Request, path string) reply {
	if path != "ip-ranges.json" {
		return text(http.StatusNotFound, "not found")
	}
	v4 := []map[string]string{{"ip_prefix": "192.0.2.224/28", "region": "GLOBAL", "service": "AMAZON", "network_border_group": "GLOBAL"}}
	v6 := []map[string]string{}
	etag := s.each(func(a netip.Addr, h Host) {
		if h.AWSService == "" {
			return
		}
		for _, service := range []string{"AMAZON", h.AWSService} {
			e := map[string]string{"region": h.AWSRegion, "service": service, "network_border_group": h.AWSRegion}
			if a.Is4() {
				e["ip_prefix"] = h.network(a).String()
				v4 = append(v4, e)
			} else {
				e["ipv6_prefix"] = h.network(a).String()
				v6 = append(v6, e)
			}
		}
	})
	a := object(http.StatusOK, map[string]any{"syncToken": "1", "createDate": "2026-03-04-04-00-00", "prefixes": v4, "ipv6_prefixes": v6})
	a.etag = etag
	return a
}

func object(status int, v any) reply {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return reply{status: status, kind: "application/json", body: body}
}
