// Package duofake is Duo's Auth API v2 at the wire: it checks signatures and
// dates, knows who is enrolled, and keeps the pushes on people's telephones
// until somebody presses a button there.
package duofake

import (
	"context"
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // the API takes it, as the real one does
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/mail"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// User is somebody Duo knows.
type User struct {
	Name   string
	Status string // auth (the default), allow (bypass), deny (locked out) or enroll
	NoPush bool   // has a telephone without the app
}

// Push is a request on a telephone.
type Push struct {
	TxID   string     `json:"txid"`
	User   string     `json:"user"`
	Info   url.Values `json:"info"` // what the telephone shows
	Type   string     `json:"type"`
	At     time.Time  `json:"at"`
	Result string     `json:"result"` // waiting, allow or deny
	Status string     `json:"status"` // pushed, allow, deny, fraud, timeout, …
}

// PushTimeout is how long a push waits on a telephone.
const PushTimeout = time.Minute

// Server is a running fake. It is safe for concurrent use.
type Server struct {
	URL         string
	wire.Script // Fail plans answers by path

	key, secret string
	now         func() time.Time
	http        *http.Server
	done        chan struct{}
	stop        sync.Once

	mu     sync.Mutex
	users  map[string]User
	pushes []*Push
	calls  []string
	news   wire.News
}

// New starts a server on a free port of the loopback interface.
func New(key, secret string, now func() time.Time, users ...User) *Server {
	s := &Server{key: key, secret: secret, now: now, users: map[string]User{}, done: make(chan struct{})}
	for _, u := range users {
		s.users[u.Name] = u
	}
	l, err := wire.Listen()
	if err != nil {
		panic(fmt.Sprintf("duofake: listen: %v", err))
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l) //nolint:errcheck // ends with Close
	return s
}

// Close stops the server.
func (s *Server) Close() {
	s.stop.Do(func() { close(s.done); s.http.Close() })
}

// SetUser adds or changes somebody.
func (s *Server) SetUser(u User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.users[u.Name] = u
}

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

// Calls returns the paths that were called.
func (s *Server) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// WaitFor waits until there are n pushes.
func (s *Server) WaitFor(ctx context.Context, n int) error {
	return s.news.WaitFor(ctx, n, func() int { return len(s.Pushes()) })
}

// Press is what the person does with a push: allow, deny or fraud. It says
// whether the push was still there.
func (s *Server) Press(txid, status string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.push(txid)
	if p == nil || p.Result != "waiting" {
		return false
	}
	p.Status, p.Result = status, "deny"
	if status == "allow" || status == "bypass" || status == "remembered" {
		p.Result = "allow"
	}
	s.news.Happened()
	return true
}

func (s *Server) push(txid string) *Push {
	for _, p := range s.pushes {
		if p.TxID == txid {
			s.age(p)
			return p
		}
	}
	return nil
}

func (s *Server) age(p *Push) {
	if p.Result == "waiting" && s.now().Sub(p.At) >= PushTimeout {
		p.Result, p.Status = "deny", "timeout"
	}
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 64<<10))
	if err != nil {
		return
	}
	raw := string(body)
	if r.Method == http.MethodGet {
		raw = r.URL.RawQuery
	}
	s.mu.Lock()
	s.calls = append(s.calls, r.URL.Path)
	s.mu.Unlock()
	status := s.Next(r.URL.Path)
	if status > 0 {
		fail(w, status, status*100+1, "scripted")
		return
	}
	params, err := url.ParseQuery(raw)
	if err != nil {
		fail(w, 400, 40002, "Invalid request parameters")
		return
	}
	if code, what := s.unsigned(r, params); code != 0 {
		fail(w, 401, code, what)
		return
	}
	route, ok := map[string]func(http.ResponseWriter, *http.Request, url.Values){
		"POST /auth/v2/preauth": s.preauth, "POST /auth/v2/auth": s.auth, "GET /auth/v2/auth_status": s.status, "GET /auth/v2/check": s.check}[r.Method+" "+r.URL.Path]
	if !ok {
		fail(w, 404, 40401, "Resource not found")
		return
	}
	if status == 0 {
		wire.Lose(r, func(w http.ResponseWriter, r *http.Request) { route(w, r, params) })
	}
	route(w, r, params)
}

