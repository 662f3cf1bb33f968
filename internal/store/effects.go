package store

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// DueTimers returns up to limit documents whose timer has run out at now,
// earliest first, and moves these timers to now+hold, so that no other replica
// looks meanwhile. The Commit that follows sets the timer anew; when the caller
// dies first, the document is due again after hold.
func (s *Store) DueTimers(ctx context.Context, now time.Time, limit int, hold time.Duration) ([]Due, error) {
	flat, err := s.runOne(ctx, s.scripts.hold, call{
		keys: []string{s.k.timers()},
		args: []any{nowMs(now), limit, dueMs(now.Add(hold))},
	})
	if err != nil {
		return nil, fmt.Errorf("take due timers: %w", err)
	}
	due := make([]Due, 0, len(flat)/2)
	for i := 0; i+1 < len(flat); i += 2 {
		at, err := strconv.ParseFloat(flat[i+1], 64)
		if err != nil {
			return nil, fmt.Errorf("take due timers: %w", errCorrupt)
		}
		due = append(due, Due{ID: flat[i], At: fromMs(int64(at))})
	}
	return due, nil
}

// Claim leases up to limit effects of a lane that are due at now, earliest
// first. They are the caller's until now+lease and then due again, for
// anybody; Attempt counts the claims and Fence grows with each. The Due of an
// effect claimed before is the end of the last lease, or what Retry said. An
// effect that cannot be read is passed over; the next Audit reports it.
func (s *Store) Claim(ctx context.Context, lane Lane, now time.Time, limit int, lease time.Duration) ([]Effect, error) {
	if laneNumber(lane) == 0 || lease <= 0 {
		return nil, fmt.Errorf("claim: %w: an unknown lane or no lease", ErrUsage)
	}
	flat, err := s.runOne(ctx, s.scripts.claim, call{
		keys: []string{s.k.lane(lane), s.k.effects(), s.k.fence()},
		args: []any{nowMs(now), limit, dueMs(now.Add(lease))},
	})
	if err != nil {
		return nil, fmt.Errorf("claim: %w", err)
	}
	effects := make([]Effect, 0, len(flat)/5)
	for i := 0; i+4 < len(flat); i += 5 {
		e, err := claimed(flat[i : i+5])
		if err != nil { // it must not stand in the way of the others
			s.sawUnreadable(flat[i])
			continue
		}
		effects = append(effects, e)
	}
	return effects, nil
}

// claimed reads one effect out of the reply of claim.lua.
func claimed(f []string) (Effect, error) {
	e, err := decodeEffect(f[4])
	if err != nil {
		return Effect{}, err
	}
	due, err1 := strconv.ParseFloat(f[1], 64)
	attempt, err2 := strconv.Atoi(f[2])
	fence, err3 := strconv.ParseInt(f[3], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil {
		return Effect{}, errCorrupt
	}
	e.ID, e.Due, e.Attempt, e.Fence = f[0], fromMs(int64(due)), attempt, fence
	return e, nil
}

// Extend moves the end of the leases. The result has one entry per effect:
// nil, or ErrFenced when it has been claimed by somebody else, finished,
// cancelled or given back. A lease that ended unnoticed is taken up again:
// nil means that the effect is the caller's until then.
func (s *Store) Extend(ctx context.Context, effects []Done, until time.Time) ([]error, error) {
	out, err := s.settle(ctx, "extend", effects, until)
	if err != nil {
		return nil, fmt.Errorf("extend leases: %w", err)
	}
	return out, nil
}

// Retry gives a claimed effect back, to be due later. It may be repeated. The
// error is ErrFenced as for Extend.
func (s *Store) Retry(ctx context.Context, d Done, due time.Time) error {
	out, err := s.settle(ctx, "retry", []Done{d}, due)
	if err != nil {
		return fmt.Errorf("give effect back: %w", err)
	}
	return out[0]
}

func (s *Store) settle(ctx context.Context, how string, effects []Done, at time.Time) ([]error, error) {
	if len(effects) == 0 {
		return nil, nil
	}
	args := append([]any{how, dueMs(at)}, laneNames()...)
	for _, d := range effects {
		if d.Fence <= 0 {
			return nil, fmt.Errorf("%w: an effect that was not claimed", ErrUsage)
		}
		args = append(args, d.ID, d.Fence)
	}
	c := call{keys: append([]string{s.k.effects()}, s.k.lanes()...), args: args}
	cmd := s.run(ctx, s.scripts.settle, []call{c}, false)[0]
	moved, err := cmd.Int64Slice()
	if err != nil {
		s.noteMoved(ctx, err)
		return nil, wrap(err)
	}
	if len(moved) != len(effects) {
		return nil, errCorrupt
	}
	out := make([]error, len(effects))
	for i, m := range moved {
		if m == 0 {
			out[i] = ErrFenced
		}
	}
	return out, nil
}

// LaneDepth is how much a lane has to do.
type LaneDepth struct {
	// Waiting counts the effects that are due and that nobody holds.
	Waiting int
	// Oldest is since when the first of them has been due; zero if none.
	Oldest time.Time
	// Planned counts all effects, including those held or due later.
	Planned int
}

// Depth reports on all lanes in one round trip.
func (s *Store) Depth(ctx context.Context, now time.Time) (map[Lane]LaneDepth, error) {
	node, err := s.node(ctx)
	if err != nil {
		return nil, fmt.Errorf("read depth: %w", err)
	}
	pipe := node.Pipeline()
	waiting, planned := make([]*redis.IntCmd, len(Lanes)), make([]*redis.IntCmd, len(Lanes))
	first := make([]*redis.ZSliceCmd, len(Lanes))
	for i, l := range Lanes {
		waiting[i] = pipe.ZCount(ctx, s.k.lane(l), "-inf", strconv.FormatInt(nowMs(now), 10))
		planned[i] = pipe.ZCard(ctx, s.k.lane(l))
		first[i] = pipe.ZRangeWithScores(ctx, s.k.lane(l), 0, 0)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		s.noteMoved(ctx, err)
		return nil, fmt.Errorf("read depth: %w", wrap(err))
	}
	out := make(map[Lane]LaneDepth, len(Lanes))
	for i, l := range Lanes {
		d := LaneDepth{Waiting: int(waiting[i].Val()), Planned: int(planned[i].Val())}
		if z := first[i].Val(); d.Waiting > 0 && len(z) > 0 {
			d.Oldest = fromMs(int64(z[0].Score))
		}
		out[l] = d
	}
	return out, nil
}

// runOne runs a script once and returns its reply as strings.
func (s *Store) runOne(ctx context.Context, sc script, c call) ([]string, error) {
	out, err := s.run(ctx, sc, []call{c}, false)[0].StringSlice()
	if err != nil {
		s.noteMoved(ctx, err)
		return nil, wrap(err)
	}
	return out, nil
}
