package slackfake_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// args are the arguments of a call.
type args map[string]string

// answer is a decoded answer.
type answer map[string]any

func (a answer) code() string {
	if a["ok"] == true {
		return ""
	}
	s, _ := a["error"].(string)
	return s
}

// at follows a path of keys and list places ("messages.0.text").
func (a answer) at(path string) any {
	var v any = map[string]any(a)
	for key := range strings.SplitSeq(path, ".") {
		switch node := v.(type) {
		case map[string]any:
			v = node[key]
		case []any:
			i := int(key[0] - '0')
			if i >= len(node) {
				return nil
			}
			v = node[i]
		default:
			return nil
		}
	}
	return v
}

// do makes a call as slack-go makes most: a form with the token in it.
func do(t *testing.T, ws *slackfake.Server, method string, a args) answer {
	t.Helper()
	form := url.Values{"token": {ws.BotToken}}
	for k, v := range a {
		form.Set(k, v)
	}
	return send(t, ws, method, "application/x-www-form-urlencoded", "", form.Encode())
}

// must is do for calls that have to succeed.
func must(t *testing.T, ws *slackfake.Server, method string, a args) answer {
	t.Helper()
	out := do(t, ws, method, a)
	if out.code() != "" {
		t.Fatalf("%s: %v", method, out)
	}
	return out
}

func send(t *testing.T, ws *slackfake.Server, method, contentType, bearer, content string) answer {
	t.Helper()
	return post(t, ws.APIURL()+method, contentType, bearer, content)
}

func post(t *testing.T, address, contentType, bearer, content string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out answer
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatalf("%d %s: %v", resp.StatusCode, data, err)
	}
	if resp.StatusCode != http.StatusOK {
		out["status"] = resp.StatusCode
	}
	return out
}

// workspace is a server with a public channel the bot is in and one member.
func workspace(t *testing.T, opts ...slackfake.Option) (ws *slackfake.Server, ada slackfake.User, general slackfake.Channel) {
	t.Helper()
	ws, _ = start(t, opts...)
	ada = ws.AddUser(slackfake.User{Name: "ada", Email: "ada@corp.example"})
	general = ws.AddChannel(slackfake.Channel{Name: "general", Members: []string{ws.BotUser, ada.ID}})
	return ws, ada, general
}

func TestStylesOfAuthentication(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t)
	const form, js = "application/x-www-form-urlencoded", "application/json"
	for name, c := range map[string]struct{ kind, bearer, body, want string }{
		"form field":          {form, "", "token=" + ws.BotToken, ""},
		"header and form":     {form, ws.BotToken, "", ""},
		"header and JSON":     {js, ws.BotToken, "{}", ""},
		"JSON with charset":   {js + "; charset=utf-8", ws.BotToken, "", ""},
		"header beats form":   {form, "xoxb-other", "token=" + ws.BotToken, "invalid_auth"},
		"token in JSON":       {js, "", `{"token":"` + ws.BotToken + `"}`, "not_authed"},
		"none":                {form, "", "", "not_authed"},
		"unknown":             {form, "", "token=xoxb-other", "invalid_auth"},
		"app token":           {form, "", "token=" + ws.AppToken, "not_allowed_token_type"},
		"other content type":  {"text/plain", ws.BotToken, "x", "invalid_post_type"},
		"broken JSON":         {js, ws.BotToken, "{", "invalid_json"},
		"an argument twice":   {form, "", "token=" + ws.BotToken + "&text=a&text=b", "invalid_arguments"},
		"multipart form":      {"multipart/form-data; boundary=x", ws.BotToken, "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb\r\n--x--\r\n", ""},
		"broken form":         {form, "", "%zz", "invalid_form_data"},
		"multipart cut short": {"multipart/form-data; boundary=x", ws.BotToken, "--x\r\nContent-", "invalid_form_data"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := send(t, ws, "auth.test", c.kind, c.bearer, c.body); got.code() != c.want {
				t.Errorf("got %v, want %q", got, c.want)
			}
		})
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	ws, _, _ := workspace(t)
	if got := do(t, ws, "no.such.method", nil); got.code() != "unknown_method" {
		t.Error(got)
	}
	if got := send(t, ws, "apps.connections.open", "application/json", ws.BotToken, ""); got.code() != "not_allowed_token_type" {
		t.Error(got)
	}
	for _, code := range []string{"token_revoked", "account_inactive", "token_expired"} {
		ws.RefuseToken(ws.BotToken, code)
		if got := do(t, ws, "auth.test", nil); got.code() != code {
			t.Error(got)
		}
	}
	ws.RefuseToken(ws.BotToken, "")
	ws.AddToken(slackfake.Token{Value: "xoxb-second", Scopes: []string{"chat:write"}})
	got := send(t, ws, "users.info", "application/x-www-form-urlencoded", "xoxb-second", "user="+ws.BotUser)
	if got.code() != "missing_scope" || got["needed"] != "users:read" || got["provided"] != "chat:write" {
		t.Error(got)
	}
	if got := do(t, ws, "auth.test", nil); got["user_id"] != ws.BotUser || got["team_id"] != ws.TeamID || got["bot_id"] != ws.BotID {
		t.Error(got)
	}
}

