package redistest

import (
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy that misbehaves on request. It looks at whole reads,
// not at Redis's protocol.
type Proxy struct {
	// Addr is where clients connect.
	Addr string

	l    net.Listener
	wg   sync.WaitGroup
	done chan struct{} // closed at the end

	mu      sync.Mutex
	target  string
	conns   map[net.Conn]bool
	delay   time.Duration
	dropIn  int // replies to let through before one is lost; negative: none is lost
	refuse  bool
	dropped int
	closed  bool
}

// NewProxy starts a proxy in front of target that ends with the test.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("start proxy: %v", err)
	}
	p := &Proxy{Addr: l.Addr().String(), target: target, l: l, conns: map[net.Conn]bool{}, dropIn: -1, done: make(chan struct{})}
	p.wg.Add(1)
	go p.accept()
	t.Cleanup(p.close)
	return p
}

func (p *Proxy) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	close(p.done)
	p.l.Close()
	p.Cut()
	p.wg.Wait()
}

// Delay holds every reply back for d from now on.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// LoseReply lets n replies through and then loses one: the server has
// executed the command, the client sees its connection end.
func (p *Proxy) LoseReply(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.dropIn = n
}

// Lost is how many replies have been lost.
func (p *Proxy) Lost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dropped
}

// Refuse makes the proxy end every new connection at once, or stop doing so.
func (p *Proxy) Refuse(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refuse = on
}

// Retarget sends new connections to another server and ends the present ones,
// as a failover behind a fixed address does.
func (p *Proxy) Retarget(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.Cut()
}

// Cut ends all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		c.Close()
	}
}

func (p *Proxy) accept() {
	defer p.wg.Done()
	for {
		c, err := p.l.Accept()
		if err != nil {
			return
		}
		p.wg.Add(1)
		go p.serve(c)
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer p.wg.Done()
	defer client.Close()
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer server.Close()
	if !p.admit(client, server) {
		return
	}
	defer p.forget(client, server)
	p.wg.Add(1)
	go func() {
		defer p.wg.Done()
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	p.replies(server, client)
}

func (p *Proxy) admit(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refuse || p.closed {
		return false
	}
	for _, c := range conns {
		p.conns[c] = true
	}
	return true
}

func (p *Proxy) forget(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		delete(p.conns, c)
	}
}

// replies copies from the server to the client, with the faults asked for.
func (p *Proxy) replies(server, client net.Conn) {
	buf := make([]byte, 64<<10)
	for {
		n, err := server.Read(buf)
		if err != nil {
			return
		}
		delay, lose := p.fault()
		if delay > 0 {
			t := time.NewTimer(delay)
			select {
			case <-t.C:
			case <-p.done:
				t.Stop()
				return
			}
		}
		if lose {
			return
		}
		if _, err := client.Write(buf[:n]); err != nil {
			return
		}
	}
}

func (p *Proxy) fault() (delay time.Duration, lose bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dropIn == 0 {
		lose = true
		p.dropped++
	}
	if p.dropIn >= 0 {
		p.dropIn--
	}
	return p.delay, lose
}
