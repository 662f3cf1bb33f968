package bot

import (
	"context"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/thehive"
)

// Taking up closed incidents again.

// actReopenIncident is the callback of the dialog.
const actReopenIncident = "incident.reopen"

// reopenIncident takes an incident up again, unless another one is open about
// the same case: people would work in two places.
func (b *Bot) reopenIncident(ctx context.Context, by who, envelope, id, reason string) (*incidents.Incident, *message.Message, error) {
	c, err := b.readIncident(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	for _, k := range c.Cases {
		other, err := b.begin().incidentOf(ctx, "", k)
		if err != nil {
			return nil, nil, err
		}
		if other.IsOpen() && other.ID != c.ID {
			m := incidentThere(other)
			return nil, &m, nil
		}
	}
	return b.changeByHand(ctx, by, envelope, id, "reopen an incident", map[string]string{"reason": message.Cut(reason, 300)},
		func(c *incidents.Incident, now time.Time) ([]store.Effect, error) {
			return c.Reopen(by.user, reason, b.incidentRules(), b.cfg.Incidents.ReopenWithin, now)
		})
}

func (b *Bot) takeReopen(ctx context.Context, s chat.Submission) (chat.Reply, error) {
	reason := strings.TrimSpace(s.Values["reason"])
	if reason == "" {
		return chat.Reply{Errors: map[string]string{"reason": "Please write a sentence: it is what the others read first."}}, nil
	}
	c, no, err := b.reopenIncident(ctx, who{s.User, s.Team}, s.EnvelopeID, s.Private, reason)
	if err != nil || no != nil {
		return chat.Reply{Message: no}, err
	}
	m := reopened(c)
	return chat.Reply{Message: &m}, nil
}

func reopenForm(c *incidents.Incident) message.Modal {
	m := about(c, actReopenIncident, "Reopen "+c.Ref(), "Reopen it", message.Text{}.V(c.Title).
		L(". Its people are invited again and its timeline goes on. As when it was opened, its severity decides whether the people on call are paged."))
	return field(m, message.InputField{ID: "reason", Label: "Why is there more to do?", Multiline: true, MaxLen: 1000})
}

// reopened answers whoever reopened an incident.
func reopened(c *incidents.Incident) message.Message {
	return message.Message{}.Para(message.Text{}.Code(c.Ref()).L(" is open again. If Slack does not let me open its channel again, I make a fresh one and invite everybody; it appears in your sidebar in a moment."))
}

// unarchiveChannel opens the channel again. Whatever Slack's reason not to, a
// fresh one helps.
func (b *Bot) unarchiveChannel(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	err := b.slack.Unarchive(ctx, c.Channel)
	if kind := chat.KindOf(err); err != nil && (kind == chat.Permanent || kind == chat.Auth) {
		return func(c *incidents.Incident, now time.Time) []store.Effect {
			return c.Walled(e.ID, "Slack says "+chat.CodeOf(err), now)
		}, nil
	}
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.Unarchived(e.ID, now) }, err
}

// reopenRecord opens the case in TheHive again.
func (b *Bot) reopenRecord(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	if b.hive == nil {
		return did(e), nil
	}
	to := thehive.Record{Kind: thehive.CaseRecord, ID: c.Hive.ID}
	if _, err := b.hive.Reopen(ctx, to); err != nil {
		return nil, err
	}
	_, err := b.hive.Comment(ctx, to, e.ID, message.Message{}.Para(message.L("Incident reopened: ").V(c.Reopening())))
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.Rehived(e.ID, now) }, err
}
