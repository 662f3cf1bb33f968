package bot

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/store"
)

// AuditLog is the audit log as it was found in a store.
type AuditLog struct {
	Head    audit.Head
	HeadErr error     // the head is there but cannot be read
	Since   time.Time // records from before it may have expired

	docs []store.Doc
}

// Records yields the records in the order of their numbers; an error stands for
// one that cannot be read.
func (a *AuditLog) Records() iter.Seq2[audit.Record, error] { return auditRecords(a.docs) }

// ReadAuditLog reads the audit log from the store of a configuration, whether
// or not the bot is running.
func ReadAuditLog(ctx context.Context, cfg *config.Config) (*AuditLog, error) {
	o := storeOptions(cfg)
	o.Strict = false // even a store that may lose data can be looked at
	s, err := store.Open(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("open the store: %w", err)
	}
	defer s.Close()
	now, err := s.Time(ctx)
	if err != nil {
		return nil, err
	}
	return readAuditLog(ctx, s, now)
}

// readAuditLog walks through the store. Records that are appended meanwhile may
// escape the walk, so those since its start are loaded by number; those after
// its end are no part of it.
func readAuditLog(ctx context.Context, s *store.Store, now time.Time) (*AuditLog, error) {
	before, err := loadHead(ctx, s)
	if err != nil {
		return nil, err
	}
	docs, err := s.Find(ctx, "a:", 0)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	after, err := loadHead(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &AuditLog{Head: after.head, HeadErr: after.err, Since: expiredBefore(now)}
	known := map[string]bool{auditHeadDoc: true}
	for _, d := range docs {
		if !known[d.ID] {
			known[d.ID] = true
			out.docs = append(out.docs, d)
		}
	}
	var missed []string
	for seq := before.head.Seq + 1; seq <= after.head.Seq && before.err == nil && len(missed) < recheck; seq++ {
		if !known[auditDoc(seq)] {
			missed = append(missed, auditDoc(seq))
		}
	}
	late, err := s.Load(ctx, missed...)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	for _, d := range late {
		if d.Version > 0 {
			out.docs = append(out.docs, d)
		}
	}
	slices.SortFunc(out.docs, func(a, b store.Doc) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// expiredBefore is the instant before which records may have expired. It leaves
// a day, because expiry and records do not go by the same clock.
func expiredBefore(now time.Time) time.Time { return now.Add(24*time.Hour - auditKeep) }

type foundHead struct {
	head audit.Head
	err  error
}

func loadHead(ctx context.Context, s *store.Store) (foundHead, error) {
	docs, err := s.Load(ctx, auditHeadDoc)
	if err != nil {
		return foundHead{}, fmt.Errorf("read the head of the audit log: %w", err)
	}
	h, err := audit.DecodeHead(docs[0].Body)
	return foundHead{h, err}, nil
}

// auditRecords decodes documents. A record has to stand where its number says.
func auditRecords(docs []store.Doc) iter.Seq2[audit.Record, error] {
	return func(yield func(audit.Record, error) bool) {
		for _, d := range docs {
			if !yield(auditRecord(d)) {
				return
			}
		}
	}
}

func auditRecord(d store.Doc) (audit.Record, error) {
	if d.Version == 0 {
		return audit.Record{}, fmt.Errorf("document %s is missing", d.ID)
	}
	r, err := audit.DecodeRecord(d.Body)
	switch {
	case err != nil:
		return audit.Record{}, fmt.Errorf("document %s: %w", d.ID, err)
	case auditDoc(r.Seq) != d.ID:
		return audit.Record{}, fmt.Errorf("document %s holds record %d", d.ID, r.Seq)
	}
	return r, nil
}

// auditSettings picks what the audit log needs from a configuration.
func auditSettings(cfg *config.Config) AuditSettings {
	s := AuditSettings{Dir: cfg.Audit.Checkpoints, Every: cfg.Audit.CheckpointEvery}
	if keys := AuditKeys(cfg); cfg.Audit.Key.Configured() && len(keys) > 0 {
		s.Key, s.OldKeys = keys[0], keys[1:]
	}
	return s
}

// AuditKeys are the keys that may have signed the log, the present one first.
// The secrets must have been fetched.
func AuditKeys(cfg *config.Config) [][]byte {
	var keys [][]byte
	for _, s := range append([]config.Secret{cfg.Audit.Key}, cfg.Audit.OldKeys...) {
		if s.Configured() {
			keys = append(keys, []byte(s.Reveal()))
		}
	}
	return keys
}
