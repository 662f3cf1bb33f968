package bot

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// What people do with incidents: open one, change one, close one.

// newIncident is a request to open an incident.
type newIncident struct {
	incidents.Opening
	by       who
	envelope string
	page     bool // page, whatever the severity
}

// openIncident opens an incident with its audit record in the same commit. A
// second one about the same case is not opened: people would work in two places.
func (b *Bot) openIncident(ctx context.Context, o newIncident) (message.Message, error) {
	for _, id := range o.Cases {
		k, err := b.readCase(ctx, id)
		if err != nil {
			return message.Message{}, err
		}
		if refused := b.authorise(ctx, o.by, actIncident, object{account: objectOf(k).account}); refused != nil {
			return *refused, nil
		}
		o.Paged = o.Paged || k.Page != nil && !k.Page.Resolved // sent, or tried until it is
	}
	var made *incidents.Incident
	var said message.Message
	err := b.changeAudited(ctx, func(t *tx, now time.Time) error {
		c, why, err := b.startIncident(ctx, t, o, now)
		made, said = c, why
		if err == nil && c == nil {
			return errGiveUp
		}
		return err
	})
	failpoint.Hit("incident.opened")
	if errors.Is(err, store.ErrSeen) {
		err = nil
	}
	if refused := notRecorded(err); refused != nil {
		return *refused, nil
	}
	if err != nil || made == nil {
		return said, err
	}
	return incidentOpened(made), nil
}

// startIncident plans the incident; no incident, and a sentence, when there is
// none to be opened.
func (b *Bot) startIncident(ctx context.Context, t *tx, o newIncident, now time.Time) (*incidents.Incident, message.Message, error) {
	for _, id := range o.Cases {
		if c, err := t.incidentOf(ctx, "", id); err != nil || c.Known() && c.IsOpen() {
			return nil, incidentThere(c), err
		}
	}
	id, err := t.freeIncidentID(ctx, o.envelope)
	if err != nil {
		return nil, message.Message{}, err
	}
	c, effects, err := incidents.Start(id, o.Opening, b.incidentRules(), now)
	if err == nil && o.page && len(c.Pages) == 0 {
		var more []store.Effect
		more, err = c.PageOnCall(o.By, c.Title, now)
		effects = append(effects, more...)
	}
	if why, is := refused(err); is {
		return nil, *refusal(why), nil
	} else if err != nil {
		return nil, message.Message{}, err
	}
	t.plan(effects...)
	t.marks = append(t.marks, store.Mark{ID: "env:" + o.envelope, TTL: inboxTTL})
	for _, id := range c.Cases {
		if err := b.noteIncident(ctx, t, id, "incident "+c.Ref()+" was opened about this", now); err != nil {
			return nil, message.Message{}, err
		}
		if err := b.promoteCase(ctx, t, id, now); err != nil {
			return nil, message.Message{}, err
		}
	}
	if err := t.putIncident(ctx, c, now); err != nil {
		return nil, message.Message{}, err
	}
	return c, message.Message{}, t.audit(ctx, audit.Record{Actor: o.By, Act: "open an incident", Object: c.Ref(), Decision: audit.Allowed,
		Detail: map[string]string{"title": c.Title, "severity": string(c.Severity), "cases": strconv.Itoa(len(c.Cases)), "pages": strconv.Itoa(len(c.Pages))}})
}

// freeIncidentID chooses an id whose short reference nobody has. The same
// delivery gives the same id, so that a repeated one opens nothing new.
func (t *tx) freeIncidentID(ctx context.Context, envelope string) (string, error) {
	if envelope == "" {
		envelope = randomID()
	}
	for n := range 20 {
		sum := sha256.Sum256([]byte("incident\x00" + envelope + "\x00" + strconv.Itoa(n)))
		id := incidents.IDOf([10]byte(sum[:10]))
		taken, err := t.loadRaw(ctx, incidentRefDoc(incidents.RefOf(id)))
		if err != nil {
			return "", err
		}
		if len(taken) == 0 || string(taken) == id {
			return id, nil
		}
	}
	var raw [10]byte
	rand.Read(raw[:]) // never fails, by its documentation
	return incidents.IDOf(raw), nil
}

