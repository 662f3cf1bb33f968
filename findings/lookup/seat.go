package lookup

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"
)

// Seat is a source with its place at the table.
type Seat struct {
	Source Source
	Limits Limits
	// Loud says that the indicator's own servers see the question. Such a source
	// is asked only on request.
	Loud bool
	// Local says that the source runs on this machine and may be asked about
	// documentation addresses.
	Local bool
}

// seat is a Seat with what it remembers.
type seat struct {
	Seat
	gate    *gate
	now     func() time.Time
	log     *slog.Logger
	timeout time.Duration

	mu     sync.Mutex
	kept   map[string]kept
	flying map[string]*flight
}

// kept is an answer that need not be asked for again.
type kept struct {
	result Result
	at     time.Time
	until  time.Time
}

// flight is a question under way. Whoever has the same question waits for it.
type flight struct {
	done   chan struct{}
	result Result
	at     time.Time
	err    error
}

// maxKept bounds the answers kept of one source.
const maxKept = 5000

func newSeat(s Seat, o Options) *seat {
	return &seat{Seat: s, now: o.Now, log: o.Log, timeout: o.SourceTimeout, gate: &gate{limits: s.Limits, now: o.Now},
		kept: map[string]kept{}, flying: map[string]*flight{}}
}

// remembered returns an answer that is still good.
func (s *seat) remembered(i Indicator) (kept, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	k, ok := s.kept[i.Key()]
	if ok && !s.now().Before(k.until) {
		delete(s.kept, i.Key())
		return kept{}, false
	}
	return k, ok
}

// look asks the source, or joins a question under way. The question itself is
// not ended when ctx is: others may wait for it, and the answer is kept.
func (s *seat) look(ctx context.Context, i Indicator) (Result, time.Time, error) {
	s.mu.Lock()
	f, under := s.flying[i.Key()]
	if !under {
		f = &flight{done: make(chan struct{})}
		s.flying[i.Key()] = f
		go s.fly(context.WithoutCancel(ctx), f, i)
	}
	s.mu.Unlock()
	select {
	case <-f.done:
		return f.result, f.at, f.err
	case <-ctx.Done():
		return Result{}, time.Time{}, ctx.Err()
	}
}

func (s *seat) fly(ctx context.Context, f *flight, i Indicator) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	f.result, f.err = s.once(ctx, i)
	f.at = s.now()
	s.mu.Lock()
	delete(s.flying, i.Key())
	if f.err == nil {
		s.keep(i, f)
	}
	s.mu.Unlock()
	close(f.done)
}

// once asks the source once, within its limits.
func (s *seat) once(ctx context.Context, i Indicator) (r Result, err error) {
	wait, err := s.gate.admit()
	if err != nil {
		return Result{}, err
	}
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("look-up panicked", "source", s.Source.Name(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			r, err = Result{}, &Error{Reason: Defect}
		}
		s.gate.done(err)
	}()
	if wait > 0 {
		t := time.NewTimer(wait)
		defer t.Stop()
		select {
		case <-t.C:
		case <-ctx.Done():
			return Result{}, &Error{Reason: HeldBack}
		}
	}
	r, err = s.Source.Look(ctx, i)
	if err != nil {
		s.log.Info("look-up failed", "source", s.Source.Name(), "kind", i.Kind, "error", err)
	}
	return r, err
}

// keep remembers an answer; called with the lock held.
func (s *seat) keep(i Indicator, f *flight) {
	ttl := s.Limits.TTL
	if f.result.Nothing != "" && s.Limits.Nothing > 0 {
		ttl = s.Limits.Nothing
	}
	if ttl <= 0 {
		return
	}
	if len(s.kept) >= maxKept {
		oldest, at := "", time.Time{}
		for k, v := range s.kept {
			if oldest == "" || v.at.Before(at) {
				oldest, at = k, v.at
			}
		}
		delete(s.kept, oldest)
	}
	s.kept[i.Key()] = kept{f.result, f.at, f.at.Add(ttl)}
}
