package slackfake

import (
	"net/http"
	"time"

	"github.com/gorilla/websocket"
)

// Reasons of a disconnect message. The last one is not documented but sent.
const (
	Warning          = "warning"
	RefreshRequested = "refresh_requested"
	LinkDisabled     = "link_disabled"
	TooManySockets   = "too_many_websockets"
)

type welcome struct {
	left   int
	reason string
	status int
	stall  bool
}

// WelcomeDisconnect makes the next n connections be told to disconnect with
// the reason right after hello (all while n < 0).
func (s *Server) WelcomeDisconnect(n int, reason string) { s.welcome(welcome{left: n, reason: reason}) }

// WelcomeStatus answers the next n websocket upgrades with an HTTP status, such
// as 409 when several replicas start at once.
func (s *Server) WelcomeStatus(n, status int) { s.welcome(welcome{left: n, status: status}) }

// WelcomeSilence accepts the next n connections and never says hello.
func (s *Server) WelcomeSilence(n int) { s.welcome(welcome{left: n, stall: true}) }

// WelcomeNormally drops what is left of the scripts for new connections.
func (s *Server) WelcomeNormally() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sock.welcomes = nil
}

func (s *Server) welcome(w welcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sock.welcomes = append(s.sock.welcomes, &w)
}

func (s *Server) nextWelcome() welcome {
	for _, w := range s.sock.welcomes {
		if w.left != 0 {
			if w.left > 0 {
				w.left--
			}
			return *w
		}
	}
	return welcome{}
}

// Disconnect tells a connection to go, all of them when id is 0: a "warning" is
// followed by the end after the time set by [WithWarning], every other reason
// at once.
func (s *Server) Disconnect(id int, reason string) {
	delay := time.Duration(0)
	if reason == Warning {
		delay = s.set.warning
	}
	s.each(id, func(c *socket) { c.disconnect(reason, delay) })
}

// disconnect sends the message and ends the connection after the delay.
func (c *socket) disconnect(reason string, delay time.Duration) {
	c.info.Reason = reason
	c.send(mustJSON(body{"type": "disconnect", "reason": reason, "debug_info": body{"host": "applink-fake"}}))
	if delay == 0 {
		c.leaving = true
		c.close()
		return
	}
	c.timer = time.AfterFunc(delay, c.close)
}

// close queues a close frame; the app's answer to it ends the reader, and so
// does the deadline.
func (c *socket) close() {
	c.enqueue(func() error {
		msg := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
		_ = c.ws.NetConn().SetReadDeadline(time.Now().Add(2 * time.Second))
		return c.ws.WriteControl(websocket.CloseMessage, msg, time.Now().Add(time.Second))
	})
}

// Reset cuts a connection with a TCP reset, all of them when id is 0.
func (s *Server) Reset(id int) {
	s.each(id, func(c *socket) { c.info.Reason = "reset"; c.reset() })
}

// Stall makes a connection half open, all of them when id is 0: it stays open,
// but nothing is sent, pinged or read any more. Payloads still go to it.
func (s *Server) Stall(id int) { s.each(id, func(c *socket) { c.stalled = true }) }

// CutBeforeAck makes a connection, all of them when id is 0, end with a TCP
// reset when the next ack arrives, which is not read.
func (s *Server) CutBeforeAck(id int) { s.each(id, func(c *socket) { c.cut = true }) }

// Pings switches the pings of all connections on or off.
func (s *Server) Pings(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sock.noPings = !on
}

// SendVia sends every further payload to one connection while it is open; with
// 0 to any, as Slack does.
func (s *Server) SendVia(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sock.via = id
}

// Down refuses new connections (apps.connections.open answers 503) and resets
// the open ones; Up ends it.
func (s *Server) Down() {
	s.Next("apps.connections.open", -1, Status(http.StatusServiceUnavailable))
	s.Reset(0)
}

// Up ends [Server.Down].
func (s *Server) Up() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range s.faults {
		if f.method == "apps.connections.open" && f.left < 0 {
			f.left = 0
		}
	}
}

func (s *Server) each(id int, f func(*socket)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n, c := range s.sock.open {
		if id == 0 || id == n {
			f(c)
		}
	}
}
