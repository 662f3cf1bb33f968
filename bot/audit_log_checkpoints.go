package bot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/store"
)

const (
	// CheckpointFile is the name of the file in the directory of checkpoints.
	CheckpointFile = "audit-checkpoints.ndjson"

	checkpointEvery = 10 * time.Minute
	checkpointAfter = 100 // records
	checkpointLook  = 15 * time.Second
	// checkpointGrace is how long privileged changes go on while checkpoints
	// cannot be written. The alarm is raised at once.
	checkpointGrace = time.Hour
	// recheck is how many records are looked at again with each checkpoint.
	recheck = 1000
)

// runAuditLog writes refusals and checkpoints until ctx ends, then the rest.
func (b *Bot) runAuditLog(ctx context.Context) {
	l := b.auditLog
	if l.Dir == "" {
		b.log.Warn("audit.checkpoints is not set: checkpoints of the audit log go to this log only")
	}
	l.mu.Lock()
	l.last = b.lastCheckpoint()
	l.mu.Unlock()
	started := b.auditStart(ctx)
	b.checkpoint(ctx, true)
	look := time.NewTicker(checkpointLook)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			b.endAuditLog(context.WithoutCancel(ctx))
			return
		case r := <-l.refusals:
			b.writeRefusals(context.WithoutCancel(ctx), r) // what was taken is written, even at the end
		case <-look.C:
			if !started {
				started = b.auditStart(ctx)
			}
			b.checkpoint(ctx, false)
		}
	}
}

func (b *Bot) endAuditLog(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	for {
		select {
		case r := <-b.auditLog.refusals:
			b.writeRefusals(ctx, r)
			continue
		default:
		}
		b.checkpoint(ctx, true)
		return
	}
}

// auditStart records that the bot was started. It also puts a newly configured
// key to use at once.
func (b *Bot) auditStart(ctx context.Context) bool {
	err := b.changeAudited(ctx, func(t *tx, _ time.Time) error {
		return t.audit(ctx, audit.Record{Actor: audit.System, Act: "start", Object: b.instance, Decision: audit.Allowed, Detail: map[string]string{"version": b.auditLog.Version}})
	})
	if err != nil && ctx.Err() == nil {
		b.log.Warn("the start was not recorded in the audit log", "error", err)
	}
	return err == nil
}

// checkpoint appends a checkpoint when one is due, or at once.
func (b *Bot) checkpoint(ctx context.Context, now bool) {
	l, at := b.auditLog, b.clock.Now()
	head, err := b.auditHead(ctx)
	if err != nil {
		if ctx.Err() == nil {
			b.log.Warn("the head of the audit log cannot be read", "error", err)
		}
		return
	}
	l.mu.Lock()
	last, failing := l.last, !l.failing.IsZero()
	l.mu.Unlock()
	if head.Seq == last.Seq && head.Hash == last.Hash && !failing {
		l.lastAt.Set(float64(at.Unix()))
		return
	}
	grown := head.Seq >= last.Seq && head.Seq-last.Seq < checkpointAfter
	if !now && !failing && grown && at.Sub(last.At) < l.Every {
		return
	}
	b.recheck(ctx, head, last)
	p := l.chain.Checkpoint(head, at)
	b.log.Info("audit checkpoint", "seq", p.Seq, "hash", p.Hash, "key", p.Key, "mac", p.MAC)
	if err := l.append(p); err != nil {
		b.log.Error("a checkpoint of the audit log cannot be written; privileged changes stop after an hour of this", "error", err)
		l.fail(at)
		return
	}
	l.mu.Lock()
	l.last, l.failing = p, time.Time{}
	l.mu.Unlock()
	l.lastAt.Set(float64(at.Unix()))
}

func (b *Bot) auditHead(ctx context.Context) (audit.Head, error) {
	docs, err := b.store.Load(ctx, auditHeadDoc)
	if err != nil {
		return audit.Head{}, err
	}
	return audit.DecodeHead(docs[0].Body)
}

