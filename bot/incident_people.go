package bot

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

// Who belongs into an incident's channel.

// gather finds out who belongs to a source.
func (b *Bot) gather(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	s, ok := c.SourceOf(e.ID)
	if !ok {
		return did(e), nil
	}
	var ids []string
	var missing []incidents.Missing
	var err error
	if s.Kind == incidents.FromOnCall {
		ids, missing, err = b.peopleOnCall(ctx)
	} else {
		ids, err = b.slack.GroupMembers(ctx, s.ID)
	}
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.Gathered(e.ID, ids, missing, now) }, err
}

// peopleOnCall are the chat ids of whom PagerDuty calls first or, where it is
// not asked, of whoever is mentioned when a page is not accepted.
func (b *Bot) peopleOnCall(ctx context.Context) (ids []string, missing []incidents.Missing, err error) {
	if b.onCall == nil {
		ids, err = b.mentioned(ctx)
		return ids, nil, err
	}
	list, err := b.onCall.OnCall(ctx)
	if err != nil {
		return nil, nil, err
	}
	for _, p := range list {
		if p.Level > 1 {
			continue
		}
		u, err := b.slack.UserByEmail(ctx, p.Email)
		switch {
		case err == nil:
			ids = append(ids, u.ID)
		case permanent(err):
			missing = append(missing, incidents.Missing{Who: p.Name, Why: "PagerDuty's e-mail address for them is nobody's in Slack"})
		default:
			return nil, nil, err
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids), missing, nil
}

// mentioned are the people behind on_call_mention: a user, or a group's members.
func (b *Bot) mentioned(ctx context.Context) ([]string, error) {
	id := b.cfg.OnCallMention
	switch {
	case id == "":
		return nil, nil
	case id[0] != 'S':
		return []string{id}, nil
	}
	return b.slack.GroupMembers(ctx, id)
}

// inviteAtOnce bounds one step: each person is looked up before, and Slack takes
// about 100 look-ups a minute.
const inviteAtOnce = 40

// inviteMembers invites those who are wanted. Guests and people of other
// companies are not invited by the bot: somebody has to decide that.
func (b *Bot) inviteMembers(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	subjects, err := b.subjectsOf(ctx, c)
	if err != nil {
		return nil, err
	}
	var results []incidents.Invitation
	var ask []string
	concerned := map[string]bool{}
	for i, id := range c.ToInvite() {
		if i == inviteAtOnce {
			break
		}
		u, err := b.slack.User(ctx, id)
		if err != nil && !permanent(err) {
			return nil, err
		}
		why := notInvited(u, err)
		if why == "" {
			if concerned[id], err = b.isOneOf(ctx, id, subjects); err != nil {
				return nil, err
			}
			if concerned[id] && !c.NamedMember(id) {
				why = aboutThem
			}
		}
		if why != "" {
			results = append(results, incidents.Invitation{ID: id, Refused: why})
		} else {
			ask = append(ask, id)
		}
	}
	failed, err := b.slack.Invite(ctx, c.Channel, ask)
	if err != nil {
		return nil, err
	}
	for _, id := range ask {
		in := incidents.Invitation{ID: id, Concerned: concerned[id]}
		if i := slices.IndexFunc(failed, func(f chat.InviteFailure) bool { return f.User == id }); i >= 0 {
			in.Refused = failed[i].Reason
		}
		results = append(results, in)
	}
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.Invited(e.ID, results, now) }, nil
}

// aboutThem is why a responder is not invited with the others.
const aboutThem = "a case of this incident is about them; invite them by name if they should read along"

// subjectsOf are the people the cases of an incident are about.
func (b *Bot) subjectsOf(ctx context.Context, c *incidents.Incident) ([]identity, error) {
	var out []identity
	for _, id := range c.Cases {
		k, err := b.readCase(ctx, id)
		if err != nil {
			return nil, err
		}
		if who := objectOf(k).subject; who != (identity{}) {
			out = append(out, who)
		}
	}
	return out, nil
}

// isOneOf compares as persons. Somebody who has no account in chat any more has
// no second one to be compared with.
func (b *Bot) isOneOf(ctx context.Context, user string, people []identity) (bool, error) {
	for _, p := range people {
		same, err := b.samePerson(ctx, user, p)
		if err != nil && !permanent(err) {
			return false, err
		}
		if same {
			return true, nil
		}
	}
	return false, nil
}

// notInvited says why the bot does not invite somebody; "" when it does.
func notInvited(u chat.User, err error) string {
	switch {
	case err != nil:
		return "there is no such account in this workspace"
	case u.Bot:
		return "it is an app"
	case u.Deleted:
		return "the account is deactivated"
	case u.Guest:
		return "a guest: invite them by hand if they should read everything here"
	case u.Stranger:
		return "of another company: invite them by hand if they should read everything here"
	}
	return ""
}

// onCallByPolicy sorts who is on call by escalation policy, in PagerDuty's order.
func onCallByPolicy(list []pagerduty.Person) (policies []string, by map[string][]pagerduty.Person) {
	by = map[string][]pagerduty.Person{}
	for _, p := range list {
		if by[p.Policy] == nil {
			policies = append(policies, p.Policy)
		}
		by[p.Policy] = append(by[p.Policy], p)
	}
	return policies, by
}

// onCallOf sets up the question who is on call; nothing without its token.
func onCallOf(c config.PagerDuty) (*pagerduty.API, error) {
	if !c.OnCallKnown() {
		return nil, nil
	}
	a, err := pagerduty.NewAPI(pagerduty.APIConfig{URL: c.APIURL, Token: c.APIToken.Reveal(), EscalationPolicies: c.EscalationPolicies})
	if err != nil {
		return nil, fmt.Errorf("set up PagerDuty's API: %w", err)
	}
	return a, nil
}
