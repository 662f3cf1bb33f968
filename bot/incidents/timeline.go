package incidents

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/message"
)

// Kind is what a line of the timeline is about.
type Kind string

// The kinds of line. Note, Decision and Task are what people write.
const (
	KindOpened   Kind = "opened"
	KindStep     Kind = "step" // a step of setting up or ending was done
	KindFailed   Kind = "failed"
	KindMember   Kind = "member"
	KindSeverity Kind = "severity"
	KindLead     Kind = "lead"
	KindPaged    Kind = "page"
	KindCase     Kind = "case"
	KindEvidence Kind = "evidence"
	KindNote     Kind = "note"
	KindDecision Kind = "decision"
	KindTask     Kind = "task"
	KindReminder Kind = "reminder"
	KindClosed   Kind = "closed"
	KindReopened Kind = "reopened"
)

// Entry is one line of the timeline. What is in our own words; Text came from
// outside and must be shown as a value.
type Entry struct {
	At   time.Time `json:"at"`
	By   string    `json:"by,omitempty"` // chat id; empty is the bot
	Kind Kind      `json:"k"`
	What string    `json:"w,omitempty"`
	Whom []string  `json:"u,omitempty"` // chat ids, after What
	Text string    `json:"x,omitempty"`
}

// What a timeline holds. The document is written anew with each change, so it
// must not grow without bounds.
const (
	maxEntries = 1000
	maxBytes   = 256 << 10
	reserve    = 8 // lines kept for how the incident ends
	maxText    = 2000
)

func (c *Incident) full() bool {
	if len(c.Timeline) >= maxEntries-reserve {
		return true
	}
	size := 0
	for i := range c.Timeline {
		size += len(c.Timeline[i].Text) + 80
	}
	return size >= maxBytes
}

// log adds a line and returns its number, or -1 when there is no room. Lines
// about the end have some kept for them.
func (c *Incident) log(e Entry) int {
	end := e.Kind == KindClosed || c.Status == Closed
	if c.full() && (!end || len(c.Timeline) >= maxEntries) {
		c.Dropped++
		return -1
	}
	e.At = e.At.UTC().Truncate(time.Second)
	e.Text = message.Cut(e.Text, maxText)
	c.Timeline = append(c.Timeline, e)
	return len(c.Timeline) - 1
}

// EntryOf returns the line an effect is about (a thing to say or to tell);
// false when there is none.
func (c *Incident) EntryOf(effectID string) (Entry, bool) {
	step, rest := cutStep(c.step(effectID))
	i, err := strconv.Atoi(rest)
	if step != StepSay && step != StepTell || err != nil || i < 0 || i >= len(c.Timeline) {
		return Entry{}, false
	}
	return c.Timeline[i], true
}

// written checks what a person wrote for the record.
func written(text, what string) (string, error) {
	text = clean(text)
	switch {
	case text == "":
		return "", Refusal("Please write " + what + ".")
	case utf8.RuneCountInString(text) > maxText:
		return "", Refusal("That is too long: at most " + strconv.Itoa(maxText) + " characters.")
	}
	return text, nil
}
