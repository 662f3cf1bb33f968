package store

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Load reads documents in one round trip, in the order of ids. A document that
// does not exist has Version 0.
func (s *Store) Load(ctx context.Context, ids ...string) ([]Doc, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	node, err := s.node(ctx)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	keys := make([]string, len(ids))
	for i, id := range ids {
		keys[i] = s.k.doc(id)
	}
	values, err := node.MGet(ctx, keys...).Result()
	if err != nil {
		s.noteMoved(ctx, err)
		return nil, fmt.Errorf("load: %w", wrap(err))
	}
	docs := make([]Doc, len(ids))
	for i, v := range values {
		docs[i] = Doc{ID: ids[i]}
		text, ok := v.(string)
		if !ok {
			continue
		}
		if docs[i], err = decodeDoc(ids[i], []byte(text)); err != nil {
			return nil, fmt.Errorf("load: %w", err)
		}
	}
	return docs, nil
}

// findPage is how many keys one step of a scan looks at.
const findPage = 500

// Find returns up to limit documents whose id starts with idPrefix, sorted by
// id; which ones is undefined when there are more. A limit of 0 means all. It
// walks through the whole key space without blocking the server: for people,
// not for the hot path.
func (s *Store) Find(ctx context.Context, idPrefix string, limit int) ([]Doc, error) {
	node, err := s.node(ctx)
	if err != nil {
		return nil, fmt.Errorf("find: %w", err)
	}
	match := escapeGlob(s.k.doc(idPrefix)) + "*"
	found := map[string]Doc{}
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, match, findPage).Result()
		if err != nil {
			s.noteMoved(ctx, err)
			return nil, fmt.Errorf("find: %w", wrap(err))
		}
		for i, k := range keys {
			keys[i] = s.k.docID(k)
		}
		docs, err := s.Load(ctx, keys...)
		if err != nil {
			return nil, fmt.Errorf("find: %w", err)
		}
		for _, d := range docs {
			if d.Version > 0 {
				found[d.ID] = d
			}
		}
		if cursor = next; cursor == 0 || limit > 0 && len(found) >= limit {
			break
		}
	}
	docs := make([]Doc, 0, len(found))
	for _, d := range found {
		docs = append(docs, d)
	}
	slices.SortFunc(docs, func(a, b Doc) int { return strings.Compare(a.ID, b.ID) })
	if limit > 0 && len(docs) > limit {
		docs = docs[:limit]
	}
	return docs, nil
}

// escapeGlob makes Redis take s literally in MATCH.
func escapeGlob(s string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(s)
}

// OpenDocs returns the ids of up to limit open documents, sorted; which ones
// is undefined when there are more. A limit of 0 means all.
func (s *Store) OpenDocs(ctx context.Context, limit int) ([]string, error) {
	seen := map[string]bool{}
	err := s.scanOpen(ctx, func(ids []string) (bool, error) {
		for _, id := range ids {
			seen[id] = true
		}
		return limit == 0 || len(seen) < limit, nil
	})
	if err != nil {
		return nil, fmt.Errorf("list open documents: %w", err)
	}
	ids := make([]string, 0, len(seen))
	for id := range seen {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	if limit > 0 && len(ids) > limit {
		ids = ids[:limit]
	}
	return ids, nil
}
