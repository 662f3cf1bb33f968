package bot

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// The audit log: what people and rules were allowed to do, and what they were
// refused. A privileged change and its record are one commit, so that neither
// exists without the other. Alerting never writes here and never waits for it.
//
// (The auditor in audit.go is something else: it checks the store.)

// AuditSettings are what the audit log needs from the configuration.
type AuditSettings struct {
	Dir     string        // where checkpoints are appended; empty for the log output only
	Key     []byte        // signs records, head and checkpoints; empty for none
	OldKeys [][]byte      // that signed earlier
	Every   time.Duration // a changed head is checkpointed this often; 0 means 10 minutes
	Version string        // of the program, for the record of its start
}

const (
	auditHeadDoc = "a:head"
	// auditKeep is how long records are kept: a year and a month.
	auditKeep = 400 * 24 * time.Hour
	// auditRounds is how often a change is begun anew, each time after a random
	// pause, when others kept being faster: all records share one head.
	auditRounds = 6
)

// auditDoc is the document of a record. The number has twenty digits, so that
// ids sort like numbers.
func auditDoc(seq uint64) string { return fmt.Sprintf("a:%020d", seq) }

// auditLog is one process's part of the log.
type auditLog struct {
	AuditSettings
	chain    audit.Chain
	refusals chan audit.Record
	limit    refusalLimit

	mu      sync.Mutex
	last    audit.Checkpoint // the last one written
	failing time.Time        // since when checkpoints cannot be written; zero when they can
	broken  string           // what the log was last found to be wrong with

	records  *prometheus.CounterVec
	refused  *prometheus.CounterVec
	leftOut  *prometheus.CounterVec
	problems prometheus.Counter
	lastAt   prometheus.Gauge
}

func newAuditLog(s AuditSettings, reg prometheus.Registerer) *auditLog {
	if s.Every == 0 {
		s.Every = checkpointEvery
	}
	l := &auditLog{AuditSettings: s, chain: audit.NewChain(s.Key), refusals: make(chan audit.Record, maxRefusals),
		records:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "securitybot_audit_records_total", Help: "Records written to the audit log, by decision."}, []string{"decision"}),
		refused:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "securitybot_audit_refused_total", Help: "Privileged changes not made because they could not be recorded, by why."}, []string{"why"}),
		leftOut:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "securitybot_audit_left_out_total", Help: "Refusals that were not recorded, by why."}, []string{"why"}),
		problems: prometheus.NewCounter(prometheus.CounterOpts{Name: "securitybot_audit_problems_total", Help: "Signs of tampering found while the bot runs."}),
		lastAt:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "securitybot_audit_last_checkpoint_timestamp_seconds", Help: "When a checkpoint of the audit log was last written or not needed."}),
	}
	for _, d := range []string{audit.Allowed, audit.Refused} {
		l.records.WithLabelValues(d)
	}
	for _, why := range []string{whyStore, whyCheckpoint, whyTampered, whyConflict} {
		l.refused.WithLabelValues(why)
	}
	reg.MustRegister(l.records, l.refused, l.leftOut, l.problems, l.lastAt)
	return l
}

// Why something could not be recorded: the labels of the metric.
const (
	whyStore      = "store"
	whyCheckpoint = "checkpoint"
	whyTampered   = "tampered"
	whyConflict   = "conflict"
)

// errNotRecorded says that something was certainly not done because it could
// not be recorded.
type errNotRecorded struct {
	why   string
	cause error
}

func (e *errNotRecorded) Error() string {
	return "nothing was done, because it cannot be recorded: " + e.cause.Error()
}

func (e *errNotRecorded) Unwrap() error { return e.cause }

// notRecorded is what the person is told about an error of changeAudited; nil
// when the error is another one.
func notRecorded(err error) *message.Message {
	var e *errNotRecorded
	if !errors.As(err, &e) {
		return nil
	}
	return refusal("I could not write this to the audit log, so I did nothing. Please try again in a minute. If it stays like this, tell the people who run me to look at: securitybot audit verify.")
}

