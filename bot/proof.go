package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/proof"
	"github.com/securitybot/securitybot/internal/store"
)

// proofEvery is how often a request on somebody's telephone is looked at.
const proofEvery = 2 * time.Second

// doVerify asks for proof of a "yes" and follows it. Without a provider the
// question engine decides what a missing proof means, and that is never "yes".
func (b *Bot) doVerify(ctx context.Context, q inquiries.Inquiry, e *store.Effect) error {
	stage := q.Stage()
	switch {
	case stage == inquiries.StageNone:
		return b.inquiryDone(ctx, q.ID, e, nil)
	case b.verifier == nil:
		return b.proofEnds(ctx, q, e, inquiries.VerifyUnavailable)
	case stage == inquiries.StageBegin:
		return b.askForProof(ctx, q, e)
	case stage == inquiries.StageLost:
		b.log.Warn("a request for a second proof was cut off; it is not sent twice, security decides", "case", q.Ref)
		return b.proofEnds(ctx, q, e, inquiries.VerifyLost)
	}
	return b.followProof(ctx, q, e, stage)
}

// proofEnds commits that no proof will come of it, or what came.
func (b *Bot) proofEnds(ctx context.Context, q inquiries.Inquiry, e *store.Effect, r inquiries.Result) error {
	b.metrics.proofs.WithLabelValues(string(r)).Inc()
	return b.inquiryDone(ctx, q.ID, e, inquiries.Verified{Result: r})
}

// askForProof sends one request. That it is about to be sent is committed
// before, so that whoever takes over after a crash does not send another.
func (b *Bot) askForProof(ctx context.Context, q inquiries.Inquiry, e *store.Effect) error {
	user, err := b.proofUser(ctx, q)
	switch {
	case err != nil && permanent(err):
		b.log.Warn("nobody can be asked for a second proof", "case", q.Ref, "error", err)
		return b.proofEnds(ctx, q, e, inquiries.VerifyUnavailable)
	case err != nil && q.GivenUp(b.clock.Now()):
		return b.proofEnds(ctx, q, e, inquiries.VerifyOutage)
	case err != nil:
		return err
	}
	q, err = b.beginProof(ctx, q.ID, user, e)
	if err != nil || q.Stage() != inquiries.StageLost { // capped
		return err
	}
	failpoint.Hit("verify.begun")
	event, failed := inquiries.Send(ctx, b.verifier, q)
	failpoint.Hit("verify.sent")
	if failed != nil {
		b.log.Warn("a second proof was not asked for", "case", q.Ref, "error", failed)
	}
	switch ev := event.(type) {
	case inquiries.VerifyStarted:
		return b.proofStarted(ctx, q, e, ev)
	case inquiries.Verified:
		return b.proofEnds(ctx, q, e, ev.Result)
	}
	if q.GivenUp(b.clock.Now()) {
		return b.proofEnds(ctx, q, e, inquiries.VerifyOutage)
	}
	if err := b.holdProof(ctx, q); err != nil {
		return err
	}
	return laterAfter(failed)
}

// proofStarted commits the provider's transaction. A proof given in the browser
// needs no looking after: whoever signs in brings the event.
func (b *Bot) proofStarted(ctx context.Context, q inquiries.Inquiry, e *store.Effect, ev inquiries.VerifyStarted) error {
	browser := ev.Link != ""
	_, _, err := b.changeInquiry(ctx, q.ID, func(t *tx) {
		if browser {
			t.finish(e)
		}
	}, func(inquiries.Inquiry) inquiries.Event { return ev })
	if err != nil || browser {
		return err
	}
	failpoint.Hit("verify.started")
	return &later{after: proofEvery, why: "the proof is awaited"}
}

// followProof looks how a request stands.
func (b *Bot) followProof(ctx context.Context, q inquiries.Inquiry, e *store.Effect, stage inquiries.Stage) error {
	if q.Proof.Link != "" {
		return b.inquiryDone(ctx, q.ID, e, nil)
	}
	event, err := inquiries.Poll(ctx, b.verifier, q)
	if err != nil {
		b.log.Warn("a second proof cannot be followed", "case", q.Ref, "error", err)
	}
	ev, ended := event.(inquiries.Verified)
	switch {
	case ended:
		return b.proofEnds(ctx, q, e, ev.Result)
	case stage == inquiries.StageLast:
		return b.inquiryDone(ctx, q.ID, e, nil)
	case err != nil && proof.ClassOf(err) == proof.Permanent:
		return b.proofEnds(ctx, q, e, inquiries.VerifyError)
	case err != nil:
		return laterAfter(err)
	}
	return &later{after: proofEvery, why: "the proof is awaited"}
}

// laterAfter waits as long as a provider asks for, or a few seconds: the
// person's time is running.
func laterAfter(err error) error {
	wait := 5 * time.Second
	var f *proof.Failure
	if errors.As(err, &f) && f.RetryAfter > wait {
		wait = f.RetryAfter
	}
	return &later{after: wait, why: "the provider of second proofs is out of reach"}
}

