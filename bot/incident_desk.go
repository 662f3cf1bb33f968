package bot

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// incidentDesk is the bot as the commands about incidents see it.
type incidentDesk struct{ b *Bot }

var _ commands.IncidentDesk = incidentDesk{}

// OpenIncident implements commands.IncidentChanger.
func (d incidentDesk) OpenIncident(ctx context.Context, r commands.Request, o commands.Opening) (commands.Reply, error) {
	n := newIncident{by: who{r.User, r.Team}, envelope: r.Envelope, page: o.Page}
	n.By, n.Title, n.Level, n.Members = r.User, o.Text, findings.High, o.People.Users
	word, rest, _ := strings.Cut(o.Text, " ")
	if l, ok := incidents.ParseLevel(strings.Trim(word, ":,")); ok {
		n.Level, n.Title = l, strings.TrimSpace(rest)
	}
	for _, ref := range o.Cases {
		id, found, err := d.b.caseByRef(ctx, ref)
		if err != nil {
			return commands.Reply{}, err
		}
		if !found {
			return commands.Say(message.Message{}.Para(message.L("There is no case ").Code(ref).L(". The reference is in the small print of each message."))), nil
		}
		n.Cases = append(n.Cases, id)
	}
	if n.Title == "" || len(o.People.Unknown) > 0 {
		return d.askForIncident(ctx, n)
	}
	m, err := d.b.openIncident(ctx, n)
	return commands.Say(m), err
}

// askForIncident opens the form. It can be about one case.
func (d incidentDesk) askForIncident(ctx context.Context, n newIncident) (commands.Reply, error) {
	if len(n.Cases) == 0 {
		m := d.b.incidentForm(n, nil)
		return commands.Reply{Modal: &m}, nil
	}
	k, err := d.b.readCase(ctx, n.Cases[0])
	if err != nil {
		return commands.Reply{}, err
	}
	if no := d.b.authorise(ctx, n.by, actIncident, object{account: objectOf(k).account}); no != nil {
		return commands.Say(*no), nil
	}
	if k.Finding != nil && n.Title == "" {
		n.Title, n.Level = message.Cut(headline(k), 120), findings.LevelOf(k.Severity)
	}
	m := d.b.incidentForm(n, k)
	return commands.Reply{Modal: &m}, nil
}

// ChangeIncident implements commands.IncidentChanger.
func (d incidentDesk) ChangeIncident(ctx context.Context, r commands.Request, ref string, ch commands.IncidentChange) (commands.Reply, error) {
	c, no, err := d.which(ctx, r, ref)
	if err != nil || no != nil {
		return commands.Say(deref(no)), err
	}
	if form, ask := d.missing(r, c, ch); ask {
		return commands.Reply{Modal: &form}, nil
	}
	done, no, err := d.apply(ctx, r, c, ch)
	if err != nil || no != nil {
		return commands.Say(deref(no)), err
	}
	return commands.Say(changed(done, ch, r.Root)), nil
}

// missing returns the form for what was not typed.
func (d incidentDesk) missing(r commands.Request, c *incidents.Incident, ch commands.IncidentChange) (message.Modal, bool) {
	if ch.Act == commands.Reopen && ch.Text == "" && !c.IsOpen() {
		return reopenForm(c), true
	}
	if !c.IsOpen() {
		return message.Modal{}, false
	}
	switch {
	case ch.Act == commands.Note && ch.Text == "":
		return noteForm(c), true
	case ch.Act == commands.Close && ch.Text == "":
		return endForm(c), true
	case ch.Act == commands.SetLead && (ch.People.Empty() || len(ch.People.Unknown) > 0):
		return leadForm(c, r.User), true
	case ch.Act == commands.Invite && (ch.People.Empty() || len(ch.People.Unknown) > 0):
		return inviteForm(c), true
	}
	return message.Modal{}, false
}

