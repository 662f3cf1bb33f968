package slackfake

import (
	"regexp"
	"slices"
)

var tsForm = regexp.MustCompile(`^\d+(\.\d+)?$`)

// window keeps the messages between oldest and latest, by the API's rules.
func (req *request) window(list []*Message) ([]*Message, error) {
	oldest, latest := req.args["oldest"], req.args["latest"]
	if oldest == "0" {
		oldest = ""
	}
	if oldest != "" && !tsForm.MatchString(oldest) {
		return nil, refuse("invalid_ts_oldest")
	}
	if latest != "" && !tsForm.MatchString(latest) {
		return nil, refuse("invalid_ts_latest")
	}
	with := req.flag("inclusive")
	return slices.DeleteFunc(list, func(m *Message) bool {
		before := oldest != "" && (m.TS < oldest || m.TS == oldest && !with)
		after := latest != "" && (m.TS > latest || m.TS == latest && !with)
		return before || after
	}), nil
}

func conversationsHistory(req *request) (body, error) {
	c, err := req.visible("history")
	if err != nil {
		return nil, err
	}
	if !c.has(req.s.BotUser) {
		return nil, refuse("not_in_channel")
	}
	var list []*Message
	for _, m := range slices.Backward(req.s.messages[c.ID]) { // newest first
		reply := m.ThreadTS != "" && m.ThreadTS != m.TS
		if !m.Deleted && m.EphemeralTo == "" && !reply {
			list = append(list, m)
		}
	}
	return req.listMessages(list)
}

func conversationsReplies(req *request) (body, error) {
	c, err := req.visible("history")
	if err != nil {
		return nil, err
	}
	root := req.s.byRef[Ref{c.ID, req.args["ts"]}]
	if root == nil || root.Deleted || root.EphemeralTo != "" || !c.has(req.s.BotUser) {
		return nil, refuse("thread_not_found")
	}
	if root.ThreadTS != "" && root.ThreadTS != root.TS { // a reply stands for itself
		return req.listMessages([]*Message{root})
	}
	return req.listMessages(append([]*Message{root}, req.s.replies(root)...))
}

func (req *request) listMessages(list []*Message) (body, error) {
	list, err := req.window(list)
	if err != nil {
		return nil, err
	}
	list, meta, err := page(req, list, 100, 999)
	if err != nil {
		return nil, err
	}
	out := make([]body, len(list))
	for i, m := range list {
		out[i] = req.s.wire(m, req.flag("include_all_metadata"))
	}
	return body{"messages": out, "has_more": meta["next_cursor"] != "", "pin_count": 0, "response_metadata": meta}, nil
}

// conversationsInvite adds members. Without force one bad user refuses all;
// with force the good ones join and the answer lists the others.
func conversationsInvite(req *request) (body, error) {
	c, err := req.managed()
	if err != nil {
		return nil, err
	}
	users := splitList(req.args["users"])
	switch {
	case c.Archived:
		return nil, refuse("is_archived")
	case len(users) == 0:
		return nil, refuse("no_user")
	case len(users) > 100:
		return nil, refuse("too_many_users")
	}
	var bad []body
	var good []string
	for _, id := range users {
		if code := req.s.cannotInvite(c, id); code != "" {
			bad = append(bad, body{"ok": false, "user": id, "error": code})
			continue
		}
		good = append(good, id)
	}
	if len(bad) > 0 && (!req.flag("force") || len(good) == 0) {
		return nil, &apiError{code: bad[0]["error"].(string), each: bad}
	}
	c.Members = append(c.Members, good...)
	req.s.changed(Change{Kind: "channel", Channel: c.ID})
	out := body{"channel": req.s.wireChannel(c)}
	if len(bad) > 0 {
		out["errors"] = bad
	}
	return out, nil
}

func (s *Server) cannotInvite(c *Channel, id string) string {
	u := s.user(id)
	switch {
	case id == s.BotUser:
		return "cant_invite_self"
	case u == nil || u.Invisible:
		return "user_not_found"
	case c.has(id):
		return "already_in_channel"
	case u.Deleted:
		return "cant_invite"
	case u.TeamID != s.TeamID:
		return "cant_invite"
	case u.UltraGuest:
		return "ura_max_channels"
	case u.Guest:
		return "user_is_restricted"
	}
	return ""
}
