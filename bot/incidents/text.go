package incidents

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
)

// The buttons of incident messages.
const (
	ActNote  = "incident.note"
	ActLead  = "incident.lead"
	ActClose = "incident.close"
)

// LevelWord is a severity as the first word of a line.
func LevelWord(l findings.Level) string {
	s := string(l)
	return strings.ToUpper(s[:min(len(s), 1)]) + s[min(len(s), 1):]
}

// Topic is the channel's topic.
func (c *Incident) Topic() message.Text {
	return message.L(c.Ref() + " · " + LevelWord(c.Severity) + " · ").V(c.Title)
}

// Purpose is the channel's purpose. It has no outside text.
func (c *Incident) Purpose(command string) message.Text {
	return message.L("Security incident " + c.Ref() + ", opened " + c.Opened.Format("2006-01-02 15:04") + " UTC. Type " + command + " help for what you can do here.")
}

// flat is a text without its kinds, to compare two of them.
func flat(t message.Text) string {
	var b strings.Builder
	for _, s := range t {
		b.WriteString(s.S)
	}
	return b.String()
}

// TopicLooks identifies the topic as it should be now, for TopicSet.
func (c *Incident) TopicLooks() string { return flat(c.Topic()) }

// Looks identifies what the summary shows at the moment.
func (c *Incident) Looks() string {
	b, err := json.Marshal(c.SummaryMessage(""))
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:8])
}

// SummaryMessage is the pinned message. It is rendered from the state, so that
// posting and editing cannot differ. command is the slash command.
func (c *Incident) SummaryMessage(command string) message.Message {
	m := message.Message{Fallback: c.Headline()}.Title(message.L(c.Ref() + " · ").V(c.Title))
	m = m.Para(c.status()).Fields(c.fields()...)
	if t := c.absent(); len(t) > 0 {
		m = m.Para(t)
	}
	if t := c.failures(); len(t) > 0 {
		m = m.Para(t)
	}
	m = m.Note(message.L("Kept up to date. Write what matters into the record with ").Code(strings.TrimSpace(command + " note …")).L("; all of it goes into the timeline."))
	if !c.IsOpen() {
		return m
	}
	return m.Actions(c.Buttons()...)
}

// Buttons are what can be pressed under an open incident.
func (c *Incident) Buttons() []message.Button {
	out := []message.Button{{Action: ActNote, Value: c.ID, Label: "Add a note…", Hint: "Write into the timeline of " + c.Ref()}}
	if c.Lead == "" {
		out = append(out, message.Button{Action: ActLead, Value: c.ID, Label: "I take the lead", Style: message.Primary, Hint: "Become the lead of " + c.Ref()})
	}
	return append(out, message.Button{Action: ActClose, Value: c.ID, Label: "Close…", Hint: "Say why " + c.Ref() + " is over"})
}

// Headline is one line about the incident, for lists and notifications.
func (c *Incident) Headline() message.Text {
	t := message.L(LevelWord(c.Severity) + ": ").V(c.Title).L(" (" + c.Ref())
	if !c.IsOpen() {
		t = t.L(", closed")
	}
	return t.L(")")
}

func (c *Incident) status() message.Text {
	t := message.Text{}.Strong(LevelWord(c.Severity)).L(" · ")
	if c.ClosedBy != "" {
		return t.L("Closed by ").Person(c.ClosedBy).L(" ").At(c.Ended).L(": ").V(c.Reason)
	}
	if c.Lead == "" {
		return t.L("Open. Nobody leads yet.")
	}
	return t.L("Open, led by ").Person(c.Lead).L(".")
}

