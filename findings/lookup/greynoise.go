package lookup

import (
	"context"
	"net/http"

	"github.com/securitybot/securitybot/internal/message"
)

// greynoiseSource asks GreyNoise whether an address scans the whole internet
// (GreyNoise, "Community API": GET /v3/community/{ip}, 404 is not observed).
// Not being noise is an answer too: a targeted attack is none.
type greynoiseSource struct {
	door *door
	base endpoint
	key  string
}

// Name implements Source.
func (*greynoiseSource) Name() string { return "GreyNoise" }

// Takes implements Source: the community edition knows IPv4 only.
func (*greynoiseSource) Takes(i Indicator) bool { return i.Kind == IP && i.Addr.Is4() }

// Look implements Source.
func (s *greynoiseSource) Look(ctx context.Context, i Indicator) (Result, error) {
	a, err := s.door.get(ctx, s.base, "v3/community/"+i.String(), nil, map[string]string{"Accept": "application/json", "key": s.key})
	if err != nil {
		return Result{}, err
	}
	r := Result{Topic: Reputation, Link: "https://viz.greynoise.io/ip/" + i.String()}
	var doc struct {
		IP             string `json:"ip"`
		Noise          bool   `json:"noise"`
		Riot           bool   `json:"riot"`
		Classification string `json:"classification"`
		Name           string `json:"name"`
		LastSeen       string `json:"last_seen"`
	}
	if err := a.decode(&doc); err != nil {
		return Result{}, err
	}
	if a.status == http.StatusNotFound || !doc.Noise && !doc.Riot {
		r.Nothing = "not seen scanning the internet"
		r.Brief = message.L("not a known scanner")
		return r, nil
	}
	if !sameAddr(doc.IP, i) {
		return Result{}, fail(Unreadable, "an answer about another address")
	}
	r.Says = clean(doc.Classification)
	r.Warns = doc.Classification == "malicious" || doc.Classification == "suspicious"
	r.AsOf = date(doc.LastSeen)
	if doc.Name != "unknown" {
		r.add("name", doc.Name)
	}
	switch {
	case doc.Riot:
		r.add("kind", "common business service")
		r.Brief = message.L("a common business service (").V(clean(doc.Name)).L(")")
	default:
		r.add("kind", "scans the internet")
		r.Brief = message.L("scans the internet")
	}
	return r, nil
}
