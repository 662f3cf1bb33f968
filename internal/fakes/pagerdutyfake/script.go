package pagerdutyfake

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Failure is one scripted answer. The functions below make them.
type Failure struct {
	key        string
	action     string
	status     int
	retryAfter string
	body       string
	odd        bool // 202 with another body
	other      string
	hang       bool
	drop       bool
	lost       bool
}

// On limits a failure to calls with an integration key.
func (f Failure) On(key string) Failure { f.key = key; return f }

// Only limits a failure to an event action.
func (f Failure) Only(action string) Failure { f.action = action; return f }

// Status answers with an HTTP status; nothing is ingested.
func Status(code int) Failure { return Failure{status: code} }

// TooMany answers 429 with a Retry-After header, none when it is empty.
func TooMany(retryAfter string) Failure {
	return Failure{status: http.StatusTooManyRequests, retryAfter: retryAfter}
}

// Says answers with a status and a body of the test's choice; nothing is
// ingested.
func Says(code int, body string) Failure { return Failure{status: code, body: body} }

// Hang never answers; nothing is ingested.
func Hang() Failure { return Failure{hang: true} }

// Drop closes the connection without an answer; nothing is ingested.
func Drop() Failure { return Failure{drop: true} }

// AnswerLost takes the event and closes the connection without an answer: the
// client cannot know.
func AnswerLost() Failure { return Failure{drop: true, lost: true} }

// OddBody takes the event and answers 202 with this body.
func OddBody(body string) Failure {
	return Failure{status: http.StatusAccepted, body: body, odd: true, lost: true}
}

// OtherKey takes the event and answers 202, but names another key.
func OtherKey(key string) Failure {
	return Failure{status: http.StatusAccepted, other: key, odd: true, lost: true}
}

// Fail scripts the next calls, one failure each. A failure limited to a key or
// an action waits for such a call.
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

// Up ends what Down began and forgets the rest of the script.
func (s *Server) Up() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.script = nil, nil
}

func (s *Server) nextFailure(c *Call) (Failure, bool) {
	fits := func(f Failure) bool {
		return (f.key == "" || f.key == c.Key) && (f.action == "" || f.action == c.Action)
	}
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

// answer is what a call gets.
type answer struct {
	status     int
	body       string
	retryAfter string
	problem    string
	ingest     bool
	hang, drop bool
}

func (a answer) contentType() string {
	if strings.HasPrefix(a.body, "{") {
		return "application/json"
	}
	return "text/html"
}

func (f Failure) answer(e event) answer {
	a := answer{status: f.status, body: f.body, retryAfter: f.retryAfter, problem: "scripted", ingest: f.lost, hang: f.hang, drop: f.drop}
	switch {
	case f.other != "":
		a.body = accepted(f.other).body
	case !f.odd && f.body == "":
		a.body = refuse(f.status, strings.ToLower(http.StatusText(f.status)), "scripted").body
	}
	return a
}

func accepted(key string) answer {
	body, _ := json.Marshal(map[string]string{"status": "success", "message": "Event processed", "dedup_key": key})
	return answer{status: http.StatusAccepted, body: string(body), ingest: true}
}

func invalid(problems ...string) answer {
	body, _ := json.Marshal(map[string]any{"status": "invalid event", "message": "Event object is invalid", "errors": problems})
	return answer{status: http.StatusBadRequest, body: string(body), problem: strings.Join(problems, "; ")}
}

func refuse(code int, status, message string) answer {
	body, _ := json.Marshal(map[string]string{"status": status, "message": message})
	return answer{status: code, body: string(body), problem: message}
}

// SecondsAfter is a Retry-After header in seconds.
func SecondsAfter(d time.Duration) string { return strconv.Itoa(int(d / time.Second)) }
