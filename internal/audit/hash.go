package audit

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"maps"
	"slices"
	"time"
)

// Each kind of hash starts with its own label, so that none can be passed off
// as another.
const (
	labelRecord     = "securitybot audit record 1"
	labelHead       = "securitybot audit head 1"
	labelCheckpoint = "securitybot audit checkpoint 1"
	labelKey        = "securitybot audit key 1"
	labelDigest     = "securitybot audit digest 1"
)

// digester hashes fields. Each is preceded by its length, so that no two
// different lists of fields have the same input.
type digester struct{ hash.Hash }

func newDigester(key []byte, label string) digester {
	d := digester{sha256.New()}
	if len(key) > 0 {
		d = digester{hmac.New(sha256.New, key)}
	}
	d.text(label)
	return d
}

func (d digester) number(n uint64) { d.Write(binary.BigEndian.AppendUint64(nil, n)) }

func (d digester) text(s string) {
	d.number(uint64(len(s)))
	d.Write([]byte(s))
}

func (d digester) time(t time.Time) {
	if t.IsZero() {
		d.text("")
		return
	}
	d.text(t.Format(time.RFC3339Nano))
}

func (d digester) sum() string { return hex.EncodeToString(d.Sum(nil)) }

// sumOf is the hash of everything in a record but the hash itself.
func sumOf(key []byte, r Record) string {
	d := newDigester(key, labelRecord)
	d.number(r.Seq)
	d.time(r.At)
	for _, s := range []string{r.Actor, r.For, r.Act, r.Object, r.Digest, r.Decision, r.Result, r.Prev, r.PrevKey, r.Key} {
		d.text(s)
	}
	d.time(r.PrevAt)
	d.number(uint64(len(r.Detail)))
	for _, k := range sortedKeys(r.Detail) {
		d.text(k)
		d.text(r.Detail[k])
	}
	return d.sum()
}

// KeyName names a key without giving it away; "" for no key.
func KeyName(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	return newDigester(key, labelKey).sum()[:16]
}

// Digest is the hex SHA-256 of an input given as its parts, for Record.Digest.
// The order counts, and so does where one part ends and the next begins.
func Digest(parts ...string) string {
	d := newDigester(nil, labelDigest)
	for _, p := range parts {
		d.text(p)
	}
	return d.sum()
}

// same compares two hashes or signatures in constant time.
func same(a, b string) bool { return hmac.Equal([]byte(a), []byte(b)) }

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
