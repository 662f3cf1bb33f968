package pagerdutyfake

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// Limits of the real service.
const (
	maxBody       = 512 << 10
	maxSummary    = 1024
	maxDedupKey   = 255
	keyLength     = 32
	defaultPerMin = 120
)

// Service is something to page: an integration key and the name it is shown
// under. The key itself never appears in a snapshot.
type Service struct {
	Name string
	Key  string
}

// Option changes a new server.
type Option func(*Server)

// WithService adds a service. As soon as there is one, keys of no service are
// refused; without any, each well-formed key is a service of its own.
func WithService(name, key string) Option {
	return func(s *Server) { s.services = append(s.services, Service{name, key}) }
}

// WithRate sets how many events one key may send per window; zero events means
// no limit. The default is 120 a minute.
func WithRate(events int, window time.Duration) Option {
	return func(s *Server) { s.rate, s.window = events, window }
}

// WithNow sets the clock of the records and of the rate limit.
func WithNow(now func() time.Time) Option { return func(s *Server) { s.now = now } }

// Server is a running fake. It is safe for concurrent use.
type Server struct {
	URL string // base URL, to be used as the events URL and as the API URL

	now    func() time.Time
	rate   int
	window time.Duration
	http   *http.Server
	done   chan struct{}
	stop   sync.Once

	mu        sync.Mutex
	services  []Service
	open      bool // any well-formed key is accepted
	taken     map[string][]time.Time
	script    []Failure
	down      []Failure
	calls     []Call
	incidents []*Incident
	changed   chan struct{}

	apiToken  string
	rota      []Shift
	restCalls []RESTCall
}

// New starts a server on a free port of the loopback interface.
func New(opts ...Option) *Server {
	s := &Server{now: time.Now, rate: defaultPerMin, window: time.Minute, done: make(chan struct{}),
		taken: map[string][]time.Time{}, changed: make(chan struct{})}
	for _, o := range opts {
		o(s)
	}
	s.open = len(s.services) == 0
	l, err := wire.Listen()
	if err != nil {
		panic(fmt.Sprintf("pagerdutyfake: listen: %v", err))
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l) //nolint:errcheck // ends with Close
	return s
}

// Close stops the server; calls that hang are ended.
func (s *Server) Close() {
	s.stop.Do(func() {
		close(s.done)
		s.http.Close()
	})
}

// Call is one request as it was received.
type Call struct {
	At       time.Time       `json:"at"`
	Service  string          `json:"service"`
	Key      string          `json:"-"` // the integration key
	Action   string          `json:"action"`
	DedupKey string          `json:"dedup_key"`
	Summary  string          `json:"summary,omitempty"`
	Severity string          `json:"severity,omitempty"`
	Status   int             `json:"status"`   // answered; 0 when no answer was given
	Ingested bool            `json:"ingested"` // whether it changed anything
	Problem  string          `json:"problem,omitempty"`
	Raw      json.RawMessage `json:"-"` // the body, if it is JSON
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/oncalls" {
		s.serveREST(w, r)
		return
	}
	if r.URL.Path != "/v2/enqueue" {
		http.NotFound(w, r)
		return
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return // the client went away
	}
	e, problems := parse(body)
	call := Call{Key: e.RoutingKey, Action: e.Action, DedupKey: e.DedupKey, Summary: e.Payload.summary(), Severity: e.Payload.severity()}
	if json.Valid(body) {
		call.Raw = slices.Clone(body)
	}
	a := s.take(&call, e, problems, len(body))
	s.write(w, r, a)
}

// write sends an answer, or does what is done instead of one.
func (s *Server) write(w http.ResponseWriter, r *http.Request, a answer) {
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
	w.Header().Set("Content-Type", a.contentType())
	w.WriteHeader(a.status)
	io.WriteString(w, a.body) //nolint:errcheck // the client may be gone
}

// take decides about one request and records it, in one step.
func (s *Server) take(call *Call, e event, problems []string, size int) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	call.At = s.now()
	if e.DedupKey == "" {
		e.given = fmt.Sprintf("made-up-%d", len(s.calls)+1)
	}
	call.Service = s.nameOf(call.Key)
	a := s.decide(call, e, problems, size)
	call.Status, call.Problem = a.status, a.problem
	if a.hang || a.drop {
		call.Status = 0
	}
	if a.ingest {
		call.Ingested = true
		s.ingest(e, call.At)
	}
	s.calls = append(s.calls, *call)
	s.broadcast()
	return a
}

// decide picks the answer: what the script says, else what the real service
// would say.
func (s *Server) decide(call *Call, e event, problems []string, size int) answer {
	if f, ok := s.nextFailure(call); ok {
		a := f.answer(e)
		if a.ingest && (len(problems) > 0 || !s.known(call.Key)) {
			a.ingest = false
		}
		return a
	}
	switch {
	case size > maxBody:
		return refuse(http.StatusRequestEntityTooLarge, "payload too large", "the event is larger than 512 KB")
	case len(problems) > 0:
		return invalid(problems...)
	case !s.known(call.Key):
		return invalid("Invalid routing key")
	case s.limited(call.Key, call.At):
		return answer{status: http.StatusTooManyRequests, problem: "rate limit",
			body: `{"status":"throttle exceeded","message":"Events for this key are arriving too quickly. Please retry later."}`}
	}
	return accepted(e.key())
}

// limited counts an event of a key and says whether it is one too many.
func (s *Server) limited(key string, now time.Time) bool {
	if s.rate <= 0 {
		return false
	}
	recent := slices.DeleteFunc(s.taken[key], func(t time.Time) bool { return now.Sub(t) >= s.window })
	if len(recent) >= s.rate {
		s.taken[key] = recent
		return true
	}
	s.taken[key] = append(recent, now)
	return false
}

func (s *Server) known(key string) bool {
	return s.open || slices.ContainsFunc(s.services, func(x Service) bool { return x.Key == key })
}

// nameOf names the service of a key, a new one when any key is accepted.
func (s *Server) nameOf(key string) string {
	for _, x := range s.services {
		if x.Key == key {
			return x.Name
		}
	}
	if !s.open || !wellFormed(key) {
		return ""
	}
	name := fmt.Sprintf("service %d", len(s.services)+1)
	s.services = append(s.services, Service{name, key})
	return name
}

func (s *Server) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
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
			return fmt.Errorf("pagerdutyfake: %w while waiting; %s", ctx.Err(), now.brief())
		}
	}
}

// Calls returns all requests so far, refused ones included.
func (s *Server) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

func wellFormed(key string) bool {
	return len(key) == keyLength && !strings.ContainsFunc(key, func(r rune) bool {
		return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}