// audit adds a record to the change: the two are committed together or not at
// all. Its sequence number, hashes and, when zero, its time are filled in. Call
// it inside changeAudited; an error must end the change.
func (t *tx) audit(ctx context.Context, r audit.Record) error {
	l := t.b.auditLog
	now := t.b.clock.Now()
	// What the bot itself tells of has happened already, and so has a refusal.
	if r.Decision != audit.Refused && r.Actor != audit.System {
		if err := l.mayAct(now); err != nil {
			return err
		}
	}
	body, err := t.loadRaw(ctx, auditHeadDoc)
	if err != nil {
		return &errNotRecorded{whyStore, err}
	}
	head, err := audit.DecodeHead(body)
	if err != nil {
		return &errNotRecorded{whyTampered, err}
	}
	if r.At.IsZero() {
		r.At = now
	}
	rec, next, err := l.chain.Append(head, r)
	if errors.Is(err, audit.ErrTampered) || errors.Is(err, audit.ErrNoKey) {
		return &errNotRecorded{whyTampered, err}
	} else if err != nil {
		return err
	}
	line, err := rec.Encode()
	if err != nil {
		return err
	}
	if body, err = next.Encode(); err != nil {
		return err
	}
	t.write(store.Write{ID: auditDoc(rec.Seq), Body: line, TTL: auditKeep})
	t.write(store.Write{ID: auditHeadDoc, Body: body})
	return nil
}

// audited returns the records that the change would write.
func (t *tx) audited() []audit.Record {
	var out []audit.Record
	for _, w := range t.writes {
		if !strings.HasPrefix(w.ID, "a:") || w.ID == auditHeadDoc {
			continue
		}
		if r, err := audit.DecodeRecord(w.Body); err == nil {
			out = append(out, r)
		}
	}
	return out
}

// changeAudited is change for privileged changes: fn calls t.audit. All writers
// of the log meet at its head, so it is more patient with conflicts than change
// is. When the change was certainly not made because it could not be recorded,
// the error is one that notRecorded has a message for; after any other error
// the outcome is unknown.
func (b *Bot) changeAudited(ctx context.Context, fn func(t *tx, now time.Time) error) error {
	var err error
	for round := range auditRounds {
		if round > 0 && !sleep(ctx, rand.N(time.Duration(round)*20*time.Millisecond)) {
			break
		}
		var wrote []audit.Record
		sent := false
		err = b.change(ctx, func(t *tx, now time.Time) error {
			wrote, sent = nil, false
			if err := fn(t, now); err != nil {
				return err
			}
			wrote, sent = t.audited(), true
			return nil
		})
		if err != nil && sent && len(wrote) > 0 && unknownOutcome(err) {
			err = b.wasRecorded(ctx, wrote[0], err)
		}
		if err == nil {
			b.auditLog.count(wrote)
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			break
		}
	}
	return b.auditLog.noteRefused(err)
}

// wasRecorded finds out whether a commit whose answer did not come was made: then
// its record is there.
func (b *Bot) wasRecorded(ctx context.Context, r audit.Record, err error) error {
	docs, loadErr := b.store.Load(ctx, auditDoc(r.Seq))
	if loadErr != nil {
		return err // nothing is known
	}
	if stored, decodeErr := audit.DecodeRecord(docs[0].Body); decodeErr == nil && stored.Hash == r.Hash {
		return nil
	}
	return &errNotRecorded{whyStore, err}
}

func (l *auditLog) count(rs []audit.Record) {
	for _, r := range rs {
		l.records.WithLabelValues(r.Decision).Inc()
	}
}

// noteRefused counts what was not done, and names lasting conflicts for what
// they are: records beyond the head, or far too many writers.
func (l *auditLog) noteRefused(err error) error {
	var e *errNotRecorded
	if errors.Is(err, store.ErrConflict) {
		err = &errNotRecorded{whyConflict, err}
	}
	if errors.As(err, &e) {
		l.refused.WithLabelValues(e.why).Inc()
	}
	return err
}
