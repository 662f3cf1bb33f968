package chat

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gorilla/websocket"
)

// open opens a connection and waits for Slack's hello.
func (p *supervisor) open(ctx context.Context) (*conn, error) {
	const method = "apps.connections.open"
	ws, err := p.dial(ctx)
	if err != nil {
		p.s.metrics.attempts.WithLabelValues(KindOf(err).String()).Inc()
		return nil, err
	}
	c := &conn{sup: p, ws: ws, opened: time.Now(),
		hello: make(chan struct{}), retiring: make(chan struct{}), done: make(chan struct{})}
	p.reading.Go(c.read)
	timeout := time.NewTimer(p.s.cfg.Timing.Hello)
	defer timeout.Stop()
	select {
	case <-c.hello:
		p.s.metrics.attempts.WithLabelValues("ok").Inc()
		p.reading.Go(c.ping)
		return c, nil
	case <-c.retiring:
		c.end(c.why())
	case <-c.done:
	case <-timeout.C:
		c.end(reasonNoHello)
	case <-ctx.Done():
		c.end("shutdown")
	}
	p.s.metrics.attempts.WithLabelValues("no_hello").Inc()
	return nil, &Error{Kind: Transient, Code: c.why(), Method: method}
}

// dial asks for an address and connects to it. The address holds a ticket, so
// no error may quote it.
func (p *supervisor) dial(ctx context.Context) (*websocket.Conn, error) {
	const method = "apps.connections.open"
	_, address, err := p.s.api.StartSocketModeContext(ctx)
	if err != nil {
		return nil, p.s.failed(method, err)
	}
	u, err := url.Parse(address)
	secure := strings.HasPrefix(p.s.cfg.APIURL, "https:")
	if err != nil || u.Host == "" || u.Scheme != "wss" && (secure || u.Scheme != "ws") {
		return nil, &Error{Kind: Transient, Code: "bad_address", Method: method}
	}
	d := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, HandshakeTimeout: p.s.cfg.Timing.Hello,
		NetDialContext:  (&net.Dialer{Timeout: p.s.cfg.Timing.Hello, KeepAlive: 15 * time.Second}).DialContext,
		WriteBufferSize: writeBuffer, ReadBufferSize: 16 << 10,
	}
	ws, resp, err := d.DialContext(ctx, address, nil)
	if err != nil {
		e := &Error{Kind: Transient, Code: "dial_failed", Method: method, cause: rootCause(err)}
		if resp != nil {
			e.Code = "http_" + strconv.Itoa(resp.StatusCode)
		}
		return nil, e
	}
	return ws, nil
}
