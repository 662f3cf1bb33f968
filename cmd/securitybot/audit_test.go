package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

const auditKey = "0123456789abcdef0123456789abcdef"

// auditWorld is a configuration, a Redis with an audit log of ten records in
// it, and the raw commands of somebody who tampers.
type auditWorld struct {
	t     *testing.T
	dir   string
	conf  string
	do    func(args ...any) any
	chain audit.Chain
	head  audit.Head
	store *store.Store
}

func onServers(t *testing.T, test func(*testing.T, string, func(...any) any)) {
	t.Run("miniredis", func(t *testing.T) {
		t.Parallel()
		m := redistest.Mini(t)
		test(t, m.Addr(), redisDo(t, m.Addr()))
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		s := redistest.Start(t)
		test(t, s.Addr, s.Do)
	})
}

// newAuditWorld writes the configuration, with a key if signed, and the log.
// There is a checkpoint of record 8.
func newAuditWorld(t *testing.T, addr string, do func(...any) any, signed bool) *auditWorld {
	t.Helper()
	w := &auditWorld{t: t, dir: t.TempDir(), do: do}
	lines := "slack: {app_token: \"${file:app}\", bot_token: \"${file:bot}\"}\nchannels: {security: C0SECURITY}\n" +
		"sqs: {queues: [{url: \"https://sqs.eu-west-1.amazonaws.com/111122223333/q\", accounts: [\"111122223333\"]}]}\n" +
		"redis: {addrs: [\"" + addr + "\"]}\npagerduty: {routing_key: \"${file:key}\"}\non_call_mention: S0ONCALL\n" +
		"access: {responders: {groups: [S0RESPONDERS]}}\naudit:\n  checkpoints: points\n"
	if signed {
		lines += "  key: ${file:key}\n"
		w.chain = audit.NewChain([]byte(auditKey))
	}
	for name, body := range map[string]string{"securitybot.yaml": lines, "app": "xapp-1-CANARY", "bot": "xoxb-CANARY", "key": auditKey} {
		w.file(name, body)
	}
	w.conf = filepath.Join(w.dir, "securitybot.yaml")
	if err := os.Mkdir(filepath.Join(w.dir, "points"), 0o700); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.store, err = store.Open(t.Context(), store.Options{Addrs: []string{addr}}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	w.fill()
	return w
}

func (w *auditWorld) file(name, body string) string {
	w.t.Helper()
	path := filepath.Join(w.dir, name)
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return path
}

// fill writes the ten records anew.
func (w *auditWorld) fill() {
	w.t.Helper()
	w.do("flushall")
	w.head = audit.Head{}
	for range 10 {
		w.append()
		if w.head.Seq == 8 {
			line, _ := w.chain.Checkpoint(w.head, time.Now()).Encode()
			w.file("points/audit-checkpoints.ndjson", string(line)+"\n")
		}
	}
}

func auditID(seq uint64) string { return fmt.Sprintf("a:%020d", seq) }

func (w *auditWorld) append() { w.t.Helper(); w.appendAt(time.Now()) }

func (w *auditWorld) appendAt(at time.Time) {
	w.t.Helper()
	r, next, err := w.chain.Append(w.head, audit.Record{At: at, Actor: "U0OMAR", For: "U0ANA", Act: "isolate", Object: "i-0a1b2c3d4e5f60718", Decision: audit.Allowed, Result: "planned"})
	if err != nil {
		w.t.Fatal(err)
	}
	line, _ := r.Encode()
	head, _ := next.Encode()
	err = w.store.Commit(w.t.Context(), store.Commit{Op: fmt.Sprintf("%p-%d-%d", w, r.Seq, time.Now().UnixNano()), Writes: []store.Write{
		{ID: auditID(r.Seq), Body: line}, {ID: "a:head", IfVersion: int64(w.head.Seq), Body: head}}})[0]
	if err != nil {
		w.t.Fatal(err)
	}
	w.head = next
}

// raw is what is stored of a document; body is its part that counts.
func (w *auditWorld) raw(id string) string { return w.do("get", "{sb}:d:"+id).(string) }

func (w *auditWorld) body(id string) string { return strings.SplitN(w.raw(id), " ", 3)[2] }

func (w *auditWorld) setBody(id, body string) {
	w.do("set", "{sb}:d:"+id, "1 AAAAAAAAAAA "+body)
}

func (w *auditWorld) run(args ...string) (int, string, string) {
	var out, errs bytes.Buffer
	code := execute(append(args, "--config", w.conf), strings.NewReader(""), &out, &errs)
	if strings.Contains(out.String()+errs.String(), "CANARY") || strings.Contains(out.String()+errs.String(), auditKey) {
		w.t.Errorf("a secret shows:\n%s%s", out.String(), errs.String())
	}
	return code, out.String(), errs.String()
}

// attacks change the log of ten records in the store, with the words that must
// be said about each.
func attacks(w *auditWorld) map[string]struct {
	do   func()
	says []string
} {
	rewrite := func(from uint64) {
		r, _ := audit.DecodeRecord([]byte(w.body(auditID(from - 1))))
		head := audit.Head{Seq: r.Seq, Hash: r.Hash, At: r.At}
		for seq := from; seq <= 10; seq++ {
			r, _ := audit.DecodeRecord([]byte(w.body(auditID(seq))))
			r.Actor = "U0MALLORY"
			r, head, _ = audit.Chain{}.Append(head, r)
			line, _ := r.Encode()
			w.setBody(auditID(seq), string(line))
		}
		line, _ := head.Encode()
		w.setBody("a:head", string(line))
	}
	cut := func(to uint64) {
		for seq := to + 1; seq <= 10; seq++ {
			w.do("del", "{sb}:d:"+auditID(seq))
		}
		r, _ := audit.DecodeRecord([]byte(w.body(auditID(to))))
		line, _ := audit.Head{Seq: r.Seq, Hash: r.Hash, At: r.At}.Encode()
		w.setBody("a:head", string(line))
	}
	return map[string]struct {
		do   func()
		says []string
	}{
		"edit": {func() { w.setBody(auditID(4), strings.Replace(w.body(auditID(4)), "U0OMAR", "U0ANNA", 1)) }, []string{"record 4: edited"}},
		"add to": {func() {
			w.setBody(auditID(4), strings.Replace(w.body(auditID(4)), "{", `{"note":"x",`, 1))
		}, []string{"unreadable: document a:00000000000000000004"}},
		"delete": {func() { w.do("del", "{sb}:d:"+auditID(4)) }, []string{"record 5: deleted: record 4 is missing before it"}},
		"delete the first": {func() { w.do("del", "{sb}:d:"+auditID(1)) },
			[]string{"record 2: deleted"}},
		"reorder": {func() {
			a, b := w.raw(auditID(4)), w.raw(auditID(5))
			w.do("set", "{sb}:d:"+auditID(4), b)
			w.do("set", "{sb}:d:"+auditID(5), a)
		}, []string{"document a:00000000000000000004 holds record 5", "document a:00000000000000000005 holds record 4"}},
		"insert in the middle": {func() { w.do("set", "{sb}:d:a:00000000000000000004b", w.raw(auditID(4))) },
			[]string{"document a:00000000000000000004b holds record 4"}},
		"insert at the end": {func() {
			r, _, _ := audit.Chain{}.Append(audit.Head{Seq: w.head.Seq, Hash: w.head.Hash, At: w.head.At}, audit.Record{At: time.Now(), Actor: "U0MALLORY", Act: "release", Decision: audit.Allowed})
			line, _ := r.Encode()
			w.setBody(auditID(11), string(line))
		}, []string{"record 11: head: the head says that record 10 is the last"}},
		"truncate":              {func() { w.do("del", "{sb}:d:"+auditID(10)) }, []string{"record 10: truncated"}},
		"truncate with head":    {func() { cut(7) }, []string{"record 8: truncated: a checkpoint of"}},
		"remove the head":       {func() { w.do("del", "{sb}:d:a:head") }, []string{"record 10: head: there are records"}},
		"spoil the head":        {func() { w.setBody("a:head", "{}") }, []string{"head: decode head"}},
		"rewrite the end":       {func() { rewrite(7) }, []string{"record 8: rewritten"}},
		"remove everything":     {func() { w.do("flushall") }, []string{"record 8: truncated: a checkpoint of"}},
		"spoil the checkpoints": {func() { w.file("points/audit-checkpoints.ndjson", "x\n{}\n") }, []string{"line 1 of"}},
	}
}

func TestAuditVerifyFindsWhatWasChangedInTheStore(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, addr string, do func(...any) any) {
		for _, signed := range []bool{false, true} {
			w := newAuditWorld(t, addr, do, signed)
			code, out, errs := w.run("audit", "verify")
			if code != 0 || !strings.HasPrefix(out, "ok: 10 records, 1 to 10, ") || strings.Contains(out, "no key") == signed {
				t.Fatalf("untouched: exit code %d\n%s%s", code, out, errs)
			}
			for name, a := range attacks(w) {
				w.fill()
				a.do()
				code, out, errs := w.run("audit", "verify")
				if code != 1 || !strings.Contains(errs, "the audit log is not what was written") {
					t.Errorf("%s (signed %v): exit code %d\n%s%s", name, signed, code, out, errs)
				}
				for _, text := range a.says {
					if !signed && !strings.Contains(out, text) {
						t.Errorf("%s: %q is not in\n%s", name, text, out)
					}
				}
			}
			w.store.Close()
		}
	})
}

