package thehivefake

import (
	"net/http"
	"slices"
)

// Failure is one scripted answer. The functions below make them.
type Failure struct {
	op         string
	status     int
	retryAfter string
	body       string
	given      bool // the body counts, even when it is empty
	hang       bool
	drop       bool
	take       bool // the request has its effect first
}

// Only limits a failure to an operation, such as createAlert, promote or
// comment.
func (f Failure) Only(op string) Failure { f.op = op; return f }

// Status answers with an HTTP status in TheHive's form; nothing happens.
func Status(code int) Failure { return Failure{status: code} }

// TooMany answers 429 with a Retry-After header, none when it is empty.
func TooMany(retryAfter string) Failure {
	return Failure{status: http.StatusTooManyRequests, retryAfter: retryAfter}
}

// Says answers with a status and a body of the test's choice; nothing happens.
func Says(code int, body string) Failure { return Failure{status: code, body: body, given: true} }

// OddBody lets the request have its effect, and answers with its status but
// this body.
func OddBody(body string) Failure { return Failure{body: body, given: true, take: true} }

// Hang never answers; nothing happens.
func Hang() Failure { return Failure{hang: true} }

// Drop closes the connection without an answer; nothing happens.
func Drop() Failure { return Failure{drop: true} }

// AnswerLost lets the request have its effect and closes the connection without
// an answer: the client cannot know.
func AnswerLost() Failure { return Failure{drop: true, take: true} }

// Fail scripts the next calls, one failure each. A failure limited to an
// operation waits for such a call.
func (s *Server) Fail(failures ...Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.script = append(s.script, failures...)
}

// Down answers all calls like this, after the script, until Up.
func (s *Server) Down(f Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down = append(s.down, f)
}

// Up ends what Down and ReadOnly began, and begins another script.
func (s *Server) Up(then ...Failure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.script, s.readOnly = nil, then, false
}

// ReadOnly refuses every change, as TheHive does when its licence has run out.
func (s *Server) ReadOnly() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readOnly = true
}

func (s *Server) nextFailure(op string) (Failure, bool) {
	fits := func(f Failure) bool { return f.op == "" || f.op == op }
	if i := slices.IndexFunc(s.script, fits); i >= 0 {
		f := s.script[i]
		s.script = slices.Delete(s.script, i, i+1)
		return f, true
	}
	if i := slices.IndexFunc(s.down, fits); i >= 0 {
		return s.down[i], true
	}
	return Failure{}, false
}
