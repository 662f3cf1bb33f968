package chat

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptrace"
	"path"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// maxAnswer bounds what is read of an answer.
const maxAnswer = 8 << 20

// transport is the http client handed to the Slack library. It judges every
// answer before the library sees it, because the library does not: it takes
// {"ok":false} without a code for success, loses the error code when the
// "errors" field has an unknown shape, and knows 429 only with a Retry-After
// in whole seconds. What is refused comes out as *Error; what is accepted is
// passed on reduced to the fields in use.
type transport struct {
	http    *http.Client
	log     *slog.Logger
	metrics *metrics
	lost    atomic.Pointer[Error] // set while Slack refuses the bot token
}

// answer is what every answer of the Web API may hold.
type answer struct {
	OK       *bool           `json:"ok"`
	Error    string          `json:"error"`
	Needed   string          `json:"needed"`
	Errors   json.RawMessage `json:"errors"`
	Metadata struct {
		Messages []string `json:"messages"`
	} `json:"response_metadata"`
}

// Do implements the client interface of the Slack library.
func (t *transport) Do(req *http.Request) (*http.Response, error) {
	method := path.Base(req.URL.Path)
	start := time.Now()
	var sent atomic.Bool
	trace := &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }}
	resp, err := t.http.Do(req.WithContext(httptrace.WithClientTrace(req.Context(), trace)))
	var body []byte
	if err == nil {
		body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		resp.Body.Close()
	}
	var failed *Error
	if err != nil {
		failed = lostError(method, err, sent.Load())
	} else {
		body, failed = t.judge(method, resp, body)
	}
	t.account(req.Context(), method, failed, time.Since(start))
	if failed != nil {
		return nil, failed
	}
	resp.Body = io.NopCloser(strings.NewReader(string(body)))
	resp.ContentLength = int64(len(body))
	resp.StatusCode = http.StatusOK
	return resp, nil
}

// judge turns an answer into the body to pass on or an error.
func (t *transport) judge(method string, resp *http.Response, body []byte) ([]byte, *Error) {
	if resp.StatusCode == http.StatusTooManyRequests {
		return nil, &Error{Kind: RateLimited, Code: "ratelimited", Method: method, RetryAfter: retryAfter(resp.Header, time.Now())}
	}
	var a answer
	if err := json.Unmarshal(body, &a); err != nil || a.OK == nil {
		// The status tells whether Slack itself has seen the request. A 5xx
		// comes from Slack's front and says nothing about what happened behind.
		kind := Ambiguous
		if resp.StatusCode >= 400 && resp.StatusCode < 500 {
			kind = Permanent
		}
		c := "bad_answer"
		if resp.StatusCode != http.StatusOK {
			c = "http_" + strconv.Itoa(resp.StatusCode)
		}
		return nil, &Error{Kind: kind, Code: c, Method: method}
	}
	if *a.OK {
		return reduce(method, body), nil
	}
	e := &Error{Kind: kindOfCode(a.Error), Code: safeCode(a.Error), Method: method, list: a.Errors}
	if e.Kind == RateLimited {
		e.RetryAfter = retryAfter(resp.Header, time.Now())
	}
	if len(a.Metadata.Messages) > 0 || a.Needed != "" {
		t.log.Warn("slack refused a call", "method", method, "code", e.Code,
			"needed", safeCode(a.Needed), "detail", details(a.Metadata.Messages))
	}
	return nil, e
}

// account counts the call and remembers whether Slack refuses the bot token.
func (t *transport) account(ctx context.Context, method string, e *Error, took time.Duration) {
	t.metrics.request(method, e, took)
	switch {
	case method == "apps.connections.open": // the other token
	case e == nil:
		t.lost.Store(nil)
	case lostTokenCode(e.Code):
		if t.lost.Swap(e) == nil {
			t.log.ErrorContext(ctx, "slack refuses the bot token", "method", method, "code", e.Code)
		}
	}
}

