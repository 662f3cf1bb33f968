package inquiries

// Every text a person reads, in one place. The rules: what happened first, then
// where, when, why them, what follows and when; words a twelve-year-old knows;
// no blame; no word of ours from the trade (finding, principal, severity); never
// how something was detected.

// Labels of the buttons.
const (
	labelYes     = "Yes, this was me"
	labelNo      = "No, this wasn't me"
	labelUnsure  = "I'm not sure"
	labelDetails = "Details"
)

// The question.
const (
	textTitle      = "Was this you?"
	textHello      = "Hi "
	textUnknownAct = "Something was done with your AWS access"
	fieldWhen      = "When"
	fieldAccount   = "AWS account"
	fieldRegion    = "AWS region"
	fieldPlace     = "From (about)"
	fieldResource  = "What was touched"
	fieldService   = "Service"
	textWhyYou     = "Why you? "
	textWhyDefault = "It was done with a sign-in that belongs to you, as far as we know"
	textNext       = "What next? "
	textYesProof   = "If it was you, we ask you for a second proof. "
	textYesLook    = "If it was you, the security team takes a short second look. "
	textYesPassed  = "If it was you, we pass that on to the security team. "
	textYesCloses  = "If it was you, that's all. "
	textNoCalls    = "If it wasn't, we call the security engineer on duty: you are not in trouble and need do nothing else."
	textBy         = "Please answer by "
	textAfter      = ". After that the security team looks into it."
	textPagedOn    = "The security team is looking into it already; your answer helps them."
	textSmall      = "We never ask for a password or a code. To check that this is really from us, type "
	textMoreOne    = "and one more like this:"
	textMoreMany   = " more like this:"
	textMoreAnd    = "and "
	textMoreRest   = "The others are much the same."
	textReminder   = "Still waiting for your answer"
	textRemind     = "We asked you something and need your answer by "
)

// What became of it.
const (
	textYouSaid      = "You answered: "
	textWhen         = ", "
	textSubject      = "It was about: "
	titleThanks      = "Thank you"
	titleProof       = "One more step"
	labelSignIn      = "Sign in once more"
	textProof        = "We are about to ask you for your usual second proof."
	textProofPhone   = "Please approve the request that is on your phone now."
	textProofNumber  = "Your phone shows a request now. Please pick this number there: "
	textProofPick    = ". Nobody else sees it; please tell it to nobody."
	textProofLink    = " at the company's own sign-in page, to confirm that it is you. Please pass this link to nobody."
	textProofRefuse  = "If it was not you who pressed the button, refuse the request: we then call the security engineer on duty."
	textProofBy      = "There is time until "
	textProofLate    = ". Without it the security team looks into it."
	textMistake      = "Pressed by mistake, or did you find out more? You can still say no, at any time."
	textClosedYes    = "That's all. Nothing more for you to do."
	textPassedOn     = "We passed it on to the security team. Nothing more for you to do."
	textSecondLook   = "Because it matters, the security team takes a short second look. Nothing more for you to do."
	textConfirmed    = "You confirmed that it was you."
	titleNo          = "Thank you, we have called the security team"
	textNo           = "The security engineer on duty has been called and gets in touch with you. You are not in trouble and need do nothing else. If you can, please keep your computer switched on and connected."
	textRefused      = "You refused the request for a second proof, so we treat this as not you."
	titleUnverified  = "Your answer could not be confirmed"
	textUnverified   = "Your second proof did not arrive in time. The security team looks into it and may get in touch with you. This happens, and is nothing to worry about."
	textCapped       = "You got several requests for a second proof within a short time, so we did not send another one. The security team looks into it and may get in touch with you. There is nothing you need to do."
	textNoSecond     = "We could not find a second proof of yours that we can ask for. The security team looks into it and may get in touch with you. This happens, and is nothing to worry about."
	textProofOutage  = "Something on our side did not work, so your second proof could not be taken. The security team looks into it and may get in touch with you. There is nothing you need to do."
	titleUnsure      = "Thank you for being honest"
	textUnsure       = "The security team looks into it. Could it have been a script of yours, an account you share, or a colleague working on something with you? Please find out if you can, and tell them."
	titleExpired     = "The time to answer is over"
	textExpired      = "We have not heard from you, so the security team looks into it. You can still answer; they will see it."
	titleWithdrawn   = "No answer needed any more"
	textWithdrawn    = "The security team has dealt with this in another way. Nothing for you to do."
	titleUnreachable = "The security team looks into this"
	textUnreachable  = "We could not reach you at first, so the security team looks into it. You can still answer; they will see it."
	titleClosed      = "This is settled"
	textStillNo      = "If it wasn't you after all, you can still say so, at any time."
	textClosedOn     = ". Settled "
	textLoopClosed   = "The security team has finished with this. Thank you for your help."
	textLoopWhy      = "What they say: "
	labelQuestion    = "Reference "
)

