// Package oidcfake is a company's OpenID Connect provider at the wire:
// discovery, keys, a sign-in that is over as soon as it is asked for, and a token
// endpoint that checks client, redirect URI, code and PKCE.
package oidcfake

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// Server is a running fake. It is safe for concurrent use.
type Server struct {
	URL string // the issuer

	client, secret, redirect string
	now                      func() time.Time
	http                     *http.Server
	key, other               *rsa.PrivateKey
	stop                     sync.Once

	mu      sync.Mutex
	who     map[string]any // claims of whoever signs in
	session time.Time      // of an old session that max_age=0 was stripped for; zero for a new sign-in
	tamper  func(claims map[string]any)
	forged  bool
	down    map[string]int
	codes   map[string]url.Values
	asked   []url.Values
}

// New starts a provider with one client, on a free port of the loopback
// interface.
func New(client, secret string, now func() time.Time) *Server {
	s := &Server{client: client, secret: secret, now: now, down: map[string]int{}, codes: map[string]url.Values{}}
	var err error
	for _, k := range []**rsa.PrivateKey{&s.key, &s.other} {
		if *k, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			panic(fmt.Sprintf("oidcfake: make a key: %v", err))
		}
	}
	l, err := wire.Listen()
	if err != nil {
		panic(fmt.Sprintf("oidcfake: listen: %v", err))
	}
	s.URL = "http://" + l.Addr().String()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", s.discovery)
	mux.HandleFunc("GET /keys", s.keys)
	mux.HandleFunc("GET /authorize", s.authorize)
	mux.HandleFunc("POST /token", s.token)
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l) //nolint:errcheck // ends with Close
	return s
}

// Close stops the server.
func (s *Server) Close() { s.stop.Do(func() { s.http.Close() }) }

// Redirect registers the client's redirect URI; others are refused.
func (s *Server) Redirect(uri string) { s.redirect = uri }

// SignsIn says who is in front of the browser.
func (s *Server) SignsIn(claims map[string]any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.who = claims
}

// OldSession answers with a session from then on, as when max_age and prompt
// were stripped from the address.
func (s *Server) OldSession(at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.session = at
}

// Tamper changes the claims of tokens before they are signed.
func (s *Server) Tamper(fn func(claims map[string]any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tamper = fn
}

// Forge signs tokens with another key than the published one.
func (s *Server) Forge() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forged = true
}

// Fail answers a path with a status until it is called with 0.
func (s *Server) Fail(path string, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[path] = status
}

// Asked returns the questions of all sign-ins.
func (s *Server) Asked() []url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]url.Values(nil), s.asked...)
}

func (s *Server) broken(w http.ResponseWriter, r *http.Request) bool {
	s.mu.Lock()
	status := s.down[r.URL.Path]
	s.mu.Unlock()
	if status != 0 {
		http.Error(w, "out of order", status)
	}
	return status != 0
}

func (s *Server) discovery(w http.ResponseWriter, r *http.Request) {
	if s.broken(w, r) {
		return
	}
	answer(w, http.StatusOK, map[string]any{"issuer": s.URL, "authorization_endpoint": s.URL + "/authorize", "token_endpoint": s.URL + "/token", "jwks_uri": s.URL + "/keys",
		"response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"}, "id_token_signing_alg_values_supported": []string{"RS256"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic"}, "code_challenge_methods_supported": []string{"S256"}})
}

func (s *Server) keys(w http.ResponseWriter, r *http.Request) {
	if s.broken(w, r) {
		return
	}
	answer(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1",
		"n": encode(s.key.N.Bytes()), "e": encode(big.NewInt(int64(s.key.E)).Bytes())}}})
}

// authorize signs whoever is there in at once.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	if s.broken(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	q := r.URL.Query()
	s.asked = append(s.asked, q)
	if q.Get("client_id") != s.client || q.Get("redirect_uri") != s.redirect || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("code_challenge") == "" {
		http.Error(w, "invalid_request", http.StatusBadRequest) // never redirected to an address that is not registered
		return
	}
	back := url.Values{"state": {q.Get("state")}}
	if s.who == nil {
		back.Set("error", "access_denied")
	} else {
		code := fmt.Sprintf("code-%d", len(s.asked))
		s.codes[code] = q
		back.Set("code", code)
	}
	http.Redirect(w, r, s.redirect+"?"+back.Encode(), http.StatusSeeOther)
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if s.broken(w, r) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, secret, _ := r.BasicAuth()
	if id != s.client || secret != s.secret {
		answer(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client"})
		return
	}
	q, known := s.codes[r.PostFormValue("code")]
	delete(s.codes, r.PostFormValue("code")) // each only once
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !known || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != s.redirect || encode(sum[:]) != q.Get("code_challenge") {
		answer(w, http.StatusBadRequest, map[string]any{"error": "invalid_grant"})
		return
	}
	now := s.now()
	claims := map[string]any{"iss": s.URL, "aud": s.client, "sub": "0123", "nonce": q.Get("nonce"), "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix(), "auth_time": now.Unix()}
	if !s.session.IsZero() {
		claims["auth_time"] = s.session.Unix()
	}
	for k, v := range s.who {
		claims[k] = v
	}
	if s.tamper != nil {
		s.tamper(claims)
	}
	answer(w, http.StatusOK, map[string]any{"access_token": "at", "token_type": "Bearer", "expires_in": 300, "id_token": s.sign(claims)})
}

func (s *Server) sign(claims map[string]any) string {
	key := s.key
	if s.forged {
		key = s.other
	}
	body, _ := json.Marshal(claims)
	text := encode([]byte(`{"alg":"RS256","kid":"k1","typ":"JWT"}`)) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		panic(fmt.Sprintf("oidcfake: sign: %v", err))
	}
	return text + "." + encode(sig)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the client may be gone
}
