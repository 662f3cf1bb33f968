package cases

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/store"
)

// KindRecord carries the waiting lines of a case's record over, in order.
const KindRecord = "record"

// LineKind is what one line of a record does at the far end.
type LineKind string

// The kinds of line.
const (
	LineAlert   LineKind = "alert"   // make the alert, or bring it up to date
	LineComment LineKind = "comment" // add a comment
	LinePromote LineKind = "promote" // make a case of the alert
	LineAttach  LineKind = "attach"  // add the evidence of an operation
	LineClose   LineKind = "close"   // end it with the verdict
)

// Line is one thing to carry over. Its id is the same on every try.
type Line struct {
	ID        string    `json:"i"`
	Ref       string    `json:"r"` // the alert it belongs to
	Kind      LineKind  `json:"k"`
	At        time.Time `json:"at"`
	Text      []string  `json:"t,omitempty"` // paragraphs; outside text may be in them
	By        string    `json:"b,omitempty"` // chat id of the person who did it
	Operation string    `json:"op,omitempty"`
	Outcome   Outcome   `json:"o,omitempty"`
}

// Kept is where the record is. Kind, ID, Number and Case are TheHive's.
type Kept struct {
	Ref    string `json:"r,omitempty"` // the alert this is about
	Kind   string `json:"k,omitempty"`
	ID     string `json:"i,omitempty"` // empty until it is there
	Number int    `json:"n,omitempty"`
	Case   string `json:"c,omitempty"`
}

// Record is the record of a case in TheHive: where it is, and what is not there
// yet. A case without one costs nothing.
type Record struct {
	Ref      string `json:"r,omitempty"` // source reference of the alert that new lines belong to
	Kept     Kept   `json:"h,omitzero"`
	Lines    []Line `json:"l,omitempty"` // oldest first
	Seq      int    `json:"s,omitempty"`
	Promoted bool   `json:"p,omitempty"` // planned to be a case, or one
	Ended    bool   `json:"e,omitempty"` // planned to be closed, or closed
	Refused  bool   `json:"x,omitempty"` // TheHive will not take it: no more is planned
	Left     int    `json:"lo,omitempty"`
}

// maxLines bounds what waits for TheHive. Comments beyond it are left out, which
// the next one says; the verdict and the rest are never more than a few.
const maxLines = 60

// matters says whether a decision is worth a record.
func matters(steps []policy.Step) bool {
	return slices.ContainsFunc(steps, func(s policy.Step) bool { return s.Compare(policy.Ticket) >= 0 })
}

// Keep makes sure that the case has a record, if records are kept at all. One
// that was closed is not opened again: a case that lives again gets another
// alert, because a verdict in TheHive is not overwritten.
func (c *Case) Keep(r Routes, now time.Time) {
	if !r.Records || c.Alias != "" || c.drill() {
		return
	}
	if c.Record == nil {
		c.Record = &Record{}
	}
	if c.Record.Ended && c.IsOpen() {
		c.Record.Ref, c.Record.Ended, c.Record.Promoted = "", false, false
	}
	if c.Record.Ref == "" {
		c.Record.Ref = c.Ref()
		if c.Record.Seq > 0 {
			c.Record.Ref += "/" + strconv.Itoa(c.Gen)
		}
		c.line(Line{Kind: LineAlert}, now)
	}
}

// Promote plans that the alert becomes a case, once.
func (c *Case) Promote(now time.Time) {
	if c.Record != nil && !c.Record.Promoted && !c.Record.Ended {
		c.Record.Promoted = true
		c.line(Line{Kind: LinePromote}, now)
	}
}

// Comment plans a comment: paragraphs, with outside text in them.
func (c *Case) Comment(now time.Time, paragraphs ...string) {
	c.line(Line{Kind: LineComment, Text: paragraphs}, now)
}

// Attach plans that the evidence of an operation is added, once.
func (c *Case) Attach(operation string, now time.Time) {
	if c.Record == nil || slices.ContainsFunc(c.Record.Lines, func(l Line) bool { return l.Operation == operation }) {
		return
	}
	c.line(Line{Kind: LineAttach, Operation: operation}, now)
}

