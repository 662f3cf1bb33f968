// Package oktafake is the part of Okta's management API that verifies push
// factors, at the wire: it checks the token, knows users, factors and
// transactions, and keeps pushes until somebody presses a button.
package oktafake

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// User is somebody Okta knows.
type User struct {
	Login  string
	Status string // ACTIVE by default
	NoPush bool   // has no Okta Verify
	Number string // the answer to the number challenge; empty: none is made
	Beside bool   // the number stands beside the factor, not in it
}

// Push is a request on a telephone.
type Push struct {
	ID     string
	User   string // login
	At     time.Time
	Result string // WAITING, SUCCESS, REJECTED, TIMEOUT, …
	Number string
}

// PushTimeout is how long a push waits on a telephone.
const PushTimeout = 5 * time.Minute

// Server is a running fake. It is safe for concurrent use.
type Server struct {
	URL         string
	wire.Script // Fail plans answers by kind: user, factors, verify, transaction

	token string
	now   func() time.Time
	http  *http.Server
	stop  sync.Once

	mu     sync.Mutex
	users  []User
	pushes []*Push
	news   wire.News
}

// New starts a server on a free port of the loopback interface.
func New(token string, now func() time.Time, users ...User) *Server {
	s := &Server{token: token, now: now, users: users}
	l, err := wire.Listen()
	if err != nil {
		panic(fmt.Sprintf("oktafake: listen: %v", err))
	}
	s.URL = "http://" + l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/v1/users/{user}", s.door("user", s.user))
	mux.HandleFunc("GET /api/v1/users/{user}/factors", s.door("factors", s.factors))
	mux.HandleFunc("POST /api/v1/users/{user}/factors/{factor}/verify", s.door("verify", s.verify))
	mux.HandleFunc("GET /api/v1/users/{user}/factors/{factor}/transactions/{tx}", s.door("transaction", s.transaction))
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l) //nolint:errcheck // ends with Close
	return s
}

// Close stops the server.
func (s *Server) Close() { s.stop.Do(func() { s.http.Close() }) }

// Pushes returns all pushes, oldest first.
func (s *Server) Pushes() []Push {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]Push, 0, len(s.pushes))
	for _, p := range s.pushes {
		s.age(p)
		out = append(out, *p)
	}
	return out
}

// WaitFor waits until there are n pushes.
func (s *Server) WaitFor(ctx context.Context, n int) error {
	return s.news.WaitFor(ctx, n, func() int { return len(s.Pushes()) })
}

// Press is what the person does: they pick a number (empty where none is asked
// for), or refuse. It says whether the push was still there.
func (s *Server) Press(id string, approve bool, number string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.find(id)
	if p == nil || p.Result != "WAITING" {
		return false
	}
	p.Result = "REJECTED"
	if approve && p.Number == number {
		p.Result = "SUCCESS"
	}
	return true
}

// Set makes a push end in any way.
func (s *Server) Set(id, result string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.find(id).Result = result
}

func (s *Server) find(id string) *Push {
	for _, p := range s.pushes {
		if p.ID == id {
			s.age(p)
			return p
		}
	}
	return nil
}

func (s *Server) age(p *Push) {
	if p.Result == "WAITING" && s.now().Sub(p.At) >= PushTimeout {
		p.Result = "TIMEOUT"
	}
}

// door checks the token and does what is scripted.
func (s *Server) door(kind string, next func(http.ResponseWriter, *http.Request)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		status := s.Next(kind)
		switch {
		case r.Header.Get("Authorization") != "SSWS "+s.token:
			refuse(w, http.StatusUnauthorized, "E0000011", "Invalid token provided")
		case status == http.StatusTooManyRequests:
			w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(s.now().Add(2*time.Second).Unix(), 10))
			refuse(w, status, "E0000047", "API call exceeded rate limit due to too many requests.")
		case status > 0:
			refuse(w, status, "E0000009", "Internal Server Error")
		case status == 0:
			wire.Lose(r, next)
		default:
			next(w, r)
		}
	}
}

