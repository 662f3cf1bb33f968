package pagerduty

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	pd "github.com/PagerDuty/go-pagerduty"
)

// Route says which of the configured services is meant.
type Route int

// The routes.
const (
	Primary Route = iota
	Fallback
)

// String names a route for logs.
func (r Route) String() string {
	if r == Fallback {
		return "fallback"
	}
	return "primary"
}

// Client sends events. It is safe for concurrent use.
type Client struct {
	events *pd.Client
	keys   [2]string
	limits [2]*limiter
	now    func() time.Time
}

// New returns a client. It contacts nobody.
func New(cfg Config) (*Client, error) {
	endpoint, err := cfg.endpoint()
	if err != nil {
		return nil, fmt.Errorf("pagerduty: %w", err)
	}
	c := &Client{keys: [2]string{strings.TrimSpace(cfg.RoutingKey), strings.TrimSpace(cfg.FallbackKey)}, now: cfg.Now}
	if c.keys[Primary] == "" {
		return nil, errors.New("pagerduty: routing key is missing")
	}
	if c.now == nil {
		c.now = time.Now
	}
	perMinute := cfg.PerMinute
	if perMinute <= 0 {
		perMinute = DefaultPerMinute
	}
	c.limits = [2]*limiter{newLimiter(perMinute), newLimiter(perMinute)}
	if c.keys[Primary] == c.keys[Fallback] {
		c.limits[Fallback] = c.limits[Primary] // the limit belongs to the key
	}
	c.events = pd.NewClient("", pd.WithV2EventsAPIEndpoint(endpoint))
	c.events.HTTPClient = witness{cfg.client()}
	return c, nil
}

// Trigger sends a page once. nil means that PagerDuty accepted it; otherwise
// the error is an *Error. While a page's incident is open a repeat only adds to
// it.
func (c *Client) Trigger(ctx context.Context, r Route, p Page) error {
	e, err := p.event()
	if err != nil {
		return &Error{Op: "trigger", Class: Permanent, cause: err}
	}
	return c.send(ctx, r, "trigger", e)
}

// Resolve ends the incident of a key, with the reason in its log. Without an
// open incident PagerDuty accepts and ignores it.
func (c *Client) Resolve(ctx context.Context, r Route, dedupKey, why string) error {
	if dedupKey == "" {
		return &Error{Op: "resolve", Class: Permanent, cause: errNoKey}
	}
	e := &pd.V2Event{Action: "resolve", DedupKey: boundKey(dedupKey), Client: client,
		Payload: &pd.V2Payload{Summary: boundSummary(why), Source: client, Severity: "info"}}
	return c.send(ctx, r, "resolve", e)
}

// send makes one attempt.
func (c *Client) send(ctx context.Context, r Route, op string, e *pd.V2Event) error {
	if r != Primary && r != Fallback || c.keys[r] == "" {
		return &Error{Op: op, Class: Permanent, cause: fmt.Errorf("no routing key for the %s route", r)}
	}
	limit := c.limits[r]
	if wait := limit.take(c.now(), op == "trigger"); wait > 0 {
		return &Error{Op: op, Class: Retry, RetryAfter: wait, cause: errOwnLimit}
	}
	e.RoutingKey = c.keys[r]
	seen := &answer{}
	got, err := c.events.ManageEventWithContext(context.WithValue(ctx, answerKey{}, seen), e)
	failed := seen.judge(ctx, got, err, c.now())
	if failed == nil {
		return nil
	}
	failed.Op = op
	failed.hide(c.keys[:])
	if failed.Status == http.StatusTooManyRequests {
		limit.pause(c.now(), failed.RetryAfter)
	}
	return failed
}
