package lookup

import (
	"fmt"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// Bounds of a report on one screen.
const (
	maxFacts   = 4  // of one source
	maxHistory = 12 // lines of our own history
)

// Message renders the report for one screen: what it is in a line, what we
// know ourselves, what each source says, who has not answered.
func (r Report) Message() message.Message {
	m := message.Message{Fallback: message.L("Investigation of ").V(r.Indicator.String())}
	m = m.Title(message.L("Investigation of ").V(r.title()))
	m = m.Para(r.headline())
	if n := len(r.Indicator.Notes); n > 0 {
		m = m.Note(message.L(strings.Join(r.Indicator.Notes, " ")))
	}
	if t := r.seenByUs(); len(t) > 0 {
		m = m.Para(t)
	}
	for _, block := range []struct {
		topic Topic
		title string
	}{{What, "What it is"}, {Reputation, r.reputationTitle()}, {Exposure, "Open to the internet"}} {
		if t := r.topic(block.topic); len(t) > 0 {
			m = m.Para(append(message.Text{}.Strong(block.title), t...))
		}
	}
	return m.Note(r.footer())
}

func (r Report) title() string {
	if u := r.Indicator.Unicode; u != "" {
		return r.Indicator.Name + " (" + u + ")"
	}
	return r.Indicator.String()
}

// headline is one line of the facts that matter most.
func (r Report) headline() message.Text {
	if len(r.Entries) == 0 || r.Class.Audience != Everybody && r.Answers() == 0 {
		return message.L(r.Class.About)
	}
	var t message.Text
	for _, warns := range []bool{true, false} {
		for _, e := range r.Entries {
			if e.State != Answered || len(e.Result.Brief) == 0 || e.Result.Warns != warns {
				continue
			}
			if len(t) > 0 {
				t = t.L(" · ")
			}
			t = append(t, e.Result.Brief...)
		}
	}
	switch {
	case len(t) > 0:
		return t
	case r.Complete && r.Answers() == 0:
		return message.L("No source answered.")
	case r.Complete:
		return message.L("No source says anything of note.")
	}
	return message.L("Asking " + plural(r.count(Asking), "source") + "…")
}

// seenByUs is our own history: nobody else can tell it.
func (r Report) seenByUs() message.Text {
	t := message.Text{}.Strong("Seen by us")
	lines, left := r.historyLines()
	for _, line := range lines {
		t = append(t.L("\n• "), line...)
	}
	if left > 0 {
		t = t.L(fmt.Sprintf("\n… and %s more", plural(left, "line")))
	}
	switch {
	case r.HistoryState == NotAsked:
		return nil
	case r.HistoryState == Asking && len(lines) > 0:
		return t.L("\nStill looking into the rest of our own records.")
	case r.HistoryState == Asking:
		return t.L("\nStill looking into our own records.")
	case r.HistoryState == Failed && len(lines) > 0:
		return t.L("\nThe rest of our own records: " + string(r.HistoryReason) + ". This part is missing.")
	case r.HistoryState == Failed:
		return t.L("\nOur own records: " + string(r.HistoryReason) + ". This part is missing.")
	case len(lines) == 0:
		return t.L("\nNever, as far as our records go.")
	}
	return t
}

// historyLines are the lines of our own history that are shown, and how many are
// not.
func (r Report) historyLines() (lines []message.Text, left int) {
	for _, s := range r.History {
		for k, line := range s.Lines {
			if len(lines) == maxHistory {
				left++
				continue
			}
			var t message.Text
			if k == 0 && s.Title != "" {
				t = message.L(s.Title + ": ")
			}
			lines = append(lines, append(t, line...))
		}
	}
	return lines, left
}

func (r Report) reputationTitle() string {
	n, of := r.Warnings(), 0
	for _, e := range r.Entries {
		if e.State == Answered && e.Result.Topic == Reputation {
			of++
		}
	}
	if n == 0 {
		return "Reputation"
	}
	return fmt.Sprintf("Reputation: %d of %d warn", n, of)
}

// topic lists what the sources of one topic say: those that warn first, those
// that know nothing on one line at the end.
func (r Report) topic(topic Topic) message.Text {
	var t, nothing message.Text
	for _, warns := range []bool{true, false} {
		for _, e := range r.Entries {
			if e.State != Answered || e.Result.Topic != topic || e.Result.Warns != warns {
				continue
			}
			if e.Result.Nothing != "" && len(e.Result.Facts) == 0 {
				if len(nothing) > 0 {
					nothing = nothing.L(", ")
				}
				nothing = nothing.L(e.Source + ": " + e.Result.Nothing).L(note(e.Result.Note))
				continue
			}
			t = append(t, e.line()...)
		}
	}
	if len(nothing) > 0 {
		t = append(t.L("\n• "), nothing...)
	}
	return t
}

// line is what one source says.
func (e Entry) line() message.Text {
	t := message.L("\n• ")
	if e.Result.Link != "" {
		t = t.Link(e.Source, e.Result.Link)
	} else {
		t = t.L(e.Source)
	}
	sep := ": "
	if e.Result.Nothing != "" {
		t, sep = t.L(sep+e.Result.Nothing), " · "
	}
	if e.Result.Says != "" {
		t, sep = t.L(sep).V(e.Result.Says), " · "
	}
	for k, f := range e.Result.Facts {
		if k == maxFacts {
			break
		}
		t, sep = t.L(sep+f.Label+" "), " · "
		if f.At.IsZero() {
			t = t.V(f.Value)
		} else {
			t = t.L(f.At.Format(time.DateOnly))
		}
	}
	return append(t.L(note(e.Result.Note)), e.age()...)
}

// age says how old an answer is, when it is not of today.
func (e Entry) age() message.Text {
	switch {
	case !e.Result.AsOf.IsZero() && e.At.Sub(e.Result.AsOf) > 24*time.Hour:
		return message.L(" (as of " + e.Result.AsOf.Format(time.DateOnly) + ")")
	case e.Kept:
		return message.L(" (asked ").At(e.At).L(")")
	}
	return nil
}

func note(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// footer says who was asked and who has not answered.
func (r Report) footer() message.Text {
	var asking, failed []string
	notAsked := map[Reason][]string{}
	var reasons []Reason
	for _, e := range r.Entries {
		switch e.State {
		case Asking:
			asking = append(asking, e.Source)
		case Failed:
			failed = append(failed, e.Source+" ("+string(e.Reason)+")")
		case NotAsked:
			if notAsked[e.Reason] == nil {
				reasons = append(reasons, e.Reason)
			}
			notAsked[e.Reason] = append(notAsked[e.Reason], e.Source)
		}
	}
	var t message.Text
	if len(asking) > 0 {
		t = t.L("Still asking: " + strings.Join(asking, ", ") + ".\n")
	}
	if len(failed) > 0 {
		t = t.L("No answer: " + strings.Join(failed, ", ") + ".\n")
	}
	for _, why := range reasons {
		said := strings.TrimPrefix(string(why), "not asked: ")
		t = t.L("Not asked: " + strings.Join(notAsked[why], ", ") + " (" + said + ").\n")
	}
	if len(r.Entries) > 0 && (r.Class.Audience == Everybody || r.Answers() > 0) {
		t = t.L(fmt.Sprintf("%s answered", plural(r.Answers(), "source")))
		if r.Resolver != "" {
			t = t.L(", DNS by ").V(r.Resolver)
		}
		t = t.L(". ")
	}
	if r.Complete {
		return t.L(fmt.Sprintf("Complete after %.1f s.", r.Took.Seconds()))
	}
	return t.L(fmt.Sprintf("%.1f s so far.", r.Took.Seconds()))
}
