package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// auditPage is how many ids one script of the audit looks at, so that none
// holds the server up for longer than a few milliseconds.
const auditPage = 500

// Anomaly is one kind of thing that should not be.
type Anomaly struct {
	Count int
	IDs   []string // the first twenty
}

func (a *Anomaly) add(id string) {
	a.Count++
	if len(a.IDs) < 20 {
		a.IDs = append(a.IDs, id)
	}
}

// Report is what an Audit found and repaired.
type Report struct {
	Open, Timers, Effects int // looked at

	OpenWithoutTimer  Anomaly // documents; armed at now
	OpenWithoutDoc    Anomaly // documents that were open and are gone: state was lost; forgotten
	TimerWithoutDoc   Anomaly // documents; the timer was removed
	TimerOverdue      Anomaly // documents nobody has looked at in time; left alone
	EntryWithoutTask  Anomaly // effects in a lane without a record; removed
	EffectWithoutLane Anomaly // effects in no lane; due at now
	EffectUnreadable  Anomaly // effects this process could not read when it claimed them; left alone

	// EpochChanged: the store was wiped since Open or the last call of Epoch.
	EpochChanged bool
	// LostCommits is by how much Store.LostCommits has grown since this
	// process's last audit.
	LostCommits int64
	Took        time.Duration
}

// OK is true when there was nothing to report.
func (r Report) OK() bool {
	return r.OpenWithoutTimer.Count+r.OpenWithoutDoc.Count+r.TimerWithoutDoc.Count+r.TimerOverdue.Count+
		r.EntryWithoutTask.Count+r.EffectWithoutLane.Count+r.EffectUnreadable.Count == 0 && !r.EpochChanged && r.LostCommits == 0
}

// Audit checks that each open document exists and has a timer, that timers
// and planned effects have what they belong to, and that no timer ran out
// longer than overdue ago. It repairs what can be repaired, in small atomic
// steps, so it may run beside everything else and on several replicas.
func (s *Store) Audit(ctx context.Context, now time.Time, overdue time.Duration) (Report, error) {
	began := time.Now()
	var r Report
	steps := []func(context.Context, *Report, time.Time) error{
		s.auditContinuity, s.auditOpen, s.auditTimers, s.auditLanes, s.auditEffects,
		func(ctx context.Context, r *Report, now time.Time) error {
			return s.auditOverdue(ctx, r, now.Add(-overdue))
		},
	}
	for _, step := range steps {
		if err := step(ctx, &r, now); err != nil {
			return r, fmt.Errorf("audit: %w", err)
		}
	}
	r.LostCommits, r.EffectUnreadable = s.takeNotes()
	r.Took = time.Since(began)
	return r, nil
}

// auditContinuity looks whether the server still knows what it acknowledged.
func (s *Store) auditContinuity(ctx context.Context, r *Report, _ time.Time) error {
	changed, err := s.EpochChanged(ctx)
	if err != nil {
		return err
	}
	r.EpochChanged = changed
	seen := s.lastSeq() // before asking: the server may only be ahead of it
	has, err := s.serverSeq(ctx)
	if err != nil {
		return err
	}
	if has < seen {
		s.rewound(seen, has)
	}
	return nil
}

// rewound notes that the server is behind, once: the next commit starts from
// what the server has.
func (s *Store) rewound(seen, has int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seq == seen {
		s.lost += seen - has
		s.seq = has
	}
}

// takeNotes returns what the process has come across since its last audit.
func (s *Store) takeNotes() (lost int64, unreadable Anomaly) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost, unreadable = s.lost-s.reported, s.unreadable
	s.reported, s.unreadable = s.lost, Anomaly{}
	return lost, unreadable
}

func (s *Store) sawUnreadable(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreadable.add(id)
}

func (s *Store) auditOpen(ctx context.Context, r *Report, now time.Time) error {
	return s.scanOpen(ctx, func(ids []string) (bool, error) {
		r.Open += len(ids)
		c := call{keys: []string{s.k.timers(), s.k.open()}, args: []any{nowMs(now)}}
		return true, s.auditIDs(ctx, s.scripts.auditOpen, c, ids, true, func(id string, found int64) {
			switch found {
			case 1:
				r.OpenWithoutTimer.add(id)
			case 2:
				r.OpenWithoutDoc.add(id)
			}
		})
	})
}

func (s *Store) auditTimers(ctx context.Context, r *Report, _ time.Time) error {
	return s.scanSorted(ctx, s.k.timers(), func(ids []string) error {
		r.Timers += len(ids)
		c := call{keys: []string{s.k.timers()}}
		return s.auditIDs(ctx, s.scripts.auditTimers, c, ids, true, func(id string, _ int64) { r.TimerWithoutDoc.add(id) })
	})
}

func (s *Store) auditLanes(ctx context.Context, r *Report, _ time.Time) error {
	for _, l := range Lanes {
		err := s.scanSorted(ctx, s.k.lane(l), func(ids []string) error {
			c := call{keys: []string{s.k.lane(l), s.k.effects()}}
			return s.auditIDs(ctx, s.scripts.auditLane, c, ids, false, func(id string, _ int64) { r.EntryWithoutTask.add(id) })
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) auditEffects(ctx context.Context, r *Report, now time.Time) error {
	keys := append([]string{s.k.effects()}, s.k.lanes()...)
	for cursor := "0"; ; {
		args := append([]any{nowMs(now), cursor, auditPage}, laneNames()...)
		out, err := s.runOne(ctx, s.scripts.auditEffects, call{keys: keys, args: args})
		if err != nil {
			return err
		}
		if len(out) < 2 {
			return errCorrupt
		}
		n, _ := strconv.Atoi(out[1])
		r.Effects += n
		for _, id := range out[2:] {
			r.EffectWithoutLane.add(id)
		}
		if cursor = out[0]; cursor == "0" {
			return nil
		}
	}
}

func (s *Store) auditOverdue(ctx context.Context, r *Report, before time.Time) error {
	node, err := s.node(ctx)
	if err != nil {
		return err
	}
	late := strconv.FormatInt(nowMs(before), 10)
	pipe := node.Pipeline()
	count := pipe.ZCount(ctx, s.k.timers(), "-inf", "("+late)
	first := pipe.ZRangeByScore(ctx, s.k.timers(), byScore("-inf", "("+late, 20))
	if _, err := pipe.Exec(ctx); err != nil {
		s.noteMoved(ctx, err)
		return wrap(err)
	}
	r.TimerOverdue = Anomaly{Count: int(count.Val()), IDs: first.Val()}
	return nil
}
