package lookupfake

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// Failure is one scripted answer. The functions below make them.
type Failure struct {
	status     int
	retryAfter string
	location   string
	kind       string
	body       string
	hang       bool
	drop       bool
	huge       bool
	drip       bool
	long       int
}

// Status answers with an HTTP status.
func Status(code int) Failure { return Failure{status: code} }

// TooMany answers 429 with a Retry-After header, none when it is empty.
func TooMany(after string) Failure {
	return Failure{status: http.StatusTooManyRequests, retryAfter: after}
}

// Redirect answers 302 to another place.
func Redirect(to string) Failure { return Failure{status: http.StatusFound, location: to} }

// Says answers 200 with a content type and body of the test's choice.
func Says(kind, body string) Failure { return Failure{status: http.StatusOK, kind: kind, body: body} }

// Page answers with a status and a web page, as proxies do.
func Page(code int) Failure {
	return Failure{status: code, kind: "text/html", body: "<!DOCTYPE html><title>Not here</title>"}
}

// Garbage answers 200 with a web page, as captive portals and firewalls do.
func Garbage() Failure {
	return Says("text/html", "<!DOCTYPE html><title>Please sign in</title><script>alert(1)</script>")
}

// Hang never answers.
func Hang() Failure { return Failure{hang: true} }

// Drop closes the connection without an answer.
func Drop() Failure { return Failure{drop: true} }

// Huge answers 200 with a body that does not end.
func Huge() Failure { return Failure{huge: true} }

// LongHeader answers 200 with a header of so many bytes.
func LongHeader(n int) Failure { return Failure{status: http.StatusOK, long: n} }

// Drip answers 200 with a byte now and then, for ever.
func Drip() Failure { return Failure{drip: true} }

// Fail scripts the next answers of a source, one each.
func (s *Server) Fail(source string, f ...Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script[source] = append(s.script[source], f...)
}

// Down answers for a source like this, after its script, until Up.
func (s *Server) Down(source string, f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down[source] = f
}

// Up ends what Down began and forgets the source's script.
func (s *Server) Up(source string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.down, source)
	delete(s.script, source)
}

func (s *Server) failure(source string) (Failure, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if q := s.script[source]; len(q) > 0 {
		f := q[0]
		s.script[source] = q[1:]
		return f, true
	}
	f, ok := s.down[source]
	return f, ok
}

// play gives a scripted answer.
func (s *Server) play(w http.ResponseWriter, r *http.Request, f Failure) {
	switch {
	case f.hang:
		select {
		case <-r.Context().Done():
		case <-s.done:
		}
		panic(http.ErrAbortHandler)
	case f.drop:
		panic(http.ErrAbortHandler)
	case f.huge, f.drip:
		s.stream(w, r, f)
		return
	}
	if f.retryAfter != "" {
		w.Header().Set("Retry-After", f.retryAfter)
	}
	if f.location != "" {
		w.Header().Set("Location", f.location)
	}
	if f.long > 0 {
		w.Header().Set("X-Long", strings.Repeat("x", f.long))
	}
	if f.kind != "" {
		w.Header().Set("Content-Type", f.kind)
	}
	w.WriteHeader(f.status)
	_, _ = w.Write([]byte(f.body))
}

// stream writes without end: as much as is taken, or hardly anything.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, f Failure) {
	w.Header().Set("Content-Type", "application/json")
	block := slices.Repeat([]byte(" "), 64<<10)
	pause := time.Duration(0)
	if f.drip {
		block, pause = block[:1], 20*time.Millisecond
	}
	for {
		if _, err := w.Write(block); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		case <-time.After(pause):
		}
	}
}
