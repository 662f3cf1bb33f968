package sqsfake

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// Server is the fake. Its methods may be called at any time from anywhere.
type Server struct {
	// URL is the endpoint: give it to the client as base endpoint or in
	// AWS_ENDPOINT_URL_SQS.
	URL string

	latency  time.Duration
	http     *http.Server
	closed   chan struct{}
	closing  sync.Once
	serveEnd chan struct{}

	mu     sync.Mutex // guards what follows, and all queues
	offset time.Duration
	queues map[string]*queue
	faults []*Fault
	calls  []Call
	counts map[string]int
	issued uint64 // number of the last message
}

// Option changes a Server before it starts.
type Option func(*Server)

// WithLatency sets what every call takes at least; DefaultLatency otherwise.
func WithLatency(d time.Duration) Option { return func(s *Server) { s.latency = d } }

// New starts a server on a free loopback port. It panics when there is none.
func New(opts ...Option) *Server {
	s := NewLocal(opts...)
	l, err := wire.Listen()
	if err != nil {
		panic("sqsfake: " + err.Error())
	}
	s.URL = "http://" + l.Addr().String()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	s.serveEnd = make(chan struct{})
	go func() {
		defer close(s.serveEnd)
		_ = s.http.Serve(l)
	}()
	return s
}

// NewLocal returns a server without a listener: reach it through Transport.
// It needs no network, so it works inside a testing/synctest bubble.
func NewLocal(opts ...Option) *Server {
	s := &Server{
		URL:     "http://sqs.fake.example.com",
		latency: DefaultLatency,
		closed:  make(chan struct{}),
		queues:  map[string]*queue{},
		counts:  map[string]int{},
	}
	for _, o := range opts {
		o(s)
	}
	return s
}

// Close ends the listener, the connections and every waiting call.
func (s *Server) Close() {
	s.closing.Do(func() {
		close(s.closed)
		if s.http != nil {
			_ = s.http.Close()
			<-s.serveEnd
		}
	})
}

// ServeHTTP answers one call.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op, ok := strings.CutPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	body, err := io.ReadAll(io.LimitReader(r.Body, 4<<20))
	switch {
	case err != nil:
		return // the caller has gone
	case r.Method != http.MethodPost || !ok:
		writeError(w, refuse("InvalidAction", "no such operation"))
		return
	case r.Header.Get("Content-Type") != "application/x-amz-json-1.0":
		writeError(w, &apiError{status: http.StatusUnsupportedMediaType, code: "UnsupportedMediaType", message: "not AWS JSON 1.0"})
		return
	case !strings.HasPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="):
		writeError(w, &apiError{status: http.StatusForbidden, code: "MissingAuthenticationToken", message: "the request is not signed"})
		return
	}
	c := &call{Call: Call{Action: op}, body: body}
	c.At = s.Now()
	answer, err := s.perform(r.Context(), c)
	s.record(c, err)
	switch {
	case errors.Is(err, errDropped):
		panic(http.ErrAbortHandler)
	case err != nil:
		writeError(w, err)
	default:
		writeJSON(w, http.StatusOK, answer)
	}
}

// perform applies latency and scripted faults around the operation.
func (s *Server) perform(ctx context.Context, c *call) ([]byte, error) {
	op, ok := operations[c.Action]
	if !ok {
		return nil, refuse("InvalidAction", "no such operation: "+c.Action)
	}
	in, err := op.decode(c)
	if err != nil {
		return nil, err
	}
	f := s.fault(c)
	if !pause(ctx, s.closed, s.latency+f.Delay) {
		return nil, errDropped
	}
	if f.Drop {
		return nil, errDropped
	}
	if f.Code != "" && f.Entries == nil {
		return nil, &apiError{status: f.Status, code: f.Code, message: f.Message, server: f.Status >= 500}
	}
	c.fault = f
	answer, err := op.run(s, ctx, c, in)
	if f.LoseAnswer {
		return nil, errDropped
	}
	return answer, err
}

// pause waits; false means that the caller or the server has gone.
func pause(ctx context.Context, closed <-chan struct{}, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-closed:
	}
	return false
}

// writeJSON sends the length, and nothing after the document: the SDK leaves
// unread what follows it.
func writeJSON(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h.Set("Content-Type", "application/x-amz-json-1.0")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("X-Amzn-Requestid", "00000000-0000-4000-8000-000000000000")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// Now returns the time on the server's clock.
func (s *Server) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

func (s *Server) now() time.Time { return time.Now().Add(s.offset) }

// Advance moves the server's clock forward: visibility timeouts, delays and
// long polls that end within d end now.
func (s *Server) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset += d
	for _, q := range s.queues {
		q.wakeAll()
	}
}

// SetNow sets the server's clock, which goes on from there.
func (s *Server) SetNow(t time.Time) { s.Advance(t.Sub(s.Now())) }
