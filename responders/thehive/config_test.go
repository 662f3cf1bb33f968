package thehive

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
)

// Whatever client is handed in, an attempt ends and a redirect is not followed.
func TestAttemptsAreBounded(t *testing.T) {
	t.Parallel()
	fake := thehivefake.New()
	t.Cleanup(fake.Close)
	given := &http.Client{}
	for name, h := range map[string]*http.Client{"none": nil, "without timeout": given} {
		c, err := New(Config{URL: fake.URL, APIKey: "k", HTTP: h})
		if err != nil {
			t.Fatal(err)
		}
		if c.patience != callTimeout || c.uploadPatience != uploadTimeout || !errors.Is(c.http.CheckRedirect(nil, nil), http.ErrUseLastResponse) {
			t.Errorf("%s: %v, %v", name, c.patience, c.uploadPatience)
		}
		c.patience, c.uploadPatience = 20*time.Millisecond, 20*time.Millisecond
		fake.Down(thehivefake.Hang())
		_, _, err = c.Check(context.Background())
		var e *Error
		if !errors.As(err, &e) || e.Class != Retry || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: check: %v", name, err)
		}
		err = c.upload(context.Background(), "attach", "/case/~1/attachments", "a", "", []byte("x"))
		if !errors.As(err, &e) || e.Class != Retry || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: upload: %v", name, err)
		}
		fake.Up()
	}
	if given.Timeout != 0 || given.CheckRedirect != nil {
		t.Error("the client that was handed in was changed")
	}
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for s, want := range map[string]time.Duration{"": 0, "soon": 0, "NaN": 0, "0": time.Second, "-1": time.Second, "1.5": 1500 * time.Millisecond, "120": 2 * time.Minute,
		"301": 5 * time.Minute, "Inf": 5 * time.Minute, "Wed, 04 Mar 2026 05:07:07 GMT": time.Minute, "Wed, 04 Mar 2099 05:07:07 GMT": 5 * time.Minute} {
		if got := parseRetryAfter(s, now); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

func TestFileNames(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]string{"timeline.md": "timeline.md", "": "file", "..": "file", "../../etc/passwd": "_.._etc_passwd", "a\nb\"c": "a b_c", "C:\\x": "C__x", "\u202egpj.exe": "gpj.exe"} {
		if got := fileName(give); got != want {
			t.Errorf("%q: %q, want %q", give, got, want)
		}
	}
	if got := suffixed("a.tar.gz", "ab12"); got != "a.tar-ab12.gz" {
		t.Errorf("suffixed: %q", got)
	}
}

// A file is read once, closed, and not beyond what is uploaded at most.
func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	src := &counting{r: bytes.NewReader(make([]byte, 1<<20))}
	_, err := File{Open: func(context.Context) (io.ReadCloser, error) { return src, nil }}.read(context.Background(), 1000)
	if !errors.Is(err, errTooLarge) || src.n > 2000 || !src.closed {
		t.Errorf("%v, %d bytes read, closed %v", err, src.n, src.closed)
	}
}

type counting struct {
	r      io.Reader
	n      int
	closed bool
}

func (c *counting) Read(p []byte) (int, error) { n, err := c.r.Read(p); c.n += n; return n, err }
func (c *counting) Close() error               { c.closed = true; return nil }
