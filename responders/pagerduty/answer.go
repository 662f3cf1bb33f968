package pagerduty

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"
)

// maxAnswer bounds how much of an answer is read.
const maxAnswer = 64 << 10

// answer is what really came back. The client library drops the headers, wraps
// errors so that their kind is lost and may repeat bodies in its texts, so its
// errors are never shown; this is kept beside it.
type answer struct {
	status     int
	retryAfter string
	body       []byte
	err        error
}

type answerKey struct{}

// witness is the library's HTTP client: it notes the answer of each call in
// the call's context.
type witness struct{ http *http.Client }

// Do sends the request and notes what came back.
func (w witness) Do(req *http.Request) (*http.Response, error) {
	a, _ := req.Context().Value(answerKey{}).(*answer)
	resp, err := w.http.Do(req)
	if err != nil {
		if a != nil {
			a.err = err
		}
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if a != nil {
		// A body that breaks off does not change what the status says.
		a.status, a.retryAfter, a.body, a.err = resp.StatusCode, resp.Header.Get("Retry-After"), body, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	return resp, nil
}

// judge turns an answer into nil (accepted) or an error.
//
// PagerDuty documents 202 for an accepted event, and the status is what counts:
// a body that is empty, odd or names another key does not undo it, and trying
// again could only add an incident. 200 is not documented; it is believed when
// the body says "success", otherwise something in between has answered and the
// page may not have arrived.
func (a *answer) judge(ctx context.Context, got *pd.V2EventResponse, libErr error, now time.Time) *Error {
	switch {
	case a.status == http.StatusAccepted:
		return nil
	case a.status == http.StatusOK && libErr == nil && got != nil && got.Status == "success":
		return nil
	case a.status == 0:
		return a.unreached(ctx, libErr)
	}
	e := &Error{Class: classOf(a.status), Status: a.status, cause: errors.New(a.says())}
	if e.Class == Retry {
		e.RetryAfter = ParseRetryAfter(a.retryAfter, now)
		if a.status == http.StatusTooManyRequests && e.RetryAfter == 0 {
			e.RetryAfter = defaultPause
		}
	}
	return e
}

// unreached is a call without any answer: the event may or may not have
// arrived, and the same key makes trying again safe.
func (a *answer) unreached(ctx context.Context, libErr error) *Error {
	e := &Error{Class: Retry}
	switch err := a.err; {
	case ctx.Err() != nil:
		e.cause = ctx.Err()
	case err == nil && libErr != nil:
		// The library failed before the wire: it cannot encode the event.
		e.Class, e.cause = Permanent, errors.New("the event cannot be encoded")
	case err == nil:
		e.cause = errNoAnswer
	case isTimeout(err):
		e.cause = errTimeout
	default:
		e.cause = errors.New(transportText(err))
	}
	return e
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// transportText is the reason of a transport error without the URL around it.
func transportText(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return "not reached: " + bound(err.Error(), 200)
}

// classOf says whether trying again can help. Only what PagerDuty refuses
// because of the event or the key is permanent.
func classOf(status int) Class {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return Retry
	}
	if status >= 400 && status < 500 {
		return Permanent
	}
	return Retry
}

// says is PagerDuty's own explanation, for the operator's log.
func (a *answer) says() string {
	var body struct {
		Message string   `json:"message"`
		Errors  []string `json:"errors"`
	}
	if json.Unmarshal(a.body, &body) != nil || body.Message == "" {
		return "no explanation"
	}
	if len(body.Errors) > 0 {
		body.Message += ": " + strings.Join(body.Errors[:min(len(body.Errors), 3)], "; ")
	}
	return bound(body.Message, 300)
}
