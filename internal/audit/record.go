package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// The two decisions a record can tell of.
const (
	Allowed = "allowed"
	Refused = "refused"
)

// Actors that are not persons.
const (
	System = "system" // the bot itself
	Policy = "policy" // a rule of the policy
)

// Bounds of what a record holds, in bytes, so that a log of refusals cannot be
// blown up from outside. Longer text is cut with a visible mark.
const (
	maxField  = 512
	maxValue  = 2048
	maxDetail = 32 // entries
)

// Record is one line of the log. The first group is for the caller to fill in,
// the second is set by Chain.Append.
type Record struct {
	At       time.Time         `json:"at"`               // to the millisecond, never before the record before
	Actor    string            `json:"actor"`            // chat id, Policy or System
	For      string            `json:"for,omitempty"`    // on whose behalf, when that is somebody else
	Act      string            `json:"act"`              // from a closed set, such as "close a case"
	Object   string            `json:"object,omitempty"` // what it was done to
	Digest   string            `json:"digest,omitempty"` // of the exact input; see Digest
	Decision string            `json:"decision"`         // Allowed or Refused
	Result   string            `json:"result,omitempty"` // what came of it, or why it was refused
	Detail   map[string]string `json:"detail,omitempty"` // at most 32 entries; no secrets

	Seq    uint64    `json:"seq"`              // 1 for the first record
	Prev   string    `json:"prev,omitempty"`   // hash of the record before; empty for the first
	PrevAt time.Time `json:"prev_at,omitzero"` // instant of the record before: shows whether it may have expired
	// PrevKey is what the head said of the key of the record before. A head that
	// was forged without our key is found out by it.
	PrevKey string `json:"prev_key,omitempty"`
	Key     string `json:"key,omitempty"` // name of the key that signed, empty without one; see KeyName
	Hash    string `json:"hash"`          // hex; HMAC-SHA-256 with the key, else SHA-256
}

// normal returns the record as it survives encoding and decoding: valid UTF-8,
// within bounds, UTC, milliseconds.
func (r Record) normal() Record {
	for _, s := range []*string{&r.Actor, &r.For, &r.Act, &r.Object, &r.Digest, &r.Decision, &r.Result} {
		*s = clean(*s, maxField)
	}
	r.At = r.At.UTC().Truncate(time.Millisecond)
	detail := make(map[string]string, len(r.Detail))
	for i, k := range sortedKeys(r.Detail) {
		if i == maxDetail {
			break
		}
		detail[clean(k, maxField)] = clean(r.Detail[k], maxValue)
	}
	r.Detail = nil
	if len(detail) > 0 {
		r.Detail = detail
	}
	return r
}

// clean makes text that JSON leaves as it is, of at most limit bytes.
func clean(s string, limit int) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= limit {
		return s
	}
	const mark = "…"
	cut := limit - len(mark)
	for !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + mark
}

// check refuses a record that would not say who did what.
func (r Record) check() error {
	switch {
	case r.At.IsZero() || r.At.Year() > 9999 || r.At.Year() < 1970:
		return errors.New("a record without a time")
	case r.Actor == "" || r.Act == "":
		return errors.New("a record without actor or act")
	case r.Decision != Allowed && r.Decision != Refused:
		return fmt.Errorf("the decision is %s or %s", Allowed, Refused)
	}
	return nil
}

// Encode returns the record as one line of JSON, without the line end. There is
// one encoding of each record.
func (r Record) Encode() ([]byte, error) { return encode("record", r) }

// DecodeRecord reads a record. It refuses everything that Encode would not have
// written: another order, spaces, unknown or repeated names.
func DecodeRecord(line []byte) (Record, error) { return decode[Record]("record", line) }

func encode(what string, v any) ([]byte, error) {
	out, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", what, err)
	}
	return out, nil
}

// decode takes only what encode writes, so that nothing can hide in a line
// outside of what its hash covers.
func decode[T any](what string, line []byte) (T, error) {
	var v, zero T
	if err := json.Unmarshal(line, &v); err != nil {
		return zero, fmt.Errorf("decode %s: %w", what, err)
	}
	again, err := encode(what, v)
	if err != nil {
		return zero, err
	}
	if !bytes.Equal(again, line) {
		return zero, fmt.Errorf("decode %s: it is not written as this program writes it", what)
	}
	return v, nil
}
