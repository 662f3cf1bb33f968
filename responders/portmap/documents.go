package portmap

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

// Store keeps documents; *store.Store does.
type Store interface {
	Load(ctx context.Context, ids ...string) ([]store.Doc, error)
	Commit(ctx context.Context, changes ...store.Commit) []error
}

// Documents is a Shelf in the bot's own store: a document for each instance and
// run, and one for each place that says which run is the current one.
type Documents struct {
	store Store
	keep  time.Duration
}

// NewDocuments returns a shelf in a store. keep is how long the entries of a run
// stay, twice DefaultFresh when zero.
func NewDocuments(s Store, keep time.Duration) *Documents {
	if keep <= 0 {
		keep = 2 * DefaultFresh
	}
	return &Documents{store: s, keep: keep}
}

// commitSize is how many documents are written in one step.
const commitSize = 50

// tries is how often a document that somebody else changes is tried again.
const tries = 5

func coverageDoc(p Place) string             { return "n:" + p.String() }
func entriesDoc(run, instance string) string { return "n:" + run + "/" + instance }
func claimDoc(name string) string            { return "n:claim/" + name }

// Publish implements Shelf.
func (d *Documents) Publish(ctx context.Context, s Scan) error {
	byInstance := map[string][]Entry{}
	for _, e := range s.Entries {
		byInstance[e.Instance] = append(byInstance[e.Instance], e)
	}
	for chunk := range slices.Chunk(slices.Sorted(maps.Keys(byInstance)), commitSize) {
		c := store.Commit{Op: rand.Text()}
		for _, id := range chunk {
			body, err := json.Marshal(byInstance[id])
			if err != nil {
				return fmt.Errorf("encode entries: %w", err)
			}
			c.Writes = append(c.Writes, store.Write{ID: entriesDoc(s.Run, id), Body: body, TTL: d.keep})
		}
		if err := d.store.Commit(ctx, c)[0]; err != nil {
			return fmt.Errorf("write entries: %w", err)
		}
	}
	return d.update(ctx, coverageDoc(s.Place), 0, func(body []byte) (any, error) {
		var last Coverage
		if len(body) > 0 {
			if err := json.Unmarshal(body, &last); err != nil {
				return nil, fmt.Errorf("decode coverage: %w", err)
			}
		}
		if last.Started.After(s.Started) {
			return nil, ErrOlder
		}
		c := s.Coverage
		if c.Failure != "" {
			c.Run, c.Entries = last.Run, last.Entries
		}
		return c, nil
	})
}

// update changes one document, again when somebody else was faster.
func (d *Documents) update(ctx context.Context, id string, ttl time.Duration, change func([]byte) (any, error)) error {
	for range tries {
		docs, err := d.store.Load(ctx, id)
		if err != nil {
			return fmt.Errorf("read %s: %w", id, err)
		}
		v, err := change(docs[0].Body)
		if err != nil {
			return err
		}
		body, err := json.Marshal(v)
		if err != nil {
			return fmt.Errorf("encode %s: %w", id, err)
		}
		err = d.store.Commit(ctx, store.Commit{Op: rand.Text(), Writes: []store.Write{{ID: id, IfVersion: docs[0].Version, Body: body, TTL: ttl}}})[0]
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("write %s: %w", id, store.ErrConflict)
}

// Look implements Shelf.
func (d *Documents) Look(ctx context.Context, p Place, instance string) (c Coverage, known bool, entries []Entry, err error) {
	docs, err := d.store.Load(ctx, coverageDoc(p))
	if err != nil {
		return c, false, nil, fmt.Errorf("read coverage: %w", err)
	}
	if len(docs[0].Body) == 0 {
		return c, false, nil, nil
	}
	if err := json.Unmarshal(docs[0].Body, &c); err != nil {
		return c, false, nil, fmt.Errorf("decode coverage: %w", err)
	}
	if c.Failure != "" {
		return c, true, nil, nil
	}
	if docs, err = d.store.Load(ctx, entriesDoc(c.Run, instance)); err != nil {
		return c, true, nil, fmt.Errorf("read entries: %w", err)
	}
	if len(docs[0].Body) == 0 {
		return c, true, nil, nil
	}
	if err := json.Unmarshal(docs[0].Body, &entries); err != nil {
		return c, true, nil, fmt.Errorf("decode entries: %w", err)
	}
	return c, true, entries, nil
}

// errHeld says that somebody else has the claim.
var errHeld = errors.New("claimed by another")

// Claim implements Shelf.
func (d *Documents) Claim(ctx context.Context, name string, now time.Time, hold time.Duration) (bool, error) {
	err := d.update(ctx, claimDoc(name), 24*time.Hour, func(body []byte) (any, error) {
		var until time.Time
		if len(body) > 0 {
			if err := json.Unmarshal(body, &until); err != nil {
				return nil, fmt.Errorf("decode claim: %w", err)
			}
		}
		if until.After(now) {
			return nil, errHeld
		}
		return now.Add(hold), nil
	})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, errHeld), errors.Is(err, store.ErrConflict):
		return false, nil
	}
	return false, fmt.Errorf("claim the scan: %w", err)
}
