package bot

import (
	"strings"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
)

// What the bot says to those who act on incidents. The words of the channel
// itself are in bot/incidents.

// incidentOpened answers whoever opened an incident.
func incidentOpened(c *incidents.Incident) message.Message {
	t := message.Text{}.Code(c.Ref()).L(" is open")
	if len(c.Pages) > 0 {
		t = t.L(", and the people on call are being paged")
	}
	return message.Message{}.Para(t.L(". I am making its channel and inviting you and the responders; it appears in your sidebar in a moment. Should something not work, I tell you."))
}

// incidentThere answers whoever wants to open one that exists.
func incidentThere(c *incidents.Incident) message.Message {
	t := message.L("This is being worked in ").Code(c.Ref()).L(" already")
	if c.Channel != "" {
		t = t.L(": ").Channel(c.Channel)
	}
	return message.Message{}.Para(t.L(". If you cannot see its channel, ask somebody there to invite you."))
}

// incidentForm asks for what opens an incident. k is the case it is about, or nil.
func (b *Bot) incidentForm(o newIncident, k *cases.Case) message.Modal {
	m := message.Modal{Callback: actOpenIncident, Title: "Open an incident", Submit: "Open"}
	intro := message.L("This makes a private channel, invites the responders and whoever is on call, and keeps a record until it is closed.")
	if k != nil {
		m.Private = k.ID
		intro = message.L("About case ").Code(k.Ref()).L(". ").L(intro[0].S)
	}
	m.Parts = message.Message{}.Para(intro).Parts
	level := o.Level
	if level == "" {
		level = findings.High
	}
	var levels []message.Option
	for _, l := range incidents.Levels() {
		levels = append(levels, message.Option{Label: incidents.LevelWord(l), Value: string(l)})
	}
	page := []message.Option{{Label: b.pagesBy(), Value: "rule"}, {Label: "Yes, whatever the severity", Value: "yes"}}
	first := "rule"
	if o.page {
		first = "yes"
	}
	m = field(m, message.InputField{ID: "title", Label: "What has happened?", Hint: "A few words; they become the name of the channel.", Initial: o.Title, MaxLen: 120})
	m = field(m, message.InputField{ID: "severity", Label: "How serious is it?", Options: levels, Initial: string(level)})
	m = field(m, message.InputField{ID: "people", Label: "Who else is needed?", Hint: "Besides the responders and whoever is on call.", Users: true, Several: true, Optional: true, Initial: strings.Join(o.Members, ",")})
	m = field(m, message.InputField{ID: "page", Label: "Page the people on call?", Options: page, Initial: first})
	if k == nil {
		m = field(m, message.InputField{ID: "case", Label: "Which case is it about?", Hint: "Its reference, such as SB-7F3K9QXA.", Optional: true, MaxLen: 20})
	}
	return m
}

// pagesBy says when opening an incident pages by itself.
func (b *Bot) pagesBy() string {
	levels := b.cfg.Incidents.PageLevels()
	if len(levels) == 0 {
		return "No"
	}
	if last := levels[len(levels)-1]; last != findings.Critical {
		return "If it is " + string(last) + " or worse"
	}
	return "If it is critical"
}

func field(m message.Modal, f message.InputField) message.Modal {
	m.Parts = append(m.Parts, message.Part{Kind: message.Input, Input: &f})
	return m
}

// about begins a dialog about an incident.
func about(c *incidents.Incident, callback, title, submit string, intro message.Text) message.Modal {
	return message.Modal{Callback: callback, Private: c.ID, Title: title, Submit: submit, Parts: message.Message{}.Para(intro).Parts}
}

func noteForm(c *incidents.Incident) message.Modal {
	m := about(c, incidents.ActNote, "Note for "+c.Ref(), "Write", message.L("It goes into the timeline and the channel."))
	m = field(m, message.InputField{ID: "kind", Label: "What is it?", Initial: "note", Options: []message.Option{
		{Label: "A note", Value: "note"}, {Label: "A decision", Value: "decision"}, {Label: "Something to do", Value: "task"}}})
	return field(m, message.InputField{ID: "text", Label: "What should be remembered?", Multiline: true, MaxLen: 2000})
}

func leadForm(c *incidents.Incident, caller string) message.Modal {
	m := about(c, incidents.ActLead, "Lead of "+c.Ref(), "Make lead", message.L("Whoever leads decides and keeps the overview. They are invited when they are not here."))
	return field(m, message.InputField{ID: "lead", Label: "Who leads?", Users: true, Initial: caller})
}

func inviteForm(c *incidents.Incident) message.Modal {
	m := about(c, actInviteIncident, "Invite to "+c.Ref(), "Invite", message.L("They can read everything that was said in the channel so far."))
	return field(m, message.InputField{ID: "people", Label: "Who is needed?", Users: true, Several: true})
}

func endForm(c *incidents.Incident) message.Modal {
	m := about(c, incidents.ActClose, "Close "+c.Ref(), "Close it", message.Text{}.V(c.Title).
		L(". The timeline goes into the channel as files, pages are resolved, and the channel is archived: it can be read and no longer written."))
	return field(m, message.InputField{ID: "reason", Label: "Why is it over?", Multiline: true, MaxLen: 1000, Hint: "What it was and what was done, in a sentence or two."})
}

func noteKind(word string) incidents.Kind {
	switch word {
	case "decision":
		return incidents.KindDecision
	case "task":
		return incidents.KindTask
	}
	return incidents.KindNote
}
