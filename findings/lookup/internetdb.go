package lookup

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// internetdbSource asks Shodan's InternetDB what an address showed to the
// internet in the last weekly scan (internetdb.shodan.io: GET /{ip}; 404 is
// nothing known). Free for non-commercial use.
type internetdbSource struct {
	door *door
	base endpoint
}

// Name implements Source.
func (*internetdbSource) Name() string { return "Shodan InternetDB" }

// Takes implements Source.
func (*internetdbSource) Takes(i Indicator) bool { return i.Kind == IP }

// Look implements Source.
func (s *internetdbSource) Look(ctx context.Context, i Indicator) (Result, error) {
	a, err := s.door.get(ctx, s.base, i.String(), nil, map[string]string{"Accept": "application/json"})
	if err != nil {
		return Result{}, err
	}
	r := Result{Topic: Exposure, Link: "https://www.shodan.io/host/" + i.String()}
	var doc struct {
		IP        string   `json:"ip"`
		Ports     []int    `json:"ports"`
		Hostnames []string `json:"hostnames"`
		Tags      []string `json:"tags"`
		Vulns     []string `json:"vulns"`
		CPEs      []string `json:"cpes"`
	}
	if err := a.decode(&doc); err != nil {
		return Result{}, err
	}
	if a.status == http.StatusNotFound {
		r.Nothing = "nothing seen open"
		r.Link = ""
		return r, nil
	}
	if !sameAddr(doc.IP, i) {
		return Result{}, fail(Unreadable, "an answer about another address")
	}
	var ports []string
	for _, p := range doc.Ports {
		ports = append(ports, fmt.Sprint(p))
	}
	r.add("ports", list(ports))
	r.add("tags", list(doc.Tags))
	r.add("known vulnerabilities", list(doc.Vulns))
	r.add("host names", list(doc.Hostnames))
	var products []string
	for _, c := range doc.CPEs {
		products = append(products, strings.TrimPrefix(c, "cpe:/"))
	}
	r.add("software", list(products))
	if len(r.Facts) == 0 {
		r.Nothing = "nothing seen open"
		return r, nil
	}
	if len(ports) > 0 {
		r.Brief = message.L(plural(len(ports), "open port"))
	}
	return r, nil
}
