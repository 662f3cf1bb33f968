package lookup

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Limits of an answer.
const (
	maxBody   = 1 << 20  // bytes of an answer about one indicator
	maxHeader = 64 << 10 // bytes of its header
)

// door is the only way out of this package. It leads to a fixed list of hosts,
// never to a host that an answer or an indicator names; it follows no redirect,
// uses no proxy of the environment, and reads a bounded answer.
type door struct {
	client *http.Client
	agent  string
	now    func() time.Time

	mu    sync.RWMutex
	hosts map[string]bool // "https://host:port"
}

func newDoor(endpoints []endpoint, resolver *net.Resolver, agent string, now func() time.Time) *door {
	d := &door{agent: agent, now: now, hosts: map[string]bool{}}
	literals := map[string]bool{}
	for _, e := range endpoints {
		d.admit(e.URL)
		if e.literal.IsValid() {
			literals[hostPort(e.URL)] = true
		}
	}
	d.client = &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:                  nil,
			DialContext:            dialer(literals, resolver),
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout:    4 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        time.Minute,
			ForceAttemptHTTP2:      true,
		},
	}
	return d
}

// admit adds a host to the list.
func (d *door) admit(u *url.URL) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hosts[u.Scheme+"://"+strings.ToLower(hostPort(u))] = true
}

func (d *door) admits(u *url.URL) bool {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return d.hosts[u.Scheme+"://"+strings.ToLower(hostPort(u))]
}

// answer is what came back, read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// get asks for an address below base.
func (d *door) get(ctx context.Context, base endpoint, path string, query url.Values, header map[string]string) (answer, error) {
	u := base.JoinPath(path)
	u.RawQuery = query.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return answer{}, fail(Defect, "make request: %w", err)
	}
	for k, v := range header {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	return d.do(req, maxBody)
}

// do makes one request and judges the answer: 200, 304 and 404 are answers, the
// rest are errors.
func (d *door) do(req *http.Request, most int64) (answer, error) {
	if !d.admits(req.URL) {
		return answer{}, fail(Forbidden, "host %q is not on the list", req.URL.Host)
	}
	req.Header.Set("User-Agent", d.agent)
	resp, err := d.client.Do(req)
	if err != nil {
		return answer{}, connectError(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	switch code := resp.StatusCode; {
	case code == http.StatusOK || code == http.StatusNotFound:
	case code == http.StatusNotModified:
		return a, nil
	case code >= 300 && code < 400:
		return a, fail(Redirected, "HTTP %d", code)
	case code == http.StatusTooManyRequests:
		return a, &Error{Reason: Throttled, RetryAfter: retryAfter(resp.Header.Get("Retry-After"), d.now()), cause: errors.New("HTTP 429")}
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return a, fail(Refused, "HTTP %d", code)
	default:
		return a, fail(Broken, "HTTP %d", code)
	}
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, most+1))
	switch {
	case err != nil:
		return a, connectError(err)
	case int64(len(a.body)) > most:
		return a, fail(TooLarge, "more than %d bytes", most)
	}
	return a, nil
}

// connectError names what went wrong on the way. The text of net/http repeats
// the address, which may hold the indicator, so only the cause is kept.
func connectError(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	switch {
	case errors.Is(err, errForbidden):
		return &Error{Reason: Forbidden, cause: err}
	case errors.Is(err, context.Canceled):
		return &Error{Reason: Stopped, cause: err}
	case errors.Is(err, context.DeadlineExceeded), isTimeout(err):
		return &Error{Reason: TimedOut, cause: err}
	}
	return &Error{Reason: Unreachable, cause: err}
}

func isTimeout(err error) bool {
	var n net.Error
	return errors.As(err, &n) && n.Timeout()
}

// decode reads a JSON answer into v.
func (a answer) decode(v any) error {
	kind, _, _ := mime.ParseMediaType(a.header.Get("Content-Type"))
	if kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return fail(Unreadable, "content type %.60q", kind)
	}
	if err := json.Unmarshal(a.body, v); err != nil {
		return fail(Unreadable, "decode: %w", jsonProblem(err))
	}
	return nil
}

// jsonProblem keeps the text of the answer out of the error.
func jsonProblem(err error) error {
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON at byte %d", syntax.Offset)
	}
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Errorf("%s has another type than expected", kind.Field)
	}
	return errors.New("not JSON")
}
