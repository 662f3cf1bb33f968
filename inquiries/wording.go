package inquiries

import (
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
)

// defaultCommand is the bot's slash command where no other is configured.
const defaultCommand = "/ir"

// Question is the question as it is first posted, and as long as it is open.
func Question(q Inquiry) message.Message {
	m := message.Message{Fallback: fallbackOf(q)}
	m = m.Title(message.L(textTitle)).Para(greeting(q).L(sentence(q) + "."))
	if f := aboutFields(q.About); len(f) > 0 {
		m = m.Fields(f...)
	}
	for _, t := range moreTexts(q) {
		m = m.Para(t)
	}
	m = m.Para(whyYou(q)).Para(whatNext(q)).Actions(answerButtons(q)...)
	return m.Note(smallPrint(q))
}

// Reminder is the short message that asks again.
func Reminder(q Inquiry) message.Message {
	head := greeting(q).L(textRemind).At(q.Deadline).L(". ")
	m := message.Message{Fallback: message.L(textReminder + ": " + sentence(q) + ". " + textBy).At(q.Deadline).L(".")}
	m = m.Title(message.L(textReminder)).Para(head.L(sentence(q) + "."))
	if f := aboutFields(q.About); len(f) > 0 {
		m = m.Fields(f...)
	}
	return m.Actions(answerButtons(q)...).Note(smallPrint(q))
}

// Details is the view behind the button of that name, for the person asked.
func Details(q Inquiry) message.Modal {
	fields := append([]message.Field{{Label: fieldReference, Text: message.Text{}.Code(q.Ref)}}, aboutFields(q.About)...)
	add := func(label, value string) {
		if value != "" {
			fields = append(fields, message.Field{Label: label, Text: message.Text{}.Code(value)})
		}
	}
	add(fieldRegion, q.About.Region)
	add(fieldService, q.About.Service)
	for _, d := range q.About.Details {
		if d.Label != "" && len(d.Text) > 0 {
			fields = append(fields, d)
		}
	}
	parts := message.Message{}.Fields(fields...)
	for _, t := range moreTexts(q) {
		parts = parts.Para(t)
	}
	parts = parts.Note(message.L(textDetailsNote))
	return message.Modal{Callback: ActionDetails, Private: q.ID, Title: titleDetails, Parts: parts.Parts}
}

// UndeliverableNotice tells the security team that a question did not reach
// anybody.
func UndeliverableNotice(q Inquiry) message.Message {
	who := message.Text{}.V(orElse(q.Person.Email, q.Person.ChatID))
	return message.Message{}.Title(message.L(titleUndeliverable)).
		Para(message.L(textUndeliverable)).
		Fields(message.Field{Label: fieldReference, Text: message.Text{}.Code(q.Ref)},
			message.Field{Label: "Person", Text: who},
			message.Field{Label: fieldReason, Text: message.Text{}.V(orElse(q.Decision.Why, whyUndeliverable))})
}

func greeting(q Inquiry) message.Text {
	if q.Person.Name == "" {
		return message.Text{}
	}
	return message.L(textHello).V(q.Person.Name).L(". ")
}

