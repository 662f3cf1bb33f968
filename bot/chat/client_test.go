package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/message"
)

// office is a workspace with a bot, one person and a channel with both.
type office struct {
	ws      *slackfake.Server
	s       *Slack
	ada     slackfake.User
	general string
	logs    *logBuffer
}

func newOffice(t *testing.T, h Handler, change func(*Config), opts ...slackfake.Option) *office {
	t.Helper()
	ws := slackfake.New(opts...)
	t.Cleanup(ws.Close)
	o := &office{ws: ws, logs: &logBuffer{}}
	o.ada = ws.AddUser(slackfake.User{Name: "ada", RealName: "Ada Ampère", Email: "ada@corp.example", TZ: "Europe/Paris"})
	o.general = ws.AddChannel(slackfake.Channel{Name: "general", Members: []string{o.ada.ID, ws.BotUser}}).ID
	cfg := Config{AppToken: ws.AppToken, BotToken: ws.BotToken, APIURL: ws.APIURL(), RequestTimeout: 2 * time.Second}
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, h, slog.New(slog.NewTextHandler(o.logs, &slog.HandlerOptions{Level: slog.LevelDebug})), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	o.s = s
	t.Cleanup(func() { o.logs.mustNotHold(t, ws.AppToken, ws.BotToken, "ticket=") })
	return o
}

func hello() message.Message {
	return message.Message{}.Title(message.L("Hello")).Para(message.L("from ").V("<here>"))
}

