package audit

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"
)

var t0 = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// log is a chain under attack.
type log struct {
	chain   Chain
	records []Record
	head    Head
	points  []Checkpoint
	keys    [][]byte
	since   time.Time
}

func sample(i int) Record {
	return Record{At: t0.Add(time.Duration(i) * time.Minute), Actor: "U0OMAR", For: "U0ANA", Act: "isolate", Object: fmt.Sprintf("i-%017x", i),
		Digest: Digest("isolate", fmt.Sprint(i)), Decision: Allowed, Result: "done", Detail: map[string]string{"account": "111122223333", "case": "SB-1"}}
}

func write(t testing.TB, n int, key []byte) *log {
	t.Helper()
	l := &log{chain: NewChain(key)}
	if key != nil {
		l.keys = [][]byte{key}
	}
	for i := range n {
		r, h, err := l.chain.Append(l.head, sample(i))
		if err != nil {
			t.Fatal(err)
		}
		l.records, l.head = append(l.records, r), h
		l.points = append(l.points, l.chain.Checkpoint(h, h.At.Add(time.Second)))
	}
	return l
}

func (l *log) verify() Report {
	return Verify(each(l.records), Evidence{Head: l.head, Checkpoints: l.points, Keys: l.keys, Since: l.since})
}

func each(rs []Record) iter.Seq2[Record, error] {
	return func(yield func(Record, error) bool) {
		for _, r := range rs {
			if !yield(r, nil) {
				return
			}
		}
	}
}

// rehash makes the chain consistent again from index i on, as somebody without
// the key can, head included.
func (l *log) rehash(i int) {
	forger, head := Chain{}, Head{}
	if i > 0 {
		head = forger.headOf(l.records[i-1])
	}
	for ; i < len(l.records); i++ {
		r, h, err := forger.Append(head, l.records[i])
		if err != nil {
			panic(err)
		}
		l.records[i], head = r, h
	}
	l.head = head
}

func TestEachAttackIsNamed(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name   string
		attack func(*log)
		want   Kind
		seq    uint64
	}{
		{"edit", func(l *log) { l.records[3].Actor = "U0ANA" }, Edited, 4},
		{"edit with its hash", func(l *log) { l.records[3].Actor = "U0ANA"; l.records[3].Hash = sumOf(nil, l.records[3]) }, Replaced, 5},
		{"edit the last with its hash", func(l *log) { l.records[9].Actor = "U0ANA"; l.records[9].Hash = sumOf(nil, l.records[9]) }, BadHead, 10},
		{"delete", func(l *log) { l.records = slices.Delete(l.records, 3, 5) }, Deleted, 6},
		{"delete the first", func(l *log) { l.records = l.records[1:] }, Deleted, 2},
		{"swap", func(l *log) { l.records[3], l.records[4] = l.records[4], l.records[3] }, Reordered, 4},
		{"insert a copy", func(l *log) { l.records = slices.Insert(l.records, 4, l.records[3]) }, Duplicated, 4},
		{"insert a forgery", func(l *log) {
			r, _, _ := Chain{}.Append(Chain{}.headOf(l.records[3]), sample(77))
			l.records = slices.Insert(l.records, 4, r)
		}, Duplicated, 5},
		{"insert after the end", func(l *log) {
			r, _, _ := Chain{}.Append(l.head, sample(77))
			l.records = append(l.records, r)
		}, BadHead, 11},
		{"truncate", func(l *log) { l.records = l.records[:7] }, Truncated, 10},
		{"truncate with head", func(l *log) { l.records = l.records[:7]; l.head = Chain{}.headOf(l.records[6]) }, Truncated, 8},
		{"remove everything", func(l *log) { l.records, l.head = nil, Head{} }, Truncated, 1},
		{"remove all records", func(l *log) { l.records = nil }, Truncated, 10},
		{"remove the head", func(l *log) { l.head = Head{} }, BadHead, 10},
		{"head set back", func(l *log) { l.head = Chain{}.headOf(l.records[5]) }, BadHead, 10},
		{"head of another time", func(l *log) { l.head.At = t0 }, BadHead, 10},
		{"rewrite from the fourth on", func(l *log) { l.records[3].Actor = "U0ANA"; l.rehash(3) }, Rewritten, 4},
		{"rewrite everything", func(l *log) { l.records[0].Actor = "U0ANA"; l.rehash(0) }, Rewritten, 1},
		{"first with a predecessor", func(l *log) { l.records[0].Prev = "00"; l.records[0].Hash = sumOf(nil, l.records[0]) }, Replaced, 1},
		{"head of another time, and gone on by the bot", func(l *log) {
			l.head.At = l.head.At.Add(-time.Hour)
			r, h, _ := l.chain.Append(l.head, sample(50))
			l.records, l.head = append(l.records, r), h
		}, BadHead, 11},
		{"no number", func(l *log) { l.records[2].Seq = 0 }, Unreadable, 0},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := write(t, 10, nil)
			c.attack(l)
			report := l.verify()
			if !slices.ContainsFunc(report.Problems, func(p Problem) bool { return p.Kind == c.want && p.Seq == c.seq }) {
				t.Errorf("%s of record %d is not among\n%v", c.want, c.seq, report.Problems)
			}
			for _, p := range report.Problems {
				if p.Text == "" || !strings.Contains(p.String(), string(p.Kind)) {
					t.Errorf("says nothing: %q", p)
				}
			}
		})
	}
}

