package chat

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/slack-go/slack"
)

// User looks a person up by id. The answer may be as old as Config.LookupTTL.
func (s *Slack) User(ctx context.Context, id string) (User, error) {
	const method = "users.info"
	return remember(s.cache, "user "+id, func() (User, error) {
		if err := s.tiers.wait(ctx, method); err != nil {
			return User{}, err
		}
		u, err := s.api.GetUserInfoContext(ctx, id)
		return s.checkUser(method, u, err, func(u *slack.User) bool { return u.ID == id })
	})
}

// UserByEmail looks a person up by e-mail address; somebody without an account
// is a Permanent error users_not_found. The answer may be as old as
// Config.LookupTTL.
func (s *Slack) UserByEmail(ctx context.Context, email string) (User, error) {
	const method = "users.lookupByEmail"
	return remember(s.cache, "email "+email, func() (User, error) {
		if err := s.tiers.wait(ctx, method); err != nil {
			return User{}, err
		}
		u, err := s.api.GetUserByEmailContext(ctx, email)
		return s.checkUser(method, u, err, func(u *slack.User) bool { return u.ID != "" })
	})
}

func (s *Slack) checkUser(method string, u *slack.User, err error, right func(*slack.User) bool) (User, error) {
	if err != nil {
		return User{}, s.failed(method, err)
	}
	if u == nil || !right(u) {
		return User{}, &Error{Kind: Transient, Code: "bad_answer", Method: method}
	}
	return userOf(u), nil
}

func userOf(u *slack.User) User {
	name := u.Profile.RealName
	for _, n := range []string{u.RealName, u.Profile.DisplayName, u.Name} {
		if name == "" {
			name = n
		}
	}
	return User{
		ID: u.ID, TeamID: u.TeamID, Email: u.Profile.Email, Name: name, TZ: u.TZ,
		Bot:      u.IsBot || u.IsAppUser || u.IsWorkflowBot || u.IsConnectorBot || u.ID == "USLACKBOT",
		Deleted:  u.Deleted,
		Guest:    u.IsRestricted || u.IsUltraRestricted,
		Stranger: u.IsStranger,
	}
}

// GroupMembers returns the user ids in a user group. The answer may be as old
// as Config.LookupTTL.
func (s *Slack) GroupMembers(ctx context.Context, usergroup string) ([]string, error) {
	const method = "usergroups.users.list"
	ids, err := remember(s.cache, "group "+usergroup, func() ([]string, error) {
		if err := s.tiers.wait(ctx, method); err != nil {
			return nil, err
		}
		ids, err := s.api.GetUserGroupMembersContext(ctx, usergroup)
		return ids, s.failed(method, err)
	})
	return slices.Clone(ids), err
}

// DM returns the id of the direct-message conversation with a person, opening
// it when there is none.
func (s *Slack) DM(ctx context.Context, user string) (string, error) {
	const method = "conversations.open"
	return remember(s.cache, "dm "+user, func() (string, error) {
		if err := s.tiers.wait(ctx, method); err != nil {
			return "", err
		}
		ch, _, _, err := s.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{user}, ReturnIM: true})
		if err != nil {
			return "", s.failed(method, err)
		}
		if ch == nil || ch.ID == "" {
			return "", &Error{Kind: Transient, Code: "bad_answer", Method: method}
		}
		return ch.ID, nil
	})
}

// lookups remembers answers for a short while, so that a burst of clicks does
// not use up the limits of the look-up methods. Failures are not remembered.
type lookups struct {
	mu   sync.Mutex
	ttl  time.Duration
	kept map[string]lookup
}

type lookup struct {
	value any
	until time.Time
}

// maxLookups bounds the memory of lookups; when it is reached, all is forgotten.
const maxLookups = 8192

func newLookups(ttl time.Duration) *lookups {
	return &lookups{ttl: ttl, kept: map[string]lookup{}}
}

func remember[T any](l *lookups, key string, ask func() (T, error)) (T, error) {
	l.mu.Lock()
	found, ok := l.kept[key]
	l.mu.Unlock()
	if ok && time.Now().Before(found.until) {
		if v, ok := found.value.(T); ok {
			return v, nil
		}
	}
	v, err := ask()
	if err != nil || l.ttl < 0 {
		return v, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) >= maxLookups {
		clear(l.kept)
	}
	l.kept[key] = lookup{value: v, until: time.Now().Add(l.ttl)}
	return v, nil
}