// lostError describes a request whose answer never came.
func lostError(method string, err error, sent bool) *Error {
	e := &Error{Kind: Transient, Method: method, Code: "unreachable", cause: rootCause(err)}
	if sent {
		e.Kind, e.Code = Ambiguous, "connection_lost"
	}
	var timeout net.Error
	switch {
	case errors.Is(err, context.Canceled):
		e.Code = "canceled"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		e.Code = "timeout"
	}
	return e
}

// rootCause keeps what errors.Is needs and drops the address.
func rootCause(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded, io.ErrUnexpectedEOF, io.EOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// reduce keeps the fields of an accepted answer that are in use, for the
// methods whose answers repeat whole messages: a layout the library cannot
// decode must not turn a successful post into a failure. A body it does not
// understand is passed on.
func reduce(method string, body []byte) []byte {
	switch method {
	case "chat.postMessage", "chat.update", "chat.postEphemeral":
		return reduceTo[struct {
			OK        bool   `json:"ok"`
			Channel   string `json:"channel"`
			TS        string `json:"ts"`
			MessageTS string `json:"message_ts,omitempty"`
		}](body)
	case "views.open":
		return reduceTo[struct {
			OK bool `json:"ok"`
		}](body)
	case "conversations.history", "conversations.replies":
		return reduceHistory(body)
	}
	return body
}

// history is what Find reads of a conversation.
type history struct {
	OK       bool `json:"ok"`
	HasMore  bool `json:"has_more"`
	Metadata struct {
		Cursor string `json:"next_cursor"`
	} `json:"response_metadata"`
	Messages []struct {
		Type     string          `json:"type"`
		TS       string          `json:"ts"`
		User     string          `json:"user,omitempty"`
		BotID    string          `json:"bot_id,omitempty"`
		Metadata json.RawMessage `json:"metadata,omitempty"`
	} `json:"messages"`
}

// reduceHistory drops the metadata of other apps, whose shape is theirs.
func reduceHistory(body []byte) []byte {
	var h history
	if json.Unmarshal(body, &h) != nil {
		return body
	}
	for i := range h.Messages {
		var ours struct {
			Type    string            `json:"event_type"`
			Payload map[string]string `json:"event_payload"`
		}
		if json.Unmarshal(h.Messages[i].Metadata, &ours) != nil || ours.Type != metadataType {
			h.Messages[i].Metadata = nil
		}
	}
	out, err := json.Marshal(h)
	if err != nil {
		return body
	}
	return out
}

func reduceTo[T any](body []byte) []byte {
	var kept T
	if json.Unmarshal(body, &kept) != nil {
		return body
	}
	out, err := json.Marshal(kept)
	if err != nil {
		return body
	}
	return out
}

// retryAfter reads how long to wait after a 429, between 1 s and 10 min,
// whatever the header says: seconds, a fraction, a date, nothing or nonsense.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := strings.TrimSpace(h.Get("Retry-After"))
	if secs, err := strconv.ParseFloat(v, 64); err == nil {
		switch {
		case secs > 600:
			return clampRetry(maxRetryAfter)
		case secs > 0:
			return clampRetry(time.Duration(secs * float64(time.Second)))
		}
		return clampRetry(0)
	}
	if at, err := http.ParseTime(v); err == nil {
		return clampRetry(at.Sub(now))
	}
	return clampRetry(0)
}

const maxRetryAfter = 10 * time.Minute

func clampRetry(d time.Duration) time.Duration {
	return max(time.Second, min(d, maxRetryAfter))
}

// safeCode returns a code of Slack for logs and metrics: it is outside text,
// so anything but a short word is replaced.
func safeCode(c string) string {
	if c == "" {
		return "no_code"
	}
	ok := len(c) <= 64
	for _, r := range c {
		ok = ok && (r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' || r == ':' || r == ',' || r == '.')
	}
	if !ok {
		return "odd_code"
	}
	return c
}

// details quotes at most five of Slack's remarks on a refused layout.
func details(messages []string) []string {
	out := make([]string, 0, 5)
	for _, m := range messages[:min(len(messages), 5)] {
		out = append(out, strconv.QuoteToASCII(m[:min(len(m), 200)]))
	}
	return out
}
