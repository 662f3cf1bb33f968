package bot

import (
	"context"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// Buttons and dialogs of incidents.

// The buttons and callbacks beside those of the engine.
const (
	actOpenIncident   = "incident.open" // of a case's message; also the callback of its dialog
	actInviteIncident = "incident.invite"
)

func incidentButtons() map[string]door[chat.Action] {
	return map[string]door[chat.Action]{
		actOpenIncident:    {actIncident, (*Bot).askIncident},
		incidents.ActNote:  {actIncident, (*Bot).askNote},
		incidents.ActLead:  {actIncident, (*Bot).takeLead},
		incidents.ActClose: {actEndIncident, (*Bot).askEnd},
	}
}

func incidentDialogs() map[string]door[chat.Submission] {
	return map[string]door[chat.Submission]{
		actOpenIncident:    {actIncident, (*Bot).takeIncident},
		actInviteIncident:  {actIncident, (*Bot).takeInvite},
		incidents.ActNote:  {actIncident, (*Bot).takeNote},
		incidents.ActLead:  {actIncident, (*Bot).takeNewLead},
		incidents.ActClose: {actEndIncident, (*Bot).takeEnd},
		actReopenIncident:  {actIncident, (*Bot).takeReopen},
	}
}

// askIncident opens the form for an incident about a case, unless there is one.
func (b *Bot) askIncident(ctx context.Context, a chat.Action) (chat.Reply, error) {
	k, err := b.readCase(ctx, a.Value)
	if err != nil {
		return chat.Reply{}, err
	}
	if !k.Known() || k.Finding == nil {
		return chat.Reply{Message: refusal("I do not know this case any more.")}, nil
	}
	if no := b.authorise(ctx, who{a.User, a.Team}, actIncident, object{account: objectOf(k).account}); no != nil {
		return chat.Reply{Message: no}, nil
	}
	c, err := b.begin().incidentOf(ctx, "", k.ID)
	if err != nil {
		return chat.Reply{}, err
	}
	if c.Known() && c.IsOpen() {
		m := incidentThere(c)
		return chat.Reply{Message: &m}, nil
	}
	m := b.incidentForm(newIncident{Opening: incidents.Opening{Title: message.Cut(headline(k), 120), Level: findings.LevelOf(k.Severity), Cases: []string{k.ID}}}, k)
	return chat.Reply{Modal: &m}, nil
}

// takeIncident reads the form that opens an incident.
func (b *Bot) takeIncident(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	o := newIncident{by: who{s.User, s.Team}, envelope: s.EnvelopeID, page: s.Values["page"] == "yes"}
	o.By, o.Title, o.Members = s.User, s.Values["title"], chosen(s.Values["people"])
	if o.Level = findings.Level(s.Values["severity"]); o.Title == "" {
		return chat.Reply{Errors: map[string]string{"title": "Please write a few words on what has happened."}}, nil
	}
	if cases.ValidID(s.Private) {
		o.Cases = []string{s.Private}
	}
	if ref := strings.TrimSpace(s.Values["case"]); ref != "" {
		k, found, err := b.caseByRef(ctx, ref)
		if err != nil {
			return chat.Reply{}, err
		}
		if !found {
			return chat.Reply{Errors: map[string]string{"case": "There is no such case. References look like SB-7F3K9QXA."}}, nil
		}
		o.Cases = append(o.Cases, k)
	}
	m, err := b.openIncident(ctx, o)
	return chat.Reply{Message: &m}, err
}

// chosen reads several people out of one value.
func chosen(value string) []string {
	return strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
}

// caseByRef returns the id of the case with a reference.
func (b *Bot) caseByRef(ctx context.Context, ref string) (id string, found bool, err error) {
	ref = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(ref)), "SB-")
	if len(ref) != 8 {
		return "", false, nil
	}
	docs, err := b.store.Find(ctx, cases.DocID(ref), 1)
	if err != nil || len(docs) == 0 {
		return "", false, err
	}
	k, err := cases.Decode(strings.TrimPrefix(docs[0].ID, cases.DocID("")), docs[0].Body)
	if k.Alias != "" {
		return k.Alias, true, err
	}
	return k.ID, err == nil, err
}

