package pagerduty

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultAPIURL is the REST API of accounts in the United States; European
// accounts have https://api.eu.pagerduty.com (PagerDuty, "Service Regions").
const DefaultAPIURL = "https://api.pagerduty.com"

// Bounds of the question who is on call.
const (
	onCallFor    = 60 * time.Second // an answer is given again for so long
	restPage     = 100              // the most one page holds (PagerDuty, "Pagination")
	maxRestPages = 20
	maxRestBody  = 4 << 20
)

// APIConfig says how to ask who is on call.
type APIConfig struct {
	URL   string // base URL without path; empty is DefaultAPIURL
	Token string // REST API key that may read; secret
	// EscalationPolicies are the ids whose rotas count; empty is all of the
	// account.
	EscalationPolicies []string
	HTTP               *http.Client     // nil uses one with sensible timeouts; redirects are never followed
	Now                func() time.Time // nil is time.Now; for tests
}

// Person is somebody on call.
type Person struct {
	ID, Name, Email string
	Level           int       // of the escalation policy: 1 is called first
	Policy          string    // name of the escalation policy
	Until           time.Time // end of the shift; zero when it has none
}

// API asks PagerDuty's REST API. It is safe for concurrent use.
type API struct {
	base     string
	token    string
	policies []string
	http     *http.Client
	now      func() time.Time

	turn  chan struct{} // held by who asks; the others wait for the answer
	known []Person
	until time.Time // until when known may be told again
	pause time.Time // PagerDuty asked not to be asked before
}

// NewAPI returns a client. It contacts nobody.
func NewAPI(cfg APIConfig) (*API, error) {
	base, err := baseURL("API URL", cmp.Or(cfg.URL, DefaultAPIURL))
	if err != nil {
		return nil, fmt.Errorf("pagerduty: %w", err)
	}
	a := &API{base: base, token: strings.TrimSpace(cfg.Token), policies: slices.Clone(cfg.EscalationPolicies), http: bounded(cfg.HTTP), now: cfg.Now, turn: make(chan struct{}, 1)}
	if a.token == "" {
		return nil, errors.New("pagerduty: API token is missing")
	}
	if a.now == nil {
		a.now = time.Now
	}
	return a, nil
}

// OnCall returns who is on call now, whom PagerDuty calls first at first: each
// person once for each escalation policy, with the lowest level. An answer is
// told again for a minute. The error is an *Error.
func (a *API) OnCall(ctx context.Context) ([]Person, error) {
	select {
	case a.turn <- struct{}{}:
		defer func() { <-a.turn }()
	case <-ctx.Done():
		return nil, &Error{Op: opOnCall, Class: Retry, cause: ctx.Err()}
	}
	now := a.now()
	if now.Before(a.until) {
		return slices.Clone(a.known), nil
	}
	if now.Before(a.pause) {
		return nil, &Error{Op: opOnCall, Class: Retry, RetryAfter: a.pause.Sub(now), cause: errOwnLimit}
	}
	shifts, err := a.shifts(ctx)
	if err != nil {
		if err.Status == http.StatusTooManyRequests {
			a.pause = now.Add(err.RetryAfter)
		}
		return nil, err
	}
	a.known, a.until = people(shifts), now.Add(onCallFor)
	return slices.Clone(a.known), nil
}

const opOnCall = "on call"

// shift is one entry of GET /oncalls.
type shift struct {
	User struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		Summary string `json:"summary"`
		Email   string `json:"email"`
	} `json:"user"`
	Policy struct {
		ID      string `json:"id"`
		Summary string `json:"summary"`
	} `json:"escalation_policy"`
	Level int       `json:"escalation_level"`
	End   time.Time `json:"end"`
}

