package audit

import (
	"errors"
	"fmt"
	"time"
)

// ErrTampered says that a head carries the name of our key but not its
// signature: somebody else wrote it, and nothing may be appended to it.
var ErrTampered = errors.New("the head of the audit log was not written by this program")

// ErrNoKey says that a chain is signed and this program has no key: an unsigned
// record would look like a forgery.
var ErrNoKey = errors.New("the audit log is signed, but no key is configured")

// Head names the last record of a chain. The zero value is that of an empty
// chain.
type Head struct {
	Seq  uint64    `json:"seq"`
	Hash string    `json:"hash"`
	At   time.Time `json:"at,omitzero"`   // instant of the last record
	Key  string    `json:"key,omitempty"` // as in Record
	MAC  string    `json:"mac,omitempty"` // hex HMAC-SHA-256; empty without a key
}

// Checkpoint is what the head was at an instant. It is worth something only
// when kept where the records' owner cannot change it.
type Checkpoint struct {
	Seq  uint64    `json:"seq"`
	Hash string    `json:"hash"`
	At   time.Time `json:"at"` // when the checkpoint was made
	Key  string    `json:"key,omitempty"`
	MAC  string    `json:"mac,omitempty"`
}

// Chain appends records. The zero value hashes without a key.
type Chain struct{ key []byte }

// NewChain returns a chain that signs with key; an empty key means none.
func NewChain(key []byte) Chain { return Chain{key: key} }

// Append makes r the record after head and returns it with the new head. The
// two must be stored together, and only if head is still the stored one:
// otherwise the chain forks. Append fails for a record that does not say who
// did what, and with ErrTampered or ErrNoKey.
func (c Chain) Append(head Head, r Record) (Record, Head, error) {
	switch {
	case head.Key != "" && len(c.key) == 0:
		return Record{}, Head{}, fmt.Errorf("append to the audit log: %w", ErrNoKey)
	case head.Key != "" && head.Key == KeyName(c.key) && !same(head.MAC, c.headMAC(head)):
		return Record{}, Head{}, fmt.Errorf("append to the audit log: %w", ErrTampered)
	}
	r = r.normal()
	if r.At.Before(head.At) {
		r.At = head.At // clocks of replicas differ a little
	}
	if err := r.check(); err != nil {
		return Record{}, Head{}, fmt.Errorf("append to the audit log: %w", err)
	}
	r.Seq, r.Prev, r.PrevAt, r.PrevKey, r.Key = head.Seq+1, head.Hash, head.At, head.Key, KeyName(c.key)
	r.Hash = sumOf(c.key, r)
	return r, c.headOf(r), nil
}

// headOf is the head of a chain that ends with r.
func (c Chain) headOf(r Record) Head {
	h := Head{Seq: r.Seq, Hash: r.Hash, At: r.At, Key: KeyName(c.key)}
	h.MAC = c.headMAC(h)
	return h
}

func (c Chain) headMAC(h Head) string {
	if len(c.key) == 0 {
		return ""
	}
	d := newDigester(c.key, labelHead)
	d.number(h.Seq)
	d.text(h.Hash)
	d.time(h.At)
	d.text(h.Key)
	return d.sum()
}

// Checkpoint notes what the head is at an instant.
func (c Chain) Checkpoint(h Head, at time.Time) Checkpoint {
	p := Checkpoint{Seq: h.Seq, Hash: h.Hash, At: at.UTC().Truncate(time.Millisecond), Key: KeyName(c.key)}
	p.MAC = c.checkpointMAC(p)
	return p
}

func (c Chain) checkpointMAC(p Checkpoint) string {
	if len(c.key) == 0 {
		return ""
	}
	d := newDigester(c.key, labelCheckpoint)
	d.number(p.Seq)
	d.text(p.Hash)
	d.time(p.At)
	d.text(p.Key)
	return d.sum()
}

// Encode returns the head as JSON.
func (h Head) Encode() ([]byte, error) { return encode("head", h) }

// DecodeHead reads a head; no bytes are the head of an empty chain.
func DecodeHead(body []byte) (Head, error) {
	if len(body) == 0 {
		return Head{}, nil
	}
	return decode[Head]("head", body)
}

// Encode returns the checkpoint as one line of JSON, without the line end.
func (p Checkpoint) Encode() ([]byte, error) { return encode("checkpoint", p) }

// DecodeCheckpoint reads a line written by Encode.
func DecodeCheckpoint(line []byte) (Checkpoint, error) {
	return decode[Checkpoint]("checkpoint", line)
}
