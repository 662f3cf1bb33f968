package bot

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/internal/proof"
	"github.com/securitybot/securitybot/responders/pagerduty"
	"github.com/securitybot/securitybot/responders/thehive"
)

// slack looks at both tokens, the scopes, the channels and the groups.
func (d *doctor) slack(ctx context.Context) []Check {
	s, err := chat.New(chatConfig(d.cfg), nil, d.log, prometheus.NewRegistry())
	if err != nil {
		return []Check{fail("slack", "", err.Error(), "correct the slack section of the configuration")}
	}
	var out []Check
	me, err := s.WhoAmI(ctx)
	if err != nil {
		out = append(out, fail("slack", "bot token", slackSays(err), "install the app anew and put its bot token (xoxb-…) into slack.bot_token; if Slack cannot be reached, look at the network and proxy"))
	} else {
		out = append(out, ok("slack", "bot token", "is %s in the workspace %s (%s)", me.User, me.Team, me.TeamID), d.scopesOf(me))
	}
	if err := s.CheckSocket(ctx); err != nil {
		out = append(out, fail("slack", "app token", slackSays(err), "make an app-level token with connections:write (xapp-…) for slack.app_token, and see that Socket Mode is on in the app's settings"))
	} else {
		out = append(out, ok("slack", "app token", "Socket Mode is on; no socket was opened, so no click goes astray"))
	}
	if me.UserID == "" {
		return out // whatever else is asked would say the same
	}
	for _, c := range d.channels() {
		out = append(out, d.channel(ctx, s, c.key, c.id))
	}
	return append(out, d.groups(ctx, s)...)
}

func slackSays(err error) string {
	var e *chat.Error
	if errors.As(err, &e) {
		return fmt.Sprintf("Slack says %q", e.Code)
	}
	return "Slack cannot be asked"
}

func (d *doctor) scopesOf(me chat.Workspace) Check {
	missing := slices.DeleteFunc(slices.Clone(d.scopes), func(s string) bool { return slices.Contains(me.Scopes, s) })
	if len(missing) > 0 {
		return fail("slack", "scopes", "missing: "+strings.Join(missing, ", "), "bring the app's manifest up to date (securitybot manifest) and install it again")
	}
	more := slices.DeleteFunc(slices.Clone(me.Scopes), func(s string) bool { return slices.Contains(d.scopes, s) })
	if len(more) > 0 {
		return warn("slack", "scopes", "more than needed: "+strings.Join(more, ", "), "take them away, so that a stolen token is worth less")
	}
	return ok("slack", "scopes", "all %d are there, and no others", len(d.scopes))
}

type namedChannel struct{ key, id string }

// channels are the channels the configuration names, each once.
func (d *doctor) channels() []namedChannel {
	c := d.cfg.Channels
	all := []namedChannel{{"channels.security", c.Security}, {"channels.announcements", c.Announcements}, {"channels.fallback", c.Fallback}}
	for name, team := range d.cfg.Enrich.Teams {
		all = append(all, namedChannel{"enrich.teams." + name, team.Channel})
	}
	slices.SortStableFunc(all[3:], func(a, b namedChannel) int { return strings.Compare(a.key, b.key) })
	seen := map[string]bool{"": true}
	return slices.DeleteFunc(all, func(n namedChannel) bool {
		known := seen[n.id]
		seen[n.id] = true
		return known
	})
}

func (d *doctor) channel(ctx context.Context, s *chat.Slack, key, id string) Check {
	m, err := s.Membership(ctx, id)
	switch {
	case err != nil:
		return fail("slack", key, fmt.Sprintf("%s: %s", id, slackSays(err)), "the id is at the bottom of the channel's details in Slack; a private channel shows only after the bot was invited")
	case m.Archived:
		return fail("slack", key, "#"+m.Name+" is archived", "name another channel")
	case !m.Member:
		return fail("slack", key, "the bot is not in #"+m.Name, "invite it: /invite @securitybot")
	}
	return ok("slack", key, "#%s", m.Name)
}

// groups are the user groups that give people roles.
func (d *doctor) groups(ctx context.Context, s *chat.Slack) []Check {
	var out []Check
	for _, g := range []struct {
		key    string
		people config.People
	}{{"access.responders", d.cfg.Access.Responders}, {"access.approvers", d.cfg.Access.Approvers}, {"access.admins", d.cfg.Access.Admins}} {
		n := len(g.people.Users)
		for _, id := range g.people.Groups {
			members, err := s.GroupMembers(ctx, id)
			if err != nil {
				out = append(out, fail("slack", g.key, id+": "+slackSays(err), "give the id of a user group (S…) that is enabled"))
				continue
			}
			n += len(members)
		}
		switch {
		case n == 0 && g.key == "access.responders":
			out = append(out, warn("slack", g.key, "nobody", "name a group or users, or nobody can close a case in Slack"))
		case n < 2 && g.key == "access.approvers" && d.cfg.AWSIR.Enabled():
			out = append(out, warn("slack", g.key, people(n), "name at least two approvers: nobody approves what they asked for themselves"))
		case n > 0:
			out = append(out, ok("slack", g.key, "%s", people(n)))
		}
	}
	return out
}

