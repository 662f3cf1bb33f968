package lookupfake

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// Keys that the keyed services accept.
const (
	VirusTotalKey = "fake-virustotal-key"
	AbuseIPDBKey  = "fake-abuseipdb-key"
	URLScanKey    = "00000000-0000-4000-8000-000000000000"
)

// Call is one question as it was received.
type Call struct {
	Source string // the name of its endpoint
	Method string
	Target string // path and query below the source, or "TYPE name" for DNS
	Key    string
	Agent  string
	Status int // answered; 0 when scripted or not answered
}

// Server is a running fake. It is safe for concurrent use.
type Server struct {
	URL string // base URL

	http *http.Server
	done chan struct{}
	stop sync.Once

	mu      sync.Mutex
	hosts   map[netip.Addr]Host
	names   map[string]Name
	script  map[string][]Failure
	down    map[string]Failure
	calls   []Call
	version int // of the lists
}

// New starts a server on a free port of the loopback interface.
func New() *Server {
	s := &Server{done: make(chan struct{}), hosts: map[netip.Addr]Host{}, names: map[string]Name{},
		script: map[string][]Failure{}, down: map[string]Failure{}}
	l, err := wire.Listen()
	if err != nil {
		panic(fmt.Sprintf("lookupfake: listen: %v", err))
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s}
	go s.http.Serve(l) //nolint:errcheck // ends with Close
	return s
}

// Close stops the server; answers that hang are ended.
func (s *Server) Close() {
	s.stop.Do(func() {
		close(s.done)
		s.http.Close()
	})
}

// Endpoints returns the address of every source, by its name.
func (s *Server) Endpoints() map[string]string {
	return map[string]string{
		"resolver": s.URL + "/resolver/dns-query", "rdap": s.URL + "/rdap/iana/", "tor": s.URL + "/tor/torbulkexitlist",
		"drop": s.URL + "/drop/", "aws": s.URL + "/aws/ip-ranges.json", "internetdb": s.URL + "/internetdb/",
		"greynoise": s.URL + "/greynoise/", "urlscan": s.URL + "/urlscan/", "virustotal": s.URL + "/virustotal/", "abuseipdb": s.URL + "/abuseipdb/",
	}
}

// Calls returns what was asked so far, of one source or of all ("").
func (s *Server) Calls(source string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls {
		if source == "" || c.Source == source {
			out = append(out, c)
		}
	}
	return out
}

// Mentions returns the questions that contain a text.
func (s *Server) Mentions(text string) []Call {
	return slices.DeleteFunc(s.Calls(""), func(c Call) bool { return !strings.Contains(c.Target, text) })
}

func (s *Server) record(c Call) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, c)
}

// ServeHTTP answers one question.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	source, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	answer, known := map[string]func(*http.Request, string) reply{
		"resolver": s.resolver, "rdap": s.rdap, "tor": s.tor, "drop": s.drop, "aws": s.aws, "internetdb": s.internetdb,
		"greynoise": s.greynoise, "urlscan": s.urlscan, "virustotal": s.virustotal, "abuseipdb": s.abuseipdb,
	}[source]
	c := Call{Source: source, Method: r.Method, Target: rest, Agent: r.UserAgent()}
	if r.URL.RawQuery != "" {
		c.Target += "?" + r.URL.RawQuery
	}
	for _, h := range []string{"x-apikey", "Key", "API-Key"} {
		if v := r.Header.Get(h); v != "" {
			c.Key = v
		}
	}
	var a reply
	switch {
	case !known:
		a = text(http.StatusNotFound, "no such source")
	case source != "resolver" && r.Method != http.MethodGet:
		a = text(http.StatusMethodNotAllowed, "method not allowed")
	default:
		a = answer(r, rest)
	}
	if a.target != "" {
		c.Target = a.target
	}
	if f, ok := s.failure(source); ok {
		s.record(c)
		s.play(w, r, f)
		return
	}
	c.Status = a.code(r)
	s.record(c)
	a.write(w, r)
}

// reply is what a source answers.
type reply struct {
	status int
	kind   string
	body   []byte
	etag   string
	target string // how the question is recorded, when not by its path
}

func text(status int, s string) reply {
	return reply{status: status, kind: "text/plain; charset=utf-8", body: []byte(s)}
}

func (a reply) write(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", a.kind)
	if a.etag != "" {
		w.Header().Set("ETag", a.etag)
	}
	w.WriteHeader(a.code(r))
	if a.code(r) != http.StatusNotModified {
		_, _ = w.Write(a.body)
	}
}

// code is the status, which is 304 for who has this version already.
func (a reply) code(r *http.Request) int {
	if a.etag != "" && r.Header.Get("If-None-Match") == a.etag {
		return http.StatusNotModified
	}
	return a.status
}
