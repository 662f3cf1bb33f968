package slackfake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

const divider = `[{"type":"divider"}]`

func TestPostingRules(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	gone := ws.AddUser(slackfake.User{Name: "gone", Deleted: true})
	robot := ws.AddUser(slackfake.User{Name: "robot", Bot: true})
	hidden := ws.AddUser(slackfake.User{Name: "hidden", Invisible: true})
	foreign := ws.AddChannel(slackfake.Channel{Name: "elsewhere", Members: []string{ada.ID}})
	secret := ws.AddChannel(slackfake.Channel{Name: "secret", Kind: slackfake.Private, Members: []string{ada.ID}})
	old := ws.AddChannel(slackfake.Channel{Name: "old", Archived: true, Members: []string{ws.BotUser}})
	hundredAndOne := "[" + strings.Repeat("{},", 100) + "{}]"
	meta := func(n int) string {
		return `{"event_type":"x","event_payload":{"id":"` + strings.Repeat("x", n) + `"}}`
	}
	for name, c := range map[string]struct {
		args args
		want string
	}{
		"by id":                {args{"channel": general.ID, "text": "x"}, ""},
		"by name":              {args{"channel": "#general", "text": "x"}, ""},
		"to a person":          {args{"channel": ada.ID, "text": "x"}, ""},
		"blocks alone":         {args{"channel": general.ID, "blocks": divider}, ""},
		"unknown channel":      {args{"channel": "C404", "text": "x"}, "channel_not_found"},
		"private, not in it":   {args{"channel": secret.ID, "text": "x"}, "channel_not_found"},
		"public, not in it":    {args{"channel": foreign.ID, "text": "x"}, "not_in_channel"},
		"archived":             {args{"channel": old.ID, "text": "x"}, "is_archived"},
		"deactivated person":   {args{"channel": gone.ID, "text": "x"}, "user_disabled"},
		"other bot":            {args{"channel": robot.ID, "text": "x"}, "cannot_dm_bot"},
		"person out of sight":  {args{"channel": hidden.ID, "text": "x"}, "user_not_visible"},
		"nothing to say":       {args{"channel": general.ID}, "no_text"},
		"no blocks":            {args{"channel": general.ID, "blocks": "[]"}, "no_text"},
		"blocks no JSON":       {args{"channel": general.ID, "blocks": "{"}, "invalid_blocks_format"},
		"bad block":            {args{"channel": general.ID, "blocks": `[{"type":"header"}]`}, "invalid_blocks"},
		"attachments":          {args{"channel": general.ID, "attachments": `[{"text":"x"}]`}, ""},
		"attachments no JSON":  {args{"channel": general.ID, "attachments": `x`}, "invalid_attachments"},
		"too many attachments": {args{"channel": general.ID, "attachments": hundredAndOne}, "too_many_attachments"},
		"reply to nothing":     {args{"channel": general.ID, "text": "x", "thread_ts": "1.000001"}, "cannot_reply_to_message"},
		"metadata":             {args{"channel": general.ID, "text": "x", "metadata": meta(10)}, ""},
		"metadata, no type":    {args{"channel": general.ID, "text": "x", "metadata": `{"event_payload":{}}`}, "invalid_metadata_format"},
		"metadata, no payload": {args{"channel": general.ID, "text": "x", "metadata": `{"event_type":"x"}`}, "invalid_metadata_format"},
		"metadata too large":   {args{"channel": general.ID, "text": "x", "metadata": meta(9000)}, "metadata_too_large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := do(t, ws, "chat.postMessage", c.args); got.code() != c.want {
				t.Errorf("got %v, want %q", got, c.want)
			}
		})
	}
}

func TestPostPublicWithScope(t *testing.T) {
	t.Parallel()
	ws, ada, _ := workspace(t, slackfake.WithScopes("chat:write", "chat:write.public"))
	c := ws.AddChannel(slackfake.Channel{Name: "elsewhere", Members: []string{ada.ID}})
	must(t, ws, "chat.postMessage", args{"channel": c.ID, "text": "x"})
}

