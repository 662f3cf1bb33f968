// Package store keeps the bot's state in Redis: versioned documents with one
// timer each, planned effects with leases, and inbox marks, all changed by one
// atomic Commit. It knows nothing of findings or chat.
package store

import (
	"errors"
	"time"
)

// Doc is a stored document. Version 0 means that it does not exist.
type Doc struct {
	ID      string
	Version int64
	Body    []byte
}

// Write replaces one document if its version is still the expected one. The
// new version is IfVersion+1. A document created anew after it was deleted or
// expired starts at 1 again, so ids should not be reused while somebody may
// still hold an old version.
type Write struct {
	ID        string
	IfVersion int64         // the version read; 0 creates
	Body      []byte        // nil deletes; empty but not nil is a body
	TTL       time.Duration // 0 keeps for ever; an open document never expires, whatever it says
	// Timer is the instant at which the document wants to be looked at again;
	// zero disarms. An Open document must have one: Commit refuses otherwise.
	Timer time.Time
	Open  bool
}

// Lane is a class of effects with its own workers, so that none waits for
// another.
type Lane string

// The lanes, most urgent first; LaneAct is for what changes something in AWS
// and is as urgent as LaneInquiry.
const (
	LanePage    Lane = "page"
	LaneInquiry Lane = "inquiry"
	LaneNotify  Lane = "notify"
	LaneRecord  Lane = "record"
	LaneAct     Lane = "act"
)

// Lanes lists all lanes. Records of effects name them by their place here, so a
// new one goes to the end.
var Lanes = []Lane{LanePage, LaneInquiry, LaneNotify, LaneRecord, LaneAct}

// Effect is something to be done outside, planned durably. ID is stable
// (case, step, generation): planning an effect whose ID is already planned is
// a no-op. The store does not remember effects that are done: that a step is
// not planned again is for the document to say, by its version. Instants are
// kept to the millisecond, and Due is rounded up.
type Effect struct {
	ID      string    `json:"id"`
	Lane    Lane      `json:"lane"`
	Kind    string    `json:"kind"`
	Group   string    `json:"group,omitempty"` // e.g. the channel: effects of one group may be done together
	Doc     string    `json:"doc"`             // the document it belongs to
	Body    []byte    `json:"body,omitempty"`
	Planned time.Time `json:"planned"`
	Due     time.Time `json:"due"`

	// Set by Claim.
	Attempt int   `json:"-"` // 1 for the first claim
	Fence   int64 `json:"-"` // number of this claim; a later claim has a higher one
}

// Done names a claimed effect as finished. Commit refuses with ErrFenced when
// somebody else has claimed it since, or when it was finished, cancelled or
// given back. A lease that ended without anybody noticing does not matter.
type Done struct {
	ID    string
	Fence int64
}

// Mark is an inbox mark: the first Commit with it wins, later ones get
// ErrSeen. TTL must be positive.
type Mark struct {
	ID  string
	TTL time.Duration
}

// Commit is one atomic change. Op is unique to the attempt (not to the
// retry): a Commit repeated with the same Op returns the first result.
type Commit struct {
	Op     string
	Marks  []Mark
	Writes []Write
	Plan   []Effect
	Done   []Done
	Cancel []string // ids of effects that must not start any more
}

// Errors of Commit. Anything else means that the outcome is unknown: load
// again.
var (
	ErrConflict = errors.New("store: a document changed since it was read")
	ErrSeen     = errors.New("store: already in the inbox")
	ErrFenced   = errors.New("store: the effect was claimed by somebody else")
)

// Due is a document whose timer has run out.
type Due struct {
	ID string
	At time.Time
}
