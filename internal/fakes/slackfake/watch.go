package slackfake

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Change says that something in the workspace changed. It is a hint to look
// again, not a log: use [Server.Calls] and [Server.Deliveries] for records.
type Change struct {
	Seq     int       `json:"seq"` // grows by one; a gap means that changes were dropped because the reader was slow
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"` // message, edit, delete, ephemeral, view, channel, canvas, file, user, call, socket, envelope, ack, time, closed
	Channel string    `json:"channel,omitempty"`
	TS      string    `json:"ts,omitempty"`
	User    string    `json:"user,omitempty"`
}

type subscriber struct{ ch chan Change }

const subscriberBuffer = 256

// Subscribe returns changes as they happen, and a function that ends the
// subscription and closes the channel. A subscriber more than 256 changes
// behind loses the next ones and sees the gap in Seq.
func (s *Server) Subscribe() (<-chan Change, func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ids++
	id, sub := s.ids, &subscriber{ch: make(chan Change, subscriberBuffer)}
	s.subs[id] = sub
	return sub.ch, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if _, ok := s.subs[id]; ok {
			delete(s.subs, id)
			close(sub.ch)
		}
	}
}

// changed wakes everybody who waits. Callers hold mu.
func (s *Server) changed(c Change) {
	s.seq++
	c.Seq, c.At = s.seq, s.now()
	close(s.notify)
	s.notify = make(chan struct{})
	for _, sub := range s.subs {
		select {
		case sub.ch <- c:
		default:
		}
	}
}

// ErrClosed is returned by waits that the end of the server cut short.
var ErrClosed = errors.New("slackfake: server closed")

// WaitFor returns when cond holds. It looks once now and once after every
// change; cond must only read, through the State it is given, and must not call
// methods of the Server. It returns the context's error when that ends first.
func (s *Server) WaitFor(ctx context.Context, cond func(State) bool) error {
	for {
		s.mu.Lock()
		ok, closing, next := cond(State{s}), s.closing, s.notify
		s.mu.Unlock()
		if ok {
			return nil
		}
		if closing {
			return ErrClosed
		}
		select {
		case <-next:
		case <-ctx.Done():
			return fmt.Errorf("slackfake: wait: %w", ctx.Err())
		}
	}
}

// Look calls f with the state while nothing changes.
func (s *Server) Look(f func(State)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(State{s})
}

// Expect waits for a message of the app that matches, in the given channel (any
// channel when it is ""), and claims it: every message is expected once, the
// oldest first. What was posted and never expected is found by [Server.Unclaimed].
func (s *Server) Expect(ctx context.Context, channel string, match func(Message) bool) (Message, error) {
	var found Message
	err := s.WaitFor(ctx, func(st State) bool {
		for _, m := range st.app(channel) {
			if !m.claimed && match(*m) {
				m.claimed = true
				found = *m
				return true
			}
		}
		return false
	})
	if err != nil {
		return found, fmt.Errorf("no expected message in %q; unclaimed there: %s: %w", channel, s.summary(channel), err)
	}
	return found, nil
}

// Await waits until the message matches, for instance after an edit.
func (s *Server) Await(ctx context.Context, ref Ref, match func(Message) bool) (Message, error) {
	var last Message
	err := s.WaitFor(ctx, func(st State) bool {
		m, ok := st.Message(ref)
		last = m
		return ok && match(m)
	})
	if err != nil {
		return last, fmt.Errorf("message %s in %s says %.200q: %w", ref.TS, ref.Channel, last.AllText(), err)
	}
	return last, nil
}

// Unclaimed returns the messages of the app, ephemerals included, that no
// Expect has claimed.
func (s *Server) Unclaimed() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Message
	for _, m := range (State{s}).app("") {
		if !m.claimed {
			out = append(out, *m)
		}
	}
	return out
}

func (s *Server) summary(channel string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := ""
	for _, m := range (State{s}).app(channel) {
		if !m.claimed {
			out += fmt.Sprintf("\n  %s %s: %.200q", m.Channel, m.TS, m.AllText())
		}
	}
	if out == "" {
		return "none"
	}
	return out
}