func TestInvalidBlocksAnswer(t *testing.T) {
	t.Parallel()
	ws, _, general := workspace(t)
	got := do(t, ws, "chat.postMessage", args{"channel": general.ID, "blocks": `[{"type":"section","text":{"type":"mrkdwn","text":""}}]`})
	const want = "must be more than 0 characters [json-pointer:/blocks/0/text/text]"
	if got.at("errors.0") != want || got.at("response_metadata.messages.0") != "[ERROR] "+want {
		t.Error(got)
	}
}

func TestLongText(t *testing.T) {
	t.Parallel()
	ws, _, general := workspace(t)
	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": strings.Repeat("é", 40_001)})["ts"].(string)
	if m := ws.Messages(general.ID)[0]; len([]rune(m.Text)) != 40_000 {
		t.Errorf("%d characters kept", len([]rune(m.Text)))
	}
	for n, want := range map[int]string{4000: "", 4001: "msg_too_long"} {
		if got := do(t, ws, "chat.update", args{"channel": general.ID, "ts": ts, "text": strings.Repeat("x", n)}); got.code() != want {
			t.Errorf("%d: %v", n, got)
		}
	}
}

func TestUpdateKeepsWhatIsNotGiven(t *testing.T) {
	t.Parallel()
	ws, _, general := workspace(t)
	const meta = `{"event_type":"x","event_payload":{"id":"1"}}`
	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "one", "blocks": divider, "metadata": meta, "unfurl_links": "false"})["ts"].(string)
	must(t, ws, "chat.update", args{"channel": general.ID, "ts": ts, "text": "two"})
	m := ws.Messages(general.ID)[0]
	if m.Text != "two" || m.Blocks == nil || string(m.Metadata) != meta || m.EditedAt.IsZero() {
		t.Errorf("%+v", m)
	}
	if m.UnfurlLinks == nil || *m.UnfurlLinks || m.UnfurlMedia != nil {
		t.Errorf("unfurl %v %v", m.UnfurlLinks, m.UnfurlMedia)
	}
	must(t, ws, "chat.update", args{"channel": general.ID, "ts": ts, "text": "three", "blocks": "[]"})
	m = ws.Messages(general.ID)[0]
	if m.Blocks != nil || len(m.Edits) != 2 || m.Edits[0].Text != "one" || m.Edits[1].Text != "two" || m.Edits[1].Blocks == nil {
		t.Errorf("%+v", m)
	}
}

func TestUpdateAndDeleteRules(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	his, err := ws.As(ada.ID).Say(general.ID, "hello")
	if err != nil {
		t.Fatal(err)
	}
	own := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x"})["ts"].(string)
	whisper := must(t, ws, "chat.postEphemeral", args{"channel": general.ID, "user": ada.ID, "text": "x"})["message_ts"].(string)
	for _, c := range []struct {
		method, channel, ts, want string
	}{
		{"chat.update", "general", own, "channel_not_found"}, // ids only
		{"chat.update", ada.ID, own, "channel_not_found"},
		{"chat.update", general.ID, "1.000001", "message_not_found"},
		{"chat.update", general.ID, whisper, "message_not_found"},
		{"chat.update", general.ID, his.TS, "cant_update_message"},
		{"chat.delete", general.ID, his.TS, "cant_delete_message"},
		{"chat.delete", general.ID, whisper, "message_not_found"},
		{"chat.delete", "C404", own, "channel_not_found"},
		{"chat.getPermalink", general.ID, "1.000001", "message_not_found"},
		{"chat.getPermalink", "C404", own, "channel_not_found"},
		{"chat.getPermalink", general.ID, own, ""},
		{"chat.delete", general.ID, own, ""},
		{"chat.update", general.ID, own, "message_not_found"},
	} {
		if got := do(t, ws, c.method, args{"channel": c.channel, "ts": c.ts, "message_ts": c.ts, "text": "y"}); got.code() != c.want {
			t.Errorf("%s %s %s: %v", c.method, c.channel, c.ts, got)
		}
	}
	if got := ws.Messages(general.ID); len(got) != 1 || got[0].TS != his.TS {
		t.Errorf("left: %+v", got)
	}
	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x"})["ts"].(string)
	if got := do(t, ws, "chat.update", args{"channel": general.ID, "ts": ts}); got.code() != "no_text" {
		t.Error(got)
	}
	ws.SetChannel(general.ID, func(c *slackfake.Channel) { c.Archived = true })
	if got := do(t, ws, "chat.update", args{"channel": general.ID, "ts": ts, "text": "y"}); got.code() != "is_inactive" {
		t.Error(got)
	}
}

