package slackfake

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// canDM says why the app cannot open direct messages with the user.
func (s *Server) canDM(u *User) error {
	switch {
	case u.Deleted:
		return refuse("user_disabled")
	case u.Bot:
		return refuse("cannot_dm_bot")
	case u.Invisible:
		return refuse("user_not_visible")
	}
	return nil
}

func conversationsOpen(req *request) (body, error) {
	s := req.s
	if id := req.args["channel"]; id != "" {
		c := s.channel(id)
		if c == nil || !c.has(s.BotUser) {
			return nil, refuse("channel_not_found")
		}
		if c.Kind != DM && c.Kind != GroupDM {
			return nil, refuse("method_not_supported_for_channel_type")
		}
		return body{"no_op": true, "already_open": true, "channel": body{"id": c.ID}}, nil
	}
	users := splitList(req.args["users"])
	if len(users) == 0 {
		return nil, refuse("users_list_not_supplied")
	}
	if len(users) > 8 {
		return nil, refuse("too_many_users")
	}
	for _, id := range users {
		u := s.user(id)
		if u == nil {
			return nil, refuse("user_not_found")
		}
		if err := s.canDM(u); err != nil {
			return nil, err
		}
	}
	if len(users) == 1 {
		return req.openOne(users[0])
	}
	return req.openMany(users)
}

func (req *request) openOne(user string) (body, error) {
	if err := req.needFor(DM, "write"); err != nil {
		return nil, err
	}
	known := req.s.findDM(user) != nil
	c := req.s.openDM(user)
	out := body{"id": c.ID}
	if req.flag("return_im") {
		out = req.s.wireChannel(c)
	}
	return body{"no_op": known, "already_open": known, "channel": out}, nil
}

func (req *request) openMany(users []string) (body, error) {
	if err := req.needFor(GroupDM, "write"); err != nil {
		return nil, err
	}
	members := append([]string{req.s.BotUser}, users...)
	for _, c := range req.s.channels {
		if c.Kind == GroupDM && sameSet(c.Members, members) {
			return body{"no_op": true, "already_open": true, "channel": body{"id": c.ID}}, nil
		}
	}
	c := req.s.addChannel(Channel{Kind: GroupDM, Name: "mpdm-" + strings.Join(users, "--"), Members: members})
	return body{"channel": body{"id": c.ID}}, nil
}

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return slices.Equal(a, b)
}

func splitList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// visible finds a channel the app may see for verb ("read" or "history").
func (req *request) visible(verb string) (*Channel, error) {
	c := req.s.channel(req.args["channel"])
	if c == nil || c.Kind != Public && !c.has(req.s.BotUser) {
		return nil, refuse("channel_not_found")
	}
	if err := req.needFor(c.Kind, verb); err != nil {
		return nil, err
	}
	return c, nil
}

func conversationsInfo(req *request) (body, error) {
	c, err := req.visible("read")
	if err != nil {
		return nil, err
	}
	out := req.s.wireChannel(c)
	if !req.flag("include_num_members") {
		delete(out, "num_members")
	}
	return body{"channel": out}, nil
}

func conversationsList(req *request) (body, error) { return req.listChannels(false) }

// usersConversations lists the channels the app is in.
func usersConversations(req *request) (body, error) {
	if u := req.args["user"]; u != "" && u != req.s.BotUser {
		return nil, refuse("method_not_supported") // others are nobody's business here
	}
	return req.listChannels(true)
}

