package chat

import (
	"context"
	"net/url"
	"slices"
	"strings"
)

// Workspace is what Slack says of the bot token.
type Workspace struct {
	Team, TeamID string
	User, UserID string // of the bot
	Scopes       []string
}

// WhoAmI asks Slack whose token this is and what it may do. Slack names the
// scopes in a header of every answer (docs.slack.dev, "Installing with OAuth").
func (s *Slack) WhoAmI(ctx context.Context) (Workspace, error) {
	const method = "auth.test"
	resp, err := s.api.AuthTestContext(ctx)
	if err != nil {
		return Workspace{}, s.failed(method, err)
	}
	w := Workspace{Team: resp.Team, TeamID: resp.TeamID, User: resp.User, UserID: resp.UserID}
	for scope := range strings.SplitSeq(resp.Header.Get("X-OAuth-Scopes"), ",") {
		if scope = strings.TrimSpace(scope); scope != "" {
			w.Scopes = append(w.Scopes, scope)
		}
	}
	slices.Sort(w.Scopes)
	return w, nil
}

// CheckSocket asks for the address of a socket, which shows that the app token
// is good and Socket Mode is on. It does not connect: Slack would give the
// socket a share of the clicks.
func (s *Slack) CheckSocket(ctx context.Context) error {
	_, _, err := s.api.StartSocketModeContext(ctx)
	return s.failed("apps.connections.open", err)
}

// Membership is how the bot stands to a channel.
type Membership struct {
	Name             string
	Member, Archived bool
}

// Membership looks a channel up. A private channel that the bot is not in is a
// Permanent error channel_not_found.
func (s *Slack) Membership(ctx context.Context, channel string) (Membership, error) {
	var out struct {
		Channel struct {
			Name     string `json:"name"`
			Member   bool   `json:"is_member"`
			Archived bool   `json:"is_archived"`
		} `json:"channel"`
	}
	if err := s.call(ctx, "conversations.info", url.Values{"channel": {channel}}, &out); err != nil {
		return Membership{}, err
	}
	return Membership{out.Channel.Name, out.Channel.Member, out.Channel.Archived}, nil
}