// TestScopes takes away one scope at a time and finds the call that needed it.
func TestScopes(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	secret := ws.AddChannel(slackfake.Channel{Name: "secret", Kind: slackfake.Private, Members: []string{ws.BotUser}})
	group := ws.AddUsergroup(slackfake.Usergroup{Handle: "oncall"})
	dm := ws.DMChannel(ada.ID)
	for scope, call := range map[string]struct {
		method string
		args   args
	}{
		"chat:write":       {"chat.postMessage", args{"channel": general.ID, "text": "x"}},
		"channels:read":    {"conversations.info", args{"channel": general.ID}},
		"channels:history": {"conversations.history", args{"channel": general.ID}},
		"channels:manage":  {"conversations.setTopic", args{"channel": general.ID, "topic": "x"}},
		"groups:read":      {"conversations.members", args{"channel": secret.ID}},
		"groups:history":   {"conversations.history", args{"channel": secret.ID}},
		"groups:write":     {"conversations.create", args{"name": "new", "is_private": "true"}},
		"im:read":          {"conversations.info", args{"channel": dm}},
		"im:history":       {"conversations.history", args{"channel": dm}},
		"im:write":         {"conversations.open", args{"users": ada.ID}},
		"users:read":       {"users.info", args{"user": ada.ID}},
		"users:read.email": {"users.lookupByEmail", args{"email": ada.Email}},
		"usergroups:read":  {"usergroups.users.list", args{"usergroup": group.ID}},
	} {
		ws.SetScopes(ws.BotToken, slices.DeleteFunc(slackfake.BotScopes(), func(s string) bool { return s == scope })...)
		if got := do(t, ws, call.method, call.args); got.code() != "missing_scope" || got["needed"] != scope {
			t.Errorf("without %s: %v", scope, got)
		}
		ws.SetScopes(ws.BotToken, scope)
		must(t, ws, call.method, call.args)
	}
	ws.SetScopes(ws.AppToken)
	if got := send(t, ws, "apps.connections.open", "", ws.AppToken, ""); got.code() != "missing_scope" || got["needed"] != "connections:write" {
		t.Error(got)
	}
}

func TestCallsAreRecorded(t *testing.T) {
	t.Parallel()
	ws, _, general := workspace(t)
	must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x"})
	send(t, ws, "chat.postMessage", "application/json", ws.BotToken, `{"channel":"C404","blocks":[],"mrkdwn":false,"text":null}`)
	calls := ws.Calls("chat.postMessage")
	if len(calls) != 2 || !calls[0].OK() || calls[0].Style != "form" || calls[0].Args["token"] != "" || calls[0].Args["text"] != "x" {
		t.Fatalf("%+v", calls)
	}
	second := calls[1]
	if _, null := second.Args["text"]; second.OK() || second.Error != "channel_not_found" || second.Style != "header" || second.Args["blocks"] != "[]" || null {
		t.Errorf("%+v", second)
	}
	if calls[1].At.Before(calls[0].At) || len(ws.Calls("")) != 2 || len(ws.Calls("auth.test")) != 0 {
		t.Errorf("%+v", ws.Calls(""))
	}
}
