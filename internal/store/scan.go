package store

import (
	"context"

	"github.com/redis/go-redis/v9"
)

// scanOpen walks over the open set in pages; more says whether to go on. An id
// may come twice.
func (s *Store) scanOpen(ctx context.Context, page func(ids []string) (more bool, err error)) error {
	node, err := s.node(ctx)
	if err != nil {
		return err
	}
	for cursor := uint64(0); ; {
		ids, next, err := node.SScan(ctx, s.k.open(), cursor, "", auditPage).Result()
		if err != nil {
			s.noteMoved(ctx, err)
			return wrap(err)
		}
		more, err := page(ids)
		if err != nil {
			return err
		}
		if cursor = next; cursor == 0 || !more {
			return nil
		}
	}
}

// scanSorted walks over a ZSET in pages. An id may come twice.
func (s *Store) scanSorted(ctx context.Context, key string, page func(ids []string) error) error {
	node, err := s.node(ctx)
	if err != nil {
		return err
	}
	for cursor := uint64(0); ; {
		pairs, next, err := node.ZScan(ctx, key, cursor, "", auditPage).Result()
		if err != nil {
			s.noteMoved(ctx, err)
			return wrap(err)
		}
		ids := make([]string, 0, len(pairs)/2)
		for i := 0; i < len(pairs); i += 2 {
			ids = append(ids, pairs[i])
		}
		if err := page(ids); err != nil {
			return err
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// auditIDs runs one of the audit scripts on a page of ids, each with the key
// of its document if docs, and reports those that were not fine. A page may be
// larger than asked for (small collections come whole), so it is cut.
func (s *Store) auditIDs(ctx context.Context, sc script, c call, ids []string, docs bool, report func(id string, found int64)) error {
	for len(ids) > 0 {
		n := min(len(ids), auditPage)
		part := call{keys: append([]string{}, c.keys...), args: append([]any{}, c.args...)}
		for _, id := range ids[:n] {
			part.args = append(part.args, id)
			if docs {
				part.keys = append(part.keys, s.k.doc(id))
			}
		}
		found, err := s.run(ctx, sc, []call{part}, false)[0].Int64Slice()
		if err != nil {
			s.noteMoved(ctx, err)
			return wrap(err)
		}
		if len(found) != n {
			return errCorrupt
		}
		for i, f := range found {
			if f != 0 {
				report(ids[i], f)
			}
		}
		ids = ids[n:]
	}
	return nil
}

func byScore(min, max string, count int64) *redis.ZRangeBy {
	return &redis.ZRangeBy{Min: min, Max: max, Count: count}
}
