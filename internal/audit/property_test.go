package audit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestAnySingleChangeIsFound attacks random chains at random.
func TestAnySingleChangeIsFound(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		var key []byte
		if rnd.IntN(2) == 0 {
			key = []byte("a key of at least thirty-two bytes!!")
		}
		l := write(t, 2+rnd.IntN(12), key)
		if ps := l.verify().Problems; len(ps) != 0 {
			t.Fatalf("seed %d: an untouched chain of %d: %v", seed, len(l.records), ps)
		}
		what := mutate(l, rnd)
		if len(l.verify().Problems) == 0 {
			t.Fatalf("seed %d: %s was not found", seed, what)
		}
	}
}

func mutate(l *log, rnd *rand.Rand) string {
	n := len(l.records)
	i := rnd.IntN(n)
	switch rnd.IntN(7) {
	case 0, 1:
		return editField(&l.records[i], rnd.IntN(fields))
	case 2:
		l.records = slices.Delete(l.records, i, i+1)
		return "delete"
	case 3:
		j := (i + 1 + rnd.IntN(n-1)) % n
		l.records[i], l.records[j] = l.records[j], l.records[i]
		return "swap"
	case 4:
		r, _, _ := l.chain.Append(l.chain.headOf(l.records[i]), sample(rnd.IntN(100)+100)) // even with the key
		l.records = slices.Insert(l.records, i+1, r)
		return "insert"
	case 5:
		l.records = l.records[:i]
		l.head = Head{}
		if i > 0 {
			l.head = l.chain.headOf(l.records[i-1]) // even with the key
		}
		return "truncate with head"
	}
	l.records[i].Actor = "U0MALLORY"
	l.rehash(i)
	return "rewrite"
}

// fields is how many ways editField knows.
const fields = 16

func editField(r *Record, which int) string {
	texts := []*string{&r.Actor, &r.For, &r.Act, &r.Object, &r.Digest, &r.Decision, &r.Result, &r.Prev, &r.PrevKey, &r.Key, &r.Hash}
	if which < len(texts) {
		*texts[which] += "x"
		return fmt.Sprintf("edit of text %d", which)
	}
	switch which {
	case 11:
		r.Seq += 100
	case 12:
		r.At = r.At.Add(time.Millisecond)
	case 13:
		r.PrevAt = r.PrevAt.Add(time.Millisecond)
	case 14:
		r.Detail["case"] = "SB-2"
	default:
		r.Detail["new"] = ""
	}
	return fmt.Sprintf("edit %d", which)
}