// shifts reads all pages.
func (a *API) shifts(ctx context.Context) ([]shift, *Error) {
	q := url.Values{"include[]": {"users"}, "earliest": {"true"}, "limit": {strconv.Itoa(restPage)}}
	for _, p := range a.policies {
		q.Add("escalation_policy_ids[]", p)
	}
	var all []shift
	for range maxRestPages {
		q.Set("offset", strconv.Itoa(len(all)))
		var page struct {
			Shifts *[]shift `json:"oncalls"`
			More   bool     `json:"more"`
		}
		if err := a.get(ctx, "/oncalls", q, &page); err != nil {
			return nil, err
		}
		if page.Shifts == nil {
			return nil, &Error{Op: opOnCall, Class: Retry, Status: http.StatusOK, cause: errors.New("the answer is not a list of shifts")}
		}
		all = append(all, *page.Shifts...)
		if !page.More || len(*page.Shifts) == 0 {
			return all, nil
		}
	}
	return nil, &Error{Op: opOnCall, Class: Permanent, cause: errors.New("too many shifts; name the escalation policies that count")}
}

// people folds shifts into people.
func people(shifts []shift) []Person {
	type key struct{ user, policy string }
	best := map[key]Person{}
	for _, s := range shifts {
		if s.User.ID == "" {
			continue // nobody is scheduled
		}
		k := key{s.User.ID, s.Policy.ID}
		p := Person{ID: s.User.ID, Name: bound(cmp.Or(s.User.Name, s.User.Summary), 100), Email: bound(s.User.Email, 254),
			Level: s.Level, Policy: bound(s.Policy.Summary, 100), Until: s.End}
		if old, seen := best[k]; !seen || p.Level < old.Level || p.Level == old.Level && p.Until.After(old.Until) {
			best[k] = p
		}
	}
	out := make([]Person, 0, len(best))
	for _, p := range best {
		out = append(out, p)
	}
	slices.SortFunc(out, func(x, y Person) int {
		return cmp.Or(cmp.Compare(x.Level, y.Level), cmp.Compare(x.Policy, y.Policy), cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
	return out
}

// get makes one request and decodes its answer.
func (a *API) get(ctx context.Context, path string, q url.Values, out any) *Error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.base+path+"?"+q.Encode(), nil)
	if err != nil {
		return &Error{Op: opOnCall, Class: Permanent, cause: errors.New("the request cannot be built")}
	}
	req.Header.Set("Authorization", "Token token="+a.token)
	req.Header.Set("Accept", "application/vnd.pagerduty+json;version=2")
	resp, err := a.http.Do(req)
	if err != nil {
		e := (&answer{err: err}).unreached(ctx, nil)
		e.Op = opOnCall
		e.hide([]string{a.token})
		return e
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxRestBody))
	if resp.StatusCode != http.StatusOK {
		return a.refused(resp, body)
	}
	if err != nil || json.Unmarshal(body, out) != nil {
		return &Error{Op: opOnCall, Class: Retry, Status: resp.StatusCode, cause: errors.New("the answer is not complete or not JSON")}
	}
	return nil
}

// refused turns an answer other than 200 into an error. The limit of the REST
// API is told in ratelimit-reset, in seconds ("REST API Rate Limits").
func (a *API) refused(resp *http.Response, body []byte) *Error {
	e := &Error{Op: opOnCall, Class: classOf(resp.StatusCode), Status: resp.StatusCode, cause: errors.New(restSays(body))}
	if resp.StatusCode == http.StatusUnauthorized {
		e.cause = errors.New("the API token is refused; it has to be a REST API key, not an integration key")
	}
	if e.Class == Retry {
		e.RetryAfter = ParseRetryAfter(cmp.Or(resp.Header.Get("Retry-After"), resp.Header.Get("Ratelimit-Reset")), a.now())
		if resp.StatusCode == http.StatusTooManyRequests && e.RetryAfter == 0 {
			e.RetryAfter = defaultPause
		}
	}
	e.hide([]string{a.token})
	return e
}

func restSays(body []byte) string {
	var b struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	if json.Unmarshal(body, &b) != nil || b.Error.Message == "" {
		return "no explanation"
	}
	return bound(b.Error.Message, 300)
}