// opened reads the incident a button is about, if it is open.
func (b *Bot) opened(ctx context.Context, id string) (*incidents.Incident, *message.Message, error) {
	c, err := b.readIncident(ctx, id)
	switch {
	case err != nil:
		return nil, nil, err
	case !c.Known():
		return nil, refusal("I do not know this incident any more."), nil
	case !c.IsOpen():
		return nil, refusal(string(c.IsClosed())), nil
	}
	return c, nil, nil
}

func (b *Bot) askNote(ctx context.Context, a chat.Action) (chat.Reply, error) {
	c, no, err := b.opened(ctx, a.Value)
	if err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	m := noteForm(c)
	return chat.Reply{Modal: &m}, nil
}

func (b *Bot) takeNote(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	text := strings.TrimSpace(s.Values["text"])
	if text == "" {
		return chat.Reply{Errors: map[string]string{"text": "Please write something."}}, nil
	}
	_, no, err := b.changeByHand(ctx, who{s.User, s.Team}, s.EnvelopeID, s.Private, "write into an incident's record", nil,
		func(c *incidents.Incident, now time.Time) ([]store.Effect, error) {
			return c.Note(s.User, noteKind(s.Values["kind"]), text, now)
		})
	return chat.Reply{Message: no}, err
}

// takeLead makes whoever presses the button lead.
func (b *Bot) takeLead(ctx context.Context, a chat.Action) (chat.Reply, error) {
	_, no, err := b.lead(ctx, who{a.User, a.Team}, a.EnvelopeID, a.Value, a.User)
	return chat.Reply{Message: no}, err
}

func (b *Bot) takeNewLead(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	if s.Values["lead"] == "" {
		return chat.Reply{Errors: map[string]string{"lead": "Please choose somebody."}}, nil
	}
	_, no, err := b.lead(ctx, who{s.User, s.Team}, s.EnvelopeID, s.Private, s.Values["lead"])
	return chat.Reply{Message: no}, err
}

func (b *Bot) lead(ctx context.Context, by who, envelope, id, lead string) (*incidents.Incident, *message.Message, error) {
	if no, err := b.mayLead(ctx, lead); err != nil || no != nil {
		return nil, no, err
	}
	return b.changeByHand(ctx, by, envelope, id, "name an incident's lead", map[string]string{"lead": lead},
		func(c *incidents.Incident, now time.Time) ([]store.Effect, error) {
			return c.SetLead(by.user, lead, now)
		})
}

func (b *Bot) takeInvite(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	people := chosen(s.Values["people"])
	if len(people) == 0 {
		return chat.Reply{Errors: map[string]string{"people": "Please choose somebody."}}, nil
	}
	_, no, err := b.inviteByHand(ctx, who{s.User, s.Team}, s.EnvelopeID, s.Private, people, nil)
	return chat.Reply{Message: no}, err
}

func (b *Bot) inviteByHand(ctx context.Context, by who, envelope, id string, people []string, sources []incidents.Source) (*incidents.Incident, *message.Message, error) {
	return b.changeByHand(ctx, by, envelope, id, "invite into an incident", map[string]string{"people": strings.Join(people, " ")},
		func(c *incidents.Incident, now time.Time) ([]store.Effect, error) {
			return c.Invite(by.user, people, sources, now)
		})
}

func (b *Bot) askEnd(ctx context.Context, a chat.Action) (chat.Reply, error) {
	c, no, err := b.opened(ctx, a.Value)
	if err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	if no, err := b.mayTouch(ctx, incidentAct{by: who{a.User, a.Team}, id: c.ID, need: actEndIncident}); err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	m := endForm(c)
	return chat.Reply{Modal: &m}, nil
}

func (b *Bot) takeEnd(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	reason := strings.TrimSpace(s.Values["reason"])
	if reason == "" {
		return chat.Reply{Errors: map[string]string{"reason": "Please write a sentence: somebody will read it later."}}, nil
	}
	_, no, err := b.closeIncident(ctx, who{s.User, s.Team}, s.EnvelopeID, s.Private, reason)
	return chat.Reply{Message: no}, err
}
