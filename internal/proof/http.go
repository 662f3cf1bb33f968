package proof

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// CallTimeout bounds one call to a provider, connecting included.
const CallTimeout = 10 * time.Second

// maxBody is the most that is read of an answer.
const maxBody = 1 << 20

// Client returns an HTTP client for calls that carry secrets: bounded in time,
// and a redirect is an answer, not an instruction. given may be nil.
func Client(given *http.Client) *http.Client {
	h := http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   5 * time.Second,
		ResponseHeaderTimeout: CallTimeout + 5*time.Second,
		IdleConnTimeout:       60 * time.Second,
		MaxIdleConnsPerHost:   8,
		ForceAttemptHTTP2:     true,
	}}
	if given != nil {
		h = *given
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// Answer is what a provider answered.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Do makes one call. A failure without an answer is Retry when the request
// certainly did not leave this machine, Unclear otherwise.
func Do(ctx context.Context, c *http.Client, op string, req *http.Request) (Answer, error) {
	var written atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { written.Store(true) }}
	req = req.WithContext(httptrace.WithClientTrace(ctx, trace))
	resp, err := c.Do(req)
	if err != nil {
		return Answer{}, noAnswer(op, err, written.Load())
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	if err != nil {
		return Answer{}, noAnswer(op, err, true)
	}
	return Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}, nil
}

func noAnswer(op string, err error, written bool) error {
	f := &Failure{Op: op, Class: Retry, Cause: err}
	if written {
		f.Class = Unclear
	}
	var ue *url.Error
	if errors.As(err, &ue) {
		f.Cause = ue.Err // the address is left out: it may name a person
	}
	return f
}

// Refused turns an answer that is not a success into a failure: 429 is worth
// another attempt, a server error is unclear, anything else is permanent.
func Refused(op string, a Answer, cause error, now time.Time) *Failure {
	f := &Failure{Op: op, Class: Permanent, Status: a.Status, Cause: cause}
	switch {
	case a.Status == http.StatusTooManyRequests:
		f.Class, f.RetryAfter = Retry, pause(a.Header, now)
	case a.Status >= 500:
		f.Class = Unclear
	}
	return f
}

// pause reads how long to stay away: Retry-After in seconds, or Okta's
// X-Rate-Limit-Reset, an instant in Unix seconds. Between one second and one
// minute: a person waits.
func pause(h http.Header, now time.Time) time.Duration {
	wait := 10 * time.Second
	if n, err := strconv.Atoi(strings.TrimSpace(h.Get("Retry-After"))); err == nil {
		wait = time.Duration(min(max(n, 0), 3600)) * time.Second
	} else if n, err := strconv.ParseInt(strings.TrimSpace(h.Get("X-Rate-Limit-Reset")), 10, 64); err == nil {
		wait = time.Unix(n, 0).Sub(now)
	}
	return min(max(wait, time.Second), time.Minute)
}
