package store

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// opTTL is how long a commit without mark and document is remembered.
	opTTL = 10 * time.Minute
	// maxID is the longest id of a document, mark, effect or operation, in bytes.
	maxID = 1024
)

// Results of commit.lua.
const (
	resultApplied  = 1
	resultRepeated = 2
	resultSeen     = 3
	resultFenced   = 4
	resultConflict = 5
)

// Commit applies each change atomically, all in one round trip, and returns
// one result per change: nil, ErrSeen, ErrFenced or ErrConflict (in this
// order when several apply), ErrUsage for what was not sent at all, or an
// *UnavailableError. The changes are independent of each other: one may be
// refused and the next applied.
//
// Within a change, effects are first finished and cancelled, then planned. An
// effect that was cancelled, finished or given back is nobody's: Done gives
// ErrFenced.
//
// After an *UnavailableError the same change may be sent again with the same
// Op. The operation is recognised by its trace: a mark remembers the one that
// set it for its own life, a document the last four, and a change that leaves
// neither (only effects, or deleted documents) is remembered for ten minutes.
// If more than four further changes of the document came in between, the
// repetition gives ErrConflict, and only loading tells what happened.
func (s *Store) Commit(ctx context.Context, changes ...Commit) []error {
	results := make([]error, len(changes))
	calls, sent := make([]call, 0, len(changes)), make([]int, 0, len(changes))
	for i, c := range changes {
		cl, err := s.commitCall(c)
		if err != nil {
			results[i] = fmt.Errorf("commit: %w", err)
			continue
		}
		calls, sent = append(calls, cl), append(sent, i)
	}
	if len(calls) == 0 {
		return results
	}
	for i, cmd := range s.run(ctx, s.scripts.commit, calls, true) {
		results[sent[i]] = s.commitResult(ctx, cmd)
	}
	return results
}

func (s *Store) commitResult(ctx context.Context, cmd *redis.Cmd) error {
	reply, err := cmd.Int64Slice()
	if err != nil {
		s.noteMoved(ctx, err)
		return fmt.Errorf("commit: %w", wrap(err))
	}
	if len(reply) != 3 {
		return fmt.Errorf("commit: %w", errCorrupt)
	}
	switch reply[0] {
	case resultApplied:
		s.sawCommit(reply[1], reply[2])
		return nil
	case resultRepeated:
		return nil
	case resultSeen:
		return ErrSeen
	case resultFenced:
		return ErrFenced
	case resultConflict:
		return ErrConflict
	}
	return fmt.Errorf("commit: %w", errCorrupt)
}

// commitCall lays the change out as commit.lua wants it.
func (s *Store) commitCall(c Commit) (call, error) {
	if err := checkCommit(c); err != nil {
		return call{}, err
	}
	op := opName(c.Op)
	keys := make([]string, 0, 5+len(Lanes)+len(c.Writes)+len(c.Marks))
	keys = append(keys, s.k.seq(), s.k.timers(), s.k.open(), s.k.effects(), s.k.op(op))
	keys = append(keys, s.k.lanes()...)
	args := []any{op, opTTL.Milliseconds(), s.lastSeq(),
		len(c.Writes), len(c.Marks), len(c.Done), len(c.Cancel), len(c.Plan), len(Lanes)}
	args = append(args, laneNames()...)
	for _, w := range c.Writes {
		keys = append(keys, s.k.doc(w.ID))
		args = append(args, writeArgs(w)...)
	}
	for _, m := range c.Marks {
		keys = append(keys, s.k.mark(m.ID))
		args = append(args, ttlMs(m.TTL))
	}
	for _, d := range c.Done {
		args = append(args, d.ID, d.Fence)
	}
	for _, id := range c.Cancel {
		args = append(args, id)
	}
	for _, e := range c.Plan {
		record, err := encodeEffect(e)
		if err != nil {
			return call{}, err
		}
		args = append(args, e.ID, laneNumber(e.Lane), dueMs(e.Due), record)
	}
	return call{keys: keys, args: args}, nil
}

func writeArgs(w Write) []any {
	del, open, ttl, timer := "0", "0", int64(0), any("")
	if w.Body == nil {
		return []any{w.ID, w.IfVersion, "1", "", 0, "", "0"}
	}
	if w.Open {
		open = "1"
	} else {
		ttl = ttlMs(w.TTL)
	}
	if !w.Timer.IsZero() {
		timer = dueMs(w.Timer)
	}
	return []any{w.ID, w.IfVersion, del, w.Body, ttl, timer, open}
}

func laneNames() []any {
	out := make([]any, len(Lanes))
	for i, l := range Lanes {
		out[i] = string(l)
	}
	return out
}

// laneNumber is the place of a lane in Lanes from 1, or 0.
func laneNumber(l Lane) int {
	for i, known := range Lanes {
		if l == known {
			return i + 1
		}
	}
	return 0
}
