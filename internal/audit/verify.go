package audit

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"
)

// Kind is a way in which a log can be wrong.
type Kind string

// The kinds of problems.
const (
	Unreadable Kind = "unreadable" // not a record at all, or not where it belongs
	Edited     Kind = "edited"     // the content does not fit the hash
	Unsigned   Kind = "unsigned"   // not signed with a key it should be signed with
	Deleted    Kind = "deleted"    // numbers are missing
	Duplicated Kind = "duplicated" // a number comes twice
	Reordered  Kind = "reordered"  // a lower number after a higher one
	Replaced   Kind = "replaced"   // a record does not follow from the one before
	Truncated  Kind = "truncated"  // the end is missing
	BadHead    Kind = "head"       // the head is missing or forged
	Rewritten  Kind = "rewritten"  // the chain is whole but not the one that was checkpointed
	BadPoint   Kind = "checkpoint" // a checkpoint is not genuine
)

// Problem is one thing that is wrong.
type Problem struct {
	Kind Kind   `json:"kind"`
	Seq  uint64 `json:"seq"` // of the record; 0 when it has none
	Text string `json:"text"`
}

// String is the sentence with the number of the record.
func (p Problem) String() string {
	if p.Seq == 0 {
		return fmt.Sprintf("%s: %s", p.Kind, p.Text)
	}
	return fmt.Sprintf("record %d: %s: %s", p.Seq, p.Kind, p.Text)
}

// Evidence is what a chain is measured by, besides itself.
type Evidence struct {
	Head        Head
	Checkpoints []Checkpoint
	// Keys are the keys that may have signed, the present one first. Empty means
	// that the log is not signed; records that are signed can then be checked
	// for their order only.
	Keys [][]byte
	// Since is the instant before which records may be missing at the start,
	// because they have expired or were not exported. Zero means none may.
	Since time.Time
}

// Report is the result of Verify.
type Report struct {
	Records     int       // read and understood
	First, Last uint64    // their lowest and highest number
	From        time.Time // of the first record
	To          time.Time // of the last record
	Problems    []Problem // in the order they were found; empty when all is well
}

// Verify reads a chain from its first record to its last and names everything
// that does not fit. records yields them as they are found; an error stands for
// a record that could not be read.
func Verify(records iter.Seq2[Record, error], ev Evidence) Report {
	v := &verifier{ev: ev, keys: map[string][]byte{}, hashes: map[uint64]string{}}
	for _, k := range ev.Keys {
		v.keys[KeyName(k)] = k
	}
	for _, p := range ev.Checkpoints {
		v.hashes[p.Seq] = ""
	}
	for r, err := range records {
		if err != nil {
			v.found(Unreadable, 0, "%v", err)
			continue
		}
		v.one(r)
	}
	v.end()
	v.checkpoints()
	return v.report
}

type verifier struct {
	ev     Evidence
	keys   map[string][]byte // by name
	last   Record            // the one with the highest number so far
	signed bool              // a record signed with one of our keys was seen
	hashes map[uint64]string // of the records that checkpoints name
	report Report
}

func (v *verifier) found(k Kind, seq uint64, format string, args ...any) {
	v.report.Problems = append(v.report.Problems, Problem{k, seq, fmt.Sprintf(format, args...)})
}

// one looks at the next record.
func (v *verifier) one(r Record) {
	v.report.Records++
	if r.Seq == 0 {
		v.found(Unreadable, 0, "a record without a number")
		return
	}
	v.seal(r)
	if v.last.Seq > 0 && r.Seq <= v.last.Seq {
		v.backwards(r)
		return
	}
	if _, wanted := v.hashes[r.Seq]; wanted {
		v.hashes[r.Seq] = r.Hash
	}
	if v.last.Seq == 0 {
		v.report.First, v.report.From = r.Seq, r.At
		v.start(r)
	} else {
		v.link(r)
	}
	v.last = r
	v.report.Last, v.report.To = r.Seq, r.At
}

// seal checks the record's own hash.
func (v *verifier) seal(r Record) {
	if r.Key == "" {
		if v.signed {
			v.found(Unsigned, r.Seq, "it is not signed, but earlier records are")
		}
		if !same(r.Hash, sumOf(nil, r)) {
			v.found(Edited, r.Seq, "its content is not what its hash says; somebody changed it after it was written")
		}
		return
	}
	key, known := v.keys[r.Key]
	switch {
	case known && !same(r.Hash, sumOf(key, r)):
		v.found(Edited, r.Seq, "its content is not what its signature says; somebody changed it after it was written, or forged it")
	case known:
		v.signed = true
	case len(v.keys) > 0:
		v.found(Unsigned, r.Seq, "it is signed with another key (%s) than the ones given", r.Key)
	}
}

// backwards is for a record whose number is not higher than the one before.
func (v *verifier) backwards(r Record) {
	switch {
	case r.Seq < v.last.Seq:
		v.found(Reordered, r.Seq, "it comes after record %d", v.last.Seq)
	case r.Hash == v.last.Hash:
		v.found(Duplicated, r.Seq, "it is there twice")
	default:
		v.found(Duplicated, r.Seq, "there are two different records with this number; one was inserted")
	}
}