func (req *request) listChannels(own bool) (body, error) {
	kinds := map[ChannelKind]bool{}
	for _, t := range splitList(req.args["types"]) {
		switch t {
		case "public_channel":
			kinds[Public] = true
		case "private_channel":
			kinds[Private] = true
		case "im", "mpim":
			kinds[ChannelKind(t)] = true
		default:
			return nil, refuse("invalid_types")
		}
	}
	if len(kinds) == 0 {
		kinds[Public] = true
	}
	var list []body
	for kind := range kinds {
		if err := req.needFor(kind, "read"); err != nil {
			return nil, err
		}
	}
	for _, c := range req.s.channels {
		hidden := c.Kind != Public && !c.has(req.s.BotUser) || c.Archived && req.flag("exclude_archived")
		if kinds[c.Kind] && !hidden && (c.has(req.s.BotUser) || !own) {
			list = append(list, req.s.wireChannel(c))
		}
	}
	list, meta, err := page(req, list, 100, 1000)
	if err != nil {
		return nil, err
	}
	return body{"channels": orEmpty(list), "response_metadata": meta}, nil
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func conversationsMembers(req *request) (body, error) {
	c, err := req.visible("read")
	if err != nil {
		return nil, err
	}
	list, meta, err := page(req, c.Members, 100, 1000)
	if err != nil {
		return nil, err
	}
	return body{"members": orEmpty(list), "response_metadata": meta}, nil
}

var channelName = regexp.MustCompile(`^[\p{Ll}\p{Lo}\p{N}_-]+$`)

func checkName(name string) error {
	switch {
	case name == "":
		return refuse("invalid_name_required")
	case utf8.RuneCountInString(name) > 80:
		return refuse("invalid_name_maxlength")
	case strings.Trim(name, "-_") == "":
		return refuse("invalid_name_punctuation")
	case !channelName.MatchString(name):
		return refuse("invalid_name_specials")
	}
	return nil
}

func conversationsCreate(req *request) (body, error) {
	s, kind := req.s, Public
	if req.flag("is_private") {
		kind = Private
	}
	if err := req.needFor(kind, "write"); err != nil {
		return nil, err
	}
	name := req.args["name"]
	if err := checkName(name); err != nil {
		return nil, err
	}
	if s.channelNamed(name) != nil { // an archived channel keeps its name
		return nil, refuse("name_taken")
	}
	c := s.addChannel(Channel{Name: name, Kind: kind, Creator: s.BotUser, Members: []string{s.BotUser}})
	return body{"channel": s.wireChannel(c)}, nil
}

// managed finds a channel the app may change.
func (req *request) managed() (*Channel, error) {
	c := req.s.channel(req.args["channel"])
	if c == nil || c.Kind != Public && !c.has(req.s.BotUser) {
		return nil, refuse("channel_not_found")
	}
	if err := req.needFor(c.Kind, "write"); err != nil {
		return nil, err
	}
	switch {
	case c.Kind == DM || c.Kind == GroupDM:
		return nil, refuse("method_not_supported_for_channel_type")
	case !c.has(req.s.BotUser):
		return nil, refuse("not_in_channel")
	}
	return c, nil
}

func conversationsSetTopic(req *request) (body, error) {
	return req.describe("topic", func(c *Channel, v string) { c.Topic = v })
}

func conversationsSetPurpose(req *request) (body, error) {
	return req.describe("purpose", func(c *Channel, v string) { c.Purpose = v })
}

func (req *request) describe(what string, set func(*Channel, string)) (body, error) {
	c, err := req.managed()
	switch {
	case err != nil:
		return nil, err
	case c.Archived:
		return nil, refuse("is_archived")
	case utf8.RuneCountInString(req.args[what]) > 250:
		return nil, refuse("too_long")
	}
	set(c, req.args[what])
	req.s.changed(Change{Kind: "channel", Channel: c.ID})
	return body{"channel": req.s.wireChannel(c), what: req.args[what]}, nil
}

func conversationsArchive(req *request) (body, error) {
	c, err := req.managed()
	if err != nil {
		return nil, err
	}
	if c.Archived {
		return nil, refuse("already_archived")
	}
	c.Archived = true
	req.s.changed(Change{Kind: "channel", Channel: c.ID})
	return body{}, nil
}

// conversationsUnarchive is refused to apps: archiving has taken them out
// (docs.slack.dev, conversations.unarchive). With [WithUnarchive] it is not.
func conversationsUnarchive(req *request) (body, error) {
	c, err := req.managed()
	switch {
	case err != nil:
		return nil, err
	case !c.Archived:
		return nil, refuse("not_archived")
	case !req.s.set.unarchive:
		return nil, refuse("not_in_channel")
	}
	c.Archived = false
	req.s.changed(Change{Kind: "channel", Channel: c.ID})
	return body{}, nil
}
