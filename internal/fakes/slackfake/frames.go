package slackfake

import (
	"bufio"
	"net"
	"net/http"
)

// frameWatcher notices which WebSocket messages came in several frames. Slack
// does not put those together again and loses them (public reports), while the
// WebSocket library here would hide the difference.
//
// It is only used by the goroutine that reads the connection.
type frameWatcher struct {
	net.Conn
	header  []byte // of the frame that is being read
	skip    uint64 // bytes of payload still to come
	parts   int    // frames of the message that is being read
	results []bool // for each whole message: was it in several frames
}

// Read reads and follows the frames.
func (f *frameWatcher) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	f.follow(p[:n])
	return n, err
}

func (f *frameWatcher) follow(p []byte) {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, uint64(len(p)))
			f.skip -= n
			p = p[n:]
			continue
		}
		f.header = append(f.header, p[0])
		p = p[1:]
		if len(f.header) == f.need() {
			f.frame()
		}
	}
}

// need is the length of a frame header as far as it is known (RFC 6455, 5.2).
func (f *frameWatcher) need() int {
	if len(f.header) < 2 {
		return 2
	}
	n := 2
	switch f.header[1] & 0x7f {
	case 126:
		n += 2
	case 127:
		n += 8
	}
	if f.header[1]&0x80 != 0 {
		n += 4 // mask
	}
	return n
}

// frame takes a whole header.
func (f *frameWatcher) frame() {
	h := f.header
	f.header = f.header[:0]
	f.skip = uint64(h[1] & 0x7f)
	extended := map[uint64]int{126: 2, 127: 8}[f.skip]
	if extended > 0 {
		f.skip = 0
		for _, b := range h[2 : 2+extended] {
			f.skip = f.skip<<8 | uint64(b)
		}
	}
	if control := h[0]&0x08 != 0; control {
		return
	}
	f.parts++
	if final := h[0]&0x80 != 0; final {
		f.results = append(f.results, f.parts > 1)
		f.parts = 0
	}
}

// fragmented says whether the message just read came in several frames.
func (f *frameWatcher) fragmented() bool {
	if len(f.results) == 0 {
		return false
	}
	first := f.results[0]
	f.results = f.results[1:]
	return first
}

// watchedWriter hands out connections that are watched.
type watchedWriter struct {
	http.ResponseWriter
	frames *frameWatcher
}

// Hijack takes over the connection.
func (w *watchedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buf, err := w.ResponseWriter.(http.Hijacker).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.frames = &frameWatcher{Conn: conn}
	return w.frames, buf, nil
}
