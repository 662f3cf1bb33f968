// Package audit is a tamper-evident log: records in a hash chain, a head that
// names the last one, and checkpoints of the head that are kept where whoever
// can change the records cannot change them.
//
// What each part shows:
//
//   - the chain: an edited, deleted, inserted or reordered record, because each
//     record's hash covers its content and the hash of the record before;
//   - the head: records cut off at the end;
//   - the checkpoints: a chain that was rewritten as a whole, or cut off
//     together with its head;
//   - a key (HMAC-SHA-256, RFC 2104): all of this even against somebody who may
//     write records, head and checkpoints but does not hold the key.
//
// Without a key and without checkpoints, somebody who can write to the store
// can compute a new chain that looks right.
//
// The package is pure: it reads no clock and stores nothing.
package audit
