package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/redis/go-redis/v9"
)

// Epoch returns the name the store got when it was empty. created is true when
// it was empty at Open or is empty now: a caller that remembers another epoch,
// or that has run before, knows that the store has been wiped. The epoch
// returned is the one EpochChanged compares with from now on.
func (s *Store) Epoch(ctx context.Context) (id string, created bool, err error) {
	node, err := s.node(ctx)
	if err != nil {
		return "", false, fmt.Errorf("read epoch: %w", err)
	}
	pipe := node.Pipeline()
	made := pipe.SetNX(ctx, s.k.epoch(), rand.Text(), 0)
	got := pipe.Get(ctx, s.k.epoch())
	if _, err := pipe.Exec(ctx); err != nil {
		s.noteMoved(ctx, err)
		return "", false, fmt.Errorf("read epoch: %w", wrap(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch = got.Val()
	s.created = s.created || made.Val()
	return s.epoch, s.created, nil
}

// EpochChanged is true when the store has been wiped or replaced since Open,
// or since the last call of Epoch. It writes nothing.
func (s *Store) EpochChanged(ctx context.Context) (bool, error) {
	node, err := s.node(ctx)
	if err != nil {
		return false, fmt.Errorf("check epoch: %w", err)
	}
	got, err := node.Get(ctx, s.k.epoch()).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.noteMoved(ctx, err)
		return false, fmt.Errorf("check epoch: %w", wrap(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return got != s.epoch, nil
}

// serverSeq is the number of the latest commit that the server knows of.
func (s *Store) serverSeq(ctx context.Context) (int64, error) {
	node, err := s.node(ctx)
	if err != nil {
		return 0, err
	}
	n, err := node.Get(ctx, s.k.seq()).Int64()
	if errors.Is(err, redis.Nil) {
		return 0, nil
	}
	return n, wrap(err)
}

// sawCommit notes the number of a commit and how many went missing before it.
func (s *Store) sawCommit(seq, lost int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seq = max(s.seq, seq)
	s.lost += lost
}

func (s *Store) lastSeq() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seq
}

// LostCommits is how many commits this process had seen acknowledged, by
// whichever process, that the server turned out not to have: after a failover
// to a replica that lagged, or a restart without its last changes. It is found
// out at the next commit or Audit and only ever grows.
func (s *Store) LostCommits() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}