// start looks at what the first record says of those before it.
func (v *verifier) start(r Record) {
	switch {
	case r.Seq == 1 && (r.Prev != "" || !r.PrevAt.IsZero()):
		v.found(Replaced, r.Seq, "it is the first but says that another came before")
	case r.Seq > 1 && (v.ev.Since.IsZero() || r.PrevAt.IsZero() || !r.PrevAt.Before(v.ev.Since)):
		v.found(Deleted, r.Seq, "%s missing before it, though the last (%s) should still be kept", v.span(1, r.Seq-1), r.PrevAt.Format(time.RFC3339))
	}
}

// link checks that r follows from the record before it.
func (v *verifier) link(r Record) {
	if r.Seq > v.last.Seq+1 {
		v.found(Deleted, r.Seq, "%s missing before it", v.span(v.last.Seq+1, r.Seq-1))
		return
	}
	switch {
	case !same(r.Prev, v.last.Hash):
		v.found(Replaced, r.Seq, "it does not follow from record %d that stands before it; one of the two is not the one that was written", v.last.Seq)
	case r.PrevKey != v.last.Key:
		v.found(BadHead, r.Seq, "when it was written, the head said another key than record %d has: the head had been forged, and records may be missing between the two", v.last.Seq)
	case !r.PrevAt.Equal(v.last.At), r.At.Before(v.last.At):
		v.found(BadHead, r.Seq, "when it was written, the head said another time than record %d has: the head had been forged, and records may be missing between the two", v.last.Seq)
	}
}

func (v *verifier) span(from, to uint64) string {
	if from == to {
		return fmt.Sprintf("record %d is", from)
	}
	return fmt.Sprintf("records %d to %d are", from, to)
}

// end compares the last record with the head.
func (v *verifier) end() {
	h := v.ev.Head
	switch {
	case h.Seq == 0 && v.last.Seq == 0:
		return
	case v.last.Seq == 0 && h.At.Before(v.ev.Since):
		// everything has expired
	case h.Seq == 0:
		v.found(BadHead, v.last.Seq, "there are records up to this one, but no head; it was deleted")
		return
	case v.last.Seq < h.Seq:
		v.found(Truncated, h.Seq, "%s missing at the end", v.span(v.last.Seq+1, h.Seq))
	case v.last.Seq > h.Seq:
		v.found(BadHead, v.last.Seq, "the head says that record %d is the last; the head was set back, or records were inserted after it", h.Seq)
	case !same(v.last.Hash, h.Hash) || !v.last.At.Equal(h.At) || v.last.Key != h.Key:
		v.found(BadHead, h.Seq, "the head does not fit this record, the last one; one of the two was changed")
	}
	v.headSeal(h)
}

func (v *verifier) headSeal(h Head) {
	key, known := v.keys[h.Key]
	switch {
	case len(v.keys) == 0:
	case h.Key == "":
		v.found(Unsigned, h.Seq, "the head is not signed, though there is a key")
	case !known:
		v.found(Unsigned, h.Seq, "the head is signed with another key (%s) than the ones given", h.Key)
	case !same(h.MAC, NewChain(key).headMAC(h)):
		v.found(BadHead, h.Seq, "the head's signature is wrong; it was forged")
	}
}

// checkpoints compares the chain with what it was.
func (v *verifier) checkpoints() {
	points := slices.Clone(v.ev.Checkpoints)
	slices.SortStableFunc(points, func(a, b Checkpoint) int { return cmp.Compare(a.Seq, b.Seq) })
	good, end := uint64(0), max(v.last.Seq, v.ev.Head.Seq)
	var bad *Checkpoint
	for i, p := range points {
		if !v.genuine(p) || p.Seq == 0 {
			continue
		}
		hash := v.hashes[p.Seq]
		switch {
		case p.Seq > end:
			v.found(Truncated, p.Seq, "a checkpoint of %s shows that there were %d records, now there are %d; the end was cut off, or the store was replaced", p.At.Format(time.RFC3339), p.Seq, end)
			return
		case hash == "" || bad != nil:
		case same(hash, p.Hash):
			good = p.Seq
		default:
			bad = &points[i]
			v.found(Rewritten, p.Seq, "it is not the record that was there at the checkpoint of %s; the chain was rewritten somewhere from record %d on", p.At.Format(time.RFC3339), good+1)
		}
	}
}

// genuine checks a checkpoint's signature.
func (v *verifier) genuine(p Checkpoint) bool {
	if len(v.keys) == 0 {
		return true
	}
	key, known := v.keys[p.Key]
	switch {
	case p.Key == "":
		// From before there was a key, or forged: it is compared all the same,
		// since it can only raise an alarm.
		return true
	case !known:
		v.found(Unsigned, p.Seq, "a checkpoint of %s is signed with another key (%s) than the ones given", p.At.Format(time.RFC3339), p.Key)
		return false
	case !same(p.MAC, NewChain(key).checkpointMAC(p)):
		v.found(BadPoint, p.Seq, "the signature of the checkpoint of %s is wrong; the file of checkpoints was changed", p.At.Format(time.RFC3339))
		return false
	}
	return true
}
