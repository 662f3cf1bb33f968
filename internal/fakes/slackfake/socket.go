package slackfake

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// maxAck is the size above which Slack drops an ack without a word (public
// reports; not documented).
const maxAck = 20 << 10

// Connection is one Socket Mode connection, open or closed.
type Connection struct {
	ID       int       `json:"id"` // 1, 2, 3 …
	OpenedAt time.Time `json:"opened_at"`
	ClosedAt time.Time `json:"closed_at,omitzero"`
	Reason   string    `json:"reason,omitempty"` // why it ended, as far as the server knows
	Sent     int       `json:"sent"`             // envelopes
	Acks     int       `json:"acks"`
	Pongs    int       `json:"pongs"`
}

// Open says whether the connection is open.
func (c Connection) Open() bool { return c.ClosedAt.IsZero() }

type sockets struct {
	next     int
	open     map[int]*socket
	log      []*Connection
	tickets  map[string]time.Time
	welcomes []*welcome
	via      int
	noPings  bool

	pending    map[string]*delivery
	deliveries []*delivery
}

type socket struct {
	s      *Server
	ws     *websocket.Conn
	frames *frameWatcher

	info    *Connection // guarded by s.mu, like the next fields
	timer   *time.Timer // of a warning
	stalled bool
	leaving bool // told to go at once; gets nothing any more
	cut     bool // close when the next ack arrives, without reading it

	mu    sync.Mutex // guards queue
	queue []func() error
	wake  chan struct{}
	gone  chan struct{}
	once  sync.Once
}

func connectionsOpen(req *request) (body, error) {
	s := req.s
	s.ids++
	ticket := fmt.Sprintf("%08x-%d", rand.Uint32(), s.ids)
	s.sock.tickets[ticket] = s.now().Add(time.Minute)
	return body{"url": "ws" + s.URL[len("http"):] + "/link/?ticket=" + ticket + "&app_id=" + s.AppID}, nil
}

// serveSocket runs one connection until it ends.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request) {
	ticket := r.URL.Query().Get("ticket")
	s.mu.Lock()
	until, ok := s.sock.tickets[ticket]
	delete(s.sock.tickets, ticket) // single use
	ok = ok && !s.now().After(until)
	welcome := s.nextWelcome()
	s.mu.Unlock()
	if !ok {
		http.Error(w, "invalid ticket", http.StatusForbidden)
		return
	}
	if welcome.status != 0 {
		http.Error(w, http.StatusText(welcome.status), welcome.status)
		return
	}
	up := websocket.Upgrader{ReadBufferSize: 4096, CheckOrigin: func(*http.Request) bool { return true }}
	watched := &watchedWriter{ResponseWriter: w}
	conn, err := up.Upgrade(watched, r, nil)
	if err != nil {
		return
	}
	c := &socket{s: s, ws: conn, frames: watched.frames, wake: make(chan struct{}, 1), gone: make(chan struct{})}
	if !s.register(c, welcome) {
		abort(conn.NetConn())
		return
	}
	var wg sync.WaitGroup
	wg.Go(c.write)
	wg.Go(c.ping)
	c.read()
	wg.Wait()
}

// register adds a connection and greets it.
func (s *Server) register(c *socket, w welcome) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing {
		return false
	}
	s.sock.next++
	c.info = &Connection{ID: s.sock.next, OpenedAt: s.now()}
	s.sock.log = append(s.sock.log, c.info)
	s.sock.open[c.info.ID] = c
	s.changed(Change{Kind: "socket"})
	c.ws.SetPingHandler(c.pinged)
	c.ws.SetPongHandler(c.ponged)
	if w.stall {
		c.stalled = true
		return true
	}
	if len(s.sock.open) > s.set.maxSockets {
		c.disconnect("too_many_websockets", 0)
		return true
	}
	c.send(mustJSON(body{
		"type": "hello", "num_connections": len(s.sock.open),
		"debug_info":      body{"host": "applink-fake", "started": s.now().Format(time.DateTime), "build_number": 1, "approximate_connection_time": 18060},
		"connection_info": body{"app_id": s.AppID},
	}))
	if w.reason != "" {
		c.disconnect(w.reason, 0)
	}
	return true
}

// unregister records the end of a connection. Callers hold s.mu.
func (c *socket) unregister(reason string) {
	if _, ok := c.s.sock.open[c.info.ID]; !ok {
		return
	}
	delete(c.s.sock.open, c.info.ID)
	c.info.ClosedAt = c.s.now()
	if c.info.Reason == "" {
		c.info.Reason = reason
	}
	c.s.changed(Change{Kind: "socket"})
}

// read takes what the app sends until the connection ends.
func (c *socket) read() {
	defer c.end("closed by the app")
	for {
		_, data, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		fragmented := c.frames.fragmented()
		c.s.mu.Lock()
		switch {
		case c.stalled: // nobody is there
		case c.cut:
			c.info.Reason = "cut before the ack was read"
			c.reset()
		default:
			c.s.acked(c, data, fragmented)
		}
		c.s.mu.Unlock()
	}
}

func (c *socket) end(reason string) {
	c.s.mu.Lock()
	c.unregister(reason)
	if c.timer != nil {
		c.timer.Stop()
	}
	c.s.mu.Unlock()
	c.once.Do(func() { close(c.gone) })
	_ = c.ws.Close()
}

// write sends what is queued, so that a peer who does not read holds up nobody
// but itself.
func (c *socket) write() {
	for {
		select {
		case <-c.wake:
		case <-c.gone:
			return
		}
		c.mu.Lock()
		work := c.queue
		c.queue = nil
		c.mu.Unlock()
		for _, f := range work {
			if f() != nil {
				_ = c.ws.NetConn().Close() // wakes the reader
				return
			}
		}
	}
}

func (c *socket) enqueue(f func() error) {
	c.mu.Lock()
	c.queue = append(c.queue, f)
	c.mu.Unlock()
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// send queues a message. Callers hold s.mu.
func (c *socket) send(data []byte) {
	if c.stalled {
		return
	}
	c.enqueue(func() error { return c.ws.WriteMessage(websocket.TextMessage, data) })
}

func (c *socket) ping() {
	if c.s.set.pingEvery <= 0 {
		return
	}
	t := time.NewTicker(c.s.set.pingEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			c.s.mu.Lock()
			quiet := c.stalled || c.s.sock.noPings
			c.s.mu.Unlock()
			if !quiet {
				_ = c.ws.WriteControl(websocket.PingMessage, []byte("Ping from applink-fake"), time.Now().Add(time.Second))
			}
		case <-c.gone:
			return
		}
	}
}

func (c *socket) pinged(text string) error {
	c.s.mu.Lock()
	stalled := c.stalled
	c.s.mu.Unlock()
	if !stalled {
		_ = c.ws.WriteControl(websocket.PongMessage, []byte(text), time.Now().Add(time.Second))
	}
	return nil
}

func (c *socket) ponged(string) error {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.info.Pongs++
	c.s.changed(Change{Kind: "socket"})
	return nil
}

// reset cuts the TCP connection. Callers hold s.mu.
func (c *socket) reset() { abort(c.ws.NetConn()) }

// choose picks the connection a payload goes to: the one set by SendVia, or any.
func (s *Server) choose() *socket {
	if c := s.sock.open[s.sock.via]; c != nil && !c.leaving {
		return c
	}
	ids := make([]int, 0, len(s.sock.open))
	for id, c := range s.sock.open {
		if !c.leaving {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	return s.sock.open[ids[rand.IntN(len(ids))]]
}
