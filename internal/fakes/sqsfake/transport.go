package sqsfake

import (
	"bytes"
	"errors"
	"io"
	"net/http"
)

// Transport returns a way to the server that uses no network: each call is
// answered in its own goroutine, whatever host it is meant for.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ s *Server }

// RoundTrip answers one request.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &answer{header: http.Header{}}
	done := make(chan bool, 1)
	go func() {
		ok := false
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				panic(p)
			}
			_ = r.Body.Close()
			done <- ok
		}()
		t.s.ServeHTTP(w, r)
		ok = w.status != 0
	}()
	select {
	case ok := <-done:
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
		if !ok {
			return nil, errors.New("sqsfake: connection reset by peer")
		}
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return &http.Response{
		Status: http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, ContentLength: int64(w.body.Len()), Body: io.NopCloser(&w.body), Request: r,
	}, nil
}

type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
