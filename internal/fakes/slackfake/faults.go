package slackfake

import (
	"bufio"
	"net"
	"net/http"
	"time"
)

// Fault is something that goes wrong with a Web API call. Faults are made by
// the functions below and put in the way of calls by [Server.Next].
type Fault struct {
	name       string
	performs   bool // the call takes effect before the fault
	lost       bool // the caller gets no usable answer
	status     int
	retryAfter string
	out        body
	when       func(args map[string]string) bool
	before     func() // runs first, without any lock held
	write      func(w http.ResponseWriter, r *http.Request, done <-chan struct{}, answer func())
}

// apply changes the record and the answer of a call the fault was put on.
func (f *Fault) apply(call *Call, out body) body {
	call.Fault = f.name
	if !f.performs {
		call.Status, call.RetryAfter = f.status, f.retryAfter
	}
	if f.lost {
		call.Status = 0
	}
	if f.out != nil {
		return f.out
	}
	return out
}

// When limits the fault to calls whose arguments match.
func (f Fault) When(match func(args map[string]string) bool) Fault {
	f.when = match
	return f
}

// RateLimited answers 429. The text goes into Retry-After as it is ("30", "-1",
// a date, nonsense); "" leaves the header out.
func RateLimited(retryAfter string) Fault {
	return Fault{name: "rate limited", status: http.StatusTooManyRequests, retryAfter: retryAfter, out: body{"ok": false, "error": "ratelimited"}}
}

// Status answers with an HTTP status such as 500 or 503 and a page of HTML.
func Status(code int) Fault {
	return Fault{name: "status", status: code, out: body{}, write: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}, _ func()) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(code)
		_, _ = w.Write([]byte("<html><body>Server Error</body></html>"))
	}}
}

// NotOK answers ok:false with the code; the call has no effect.
func NotOK(code string) Fault {
	return Fault{name: "not ok", status: http.StatusOK, out: body{"ok": false, "error": code}}
}

// FatalError performs the call and answers ok:false with fatal_error, of which
// Slack says that part of the operation may have succeeded.
func FatalError() Fault {
	return Fault{name: "fatal error", performs: true, out: body{"ok": false, "error": "fatal_error"}}
}

// Hang never answers; the call has no effect.
func Hang() Fault { return Fault{name: "hang", out: body{}, write: hang} }

// Lost performs the call and never answers.
func Lost() Fault { return Fault{name: "lost", performs: true, lost: true, write: hang} }

// Cut performs the call and resets the connection before the answer.
func Cut() Fault {
	return Fault{name: "cut", performs: true, lost: true, write: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}, _ func()) {
		resetAfter(w, "")
	}}
}

// CutMidBody performs the call and resets the connection in the middle of the
// answer.
func CutMidBody() Fault {
	return Fault{name: "cut mid body", performs: true, lost: true, write: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}, _ func()) {
		resetAfter(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"ok\":true,")
	}}
}

// NotJSON performs the call and answers 200 with HTML, as a proxy in between may.
func NotJSON() Fault {
	return Fault{name: "not json", performs: true, lost: true, write: func(w http.ResponseWriter, _ *http.Request, _ <-chan struct{}, _ func()) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html>signed out</html>"))
	}}
}

// Slow performs the call and answers after d.
func Slow(d time.Duration) Fault {
	return Fault{name: "slow", performs: true, write: func(_ http.ResponseWriter, r *http.Request, done <-chan struct{}, answer func()) {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
			answer()
		case <-r.Context().Done():
		case <-done:
			panic(http.ErrAbortHandler)
		}
	}}
}

// Meanwhile performs and answers the call as usual, after f, which runs while the
// call is on its way.
func Meanwhile(f func()) Fault {
	return Fault{name: "meanwhile", performs: true, before: f}
}

// Held performs the call and answers when until is closed.
func Held(until <-chan struct{}) Fault {
	return Fault{name: "held", performs: true, write: func(_ http.ResponseWriter, r *http.Request, done <-chan struct{}, answer func()) {
		select {
		case <-until:
			answer()
		case <-r.Context().Done():
		case <-done:
			panic(http.ErrAbortHandler)
		}
	}}
}

func hang(_ http.ResponseWriter, r *http.Request, done <-chan struct{}, _ func()) {
	select {
	case <-r.Context().Done():
	case <-done:
	}
	panic(http.ErrAbortHandler) // cuts the connection; returning would send an empty answer
}

func resetAfter(w http.ResponseWriter, part string) {
	conn, buf, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	writePart(buf, part)
	abort(conn)
}

func writePart(buf *bufio.ReadWriter, part string) {
	_, _ = buf.WriteString(part)
	_ = buf.Flush()
}

// abort closes a connection with a TCP reset.
func abort(conn net.Conn) {
	if watched, ok := conn.(*frameWatcher); ok {
		conn = watched.Conn
	}
	if tcp, ok := conn.(interface{ SetLinger(seconds int) error }); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

type scripted struct {
	method string
	left   int
	fault  Fault
}

// Next puts a fault in the way of the next n calls of a method ("*" for any);
// with n < 0 of all until [Server.ClearFaults]. Several scripts for a method
// are used up in the order they were given.
func (s *Server) Next(method string, n int, f Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &scripted{method, n, f})
}

// ClearFaults drops what is left of all scripts.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// nextFault takes the fault for a call. Callers hold mu.
func (s *Server) nextFault(req *request) *Fault {
	for _, f := range s.faults {
		if f.left == 0 || f.method != "*" && f.method != req.method {
			continue
		}
		if f.fault.when != nil && !f.fault.when(req.args) {
			continue
		}
		if f.left > 0 {
			f.left--
		}
		return &f.fault
	}
	return nil
}