func userID(i int) string   { return fmt.Sprintf("00ub0oNGTSWTBKOLGL%02d", i) }
func factorID(i int) string { return fmt.Sprintf("opf3hkfocI4JTLAju0%02d", i) }

// lookUp finds a user by login, short name (what is before the @) or id. The
// caller holds the lock.
func (s *Server) lookUp(name string) (int, User, bool) {
	for i, u := range s.users {
		if i == 0 && name == "me" { // whoever owns the token
			name = u.Login
		}
		short, _, _ := strings.Cut(u.Login, "@")
		if strings.EqualFold(u.Login, name) || strings.EqualFold(short, name) || userID(i) == name {
			if u.Status == "" {
				u.Status = "ACTIVE"
			}
			return i, u, true
		}
	}
	return 0, User{}, false
}

// in answers about the user of the path, and the factor if one is named.
func (s *Server) in(w http.ResponseWriter, r *http.Request) (int, User, bool) {
	i, u, ok := s.lookUp(r.PathValue("user"))
	if f := r.PathValue("factor"); ok && f != "" && (f != factorID(i) || u.NoPush) {
		ok = false
	}
	if !ok {
		refuse(w, http.StatusNotFound, "E0000007", "Not found: Resource not found")
	}
	return i, u, ok
}

func (s *Server) user(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, u, ok := s.in(w, r); ok {
		answer(w, http.StatusOK, map[string]any{"id": userID(i), "status": u.Status, "profile": map[string]any{"login": u.Login, "email": u.Login}})
	}
}

func (s *Server) factors(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, u, ok := s.in(w, r)
	if !ok {
		return
	}
	out := []any{map[string]any{"id": "ostf17zuKEUMYQAQGCOV", "factorType": "token:software:totp", "provider": "OKTA", "status": "ACTIVE"}}
	if !u.NoPush {
		out = append(out, map[string]any{"id": "opfOLD", "factorType": "push", "provider": "OKTA", "status": "PENDING_ACTIVATION"},
			map[string]any{"id": factorID(i), "factorType": "push", "provider": "OKTA", "status": "ACTIVE"})
	}
	answer(w, http.StatusOK, out)
}

func (s *Server) verify(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, u, ok := s.in(w, r)
	if !ok {
		return
	}
	p := &Push{ID: fmt.Sprintf("v2mst.%016x", len(s.pushes)+1), User: u.Login, At: s.now(), Result: "WAITING", Number: u.Number}
	s.pushes = append(s.pushes, p)
	s.news.Happened()
	answer(w, http.StatusCreated, s.about(i, p, false))
}

func (s *Server) transaction(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, u, ok := s.in(w, r)
	if !ok {
		return
	}
	p := s.find(r.PathValue("tx"))
	if p == nil || p.User != u.Login {
		refuse(w, http.StatusNotFound, "E0000007", "Not found: Resource not found")
		return
	}
	answer(w, http.StatusOK, s.about(i, p, p.Result == "WAITING"))
}

// about describes a transaction; the number comes only while it waits, and not
// with the first answer.
func (s *Server) about(i int, p *Push, number bool) map[string]any {
	out := map[string]any{"factorResult": p.Result, "expiresAt": p.At.Add(PushTimeout).UTC().Format(time.RFC3339),
		"_links": map[string]any{"poll": map[string]any{"href": s.URL + "/api/v1/users/" + userID(i) + "/factors/" + factorID(i) + "/transactions/" + p.ID, "hints": map[string]any{"allow": []string{"GET"}}}}}
	if number && p.Number != "" {
		n, _ := strconv.Atoi(p.Number)
		challenge := map[string]any{"challenge": map[string]any{"correctAnswer": n}}
		if !s.users[i].Beside {
			challenge = map[string]any{"factor": map[string]any{"_embedded": challenge}}
		}
		out["_embedded"] = challenge
	}
	return out
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the client may be gone
}

func refuse(w http.ResponseWriter, status int, code, summary string) {
	answer(w, status, map[string]any{"errorCode": code, "errorSummary": summary, "errorLink": code, "errorId": "oae", "errorCauses": []any{}})
}