// sentence is what happened, as a sentence without its full stop. A rule's own
// sentence may come with one.
func sentence(q Inquiry) string {
	s := strings.TrimRight(q.About.Sentence, ". ")
	if s == "" {
		s = textUnknownAct
	}
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

func aboutFields(a About) []message.Field {
	var out []message.Field
	if !a.At.IsZero() {
		out = append(out, message.Field{Label: fieldWhen, Text: message.Text{}.At(a.At)})
	}
	add := func(label string, value string) {
		if value != "" {
			out = append(out, message.Field{Label: label, Text: message.Text{}.V(value)})
		}
	}
	add(fieldAccount, a.Account)
	add(fieldPlace, a.Place)
	add(fieldResource, a.Resource)
	return out
}

// moreTexts lists what was added to the question later.
func moreTexts(q Inquiry) []message.Text {
	n := len(q.Cases) - 1
	if n < 1 {
		return nil
	}
	head := textMoreAnd + strconv.Itoa(n) + textMoreMany
	if n == 1 {
		head = textMoreOne
	}
	out := []message.Text{message.Text{}.Strong(upper(head))}
	for _, a := range q.More {
		if t := oneLine(a); len(t) > 0 {
			out = append(out, t)
		}
	}
	if n > len(q.More) {
		out = append(out, message.L(textMoreRest))
	}
	return out
}

func oneLine(a About) message.Text {
	var t message.Text
	for i, f := range aboutFields(a) {
		if i > 0 {
			t = t.L(" · ")
		}
		t = append(t, f.Text...)
	}
	return t
}

func whyYou(q Inquiry) message.Text {
	t := message.Text{}.Strong(textWhyYou)
	if q.Person.Why == "" {
		return t.L(textWhyDefault + ".")
	}
	return t.V(upper(strings.TrimRight(q.Person.Why, ". "))).L(".")
}

// whatNext says what each answer leads to and until when there is time.
func whatNext(q Inquiry) message.Text {
	t := message.Text{}.Strong(textNext).L(yesLeadsTo(q) + textNoCalls + " ").L(textBy).At(q.Deadline)
	if q.Level == findings.Critical {
		return t.L(". " + textPagedOn)
	}
	return t.L(textAfter)
}

func yesLeadsTo(q Inquiry) string {
	switch {
	case q.Spec.MFA:
		return textYesProof
	case serious(q.Level):
		return textYesLook
	case closes(q.yesStep()):
		return textYesCloses
	}
	return textYesPassed
}

// closes says whether a step ends the case without anybody else looking.
func closes(s policy.Step) bool { return s == policy.Suppress || s == policy.Record }

func answerButtons(q Inquiry) []message.Button {
	return []message.Button{button(q, ActionYes), button(q, ActionNo), button(q, ActionUnsure), button(q, ActionDetails)}
}

func button(q Inquiry, action string) message.Button {
	label := labelDetails
	if c := ChoiceOf(action); c != "" {
		label = labelOf(c)
	}
	return message.Button{Action: action, Value: q.ID, Label: label, Hint: label + " (" + q.Ref + ")"}
}

func smallPrint(q Inquiry) message.Text {
	return message.Text{}.L(labelQuestion).Code(q.Ref).L(". " + textSmall).Code(q.verifyCommand())
}

// fallbackOf says everything that matters, for push notifications and screen
// readers.
func fallbackOf(q Inquiry) message.Text {
	t := message.L(textTitle + " " + sentence(q))
	if q.About.Account != "" {
		t = t.L(", " + fieldAccount + " ").V(q.About.Account)
	}
	return t.L(". " + textBy).At(q.Deadline).L(". " + labelQuestion).Code(q.Ref)
}

func upper(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		return s
	}
	return string(unicode.ToUpper(first)) + s[n:]
}

func orElse(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// The private replies.

func plain(text string) message.Message { return message.Message{}.Para(message.L(text)) }

func replyNotForYou() message.Message { return plain(textNotForYou) }
func replyStale() message.Message     { return plain(textStale) }
func replyTooEarly() message.Message  { return plain(textTooEarly) }
func replyElsewhere() message.Message { return plain(textElsewhere) }
func replyLookAgain() message.Message { return plain(textLookAgain) }

// replyAlreadyNo answers a "no" after the team was called for one already.
func replyAlreadyNo(q Inquiry) message.Message {
	return message.Message{}.Para(message.L(textAlreadyNo).At(q.noAt()).L(".").L(textKeepsNo))
}

// replyLate answers whoever answers again, or after something else decided.
func replyLate(q Inquiry, c Choice, first Answer, again bool) message.Message {
	t := message.Text{}
	if again {
		t = t.L(textAlready + labelOf(first.Choice) + textWhen).At(first.At).L(". ")
	} else {
		t = t.L(textNoted)
	}
	switch {
	case q.Status == StatusWithdrawn:
		return plain(textGone)
	case q.Status == StatusVerifying:
		t = t.L(textStillOpen)
	case q.saidNo():
		t = t.L(textAlreadyNo).At(q.noAt()).L(".").L(textKeepsNo)
	case q.Status == StatusExpired || q.Status == StatusUndeliverable:
		t = t.L(textDecidedOver)
	case !again && len(q.Answers) > 0 && q.Answers[0].Choice != c:
		t = t.L(textDecidedBy + labelOf(q.Answers[0].Choice) + textWhen).At(q.Answers[0].At).L(".")
	}
	return message.Message{}.Para(t)
}

// noAt is when the "no", or the refusal that counts as one, was taken in.
func (q Inquiry) noAt() time.Time {
	if q.Status == StatusNo {
		if a, ok := q.Answered(No); ok {
			return a.At
		}
	}
	return q.Decision.At
}

// verifyCommand is what to type to check that a question is genuine.
func (q Inquiry) verifyCommand() string {
	command := q.Command
	if command == "" {
		command = defaultCommand
	}
	return command + " verify " + q.Ref
}