// proofUser is the person asked, by their name at the provider: from the
// address the directory has for them, which nobody can change in chat, or else
// from the chat profile.
func (b *Bot) proofUser(ctx context.Context, q inquiries.Inquiry) (string, error) {
	u, err := b.addressee(ctx, q.Person.ChatID, q.Person.Email)
	if err != nil {
		return "", err
	}
	email := strings.ToLower(orElse(q.Person.Email, u.Email))
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || domain == "" {
		return "", fmt.Errorf("%w: no e-mail address is known", errNobody)
	}
	if b.cfg.Proofs.LocalPart {
		return local, nil
	}
	return email, nil
}

// proofsDoc remembers the requests a person got lately, so that nobody is worn
// down with them.
type proofsDoc struct {
	Asked []askedProof `json:"a"`
}

type askedProof struct {
	Inquiry string    `json:"q"`
	At      time.Time `json:"t"`
}

func proofsDocID(user string) string { return "v:" + short("proof:"+user) }

// loadProofs returns the requests of the last hour.
func (t *tx) loadProofs(ctx context.Context, user string, now time.Time) (proofsDoc, error) {
	var d proofsDoc
	body, err := t.loadRaw(ctx, proofsDocID(user))
	if err != nil || len(body) == 0 {
		return d, err
	}
	if err := json.Unmarshal(body, &d); err != nil {
		return d, fmt.Errorf("decode requests for proof: %w", err)
	}
	d.Asked = slices.DeleteFunc(d.Asked, func(a askedProof) bool { return now.Sub(a.At) >= time.Hour })
	return d, nil
}

func (t *tx) putProofs(user string, d proofsDoc) error {
	body, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("encode requests for proof: %w", err)
	}
	t.putRaw(proofsDocID(user), body, 2*time.Hour)
	return nil
}

// beginProof commits that a request is about to be sent. Somebody who got
// enough of them is not sent another, and nobody has two at a time.
func (b *Bot) beginProof(ctx context.Context, id, user string, e *store.Effect) (inquiries.Inquiry, error) {
	var out inquiries.Inquiry
	var wait error
	var capped bool
	err := b.change(ctx, func(t *tx, now time.Time) error {
		wait, out, capped = nil, inquiries.Inquiry{}, false
		q, known, err := t.loadInquiry(ctx, id)
		if err != nil {
			return err
		}
		if !known || q.Stage() != inquiries.StageBegin {
			wait = &later{after: proofEvery, why: "the question has changed"}
			return errGiveUp
		}
		d, err := t.loadProofs(ctx, user, now)
		if err != nil {
			return err
		}
		if busy, err := t.provesSomething(ctx, d, id); err != nil || busy {
			wait = &later{after: proofEvery, why: "the person has another request open"}
			return orGiveUp(err)
		}
		var event inquiries.Event = inquiries.VerifyBegan{User: user}
		if len(d.Asked) >= b.cfg.Proofs.PerHour {
			event, capped = inquiries.Verified{Result: inquiries.VerifyCapped}, true
			t.finish(e)
		} else {
			d.Asked = append(d.Asked, askedProof{id, now})
			if err := t.putProofs(user, d); err != nil {
				return err
			}
		}
		var effects []inquiries.Effect
		out, effects, _ = q.Apply(event, now)
		return b.applyInquiry(ctx, t, out, effects, now)
	})
	if err == nil && capped {
		b.metrics.proofs.WithLabelValues(string(inquiries.VerifyCapped)).Inc()
	}
	return out, errors.Join(err, wait)
}

func orGiveUp(err error) error {
	if err != nil {
		return err
	}
	return errGiveUp
}

// provesSomething says whether another question waits for the person's proof.
func (t *tx) provesSomething(ctx context.Context, d proofsDoc, but string) (bool, error) {
	for _, a := range d.Asked {
		q, known, err := t.loadInquiry(ctx, a.Inquiry)
		if err != nil {
			return false, err
		}
		if known && a.Inquiry != but && q.Status == inquiries.StatusVerifying {
			return true, nil
		}
	}
	return false, nil
}

// holdProof takes a request back that certainly was not sent.
func (b *Bot) holdProof(ctx context.Context, was inquiries.Inquiry) error {
	return b.change(ctx, func(t *tx, now time.Time) error {
		q, known, err := t.loadInquiry(ctx, was.ID)
		if err != nil {
			return err
		}
		if !known {
			return errGiveUp
		}
		d, err := t.loadProofs(ctx, was.Proof.User, now)
		if err != nil {
			return err
		}
		d.Asked = slices.DeleteFunc(d.Asked, func(a askedProof) bool { return a.Inquiry == was.ID })
		if err := t.putProofs(was.Proof.User, d); err != nil {
			return err
		}
		next, effects, _ := q.Apply(inquiries.VerifyHeld{}, now)
		return b.applyInquiry(ctx, t, next, effects, now)
	})
}