// recheck verifies what was written since the last checkpoint, at most the last
// records, so that tampering is noticed while it is fresh.
func (b *Bot) recheck(ctx context.Context, head audit.Head, last audit.Checkpoint) {
	from := max(last.Seq, 1)
	if last.Seq > head.Seq {
		from = head.Seq + 1
	} else if head.Seq-from >= recheck {
		from = head.Seq - recheck + 1
	}
	var ids []string
	for seq := from; seq <= head.Seq; seq++ {
		ids = append(ids, auditDoc(seq))
	}
	docs, err := b.store.Load(ctx, ids...)
	if err != nil {
		b.log.Warn("the audit log was not checked", "error", err)
		return
	}
	now := b.clock.Now()
	ev := audit.Evidence{Head: head, Keys: b.auditLog.keys(), Since: now.Add(auditKeep)} // the one before the first is not looked at
	if last.Seq > 0 {
		ev.Checkpoints = []audit.Checkpoint{last}
	}
	if rest := withoutMissing(docs); len(rest) < len(docs) {
		docs, ev.Since = rest, expiredBefore(now)
	}
	b.auditLog.found(audit.Verify(auditRecords(docs), ev).Problems, b.log.Error)
}

// withoutMissing leaves out what is missing at the start: it may have expired.
func withoutMissing(docs []store.Doc) []store.Doc {
	for len(docs) > 0 && docs[0].Version == 0 {
		docs = docs[1:]
	}
	return docs
}

// keys are all keys that may have signed.
func (l *auditLog) keys() [][]byte {
	if len(l.Key) == 0 {
		return l.OldKeys
	}
	return append([][]byte{l.Key}, l.OldKeys...)
}

// found notes what is wrong with the log.
func (l *auditLog) found(ps []audit.Problem, say func(string, ...any)) {
	for i, p := range ps {
		if i < 5 {
			say("the audit log was tampered with, or the store has lost data; see: securitybot audit verify", "problem", p.String())
		}
		l.problems.Inc()
	}
	if len(ps) > 0 {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.broken = ps[0].String()
	}
}

// append writes a checkpoint to its file and waits for the disk.
func (l *auditLog) append(p audit.Checkpoint) error {
	if l.Dir == "" {
		return nil
	}
	line, err := p.Encode()
	if err != nil {
		return err
	}
	return appendLine(filepath.Join(l.Dir, CheckpointFile), line)
}

func (l *auditLog) fail(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing.IsZero() {
		l.failing = now
	}
}

// mayAct refuses privileged changes when checkpoints could not be written for
// too long: their records could be removed without a trace.
func (l *auditLog) mayAct(now time.Time) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing.IsZero() || now.Sub(l.failing) < checkpointGrace {
		return nil
	}
	return &errNotRecorded{whyCheckpoint, errors.New("checkpoints of the audit log could not be written for an hour")}
}

// healthy says what is wrong with the audit log.
func (l *auditLog) healthy() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.broken != "":
		return fmt.Errorf("the audit log is not what was written: %s", l.broken)
	case !l.failing.IsZero():
		return errors.New("checkpoints of the audit log cannot be written")
	}
	return nil
}

// lastCheckpoint reads the last whole line of the file of checkpoints.
func (b *Bot) lastCheckpoint() audit.Checkpoint {
	if b.auditLog.Dir == "" {
		return audit.Checkpoint{}
	}
	name := filepath.Join(b.auditLog.Dir, CheckpointFile)
	tail, err := tailOf(name, 16<<10)
	if errors.Is(err, os.ErrNotExist) {
		return audit.Checkpoint{}
	} else if err != nil {
		b.log.Warn("the file of checkpoints cannot be read", "error", err)
		return audit.Checkpoint{}
	}
	lines := bytes.Split(tail, []byte("\n"))
	for i := len(lines) - 1; i >= 0; i-- {
		if p, err := audit.DecodeCheckpoint(lines[i]); err == nil {
			return p
		}
	}
	return audit.Checkpoint{}
}

// tailOf reads the last bytes of a file.
func tailOf(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(info.Size()-most, 0), io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(f)
}
