package lookup

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"

	"github.com/securitybot/securitybot/internal/message"
)

// abuseipdbSource asks AbuseIPDB what its users reported in the last 90 days
// (APIv2: GET /api/v2/check, header Key).
type abuseipdbSource struct {
	door *door
	base endpoint
	key  string
}

// Name implements Source.
func (*abuseipdbSource) Name() string { return "AbuseIPDB" }

// Takes implements Source.
func (*abuseipdbSource) Takes(i Indicator) bool { return i.Kind == IP }

// Look implements Source.
func (s *abuseipdbSource) Look(ctx context.Context, i Indicator) (Result, error) {
	query := url.Values{"ipAddress": {i.String()}, "maxAgeInDays": {"90"}}
	a, err := s.door.get(ctx, s.base, "api/v2/check", query, map[string]string{"Accept": "application/json", "Key": s.key})
	if err != nil {
		return Result{}, err
	}
	if a.status != http.StatusOK {
		return Result{}, fail(Broken, "HTTP %d", a.status)
	}
	var doc struct {
		Data struct {
			IP         string `json:"ipAddress"`
			Confidence *int   `json:"abuseConfidenceScore"`
			Reports    int    `json:"totalReports"`
			Reporters  int    `json:"numDistinctUsers"`
			Usage      string `json:"usageType"`
			ISP        string `json:"isp"`
			Domain     string `json:"domain"`
			Last       string `json:"lastReportedAt"`
		} `json:"data"`
	}
	if err := a.decode(&doc); err != nil {
		return Result{}, err
	}
	d := doc.Data
	if !sameAddr(d.IP, i) {
		return Result{}, fail(Unreadable, "an answer about another address")
	}
	if d.Confidence == nil || *d.Confidence < 0 || *d.Confidence > 100 || d.Reports < 0 || d.Reporters < 0 {
		return Result{}, fail(Unreadable, "a score out of range")
	}
	r := Result{Topic: Reputation, Link: "https://www.abuseipdb.com/check/" + i.String(), AsOf: date(d.Last)}
	if d.Reports == 0 {
		r.Nothing = "no reports in 90 days"
	} else {
		r.Says = fmt.Sprintf("confidence of abuse %d of 100", *d.Confidence)
		r.Warns = *d.Confidence > 0
		r.Brief = message.L(plural(d.Reports, "report") + " at AbuseIPDB")
		r.add("reports in 90 days", fmt.Sprintf("%s by %s", plural(d.Reports, "report"), plural(d.Reporters, "reporter")))
	}
	r.add("usage", d.Usage)
	r.add("provider", list([]string{d.ISP, d.Domain}))
	return r, nil
}

// sameAddr says whether an answer is about the address that was asked about.
func sameAddr(s string, i Indicator) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Unmap() == i.Addr
}
