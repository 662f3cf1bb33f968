// Package wire is what doubles of providers share: answers that are planned to
// go wrong, answers that do not arrive, and waiting for something to happen.
package wire

import (
	"context"
	"fmt"
	"net/http"
	"sync"
)

// Script plans answers. The zero value plans none.
type Script struct {
	mu      sync.Mutex
	failing map[string][]int
}

// Fail answers the next calls of a kind or path with these statuses; 0 drops the
// connection after the work is done.
func (s *Script) Fail(what string, status ...int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failing == nil {
		s.failing = map[string][]int{}
	}
	s.failing[what] = append(s.failing[what], status...)
}

// Next takes the status planned for a call, -1 when none is.
func (s *Script) Next(what string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	planned := s.failing[what]
	if len(planned) == 0 {
		return -1
	}
	s.failing[what] = planned[1:]
	return planned[0]
}

// Lose does the work of a call whose answer does not arrive.
func Lose(r *http.Request, work http.HandlerFunc) {
	work(&lost{}, r)
	panic(http.ErrAbortHandler)
}

type lost struct{ h http.Header }

func (l *lost) Header() http.Header {
	if l.h == nil {
		l.h = http.Header{}
	}
	return l.h
}
func (l *lost) Write(b []byte) (int, error) { return len(b), nil }
func (l *lost) WriteHeader(int)             {}

// News tells whoever waits that something happened. The zero value is ready.
type News struct {
	mu sync.Mutex
	c  chan struct{}
}

// Next returns a channel that is closed when something happens.
func (n *News) Next() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.c == nil {
		n.c = make(chan struct{})
	}
	return n.c
}

// Happened wakes all who wait.
func (n *News) Happened() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.c != nil {
		close(n.c)
		n.c = nil
	}
}

// WaitFor waits until count says at least want.
func (n *News) WaitFor(ctx context.Context, want int, count func() int) error {
	for {
		next := n.Next() // before counting: what happens meanwhile is not missed
		got := count()
		if got >= want {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d, want %d: %w", got, want, ctx.Err())
		case <-next:
		}
	}
}
