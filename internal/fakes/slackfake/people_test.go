package slackfake_test

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

func TestUsers(t *testing.T) {
	t.Parallel()
	ws, ada, _ := workspace(t)
	people := map[string]slackfake.User{}
	for name, u := range map[string]slackfake.User{
		"guest":    {Guest: true},
		"single":   {UltraGuest: true},
		"gone":     {Deleted: true},
		"stranger": {Stranger: true},
		"robot":    {Bot: true},
		"shy":      {NoEmail: true},
		"hidden":   {Invisible: true},
	} {
		u.Name, u.Email = name, name+"@corp.example"
		people[name] = ws.AddUser(u)
	}
	info := func(name string) answer {
		return do(t, ws, "users.info", args{"user": people[name].ID, "include_locale": "true"})
	}
	for _, c := range []struct {
		name, path string
		want       any
	}{
		{"guest", "user.is_restricted", true}, {"guest", "user.is_ultra_restricted", false},
		{"single", "user.is_restricted", true}, {"single", "user.is_ultra_restricted", true},
		{"gone", "user.deleted", true}, {"gone", "user.tz", nil},
		{"stranger", "user.is_stranger", true}, {"stranger", "user.team_id", "T0OTHER001"},
		{"robot", "user.is_bot", true}, {"robot", "user.profile.email", nil},
		{"shy", "user.profile.email", nil}, {"shy", "user.tz", "Europe/London"}, {"shy", "user.locale", "en-GB"},
		{"guest", "user.profile.email", "guest@corp.example"},
		{"hidden", "error", "user_not_visible"},
	} {
		if got := info(c.name).at(c.path); got != c.want {
			t.Errorf("%s %s: %v, want %v", c.name, c.path, got, c.want)
		}
	}
	for name, found := range map[string]bool{"guest": true, "gone": false, "stranger": false, "robot": false, "shy": false, "hidden": false, "nobody": false} {
		got := do(t, ws, "users.lookupByEmail", args{"email": strings.ToUpper(name) + "@corp.example"})
		if (got.code() == "") != found || !found && got.code() != "users_not_found" {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got := do(t, ws, "users.info", args{"user": "U404"}); got.code() != "user_not_found" {
		t.Error(got)
	}
	ws.SetScopes(ws.BotToken, "users:read")
	if got := must(t, ws, "users.info", args{"user": ada.ID}); got.at("user.profile.email") != nil {
		t.Error("the e-mail is shown without its scope")
	}
	list := must(t, ws, "users.list", args{"limit": "4"})
	more := must(t, ws, "users.list", args{"cursor": list.at("response_metadata.next_cursor").(string)})
	if n := len(list["members"].([]any)) + len(more["members"].([]any)); n != 8 { // ada, the bot and all but the hidden
		t.Errorf("%d members", n)
	}
	ws.SetUser(ada.ID, func(u *slackfake.User) { u.Deleted = true })
	if got := must(t, ws, "users.info", args{"user": ada.ID}); got.at("user.deleted") != true {
		t.Error(got)
	}
}

func TestUsergroups(t *testing.T) {
	t.Parallel()
	ws, ada, _ := workspace(t)
	g := ws.AddUsergroup(slackfake.Usergroup{Handle: "oncall", Users: []string{ada.ID}})
	off := ws.AddUsergroup(slackfake.Usergroup{Handle: "old", Disabled: true})
	if got := must(t, ws, "usergroups.list", args{"include_users": "true"}); len(got["usergroups"].([]any)) != 1 || got.at("usergroups.0.users.0") != ada.ID || got.at("usergroups.0.handle") != "oncall" {
		t.Error(got)
	}
	if got := must(t, ws, "usergroups.users.list", args{"usergroup": g.ID}); got.at("users.0") != ada.ID {
		t.Error(got)
	}
	ws.SetUsergroup(g.ID)
	if got := must(t, ws, "usergroups.users.list", args{"usergroup": g.ID}); len(got["users"].([]any)) != 0 {
		t.Error(got)
	}
	if got := do(t, ws, "usergroups.users.list", args{"usergroup": off.ID}); got.code() != "no_such_subteam" {
		t.Error(got)
	}
	must(t, ws, "usergroups.users.list", args{"usergroup": off.ID, "include_disabled": "true"})
}

func TestOpenConversations(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	bob := ws.AddUser(slackfake.User{Name: "bob"})
	gone := ws.AddUser(slackfake.User{Name: "gone", Deleted: true})
	first := must(t, ws, "conversations.open", args{"users": ada.ID})
	again := must(t, ws, "conversations.open", args{"users": ada.ID, "return_im": "true"})
	dm := first.at("channel.id")
	if first["already_open"] != false || again["already_open"] != true || dm != again.at("channel.id") || again.at("channel.user") != ada.ID || dm != ws.DMChannel(ada.ID) {
		t.Errorf("%v %v", first, again)
	}
	both := must(t, ws, "conversations.open", args{"users": ada.ID + "," + bob.ID})
	if same := must(t, ws, "conversations.open", args{"users": bob.ID + "," + ada.ID}); same.at("channel.id") != both.at("channel.id") {
		t.Error("the same people got two group conversations")
	}
	must(t, ws, "conversations.open", args{"channel": dm.(string)})
	for _, c := range []struct {
		args args
		want string
	}{
		{args{}, "users_list_not_supplied"},
		{args{"users": "U404"}, "user_not_found"},
		{args{"users": gone.ID}, "user_disabled"},
		{args{"users": strings.Repeat(ada.ID+",", 9)}, "too_many_users"},
		{args{"channel": general.ID}, "method_not_supported_for_channel_type"},
		{args{"channel": "D404"}, "channel_not_found"},
	} {
		if got := do(t, ws, "conversations.open", c.args); got.code() != c.want {
			t.Errorf("%v: %v", c.args, got)
		}
	}
}

func TestChannelLife(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	guest := ws.AddUser(slackfake.User{Name: "guest", Guest: true})
	single := ws.AddUser(slackfake.User{Name: "single", UltraGuest: true})
	stranger := ws.AddUser(slackfake.User{Name: "stranger", Stranger: true})
	bob := ws.AddUser(slackfake.User{Name: "bob"})
	foreign := ws.AddChannel(slackfake.Channel{Name: "elsewhere", Members: []string{ada.ID}})
	id := must(t, ws, "conversations.create", args{"name": "ir-1", "is_private": "true"}).at("channel.id").(string)
	if c, ok := ws.Channel("ir-1"); !ok || c.ID != id || c.Kind != slackfake.Private || len(c.Members) != 1 {
		t.Errorf("%+v", c)
	}
	for _, c := range []struct {
		method string
		args   args
		want   string
	}{
		{"conversations.create", args{"name": "ir-1"}, "name_taken"},
		{"conversations.create", args{}, "invalid_name_required"},
		{"conversations.create", args{"name": "IR 1"}, "invalid_name_specials"},
		{"conversations.create", args{"name": "--"}, "invalid_name_punctuation"},
		{"conversations.create", args{"name": strings.Repeat("x", 81)}, "invalid_name_maxlength"},
		{"conversations.invite", args{"channel": id, "users": ada.ID}, ""},
		{"conversations.invite", args{"channel": id, "users": ada.ID}, "already_in_channel"},
		{"conversations.invite", args{"channel": id, "users": ws.BotUser}, "cant_invite_self"},
		{"conversations.invite", args{"channel": id, "users": "U404"}, "user_not_found"},
		{"conversations.invite", args{"channel": id, "users": guest.ID}, "user_is_restricted"},
		{"conversations.invite", args{"channel": id, "users": single.ID}, "ura_max_channels"},
		{"conversations.invite", args{"channel": id, "users": stranger.ID}, "cant_invite"},
		{"conversations.invite", args{"channel": id}, "no_user"},
		{"conversations.invite", args{"channel": foreign.ID, "users": bob.ID}, "not_in_channel"},
		{"conversations.invite", args{"channel": id, "users": guest.ID + "," + bob.ID}, "user_is_restricted"},
		{"conversations.invite", args{"channel": id, "users": guest.ID + "," + bob.ID, "force": "true"}, ""},
		{"conversations.setTopic", args{"channel": id, "topic": strings.Repeat("x", 250)}, ""},
		{"conversations.setTopic", args{"channel": id, "topic": strings.Repeat("x", 251)}, "too_long"},
		{"conversations.setPurpose", args{"channel": id, "purpose": "incident"}, ""},
		{"conversations.setPurpose", args{"channel": ws.DMChannel(ada.ID), "purpose": "x"}, "method_not_supported_for_channel_type"},
		{"conversations.archive", args{"channel": id}, ""},
		{"conversations.archive", args{"channel": id}, "already_archived"},
		{"conversations.unarchive", args{"channel": id}, "not_in_channel"}, // apps cannot
		{"conversations.setTopic", args{"channel": id, "topic": "x"}, "is_archived"},
		{"conversations.invite", args{"channel": id, "users": bob.ID}, "is_archived"},
		{"conversations.create", args{"name": "ir-1"}, "name_taken"}, // archived channels keep their names
		{"conversations.info", args{"channel": "C404"}, "channel_not_found"},
		{"conversations.list", args{"types": "public"}, "invalid_types"},
		{"conversations.history", args{"channel": foreign.ID}, "not_in_channel"},
	} {
		if got := do(t, ws, c.method, c.args); got.code() != c.want {
			t.Errorf("%s %v: %v, want %q", c.method, c.args, got, c.want)
		}
	}
	members := must(t, ws, "conversations.members", args{"channel": id})
	if got := len(members["members"].([]any)); got != 3 { // the bot, ada and, forced, bob
		t.Errorf("%d members", got)
	}
	ws.SetChannel(general.ID, func(c *slackfake.Channel) { c.ExtShared = true })
	info := must(t, ws, "conversations.info", args{"channel": general.ID, "include_num_members": "true"})
	if info.at("channel.is_ext_shared") != true || info.at("channel.num_members") != 2.0 || info.at("channel.is_private") != false {
		t.Error(info)
	}
	list := must(t, ws, "conversations.list", args{"types": "public_channel,private_channel", "exclude_archived": "true"})
	if got := len(list["channels"].([]any)); got != 2 {
		t.Errorf("%d channels: %v", got, list)
	}
}
