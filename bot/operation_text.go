package bot

import (
	"fmt"
	"strings"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/responders"
)

// What the bot says about operations. The message is made from the stored
// state alone, so an approver sees what will be done and not what somebody
// typed about it.

// The buttons of operation messages.
const (
	actApprove = "operation.approve"
	actRefuse  = "operation.refuse"
	actNoOther = "operation.alone"   // also the callback of its dialog
	actRelease = "operation.release" // undo; also the callback of its dialog
	actAct     = "case.act"          // also the callback of its dialog
)

// actionWords name an action in a title.
var actionWords = map[responders.ID]string{
	responders.Snapshot: "Snapshot", responders.OSQuery: "Osquery", responders.Memory: "Dump memory",
	responders.TCPDump: "Capture packets", responders.Isolate: "Isolate", responders.Release: "Release",
	responders.Revoke: "Revoke credentials", responders.Unrevoke: "Take back revocation",
}

// undoWords are what an action that undoes another is called where it is
// offered: on the button, above the dialog, and in it, before and after the
// instance's name.
var undoWords = map[responders.ID]struct{ button, title, before, after string }{
	responders.Release:  {"Release…", "Release", "Ask to put ", " back on the network. Somebody else has to approve it."},
	responders.Unrevoke: {"Take back…", "Take back", "Ask to take back the revocation of credentials of ", ". What was taken from it works again unless it has expired. Somebody else has to approve it."},
}

func actionWord(id responders.ID) string { return orElse(actionWords[id], string(id)) }

// operationMessage is the message about an operation, from request to result.
func (b *Bot) operationMessage(o *responders.Operation) message.Message {
	a, _ := responders.Find(string(o.Job.Action))
	title := message.L(actionWord(o.Job.Action) + " ").V(o.Job.Target.Instance)
	m := message.Message{Fallback: append(append(message.Text{}, title...), message.L(": "+stateWords(o))...)}
	m = m.Title(title).Para(b.operationStatus(o)).Fields(operationFields(o)...)
	switch o.State {
	case responders.Waiting, responders.Planning:
		m = withPlan(m, a, &o.Plan)
	default:
		m = withLog(m, &o.Job)
	}
	if len(o.Job.Still) > 0 && (o.State == responders.Done || o.State == responders.Running) {
		m = m.Para(bullets("Still possible", o.Job.Still))
	}
	m = withArtifacts(m, &o.Job)
	m = m.Note(message.Text{}.Code(o.Ref()).L(" · asked for ").At(o.Asked))
	return m.Actions(b.operationButtons(o, a)...)
}

func (b *Bot) operationButtons(o *responders.Operation, a responders.Action) []message.Button {
	switch {
	case o.State == responders.Waiting:
		value := o.ID + "." + o.Job.Digest()
		out := []message.Button{
			{Action: actApprove, Value: value, Label: "Approve", Style: message.Danger, Hint: "Approve exactly what is listed above"},
			{Action: actRefuse, Value: value, Label: "Refuse"},
		}
		if b.cfg.Access.BreakGlass.Allowed {
			out = append(out, message.Button{Action: actNoOther, Value: value, Label: "Nobody else can be reached…", Hint: "For whoever asked for this: begin without a second person"})
		}
		return out
	case o.State == responders.Done && a.Undo != "":
		return []message.Button{{Action: actRelease, Value: o.ID, Label: undoWords[a.Undo].button, Hint: "Undo: exactly what was there before"}}
	}
	return nil
}

func stateWords(o *responders.Operation) string {
	switch o.State {
	case responders.Planning:
		return "looking at the instance"
	case responders.Waiting:
		return "waits for an approver"
	case responders.Running:
		return "under way"
	case responders.Done:
		return "done"
	case responders.Failed:
		return "not done"
	case responders.Refused:
		return "refused"
	case responders.Expired:
		return "not approved in time"
	}
	return "outcome unknown, somebody has to look"
}

// operationStatus says where it stands and who has to do what.
func (b *Bot) operationStatus(o *responders.Operation) message.Text {
	t := message.Text{}.Strong(capital(stateWords(o))).L(". ")
	switch o.State {
	case responders.Waiting:
		return t.L("An approver who did not ask for this presses a button before ").At(o.Expires).L(". Without an answer nothing happens.")
	case responders.Running, responders.Done:
		switch {
		case o.Alone != "":
			t = t.L("Begun by ").Person(o.Decider).L(" alone, without a second person: ").V(o.Alone).L(" ")
		case o.Decider != "":
			t = t.L("Approved by ").Person(o.Decider).L(". ")
		}
		return t
	case responders.Failed, responders.Unknown:
		return t.V(o.Why)
	case responders.Refused:
		return t.L("Refused by ").Person(o.Decider).L(".")
	}
	return t
}

