package slackfake_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// What is in an incident channel besides messages, with Slack's own client.
func TestPinsCanvasesAndFilesWithTheLibrary(t *testing.T) {
	t.Parallel()
	ws, api := start(t)
	ctx := ctxOf(t)
	ch, err := api.CreateConversationContext(ctx, slack.CreateConversationParams{ChannelName: "ir-1", IsPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	_, ts, err := api.PostMessageContext(ctx, ch.ID, slack.MsgOptionText("hello", false))
	if err != nil {
		t.Fatal(err)
	}
	if err := api.AddPinContext(ctx, ch.ID, slack.NewRefToMessage(ch.ID, ts)); err != nil {
		t.Error(err)
	}
	id, err := api.CreateChannelCanvasContext(ctx, ch.ID, slack.DocumentContent{Type: "markdown", Markdown: "# one"}, slack.CreateChannelCanvasOptionTitle("Notes"))
	if err != nil {
		t.Fatal(err)
	}
	edit := slack.EditCanvasParams{CanvasID: id, Changes: []slack.CanvasChange{{Operation: "replace", DocumentContent: slack.DocumentContent{Type: "markdown", Markdown: "# two"}}}}
	if err := api.EditCanvasContext(ctx, edit); err != nil {
		t.Error(err)
	}
	f, err := api.UploadFileContext(ctx, slack.UploadFileParameters{Channel: ch.ID, Filename: "a.txt", Title: "A", FileSize: 5, Content: "12345", Reader: strings.NewReader("12345")})
	if err != nil {
		t.Fatal(err)
	}
	info, err := api.GetConversationInfoContext(ctx, &slack.GetConversationInfoInput{ChannelID: ch.ID})
	if err != nil || info.Properties == nil || info.Properties.Canvas.FileId != id {
		t.Errorf("%+v %v", info, err)
	}
	var snap slackfake.ChannelSnapshot
	for _, c := range ws.Snapshot(0).Channels {
		if c.ID == ch.ID {
			snap = c
		}
	}
	if snap.Canvas == nil || snap.Canvas.Markdown != "# two" || snap.Canvas.Title != "Notes" || len(snap.Files) != 1 || snap.Files[0].ID != f.ID || len(snap.Pins) != 1 || snap.Pins[0] != ts {
		t.Errorf("%+v", snap)
	}
}

func TestPlacesRefuseWhatSlackRefuses(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	foreign := ws.AddChannel(slackfake.Channel{Name: "elsewhere", Members: []string{ada.ID}})
	secret := ws.AddChannel(slackfake.Channel{Name: "secret", Kind: slackfake.Private, Members: []string{ada.ID}})
	old := ws.AddChannel(slackfake.Channel{Name: "old", Archived: true, Members: []string{ws.BotUser}})
	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x"}).at("ts").(string)
	doc := `{"type":"markdown","markdown":"# x"}`
	canvas := must(t, ws, "conversations.canvases.create", args{"channel_id": general.ID, "document_content": doc}).at("canvas_id").(string)
	file := must(t, ws, "files.getUploadURLExternal", args{"filename": "a", "length": "1"}).at("file_id").(string)
	change := func(op string) string { return fmt.Sprintf(`[{"operation":%q,"document_content":%s}]`, op, doc) }
	for _, c := range []struct {
		method string
		args   args
		want   string
	}{
		{"pins.add", args{"channel": general.ID, "timestamp": ts}, ""},
		{"pins.add", args{"channel": general.ID, "timestamp": ts}, "already_pinned"},
		{"pins.add", args{"channel": general.ID, "timestamp": "1.2"}, "message_not_found"},
		{"pins.add", args{"channel": general.ID}, "no_item_specified"},
		{"pins.add", args{"channel": foreign.ID, "timestamp": ts}, "not_in_channel"},
		{"pins.add", args{"channel": secret.ID, "timestamp": ts}, "channel_not_found"},
		{"pins.add", args{"channel": old.ID, "timestamp": ts}, "is_archived"},
		{"conversations.canvases.create", args{"channel_id": general.ID}, "channel_canvas_already_exists"},
		{"conversations.canvases.create", args{"channel_id": foreign.ID}, "not_in_channel"},
		{"conversations.canvases.create", args{"channel_id": "C404"}, "channel_not_found"},
		{"canvases.edit", args{"canvas_id": canvas, "changes": change("replace")}, ""},
		{"canvases.edit", args{"canvas_id": canvas, "changes": change("explode")}, "invalid_arguments"},
		{"canvases.edit", args{"canvas_id": canvas, "changes": `[{"operation":"replace","document_content":{"type":"html","markdown":"x"}}]`}, "invalid_arguments"},
		{"canvases.edit", args{"canvas_id": canvas, "changes": "[" + strings.Trim(change("replace"), "[]") + "," + strings.Trim(change("replace"), "[]") + "]"}, "invalid_arguments"},
		{"canvases.edit", args{"canvas_id": "F404", "changes": change("replace")}, "canvas_not_found"},
		{"files.getUploadURLExternal", args{"filename": "a", "length": "0"}, "invalid_arguments"},
		{"files.getUploadURLExternal", args{"length": "1"}, "unknown_file_name"},
		{"files.completeUploadExternal", args{"channel_id": general.ID, "files": `[{"id":"` + file + `"}]`}, "file_not_found"}, // no bytes yet
		{"files.completeUploadExternal", args{"channel_id": general.ID, "files": `[]`}, "invalid_arguments"},
		{"users.conversations", args{"types": "private_channel"}, ""},
		{"users.conversations", args{"types": "secret"}, "invalid_types"},
		{"users.conversations", args{"user": ada.ID}, "method_not_supported"},
	} {
		if got := do(t, ws, c.method, c.args); got.code() != c.want {
			t.Errorf("%s %v: %v, want %q", c.method, c.args, got, c.want)
		}
	}
	own := must(t, ws, "users.conversations", args{"types": "public_channel,private_channel"})
	for _, c := range own["channels"].([]any) {
		if id := c.(map[string]any)["id"]; id == foreign.ID || id == secret.ID {
			t.Errorf("%s is not the bot's", id)
		}
	}
	ws.NoCanvases("canvas_disabled_user_team")
	if got := do(t, ws, "canvases.edit", args{"canvas_id": canvas, "changes": change("replace")}); got.code() != "canvas_disabled_user_team" {
		t.Error(got)
	}
	for _, m := range []string{"pins.add", "canvases.edit", "files.getUploadURLExternal", "users.conversations"} {
		ws.SetScopes(ws.BotToken, "chat:write")
		if got := do(t, ws, m, args{"channel": general.ID}); got.code() != "missing_scope" {
			t.Errorf("%s: %v", m, got)
		}
	}
}

func TestUploadsTakeTheirBytesOnce(t *testing.T) {
	t.Parallel()
	ws, _, general := workspace(t)
	place := must(t, ws, "files.getUploadURLExternal", args{"filename": "a", "length": "3"})
	address, id := place.at("upload_url").(string), place.at("file_id").(string)
	for _, c := range []struct {
		content string
		status  int
	}{{"four", 400}, {"abc", 200}, {"abc", 400}} {
		resp, err := http.Post(address, "application/octet-stream", bytes.NewReader([]byte(c.content)))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %s", c.content, resp.Status)
		}
	}
	must(t, ws, "files.completeUploadExternal", args{"channel_id": general.ID, "files": `[{"id":"` + id + `","title":"T"}]`})
	if got := do(t, ws, "files.completeUploadExternal", args{"channel_id": general.ID, "files": `[{"id":"` + id + `"}]`}); got.code() != "file_not_found" {
		t.Errorf("shared twice: %v", got)
	}
	if f := ws.Files(general.ID); len(f) != 1 || string(f[0].Content) != "abc" || f[0].Title != "T" {
		t.Errorf("%+v", f)
	}
}

// Every one of several people is judged, whether or not anybody could be
// invited.
func TestInviteNamesEverybodyRefused(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	bob := ws.AddUser(slackfake.User{Name: "bob"})
	for users, code := range map[string]string{ada.ID + ",U404": "already_in_channel", bob.ID + ",U404": ""} {
		got := do(t, ws, "conversations.invite", args{"channel": general.ID, "users": users, "force": "true"})
		if got.code() != code || got.at("errors.0.user") == nil || got.at("errors.0.error") == nil {
			t.Errorf("%s: %v", users, got)
		}
	}
}
