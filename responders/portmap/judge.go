package portmap

import (
	"fmt"
	"slices"
	"time"

	"github.com/securitybot/securitybot/findings/enrich"
)

// DefaultFresh is how old a scan may be: three rounds of fifteen minutes.
const DefaultFresh = 45 * time.Minute

// maxAhead is how far ahead of our clock a scan may lie before its time is not
// believed.
const maxAhead = 5 * time.Minute

// defaultListeners are the ports of listeners that are meant for everybody.
var defaultListeners = []int{80, 443}

// Question asks about a probe.
type Question struct {
	Place
	Instance string
	Ports    []int // that were probed
}

// Rules are how strict Judge is.
type Rules struct {
	Fresh     time.Duration // zero is DefaultFresh
	Listeners []int         // ports of listeners that count; empty is 80 and 443
}

// Answer is what the map says about a question.
type Answer struct {
	Behind bool      // the instance is a target of an internet-facing balancer that keeps the client's address
	Covers bool      // and every probed port is explained by that
	Why    string    // plain words: what covers the ports, or what does not
	Seen   time.Time // when the scan began
}

// Judge answers a question from the last scan of a place and the entries of the
// instance. known is false when the place was never scanned. The error wraps
// enrich.ErrUnavailable when the map cannot be trusted.
func Judge(q Question, cov Coverage, known bool, entries []Entry, r Rules, now time.Time) (Answer, error) {
	if err := trust(q, cov, known, r, now); err != nil {
		return Answer{}, err
	}
	a := Answer{Seen: cov.Started}
	for _, e := range entries {
		if e.Instance == q.Instance && e.Internet && e.KeepsIP {
			a.Behind = true
		}
	}
	if len(q.Ports) == 0 {
		a.Why = "the finding names no port"
		return a, nil
	}
	for _, port := range q.Ports {
		ok, why := covered(q.Instance, port, entries, r)
		if !ok {
			a.Why = fmt.Sprintf("port %d is not covered: %s", port, why)
			return a, nil
		}
		a.Why = why
	}
	a.Covers = true
	return a, nil
}

// trust says why a map is not to be believed.
func trust(q Question, cov Coverage, known bool, r Rules, now time.Time) error {
	fresh := r.Fresh
	if fresh <= 0 {
		fresh = DefaultFresh
	}
	age := now.Sub(cov.Started)
	switch {
	case q.Instance == "" || q.Account == "" || q.Region == "":
		return unavailable("the finding names no instance")
	case !known || cov.Place != q.Place:
		return unavailable("%s has never been scanned", q.Place)
	case cov.Failure != "":
		return unavailable("the last scan of %s is not complete: %s", q.Place, cov.Failure)
	case age > fresh:
		return unavailable("the last scan of %s is %s old", q.Place, age.Round(time.Minute))
	case age < -maxAhead:
		return unavailable("the last scan of %s lies in the future", q.Place)
	}
	return nil
}

// covered says whether one port is explained by a balancer alone. The finding
// does not say which transport was probed, so TCP has to be covered; a listener
// for UDP alone explains nothing. Reaching the port past the balancer over
// either transport spoils it.
func covered(instance string, port int, entries []Entry, r Rules) (bool, string) {
	listeners := r.Listeners
	if len(listeners) == 0 {
		listeners = defaultListeners
	}
	best, why := false, "it is no target of a load balancer"
	for _, e := range entries {
		if e.Instance != instance || e.Port != port {
			continue
		}
		switch {
		case e.Direct:
			return false, "it is reachable past the balancer: " + e.DirectInfo
		case best:
		case e.Transport != TCP:
			why = "only UDP goes through the balancer"
		case !e.Internet:
			why = "the balancer is internal"
		case !e.KeepsIP:
			why = "the balancer hides the client's address, so the prober did not come through it"
		case !slices.Contains(listeners, e.ListenerPort):
			why = fmt.Sprintf("the listener's port %d is not one that counts", e.ListenerPort)
		default:
			best, why = true, fmt.Sprintf("port %d is reached through %s, port %d", port, e.Balancer, e.ListenerPort)
		}
	}
	return best, why
}

func unavailable(format string, args ...any) error {
	return fmt.Errorf("port map: %w: %s", enrich.ErrUnavailable, fmt.Sprintf(format, args...))
}
