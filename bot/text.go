package bot

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
)

// What the bot says about cases. The words of questions to employees are in
// package inquiries.

// The buttons of case messages.
const (
	actCaseClose   = "case.close"
	actCaseDetails = "case.details"
)

// caseMessage is the message about a case: short for an owner, with the
// decision and its reasons for the security team. It is rendered from the
// state, so that posting and editing cannot differ.
func (b *Bot) caseMessage(c *cases.Case, security bool) message.Message {
	f := c.Finding
	m := message.Message{Fallback: caseFallback(c)}
	m = m.Title(message.L(headline(c)))
	m = m.Para(caseStatus(c))
	m = m.Fields(caseFields(c)...)
	if security {
		m = m.Para(decisionText(c))
	} else if advice := adviceFor(f); advice != "" {
		m = m.Para(message.L(advice))
	}
	why := message.L("You see this because: ").V(c.Owner.Why)
	if security && (c.Owner.Team != "" || c.Owner.Why != "") {
		why = message.L("Owner: ").V(orElse(c.Owner.Team, "nobody known")).L(" (").V(c.Owner.Why).L(")")
	}
	why = why.L(" · ").Code(c.Ref()).L(" · ").V(f.Type)
	if security {
		why = b.withRecord(why, c)
	}
	m = m.Note(why)
	return m.Actions(b.caseButtonsFor(c, security)...)
}

// caseButtonsFor are the buttons of a case's message.
func (b *Bot) caseButtonsFor(c *cases.Case, security bool) []message.Button {
	if !security || !c.IsOpen() {
		return []message.Button{detailsButton(c)}
	}
	out := []message.Button{closeButton(c), detailsButton(c), incidentButton(c)}
	if b.acting.Actor != nil && c.Finding.Instance.ID != "" {
		out = append(out, message.Button{Action: actAct, Value: c.ID, Label: "Act…", Hint: "Take evidence from the instance, or isolate it"})
	}
	return out
}

func closeButton(c *cases.Case) message.Button {
	return message.Button{Action: actCaseClose, Value: c.ID, Label: "Close…", Hint: "Say how case " + c.Ref() + " ended"}
}

func incidentButton(c *cases.Case) message.Button {
	return message.Button{Action: actOpenIncident, Value: c.ID, Label: "Open incident…", Hint: "Work on " + c.Ref() + " in a channel of its own"}
}

func detailsButton(c *cases.Case) message.Button {
	return message.Button{Action: actCaseDetails, Value: c.ID, Label: "Details", Hint: "Show the technical details of " + c.Ref()}
}

// headline is one short line in plain words, with the level as a word.
func headline(c *cases.Case) string {
	s := capital(c.Finding.TellSentence())
	if c.Finding.Sample {
		s = "[sample] " + s
	}
	return message.Cut(s, 140)
}

func caseFallback(c *cases.Case) message.Text {
	return message.L(levelWord(c.Severity) + ": " + headline(c) + " (").Code(c.Ref()).L(")")
}

func levelWord(severity float64) string {
	switch findings.LevelOf(severity) {
	case findings.Critical:
		return "Critical"
	case findings.High:
		return "High"
	case findings.Medium:
		return "Medium"
	}
	return "Low"
}

// caseStatus says where the case stands and what happens next.
func caseStatus(c *cases.Case) message.Text {
	t := message.Text{}.Strong(levelWord(c.Severity)).L(" · ")
	switch {
	case c.ClosedBy != "":
		return t.L("Closed by ").Person(c.ClosedBy).L(": " + verdictWords(c.Outcome) + ". ").V(c.Reason)
	case c.Status == cases.Closed && c.Outcome == cases.Confirmed:
		return t.L("Closed: the person it concerns said that it was them.")
	case c.Status == cases.Closed:
		return t.L("For your information. Nothing else is waiting for you.")
	case c.Page != nil && c.Page.Sent:
		return t.L("The security engineer on duty has been paged: ").V(c.Page.Why)
	case c.Page != nil:
		return t.L("Paging the security engineer on duty: ").V(c.Page.Why)
	case c.Status == cases.Asked:
		return t.L("The person it concerns has been asked whether it was them.")
	case c.Status == cases.Waiting:
		return t.L("Waiting for somebody from security to look at it and close it.")
	}
	return t.L("For your information.")
}

func verdictWords(o cases.Outcome) string {
	switch o {
	case cases.TruePositive:
		return "a real incident"
	case cases.Benign:
		return "expected, nothing bad"
	case cases.FalsePositive:
		return "a false alarm"
	case cases.Duplicate:
		return "the same as another case"
	case cases.Drilled:
		return "a drill"
	}
	return string(o)
}

func caseFields(c *cases.Case) []message.Field {
	f := c.Finding
	account := message.Text{}.V(orElse(f.Account, "unknown"))
	region := message.Text{}.V(orElse(f.Region, "unknown"))
	if len(c.Regions) > 0 {
		region = region.L(" and ").V(strings.Join(c.Regions, ", "))
	}
	out := []message.Field{{Label: "Account", Text: account}, {Label: "Region", Text: region}}
	if what := resourceOf(f); what != "" {
		out = append(out, message.Field{Label: "What", Text: message.Text{}.Code(what)})
	}
	if f.Principal.Name != "" || f.Principal.Session != "" {
		out = append(out, message.Field{Label: "Who", Text: message.Text{}.V(strings.TrimSpace(f.Principal.Name + " " + f.Principal.Session))})
	}
	if f.Domain != "" {
		out = append(out, message.Field{Label: "Domain", Text: message.Text{}.V(f.Domain)})
	}
	if where := remoteOf(f); where != "" {
		out = append(out, message.Field{Label: "Other end", Text: message.Text{}.V(where)})
	}
	if at := lastSeen(f); !at.IsZero() {
		out = append(out, message.Field{Label: "Last seen", Text: message.Text{}.At(at)})
	}
	if c.Count > 1 {
		out = append(out, message.Field{Label: "Seen", Text: message.L(strconv.Itoa(c.Count) + " times")})
	}
	return out
}

