package sqsfake

import (
	"net/http"
	"slices"
	"time"
)

// Fault makes calls misbehave. The zero value does nothing to any call.
type Fault struct {
	Action string // one operation, such as ReceiveMessage; all when empty
	Queue  string // one queue; all when empty
	Skip   int    // leaves the first calls alone
	Times  int    // how many calls it spoils; zero means until removed

	// Code answers with an error, with Status as HTTP status (400 when zero).
	Code    string
	Message string
	Status  int
	// Entries picks the entries of a batch that fail with Code, while the
	// others are done.
	Entries     func(i int) bool
	SenderFault bool

	Delay      time.Duration // more latency
	Drop       bool          // ends the connection; nothing is done
	LoseAnswer bool          // does it, then ends the connection
}

// Unavailable is the service's own failure.
func Unavailable(action string) Fault {
	return Fault{Action: action, Code: "ServiceUnavailable", Message: "The service is unavailable.", Status: http.StatusServiceUnavailable}
}

// Throttled is what an account over its request rate gets.
func Throttled(action string) Fault {
	return Fault{Action: action, Code: "RequestThrottled", Message: "Request is throttled.", Status: http.StatusBadRequest}
}

// Expired is what temporary credentials past their time get.
func Expired(action string) Fault {
	return Fault{Action: action, Code: "ExpiredTokenException", Message: "The security token included in the request is expired", Status: http.StatusForbidden}
}

// Inject adds a fault and returns what removes it. Faults that concern the
// same call add up.
func (s *Server) Inject(f Fault) (remove func()) {
	p := &f
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, p)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.faults = slices.DeleteFunc(s.faults, func(x *Fault) bool { return x == p })
	}
}

// fault returns what is to happen to a call, and uses it up.
func (s *Server) fault(c *call) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sum Fault
	s.faults = slices.DeleteFunc(s.faults, func(f *Fault) bool {
		if f.Action != "" && f.Action != c.Action || f.Queue != "" && f.Queue != c.Queue {
			return false
		}
		if f.Skip > 0 {
			f.Skip--
			return false
		}
		if sum.Code == "" && f.Code != "" {
			sum.Code, sum.Message, sum.Status = f.Code, f.Message, f.Status
			sum.Entries, sum.SenderFault = f.Entries, f.SenderFault
		}
		sum.Delay += f.Delay
		sum.Drop = sum.Drop || f.Drop
		sum.LoseAnswer = sum.LoseAnswer || f.LoseAnswer
		f.Times--
		return f.Times == 0
	})
	return sum
}
