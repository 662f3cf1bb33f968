package lookup

import (
	"context"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// Topic is the block of the report a result belongs to.
type Topic string

// The topics, in the order they are shown.
const (
	What       Topic = "what"       // whose it is and what it is for
	Reputation Topic = "reputation" // what others say about its behaviour
	Exposure   Topic = "exposure"   // what it offers to the internet
)

// Fact is one thing a source says.
type Fact struct {
	Label string    // our own words
	Value string    // outside text
	At    time.Time // instead of Value, when the fact is a time
}

// Result is what a source says about one indicator, in its own words.
type Result struct {
	Topic Topic
	// Brief is the result in a few words, for the first line of a report; empty
	// when there is nothing to say there.
	Brief message.Text
	// Says is the verdict in the source's own words; outside text. Empty when the
	// source gives none.
	Says string
	// Warns says that the source itself counts the indicator as bad. It orders
	// the report; it is no verdict of ours.
	Warns bool
	// Nothing says, in our own words, what it means that the source knows
	// nothing bad, or nothing at all.
	Nothing string
	Facts   []Fact
	Link    string    // page of the source about the indicator
	AsOf    time.Time // what time the source's knowledge is of; zero when it does not say
	Note    string    // our own words, such as that a list could not be refreshed
}

// Source is somebody to ask about an indicator. An error says in plain words
// why there is no answer; see Error.
type Source interface {
	Name() string
	Takes(Indicator) bool
	Look(context.Context, Indicator) (Result, error)
}

// Section is a block of our own history.
type Section struct {
	Title string         // our own words
	Lines []message.Text // one each
}

// History tells what we ourselves know about an indicator.
type History interface {
	About(context.Context, Indicator) ([]Section, error)
}

// GrowingHistory is a History that knows a part at once and the rest later. It
// calls grown with that part, once, and returns everything.
type GrowingHistory interface {
	History
	Grow(ctx context.Context, i Indicator, grown func([]Section)) ([]Section, error)
}

// add appends a fact unless it is empty.
func (r *Result) add(label, value string) {
	if value = clean(value); value != "" {
		r.Facts = append(r.Facts, Fact{Label: label, Value: value})
	}
}

func (r *Result) at(label string, t time.Time) {
	if !t.IsZero() && t.Year() > 1980 && t.Year() < 2200 {
		r.Facts = append(r.Facts, Fact{Label: label, At: t.UTC()})
	}
}
