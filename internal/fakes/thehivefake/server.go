package thehivefake

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// Limits of a new installation (documentation, "Update TheHive Service
// Configuration"): 10 MB for what is no file. Files are kept in memory here, so
// their limit is lower than the real one.
const (
	maxBody = 10 << 20
	maxFile = 64 << 20
)

// Option changes a new server.
type Option func(*Server)

// WithKey adds a key: whose it is, and the organisations that account may work
// in, its own first. As soon as there is one, other keys are refused; without
// any, every key works in the organisation "security".
func WithKey(key, login string, organisations ...string) Option {
	return func(s *Server) { s.accounts[key] = account{login, organisations} }
}

// WithNow sets the clock of the records.
func WithNow(now func() time.Time) Option { return func(s *Server) { s.now = now } }

type account struct {
	login         string
	organisations []string
}

// Server is a running fake. It is safe for concurrent use.
type Server struct {
	URL string // base URL

	now  func() time.Time
	http *http.Server
	done chan struct{}
	stop sync.Once

	mu       sync.Mutex
	accounts map[string]account
	alerts   []*Alert
	cases    []*Case
	calls    []Call
	script   []Failure
	down     []Failure
	readOnly bool
	next     int // of ids
	changed  chan struct{}
}

// New starts a server on a free port of the loopback interface.
func New(opts ...Option) *Server {
	s := &Server{now: time.Now, done: make(chan struct{}), accounts: map[string]account{}, next: 4096, changed: make(chan struct{})}
	for _, o := range opts {
		o(s)
	}
	l, err := wire.Listen()
	if err != nil {
		panic(fmt.Sprintf("thehivefake: %v", err))
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l) //nolint:errcheck // ends with Close
	return s
}

// Close ends the server and every call that hangs.
func (s *Server) Close() {
	s.stop.Do(func() {
		close(s.done)
		s.http.Close()
	})
}

// request is one call with what was read of it.
type request struct {
	*http.Request
	op    string
	id    string // of the alert or case in the path
	body  []byte
	login string
	org   string
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op, id := route(r)
	limit := int64(maxBody)
	if op == "attach" {
		limit = maxFile
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err != nil {
		return // the client went away
	}
	a := s.take(&request{Request: r, op: op, id: id, body: body}, int64(len(body)) > limit)
	switch {
	case a.hang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case a.drop:
		panic(http.ErrAbortHandler) // closes the connection without an answer
	}
	if a.retryAfter != "" {
		w.Header().Set("Retry-After", a.retryAfter)
	}
	if strings.HasPrefix(a.body, "{") || strings.HasPrefix(a.body, "[") {
		w.Header().Set("Content-Type", "application/json")
	}
	w.WriteHeader(a.status)
	io.WriteString(w, a.body) //nolint:errcheck // the client may be gone
}

// take answers one request and records it, in one step.
func (s *Server) take(r *request, tooLarge bool) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, scripted := s.nextFailure(r.op)
	var a answer
	switch {
	case scripted && !f.take:
		a = answer{status: f.status, body: f.body, problem: "scripted"}
		if !f.given {
			a = refuse(f.status, "GenericError", "scripted")
		}
	case tooLarge:
		a = refuse(http.StatusRequestEntityTooLarge, "BadRequest", "Request Entity Too Large")
	default:
		a = s.decide(r)
		if scripted && f.given {
			a.body = f.body
		}
	}
	a.retryAfter, a.hang, a.drop = f.retryAfter, f.hang, f.drop
	call := Call{Op: r.op, Method: r.Method, Path: r.URL.Path, Status: a.status, Problem: a.problem, At: s.now()}
	if a.hang || a.drop {
		call.Status = 0
	}
	s.calls = append(s.calls, call)
	close(s.changed)
	s.changed = make(chan struct{})
	return a
}

// decide does what the real service would do.
func (s *Server) decide(r *request) answer {
	if a, ok := s.admit(r); !ok {
		return a
	}
	if s.readOnly && r.op != "query" && r.Method != http.MethodGet {
		return refuse(http.StatusForbidden, "AuthorizationError", "Your licence does not permit this; TheHive is read-only")
	}
	switch r.op {
	case "check":
		return says(http.StatusOK, map[string]any{"_id": "~1", "login": r.login, "name": r.login, "organisation": r.org, "profile": "analyst"})
	case "query":
		return s.query(r)
	case "createAlert":
		return s.createAlert(r)
	case "getAlert", "updateAlert", "promote":
		return s.onAlert(r)
	case "getCase", "updateCase":
		return s.onCase(r)
	case "observable", "comment", "attach":
		return s.onHolder(r)
	}
	return missing("Page")
}

// admit checks key and organisation.
func (s *Server) admit(r *request) (answer, bool) {
	key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	who, known := s.accounts[key]
	if len(s.accounts) == 0 && key != "" {
		who, known = account{"securitybot@corp.example", []string{"security"}}, true
	}
	if !ok || !known {
		return refuse(http.StatusUnauthorized, "AuthenticationError", "Authentication failure"), false
	}
	r.login = who.login
	if len(who.organisations) > 0 {
		r.org = who.organisations[0]
	}
	if org := r.Header.Get("X-Organisation"); org != "" {
		if !slices.Contains(who.organisations, org) && len(s.accounts) > 0 {
			return refuse(http.StatusForbidden, "AuthorizationError", "You are not a member of this organisation"), false
		}
		r.org = org
	}
	return answer{}, true
}

func (s *Server) newID() string {
	s.next += 56
	return fmt.Sprintf("~%d", s.next)
}

// Snapshot returns everything at this moment.
func (s *Server) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := Snapshot{Calls: slices.Clone(s.calls)}
	for _, a := range s.alerts {
		n.Alerts = append(n.Alerts, cloneAlert(a))
	}
	for _, c := range s.cases {
		n.Cases = append(n.Cases, cloneCase(c))
	}
	return n
}

// Changed returns a channel that is closed at the next change. Take it before
// looking at the state, so that nothing is missed.
func (s *Server) Changed() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// WaitFor waits until the state is as wanted, without polling. The error names
// what was there when ctx ended.
func (s *Server) WaitFor(ctx context.Context, wanted func(Snapshot) bool) error {
	for {
		changed := s.Changed()
		now := s.Snapshot()
		if wanted(now) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("thehivefake: %w while waiting; %d calls, %d alerts, %d cases", ctx.Err(), len(now.Calls), len(now.Alerts), len(now.Cases))
		}
	}
}
