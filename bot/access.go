package bot

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/message"
)

// act is something a person may want to do. The set is closed: what is not
// listed in requirements is denied.
type act string

const (
	actAnswer      act = "answer a question" // the inquiry itself checks that it is the person asked
	actReadInquiry act = "read a question"   // the same
	actReadCase    act = "read a case"       // any employee
	actCloseCase   act = "close a case"      // responders, never the subject
	actCommand     act = "use the command"   // any employee; commands ask for more
	actListCases   act = "list cases"        // responders
)

// role is what a person may be. Each contains the ones before it.
type role int

const (
	nobody role = iota
	employee
	responder
)

// requirements says which role an act needs. actAnswer and actReadInquiry need
// no look-up, so that a "no" gets through when the directory is down: the
// inquiry accepts only the id it was bound to when it was delivered.
var requirements = map[act]role{
	actAnswer: nobody, actReadInquiry: nobody,
	actReadCase: employee, actCommand: employee,
	actCloseCase: responder, actListCases: responder,
}

// authorise is the one place where somebody is allowed something. Everything
// not expressly allowed is denied, and so is anything whose look-up fails. The
// returned message tells the person why; nil means allowed.
func (b *Bot) authorise(ctx context.Context, user, team string, what act) *message.Message {
	need, listed := requirements[what]
	if !listed || user == "" {
		return refusal("This is not something the bot lets anybody do.")
	}
	if own := b.slack.Team(); team != "" && own != "" && team != own {
		b.metrics.denied.WithLabelValues("team").Inc()
		return refusal("Only people of this company's workspace can do this.")
	}
	if need == nobody {
		return nil
	}
	have, err := b.roleOf(ctx, user)
	if err != nil {
		b.log.Warn("a person cannot be looked up, so they are refused", "user", user, "act", string(what), "error", err)
		b.metrics.denied.WithLabelValues("lookup").Inc()
		return refusal("I could not check who you are, so I did nothing. Please try again in a minute.")
	}
	if have < need {
		b.metrics.denied.WithLabelValues("role").Inc()
		b.log.Info("refused", "user", user, "act", string(what))
		if have == nobody {
			return refusal("Only employees can do this: guests, outside people and apps cannot.")
		}
		return refusal("Only the security responders can do this. If you think you should be one, ask them.")
	}
	return nil
}

func refusal(text string) *message.Message {
	m := message.Message{}.Para(message.L(text))
	return &m
}

// roleOf looks a person up.
func (b *Bot) roleOf(ctx context.Context, user string) (role, error) {
	u, err := b.slack.User(ctx, user)
	if err != nil {
		return nobody, err
	}
	if !member(u) {
		return nobody, nil
	}
	if slices.Contains(b.cfg.Responders, user) {
		return responder, nil
	}
	for _, group := range b.cfg.ResponderGroups {
		members, err := b.groups.members(ctx, b.slack, group)
		if err != nil {
			return nobody, err
		}
		if slices.Contains(members, user) {
			return responder, nil
		}
	}
	return employee, nil
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