// noteIncident adds a line about an incident to a case.
func (b *Bot) noteIncident(ctx context.Context, t *tx, caseID, what string, now time.Time) error {
	k, err := t.loadCase(ctx, caseID)
	if err != nil || !k.Known() {
		return err
	}
	k.Note(now, what)
	t.plan(k.Say(what, b.routes, now)...)
	t.touch(k)
	return nil
}

// incidentAct is something a person does to an incident.
type incidentAct struct {
	by       who
	envelope string
	id       string
	need     act
	what     string // for the audit log
	detail   map[string]string
	do       func(c *incidents.Incident, now time.Time) ([]store.Effect, []string, error)
}

// onIncident authorises and commits an act with its audit record. It returns the
// incident as it is then, or the sentence that tells why nothing was done.
func (b *Bot) onIncident(ctx context.Context, a incidentAct) (*incidents.Incident, *message.Message, error) {
	if no, err := b.mayTouch(ctx, a); err != nil || no != nil {
		return nil, no, err
	}
	var no *message.Message
	var now *incidents.Incident
	err := b.changeAudited(ctx, func(t *tx, at time.Time) error {
		c, err := t.loadIncident(ctx, a.id)
		if err != nil {
			return err
		}
		now, no = c, nil
		effects, cancel, err := a.do(c, at)
		if why, is := refused(err); is {
			no = refusal(why)
			return errGiveUp
		} else if err != nil {
			return err
		}
		t.plan(effects...)
		t.cancel = append(t.cancel, cancel...)
		t.marks = append(t.marks, store.Mark{ID: "env:" + a.envelope, TTL: inboxTTL})
		if err := t.putIncident(ctx, c, at); err != nil {
			return err
		}
		return t.audit(ctx, audit.Record{Actor: a.by.user, Act: a.what, Object: c.Ref(), Decision: audit.Allowed, Detail: a.detail})
	})
	failpoint.Hit("incident.changed")
	if errors.Is(err, store.ErrSeen) {
		err = nil
	}
	if m := notRecorded(err); m != nil {
		return nil, m, nil
	}
	return now, no, err
}

// mayTouch asks about each case of the incident: whose account it is in, and
// whom it is about.
func (b *Bot) mayTouch(ctx context.Context, a incidentAct) (*message.Message, error) {
	c, err := b.readIncident(ctx, a.id)
	if err != nil {
		return nil, err
	}
	if !c.Known() {
		return refusal("I do not know this incident any more."), nil
	}
	on := []object{{}}
	for _, id := range c.Cases {
		k, err := b.readCase(ctx, id)
		if err != nil {
			return nil, err
		}
		on = append(on, objectOf(k))
	}
	for _, o := range on {
		if no := b.authorise(ctx, a.by, a.need, o); no != nil {
			return no, nil
		}
	}
	return nil, nil
}

// closeIncident ends an incident. A page under way may still arrive for twice
// the time of a lease.
func (b *Bot) closeIncident(ctx context.Context, by who, envelope, id, reason string) (*incidents.Incident, *message.Message, error) {
	return b.onIncident(ctx, incidentAct{by: by, envelope: envelope, id: id, need: actEndIncident, what: "close an incident", detail: map[string]string{"reason": message.Cut(reason, 300)},
		do: func(c *incidents.Incident, now time.Time) ([]store.Effect, []string, error) {
			return c.Close(by.user, reason, 2*leaseTime, now)
		}})
}

// changeByHand is an act that needs no more than being a responder and cancels
// nothing.
func (b *Bot) changeByHand(ctx context.Context, by who, envelope, id, what string, detail map[string]string, do func(*incidents.Incident, time.Time) ([]store.Effect, error)) (*incidents.Incident, *message.Message, error) {
	return b.onIncident(ctx, incidentAct{by: by, envelope: envelope, id: id, need: actIncident, what: what, detail: detail,
		do: func(c *incidents.Incident, now time.Time) ([]store.Effect, []string, error) {
			effects, err := do(c, now)
			return effects, nil, err
		}})
}

// mayLead says why somebody cannot lead: a guest or a stranger reads only what
// they were shown.
func (b *Bot) mayLead(ctx context.Context, user string) (*message.Message, error) {
	u, err := b.slack.User(ctx, user)
	if err != nil && !permanent(err) {
		return nil, err
	}
	if why := notInvited(u, err); why != "" {
		m := message.Message{}.Para(message.Text{}.Person(user).L(" cannot lead: ").V(why).L("."))
		return &m, nil
	}
	return nil, nil
}