// Private replies to a click.
const (
	textNotForYou   = "This question is for somebody else, so your answer was not taken. The security team has been told that you pressed the button. If something worries you, please tell them."
	textStale       = "This button does nothing any more. If something worries you, please tell the security team."
	textTooEarly    = "That was quick: I am still getting ready. Please press it again in a few seconds."
	textElsewhere   = "Please answer in the message that I sent to you directly."
	textLookAgain   = "Something was added to this question a moment ago. Please look at it again and then answer."
	textAlready     = "I have your answer: "
	textAlreadyNo   = "The security team was called, "
	textKeepsNo     = " They will sort it out with you; please tell them what you remember."
	textNoted       = "Thank you, I have noted that for the security team. "
	textStillOpen   = "The second proof is still needed."
	textDecidedOver = "The time to answer was over, so they are looking into it already."
	textDecidedBy   = "What counts is your first answer: "
	textGone        = "The security team has closed this already. Nothing more for you to do."
)

// Titles of the other views.
const (
	titleDetails       = "Details"
	textDetailsNote    = "This is what was recorded. If you do not recognise it, please answer no."
	titleUndeliverable = "A question could not be delivered"
	textUndeliverable  = "Nobody has been asked, so nobody has said that this was fine."
	fieldReason        = "Reason"
	fieldReference     = "Reference"
)

// Reasons, for the case, the page and the security team. Never shown to the
// person asked.
const (
	whyCritical         = "too serious to wait for an answer: the employee is asked at the same time"
	whyNo               = "the employee says that it was not them"
	whyLateNo           = "the employee says, after the question was settled otherwise, that it was not them"
	whyYes              = "the employee says that it was them"
	whyVerified         = "the employee says that it was them and gave a second proof"
	whyUnsure           = "the employee is not sure whether it was them"
	whyExpired          = "the employee did not answer in time"
	whyNotDelivered     = "the question to the employee could not be delivered in time"
	whyUndeliverable    = "the question to the employee could not be delivered"
	whyRefused          = "the employee refused the second proof of their yes: treated as a no"
	whyProofTimeout     = "the employee says that it was them, but the second proof did not come in time"
	whyProofUnavailable = "the employee says that it was them, but no second proof can be asked for"
	whyProofFailed      = "the employee says that it was them, but the second proof failed"
	whyProofOutage      = "the employee says that it was them, but the provider of second proofs does not answer"
	whyProofLost        = "the employee says that it was them, but whether the request for a second proof reached them is not known; it is never sent twice"
	whyProofCapped      = "the employee says that it was them, but got so many requests for a second proof lately that no further one was sent"
	whyStrangeSignIn    = "somebody else than the person asked signed in to give the second proof: refused, nothing is proved by it"
	whyLateProof        = "the second proof of the employee's yes came after the time for it was over: noted, it changes nothing"
)

func whyLater(c Choice) string {
	if c == Yes {
		return "the employee says later that it was them, without proof: noted, it changes nothing"
	}
	return "the employee says later that they are not sure: noted, it changes nothing"
}

func whyStranger(by string, c Choice) string {
	return "somebody else than the person asked (chat user " + by + ") pressed \"" + labelOf(c) + "\": refused"
}

func labelOf(c Choice) string {
	switch c {
	case Yes:
		return labelYes
	case No:
		return labelNo
	}
	return labelUnsure
}

func proofPrompt(q Inquiry) string {
	return "Confirm your answer \"" + labelYes + "\" (" + q.Ref + ")"
}
