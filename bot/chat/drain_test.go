package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// At the end everything under way is finished and acknowledged, and nothing is
// left running.
func TestDrain(t *testing.T) {
	t.Parallel()
	release, finished := make(chan struct{}), make(chan struct{})
	d := &desk{before: func(ctx context.Context) {
		<-release
		if ctx.Err() != nil {
			t.Error("the handler's context ended with Run's")
		}
	}, reply: Reply{After: func(ctx context.Context) { close(finished) }}}
	o := newOffice(t, d, quick, slackfake.WithAckDeadline(5*time.Second))
	stop := o.run(t)
	o.up(t, 2)
	g, err := o.ws.As(o.ada.ID).Slash("/ir", "first", o.general)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the envelope is under way", func() bool { return len(d.seen()) == 1 })
	var stopped sync.WaitGroup
	stopped.Go(stop)
	eventually(t, 30*time.Second, "draining", func() bool {
		o.s.sup.mu.Lock()
		defer o.s.sup.mu.Unlock()
		return o.s.sup.draining
	})
	late, err := o.ws.As(o.ada.ID).Slash("/ir", "late", o.general)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the late one is turned away", func() bool {
		return value(t, o.s.metrics.envelopes.WithLabelValues("slash_commands", "draining")) == 1
	})
	close(release)
	if out := outcome(t, g, nil); !out.OK() {
		t.Errorf("%+v", out)
	}
	stopped.Wait()
	<-finished
	if out := outcome(t, late, nil); out.Acked || len(d.seen()) != 1 {
		t.Errorf("a late envelope was handled: %+v", out)
	}
	if o.live() != 0 || o.s.Healthy() == nil {
		t.Error("still thought to be up")
	}
}

// Many acknowledgements at the end: none is lost.
func TestDrainLosesNoAck(t *testing.T) {
	t.Parallel()
	d := &desk{before: func(context.Context) { time.Sleep(5 * time.Millisecond) }} // the work itself
	o := newOffice(t, d, quick)
	stop := o.run(t)
	o.up(t, 2)
	person := o.ws.As(o.ada.ID)
	for range 50 {
		if _, err := person.Slash("/ir", "x", o.general); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, 30*time.Second, "all have arrived", func() bool {
		return len(d.seen())+len(o.s.sup.jobs) >= 50
	})
	stop()
	eventually(t, time.Second, "every envelope is acknowledged", func() bool {
		for _, got := range o.ws.Deliveries() {
			if !got.Acked {
				return false
			}
		}
		return true
	})
}

func TestRunLeavesNothingBehind(t *testing.T) {
	// Not parallel: it counts goroutines of this package.
	o := newOffice(t, &desk{}, quick)
	stop := o.run(t)
	o.up(t, 2)
	o.ws.Disconnect(0, slackfake.RefreshRequested)
	eventually(t, 30*time.Second, "replaced", func() bool { return len(o.ws.Connections()) >= 4 })
	stop()
	eventually(t, 30*time.Second, "no goroutine of the package", func() bool {
		buf := make([]byte, 1<<20)
		all := string(buf[:runtime.Stack(buf, true)])
		return !strings.Contains(all, "chat.(*conn)") && !strings.Contains(all, "chat.(*supervisor)")
	})
}

// One acknowledgement is one frame, however long: Slack does not put
// continuation frames together.
func TestAckIsOneFrame(t *testing.T) {
	t.Parallel()
	first := make(chan int, 1)
	c := bareConn(t, first)
	payload, _ := json.Marshal(strings.Repeat("x", maxAck-2))
	if err := c.ack("00000001-0000-4000-8000-000000000001", payload); err != nil {
		t.Fatal(err)
	}
	if b := <-first; b != 0x81 { // FIN set, text
		t.Errorf("the first byte of the frame is %#x", b)
	}
}

// bareConn is a connection that nobody reads.
func bareConn(t *testing.T, first chan<- int) *conn {
	t.Helper()
	d := websocket.Dialer{WriteBufferSize: writeBuffer}
	ws, _, err := d.Dial(frameServer(t, first), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ws.Close() })
	s, err := New(Config{AppToken: "xapp-1", BotToken: "xoxb-1"}, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return &conn{sup: &s.sup, ws: ws, done: make(chan struct{})}
}

// frameServer upgrades one connection and tells the first byte that comes.
func frameServer(t *testing.T, first chan<- int) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up := websocket.Upgrader{}
		ws, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer ws.Close()
		b := make([]byte, 1)
		if _, err := ws.NetConn().Read(b); err == nil {
			first <- int(b[0])
		}
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	return "ws://" + l.Addr().String()
}

// An ack that cannot be written gives the connection up.
func TestWriteErrorRecycles(t *testing.T) {
	t.Parallel()
	c := bareConn(t, make(chan int, 1))
	if err := c.ws.NetConn().(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := c.ack("e", nil); err == nil {
		t.Error("the ack is said to be written")
	}
	select {
	case <-c.done:
	default:
		t.Error("the connection is kept")
	}
	if c.why() != reasonWrite {
		t.Errorf("the reason is %q", c.why())
	}
}

// A connection that fails for good is not reported with an old reason.
func TestFaultIsForgotten(t *testing.T) {
	t.Parallel()
	c := bareConn(t, make(chan int, 1))
	s := c.sup.s
	c.sup.blame(errSocketModeOff)
	c.sup.up(c)
	c.sup.down(c)
	if err := s.Healthy(); err == nil || errors.Is(err, errSocketModeOff) {
		t.Errorf("healthy says %v", err)
	}
}

func TestReceiptsAreBounded(t *testing.T) {
	t.Parallel()
	r, now := newEnvelopes(), time.Now()
	for i := range 2 * maxReceipts {
		id := fmt.Sprint(i)
		if fresh, _, _ := r.begin(id, nil, now); !fresh {
			t.Fatal("a new envelope is taken for a copy")
		}
		r.finish(id, nil)
	}
	if len(r.known) > maxReceipts || len(r.order) > maxReceipts {
		t.Errorf("%d known, %d in order", len(r.known), len(r.order))
	}
	last := fmt.Sprint(2*maxReceipts - 1)
	if _, done, _ := r.begin(last, nil, now); !done {
		t.Error("a recent envelope is forgotten")
	}
	if fresh, _, _ := r.begin(last, nil, now.Add(receiptTTL)); !fresh {
		t.Error("an old envelope is remembered")
	}
}
