package slackfake_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

const (
	form  = `{"type":"modal","callback_id":"note","private_metadata":"p","title":{"type":"plain_text","text":"Note"},"submit":{"type":"plain_text","text":"Send"},"blocks":[{"type":"input","block_id":"why","label":{"type":"plain_text","text":"Why"},"element":{"type":"plain_text_input","action_id":"v","max_length":5}},{"type":"input","block_id":"kind","optional":true,"label":{"type":"plain_text","text":"Kind"},"element":{"type":"static_select","action_id":"v","options":[{"text":{"type":"plain_text","text":"A"},"value":"a"}]}}]}`
	plain = `{"type":"modal","notify_on_close":true,"title":{"type":"plain_text","text":"Details"},"blocks":[{"type":"actions","elements":[{"type":"button","action_id":"more","text":{"type":"plain_text","text":"More"}}]}]}`
)

// command types a command and returns its trigger id and response URL.
func command(t *testing.T, ws *slackfake.Server, user, channel string) (trigger, responseURL string) {
	t.Helper()
	g, err := ws.As(user).Slash("/ir", "help", channel)
	if err != nil {
		t.Fatal(err)
	}
	var payload struct {
		Trigger     string `json:"trigger_id"`
		ResponseURL string `json:"response_url"`
	}
	ws.Look(func(st slackfake.State) {
		d, _ := st.Delivery(g.EnvelopeID)
		err = json.Unmarshal(d.Payload, &payload)
	})
	if err != nil {
		t.Fatal(err)
	}
	return payload.Trigger, payload.ResponseURL
}

func TestTriggers(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	open := func(trigger, view string) answer {
		return do(t, ws, "views.open", args{"trigger_id": trigger, "view": view})
	}
	if got := open("1.2.3", form); got.code() != "invalid_trigger_id" {
		t.Error(got)
	}
	trigger, _ := command(t, ws, ada.ID, general.ID)
	if got := open(trigger, `{"type":"modal"}`); got.code() != "invalid_arguments" || !strings.Contains(got.at("response_metadata.messages.0").(string), "missing required field") {
		t.Error(got)
	}
	if got := open(trigger, form); got.code() != "" || got.at("view.callback_id") != "note" || got.at("view.hash") == "" {
		t.Error(got)
	}
	if got := open(trigger, form); got.code() != "exchanged_trigger_id" {
		t.Error(got)
	}
	trigger, _ = command(t, ws, ada.ID, general.ID)
	ws.Advance(3100 * time.Millisecond)
	if got := open(trigger, form); got.code() != "expired_trigger_id" {
		t.Error(got)
	}
	trigger, _ = command(t, ws, ada.ID, general.ID)
	ws.Advance(2900 * time.Millisecond)
	if got := open(trigger, form); got.code() != "" {
		t.Error(got)
	}
	if got := ws.Views(ada.ID); len(got) != 1 || got[0].Title() != "Note" || got[0].Private != "p" {
		t.Errorf("%+v", got)
	}
}