func (c *Incident) fields() []message.Field {
	out := []message.Field{
		{Label: "Opened by", Text: message.Text{}.Person(c.Opener)},
		{Label: "Opened", Text: message.Text{}.At(c.Opened)},
	}
	if len(c.Pages) > 0 {
		out = append(out, message.Field{Label: "On call", Text: message.L(c.paging())})
	}
	if c.Doc.Made() {
		where := "in the canvas of this channel"
		if c.Doc.Canvas == "" {
			where = "in a pinned message of this channel"
		}
		out = append(out, message.Field{Label: "Document", Text: message.L(where)})
	}
	if c.Hive.ID != "" {
		t := message.Text{}.Code(c.Hive.ID)
		name := "the case"
		if c.Hive.Number > 0 {
			name = "case #" + strconv.Itoa(c.Hive.Number)
			t = message.L(name)
		}
		if c.Hive.URL != "" {
			t = message.Text{}.Link(name, c.Hive.URL)
		}
		out = append(out, message.Field{Label: "TheHive", Text: t})
	}
	if n := len(c.Former); n > 0 {
		out = append(out, message.Field{Label: "Worked before in", Text: message.Text{}.Channel(c.Former[n-1])})
	}
	if len(c.Cases) > 0 {
		out = append(out, message.Field{Label: "Cases", Text: message.Text{}.Code(c.caseRefs(6))})
	}
	return out
}

// paging says how far the last page has come.
func (c *Incident) paging() string {
	switch p := c.Pages[len(c.Pages)-1]; {
	case p.Sent && p.Resolved:
		return "were paged"
	case p.Sent:
		return "paged"
	case p.Resolved:
		return "the page was called off"
	case p.Fallback:
		return "PagerDuty has not accepted the page; please call by phone"
	}
	return "being paged"
}

func (c *Incident) caseRefs(most int) string {
	var refs []string
	for i, id := range c.Cases {
		if i == most {
			refs = append(refs, "and "+strconv.Itoa(len(c.Cases)-most)+" more")
			break
		}
		refs = append(refs, caseRef(id))
	}
	return strings.Join(refs, ", ")
}

// maxShown bounds each list in the summary.
const maxShown = 10

// absent lists who is wanted and not there, with the reason.
func (c *Incident) absent() message.Text {
	t, n := message.Text{}, 0
	item := func(add func(message.Text) message.Text) {
		if n++; n <= maxShown {
			if n > 1 {
				t = t.L("; ")
			}
			t = add(t)
		}
	}
	for _, m := range c.Members {
		if m.State == Refused {
			item(func(t message.Text) message.Text { return t.Person(m.ID).L(" (").V(m.Reason).L(")") })
		}
	}
	for _, s := range c.Sources {
		for _, m := range s.Missing {
			item(func(t message.Text) message.Text { return t.V(m.Who).L(" (").V(m.Why).L(")") })
		}
		if s.Why != "" {
			item(func(t message.Text) message.Text { return t.L(s.label() + " (").V(s.Why).L(")") })
		}
	}
	if n == 0 {
		return nil
	}
	if n > maxShown {
		t = t.L("; and " + strconv.Itoa(n-maxShown) + " more")
	}
	return append(message.Text{}.Strong("Not here: "), t...)
}

func (s Source) label() string {
	if s.Kind == FromOnCall {
		return "whoever is on call"
	}
	return "a user group"
}

// failures lists what was given up.
func (c *Incident) failures() message.Text {
	t := message.Text{}
	for i, f := range c.Failures {
		if i == maxShown {
			break
		}
		if i > 0 {
			t = t.L("; ")
		}
		t = t.L("could not " + About(f.Step) + " (").V(f.Why).L(")")
	}
	if len(t) == 0 {
		return nil
	}
	return append(message.Text{}.Strong("Did not work: "), t.L(".")...)
}

// Line is an incident in a list.
func (c *Incident) Line() message.Text {
	t := message.Text{}.Strong(LevelWord(c.Severity)).L(" · ").V(c.Title)
	if c.Channel != "" {
		t = t.L(" · ").Channel(c.Channel)
	}
	t = t.L(" · since ").At(c.Opened)
	if c.Lead != "" {
		t = t.L(" · led by ").Person(c.Lead)
	}
	return t.L(" · " + c.Ref())
}

// stamp writes an instant in exports.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") }
