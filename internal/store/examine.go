package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// Examination is what somebody who changes nothing can see of a store.
type Examination struct {
	Durability DurabilityReport
	Used       bool               // a bot has run on it before
	Lanes      map[Lane]LaneDepth // planned effects
	Now        time.Time          // the server's clock
}

// Examine connects and looks, and writes nothing: no scripts are loaded and an
// empty store is not given an epoch. Options.Strict is not heeded; the report
// says what it would object to.
func Examine(ctx context.Context, o Options) (Examination, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Examination{}, fmt.Errorf("examine store: %w", err)
	}
	s := &Store{o: o, k: newKeys(o.Prefix)}
	defer s.Close()
	x, err := s.examine(ctx)
	if err != nil {
		return Examination{}, fmt.Errorf("examine store: %w", err)
	}
	return x, nil
}

func (s *Store) examine(ctx context.Context) (x Examination, err error) {
	if err = s.connect(ctx); err != nil {
		return x, err
	}
	if x.Durability, _, err = s.durability(ctx); err != nil {
		return x, err
	}
	node, err := s.node(ctx)
	if err != nil {
		return x, err
	}
	if _, err = node.Get(ctx, s.k.epoch()).Result(); err != nil && !errors.Is(err, redis.Nil) {
		return x, wrap(err)
	}
	x.Used = err == nil
	if x.Now, err = s.Time(ctx); err != nil {
		return x, err
	}
	x.Lanes, err = s.Depth(ctx, x.Now)
	return x, err
}
