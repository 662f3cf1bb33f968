package awsfake

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"sync"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/wire"
)

// Cloud is the fake. Its methods may be called at any time from anywhere.
type Cloud struct {
	// URL is the endpoint: give it to a client as base endpoint or in
	// AWS_ENDPOINT_URL.
	URL string

	now      func() time.Time
	signing  func() time.Time // of those who presign; now when nil
	http     *http.Server
	closed   chan struct{}
	closing  sync.Once
	services map[string]service

	mu      sync.Mutex // guards what follows, and the state of all services
	places  map[place]any
	keys    map[string]*session
	roles   map[string]*Role // by ARN
	calls   []Call
	faults  []*Fault
	issued  int // number of the last id
	changed chan struct{}
}

// place is where the state of one service in one account and region is kept.
type place struct {
	account, region string
	of              reflect.Type
}

// Option changes a Cloud before it starts.
type Option func(*Cloud)

// WithNow sets the clock of all services.
func WithNow(now func() time.Time) Option { return func(c *Cloud) { c.now = now } }

// WithSigningClock sets the clock that presigned addresses are held against. The
// SDK signs by the time of the machine, which is another one when WithNow's
// clock is moved by hand.
func WithSigningClock(now func() time.Time) Option { return func(c *Cloud) { c.signing = now } }

// New starts a cloud on a free loopback port. It panics when there is none.
func New(opts ...Option) *Cloud {
	c := &Cloud{now: time.Now, closed: make(chan struct{}), services: table(), places: map[place]any{},
		keys: map[string]*session{}, roles: map[string]*Role{}, changed: make(chan struct{})}
	for _, o := range opts {
		o(c)
	}
	l, err := wire.Listen()
	if err != nil {
		panic("awsfake: " + err.Error())
	}
	c.URL = "http://" + l.Addr().String()
	c.http = &http.Server{Handler: c, ReadHeaderTimeout: 10 * time.Second}
	go c.http.Serve(l) //nolint:errcheck // ends with Close
	return c
}

// Close ends the listener and every call that hangs.
func (c *Cloud) Close() {
	c.closing.Do(func() {
		close(c.closed)
		_ = c.http.Close()
	})
}

// Now returns the time on the cloud's clock.
func (c *Cloud) Now() time.Time { return c.now().UTC() }

// signed returns the time on the clock of those who presign.
func (c *Cloud) signed() time.Time {
	if c.signing != nil {
		return c.signing().UTC()
	}
	return c.Now()
}

// stateOf returns the state of a service in an account and region. A service's
// state is a type of its own whose zero value is an empty region. The caller
// holds the lock.
func stateOf[T any](c *Cloud, account, region string) *T {
	at := place{account, region, reflect.TypeFor[T]()}
	if s, ok := c.places[at]; ok {
		return s.(*T)
	}
	s := new(T)
	c.places[at] = s
	return s
}

// with runs f under the lock and tells those who wait.
func (c *Cloud) with(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f()
	c.broadcast()
}

// id makes a new id, such as id("eni-") → eni-00000000000000007.
func (c *Cloud) id(prefix string) string {
	c.issued++
	return fmt.Sprintf("%s%017x", prefix, c.issued)
}

func (c *Cloud) requestID() string {
	c.issued++
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", c.issued)
}

func (c *Cloud) broadcast() {
	close(c.changed)
	c.changed = make(chan struct{})
}

// WaitFor waits until the calls made so far are as wanted, without polling. It
// looks again after every call and every change by a test.
func (c *Cloud) WaitFor(ctx context.Context, wanted func([]Call) bool) error {
	for {
		c.mu.Lock()
		changed := c.changed
		c.mu.Unlock()
		now := c.Calls()
		if wanted(now) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("awsfake: %w while waiting; %d calls so far", ctx.Err(), len(now))
		}
	}
}
