package sqsfake

import (
	"container/heap"
	"context"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

// QueueOptions says how a queue behaves.
type QueueOptions struct {
	Visibility time.Duration // 30 s when zero
	Delay      time.Duration // before a sent message can be received
	// MaxReceive is how often a message is delivered before it goes to DLQ
	// instead; zero means for ever. DLQ names a queue, made when there is none.
	MaxReceive int
	DLQ        string
	// DuplicateEvery makes every n-th delivered message be delivered once
	// more at once, as standard queues may do.
	DuplicateEvery int
	// Shuffle, when not zero, seeds a random order of delivery.
	Shuffle uint64
}

// queue is guarded by the server's mutex.
type queue struct {
	name string
	opt  QueueOptions
	rng  *rand.Rand

	ready     []*message // receivable now, in order
	head      int        // ready[:head] is gone
	hidden    hidden     // in flight or delayed, soonest first
	live      map[uint64]*message
	deleted   []*message
	delivered int
	waiters   map[chan struct{}]struct{}
}

type message struct {
	seq        uint64
	id         string
	body       string
	md5        string
	attributes jsontext.Value
	sent       time.Time

	receives   int
	valid      int       // receipts from this delivery on are good
	first      time.Time // first receive
	received   time.Time // latest receive
	visibleAt  time.Time
	inFlight   bool
	index      int // in hidden, -1 when elsewhere
	deletedAt  time.Time
	duplicated bool
}

func newQueue(name string, o QueueOptions) *queue {
	if o.Visibility == 0 {
		o.Visibility = defaultVisibility
	}
	q := &queue{name: name, opt: o, live: map[uint64]*message{}, waiters: map[chan struct{}]struct{}{}}
	if o.Shuffle != 0 {
		q.rng = rand.New(rand.NewPCG(o.Shuffle, o.Shuffle))
	}
	return q
}

// add puts a new message into the queue.
func (s *Server) add(q *queue, body string, attributes jsontext.Value, delay time.Duration, sent time.Time) *message {
	s.issued++
	sum := md5.Sum([]byte(body))
	m := &message{
		seq: s.issued, id: fmt.Sprintf("00000000-0000-4000-8000-%012x", s.issued),
		body: body, md5: hex.EncodeToString(sum[:]), attributes: attributes, sent: sent, index: -1,
	}
	q.live[m.seq] = m
	if now := s.now(); delay > 0 {
		m.visibleAt = now.Add(delay)
		heap.Push(&q.hidden, m)
	} else {
		q.ready = append(q.ready, m)
	}
	q.wakeOne()
	return m
}

// receive waits for messages as a long poll does. A caller who has gone takes
// nothing with him.
func (s *Server) receive(ctx context.Context, q *queue, limit int, wait time.Duration, visibility time.Duration) ([]*message, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	until := s.now().Add(wait)
	for {
		if ctx.Err() != nil {
			return nil, errDropped
		}
		now := s.now()
		if got := s.take(q, limit, visibility, now); len(got) > 0 || !now.Before(until) {
			return got, nil
		}
		next := until
		if len(q.hidden) > 0 && q.hidden[0].visibleAt.Before(next) {
			next = q.hidden[0].visibleAt
		}
		if !s.wait(ctx, q, next.Sub(now)) {
			return nil, errDropped
		}
	}
}

// wait gives up the lock until something may have changed.
func (s *Server) wait(ctx context.Context, q *queue, d time.Duration) bool {
	woken := make(chan struct{}, 1)
	q.waiters[woken] = struct{}{}
	s.mu.Unlock()
	t := time.NewTimer(d)
	ok := true
	select {
	case <-woken:
	case <-t.C:
	case <-ctx.Done():
		ok = false
	case <-s.closed:
		ok = false
	}
	t.Stop()
	s.mu.Lock()
	delete(q.waiters, woken)
	select {
	case <-woken:
		if !ok {
			q.wakeOne() // it was meant for somebody who is still here
		}
	default:
	}
	return ok
}

// take hands out what is receivable now, and moves to the dead-letter queue
// what was handed out often enough.
func (s *Server) take(q *queue, limit int, visibility time.Duration, now time.Time) []*message {
	for len(q.hidden) > 0 && !q.hidden[0].visibleAt.After(now) {
		m := heap.Pop(&q.hidden).(*message)
		m.inFlight = false
		q.ready = append(q.ready, m)
	}
	var got, again []*message
	for len(got) < limit && q.head < len(q.ready) {
		m := q.pop()
		if m == nil || m.inFlight && !m.duplicated || !m.deletedAt.IsZero() && !m.duplicated {
			continue
		}
		if !m.duplicated && q.opt.MaxReceive > 0 && m.receives >= q.opt.MaxReceive && q.opt.DLQ != "" {
			s.bury(q, m)
			continue
		}
		q.deliver(m, visibility, now)
		got = append(got, m)
		q.delivered++
		if n := q.opt.DuplicateEvery; n > 0 && q.delivered%n == 0 {
			again = append(again, m)
		}
	}
	for _, m := range again {
		m.duplicated = true
		q.ready = append(q.ready, m)
	}
	if q.head < len(q.ready) {
		q.wakeOne()
	}
	return got
}

func (q *queue) deliver(m *message, visibility time.Duration, now time.Time) {
	m.receives++
	if m.first.IsZero() {
		m.first = now
	}
	if !m.duplicated {
		m.valid = m.receives
	}
	m.received, m.duplicated = now, false
	if m.deletedAt.IsZero() {
		q.hide(m, now.Add(visibility), now)
	}
}

// pop removes the next message to deliver.
func (q *queue) pop() *message {
	if q.rng != nil {
		i := q.head + q.rng.IntN(len(q.ready)-q.head)
		q.ready[q.head], q.ready[i] = q.ready[i], q.ready[q.head]
	}
	m := q.ready[q.head]
	q.ready[q.head] = nil
	q.head++
	if q.head > 1024 && q.head*2 > len(q.ready) {
		q.ready = append(q.ready[:0], q.ready[q.head:]...)
		q.head = 0
	}
	return m
}

// hide makes m invisible until the given time; a time that has come makes it
// receivable.
func (q *queue) hide(m *message, until, now time.Time) {
	m.visibleAt = until
	if !until.After(now) {
		if m.index >= 0 {
			heap.Remove(&q.hidden, m.index)
		}
		m.inFlight = false
		q.ready = append(q.ready, m)
		q.wakeOne()
		return
	}
	m.inFlight = true
	if m.index >= 0 {
		heap.Fix(&q.hidden, m.index)
		return
	}
	heap.Push(&q.hidden, m)
}

// bury moves m to the dead-letter queue, which keeps its id and its age.
func (s *Server) bury(q *queue, m *message) {
	delete(q.live, m.seq)
	to := s.queue(q.opt.DLQ)
	m.receives, m.first, m.visibleAt = 0, time.Time{}, time.Time{}
	to.live[m.seq] = m
	to.ready = append(to.ready, m)
	to.wakeOne()
}

func (q *queue) remove(m *message, now time.Time) {
	if !m.deletedAt.IsZero() {
		return
	}
	m.deletedAt = now
	if m.index >= 0 {
		heap.Remove(&q.hidden, m.index)
	}
	for i := q.head; !m.inFlight && i < len(q.ready); i++ {
		if q.ready[i] == m {
			q.ready = append(q.ready[:i], q.ready[i+1:]...)
			break
		}
	}
	m.inFlight = false
	delete(q.live, m.seq)
	q.deleted = append(q.deleted, m)
}

func (q *queue) wakeOne() {
	for w := range q.waiters {
		select {
		case w <- struct{}{}:
			return
		default:
		}
	}
}

func (q *queue) wakeAll() {
	for w := range q.waiters {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}