// With a key, what can be made consistent without it is found without any
// checkpoint.
func TestTheKeyShowsWhatTheChainAloneDoesNot(t *testing.T) {
	t.Parallel()
	key := []byte("a key of at least thirty-two bytes!!")
	cases := []struct {
		name   string
		attack func(*log)
		want   Kind
	}{
		{"edit with a plain hash", func(l *log) { l.records[3].Actor = "U0ANA"; l.records[3].Hash = sumOf(nil, l.records[3]) }, Edited},
		{"rewritten unsigned from the fourth on", func(l *log) { l.rehash(3) }, Unsigned},
		{"rewritten unsigned as a whole", func(l *log) { l.rehash(0) }, Unsigned},
		{"another key", func(l *log) {
			forger := NewChain([]byte("somebody else's key"))
			r, h, _ := forger.Append(Head{Seq: 9, Hash: l.records[8].Hash, At: l.records[8].At, Key: KeyName(key)}, l.records[9])
			l.records[9], l.head = r, h
		}, Unsigned},
		{"truncated, with the head without its signature", func(l *log) {
			l.records = l.records[:7]
			l.head = Head{Seq: 7, Hash: l.records[6].Hash, At: l.records[6].At, Key: KeyName(key)}
		}, BadHead},
		{"truncated under an unsigned head, and gone on by the bot", func(l *log) {
			l.records = l.records[:7]
			r, h, err := l.chain.Append(Head{Seq: 7, Hash: l.records[6].Hash, At: l.records[6].At}, sample(50))
			if err != nil {
				panic(err)
			}
			l.records, l.head = append(l.records, r), h
		}, BadHead},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := write(t, 10, key)
			l.points = nil
			c.attack(l)
			if ps := l.verify().Problems; !slices.ContainsFunc(ps, func(p Problem) bool { return p.Kind == c.want }) {
				t.Errorf("%s is not among\n%v", c.want, ps)
			}
		})
	}
}

func TestAnUnsignedRecordAmongSignedOnesIsNamed(t *testing.T) {
	t.Parallel()
	l := write(t, 10, []byte("a key of at least thirty-two bytes!!"))
	l.records[3].Key = ""
	l.records[3].Hash = sumOf(nil, l.records[3])
	if ps := l.verify().Problems; len(ps) == 0 || ps[0].Kind != Unsigned || ps[0].Seq != 4 {
		t.Errorf("%v", ps)
	}
}

func TestAForgedCheckpointIsNamed(t *testing.T) {
	t.Parallel()
	l := write(t, 5, []byte("a key of at least thirty-two bytes!!"))
	l.points[2].Hash = strings.Repeat("0", 64)
	if ps := l.verify().Problems; len(ps) != 1 || ps[0].Kind != BadPoint || ps[0].Seq != 3 {
		t.Errorf("%v", ps)
	}
	l = write(t, 5, []byte("a key of at least thirty-two bytes!!"))
	l.points[2] = NewChain([]byte("another")).Checkpoint(Head{Seq: 3, Hash: l.records[2].Hash}, t0)
	if ps := l.verify().Problems; len(ps) != 1 || ps[0].Kind != Unsigned {
		t.Errorf("%v", ps)
	}
}

func TestRecordsMayExpireAtTheStartOnly(t *testing.T) {
	t.Parallel()
	l := write(t, 10, nil)
	l.records = l.records[4:]
	l.since = l.records[0].PrevAt.Add(time.Millisecond)
	if ps := l.verify().Problems; len(ps) != 0 {
		t.Errorf("expired records: %v", ps)
	}
	l.since = l.records[0].PrevAt
	if ps := l.verify().Problems; len(ps) != 1 || ps[0].Kind != Deleted || ps[0].Seq != 5 {
		t.Errorf("record 4 must still be kept: %v", ps)
	}
	l.records, l.since = nil, l.head.At.Add(time.Millisecond)
	if ps := l.verify().Problems; len(ps) != 0 {
		t.Errorf("all expired: %v", ps)
	}
}

func TestAKeyMayComeLaterAndChange(t *testing.T) {
	t.Parallel()
	first, second := []byte("first key"), []byte("second key")
	l := write(t, 3, nil)
	for _, key := range [][]byte{first, second} {
		for i := range 3 {
			r, h, err := NewChain(key).Append(l.head, sample(10+i))
			if err != nil {
				t.Fatal(err)
			}
			l.records, l.head = append(l.records, r), h
		}
	}
	l.keys = [][]byte{second, first}
	if ps := l.verify().Problems; len(ps) != 0 {
		t.Errorf("with both keys: %v", ps)
	}
	l.keys = [][]byte{second}
	if ps := l.verify().Problems; len(ps) != 3 || ps[0].Kind != Unsigned {
		t.Errorf("without the first key: %v", ps)
	}
}
