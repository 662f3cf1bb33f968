package awsfake

import "slices"

// Fault makes calls misbehave. The functions below make the usual ones; one
// with only Do set runs a function and lets the call go on.
type Fault struct {
	Status  int    // HTTP status of Code
	Code    string // answers with this error; nothing takes effect
	Message string
	Hang    bool // never answers; nothing takes effect
	Drop    bool // closes the connection; nothing takes effect
	Lose    bool // takes effect, then closes the connection
	Skip    int  // leaves the first calls that fit alone
	Writes  bool // fits only calls that change something
	Account string
	Do      func() // runs before the call, without any lock held

	kind    kind
	service string
	op      string
	left    int // calls still to be spoiled; negative is until Calm
}

// kind is a fault whose error code depends on the protocol.
type kind int

const (
	asGiven kind = iota
	throttled
	broken
	denied
)

// Throttled is what an account over its request rate gets.
func Throttled() Fault { return Fault{kind: throttled} }

// Broken is the service's own failure (HTTP 500).
func Broken() Fault { return Fault{kind: broken} }

// Denied is what a policy outside the fake's knowledge refuses.
func Denied() Fault { return Fault{kind: denied} }

// Error answers with a code of the test's choice and HTTP status 400.
func Error(code, message string) Fault { return Fault{Status: 400, Code: code, Message: message} }

// Hang never answers until the caller goes away.
func Hang() Fault { return Fault{Hang: true} }

// Dropped closes the connection; nothing takes effect.
func Dropped() Fault { return Fault{Drop: true} }

// AnswerLost takes effect and closes the connection without an answer: the
// caller cannot know.
func AnswerLost() Fault { return Fault{Lose: true} }

// Meanwhile runs a function before the call, as something that happens at the
// same time.
func Meanwhile(f func()) Fault { return Fault{Do: f} }

// Next spoils the next n calls of an operation; negative is until Calm. An
// empty service or operation stands for any. The first fault that fits a call
// is used, in the order in which they were ordered.
func (c *Cloud) Next(service, op string, n int, f Fault) {
	f.service, f.op, f.left = service, op, n
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = append(c.faults, &f)
}

// Calm forgets all faults.
func (c *Cloud) Calm() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.faults = nil
}

// fault takes the fault for a call.
func (c *Cloud) fault(r *request) Fault {
	i := slices.IndexFunc(c.faults, func(f *Fault) bool {
		if f.left == 0 || f.service != "" && f.service != r.Service || f.op != "" && f.op != r.Op || f.Account != "" && f.Account != r.Account || f.Writes && !r.Write {
			return false
		}
		if f.Skip > 0 {
			f.Skip--
			return false
		}
		return true
	})
	if i < 0 {
		return Fault{}
	}
	f := c.faults[i]
	if f.left--; f.left == 0 {
		c.faults = slices.Delete(c.faults, i, i+1)
	}
	return *f
}
