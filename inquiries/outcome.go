package inquiries

import (
	"strings"

	"github.com/securitybot/securitybot/internal/message"
)

// Outcome is what replaces the question once something has happened: the
// answer, when it came, and what follows. While the inquiry waits for an answer
// it is the question itself, brought up to date. Where a "no" may still come,
// its button stays.
func Outcome(q Inquiry) message.Message {
	if q.Open() && q.Status != StatusVerifying {
		return Question(q)
	}
	title, body, hint, buttons := outcomeTexts(q)
	m := message.Message{Fallback: message.L(title + ". " + labelQuestion).Code(q.Ref)}
	m = m.Title(message.L(title)).Para(whatItWas(q))
	if t := whatYouSaid(q); len(t) > 0 {
		m = m.Para(t)
	}
	m = m.Para(body)
	if len(buttons) > 0 {
		if hint != "" {
			m = m.Note(message.L(hint))
		}
		m = m.Actions(buttons...)
	}
	ref := message.Text{}.L(labelQuestion).Code(q.Ref)
	if !q.ClosedAt.IsZero() {
		ref = ref.L(textClosedOn).At(q.ClosedAt)
	}
	return m.Note(ref.L("."))
}

// closedTexts ends the conversation: the case behind the question is closed.
func closedTexts(q Inquiry) (title string, body message.Text, hint string, buttons []message.Button) {
	body = message.L(textLoopClosed)
	if q.Status == StatusWithdrawn {
		title, body = titleWithdrawn, message.L(textWithdrawn)
	} else {
		title = titleClosed
	}
	if q.ClosedWhy != "" {
		body = body.L(" " + textLoopWhy).V(strings.TrimRight(q.ClosedWhy, ". ")).L(".")
	}
	if q.saidNo() {
		return title, body, "", nil
	}
	return title, body, textStillNo, []message.Button{button(q, ActionNo)}
}

func whatItWas(q Inquiry) message.Text {
	var where message.Text
	if q.About.Account != "" {
		where = where.L(fieldAccount + " ").V(q.About.Account)
	}
	if !q.About.At.IsZero() {
		if len(where) > 0 {
			where = where.L(", ")
		}
		where = where.At(q.About.At)
	}
	t := message.L(textSubject + sentence(q))
	if len(where) == 0 {
		return t.L(".")
	}
	return append(t.L(" ("), where...).L(").")
}

// whatYouSaid repeats the answer that counts.
func whatYouSaid(q Inquiry) message.Text {
	choice := Choice("")
	switch q.Status {
	case StatusYes, StatusVerified, StatusVerifying, StatusUnverified, StatusRefused:
		choice = Yes
	case StatusNo:
		choice = No
	case StatusUnsure:
		choice = Unsure
	}
	a, ok := q.Answered(choice)
	if !ok {
		return nil
	}
	return message.L(textYouSaid).Strong(labelOf(choice)).L(textWhen).At(a.At).L(".")
}

// outcomeTexts is what each status says, and the answers that are still
// possible.
func outcomeTexts(q Inquiry) (title string, body message.Text, hint string, buttons []message.Button) {
	if !q.ClosedAt.IsZero() {
		return closedTexts(q)
	}
	no := []message.Button{button(q, ActionNo)}
	switch q.Status {
	case StatusVerifying:
		return titleProof, howToProve(q), textMistake, no
	case StatusYes:
		return titleThanks, message.L(afterYes(q)), textMistake, no
	case StatusVerified:
		return titleThanks, message.L(textConfirmed + " " + afterYes(q)), textMistake, no
	case StatusNo:
		return titleNo, message.L(textNo), "", nil
	case StatusRefused:
		return titleNo, message.L(textRefused + " " + textNo), "", nil
	case StatusUnverified:
		return titleUnverified, message.L(whyNoProof(q)), textMistake, no
	case StatusUnsure:
		return titleUnsure, message.L(textUnsure), "", []message.Button{button(q, ActionYes), button(q, ActionNo)}
	case StatusExpired:
		return titleExpired, message.L(textExpired), "", answerButtons(q)
	}
	return titleUnreachable, message.L(textUnreachable), "", answerButtons(q)
}

func afterYes(q Inquiry) string {
	switch {
	case serious(q.Level):
		return textSecondLook
	case closes(q.yesStep()):
		return textClosedYes
	}
	return textPassedOn
}

// Sentence is what happened, in one sentence without its full stop, with where.
func Sentence(q Inquiry) string {
	s := sentence(q)
	if q.About.Account != "" {
		s += ", " + fieldAccount + " " + q.About.Account
	}
	return s
}

// howToProve says how the person proves that it is them. Only they see it.
func howToProve(q Inquiry) message.Text {
	p := q.Proof
	t := message.L(textProof)
	switch {
	case p.Link != "":
		t = message.Text{}.Link(labelSignIn, p.Link).L(textProofLink)
	case p.Number != "":
		t = message.L(textProofNumber).Strong(p.Number).L(textProofPick)
	case p.TxID != "":
		t = message.L(textProofPhone)
	}
	t = t.L(" " + textProofBy).At(p.By).L(textProofLate)
	if p.Link == "" && p.TxID != "" {
		t = t.L(" " + textProofRefuse)
	}
	return t
}

// whyNoProof tells the person why their second proof does not count. It says
// nothing of what is wrong at the provider.
func whyNoProof(q Inquiry) string {
	switch q.Proof.Result {
	case VerifyCapped:
		return textCapped
	case VerifyUnavailable:
		return textNoSecond
	case VerifyOutage, VerifyLost, VerifyError:
		return textProofOutage
	}
	return textUnverified
}
