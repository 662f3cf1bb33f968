package inquiries

import (
	"slices"
	"time"

	"github.com/securitybot/securitybot/findings/policy"
)

// maxSignIns bounds how often the link of one question leads to a sign-in.
const maxSignIns = 8

func (t *turn) verifyBegan(ev VerifyBegan) {
	p := &t.q.Proof
	if t.q.Status == StatusVerifying && p.Began.IsZero() {
		p.Began, p.User = t.now, clean(ev.User, maxValue)
		t.reply.Counted = true
	}
}

func (t *turn) verifyHeld() {
	if p := &t.q.Proof; t.q.Status == StatusVerifying && p.TxID == "" {
		p.Began, p.User = time.Time{}, ""
	}
}

func (t *turn) verifyStarted(ev VerifyStarted) {
	p := &t.q.Proof
	if t.q.Status != StatusVerifying || p.TxID != "" || ev.TxID == "" {
		return
	}
	p.TxID, p.At = clean(ev.TxID, 256), clean(ev.Sent.User, maxValue)
	p.Number, p.Link, p.Key = clean(ev.Number, 16), clean(ev.Link, maxLink), clean(ev.Key, 128)
	t.show()
}

// signedIn takes a state of a sign-in, each once and only while it matters.
func (t *turn) signedIn(ev SignedIn) {
	p := &t.q.Proof
	if t.q.Status != StatusVerifying || !t.now.Before(p.By) || ev.State == "" || slices.Contains(p.Used, ev.State) || len(p.Used) >= maxSignIns {
		return
	}
	p.Used = append(p.Used, clean(ev.State, maxValue))
	t.reply.Counted = true
}

// strangeSignIn lets the security team know. It proves nothing and ends
// nothing: whoever was asked can still prove it.
func (t *turn) strangeSignIn() {
	if t.q.Status == StatusVerifying {
		t.tell(whyStrangeSignIn)
	}
}

// verified takes in what became of a proof. A refusal is a "no" at any time;
// nothing else counts once the waiting is over.
func (t *turn) verified(ev Verified) {
	q := &t.q
	if q.Proof.By.IsZero() || ev.Result == VerifyWaiting {
		return // no proof was asked for, or it is still being given
	}
	if ev.Result == VerifyDeny || ev.Result == VerifyFraud {
		t.refused(ev.Result)
		return
	}
	if q.Status != StatusVerifying {
		if ev.Result == VerifyAllow && q.Status == StatusUnverified && q.Proof.Result != VerifyAllow {
			q.Proof.Result = VerifyAllow
			t.tell(whyLateProof)
		}
		return
	}
	switch {
	case !t.now.Before(q.Proof.By):
		t.unverified(VerifyTimeout)
	case ev.Result == VerifyAllow:
		t.proofEnds(VerifyAllow)
		q.Status = StatusVerified
		t.decide(OutcomeVerified, q.yesStep(), whyVerified)
		t.show()
		t.reply.Counted = true
	default:
		t.unverified(ev.Result)
	}
}

func (t *turn) proofEnds(r Result) {
	t.q.Proof.Result = r
	t.q.Proof.forget()
}

// forget drops what was for the person asked only.
func (p *Proof) forget() { p.Number, p.Link, p.Key, p.Used = "", "", "", nil }

func (t *turn) refused(r Result) {
	q := &t.q
	if q.saidNo() {
		return
	}
	t.proofEnds(r)
	t.reopen(StatusRefused)
	t.decide(OutcomeRefused, policy.Page, whyRefused)
	t.show()
	t.reply.Counted = true
}

// whyUnproved are the reasons for the security team, by result.
var whyUnproved = map[Result]string{
	VerifyTimeout: whyProofTimeout, VerifyUnavailable: whyProofUnavailable, VerifyOutage: whyProofOutage,
	VerifyLost: whyProofLost, VerifyCapped: whyProofCapped, VerifyError: whyProofFailed,
}

// unverified ends the waiting for a proof. Whatever the reason, it is not a
// "yes".
func (t *turn) unverified(r Result) {
	if whyUnproved[r] == "" {
		r = VerifyError
	}
	t.proofEnds(r)
	t.q.Status = StatusUnverified
	t.decide(OutcomeUnverified, t.q.proofFailStep(), whyUnproved[r])
	t.show()
	t.reply.Counted = true
}
