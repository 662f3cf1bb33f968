package slackfake

import (
	"encoding/json"
	"time"
)

// User is a person or bot of the workspace, or a stranger from another one.
// The zero value of every field but Name is a usable, active, full member.
type User struct {
	ID       string `json:"id"`      // made up when empty
	TeamID   string `json:"team_id"` // the workspace's own when empty
	Name     string `json:"name"`
	RealName string `json:"real_name,omitempty"`
	Email    string `json:"email,omitempty"`
	TZ       string `json:"tz,omitempty"`     // IANA name; "Europe/London" when empty
	Locale   string `json:"locale,omitempty"` // "en-GB" when empty

	Bot        bool `json:"is_bot,omitempty"`
	Deleted    bool `json:"deleted,omitempty"`             // deactivated
	Guest      bool `json:"is_restricted,omitempty"`       // multi-channel guest
	UltraGuest bool `json:"is_ultra_restricted,omitempty"` // single-channel guest; implies Guest on the wire
	Stranger   bool `json:"is_stranger,omitempty"`         // a member of another workspace met in a shared channel
	Invisible  bool `json:"invisible,omitempty"`           // users.info answers user_not_visible
	NoEmail    bool `json:"no_email,omitempty"`            // the e-mail is hidden from apps
}

// ChannelKind says what sort of conversation a channel is.
type ChannelKind string

// The kinds of conversation.
const (
	Public  ChannelKind = "channel"
	Private ChannelKind = "group"
	DM      ChannelKind = "im"
	GroupDM ChannelKind = "mpim"
)

// Channel is a conversation. Members are user ids in the order of joining.
type Channel struct {
	ID        string      `json:"id"` // made up when empty
	Name      string      `json:"name,omitempty"`
	Kind      ChannelKind `json:"kind"` // Public when empty
	Topic     string      `json:"topic,omitempty"`
	Purpose   string      `json:"purpose,omitempty"`
	Archived  bool        `json:"archived,omitempty"`
	ExtShared bool        `json:"is_ext_shared,omitempty"` // shared with another organisation
	Members   []string    `json:"members"`
	Creator   string      `json:"creator,omitempty"`
	Pins      []string    `json:"pins,omitempty"` // timestamps of pinned messages, oldest pin first
	Created   time.Time   `json:"created,omitzero"`
}

// Usergroup is a named group of users such as an on-call rota.
type Usergroup struct {
	ID       string   `json:"id"` // made up when empty
	Handle   string   `json:"handle"`
	Name     string   `json:"name,omitempty"`
	Users    []string `json:"users"`
	Disabled bool     `json:"disabled,omitempty"`
}

// Message is a posted message, or an ephemeral one when EphemeralTo is set.
type Message struct {
	Channel     string          `json:"channel"`
	TS          string          `json:"ts"`
	ThreadTS    string          `json:"thread_ts,omitempty"`
	User        string          `json:"user"`
	BotID       string          `json:"bot_id,omitempty"` // set on messages of the app
	Text        string          `json:"text"`
	Blocks      json.RawMessage `json:"blocks,omitempty"` // as posted, with missing block and action ids filled in
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
	EphemeralTo string          `json:"ephemeral_to,omitempty"`
	Via         string          `json:"via,omitempty"` // how it came: an API method, "response_url", "ack" or "person"

	UnfurlLinks *bool `json:"unfurl_links,omitempty"` // nil when the poster left it to Slack
	UnfurlMedia *bool `json:"unfurl_media,omitempty"`

	PostedAt time.Time `json:"posted_at"`
	EditedAt time.Time `json:"edited_at,omitzero"`
	Edits    []Version `json:"edits,omitempty"` // what the message said before, oldest first
	Deleted  bool      `json:"deleted,omitempty"`

	claimed bool
}

// Version is what a message said before an edit.
type Version struct {
	Text     string          `json:"text"`
	Blocks   json.RawMessage `json:"blocks,omitempty"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
	Until    time.Time       `json:"until"`
}

// View is a modal or home tab as the app last sent it.
type View struct {
	ID         string          `json:"id"`
	User       string          `json:"user"`
	Type       string          `json:"type"` // "modal" or "home"
	CallbackID string          `json:"callback_id,omitempty"`
	Private    string          `json:"private_metadata,omitempty"`
	ExternalID string          `json:"external_id,omitempty"`
	Hash       string          `json:"hash"`
	RootID     string          `json:"root_view_id,omitempty"`
	PreviousID string          `json:"previous_view_id,omitempty"`
	Raw        json.RawMessage `json:"view"` // the view payload, with missing block and action ids filled in
	OpenedAt   time.Time       `json:"opened_at"`
}

// Ref names a message.
type Ref struct {
	Channel string `json:"channel"`
	TS      string `json:"ts"`
}

// Ref returns the name of the message.
func (m Message) Ref() Ref { return Ref{m.Channel, m.TS} }

// fromApp says whether the message was written by the app under test.
func (m Message) fromApp() bool { return m.BotID != "" }

// flags returns the API's boolean fields of a conversation of this kind.
func (k ChannelKind) flags() map[string]any {
	return map[string]any{
		"is_channel": k == Public, "is_group": k == Private, "is_im": k == DM, "is_mpim": k == GroupDM,
		"is_private": k != Public,
	}
}
