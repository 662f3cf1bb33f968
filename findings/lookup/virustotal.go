package lookup

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// virustotalSource asks VirusTotal (API v3: GET /api/v3/ip_addresses/{ip},
// /api/v3/domains/{domain}, header x-apikey). Its public keys are not for
// business use; companies need a paid one.
type virustotalSource struct {
	door *door
	base endpoint
	key  string
}

// virustotalAnswer is the part of an answer that is used.
type virustotalAnswer struct {
	Data struct {
		ID         string             `json:"id"`
		Attributes virustotalAnalysis `json:"attributes"`
	} `json:"data"`
}

type virustotalAnalysis struct {
	Stats      map[string]int    `json:"last_analysis_stats"`
	Analysed   int64             `json:"last_analysis_date"`
	Reputation *int              `json:"reputation"`
	Categories map[string]string `json:"categories"`
	Tags       []string          `json:"tags"`
}

// engines is how many engines took part.
func (a virustotalAnalysis) engines() (int, error) {
	sum := 0
	for _, n := range a.Stats {
		if n < 0 || n > 1000 {
			return 0, fail(Unreadable, "a count out of range")
		}
		sum += n
	}
	return sum, nil
}

// Name implements Source.
func (*virustotalSource) Name() string { return "VirusTotal" }

// Takes implements Source.
func (*virustotalSource) Takes(Indicator) bool { return true }

// Look implements Source.
func (s *virustotalSource) Look(ctx context.Context, i Indicator) (Result, error) {
	path, page := "api/v3/domains/", "domain/"
	if i.Kind == IP {
		path, page = "api/v3/ip_addresses/", "ip-address/"
	}
	a, err := s.door.get(ctx, s.base, path+i.String(), nil, map[string]string{"Accept": "application/json", "x-apikey": s.key})
	if err != nil {
		return Result{}, err
	}
	r := Result{Topic: Reputation, Link: "https://www.virustotal.com/gui/" + page + i.String()}
	var doc virustotalAnswer
	if err := a.decode(&doc); err != nil { // a page that is not found is not "not known"
		return Result{}, err
	}
	if a.status == http.StatusNotFound {
		r.Nothing, r.Link = "not known", ""
		return r, nil
	}
	about := doc.Data.Attributes
	if doc.Data.ID != i.String() && !(i.Kind == IP && sameAddr(doc.Data.ID, i)) {
		return Result{}, fail(Unreadable, "an answer about something else")
	}
	engines, err := about.engines()
	if err != nil {
		return Result{}, err
	}
	if engines == 0 {
		r.Nothing = "never analysed"
		return r, nil
	}
	bad, odd := about.Stats["malicious"], about.Stats["suspicious"]
	r.Says = fmt.Sprintf("%d of %d engines say malicious", bad, engines)
	r.Warns = bad > 0 || odd > 0
	if r.Warns {
		r.Brief = message.L(fmt.Sprintf("%d of %d engines at VirusTotal say malicious", bad, engines))
	}
	if odd > 0 {
		r.add("suspicious", strconv.Itoa(odd))
	}
	if about.Reputation != nil {
		r.add("reputation by its users", strconv.Itoa(*about.Reputation))
	}
	categories := slices.Sorted(maps.Values(about.Categories))
	r.add("categories", list(slices.Compact(categories)))
	r.add("tags", list(about.Tags))
	if about.Analysed > 0 {
		r.AsOf = time.Unix(about.Analysed, 0).UTC()
	}
	return r, nil
}
