package pagerdutyfake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Pages of the REST API ("Pagination").
const (
	defaultPage = 25
	maxPage     = 100
)

// Shift is somebody on call at a level of an escalation policy. The zero End is
// a shift without end.
type Shift struct {
	Policy     string    `json:"policy"` // id of the escalation policy
	PolicyName string    `json:"policy_name"`
	Level      int       `json:"level"`
	UserID     string    `json:"user_id"`
	Name       string    `json:"name"`
	Email      string    `json:"email"`
	Start      time.Time `json:"start,omitzero"`
	End        time.Time `json:"end,omitzero"`
}

// RESTCall is one request to the REST API.
type RESTCall struct {
	Path   string
	Query  url.Values
	Status int // answered; 0 when no answer was given
}

// WithAPIToken sets the key of the REST API; without it every request is
// refused.
func WithAPIToken(token string) Option { return func(s *Server) { s.apiToken = token } }

// SetRota replaces who is on call.
func (s *Server) SetRota(shifts ...Shift) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rota = slices.Clone(shifts)
	s.broadcast()
}

// Rota returns the shifts that run now.
func (s *Server) Rota() []Shift {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.running()
}

func (s *Server) running() []Shift {
	now := s.now()
	return slices.DeleteFunc(slices.Clone(s.rota), func(x Shift) bool {
		return now.Before(x.Start) || !x.End.IsZero() && !now.Before(x.End)
	})
}

// RESTCalls returns the requests to the REST API so far, refused ones included.
func (s *Server) RESTCalls() []RESTCall {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.restCalls)
}

// serveREST answers GET /oncalls. Failures are scripted like those of events;
// their action is "oncalls".
func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	var a answer
	if f, ok := s.nextFailure(&Call{Action: "oncalls"}); ok {
		a = f.answer(event{})
	} else {
		a = s.onCalls(r)
	}
	call := RESTCall{Path: r.URL.Path, Query: r.URL.Query(), Status: a.status}
	if a.hang || a.drop {
		call.Status = 0
	}
	s.restCalls = append(s.restCalls, call)
	s.broadcast()
	s.mu.Unlock()
	s.write(w, r, a)
}

// onCalls checks a request and lists shifts.
func (s *Server) onCalls(r *http.Request) answer {
	q := r.URL.Query()
	if a, bad := s.refuseREST(r, q); bad {
		return a
	}
	limit, offset := defaultPage, 0
	for name, into := range map[string]*int{"limit": &limit, "offset": &offset} {
		if v := q.Get(name); v != "" {
			n, err := strconv.Atoi(v)
			if err != nil || n < 0 {
				return restError(http.StatusBadRequest, 2001, name+" is invalid")
			}
			*into = n
		}
	}
	limit = min(max(limit, 1), maxPage)
	wanted := q["escalation_policy_ids[]"]
	list := slices.DeleteFunc(s.running(), func(x Shift) bool { return len(wanted) > 0 && !slices.Contains(wanted, x.Policy) })
	rest := list[min(offset, len(list)):]
	page := rest[:min(limit, len(rest))]
	entries := make([]any, len(page))
	for i, x := range page {
		entries[i] = x.wire(slices.Contains(q["include[]"], "users"))
	}
	body, _ := json.Marshal(map[string]any{"oncalls": entries, "limit": limit, "offset": offset, "more": len(rest) > limit, "total": nil})
	return answer{status: http.StatusOK, body: string(body)}
}

func (s *Server) refuseREST(r *http.Request, q url.Values) (answer, bool) {
	token, isToken := strings.CutPrefix(r.Header.Get("Authorization"), "Token token=")
	switch {
	case r.Method != http.MethodGet:
		return restError(http.StatusMethodNotAllowed, 2100, "method not allowed"), true
	case !isToken || s.apiToken == "" || token != s.apiToken:
		return answer{status: http.StatusUnauthorized, body: `{"error":{"message":"Unauthorized","code":2006}}`}, true
	case r.Header.Get("Accept") != "application/vnd.pagerduty+json;version=2":
		return restError(http.StatusNotAcceptable, 2009, "the Accept header names no version"), true
	}
	for name := range q {
		if !slices.Contains([]string{"escalation_policy_ids[]", "include[]", "earliest", "limit", "offset"}, name) {
			return restError(http.StatusBadRequest, 2001, fmt.Sprintf("unknown parameter %q", name)), true
		}
	}
	return answer{}, false
}

func restError(status, code int, message string) answer {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"message": message, "code": code}})
	return answer{status: status, body: string(body)}
}

// wire is a shift as the API shows it: a reference to the user unless the whole
// user was asked for.
func (x Shift) wire(whole bool) map[string]any {
	user := map[string]any{"id": x.UserID, "type": "user_reference", "summary": x.Name}
	if whole {
		user = map[string]any{"id": x.UserID, "type": "user", "summary": x.Name, "name": x.Name, "email": x.Email}
	}
	out := map[string]any{
		"user": user, "escalation_level": x.Level, "schedule": nil, "start": nil, "end": nil,
		"escalation_policy": map[string]any{"id": x.Policy, "type": "escalation_policy_reference", "summary": x.PolicyName},
	}
	if !x.Start.IsZero() {
		out["start"] = x.Start.UTC().Format(time.RFC3339)
	}
	if !x.End.IsZero() {
		out["end"] = x.End.UTC().Format(time.RFC3339)
	}
	return out
}
