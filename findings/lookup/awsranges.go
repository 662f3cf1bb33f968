package lookup

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// awsSource knows which addresses are Amazon's, and of what service and region
// (AWS, "AWS IP address ranges": ip-ranges.json).
type awsSource struct{ list *download[awsRanges] }

type awsRanges struct {
	ranges []awsRange
	of     time.Time
}

type awsRange struct {
	prefix                 netip.Prefix
	service, region, group string
}

func newAWS(d *door, cache disk, at endpoint) *awsSource {
	return &awsSource{&download[awsRanges]{door: d, disk: cache, url: at, name: "aws", maxAge: 6 * time.Hour, retry: 10 * time.Minute, most: 16 * maxBody, parse: parseAWS}}
}

// Name implements Source.
func (*awsSource) Name() string { return "AWS ranges" }

// Takes implements Source.
func (*awsSource) Takes(i Indicator) bool { return i.Kind == IP }

// Look implements Source.
func (s *awsSource) Look(ctx context.Context, i Indicator) (Result, error) {
	got, stale, err := s.list.get(ctx)
	if err != nil {
		return Result{}, err
	}
	r := Result{Topic: What, AsOf: got.list.of, Note: staleNote(stale, got.at)}
	var best awsRange
	var services []string
	for _, a := range got.list.ranges {
		if !a.prefix.Contains(i.Addr) {
			continue
		}
		if !slices.Contains(services, a.service) {
			services = append(services, a.service)
		}
		if a.prefix.Bits() >= best.prefix.Bits() && a.service != "AMAZON" || !best.prefix.IsValid() {
			best = a
		}
	}
	if !best.prefix.IsValid() {
		r.Nothing = "not an address of AWS"
		return r, nil
	}
	slices.Sort(services)
	r.Brief = message.L("AWS ").V(clean(best.service)).L(" in ").V(clean(best.region))
	r.add("service", list(services))
	r.add("region", best.region)
	r.add("network", best.prefix.String())
	if best.group != best.region {
		r.add("border group", best.group)
	}
	return r, nil
}

func parseAWS(body []byte) (awsRanges, error) {
	var doc struct {
		Created string `json:"createDate"`
		V4      []struct {
			Prefix  string `json:"ip_prefix"`
			Region  string `json:"region"`
			Service string `json:"service"`
			Group   string `json:"network_border_group"`
		} `json:"prefixes"`
		V6 []struct {
			Prefix  string `json:"ipv6_prefix"`
			Region  string `json:"region"`
			Service string `json:"service"`
			Group   string `json:"network_border_group"`
		} `json:"ipv6_prefixes"`
	}
	if err := json.Unmarshal(body, &doc); err != nil {
		return awsRanges{}, jsonProblem(err)
	}
	out := awsRanges{of: date(doc.Created)}
	add := func(prefix, region, service, group string) error {
		p, err := netip.ParsePrefix(prefix)
		if err != nil {
			return errors.New("an entry is no network")
		}
		out.ranges = append(out.ranges, awsRange{p.Masked(), service, region, group})
		return nil
	}
	for _, e := range doc.V4 {
		if err := add(e.Prefix, e.Region, e.Service, e.Group); err != nil {
			return out, err
		}
	}
	for _, e := range doc.V6 {
		if err := add(e.Prefix, e.Region, e.Service, e.Group); err != nil {
			return out, err
		}
	}
	if len(out.ranges) == 0 {
		return out, errors.New("the list is empty")
	}
	return out, nil
}
