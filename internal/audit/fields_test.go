package audit

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// changed returns one copy of a value for every field of it, each with that
// field alone changed.
func changed[T any](t *testing.T, v T) map[string]T {
	t.Helper()
	out := map[string]T{}
	for i := range reflect.TypeFor[T]().NumField() {
		c := v
		name, f := reflect.TypeFor[T]().Field(i).Name, reflect.ValueOf(&c).Elem().Field(i)
		switch x := f.Addr().Interface().(type) {
		case *string:
			*x += "0"
		case *uint64:
			*x++
		case *time.Time:
			*x = x.Add(time.Millisecond)
		case *map[string]string:
			*x = maps.Clone(*x)
			(*x)["another"] = "entry"
		default:
			t.Fatalf("%s: the test cannot change a %T", name, x)
		}
		out[name] = c
	}
	return out
}

// TestTheHashCoversTheDetail: names, values, and which belongs to which.
func TestTheHashCoversTheDetail(t *testing.T) {
	t.Parallel()
	for _, key := range [][]byte{nil, []byte("a key of at least thirty-two bytes!!")} {
		r := write(t, 3, key).records[2]
		for name, detail := range map[string]map[string]string{
			"an entry with another name":     {"account": "111122223333", "incident": "SB-1"},
			"an entry with another value":    {"account": "111122223333", "case": "SB-2"},
			"an entry less":                  {"account": "111122223333"},
			"no entries":                     nil,
			"values of each other":           {"account": "SB-1", "case": "111122223333"},
			"a name that swallows its value": {"account": "111122223333", "caseSB-1": ""},
		} {
			c := r
			c.Detail = detail
			if sumOf(key, c) == sumOf(key, r) {
				t.Errorf("key %q, detail with %s: the same hash", key, name)
			}
		}
	}
}

// TestTheSignaturesCoverEveryField: of the head and of a checkpoint.
func TestTheSignaturesCoverEveryField(t *testing.T) {
	t.Parallel()
	l := write(t, 3, []byte("a key of at least thirty-two bytes!!"))
	for name, h := range changed(t, l.head) {
		if (l.chain.headMAC(h) == l.chain.headMAC(l.head)) != (name == "MAC") {
			t.Errorf("head, %s: the same signature for another value", name)
		}
	}
	for name, p := range changed(t, l.points[2]) {
		if (l.chain.checkpointMAC(p) == l.chain.checkpointMAC(l.points[2])) != (name == "MAC") {
			t.Errorf("checkpoint, %s: the same signature for another value", name)
		}
	}
	h := l.head
	if l.chain.headMAC(h) == l.chain.checkpointMAC(Checkpoint{Seq: h.Seq, Hash: h.Hash, At: h.At, Key: h.Key}) {
		t.Error("the signature of a head is that of a checkpoint as well: one can be passed off as the other")
	}
	if (Chain{}).headMAC(h) != "" || (Chain{}).checkpointMAC(l.points[2]) != "" {
		t.Error("something looks signed that is not")
	}
}

// TestAHeadThatWasChangedIsNotGoneOnFrom: the bot does not write under a head
// that somebody else put there, whatever was changed in it.
func TestAHeadThatWasChangedIsNotGoneOnFrom(t *testing.T) {
	t.Parallel()
	l := write(t, 3, []byte("a key of at least thirty-two bytes!!"))
	for name, h := range changed(t, l.head) {
		_, _, err := l.chain.Append(h, sample(9))
		if name == "Key" {
			continue // signed by another of our keys, perhaps: Verify tells
		}
		if err == nil {
			t.Errorf("%s was changed, and the bot goes on from it", name)
		}
	}
}

// TestTimeInAChainNeverGoesBack: a record that is older than the one before it
// was not written there by the bot, even when somebody with a key made it fit.
func TestTimeInAChainNeverGoesBack(t *testing.T) {
	t.Parallel()
	l := write(t, 10, nil)
	l.points = nil
	old := l.records[9]
	old.At = l.records[8].At.Add(-time.Hour)
	old.Hash = sumOf(nil, old)
	l.records[9], l.head = old, l.chain.headOf(old)
	if ps := l.verify().Problems; len(ps) != 1 || ps[0].Kind != BadHead || ps[0].Seq != 10 {
		t.Errorf("%v", ps)
	}
}

