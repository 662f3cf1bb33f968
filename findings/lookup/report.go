package lookup

import (
	"time"
)

// State is how far a source is.
type State string

// The states of a source.
const (
	Asking   State = "asking"
	Answered State = "answered"
	Failed   State = "failed"
	NotAsked State = "not asked"
)

// Entry is what became of one source.
type Entry struct {
	Source string
	State  State
	Result Result    // Answered
	Reason Reason    // Failed and NotAsked, in our own words
	At     time.Time // Answered: when the source said it, which is earlier when it was remembered
	Kept   bool      // Answered: from memory, nobody was asked now
	Took   time.Duration
}

// Report is an investigation so far. Sources are always in the same order.
type Report struct {
	Indicator Indicator
	Class     Class
	At        time.Time     // when the investigation began
	Took      time.Duration // so far
	Complete  bool          // nothing more will come
	History   []Section
	// HistoryState is Answered, Asking or Failed; NotAsked when there is none.
	HistoryState  State
	HistoryReason Reason
	Entries       []Entry
	Resolver      string // host of the DNS resolver that is used
}

// count returns how many sources are in a state.
func (r Report) count(s State) int {
	n := 0
	for _, e := range r.Entries {
		if e.State == s {
			n++
		}
	}
	return n
}

// Answers is how many sources answered.
func (r Report) Answers() int { return r.count(Answered) }

// Failures is how many sources did not answer, our own history included.
func (r Report) Failures() int {
	n := r.count(Failed)
	if r.HistoryState == Failed {
		n++
	}
	return n
}

// Warnings is how many sources count the indicator as bad, each by its own
// measure.
func (r Report) Warnings() int {
	n := 0
	for _, e := range r.Entries {
		if e.State == Answered && e.Result.Warns {
			n++
		}
	}
	return n
}

// Reasons for which a source is not asked.
const (
	loudReason    Reason = "not asked: the indicator's own servers would see it"
	privateReason Reason = "not asked: nothing about this leaves the company"
)