func testCtx(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func wantError(t *testing.T, err error, kind Kind, code string) *Error {
	t.Helper()
	e, ok := errors.AsType[*Error](err)
	if !ok || e.Kind != kind || code != "" && e.Code != code {
		t.Fatalf("got %v (%T), want %s %s", err, err, kind, code)
	}
	return e
}

func TestPostUpdateFind(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	if err := o.s.identify(ctx); err != nil {
		t.Fatal(err)
	}
	if o.s.Team() != o.ws.TeamID || o.s.BotUser() != o.ws.BotUser {
		t.Errorf("team %q, bot %q", o.s.Team(), o.s.BotUser())
	}
	for name, m := range samples() {
		ref, err := o.s.Post(ctx, o.general, "", m, "key/"+name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found, ok, err := o.s.Find(ctx, o.general, "", "key/"+name, time.Now())
		if err != nil || !ok || found != ref {
			t.Errorf("%s: found %v %v %v, want %v", name, found, ok, err, ref)
		}
		if err := o.s.Update(ctx, ref, hello()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, ok, err := o.s.Find(ctx, o.general, "", "key/question", time.Now()); !ok || err != nil {
		t.Errorf("the edit lost the key: %v", err)
	}
	for _, m := range o.ws.Messages(o.general) {
		if m.UnfurlLinks == nil || *m.UnfurlLinks || m.UnfurlMedia == nil || *m.UnfurlMedia {
			t.Error("a post left unfurling to Slack")
		}
	}
	if _, ok, err := o.s.Find(ctx, o.general, "", "key/none", time.Now()); ok || err != nil {
		t.Errorf("found what is not there: %v", err)
	}
}

func TestPostInThread(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	root, err := o.s.Post(ctx, o.general, "", hello(), "root")
	if err != nil {
		t.Fatal(err)
	}
	reply, err := o.s.Post(ctx, o.general, root.TS, hello(), "reply")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.ws.Thread(o.general, root.TS)) < 1 {
		t.Fatal("the reply is not in the thread")
	}
	if found, ok, err := o.s.Find(ctx, o.general, root.TS, "reply", time.Now()); err != nil || !ok || found != reply {
		t.Errorf("got %v %v %v", found, ok, err)
	}
	if _, ok, _ := o.s.Find(ctx, o.general, "", "reply", time.Now()); ok {
		t.Error("a reply was found among the messages of the channel")
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	guest := o.ws.AddUser(slackfake.User{Name: "guest", Guest: true})
	bot := o.ws.AddUser(slackfake.User{Name: "bot", Bot: true})
	gone := o.ws.AddUser(slackfake.User{Name: "gone", Deleted: true, Email: "gone@corp.example"})
	stranger := o.ws.AddUser(slackfake.User{Name: "stranger", Stranger: true})
	group := o.ws.AddUsergroup(slackfake.Usergroup{Handle: "security", Users: []string{o.ada.ID}})
	ada := User{ID: o.ada.ID, TeamID: o.ws.TeamID, Email: "ada@corp.example", Name: "Ada Ampère", TZ: "Europe/Paris"}
	if u, err := o.s.User(ctx, o.ada.ID); err != nil || u != ada {
		t.Errorf("got %+v %v", u, err)
	}
	if u, err := o.s.UserByEmail(ctx, "ada@corp.example"); err != nil || u != ada {
		t.Errorf("got %+v %v", u, err)
	}
	for id, ok := range map[string]func(User) bool{
		guest.ID: func(u User) bool { return u.Guest }, bot.ID: func(u User) bool { return u.Bot },
		gone.ID: func(u User) bool { return u.Deleted }, stranger.ID: func(u User) bool { return u.Stranger && u.TeamID != o.ws.TeamID },
	} {
		if u, err := o.s.User(ctx, id); err != nil || !ok(u) {
			t.Errorf("got %+v %v", u, err)
		}
	}
	_, err := o.s.UserByEmail(ctx, "nobody@corp.example")
	wantError(t, err, Permanent, "users_not_found")
	if ids, err := o.s.GroupMembers(ctx, group.ID); err != nil || len(ids) != 1 || ids[0] != o.ada.ID {
		t.Errorf("got %v %v", ids, err)
	}
	dm, err := o.s.DM(ctx, o.ada.ID)
	if err != nil || dm != o.ws.DMChannel(o.ada.ID) {
		t.Errorf("got %q %v", dm, err)
	}
	_, _ = o.s.DM(ctx, o.ada.ID)
	_, _ = o.s.User(ctx, o.ada.ID)
	if n := len(o.ws.Calls("conversations.open")); n != 1 {
		t.Errorf("%d conversations.open", n)
	}
	if n := len(o.ws.Calls("users.info")); n != 5 {
		t.Errorf("%d users.info", n)
	}
}

func TestLookupsExpire(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, func(c *Config) { c.LookupTTL = -1 })
	ctx := testCtx(t)
	for range 3 {
		if _, err := o.s.User(ctx, o.ada.ID); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(o.ws.Calls("users.info")); n != 3 {
		t.Errorf("%d look-ups; none may be remembered", n)
	}
	l := newLookups(time.Nanosecond)
	for i := range maxLookups + 10 {
		if _, err := remember(l, fmt.Sprint(i), func() (int, error) { return i, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.kept) > maxLookups {
		t.Errorf("%d are kept", len(l.kept))
	}
	if v, _ := remember(l, "1", func() (int, error) { return 42, nil }); v != 42 {
		t.Error("an old answer was given")
	}
}

func TestRefusalDetailIsLogged(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	o.ws.SetScopes(o.ws.BotToken, "chat:write")
	_, err := o.s.User(testCtx(t), o.ada.ID)
	wantError(t, err, Auth, "missing_scope")
	if !o.logs.has("users:read") {
		t.Error("the missing scope is not named")
	}
	if err := o.s.Healthy(); err == nil || strings.Contains(err.Error(), "refuses") {
		t.Errorf("one missing scope is taken for a lost token: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	ok := Config{AppToken: "xapp-1", BotToken: "xoxb-1"}
	for name, change := range map[string]func(*Config){
		"no app token":     func(c *Config) { c.AppToken = "" },
		"no bot token":     func(c *Config) { c.BotToken = "" },
		"swapped":          func(c *Config) { c.AppToken, c.BotToken = c.BotToken, c.AppToken },
		"address":          func(c *Config) { c.APIURL = "slack.com/api" },
		"user in address":  func(c *Config) { c.APIURL = "https://u:p@slack.com/" },
		"connections":      func(c *Config) { c.Connections = 4 },
		"negative":         func(c *Config) { c.PostsPerSecond = -1 },
		"negative timeout": func(c *Config) { c.RequestTimeout = -1 },
	} {
		c := ok
		change(&c)
		if _, err := New(c, nil, slog.New(slog.DiscardHandler), nil); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	reg := prometheus.NewRegistry()
	if _, err := New(ok, nil, slog.New(slog.DiscardHandler), reg); err != nil {
		t.Fatal(err)
	}
	if _, err := New(ok, nil, slog.New(slog.DiscardHandler), reg); err == nil {
		t.Error("registered twice")
	}
	c, _ := ok.withDefaults()
	if c.APIURL != "https://slack.com/api/" || c.Connections != 2 || c.Timing.Handle != 2400*time.Millisecond || c.Timing.Silence+c.Timing.Write > time.Minute {
		t.Errorf("%+v", c)
	}
}

func TestOpenModal(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	wantError(t, o.s.OpenModal(testCtx(t), "", sampleModal()), Permanent, "bad_request")
	err := o.s.OpenModal(testCtx(t), "1.2.nonsense", sampleModal())
	wantError(t, err, Permanent, "invalid_trigger_id")
	var v struct {
		Blocks []map[string]any `json:"blocks"`
	}
	if err := json.Unmarshal([]byte(o.ws.Calls("views.open")[0].Args["view"]), &v); err != nil || len(v.Blocks) != 3 {
		t.Errorf("%v %v", v, err)
	}
}
