package chat

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/internal/message"
)

// NameTaken is the code of the error of CreateChannel when another channel has
// the name, one of the bot's own included. A name stays taken after its channel
// was archived (docs.slack.dev, conversations.create).
const NameTaken = "name_taken"

// maxTopic bounds topics and purposes (docs.slack.dev, conversations.setTopic).
const maxTopic = 250

// Paging through lists: members of a channel and the bot's own channels.
const (
	pageSize = "200"
	maxPages = 50
)

// Channel is a channel as the bot sees it.
type Channel struct {
	ID       string
	Name     string // without "#"; Slack may have shortened what was asked for
	Private  bool
	Archived bool
	Creator  string // the user who made it; the bot itself for its own
	Created  time.Time
}

// wireChannel is a channel in Slack's answers.
type wireChannel struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Private  bool   `json:"is_private"`
	Archived bool   `json:"is_archived"`
	Creator  string `json:"creator"`
	Created  int64  `json:"created"`
}

func (w wireChannel) channel() Channel {
	return Channel{ID: w.ID, Name: w.Name, Private: w.Private, Archived: w.Archived, Creator: w.Creator, Created: time.Unix(w.Created, 0).UTC()}
}

// CreateChannel makes a channel with the bot as its only member. Names have at
// most 80 characters: lower-case letters, digits, "-" and "_". The error of a
// name in use has the code NameTaken. After an Ambiguous error FindChannel
// tells whether the channel was made.
func (s *Slack) CreateChannel(ctx context.Context, name string, private bool) (Channel, error) {
	const method = "conversations.create"
	var out struct {
		Channel wireChannel `json:"channel"`
	}
	err := s.call(ctx, method, url.Values{"name": {name}, "is_private": {strconv.FormatBool(private)}}, &out)
	if err != nil {
		return Channel{}, err
	}
	if out.Channel.ID == "" {
		return Channel{}, &Error{Kind: Ambiguous, Code: "bad_answer", Method: method}
	}
	return out.Channel.channel(), nil
}

// FindChannel looks for a channel of that name that the bot itself has made,
// is still a member of and that is not archived. A channel of anybody else is
// never found, whatever its name.
func (s *Slack) FindChannel(ctx context.Context, name string) (Channel, bool, error) {
	if s.BotUser() == "" {
		if err := s.identify(ctx); err != nil {
			return Channel{}, false, err
		}
	}
	args := url.Values{"types": {"public_channel,private_channel"}, "exclude_archived": {"true"}, "limit": {pageSize}}
	var found Channel
	err := s.pages(ctx, "users.conversations", args, func(a *listing) bool {
		for _, w := range a.Channels {
			if w.Name == name && w.Creator == s.BotUser() && !w.Archived {
				found = w.channel()
				return false
			}
		}
		return true
	})
	return found, found.ID != "", err
}

// Members returns the ids of everybody in a channel, the bot included.
func (s *Slack) Members(ctx context.Context, channel string) ([]string, error) {
	var ids []string
	args := url.Values{"channel": {channel}, "limit": {pageSize}}
	err := s.pages(ctx, "conversations.members", args, func(a *listing) bool {
		ids = append(ids, a.Members...)
		return true
	})
	return ids, err
}

// listing is one page of a list.
type listing struct {
	Channels []wireChannel `json:"channels"`
	Members  []string      `json:"members"`
	Metadata struct {
		Cursor string `json:"next_cursor"`
	} `json:"response_metadata"`
}

// pages reads a list page by page until the end or until take has enough. A
// list longer than can be read is an error, because half of it would be taken
// for the whole.
func (s *Slack) pages(ctx context.Context, method string, args url.Values, take func(*listing) bool) error {
	for range maxPages {
		var a listing
		if err := s.call(ctx, method, args, &a); err != nil {
			return err
		}
		if !take(&a) || a.Metadata.Cursor == "" {
			return nil
		}
		args.Set("cursor", a.Metadata.Cursor)
	}
	return &Error{Kind: Permanent, Code: "too_many_pages", Method: method}
}

// SetTopic sets the topic of a channel, cut at 250 characters. A topic has no
// mark-up: people are shown by their id and links by their label.
func (s *Slack) SetTopic(ctx context.Context, channel string, topic message.Text) error {
	return s.call(ctx, "conversations.setTopic", url.Values{"channel": {channel}, "topic": {s.oneLine(topic)}}, nil)
}

// SetPurpose sets the description of a channel, under the same rules as
// SetTopic.
func (s *Slack) SetPurpose(ctx context.Context, channel string, purpose message.Text) error {
	return s.call(ctx, "conversations.setPurpose", url.Values{"channel": {channel}, "purpose": {s.oneLine(purpose)}}, nil)
}

func (s *Slack) oneLine(t message.Text) string {
	line, _ := render(t, plain, maxTopic, s.look)
	return line
}

// Pin pins a message to its channel. One that is pinned already is fine.
func (s *Slack) Pin(ctx context.Context, ref Ref) error {
	err := s.call(ctx, "pins.add", url.Values{"channel": {ref.Channel}, "timestamp": {ref.TS}}, nil)
	return fine(err, "already_pinned")
}

// Archive closes a channel for good: nothing can be said in it any more, it can
// still be read. One that is archived already is fine.
func (s *Slack) Archive(ctx context.Context, channel string) error {
	return fine(s.call(ctx, "conversations.archive", url.Values{"channel": {channel}}, nil), "already_archived")
}

// Unarchive opens an archived channel again. One that is open is fine. Slack
// refuses this to apps although it lists the method for them: archiving takes
// the app out of the channel, and then it answers not_in_channel
// (docs.slack.dev, conversations.unarchive, "Bug alert"; slack-go/slack#1066).
func (s *Slack) Unarchive(ctx context.Context, channel string) error {
	return fine(s.call(ctx, "conversations.unarchive", url.Values{"channel": {channel}}, nil), "not_archived")
}

// Permalink returns the address of a message, for people who can see it.
func (s *Slack) Permalink(ctx context.Context, ref Ref) (string, error) {
	const method = "chat.getPermalink"
	var out struct {
		Permalink string `json:"permalink"`
	}
	if err := s.call(ctx, method, url.Values{"channel": {ref.Channel}, "message_ts": {ref.TS}}, &out); err != nil {
		return "", err
	}
	if out.Permalink == "" {
		return "", &Error{Kind: Transient, Code: "bad_answer", Method: method}
	}
	return out.Permalink, nil
}
