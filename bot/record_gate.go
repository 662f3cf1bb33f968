package bot

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/securitybot/securitybot/responders/thehive"
)

// hiveGate keeps an outage of TheHive from using up the lane that other records
// share: few attempts at once, one while TheHive does not answer, and a pause
// after each that failed.
type hiveGate struct {
	mu      sync.Mutex
	until   time.Time // nobody goes before
	fails   int       // in a row
	running int
}

const (
	hiveAtOnce   = 3 // of the eight effects its lane has under way
	maxHivePause = time.Minute
	hiveBusy     = 250 * time.Millisecond
	hiveDown     = 2 * time.Second
)

// enter says how long to wait first; with zero the caller is in and must leave.
func (g *hiveGate) enter(now time.Time) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Before(g.until) {
		wait := g.until.Sub(now)
		return wait + rand.N(wait/4+hiveBusy) // not all at the same moment
	}
	switch {
	case g.fails > 0 && g.running > 0:
		return hiveDown
	case g.running >= hiveAtOnce:
		return hiveBusy
	}
	g.running++
	return 0
}

// leave takes in how an attempt went. What says nothing about TheHive changes
// nothing.
func (g *hiveGate) leave(now time.Time, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	var he *thehive.Error
	switch {
	case err == nil || hiveRefused(err):
		g.fails, g.until = 0, time.Time{}
	case errors.As(err, &he):
		g.fails++
		pause := min(time.Second<<min(g.fails-1, 6), maxHivePause)
		g.until = now.Add(max(pause, he.RetryAfter))
	}
}

// hiveDo lets fn speak to TheHive when it is its turn. Whoever has to wait gets
// an error that says how long.
func (b *Bot) hiveDo(ctx context.Context, fn func(*thehive.Client) error) (err error) {
	if b.hive == nil {
		return errNoHive
	}
	if wait := b.hiveGate.enter(b.clock.Now()); wait > 0 {
		return &later{after: wait, why: "TheHive is not answering, or busy"}
	}
	err = errors.New("interrupted")
	defer func() { b.hiveGate.leave(b.clock.Now(), err) }()
	return fn(b.hive)
}

var errNoHive = errors.New("no records are kept: the configuration has no thehive")

// later makes an effect come again without having failed.
type later struct {
	after time.Duration
	why   string
}

// Error says why.
func (l *later) Error() string { return l.why }
