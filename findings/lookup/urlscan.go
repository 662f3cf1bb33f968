package lookup

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strconv"

	"github.com/securitybot/securitybot/internal/message"
)

// urlscanSource searches what others have had scanned (urlscan.io, "Search
// API": GET /api/v1/search/?q=). It never submits anything: a public scan tells
// the attacker that somebody looks.
type urlscanSource struct {
	door *door
	base endpoint
	key  string
}

var uuidForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)

// urlscanAnswer is the part of a search result that is used.
type urlscanAnswer struct {
	Total   int `json:"total"`
	Results []struct {
		ID   string `json:"_id"`
		Task struct {
			Time string `json:"time"`
		} `json:"task"`
		Page struct {
			IP     string `json:"ip"`
			Domain string `json:"domain"`
			Title  string `json:"title"`
		} `json:"page"`
		Verdicts struct {
			Malicious bool `json:"malicious"`
		} `json:"verdicts"`
	} `json:"results"`
}

// Name implements Source.
func (*urlscanSource) Name() string { return "urlscan.io" }

// Takes implements Source.
func (*urlscanSource) Takes(Indicator) bool { return true }

// Look implements Source.
func (s *urlscanSource) Look(ctx context.Context, i Indicator) (Result, error) {
	field := "page.domain"
	if i.Kind == IP {
		field = "page.ip"
	}
	query := url.Values{"q": {field + `:"` + i.String() + `"`}, "size": {"10"}}
	a, err := s.door.get(ctx, s.base, "api/v1/search/", query, map[string]string{"Accept": "application/json", "API-Key": s.key})
	if err != nil {
		return Result{}, err
	}
	if a.status != http.StatusOK {
		return Result{}, fail(Broken, "HTTP %d", a.status)
	}
	var doc urlscanAnswer
	if err := a.decode(&doc); err != nil {
		return Result{}, err
	}
	r := Result{Topic: Reputation}
	if len(doc.Results) == 0 {
		r.Nothing = "never scanned in public"
		return r, nil
	}
	last := doc.Results[0]
	r.AsOf = date(last.Task.Time)
	r.add("public scans", strconv.Itoa(max(doc.Total, len(doc.Results))))
	r.at("last scan", date(last.Task.Time))
	r.add("page title", last.Page.Title)
	if i.Kind == Domain {
		r.add("seen at", last.Page.IP)
	} else {
		r.add("domain", last.Page.Domain)
	}
	if last.Verdicts.Malicious {
		r.Says, r.Warns = "malicious", true
		r.Brief = message.L("malicious for urlscan.io")
	}
	if uuidForm.MatchString(last.ID) {
		r.Link = "https://urlscan.io/result/" + last.ID + "/"
	}
	return r, nil
}
