package replay

import (
	"fmt"
	"slices"
)

// Condition is something that makes a comparison end with "no".
type Condition string

// The conditions.
const (
	FailPage         Condition = "page"         // a page would no longer happen
	FailHigh         Condition = "high"         // something of severity 7 or more gets less attention
	FailConfirmed    Condition = "confirmed"    // something real gets less attention
	FailLess         Condition = "less"         // anything gets less attention
	FailChange       Condition = "change"       // anything changes
	FailUndetermined Condition = "undetermined" // something could not be compared, or a line could not be read
	FailNever        Condition = "never"
)

// Conditions lists all conditions.
func Conditions() []Condition {
	return []Condition{FailPage, FailHigh, FailConfirmed, FailLess, FailChange, FailUndetermined, FailNever}
}

// Usual are the conditions that hold unless somebody says otherwise.
func Usual() []Condition { return []Condition{FailPage, FailHigh, FailConfirmed} }

// Failures says, in a sentence each, which conditions are met. What goes to a rule
// of allowed is meant and does not count, except as an unread line.
func (r *Result) Failures(when []Condition, allowed []string) []string {
	var out []string
	say := func(c Condition, n int, words string) {
		if slices.Contains(when, c) && n > 0 {
			out = append(out, fmt.Sprintf("%d %s", n, words))
		}
	}
	var page, high, confirmed, less, change int
	for i := range r.Changes {
		c := &r.Changes[i]
		n, serious, real := c.left(allowed)
		change += n
		if c.Attention != Less {
			continue
		}
		less, high, confirmed = less+n, high+serious, confirmed+real
		if c.LostPage() {
			page += n
		}
	}
	unknown := r.Cut + r.Differing + r.Tally.Skipped()
	for _, u := range r.Undetermined {
		unknown += u.N
	}
	say(FailPage, page, "× a page would no longer happen")
	say(FailHigh, high, "× something of severity 7 or more gets less attention")
	say(FailConfirmed, confirmed, "× something that was real gets less attention")
	say(FailLess, less, "× less attention")
	say(FailChange, change, "× something changes")
	say(FailUndetermined, unknown, "× it could not be told")
	return out
}

// left counts what does not go to one of the allowed rules.
func (c *Change) left(allowed []string) (n, high, confirmed int) {
	for i := range c.all {
		e := &c.all[i]
		if slices.Contains(allowed, e.NewRule) {
			continue
		}
		n++
		if serious(e.Severity) {
			high++
		}
		if e.real {
			confirmed++
		}
	}
	return n, high, confirmed
}
