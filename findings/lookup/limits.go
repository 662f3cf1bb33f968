package lookup

import (
	"sync"
	"time"
)

// Limits keep a source on good terms with us.
type Limits struct {
	TTL     time.Duration // how long an answer is kept; zero keeps none
	Nothing time.Duration // the same for the answer that nothing is known; zero is TTL
	Every   time.Duration // time between two questions, on average; zero is no limit
	Burst   int           // questions at once; zero is one
	PerDay  int           // questions a day (UTC) and process; zero is no limit
}

// gate admits questions to one source: within its rate and its quota, and not
// while it fails.
type gate struct {
	limits Limits
	now    func() time.Time

	mu       sync.Mutex
	level    float64 // questions left in the bucket
	filled   time.Time
	day      string
	spent    int
	failures int       // in a row
	until    time.Time // asked for by the source, or after failures
	why      Reason
	probing  bool // one question is let through to see whether it works again
}

// The breaker opens after so many failures in a row, for a time that doubles
// until the longest.
const (
	tolerated    = 3
	firstOpen    = 30 * time.Second
	longestOpen  = 15 * time.Minute
	keyOpen      = 10 * time.Minute // a refused key or address does not heal by itself
	longestQueue = time.Second      // a question waits so long for the rate
)

// admit returns how long to wait before asking, or why not to ask. Whoever was
// admitted calls done.
func (g *gate) admit() (wait time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if now.Before(g.until) {
		return 0, &Error{Reason: g.why, RetryAfter: g.until.Sub(now)}
	}
	if g.failures >= tolerated && g.probing {
		return 0, &Error{Reason: Paused}
	}
	if day := now.UTC().Format(time.DateOnly); day != g.day {
		g.day, g.spent = day, 0
	}
	if g.limits.PerDay > 0 && g.spent >= g.limits.PerDay {
		return 0, &Error{Reason: SpentToday}
	}
	if wait, err = g.draw(now); err != nil {
		return 0, err
	}
	g.spent++
	g.probing = g.failures >= tolerated
	return wait, nil
}

// draw takes one question from the bucket, on credit when it refills soon.
func (g *gate) draw(now time.Time) (time.Duration, error) {
	if g.limits.Every <= 0 {
		return 0, nil
	}
	burst := float64(max(g.limits.Burst, 1))
	if g.filled.IsZero() {
		g.level = burst
	} else {
		g.level = min(burst, g.level+now.Sub(g.filled).Seconds()/g.limits.Every.Seconds())
	}
	g.filled = now
	var wait time.Duration
	if g.level < 1 {
		wait = time.Duration((1 - g.level) * float64(g.limits.Every))
	}
	if wait > longestQueue {
		return 0, &Error{Reason: HeldBack, RetryAfter: wait}
	}
	g.level--
	return wait, nil
}

// done notes how a question ended.
func (g *gate) done(err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.probing = false
	if err == nil {
		g.failures = 0
		return
	}
	e := reasonOf(err)
	now := g.now()
	switch e.Reason {
	case Stopped, HeldBack: // the source is not to blame
		return
	case Throttled:
		g.pause(now.Add(e.RetryAfter), Throttled)
		return
	case Refused:
		g.pause(now.Add(keyOpen), Refused)
		return
	}
	g.failures++
	if g.failures >= tolerated {
		open := firstOpen << min(g.failures-tolerated, 10)
		g.pause(now.Add(min(open, longestOpen)), Paused)
	}
}

func (g *gate) pause(until time.Time, why Reason) {
	if until.After(g.until) {
		g.until, g.why = until, why
	}
}
