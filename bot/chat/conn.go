package chat

import (
	"encoding/json"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Why a connection ends. The first five are Slack's words; too_many_websockets
// is not documented but real (slackapi/node-slack-sdk#1654).
const (
	reasonWarning  = "warning"
	reasonRefresh  = "refresh_requested"
	reasonDisabled = "link_disabled"
	reasonCrowded  = "too_many_websockets"
	reasonSilent   = "silent"
	reasonWrite    = "write_error"
	reasonClosed   = "closed"
	reasonNoHello  = "no_hello"
	reasonOther    = "other"
)

const (
	maxFrame = 4 << 20 // a view with its state has at most 250 KB
	// Slack does not put continuation frames together (slack-go/slack#1196), so
	// the largest acknowledgement must fit the write buffer.
	writeBuffer = 32 << 10
)

// conn is one Socket Mode connection.
type conn struct {
	sup    *supervisor
	ws     *websocket.Conn
	opened time.Time

	hello    chan struct{} // closed at Slack's hello
	retiring chan struct{} // closed when Slack announces the end
	done     chan struct{} // closed at the end

	write sync.Mutex

	mu      sync.Mutex
	reason  string
	greeted bool
	leaving bool
	ended   bool
}

// read takes frames until the connection ends. It never waits for work.
func (c *conn) read() {
	c.ws.SetReadLimit(maxFrame)
	c.touch()
	c.ws.SetPongHandler(func(string) error { c.touch(); return nil })
	c.ws.SetPingHandler(func(data string) error {
		c.touch()
		err := c.ws.WriteControl(websocket.PongMessage, []byte(data), time.Now().Add(c.sup.s.cfg.Timing.Write))
		if err != nil {
			c.end(reasonWrite)
		}
		return nil
	})
	for {
		kind, data, err := c.ws.ReadMessage()
		if err != nil {
			c.end(readReason(err))
			return
		}
		c.touch()
		c.frame(kind, data, time.Now())
	}
}

func readReason(err error) string {
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return reasonSilent
	}
	return reasonClosed
}

// touch notes that the other side is alive.
func (c *conn) touch() {
	_ = c.ws.SetReadDeadline(time.Now().Add(c.sup.s.cfg.Timing.Silence)) // fails only on a closed socket, which the read notices
}

// ping makes an idle connection show that it is alive: Slack pings as well, but
// not at a promised rate.
func (c *conn) ping() {
	tick := time.NewTicker(c.sup.s.cfg.Timing.Ping)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if c.ws.WriteControl(websocket.PingMessage, nil, time.Now().Add(c.sup.s.cfg.Timing.Write)) != nil {
				c.end(reasonWrite)
				return
			}
		case <-c.done:
			return
		}
	}
}

// frame sorts one frame. The types are those of Slack's page "Using Socket
// Mode".
func (c *conn) frame(kind int, data []byte, at time.Time) {
	var e envelope
	if kind != websocket.TextMessage || json.Unmarshal(data, &e) != nil {
		c.sup.count("frame", "malformed")
		return
	}
	switch e.Type {
	case "hello":
		c.greet(e)
	case "disconnect":
		c.retire(e.Reason)
	default:
		c.sup.receive(c, e, at)
	}
}

func (c *conn) greet(e envelope) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.greeted || c.ended {
		return
	}
	c.greeted = true
	c.sup.greeted(e)
	c.sup.up(c) // under the lock, so that it comes before down
	close(c.hello)
}

// retire notes that Slack will end the connection. Unless it is of no more use,
// it is read on until its successor is up.
func (c *conn) retire(reason string) {
	switch reason {
	case reasonWarning, reasonRefresh, reasonDisabled, reasonCrowded:
	default:
		reason = reasonOther
	}
	c.mu.Lock()
	first := !c.leaving
	c.leaving = true
	if c.reason == "" {
		c.reason = reason
	}
	c.mu.Unlock()
	if first {
		close(c.retiring)
	}
	if reason == reasonDisabled || reason == reasonCrowded {
		c.end(reason)
	}
}

// linger keeps a connection that is being replaced for d, so that what is
// under way on it can be acknowledged.
func (c *conn) linger(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		c.bye(reasonRefresh)
	case <-c.done:
	}
}

// ack acknowledges an envelope on the connection it came by. A connection that
// cannot be written to is given up.
func (c *conn) ack(id string, payload json.RawMessage) error {
	frame, err := json.Marshal(struct {
		ID      string          `json:"envelope_id"`
		Payload json.RawMessage `json:"payload,omitempty"`
	}{id, payload})
	if err != nil {
		return err
	}
	c.write.Lock()
	defer c.write.Unlock()
	err = c.ws.SetWriteDeadline(time.Now().Add(c.sup.s.cfg.Timing.Write))
	if err == nil {
		err = c.ws.WriteMessage(websocket.TextMessage, frame)
	}
	if err != nil {
		c.end(reasonWrite)
	}
	return err
}

// bye ends the connection politely. It waits a moment for Slack's answer to the
// close frame, which comes after everything that was sent before has been read:
// to cut a connection with unread data may take back acknowledgements that are
// under way. Slack does not close its side after the handshake.
func (c *conn) bye(reason string) {
	c.mu.Lock()
	if c.reason == "" {
		c.reason = reason
	}
	c.mu.Unlock()
	err := c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""), time.Now().Add(time.Second))
	if err == nil {
		timer := time.NewTimer(time.Second)
		defer timer.Stop()
		select {
		case <-c.done:
		case <-timer.C:
		}
	}
	c.end(reason)
}

// end ends the connection once; later reasons are ignored.
func (c *conn) end(reason string) {
	c.mu.Lock()
	first := !c.ended
	c.ended = true
	if c.reason == "" {
		c.reason = reason
	}
	reason = c.reason
	c.mu.Unlock()
	if !first {
		return
	}
	_ = c.ws.Close() // nothing can be done about a socket that does not close
	c.sup.down(c)
	c.sup.s.metrics.ended.WithLabelValues(reason).Inc()
	close(c.done)
}

func (c *conn) why() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reason
}
