package bot

import (
	"context"

	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/internal/message"
)

// The commands that read incidents and change nothing.

// OpenIncidents implements commands.IncidentReader.
func (d incidentDesk) OpenIncidents(ctx context.Context, r commands.Request, limit int) (commands.Lines, error) {
	seen, err := d.b.scopeOf(ctx, r.User)
	if err != nil {
		return commands.Lines{}, err
	}
	open, err := d.b.openIncidents(ctx)
	if err != nil {
		return commands.Lines{}, err
	}
	sees, err := d.b.seesIncidents(ctx, seen, open)
	if err != nil {
		return commands.Lines{}, err
	}
	open, hidden := visible(open, sees)
	out := commands.Lines{Hidden: hidden}
	for _, c := range open[:min(limit, len(open))] {
		out.Shown = append(out.Shown, c.Line())
	}
	return out, nil
}

// IncidentStatus implements commands.IncidentReader.
func (d incidentDesk) IncidentStatus(ctx context.Context, r commands.Request, ref string) (message.Message, error) {
	c, no, err := d.which(ctx, r, ref)
	if err != nil || no != nil {
		return deref(no), err
	}
	if c.Channel == "" || c.Channel != r.Channel { // in its channel they read it anyway
		if no, err := d.mayRead(ctx, r, c); err != nil || no != nil {
			return deref(no), err
		}
	}
	return c.SummaryMessage(d.b.cfg.Command), nil
}

// mayRead says to people with limits why they are not shown an incident.
func (d incidentDesk) mayRead(ctx context.Context, r commands.Request, c *incidents.Incident) (*message.Message, error) {
	seen, err := d.b.scopeOf(ctx, r.User)
	if err != nil {
		return nil, err
	}
	sees, err := d.b.seesIncidents(ctx, seen, []*incidents.Incident{c})
	if err != nil || sees(c) {
		return nil, err
	}
	return refusal("This incident is about AWS accounts that are not among those you look after. Somebody in its channel can invite you."), nil
}

// WhoIsOnCall implements commands.IncidentReader.
func (d incidentDesk) WhoIsOnCall(ctx context.Context) (message.Message, error) {
	b := d.b
	if b.onCall == nil {
		if b.cfg.OnCallMention == "" {
			return *refusal("I do not know who is on call: neither pagerduty.api_token nor on_call_mention is configured."), nil
		}
		ids, err := b.mentioned(ctx)
		if err != nil {
			return message.Message{}, err
		}
		t := message.Text{}.Strong("On call")
		for _, id := range ids {
			t = t.L("\n• ").Person(id)
		}
		return message.Message{}.Para(t).Note(message.L("As Slack's user group says; PagerDuty is not asked.")), nil
	}
	list, err := b.onCall.OnCall(ctx)
	if err != nil {
		b.log.Warn("PagerDuty does not say who is on call", "error", err)
		return *refusal("PagerDuty does not answer who is on call. Please try again in a minute, or look there yourself."), nil
	}
	policies, by := onCallByPolicy(list)
	if len(policies) == 0 {
		return *refusal("PagerDuty says that nobody is on call."), nil
	}
	m := message.Message{}.Title(message.L("On call"))
	for _, p := range policies {
		t := message.Text{}.V(p)
		for _, one := range by[p] {
			t = t.L("\n• ").V(one.Name)
			if u, err := b.slack.UserByEmail(ctx, one.Email); err == nil {
				t = t.L(" ").Person(u.ID)
			}
			if one.Level > 1 {
				t = t.L(", called after those above")
			}
			if !one.Until.IsZero() {
				t = t.L(", until ").At(one.Until)
			}
		}
		m = m.Para(t)
	}
	return m, nil
}

// which finds the incident of a command, or the sentence that says there is
// none, with those that could be meant.
func (d incidentDesk) which(ctx context.Context, r commands.Request, ref string) (*incidents.Incident, *message.Message, error) {
	c, err := d.b.whichIncident(ctx, r.Channel, ref)
	if err != nil || c.Known() {
		return c, nil, err
	}
	lines, err := d.OpenIncidents(ctx, r, 10)
	if err != nil {
		return nil, nil, err
	}
	m := message.Message{}.Para(message.L("This is about an incident, and this channel is none. Use it in the incident's channel, or name one, like ").Code("INC-7F3KQX").L("."))
	if ref != "" {
		m = message.Message{}.Para(message.L("There is no incident ").Code(ref).L("."))
	}
	if len(lines.Shown) == 0 {
		m = m.Note(message.L("No incident is open. ").Code(r.Root + " open").L(" opens one."))
		return nil, &m, nil
	}
	m = m.Title(message.L("Open incidents"))
	for _, l := range lines.Shown {
		m = m.Para(l)
	}
	return nil, &m, nil
}

func deref(m *message.Message) message.Message {
	if m == nil {
		return message.Message{}
	}
	return *m
}