func operationFields(o *responders.Operation) []message.Field {
	by := message.L("policy")
	if o.Job.By != byPolicy {
		by = message.Text{}.Person(o.Job.By)
	}
	out := []message.Field{
		{Label: "Account", Text: message.Text{}.V(o.Job.Target.Account)}, {Label: "Region", Text: message.Text{}.V(o.Job.Target.Region)},
		{Label: "Asked by", Text: by},
	}
	if o.Job.Case != "" {
		out = append(out, message.Field{Label: "Case", Text: message.Text{}.Code(o.Job.Case)})
	}
	a, _ := responders.Find(string(o.Job.Action))
	for _, p := range a.Params {
		if v := o.Job.Params[p.Name]; v != "" {
			out = append(out, message.Field{Label: capital(p.Name), Text: message.Text{}.V(v)})
		}
	}
	return out
}

const maxFacts = 10

func withPlan(m message.Message, a responders.Action, p *responders.Plan) message.Message {
	if a.Careful != "" {
		m = m.Para(message.L(a.Careful))
	}
	if len(p.Steps) > 0 {
		m = m.Para(bullets("What will be done", p.Steps))
	}
	if len(p.Warn) > 0 {
		m = m.Para(bullets("Think about this first", p.Warn))
	}
	var facts []message.Field
	for i, f := range p.Facts {
		if i == maxFacts {
			break
		}
		facts = append(facts, message.Field{Label: capital(f.Label), Text: message.Text{}.V(f.Value)})
	}
	if len(facts) > 0 {
		m = m.Fields(facts...)
	}
	return m
}

const shownLog = 8

func withLog(m message.Message, j *responders.Job) message.Message {
	log := j.Log
	if len(log) > shownLog {
		log = log[len(log)-shownLog:]
	}
	for _, e := range log {
		m = m.Note(message.Text{}.At(e.At).L("  ").V(e.What))
	}
	return m
}

func withArtifacts(m message.Message, j *responders.Job) message.Message {
	if len(j.Manifest.Artifacts) == 0 {
		return m
	}
	t := message.Text{}.Strong("Evidence")
	for i, a := range j.Manifest.Artifacts {
		if i == maxFacts {
			t = t.L(fmt.Sprintf("\nand %d more", len(j.Manifest.Artifacts)-i))
			break
		}
		t = t.L("\n• " + a.Kind + " ").Code(placeOfArtifact(a.URI))
		if a.SHA256 != "" {
			t = t.L(" SHA-256 ").Code(a.SHA256[:min(16, len(a.SHA256))] + "…")
		}
	}
	return m.Para(t)
}

// placeOfArtifact shortens an artifact's address to what finds it in a console,
// without a scheme that would be defanged.
func placeOfArtifact(uri string) string {
	if strings.HasPrefix(uri, "arn:") {
		return uri[strings.LastIndexByte(uri, '/')+1:]
	}
	return strings.TrimPrefix(uri, "s3://")
}

func bullets(head string, lines []string) message.Text {
	t := message.Text{}.Strong(head)
	for _, l := range lines {
		t = t.L("\n• ").V(l)
	}
	return t
}

// doubtMessage calls a person to an operation nobody knows the outcome of.
func (b *Bot) doubtMessage(o *responders.Operation) message.Message {
	t := message.Text{}
	if b.cfg.OnCallMention != "" {
		t = t.Person(b.cfg.OnCallMention).L(" ")
	}
	return message.Message{}.Para(t.L("please look at ").Code(o.Job.Target.Instance).L(": I do not know whether ").V(strings.ToLower(actionWord(o.Job.Action))).L(" happened, and I will not try again by myself. ").V(o.Why))
}

// endWords is the line in a case about an operation that has ended.
func endWords(o *responders.Operation) string {
	s := fmt.Sprintf("%s of %s: %s", strings.ToLower(actionWord(o.Job.Action)), o.Job.Target.Instance, stateWords(o))
	if o.Why != "" {
		s += ": " + o.Why
	}
	switch n := len(o.Job.Manifest.Artifacts); n {
	case 0:
	case 1:
		s += " (1 piece of evidence)"
	default:
		s += fmt.Sprintf(" (%d pieces of evidence)", n)
	}
	return message.Cut(s, 300)
}

// refOf is the message of an operation.
func refOf(r responders.Ref) chat.Ref { return chat.Ref{Channel: r.Channel, TS: r.TS} }
