package sqsfake

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"
)

// Call is one call that was made.
type Call struct {
	At       time.Time // arrival, on the server's clock
	Took     time.Duration
	Action   string
	Queue    string
	Entries  int // in the request; for a receive, how many were asked for
	Returned int // messages, or entries that succeeded
	Failed   int // entries that failed
	Wait     time.Duration
	Code     string   // error, "dropped" when there was no answer
	Messages []string // ids of the messages concerned
	// Visibility is what each of Messages was given, for a change of it.
	Visibility []time.Duration
}

// call is a Call under way.
type call struct {
	Call
	body  []byte
	fault Fault
}

// keptCalls bounds the call log of a server that runs for long.
const keptCalls = 100_000

func (s *Server) record(c *call, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c.Took = s.now().Sub(c.At)
	var e *apiError
	switch {
	case errors.As(err, &e):
		c.Code = e.code
	case err != nil:
		c.Code = "dropped"
	}
	s.counts[c.Action]++
	if len(s.calls) >= keptCalls {
		s.calls = append(s.calls[:0], s.calls[keptCalls/2:]...)
	}
	s.calls = append(s.calls, c.Call)
}

// Calls returns the calls of an operation, or all of them, in the order in
// which they ended. Only the latest 100,000 are kept.
func (s *Server) Calls(action string) []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Call
	for _, c := range s.calls {
		if action == "" || c.Action == action {
			out = append(out, c)
		}
	}
	return out
}

// Counts returns how many calls of each operation have ended.
func (s *Server) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.counts)
}

// Message is a message as the service sees it.
type Message struct {
	ID        string
	Body      string
	SentAt    time.Time
	Receives  int
	InFlight  bool
	VisibleAt time.Time // end of invisibility; zero when it was never hidden
	DeletedAt time.Time
}

func (m *message) public() Message {
	return Message{ID: m.id, Body: m.body, SentAt: m.sent, Receives: m.receives, InFlight: m.inFlight, VisibleAt: m.visibleAt, DeletedAt: m.deletedAt}
}

// CreateQueue makes a queue, or changes the options of one that exists, and
// returns its URL.
func (s *Server) CreateQueue(name string, o QueueOptions) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := newQueue(name, o)
	if q := s.queues[name]; q != nil {
		q.opt, q.rng = fresh.opt, fresh.rng
	} else {
		s.queues[name] = fresh
	}
	if o.DLQ != "" {
		s.queue(o.DLQ)
	}
	return s.url(name)
}

// QueueURL returns the URL of a queue, which is made when there is none.
func (s *Server) QueueURL(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.url(s.queue(name).name)
}

// queue returns the queue of a name, which is made when there is none.
func (s *Server) queue(name string) *queue {
	q := s.queues[name]
	if q == nil {
		q = newQueue(name, QueueOptions{})
		s.queues[name] = q
	}
	return q
}

func (s *Server) url(name string) string { return s.URL + "/" + defaultAccount + "/" + name }

func arn(name string) string {
	return "arn:aws:sqs:" + defaultRegion + ":" + defaultAccount + ":" + name
}

// queueName is the last part of a queue's URL: the service, too, takes the
// host of the URL for granted.
func queueName(url string) string { return afterLast(url, "/") }

func afterLast(s, sep string) string { return s[strings.LastIndex(s, sep)+1:] }

// Sending changes a message that Send puts into a queue.
type Sending func(*sending)

type sending struct {
	delay time.Duration
	age   time.Duration
}

// Delayed hides the message at first.
func Delayed(d time.Duration) Sending { return func(s *sending) { s.delay = d } }

// Aged makes the message as old as d.
func Aged(d time.Duration) Sending { return func(s *sending) { s.age = d } }

// Send puts a message into a queue, without a call and without limits, and
// returns its id.
func (s *Server) Send(queue, body string, how ...Sending) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(queue)
	o := sending{delay: q.opt.Delay}
	for _, f := range how {
		f(&o)
	}
	return s.add(q, body, nil, o.delay, s.now().Add(-o.age)).id
}

// Redeliver delivers a message once more, though it is in flight or deleted,
// as a standard queue may. It reports whether there is such a message.
func (s *Server) Redeliver(queue, id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.queue(queue)
	again := func(m *message) bool {
		if m.id != id {
			return false
		}
		if m.inFlight || !m.deletedAt.IsZero() {
			m.duplicated = true
			q.ready = append(q.ready, m)
			q.wakeOne()
		}
		return true
	}
	for _, m := range q.live {
		if again(m) {
			return true
		}
	}
	return slices.ContainsFunc(q.deleted, again)
}

func (q *queue) depth(now time.Time) (visible, inFlight, delayed int) {
	for _, m := range q.live {
		switch {
		case m.index < 0 || !m.visibleAt.After(now):
			visible++
		case m.inFlight:
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}

// Depth returns how many messages can be received now.
func (s *Server) Depth(queue string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, _, _ := s.queue(queue).depth(s.now())
	return n
}

// InFlight returns how many messages were received and are neither deleted
// nor visible again.
func (s *Server) InFlight(queue string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, n, _ := s.queue(queue).depth(s.now())
	return n
}

// Messages returns what is in a queue, oldest first, whatever its state.
func (s *Server) Messages(queue string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	q := s.queue(queue)
	for _, seq := range slices.Sorted(maps.Keys(q.live)) {
		out = append(out, q.live[seq].public())
	}
	return out
}

// DLQ returns what is in the dead-letter queue of a queue.
func (s *Server) DLQ(queue string) []Message {
	s.mu.Lock()
	name := s.queue(queue).opt.DLQ
	s.mu.Unlock()
	if name == "" {
		return nil
	}
	return s.Messages(name)
}

// Deleted returns the messages that were deleted, in that order.
func (s *Server) Deleted(queue string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range s.queue(queue).deleted {
		out = append(out, m.public())
	}
	return out
}

// Waiting returns how many long polls are open.
func (s *Server) Waiting(queue string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.queue(queue).waiters)
}