func TestViewStack(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	call := func(method string, a args) answer {
		a["trigger_id"], _ = command(t, ws, ada.ID, general.ID)
		return do(t, ws, method, a)
	}
	if got := call("views.push", args{"view": form}); got.code() != "not_found" {
		t.Error(got)
	}
	first := call("views.open", args{"view": form})
	external := strings.Replace(plain, `"type":"modal"`, `"type":"modal","external_id":"e1"`, 1)
	second := call("views.push", args{"view": external})
	if second.at("view.previous_view_id") != first.at("view.id") || second.at("view.root_view_id") != first.at("view.id") {
		t.Error(second)
	}
	if got := call("views.push", args{"view": external}); got.code() != "duplicate_external_id" {
		t.Error(got)
	}
	call("views.push", args{"view": plain})
	if got := call("views.push", args{"view": plain}); got.code() != "push_limit_reached" {
		t.Error(got)
	}
	hash := second.at("view.hash").(string)
	if got := do(t, ws, "views.update", args{"external_id": "e1", "hash": hash, "view": external}); got.code() != "" {
		t.Error(got)
	}
	if got := do(t, ws, "views.update", args{"external_id": "e1", "hash": hash, "view": external}); got.code() != "hash_conflict" {
		t.Error(got)
	}
	if got := do(t, ws, "views.update", args{"view_id": "V404", "view": plain}); got.code() != "not_found" {
		t.Error(got)
	}
	if got := len(ws.Views(ada.ID)); got != 3 {
		t.Errorf("%d views", got)
	}
	call("views.open", args{"view": form})
	if got := ws.Views(ada.ID); len(got) != 1 || got[0].CallbackID != "note" {
		t.Errorf("%+v", got)
	}
	if got := do(t, ws, "views.update", args{"external_id": "e1", "view": external}); got.code() != "not_found" {
		t.Errorf("a closed view can be updated: %v", got)
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	ws, ada, _ := workspace(t)
	home := `{"type":"home","blocks":[{"type":"divider"}]}`
	for _, c := range []struct {
		args args
		want string
	}{
		{args{"user_id": "U404", "view": home}, "user_not_found"},
		{args{"user_id": ada.ID, "view": form}, "invalid_arguments"},
		{args{"user_id": ada.ID}, "invalid_arguments"},
		{args{"user_id": ada.ID, "view": home}, ""},
		{args{"user_id": ada.ID, "view": home, "hash": "old"}, "hash_conflict"},
		{args{"user_id": ada.ID, "view": home}, ""},
	} {
		if got := do(t, ws, "views.publish", c.args); got.code() != c.want {
			t.Errorf("%v: %v", c.args, got)
		}
	}
	if v, ok := ws.Home(ada.ID); !ok || v.Type != "home" {
		t.Errorf("%+v", v)
	}
}

func TestResponseURL(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	say := func(address, content string) (string, any) {
		got := post(t, address, "application/json", "", content)
		return got.code(), got["status"]
	}
	_, hook := command(t, ws, ada.ID, general.ID)
	if got, _ := say(hook, `{"text":"only you"}`); got != "" {
		t.Error(got)
	}
	if got, _ := say(hook, `{"text":"all","response_type":"in_channel","metadata":{}, "blocks":null}`); got != "" {
		t.Error(got)
	}
	if e, m := ws.Ephemerals(ada.ID), ws.Messages(general.ID); len(e) != 1 || e[0].Text != "only you" || len(m) != 1 || m[0].Text != "all" {
		t.Errorf("%+v %+v", e, m)
	}
	if got, status := say(hook, `{}`); got != "no_text" || status != http.StatusBadRequest {
		t.Error(got, status)
	}
	if got, _ := say(hook, `{"blocks":[{"type":"header"}]}`); got != "invalid_blocks" {
		t.Error(got)
	}
	if got, status := say(hook, `{`); got != "invalid_payload" || status != http.StatusBadRequest {
		t.Error(got, status)
	}
	if got, _ := say(hook, `{"text":"fifth"}`); got != "" {
		t.Error(got)
	}
	if got, status := say(hook, `{"text":"sixth"}`); got != "used_url" || status != http.StatusNotFound {
		t.Error(got, status)
	}
	_, hook = command(t, ws, ada.ID, general.ID)
	ws.Advance(30*time.Minute + time.Second)
	if got, status := say(hook, `{"text":"late"}`); got != "expired_url" || status != http.StatusNotFound {
		t.Error(got, status)
	}
	if got, _ := say(ws.URL+"/hooks/actions/x", `{"text":"x"}`); got != "invalid_url" {
		t.Error(got)
	}
	_, hook = command(t, ws, ada.ID, general.ID)
	ws.Next("response_url", 1, slackfake.NotOK("action_prohibited"))
	if got, _ := say(hook, `{"text":"x"}`); got != "action_prohibited" {
		t.Error(got)
	}
	if got := ws.Calls("response_url"); len(got) != 10 || !got[0].OK() || got[6].OK() {
		t.Errorf("%d calls recorded: %+v", len(got), got)
	}
}
