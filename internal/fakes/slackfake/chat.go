package slackfake

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/fakes/slackfake/blockkit"
)

// Limits of messages, from docs.slack.dev/reference/methods/chat.postMessage
// and chat.update.
const (
	maxPostText    = 40000 // characters; more is cut off
	maxUpdateText  = 4000  // counted in bytes here, the strictest reading
	maxAttachments = 100
	maxMetadata    = 8 << 10 // bytes
)

// content reads and checks what a message says: text, blocks, attachments and
// metadata. Only what was given is non-nil.
func (req *request) content(surface blockkit.Surface) (Message, error) {
	m := Message{Text: req.args["text"], UnfurlLinks: req.optional("unfurl_links"), UnfurlMedia: req.optional("unfurl_media")}
	if raw := req.jsonArg("blocks"); raw != nil {
		filled, err := checkBlocks(surface, raw)
		if err != nil {
			return m, err
		}
		m.Blocks = filled
	}
	if raw := req.jsonArg("attachments"); raw != nil {
		var list []json.RawMessage
		if json.Unmarshal(raw, &list) != nil {
			return m, refuse("invalid_attachments")
		}
		if len(list) > maxAttachments {
			return m, refuse("too_many_attachments")
		}
		if len(list) > 0 {
			m.Attachments = raw
		}
	}
	return m, req.metadata(&m)
}

func (req *request) metadata(m *Message) error {
	raw := req.jsonArg("metadata")
	if raw == nil || string(raw) == "{}" {
		return nil
	}
	var meta struct {
		Type    string          `json:"event_type"`
		Payload json.RawMessage `json:"event_payload"`
	}
	var payload map[string]any
	if json.Unmarshal(raw, &meta) != nil || meta.Type == "" || json.Unmarshal(meta.Payload, &payload) != nil {
		return refuse("invalid_metadata_format")
	}
	if len(raw) > maxMetadata {
		return refuse("metadata_too_large")
	}
	m.Metadata = raw
	return nil
}

// checkBlocks validates blocks and returns them with ids filled in; nil when the
// list is empty.
func checkBlocks(surface blockkit.Surface, raw json.RawMessage) (json.RawMessage, error) {
	res := blockkit.Blocks(surface, raw)
	if res.Code != "" {
		return nil, &apiError{code: res.Code, messages: res.Messages()}
	}
	return res.Filled, nil
}

func (m Message) empty() bool {
	return m.Text == "" && isEmptyList(m.Blocks) && m.Attachments == nil
}

func isEmptyList(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "[]" }

// target finds the channel a message is for: a channel id, a user id (its
// direct messages) or a name.
func (req *request) target() (*Channel, error) {
	s, name := req.s, req.args["channel"]
	c := s.channel(name)
	if c == nil {
		c = s.channelNamed(name)
	}
	if u := s.user(name); c == nil && u != nil {
		if err := s.canDM(u); err != nil {
			return nil, err
		}
		c = s.openDM(u.ID)
	}
	if c == nil || c.Kind != Public && !c.has(s.BotUser) {
		return nil, refuse("channel_not_found")
	}
	return c, nil
}

func postMessage(req *request) (body, error) {
	c, err := req.target()
	if err != nil {
		return nil, err
	}
	if c.Archived {
		return nil, refuse("is_archived")
	}
	if !c.has(req.s.BotUser) && !slices.Contains(req.token.Scopes, "chat:write.public") {
		return nil, refuse("not_in_channel")
	}
	m, err := req.content(blockkit.Message)
	if err != nil {
		return nil, err
	}
	if m.empty() {
		return nil, refuse("no_text")
	}
	// Slack may let a reply to nothing pass; here it is always a mistake.
	if m.ThreadTS = req.args["thread_ts"]; m.ThreadTS != "" && !req.s.inThread(c, m.ThreadTS) {
		return nil, refuse("cannot_reply_to_message")
	}
	if utf8.RuneCountInString(m.Text) > maxPostText {
		m.Text = string([]rune(m.Text)[:maxPostText])
	}
	posted := req.s.post(c, m, req.method)
	return body{"channel": c.ID, "ts": posted.TS, "message": req.s.wire(posted, true)}, nil
}

// inThread says whether ts is a message that can have replies.
func (s *Server) inThread(c *Channel, ts string) bool {
	m := s.byRef[Ref{c.ID, ts}]
	return m != nil && m.EphemeralTo == "" && !m.Deleted
}

// post stores a message of the app.
func (s *Server) post(c *Channel, m Message, via string) *Message {
	m.User, m.BotID = s.BotUser, s.BotID
	kept := s.store(c, m, via)
	s.posted = append(s.posted, kept)
	return kept
}

