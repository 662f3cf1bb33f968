package chat

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
)

// maxInvite is how many people one call invites; of the two numbers in Slack's
// reference (100 and 1,000) the one that is safe.
const maxInvite = 100

// InviteFailure says why somebody is not in the channel.
type InviteFailure struct {
	User   string
	Code   string // Slack's code
	Reason string // the same in plain words, such as "the account is deactivated"
}

// Invite adds people to a channel. Each is judged alone: who cannot join is in
// failed and keeps nobody else out. Somebody who is in the channel already is
// no failure, nor is the bot itself. With an error, those after the failed call
// were not invited, and repeating the whole is harmless.
func (s *Slack) Invite(ctx context.Context, channel string, users []string) (failed []InviteFailure, err error) {
	users = slices.Compact(slices.Sorted(slices.Values(users)))
	users = slices.DeleteFunc(users, func(u string) bool { return u == "" || u == s.BotUser() })
	for batch := range slices.Chunk(users, maxInvite) {
		bad, err := s.invite(ctx, channel, batch)
		failed = append(failed, bad...)
		if err != nil {
			return failed, err
		}
	}
	return failed, nil
}

// notInvited is one entry of "errors" in an answer of conversations.invite.
type notInvited struct {
	User  string `json:"user"`
	Error string `json:"error"`
}

func (s *Slack) invite(ctx context.Context, channel string, batch []string) ([]InviteFailure, error) {
	var out struct {
		Errors json.RawMessage `json:"errors"`
	}
	err := s.call(ctx, "conversations.invite",
		url.Values{"channel": {channel}, "users": {strings.Join(batch, ",")}, "force": {"true"}}, &out)
	e, refused := errors.AsType[*Error](err)
	if err != nil && (!refused || inviteReasons[e.Code] == "") {
		return nil, err
	}
	list := out.Errors
	if refused {
		list = e.list
	}
	var each []notInvited
	if json.Unmarshal(list, &each) != nil {
		each = nil // an empty object when there are none
	}
	if refused && len(each) == 0 { // nobody was invited, and Slack does not say more
		for _, u := range batch {
			each = append(each, notInvited{u, e.Code})
		}
	}
	return failures(batch, each), nil
}

func failures(batch []string, list []notInvited) []InviteFailure {
	var out []InviteFailure
	for _, r := range list {
		c := safeCode(r.Error)
		if !slices.Contains(batch, r.User) || c == "already_in_channel" || c == "cant_invite_self" {
			continue
		}
		reason := inviteReasons[c]
		if reason == "" {
			reason = "Slack refuses it (" + c + ")"
		}
		out = append(out, InviteFailure{User: r.User, Code: c, Reason: reason})
	}
	return out
}

// inviteReasons are the refusals that concern a person rather than the channel
// (docs.slack.dev, conversations.invite). It is never changed.
var inviteReasons = map[string]string{
	"already_in_channel":            "already in the channel",
	"cant_invite_self":              "the bot is in the channel already",
	"cant_invite":                   "Slack does not let the bot invite this account; it may be deactivated or of another organisation",
	"user_not_found":                "there is no such account in this workspace",
	"user_disabled":                 "the account is deactivated",
	"user_is_restricted":            "guests cannot be added by the bot; an administrator can add them",
	"ura_max_channels":              "a single-channel guest cannot join a second channel",
	"org_user_not_in_team":          "the account is not a member of this workspace",
	"invitee_cant_see_channel":      "the account may not see this channel",
	"no_external_invite_permission": "the bot may not invite people of other organisations",
	"app_cannot_join_channel":       "apps cannot be added to this channel",
}