func TestEphemeral(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	bob := ws.AddUser(slackfake.User{Name: "bob"})
	for user, want := range map[string]string{ada.ID: "", bob.ID: "user_not_in_channel", "U404": "user_not_in_channel", "": "user_not_in_channel"} {
		if got := do(t, ws, "chat.postEphemeral", args{"channel": general.ID, "user": user, "text": "psst", "metadata": `{"event_type":"x","event_payload":{}}`}); got.code() != want {
			t.Errorf("%q: %v", user, got)
		}
	}
	got := ws.Ephemerals(ada.ID)
	if len(got) != 1 || got[0].Text != "psst" || got[0].Metadata != nil || len(ws.Messages(general.ID)) != 0 {
		t.Errorf("%+v", got)
	}
	if h := must(t, ws, "conversations.history", args{"channel": general.ID}); len(h["messages"].([]any)) != 0 {
		t.Error("an ephemeral message is in the history")
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	ws, _, general := workspace(t)
	var ts []string
	for i := range 5 {
		a := args{"channel": general.ID, "text": fmt.Sprint(i), "metadata": fmt.Sprintf(`{"event_type":"x","event_payload":{"id":"%d"}}`, i)}
		ts = append(ts, must(t, ws, "chat.postMessage", a)["ts"].(string))
	}
	must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "reply", "thread_ts": ts[1]})
	texts := func(method string, a args) string {
		a["channel"] = general.ID
		var out []string
		for _, m := range must(t, ws, method, a)["messages"].([]any) {
			out = append(out, m.(map[string]any)["text"].(string))
		}
		return strings.Join(out, " ")
	}
	for _, c := range []struct {
		args args
		want string
	}{
		{args{}, "4 3 2 1 0"},
		{args{"limit": "2"}, "4 3"},
		{args{"limit": "2", "cursor": "2"}, "2 1"},
		{args{"oldest": ts[3]}, "4"},
		{args{"oldest": ts[3], "inclusive": "true"}, "4 3"},
		{args{"latest": ts[1]}, "0"},
		{args{"oldest": ts[1], "latest": ts[1], "inclusive": "1"}, "1"},
	} {
		if got := texts("conversations.history", c.args); got != c.want {
			t.Errorf("%v: %q, want %q", c.args, got, c.want)
		}
	}
	if got := texts("conversations.replies", args{"ts": ts[1]}); got != "1 reply" {
		t.Error(got)
	}
	first := must(t, ws, "conversations.history", args{"channel": general.ID, "limit": "1"})
	if first.at("messages.0.metadata") != nil || first["has_more"] != true {
		t.Error(first)
	}
	first = must(t, ws, "conversations.history", args{"channel": general.ID, "limit": "1", "include_all_metadata": "true"})
	if first.at("messages.0.metadata.event_payload.id") != "4" {
		t.Error(first)
	}
	parent := must(t, ws, "conversations.history", args{"channel": general.ID, "oldest": ts[1], "latest": ts[1], "inclusive": "1"})
	if parent.at("messages.0.reply_count") != 1.0 {
		t.Error(parent)
	}
	for bad, code := range map[string]string{"oldest": "invalid_ts_oldest", "latest": "invalid_ts_latest", "cursor": "invalid_cursor", "limit": "invalid_limit"} {
		if got := do(t, ws, "conversations.history", args{"channel": general.ID, bad: "x"}); got.code() != code {
			t.Errorf("%s: %v", bad, got)
		}
	}
	if got := do(t, ws, "conversations.replies", args{"channel": general.ID, "ts": "1.000001"}); got.code() != "thread_not_found" {
		t.Error(got)
	}
	if got := ws.Thread(general.ID, ts[1]); len(got) != 1 || got[0].Text != "reply" {
		t.Errorf("%+v", got)
	}
	must(t, ws, "chat.delete", args{"channel": general.ID, "ts": ws.Thread(general.ID, ts[1])[0].TS})
	if got := texts("conversations.replies", args{"ts": ts[1]}); got != "1" {
		t.Error(got)
	}
}
