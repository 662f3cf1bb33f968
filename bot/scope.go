package bot

import (
	"context"
	"slices"
	"strings"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/incidents"
)

// scope is which AWS accounts a person may act on and see in lists. What is in
// no account is nobody's limit.
type scope struct {
	limited  bool
	accounts []string
}

// sees says whether something in an account may be shown to the person.
func (s scope) sees(account string) bool {
	return !s.limited || account == "" || slices.Contains(s.accounts, account)
}

// seesCase says whether a case may be shown. The account of one whose finding is
// not kept any more is not known: it is shown to nobody with limits.
func (s scope) seesCase(c *cases.Case) bool {
	return c.Finding == nil && !s.limited || c.Finding != nil && s.sees(c.Finding.Account)
}

// scopeOf collects the accounts of all limits that name a person. A group that
// cannot be read is an error, because a limit might be in it.
func (b *Bot) scopeOf(ctx context.Context, user string) (scope, error) {
	var out scope
	for _, l := range b.cfg.Access.Limits {
		in, err := b.listed(ctx, user, l.People)
		if err != nil {
			return scope{}, err
		}
		if in {
			out.limited, out.accounts = true, append(out.accounts, l.Accounts...)
		}
	}
	return out, nil
}

// withinLimits keeps people with limits to their accounts: errLimited when this
// is another one.
func (b *Bot) withinLimits(ctx context.Context, user, account string) error {
	s, err := b.scopeOf(ctx, user)
	if err == nil && !s.sees(account) {
		return errLimited
	}
	return err
}

// visible splits a list into what a person may see and how many they may not.
func visible[T any](all []T, sees func(T) bool) (shown []T, hidden int) {
	for _, one := range all {
		if sees(one) {
			shown = append(shown, one)
		}
	}
	return shown, len(all) - len(shown)
}

// seesIncidents returns which incidents a person may see: those about no case,
// and those with a case in an account of theirs.
func (b *Bot) seesIncidents(ctx context.Context, s scope, all []*incidents.Incident) (func(*incidents.Incident) bool, error) {
	if !s.limited {
		return func(*incidents.Incident) bool { return true }, nil
	}
	var docs []string
	for _, c := range all {
		for _, id := range c.Cases {
			docs = append(docs, cases.DocID(id))
		}
	}
	t := b.begin()
	if err := t.load(ctx, docs...); err != nil {
		return nil, err
	}
	seen := map[string]bool{}
	for _, doc := range docs {
		id := strings.TrimPrefix(doc, cases.DocID(""))
		k, err := t.loadCase(ctx, id)
		if err != nil {
			return nil, err
		}
		seen[id] = s.seesCase(k)
	}
	return func(c *incidents.Incident) bool {
		return len(c.Cases) == 0 || slices.ContainsFunc(c.Cases, func(id string) bool { return seen[id] })
	}, nil
}