// updateAlert plans that the alert is brought up to date, unless it is already.
func (c *Case) updateAlert(now time.Time) {
	if c.Record != nil && !slices.ContainsFunc(c.Record.Lines, func(l Line) bool { return l.Kind == LineAlert && l.Ref == c.Record.Ref }) {
		c.line(Line{Kind: LineAlert}, now)
	}
}

// endRecord plans the last comment and the verdict. Only a person's word closes
// a record: what the bot closes by itself stays for people to decide.
func (c *Case) endRecord(o Outcome, now time.Time) {
	if c.Record == nil || c.Record.Ended {
		return
	}
	c.line(Line{Kind: LineComment, Text: []string{c.Reason}, By: c.ClosedBy, Outcome: o}, now)
	c.line(Line{Kind: LineClose, Text: []string{c.Reason}, Outcome: o}, now)
	c.Record.Ended = true
}

// line adds a line to the record; without a record, nothing.
func (c *Case) line(l Line, now time.Time) {
	r := c.Record
	if r == nil || r.Refused || r.Ref == "" {
		return
	}
	if l.Kind == LineComment && l.Outcome == "" && len(r.Lines) >= maxLines {
		r.Left++
		return
	}
	if l.Kind == LineComment && r.Left > 0 {
		l.Text = append(slices.Clone(l.Text), fmt.Sprintf("%d comments before this one were left out, because too many were waiting.", r.Left))
		r.Left = 0
	}
	r.Seq++
	l.ID, l.Ref, l.At = c.ID+"/"+strconv.Itoa(r.Seq), r.Ref, now
	r.Lines = append(r.Lines, l)
}

// Recording plans the effect that carries waiting lines over. It is asked at
// every commit of a case: the lines of a case go one after the other, so there
// is never more than one.
func (c *Case) Recording(now time.Time) []store.Effect {
	if c.Record == nil || len(c.Record.Lines) == 0 || slices.ContainsFunc(c.Pending, ofRecord) {
		return nil
	}
	return []store.Effect{c.once(store.LaneRecord, KindRecord, "", now, now, "")}
}

// ofRecord says whether a pending effect is the one that Recording plans. It
// does not keep a case from being done: nobody waits for TheHive.
func ofRecord(short string) bool {
	_, what, _ := strings.Cut(short, "/")
	kind, _, _ := strings.Cut(what, "/")
	return kind == KindRecord
}

// NextLine is the line to carry over next; false when none waits.
func (c *Case) NextLine() (Line, bool) {
	if c.Record == nil || len(c.Record.Lines) == 0 {
		return Line{}, false
	}
	return c.Record.Lines[0], true
}

// LineKept takes in that a line is there, and where the record is. The returned
// effect shows people the way to a record that is new to them.
func (c *Case) LineKept(id string, k Kept, now time.Time) []store.Effect {
	if !c.dropLine(id) {
		return nil
	}
	before := c.Looks()
	c.Record.Kept = k
	if c.Looks() == before || c.Finding == nil {
		return nil
	}
	return c.refresh(now)
}

// LineGivenUp takes in that a line will not be there. When TheHive refuses the
// alert itself, for ever, there is no record to add anything to.
func (c *Case) LineGivenUp(id, why string, ever bool, now time.Time) {
	l, ok := c.NextLine()
	if !ok || !c.dropLine(id) {
		return
	}
	if ever && l.Kind == LineAlert && c.Record.Kept.Ref != l.Ref {
		c.Record.Refused, c.Record.Lines = true, nil
		c.note(now, "TheHive keeps no record of this: %s", why)
		return
	}
	c.note(now, "something is missing in TheHive (%s): %s", l.Kind, why)
}

// NotKept forgets what waits, because records are not kept any more.
func (c *Case) NotKept() {
	if c.Record != nil {
		c.Record.Lines = nil
	}
}

// sentence makes a sentence of a reason.
func sentence(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + strings.TrimRight(s[n:], ". ") + "."
}

// dropLine removes the first line; false when it is another one by now.
func (c *Case) dropLine(id string) bool {
	if l, ok := c.NextLine(); !ok || l.ID != id {
		return false
	}
	c.Record.Lines = slices.Delete(c.Record.Lines, 0, 1)
	return true
}
