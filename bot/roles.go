package bot

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/config"
)

// errLimited: the account is not among those a limited person may act on.
var errLimited = errors.New("not an account of this person")

// roleOf looks a person up. The highest role they are listed for counts.
func (b *Bot) roleOf(ctx context.Context, user string) (role, error) {
	u, err := b.slack.User(ctx, user)
	if err != nil {
		return nobody, err
	}
	if !member(u) {
		return nobody, nil
	}
	for _, row := range []struct {
		role   role
		people config.People
	}{{admin, b.cfg.Access.Admins}, {approver, b.cfg.Access.Approvers}, {responder, b.cfg.Access.Responders}} {
		in, err := b.listed(ctx, user, row.people)
		if err != nil {
			return nobody, err
		}
		if in {
			return row.role, nil
		}
	}
	return employee, nil
}

// listed says whether a user is named by id or through a group.
func (b *Bot) listed(ctx context.Context, user string, p config.People) (bool, error) {
	if slices.Contains(p.Users, user) {
		return true, nil
	}
	for _, group := range p.Groups {
		members, err := b.groups.members(ctx, b.slack, group)
		if err != nil {
			return false, err
		}
		if slices.Contains(members, user) {
			return true, nil
		}
	}
	return false, nil
}

// member says whether a user is a full, living member of the workspace.
func member(u chat.User) bool { return !u.Bot && !u.Deleted && !u.Guest && !u.Stranger }

// groupCache remembers the members of user groups: the method is Tier 2, about
// 20 calls a minute (docs.slack.dev, rate limits).
type groupCache struct {
	mu sync.Mutex
	m  map[string]groupEntry
}

type groupEntry struct {
	members []string
	at      time.Time
}

const groupFresh = 2 * time.Minute

func (g *groupCache) members(ctx context.Context, s *chat.Slack, group string) ([]string, error) {
	g.mu.Lock()
	e, ok := g.m[group]
	g.mu.Unlock()
	if ok && time.Since(e.at) < groupFresh {
		return e.members, nil
	}
	members, err := s.GroupMembers(ctx, group)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.m == nil {
		g.m = map[string]groupEntry{}
	}
	g.m[group] = groupEntry{members, time.Now()}
	return members, nil
}