// TestAFirstRecordThatSaysLittleIsNotBelieved: what is missing at the start must
// be shown to have expired.
func TestAFirstRecordThatSaysLittleIsNotBelieved(t *testing.T) {
	t.Parallel()
	l := write(t, 10, nil)
	l.points, l.records = nil, l.records[4:]
	first := l.records[0]
	for name, try := range map[string]func(){
		"nothing may be missing":                          func() { l.since = time.Time{} },
		"it does not say when the one before was written": func() { l.records[0].PrevAt = time.Time{}; l.since = t0.Add(time.Hour) },
	} {
		l.records[0] = first
		try()
		if ps := l.verify().Problems; !slices.ContainsFunc(ps, func(p Problem) bool { return p.Kind == Deleted && p.Seq == 5 }) {
			t.Errorf("%s: %v", name, ps)
		}
	}
	l = write(t, 3, nil)
	l.points = nil
	l.records[0].PrevAt = t0.Add(-time.Hour)
	l.rehashKeepingFirst()
	if ps := l.verify().Problems; len(ps) != 1 || ps[0].Kind != Replaced || ps[0].Seq != 1 {
		t.Errorf("a first record with a time of one before it: %v", ps)
	}
}

// rehashKeepingFirst makes the chain fit a first record as it is.
func (l *log) rehashKeepingFirst() {
	l.records[0].Hash = sumOf(nil, l.records[0])
	l.rehash(1)
}

// TestTheReportSaysWhatWasRead: numbers and times, for whoever compares them
// with an export.
func TestTheReportSaysWhatWasRead(t *testing.T) {
	t.Parallel()
	l := write(t, 10, nil)
	r := l.verify()
	if r.Records != 10 || r.First != 1 || r.Last != 10 || !r.From.Equal(l.records[0].At) || !r.To.Equal(l.records[9].At) {
		t.Errorf("%+v", r)
	}
	l.records = slices.Delete(l.records, 3, 5)
	if ps := l.verify().Problems; !strings.Contains(ps[0].Text, "records 4 to 5 are missing") || !strings.HasPrefix(ps[0].String(), "record 6: ") {
		t.Errorf("%v", ps)
	}
	if s := (Problem{Kind: Unreadable, Text: "x"}).String(); strings.Contains(s, "record 0") {
		t.Error(s)
	}
}

// TestWhatCannotBeReadIsAProblem: a line that is no record is not skipped.
func TestWhatCannotBeReadIsAProblem(t *testing.T) {
	t.Parallel()
	l := write(t, 3, nil)
	_, err := DecodeRecord([]byte(`{"at":1}`))
	if err == nil {
		t.Fatal("a record with a number for a time is read")
	}
	r := Verify(func(yield func(Record, error) bool) {
		for i, rec := range l.records {
			if i == 1 && !yield(Record{}, err) || !yield(rec, nil) {
				return
			}
		}
	}, Evidence{Head: l.head, Checkpoints: l.points})
	if len(r.Problems) != 1 || r.Problems[0].Kind != Unreadable || r.Records != 3 {
		t.Errorf("%+v", r)
	}
}

// TestARecordWithoutATimeIsNotWritten: nor one of a year that text cannot hold.
func TestARecordWithoutATimeIsNotWritten(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		at time.Time
		ok bool
	}{
		{time.Time{}, false}, {time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC), false}, {time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), true},
		{time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC), true}, {time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), false},
	} {
		r := sample(1)
		r.At = c.at
		if _, _, err := (Chain{}).Append(Head{}, r); (err == nil) != c.ok {
			t.Errorf("%v: %v", c.at, err)
		}
	}
	for decision, ok := range map[string]bool{Allowed: true, Refused: true, "": false, "perhaps": false} {
		r := sample(1)
		r.Decision = decision
		if _, _, err := (Chain{}).Append(Head{}, r); (err == nil) != ok {
			t.Errorf("%q: %v", decision, err)
		}
	}
}
