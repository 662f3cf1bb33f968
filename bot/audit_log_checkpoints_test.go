package bot

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/redistest"
)

// points reads the file of checkpoints.
func points(t *testing.T, dir string) []audit.Checkpoint {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(dir, CheckpointFile))
	if os.IsNotExist(err) {
		return nil
	} else if err != nil {
		t.Fatal(err)
	}
	var out []audit.Checkpoint
	for line := range bytes.Lines(body) {
		p, err := audit.DecodeCheckpoint(bytes.TrimSuffix(line, []byte("\n")))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, p)
	}
	return out
}

func isolateAll(t *testing.T, b *Bot, from, to int) {
	t.Helper()
	for n := from; n <= to; n++ {
		if err := isolate(t.Context(), b, n); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckpointsComeByTimeByNumberAndAtOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, clock := writer(t, redistest.Mini(t).Addr(), AuditSettings{Dir: dir, Key: []byte(strings.Repeat("k", 32))})
	look := func(want int, why string, now bool) {
		t.Helper()
		b.checkpoint(t.Context(), now)
		if got := points(t, dir); len(got) != want {
			t.Fatalf("%s: %d checkpoints, want %d", why, len(got), want)
		}
	}
	look(0, "an empty log", true)
	isolateAll(t, b, 1, 1)
	look(1, "the first record, and none before for longer than the interval", false)
	isolateAll(t, b, 2, 2)
	look(1, "within the interval", false)
	clock.add(checkpointEvery)
	look(2, "after the interval", false)
	clock.add(checkpointEvery)
	look(2, "nothing new", false)
	isolateAll(t, b, 3, 2+checkpointAfter)
	look(3, "many records", false)
	isolateAll(t, b, 200, 200)
	look(4, "at once", true)
	all := points(t, dir)
	if all[3].Seq != 3+checkpointAfter || all[3].MAC == "" {
		t.Errorf("%+v", all[3])
	}
	if r := verifyStore(t, b, all...); len(r.Problems) != 0 {
		t.Error(r.Problems)
	}
	if at := figure(t, b, "last_checkpoint_timestamp_seconds", ""); at != float64(clock.Now().Unix()) {
		t.Errorf("last checkpoint at %v", at)
	}
	if b.lastCheckpoint() != all[3] {
		t.Error("after a start, the last checkpoint is another one")
	}
}

// TestPrivilegedChangesOutliveTheCheckpointsByAnHour covers F57.
func TestPrivilegedChangesOutliveTheCheckpointsByAnHour(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "points")
	b, clock := writer(t, redistest.Mini(t).Addr(), AuditSettings{Dir: dir})
	isolateAll(t, b, 1, 1)
	b.checkpoint(t.Context(), true) // there is no such directory
	if err := b.auditLog.healthy(); err == nil {
		t.Error("no alarm at once")
	}
	clock.add(checkpointGrace - time.Second)
	isolateAll(t, b, 2, 2)
	b.checkpoint(t.Context(), false)
	clock.add(time.Second)
	if err := isolate(t.Context(), b, 3); notRecorded(err) == nil || done(t, b, 3) {
		t.Errorf("after an hour: %v, done %v", err, done(t, b, 3))
	}
	if err := b.changeAudited(t.Context(), func(x *tx, _ time.Time) error {
		return x.audit(t.Context(), audit.Record{Actor: audit.System, Act: "isolate", Decision: audit.Allowed, Result: "done"})
	}); err != nil {
		t.Errorf("how an earlier change ended cannot be recorded: %v", err)
	}
	if n := figure(t, b, "refused_total", whyCheckpoint); n != 1 {
		t.Errorf("counted %v", n)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b.checkpoint(t.Context(), false)
	if err := b.auditLog.healthy(); err != nil {
		t.Error(err)
	}
	isolateAll(t, b, 3, 3)
	if got := points(t, dir); len(got) != 1 || got[0].Seq != 3 {
		t.Errorf("%+v", got)
	}
}

func TestTamperingIsNoticedWhileTheBotRuns(t *testing.T) {
	t.Parallel()
	servers(t, func(t *testing.T, s server) {
		key := func(n uint64) string { return "{sb}:d:" + auditDoc(n) }
		for name, harm := range map[string]func(){
			"edit": func() {
				s.do("set", key(4), strings.Replace(s.do("get", key(4)).(string), "U0OMAR", "U0ANNA", 1))
			},
			"delete":            func() { s.do("del", key(4)) },
			"delete the oldest": func() { s.do("del", key(2)) },
			"wipe":              func() { s.do("flushall") },
			"truncate":          func() { s.do("del", key(5)) },
		} {
			s.do("flushall")
			b, _ := writer(t, s.addr, AuditSettings{Dir: t.TempDir()})
			isolateAll(t, b, 1, 2)
			b.checkpoint(t.Context(), true)
			isolateAll(t, b, 3, 5)
			if err := b.auditLog.healthy(); err != nil {
				t.Fatal(err)
			}
			harm()
			b.checkpoint(t.Context(), true)
			if err := b.auditLog.healthy(); err == nil || figure(t, b, "problems_total", "") == 0 {
				t.Errorf("%s: not noticed", name)
			}
		}
	})
}

func TestOldRecordsMayExpireUnnoticed(t *testing.T) {
	t.Parallel()
	m := redistest.Mini(t)
	b, clock := writer(t, m.Addr(), AuditSettings{})
	isolateAll(t, b, 1, 3)
	clock.add(auditKeep + time.Hour)
	m.FastForward(auditKeep + time.Hour)
	isolateAll(t, b, 4, 5)
	if r := verifyStore(t, b); r.Records != 2 || len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
	b.checkpoint(t.Context(), true)
	if err := b.auditLog.healthy(); err != nil {
		t.Error(err)
	}
}

// TestTheLoopWritesEverythingBeforeItEnds runs the bot's own loop from a start
// to a stop.
func TestTheLoopWritesEverythingBeforeItEnds(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	b, _ := writer(t, redistest.Mini(t).Addr(), AuditSettings{Dir: dir, Version: "1.2.3"})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { b.runAuditLog(ctx); close(ended) }()
	redistest.Eventually(t, "the start is checkpointed", func() bool { return len(points(t, dir)) == 1 })
	b.auditRefusal(audit.Record{Actor: "U0GUS", Act: "isolate", Object: "i-1", Result: "role"})
	stop()
	<-ended
	log, err := readAuditLog(t.Context(), b.store, b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	var acts []string
	for r, err := range log.Records() {
		if err != nil {
			t.Fatal(err)
		}
		acts = append(acts, r.Actor+" "+r.Decision+" "+r.Act+" "+r.Detail["version"])
	}
	if got := strings.Join(acts, "|"); got != "system allowed start 1.2.3|U0GUS refused isolate " {
		t.Error(got)
	}
	if got := points(t, dir); got[len(got)-1].Seq != 2 {
		t.Errorf("the last checkpoint is %+v", got[len(got)-1])
	}
}
