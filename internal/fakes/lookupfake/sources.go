package lookupfake

import (
	"net/http"
	"net/netip"
	"regexp"
	"strings"
)

func (s *Server) internetdb(_ *http.Request, path string) reply {
	if _, err := netip.ParseAddr(path); err != nil {
		return object(http.StatusUnprocessableEntity, map[string]string{"detail": "invalid IP"})
	}
	h, ok := s.host(path)
	if !ok || len(h.Ports) == 0 {
		return object(http.StatusNotFound, map[string]string{"detail": "No information available"})
	}
	list := func(v []string) []string { return append([]string{}, v...) }
	return object(http.StatusOK, map[string]any{"ip": path, "ports": h.Ports, "hostnames": list(h.Names), "tags": []string{}, "vulns": list(h.Vulns), "cpes": []string{}})
}

func (s *Server) greynoise(_ *http.Request, path string) reply {
	ip, ok := strings.CutPrefix(path, "v3/community/")
	if a, err := netip.ParseAddr(ip); !ok || err != nil || !a.Is4() {
		return object(http.StatusBadRequest, map[string]string{"message": "Request is not a valid routable IPv4 address"})
	}
	h, _ := s.host(ip)
	if h.Noise == "" && !h.Riot {
		return object(http.StatusNotFound, map[string]any{"ip": ip, "noise": false, "riot": false, "message": "IP not observed scanning the internet or contained in RIOT data set."})
	}
	return object(http.StatusOK, map[string]any{"ip": ip, "noise": h.Noise != "", "riot": h.Riot, "classification": h.Noise, "name": h.NoiseName,
		"link": "https://viz.greynoise.io/ip/" + ip, "last_seen": "2026-03-03", "message": "Success"})
}

var (
	searchForm = regexp.MustCompile(`^page\.(ip|domain):"([^"]+)"$`)
	keyForm    = regexp.MustCompile(`^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`)
)

func (s *Server) urlscan(r *http.Request, path string) reply {
	match := searchForm.FindStringSubmatch(r.URL.Query().Get("q"))
	if key := r.Header.Get("API-Key"); key != "" && !keyForm.MatchString(key) {
		return object(http.StatusBadRequest, map[string]any{"message": "API key must be in UUID format", "status": 400})
	}
	if path != "api/v1/search/" || match == nil {
		return object(http.StatusBadRequest, map[string]any{"message": "Search query could not be parsed", "status": 400})
	}
	h, _ := s.host(match[2])
	n, _ := s.name(match[2])
	results := []map[string]any{}
	if h.Scans+n.Scans > 0 {
		results = append(results, map[string]any{"_id": "11111111-2222-4333-8444-555555555555", "task": map[string]string{"time": "2026-03-02T10:00:00.000Z", "visibility": "public"},
			"page": map[string]string{"ip": "198.51.100.77", "domain": "shop.example", "title": "Sign in <now>"}, "verdicts": map[string]bool{"malicious": n.ScanBad}})
	}
	return object(http.StatusOK, map[string]any{"results": results, "total": h.Scans + n.Scans, "took": 3, "has_more": false})
}

func (s *Server) virustotal(r *http.Request, path string) reply {
	refuse := func(status int, code string) reply {
		return object(status, map[string]any{"error": map[string]string{"code": code, "message": code}})
	}
	if r.Header.Get("x-apikey") != VirusTotalKey {
		return refuse(http.StatusUnauthorized, "WrongCredentialsError")
	}
	rest, _ := strings.CutPrefix(path, "api/v3/")
	kind, id, _ := strings.Cut(rest, "/")
	var malicious, harmless int
	switch kind {
	case "ip_addresses":
		h, _ := s.host(id)
		malicious, harmless = h.Malicious, h.Harmless
	case "domains":
		n, _ := s.name(id)
		malicious, harmless = n.Malicious, n.Harmless
	default:
		return refuse(http.StatusNotFound, "NotFoundError")
	}
	if malicious+harmless == 0 {
		return refuse(http.StatusNotFound, "NotFoundError")
	}
	return object(http.StatusOK, map[string]any{"data": map[string]any{"id": id, "type": strings.TrimSuffix(kind, "s"), "attributes": map[string]any{
		"last_analysis_stats": map[string]int{"malicious": malicious, "suspicious": 0, "harmless": harmless, "undetected": 0, "timeout": 0},
		"last_analysis_date":  1772409600, "reputation": -malicious, "categories": map[string]string{"Example vendor": "phishing"}, "tags": []string{}}}})
}

func (s *Server) abuseipdb(r *http.Request, path string) reply {
	refuse := func(status int, why string) reply {
		return object(status, map[string]any{"errors": []map[string]any{{"detail": why, "status": status}}})
	}
	if r.Header.Get("Key") != AbuseIPDBKey {
		return refuse(http.StatusUnauthorized, "Authentication failed. Your API key is either missing, incorrect, or revoked.")
	}
	ip := r.URL.Query().Get("ipAddress")
	if _, err := netip.ParseAddr(ip); path != "api/v2/check" || err != nil {
		return refuse(http.StatusUnprocessableEntity, "The ip address must be a valid IPv4 or IPv6 address (e.g. 8.8.8.8 or 2001:4860:4860::8888).")
	}
	h, _ := s.host(ip)
	last := any(nil)
	if h.Reports > 0 {
		last = "2026-03-03T09:00:00+00:00"
	}
	return object(http.StatusOK, map[string]any{"data": map[string]any{"ipAddress": ip, "isPublic": true, "abuseConfidenceScore": h.Confidence, "countryCode": h.Country,
		"usageType": "Data Center/Web Hosting/Transit", "isp": h.Holder, "domain": "host.example", "totalReports": h.Reports, "numDistinctUsers": min(h.Reports, 3), "lastReportedAt": last}})
}