// unsigned says what is wrong with the signature, 0 when nothing is.
func (s *Server) unsigned(r *http.Request, params url.Values) (int, string) {
	user, sig, ok := r.BasicAuth()
	date := r.Header.Get("Date")
	at, err := mail.ParseDate(date)
	switch {
	case !ok:
		return 40101, "Missing request credentials"
	case user != s.key:
		return 40102, "Invalid integration key in request credentials"
	case err != nil:
		return 40104, "Missing or invalid Date header"
	}
	canon := strings.Join([]string{date, r.Method, strings.ToLower(r.Host), r.URL.Path, strings.ReplaceAll(params.Encode(), "+", "%20")}, "\n")
	good := slices.ContainsFunc([]func() hash.Hash{sha512.New, sha1.New}, func(h func() hash.Hash) bool {
		mac := hmac.New(h, []byte(s.secret))
		io.WriteString(mac, canon) //nolint:errcheck // never fails
		return hmac.Equal([]byte(hex.EncodeToString(mac.Sum(nil))), []byte(sig))
	})
	switch d := time.Since(at).Abs(); {
	case !good:
		return 40103, "Invalid signature in request credentials"
	case d > 5*time.Minute:
		return 40105, "Bad request timestamp"
	}
	return 0, ""
}

func (s *Server) check(w http.ResponseWriter, _ *http.Request, _ url.Values) {
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"stat":"OK","response":{"time":%d}}`, time.Now().Unix())
}

func (s *Server) preauth(w http.ResponseWriter, _ *http.Request, params url.Values) {
	s.mu.Lock()
	u, known := s.users[params.Get("username")]
	s.mu.Unlock()
	result := u.Status
	switch {
	case params.Get("username") == "":
		fail(w, 400, 40002, "Invalid request parameters")
		return
	case !known:
		result = "enroll"
	case result == "":
		result = "auth"
	}
	answer := map[string]any{"result": result, "status_msg": "as it is"}
	if result == "auth" {
		device := map[string]any{"device": "DP" + strings.ToUpper(hex.EncodeToString([]byte(u.Name))), "type": "phone", "display_name": "iOS (555-555-0100)", "capabilities": []string{"auto", "push", "sms", "phone"}}
		if u.NoPush {
			device["capabilities"] = []string{"sms", "phone"}
		}
		answer["devices"] = []any{map[string]any{"device": "DHTOKEN", "type": "token"}, device}
	}
	succeed(w, answer)
}

func (s *Server) auth(w http.ResponseWriter, _ *http.Request, params url.Values) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, known := s.users[params.Get("username")]
	info, err := url.ParseQuery(params.Get("pushinfo"))
	switch {
	case !known, params.Get("factor") != "push", params.Get("async") != "1", err != nil, len(params.Get("pushinfo")) > 20000,
		params.Get("device") != "auto" && params.Get("device") != "DP"+strings.ToUpper(hex.EncodeToString([]byte(u.Name))):
		fail(w, 400, 40002, "Invalid request parameters")
		return
	}
	p := &Push{TxID: fmt.Sprintf("45f7c92b-f45f-4862-8545-%012d", len(s.pushes)+1), User: u.Name, Info: info, Type: params.Get("type"), At: s.now(), Result: "waiting", Status: "pushed"}
	if u.Status == "deny" {
		p.Result, p.Status = "deny", "locked_out"
	}
	s.pushes = append(s.pushes, p)
	s.news.Happened()
	succeed(w, map[string]any{"txid": p.TxID})
}

// status answers when something has changed, or after a while. The real one
// waits longer.
func (s *Server) status(w http.ResponseWriter, r *http.Request, params url.Values) {
	after := time.NewTimer(200 * time.Millisecond)
	defer after.Stop()
	for waited := false; ; {
		s.mu.Lock()
		p, changed := s.push(params.Get("txid")), s.news.Next()
		if p == nil {
			s.mu.Unlock()
			fail(w, 400, 40002, "Invalid request parameters")
			return
		}
		now := *p
		s.mu.Unlock()
		if now.Result != "waiting" || waited {
			succeed(w, map[string]any{"result": now.Result, "status": now.Status, "status_msg": "as it is"})
			return
		}
		select {
		case <-changed:
		case <-after.C:
			waited = true
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		}
	}
}

func succeed(w http.ResponseWriter, response any) {
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"stat": "OK", "response": response}) //nolint:errcheck // the client may be gone
}

func fail(w http.ResponseWriter, status, code int, what string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{"stat": "FAIL", "code": code, "message": what}) //nolint:errcheck // the client may be gone
}