func (s *Server) store(c *Channel, m Message, via string) *Message {
	m.Channel, m.TS, m.Via, m.PostedAt = c.ID, s.timestamp(), via, s.now()
	s.messages[c.ID] = append(s.messages[c.ID], &m)
	s.byRef[m.Ref()] = &m
	if root := (Ref{c.ID, m.ThreadTS}); m.ThreadTS != "" && m.EphemeralTo == "" {
		s.threads[root] = append(s.threads[root], &m)
	}
	kind := "message"
	if m.EphemeralTo != "" {
		kind = "ephemeral"
	}
	s.changed(Change{Kind: kind, Channel: c.ID, TS: m.TS, User: m.EphemeralTo})
	return &m
}

func postEphemeral(req *request) (body, error) {
	c, err := req.target()
	if err != nil {
		return nil, err
	}
	s, user := req.s, req.args["user"]
	switch {
	case c.Archived:
		return nil, refuse("is_archived")
	case !c.has(s.BotUser):
		return nil, refuse("not_in_channel")
	case user == "" || s.user(user) == nil || !c.has(user) || s.user(user).Deleted:
		return nil, refuse("user_not_in_channel")
	}
	m, err := req.content(blockkit.Message)
	if err != nil {
		return nil, err
	}
	if m.empty() {
		return nil, refuse("no_text")
	}
	if utf8.RuneCountInString(m.Text) > maxPostText {
		return nil, refuse("msg_too_long")
	}
	m.EphemeralTo, m.ThreadTS, m.Metadata = user, req.args["thread_ts"], nil
	return body{"message_ts": s.post(c, m, req.method).TS}, nil
}

func updateMessage(req *request) (body, error) {
	s := req.s
	c := s.channel(req.args["channel"])
	if c == nil || !c.has(s.BotUser) {
		return nil, refuse("channel_not_found")
	}
	old := s.byRef[Ref{c.ID, req.args["ts"]}]
	switch {
	case old == nil || old.Deleted || old.EphemeralTo != "":
		return nil, refuse("message_not_found")
	case !old.fromApp():
		return nil, refuse("cant_update_message")
	case c.Archived:
		return nil, refuse("is_inactive")
	}
	m, err := req.content(blockkit.Message)
	if err != nil {
		return nil, err
	}
	if len(m.Text) > maxUpdateText {
		return nil, refuse("msg_too_long")
	}
	if m.empty() && m.Blocks == nil {
		return nil, refuse("no_text")
	}
	s.edit(old, m)
	return body{"channel": c.ID, "ts": old.TS, "text": old.Text, "message": s.wire(old, true)}, nil
}

// edit replaces what a message says. Blocks, attachments and metadata that are
// not given stay; an empty list of blocks removes them.
func (s *Server) edit(m *Message, to Message) {
	m.Edits = append(m.Edits[:len(m.Edits):len(m.Edits)], Version{m.Text, m.Blocks, m.Metadata, s.now()})
	m.Text, m.EditedAt = to.Text, s.now()
	if to.Blocks != nil {
		m.Blocks = to.Blocks
	}
	if isEmptyList(m.Blocks) {
		m.Blocks = nil
	}
	if to.Attachments != nil {
		m.Attachments = to.Attachments
	}
	if to.Metadata != nil {
		m.Metadata = to.Metadata
	}
	s.changed(Change{Kind: "edit", Channel: m.Channel, TS: m.TS, User: m.EphemeralTo})
}

func deleteMessage(req *request) (body, error) {
	s := req.s
	c := s.channel(req.args["channel"])
	if c == nil || !c.has(s.BotUser) {
		return nil, refuse("channel_not_found")
	}
	m := s.byRef[Ref{c.ID, req.args["ts"]}]
	switch {
	case m == nil || m.Deleted || m.EphemeralTo != "":
		return nil, refuse("message_not_found")
	case !m.fromApp():
		return nil, refuse("cant_delete_message")
	}
	s.remove(m)
	return body{"channel": c.ID, "ts": m.TS}, nil
}

func (s *Server) remove(m *Message) {
	m.Deleted = true
	root := Ref{m.Channel, m.ThreadTS}
	s.threads[root] = slices.DeleteFunc(s.threads[root], func(r *Message) bool { return r == m })
	s.changed(Change{Kind: "delete", Channel: m.Channel, TS: m.TS, User: m.EphemeralTo})
}

func permalink(req *request) (body, error) {
	s := req.s
	c := s.channel(req.args["channel"])
	if c == nil || c.Kind != Public && !c.has(s.BotUser) {
		return nil, refuse("channel_not_found")
	}
	m := s.byRef[Ref{c.ID, req.args["message_ts"]}]
	if m == nil || m.Deleted || m.EphemeralTo != "" {
		return nil, refuse("message_not_found")
	}
	link := "https://" + s.set.domain + ".slack.com/archives/" + c.ID + "/p" + digits(m.TS)
	if m.ThreadTS != "" && m.ThreadTS != m.TS {
		link += "?thread_ts=" + m.ThreadTS + "&cid=" + c.ID
	}
	return body{"channel": c.ID, "permalink": link}, nil
}