func decisionText(c *cases.Case) message.Text {
	if c.Decision == nil {
		return message.L("The decision is no longer kept.")
	}
	t := message.L("Rule ").Code(c.Decision.Rule).L(" decided ").Strong(string(c.Decision.Step)).L(". ")
	for i, r := range c.Decision.Reasons {
		if i == 4 {
			break
		}
		t = t.V(r).L(" ")
	}
	if c.Decision.Degraded {
		t = t.L("Something that should have been looked up was not available, so this got more attention rather than less.")
	}
	return t
}

// adviceFor tells an owner what to do, by group.
func adviceFor(f *findings.Finding) string {
	switch findings.GroupOf(f) {
	case findings.GroupPortProbe:
		return "What to do: if this service is not meant for the whole internet, close the port in its security group. If it is, nothing is wrong."
	case findings.GroupEC2:
		return "What to do: check whether this machine is meant to do that. If you do not recognise it, do not switch it off; tell the security team, so that the traces are kept."
	case findings.GroupIAM, findings.GroupIAMCritical:
		return "What to do: check whether somebody in your team did this. If nobody did, tell the security team at once."
	}
	return ""
}

// digestMessage is one message about several cases, most serious first.
func (b *Bot) digestMessage(all []*cases.Case) message.Message {
	sorted := bySeverity(all)
	m := message.Message{}.Title(message.L(fmt.Sprintf("%d things at once", len(all))))
	m.Fallback = message.L(fmt.Sprintf("%d things at once, the most serious: %s", len(all), headline(sorted[0])))
	for _, c := range sorted {
		t := message.Text{}.Strong(levelWord(c.Severity)).L(" · " + message.Cut(headline(c), 110) + " · ").V(orElse(c.Finding.Account, "unknown account"))
		if what := resourceOf(c.Finding); what != "" {
			t = t.L(" ").Code(message.Cut(what, 60))
		}
		if c.Page != nil {
			t = t.L(" · paged")
		}
		m = m.Para(t.L(" · ").Code(c.Ref()))
	}
	var buttons []message.Button
	for _, c := range sorted {
		buttons = append(buttons, message.Button{Action: actCaseDetails, Value: c.ID, Label: c.Ref(), Hint: "Open " + c.Ref()})
	}
	m = m.Note(message.L("More arrived than fits one by one, so they are listed here. Open one for details or to close it."))
	return m.Actions(buttons...)
}

// detailsModal is the technical view of a case, with the way to close it for
// those who may.
func (b *Bot) detailsModal(c *cases.Case, mayClose bool) message.Modal {
	m := message.Modal{Callback: actCaseDetails, Private: c.ID, Title: c.Ref()}
	body := message.Message{}
	if c.Finding != nil {
		body = body.Para(message.L(headline(c))).Para(caseStatus(c)).Fields(caseFields(c)...)
		body = body.Para(message.L("Type ").Code(c.Finding.Type).L(" · severity " + strconv.FormatFloat(c.Severity, 'f', 1, 64)).L(" · id ").Code(c.Finding.ID))
		body.Parts[len(body.Parts)-1].Text = b.withRecord(body.Parts[len(body.Parts)-1].Text, c)
		body = body.Para(decisionText(c))
		for _, line := range c.Context {
			body = body.Note(message.Text{}.V(line))
		}
	}
	for _, e := range c.Timeline {
		body = body.Note(message.Text{}.At(e.At).L("  ").V(e.What))
	}
	m.Parts = body.Parts
	if mayClose && c.IsOpen() {
		m.Parts = append(m.Parts, message.Message{}.Actions(incidentButton(c)).Parts...)
		return b.withVerdict(m, c)
	}
	return m
}

func (b *Bot) closeModal(c *cases.Case) message.Modal {
	m := message.Modal{Callback: actCaseClose, Private: c.ID, Title: "Close " + c.Ref()}
	if c.Finding != nil {
		m.Parts = message.Message{}.Para(message.L(headline(c))).Parts
	}
	return b.withVerdict(m, c)
}

// withVerdict adds the fields that close a case to a modal.
func (b *Bot) withVerdict(m message.Modal, c *cases.Case) message.Modal {
	m.Callback, m.Submit = actCaseClose, "Close case"
	var options []message.Option
	for _, o := range cases.Verdicts {
		options = append(options, message.Option{Label: capital(verdictWords(o)), Value: string(o)})
	}
	m.Parts = append(m.Parts,
		message.Part{Kind: message.Input, Input: &message.InputField{ID: "outcome", Label: "What was it?", Options: options}},
		message.Part{Kind: message.Input, Input: &message.InputField{ID: "reason", Label: "Why do you think so?", Multiline: true, MaxLen: 500,
			Hint: "One or two sentences for whoever looks at this later."}})
	return m
}

func capital(s string) string {
	r, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[n:]
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