func (d incidentDesk) apply(ctx context.Context, r commands.Request, c *incidents.Incident, ch commands.IncidentChange) (*incidents.Incident, *message.Message, error) {
	b, by := d.b, who{r.User, r.Team}
	simply := func(what string, detail map[string]string, do func(*incidents.Incident, time.Time) ([]store.Effect, error)) (*incidents.Incident, *message.Message, error) {
		return b.changeByHand(ctx, by, r.Envelope, c.ID, what, detail, do)
	}
	switch ch.Act {
	case commands.SetSeverity:
		level, ok := incidents.ParseLevel(ch.Text)
		if !ok {
			m := message.Message{}.Para(message.L("It is " + string(c.Severity) + " now. Say what it should be, like this: ").Code(r.Root + " severity high").L(" (critical, high, medium or low)."))
			return nil, &m, nil
		}
		return simply("change an incident's severity", map[string]string{"severity": string(level)}, func(c *incidents.Incident, now time.Time) ([]store.Effect, error) {
			return c.SetSeverity(r.User, level, b.incidentRules(), now)
		})
	case commands.Page:
		why := orElse(ch.Text, c.Title)
		return simply("page for an incident", map[string]string{"why": message.Cut(why, 300)}, func(c *incidents.Incident, now time.Time) ([]store.Effect, error) {
			return c.PageOnCall(r.User, why, now)
		})
	case commands.Note:
		return simply("write into an incident's record", nil, func(c *incidents.Incident, now time.Time) ([]store.Effect, error) {
			return c.Note(r.User, noteKind(string(ch.Kind)), ch.Text, now)
		})
	case commands.RetrySteps:
		return simply("try an incident's steps again", nil, func(c *incidents.Incident, now time.Time) ([]store.Effect, error) { return c.Retry(r.User, now) })
	case commands.Close:
		return b.closeIncident(ctx, by, r.Envelope, c.ID, ch.Text)
	case commands.Reopen:
		return b.reopenIncident(ctx, by, r.Envelope, c.ID, ch.Text)
	}
	users, no, err := d.usersOf(ctx, ch.People)
	if err != nil || no != nil {
		return nil, no, err
	}
	if ch.Act == commands.SetLead {
		if len(users) != 1 {
			return nil, refusal("One person leads. Please name one."), nil
		}
		return b.lead(ctx, by, r.Envelope, c.ID, users[0])
	}
	return b.inviteByHand(ctx, by, r.Envelope, c.ID, users, sourcesOf(ch.People))
}

// usersOf turns addresses into chat ids.
func (d incidentDesk) usersOf(ctx context.Context, p commands.People) ([]string, *message.Message, error) {
	users := slices.Clone(p.Users)
	for _, email := range p.Emails {
		u, err := d.b.slack.UserByEmail(ctx, email)
		if err != nil && !permanent(err) {
			return nil, nil, err
		}
		if err != nil {
			m := message.Message{}.Para(message.L("Nobody in Slack has the address ").V(email).L("."))
			return nil, &m, nil
		}
		users = append(users, u.ID)
	}
	return users, nil, nil
}

func sourcesOf(p commands.People) []incidents.Source {
	var out []incidents.Source
	for _, id := range p.Groups {
		out = append(out, incidents.Source{Kind: incidents.FromGroup, ID: id})
	}
	if p.OnCall {
		out = append(out, incidents.Source{Kind: incidents.FromOnCall})
	}
	return out
}

// changed answers whoever changed an incident.
func changed(c *incidents.Incident, ch commands.IncidentChange, root string) message.Message {
	ref := message.Text{}.Code(c.Ref()).L(": ")
	switch ch.Act {
	case commands.SetSeverity:
		return message.Message{}.Para(ref.L("the severity is " + string(c.Severity) + "."))
	case commands.SetLead:
		return message.Message{}.Para(ref.Person(c.Lead).L(" leads."))
	case commands.Invite:
		return message.Message{}.Para(ref.L("I invite them now. The summary says who cannot be invited."))
	case commands.Page:
		return message.Message{}.Para(ref.L("the people on call are being paged. The summary shows when PagerDuty has accepted it."))
	case commands.Note:
		return message.Message{}.Para(ref.L("written into the timeline."))
	case commands.RetrySteps:
		return message.Message{}.Para(ref.L("I try again what had not worked."))
	case commands.Reopen:
		return reopened(c)
	}
	return message.Message{}.Para(ref.L("closed. The timeline goes into the channel, then it is archived. Should there be more to do: ").Code(root + " reopen " + c.Ref()))
}