func people(n int) string {
	if n == 1 {
		return "one person"
	}
	return fmt.Sprintf("%d people", n)
}

// routingKey is the form of an integration key of the Events API v2.
var routingKey = regexp.MustCompile(`^[0-9A-Za-z]{32}$`)

// pagerduty looks at the keys' form and asks who is on call. It pages nobody:
// that is what drill is for.
func (d *doctor) pagerduty(ctx context.Context) []Check {
	p := d.cfg.PagerDuty
	out := []Check{d.keyForm("routing_key", p.RoutingKey)}
	if p.FallbackRoutingKey.Configured() {
		out = append(out, d.keyForm("fallback_routing_key", p.FallbackRoutingKey))
	} else {
		out = append(out, warn("pagerduty", "fallback_routing_key", "there is no second key", "add one of another service, so that a deleted integration does not silence every page"))
	}
	out = append(out, d.eventsReached(ctx))
	api, err := onCallOf(p)
	if err != nil || api == nil {
		return out
	}
	people, err := api.OnCall(ctx)
	var refused *pagerduty.Error
	switch {
	case errors.As(err, &refused) && refused.Class == pagerduty.Permanent:
		return append(out, fail("pagerduty", "api_token", err.Error(), "make a read-only REST API key in PagerDuty, and see that the escalation policies exist"))
	case err != nil:
		return append(out, warn("pagerduty", "api_token", err.Error(), "try again; pages do not need it"))
	case len(people) == 0:
		return append(out, fail("pagerduty", "on call", "nobody is on call", "put somebody on the schedule of the escalation policy"))
	}
	return append(out, ok("pagerduty", "on call", "%s is called first", people[0].Name))
}

func (d *doctor) keyForm(of string, s config.Secret) Check {
	if !routingKey.MatchString(s.Reveal()) {
		return fail("pagerduty", of, "it does not look like a key: those have 32 letters and digits", "copy the integration key of an Events API v2 integration")
	}
	return ok("pagerduty", of, "has the form of a key; securitybot drill shows whether it pages")
}

// eventsReached asks the address of pages for anything at all.
func (d *doctor) eventsReached(ctx context.Context) Check {
	at := d.cfg.PagerDuty.EventsURL
	if at == "" {
		at = pagerduty.DefaultEventsURL
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err == nil {
		var resp *http.Response
		c := http.Client{Timeout: 10 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		if resp, err = c.Do(req); err == nil {
			_ = resp.Body.Close()
			return ok("pagerduty", "events", "%s answers", req.URL.Host)
		}
	}
	return fail("pagerduty", "events", "the address for pages does not answer: "+err.Error(), "look at the network, the proxy and pagerduty.events_url")
}

// proofs asks the provider of second proofs whether it knows us.
func (d *doctor) proofs(ctx context.Context) []Check {
	v, err := proofOf(d.cfg.MFA)
	if err != nil {
		return []Check{fail("mfa", "", err.Error(), "correct the mfa section of the configuration")}
	}
	c, can := v.(interface{ Check(context.Context) error })
	if !can {
		return nil
	}
	var f *proof.Failure
	err = c.Check(ctx)
	switch {
	case errors.As(err, &f) && f.Class == proof.Permanent:
		return []Check{fail("mfa", d.cfg.MFA.Provider, err.Error(), "look at the keys, at the type of the application, and at this machine's clock; until then every \"yes\" that needs a second proof goes to the security team")}
	case err != nil:
		return []Check{warn("mfa", d.cfg.MFA.Provider, err.Error(), "look at the network; while it lasts, every \"yes\" that needs a second proof goes to the security team")}
	}
	return []Check{ok("mfa", d.cfg.MFA.Provider, "the keys are good; nobody was asked for anything")}
}

func (d *doctor) thehive(ctx context.Context) []Check {
	h, err := hiveOf(d.cfg.TheHive)
	if err != nil {
		return []Check{fail("thehive", "", err.Error(), "correct the thehive section of the configuration")}
	}
	if h == nil {
		return nil
	}
	login, organisation, err := h.Check(ctx)
	var refused *thehive.Error
	switch {
	case errors.As(err, &refused) && slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, refused.Status):
		return []Check{fail("thehive", "", err.Error(), "give the key of a service account with the profile analyst, and an organisation it is a member of")}
	case err != nil:
		return []Check{warn("thehive", "", err.Error(), "records wait up to two weeks until it answers again")}
	}
	return []Check{ok("thehive", "", "%s in %s", login, organisation)}
}
