package incidents

import (
	"strconv"
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// Sentence is a line of the timeline without its time.
func (e Entry) Sentence() message.Text {
	t := message.Text{}
	if e.By != "" {
		t = t.Person(e.By).L(" ")
	}
	t = t.L(e.What)
	for i, id := range e.Whom {
		if i == maxShown {
			t = t.L(" and " + strconv.Itoa(len(e.Whom)-maxShown) + " more")
			break
		}
		t = t.L(" ").Person(id)
	}
	if e.Text != "" {
		if !strings.HasSuffix(e.What, ":") {
			t = t.L(":")
		}
		t = t.L(" ").V(e.Text)
	}
	return t
}

// SayMessage is what is posted about a line of the timeline.
func (e Entry) SayMessage() message.Message { return message.Message{}.Para(e.Sentence()) }

// TellMessage is the direct message about a line of the timeline.
func (c *Incident) TellMessage(e Entry, command string) message.Message {
	m := message.Message{}.Para(message.L("About incident " + c.Ref() + ", ").V(c.Title).L(": ").L(e.What + ".").V(orNot(e.Text)))
	if c.Status == Closed {
		return m.Note(message.L("Once that is repaired, ").Code(command + " close " + c.Ref()).L(" tries it again."))
	}
	return m.Note(message.L("Once that is repaired, ").Code(command + " status " + c.Ref() + " retry").L(" tries it again."))
}

func orNot(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// RemindMessage asks whether the incident is still open.
func (c *Incident) RemindMessage() message.Message {
	who := c.Lead
	if who == "" {
		who = c.Opener
	}
	return message.Message{}.Para(message.Text{}.Person(who).L(": nothing has been recorded here for a day. Is " + c.Ref() + " over? If it is, please close it; if not, a note about where it stands helps those who come later.")).
		Actions(c.Buttons()...)
}

// DocumentMessage is the template of the document, with what is known.
func (c *Incident) DocumentMessage(command string) message.Message {
	m := message.Message{}.Title(message.L(c.Ref() + " · ").V(c.Title))
	m = m.Para(message.L("Severity when opened: " + string(c.Severity) + ". Opened ").At(c.Opened).L(" by ").Person(c.Opener).L("."))
	for _, s := range []struct{ head, hint string }{
		{"Summary", "What has happened, in two or three sentences that somebody who was not there understands."},
		{"Impact", "Which accounts, machines, data and people are concerned; what is not known yet."},
		{"Timeline", "Written by the bot. It is put into the channel when the incident is closed; add to it with " + command + " note."},
		{"People", "Who leads, who does what, who has been told."},
		{"Evidence", "What was taken from where, and where it is kept. Links, not the evidence itself."},
		{"Decisions", "What was decided, by whom and why: " + command + " note decision: …"},
		{"To do", "What is left, with a name each: " + command + " note todo: …"},
	} {
		m = m.Title(message.L(s.head)).Para(message.L(s.hint))
		if s.head == "Evidence" && len(c.Cases) > 0 {
			m = m.Para(message.L("Cases: ").Code(c.caseRefs(maxCases)))
		}
	}
	return m
}