func TestAnExportIsVerifiedWithoutTheStore(t *testing.T) {
	t.Parallel()
	onServers(t, func(t *testing.T, addr string, do func(...any) any) {
		w := newAuditWorld(t, addr, do, true)
		code, export, errs := w.run("audit", "export")
		if code != 0 || strings.Count(export, "\n") != 11 || errs != "" {
			t.Fatalf("exit code %d\n%s%s", code, export, errs)
		}
		w.do("flushall")
		lines := strings.SplitAfter(strings.TrimSuffix(export, "\n"), "\n")
		swapped := append([]string{}, lines...)
		swapped[3], swapped[4] = swapped[4], swapped[3]
		for name, c := range map[string]struct{ text, says string }{
			"untouched":     {export, ""},
			"edited":        {strings.Replace(export, "planned", "undone", 1), "record 1: edited"},
			"a line less":   {strings.Join(append(append([]string{}, lines[:4]...), lines[5:]...), ""), "record 6: deleted"},
			"a line twice":  {strings.Join(append(append([]string{}, lines[:4]...), lines[3:]...), ""), "record 4: duplicated"},
			"swapped":       {strings.Join(swapped, ""), "record 4: reordered"},
			"cut off":       {strings.Join(lines[:7], ""), "the file does not end with the head"},
			"end left out":  {strings.Join(append(append([]string{}, lines[:9]...), lines[10:]...), ""), "record 10: truncated"},
			"begin is gone": {strings.Join(lines[1:], ""), "record 2: deleted"},
			"added to":      {export + "\n" + lines[2], "comes after the head"},
			"empty":         {"", "the file does not end with the head"},
		} {
			code, out, errs := w.run("audit", "verify", "--file", w.file("export", c.text))
			if (code == 0) != (c.says == "") || !strings.Contains(out, c.says) {
				t.Errorf("%s: exit code %d\n%s%s", name, code, out, errs)
			}
		}
	})
}

func TestAnExportMayBeginLater(t *testing.T) {
	t.Parallel()
	m := redistest.Mini(t)
	w := newAuditWorld(t, m.Addr(), redisDo(t, m.Addr()), false)
	at := w.head.At.Add(time.Hour)
	w.appendAt(at)
	code, export, _ := w.run("audit", "export", "--since", at.Format(time.RFC3339Nano))
	if code != 0 || strings.Count(export, "\n") != 2 {
		t.Fatalf("exit code %d\n%s", code, export)
	}
	if code, out, _ := w.run("audit", "verify", "--file", w.file("export", export)); code != 0 || !strings.Contains(out, "ok: 1 record, 11 to 11") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	if code, out, _ := w.run("audit", "export", "--format", "text"); code != 0 || !strings.Contains(out, "U0OMAR  for U0ANA  allowed  isolate  i-0a1b2c3d4e5f60718  planned\n") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func redisDo(t *testing.T, addr string) func(...any) any {
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { c.Close() })
	return func(args ...any) any {
		v, err := c.Do(context.Background(), args...).Result()
		if err != nil && !errors.Is(err, redis.Nil) {
			t.Fatalf("%v: %v", args, err)
		}
		return v
	}
}
