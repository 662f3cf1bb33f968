package findings

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
)

func sample(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// only parses a document that must hold exactly one usable finding.
func only(tb testing.TB, body []byte) *Finding {
	tb.Helper()
	items := Parse(body)
	if len(items) != 1 || items[0].Finding == nil {
		tb.Fatalf("want one finding, got %d items, first: %+v", len(items), items[0])
	}
	checkItem(tb, items[0])
	return items[0].Finding
}

// refusal parses a document that must give exactly one refusal.
func refusal(tb testing.TB, body []byte) *RefusedError {
	tb.Helper()
	items := Parse(body)
	var r *RefusedError
	if len(items) != 1 || !errors.As(items[0].Err, &r) {
		tb.Fatalf("want one refusal, got %d items, first: %+v", len(items), items[0])
	}
	checkItem(tb, items[0])
	return r
}

// with returns a sample with values set at paths ("detail.severity"); the
// value drop removes the key.
func with(tb testing.TB, name string, set map[string]any) []byte {
	tb.Helper()
	var doc map[string]any
	if err := json.Unmarshal(sample(tb, name), &doc); err != nil {
		tb.Fatal(err)
	}
	for path, v := range set {
		segs := strings.Split(path, ".")
		m := doc
		for _, s := range segs[:len(segs)-1] {
			next, ok := m[s].(map[string]any)
			if !ok {
				tb.Fatalf("no object at %q of %q", s, path)
			}
			m = next
		}
		if last := segs[len(segs)-1]; v == drop {
			delete(m, last)
		} else {
			m[last] = v
		}
	}
	return encode(tb, doc)
}

const drop = "\x00drop"

func encode(tb testing.TB, v any) []byte {
	tb.Helper()
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// checkItem holds whatever was parsed to what is promised of every Item.
func checkItem(tb testing.TB, i Item) {
	tb.Helper()
	if (i.Finding == nil) == (i.Err == nil) {
		tb.Fatalf("want exactly one of Finding and Err: %+v", i)
	}
	if i.Line < 1 {
		tb.Errorf("line %d", i.Line)
	}
	if i.Err != nil {
		var r *RefusedError
		if !errors.As(i.Err, &r) || r.Reason == "" || r.Offset < 0 || !clean(r.Reason) {
			tb.Errorf("bad refusal: %#v", i.Err)
		}
		return
	}
	f := i.Finding
	for _, s := range []string{f.ID, f.Type, f.Region, f.Detector, f.Partition} {
		if len(s) > maxID || !clean(s) {
			tb.Errorf("bad identifier %q", s)
		}
	}
	if f.ID == "" || f.Type == "" || f.Kind == "" || f.Source == "" || f.Envelope.Form == "" {
		tb.Errorf("something is missing: %+v", f)
	}
	if f.Account != "" && accountID(f.Account) == "" {
		tb.Errorf("bad account %q", f.Account)
	}
	if !(f.Severity >= 0 && f.Severity <= 10) || f.Count < 1 {
		tb.Errorf("severity %v, count %d", f.Severity, f.Count)
	}
	if len(f.Tags) > maxTags || len(f.Remote) > maxRemotes || len(f.Resources) > maxResource || len(f.LocalPorts) > maxPorts {
		tb.Errorf("a list is too long")
	}
	if f.Instance.ID != "" && len(f.Instance.PublicIPs)+len(f.Instance.PrivateIPs) > 2*maxAddrs {
		tb.Errorf("too many addresses")
	}
	out, err := json.Marshal(f)
	if err != nil {
		tb.Errorf("cannot be written again: %v", err)
	}
	if !utf8.Valid(out) || len(out) > 300<<10 {
		tb.Errorf("%d bytes, valid UTF-8: %v", len(out), utf8.Valid(out))
	}
	for _, k := range []string{f.Key(), f.CauseKey()} {
		if strings.Trim(k, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./%:") != "" {
			tb.Errorf("key %q holds a special character", k)
		}
	}
	for _, s := range []string{f.AskSentence(), f.TellSentence()} {
		checkSentence(tb, f.Type, s)
	}
}
