package slackfake_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

const question = `[{"type":"section","block_id":"q","text":{"type":"mrkdwn","text":"Was this *you*?"}},
{"type":"actions","block_id":"answer","elements":[
 {"type":"button","action_id":"yes","value":"1","style":"primary","text":{"type":"plain_text","text":"Yes"}},
 {"type":"button","action_id":"no","value":"2","text":{"type":"plain_text","text":"No"}},
 {"type":"static_select","action_id":"who","options":[{"text":{"type":"plain_text","text":"Bob"},"value":"bob"}]}]}]`

// payloadOf returns what an envelope carried.
func payloadOf(t *testing.T, ws *slackfake.Server, g *slackfake.Gesture, err error) answer {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	var out answer
	ws.Look(func(st slackfake.State) {
		d, _ := st.Delivery(g.EnvelopeID)
		err = json.Unmarshal(d.Payload, &out)
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func keys(v any) string {
	m, _ := v.(map[string]any)
	return strings.Join(slices.Sorted(maps.Keys(m)), " ")
}

// TestPayloadShapes pins the fields of the payloads to those of Slack's
// documented examples.
func TestPayloadShapes(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	p := ws.As(ada.ID)
	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x", "blocks": question})["ts"].(string)

	g, err := p.Click(general.ID, ts, "no")
	click := payloadOf(t, ws, g, err)
	for path, want := range map[string]string{
		"":          "actions api_app_id channel container enterprise is_enterprise_install message response_url state team token trigger_id type user",
		"actions.0": "action_id action_ts block_id text type value",
		"container": "channel_id is_ephemeral message_ts type",
		"user":      "id name team_id username",
		"team":      "domain id",
		"channel":   "id name",
		"message":   "app_id blocks bot_id bot_profile team text ts type user",
	} {
		v := any(map[string]any(click))
		if path != "" {
			v = click.at(path)
		}
		if got := keys(v); got != want {
			t.Errorf("block_actions %s: %s", path, got)
		}
	}
	if click.at("actions.0.value") != "2" || click.at("actions.0.block_id") != "answer" || click.at("container.message_ts") != ts || click.at("channel.name") != "general" {
		t.Error(click)
	}

	whisper := must(t, ws, "chat.postEphemeral", args{"channel": general.ID, "user": ada.ID, "blocks": question})["message_ts"].(string)
	g, err = p.Click(general.ID, whisper, "Yes")
	if got := payloadOf(t, ws, g, err); got.at("container.is_ephemeral") != true || got["message"] != nil || got.at("actions.0.style") != "primary" {
		t.Error(got)
	}
	g, err = p.Choose(general.ID, ts, "who", "bob")
	if got := payloadOf(t, ws, g, err); got.at("actions.0.selected_option.value") != "bob" {
		t.Error(got)
	}

	g, err = p.Slash("/ir", " list  open ", "general")
	slash := payloadOf(t, ws, g, err)
	if got := keys(map[string]any(slash)); got != "api_app_id channel_id channel_name command is_enterprise_install response_url team_domain team_id text token trigger_id user_id user_name" {
		t.Error(got)
	}
	if slash["text"] != "list  open" || slash["is_enterprise_install"] != "false" {
		t.Error(slash)
	}
	g, err = p.Slash("/ir", "", ws.DMChannel(ada.ID))
	if got := payloadOf(t, ws, g, err); got["channel_name"] != "directmessage" {
		t.Error(got)
	}

	trigger, _ := command(t, ws, ada.ID, general.ID)
	must(t, ws, "views.open", args{"trigger_id": trigger, "view": form})
	g, err = p.Submit("", map[string]string{"why": "oops", "kind": "a"})
	sub := payloadOf(t, ws, g, err)
	if got := keys(sub["view"]); got != "app_id app_installed_team_id blocks bot_id callback_id clear_on_close close external_id hash id notify_on_close previous_view_id private_metadata root_view_id state submit team_id title type" {
		t.Error(got)
	}
	if sub.at("view.state.values.why.v.value") != "oops" || sub.at("view.state.values.kind.v.selected_option.value") != "a" {
		t.Error(sub.at("view.state"))
	}
}

// TestDecoding reads every payload with slack-go.
func TestDecoding(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	seen := make(chan socketmode.Event, 10)
	connect(t, ws, client(ws), func(sm *socketmode.Client, ev socketmode.Event) {
		_ = sm.AckCtx(t.Context(), ev.Request.EnvelopeID, nil)
		seen <- ev
	})
	p := ws.As(ada.ID)
	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x", "blocks": question, "metadata": `{"event_type":"q","event_payload":{"id":"7"}}`})["ts"].(string)
	g, err := p.Click(general.ID, ts, "yes")
	if out := outcome(t, g, err); !out.OK() || out.Latency <= 0 {
		t.Errorf("%+v", out)
	}
	click := (<-seen).Data.(slack.InteractionCallback)
	if click.User.ID != ada.ID || click.User.TeamID != ws.TeamID || click.Team.ID != ws.TeamID || click.Channel.ID != general.ID ||
		click.Message.Timestamp != ts || click.Message.Metadata.EventPayload["id"] != "7" || click.ActionCallback.BlockActions[0].Value != "1" ||
		click.Container.MessageTs != ts || click.APIAppID != ws.AppID || click.ResponseURL == "" || len(click.Message.Blocks.BlockSet) != 2 {
		t.Errorf("%+v", click)
	}
	if _, err := client(ws).OpenViewContext(ctxOf(t), click.TriggerID, slack.ModalViewRequest{
		Type: slack.VTModal, Title: slack.NewTextBlockObject("plain_text", "Note", false, false), Submit: slack.NewTextBlockObject("plain_text", "Go", false, false),
		Blocks: slack.Blocks{BlockSet: []slack.Block{slack.NewInputBlock("why", slack.NewTextBlockObject("plain_text", "Why", false, false), nil, slack.NewPlainTextInputBlockElement(nil, "v"))}},
	}); err != nil {
		t.Fatal(err)
	}
	g, err = p.Submit("", map[string]string{"why": "because"})
	outcome(t, g, err)
	sub := (<-seen).Data.(slack.InteractionCallback)
	if sub.Type != slack.InteractionTypeViewSubmission || sub.View.State.Values["why"]["v"].Value != "because" || sub.View.ID == "" {
		t.Errorf("%+v", sub)
	}
	if left := ws.Views(ada.ID); len(left) != 0 {
		t.Errorf("the dialog is still open: %+v", left)
	}
	g, err = p.Slash("/ir", "help", general.ID)
	outcome(t, g, err)
	if slash := (<-seen).Data.(slack.SlashCommand); slash.Command != "/ir" || slash.UserID != ada.ID || slash.IsEnterpriseInstall {
		t.Errorf("%+v", slash)
	}
	ws.Event("app_mention", map[string]any{"user": ada.ID, "text": "hi", "channel": general.ID, "ts": "1.000001"})
	if ev := <-seen; ev.Type != socketmode.EventTypeEventsAPI || ev.Request.RetryAttempt != 0 {
		t.Errorf("%+v", ev)
	}
}

// TestAcks lists what the person sees for each ack of a command or dialog.
func TestAcks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ack  string
		want func(slackfake.Outcome) bool
	}{
		"nothing":        {``, func(o slackfake.Outcome) bool { return o.OK() && o.View == nil }},
		"empty":          {`{}`, func(o slackfake.Outcome) bool { return o.OK() && o.View == nil }},
		"clear":          {`{"response_action":"clear"}`, func(o slackfake.Outcome) bool { return o.OK() && o.View == nil }},
		"errors":         {`{"response_action":"errors","errors":{"why":"too short"}}`, func(o slackfake.Outcome) bool { return o.OK() && o.Errors["why"] == "too short" && o.View != nil }},
		"foreign errors": {`{"response_action":"errors","errors":{"who":"?"}}`, broken("not an input")},
		"no errors":      {`{"response_action":"errors"}`, broken("without errors")},
		"update": {`{"response_action":"update","view":` + plain + `}`, func(o slackfake.Outcome) bool {
			return o.OK() && o.View.Title() == "Details" && o.View.PreviousID == ""
		}},
		"push": {`{"response_action":"push","view":` + plain + `}`, func(o slackfake.Outcome) bool {
			return o.OK() && o.View.Title() == "Details" && o.View.PreviousID != ""
		}},
		"bad view":     {`{"response_action":"push","view":{"type":"modal"}}`, broken("missing required field")},
		"other action": {`{"response_action":"dance"}`, broken("unknown response_action")},
		"no object":    {`"x"`, broken("not an object")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ws, ada, general := workspace(t)
			conn := dial(t, ws)
			trigger, _ := command(t, ws, ada.ID, general.ID)
			conn.next() // the command
			must(t, ws, "views.open", args{"trigger_id": trigger, "view": form})
			g, err := ws.As(ada.ID).Submit("", map[string]string{"why": "x"})
			conn.ack(conn.next().EnvelopeID, c.ack)
			if out := outcome(t, g, err); !c.want(out) {
				t.Errorf("%+v", out)
			}
		})
	}
	for name, c := range map[string]struct {
		ack  string
		want func(slackfake.Outcome) bool
	}{
		"text":       {`{"text":"hi"}`, func(o slackfake.Outcome) bool { return o.OK() && o.Reply.Text == "hi" && o.Reply.EphemeralTo != "" }},
		"string":     {`"hi"`, func(o slackfake.Outcome) bool { return o.OK() && o.Reply.Text == "hi" }},
		"to all":     {`{"text":"hi","response_type":"in_channel"}`, func(o slackfake.Outcome) bool { return o.OK() && o.Reply.EphemeralTo == "" }},
		"nothing":    {`null`, func(o slackfake.Outcome) bool { return o.OK() && o.Reply == nil }},
		"bad blocks": {`{"blocks":[{"type":"header"}]}`, broken("missing required field: text")},
		"a number":   {`7`, broken("payload of the ack")},
	} {
		t.Run("command/"+name, func(t *testing.T) {
			t.Parallel()
			ws, ada, general := workspace(t)
			conn := dial(t, ws)
			g, err := ws.As(ada.ID).Slash("/ir", "", general.ID)
			conn.ack(conn.next().EnvelopeID, c.ack)
			if out := outcome(t, g, err); !c.want(out) {
				t.Errorf("%+v", out)
			}
		})
	}
}

func broken(why string) func(slackfake.Outcome) bool {
	return func(o slackfake.Outcome) bool {
		return !o.OK() && o.Trouble == slackfake.BadAck && strings.Contains(o.AckError, why)
	}
}

// TestImpossible lists what people cannot do.
func TestImpossible(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t, slackfake.WithCommands("/ir"))
	bob := ws.AddUser(slackfake.User{Name: "bob"})
	guest := ws.AddUser(slackfake.User{Name: "guest", Guest: true})
	gone := ws.AddUser(slackfake.User{Name: "gone", Deleted: true})
	secret := ws.AddChannel(slackfake.Channel{Name: "secret", Kind: slackfake.Private, Members: []string{ws.BotUser, ada.ID}})
	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x", "blocks": question})["ts"].(string)
	twice := must(t, ws, "chat.postMessage", args{"channel": general.ID, "blocks": `[{"type":"actions","elements":[{"type":"button","action_id":"a","text":{"type":"plain_text","text":"Same"}},{"type":"button","action_id":"b","text":{"type":"plain_text","text":"Same"}}]}]`})["ts"].(string)
	whisper := must(t, ws, "chat.postEphemeral", args{"channel": general.ID, "user": ada.ID, "blocks": question})["message_ts"].(string)
	hidden := must(t, ws, "chat.postMessage", args{"channel": secret.ID, "blocks": question})["ts"].(string)
	for name, do := range map[string]func() error{
		"button not there":    func() error { _, err := ws.As(ada.ID).Click(general.ID, ts, "maybe"); return err },
		"two of the name":     func() error { _, err := ws.As(ada.ID).Click(general.ID, twice, "Same"); return err },
		"message not there":   func() error { _, err := ws.As(ada.ID).Click(general.ID, "1.000001", "yes"); return err },
		"another's whisper":   func() error { _, err := ws.As(bob.ID).Click(general.ID, whisper, "yes"); return err },
		"private channel":     func() error { _, err := ws.As(bob.ID).Click(secret.ID, hidden, "yes"); return err },
		"guest outside":       func() error { _, err := ws.As(guest.ID).Click(general.ID, ts, "yes"); return err },
		"deactivated":         func() error { _, err := ws.As(gone.ID).Slash("/ir", "", general.ID); return err },
		"command not known":   func() error { _, err := ws.As(ada.ID).Slash("/other", "", general.ID); return err },
		"option not there":    func() error { _, err := ws.As(ada.ID).Choose(general.ID, ts, "who", "eve"); return err },
		"speak outside":       func() error { _, err := ws.As(bob.ID).Say(general.ID, "x"); return err },
		"no dialog":           func() error { _, err := ws.As(ada.ID).Submit("", nil); return err },
		"nothing to close":    func() error { _, err := ws.As(ada.ID).CloseView(""); return err },
		"no version before":   func() error { _, err := ws.As(ada.ID).ClickOld(general.ID, ts, 0, "yes"); return err },
		"no view to click in": func() error { _, err := ws.As(ada.ID).ClickView("more"); return err },
		"reply to nothing": func() error {
			_, err := ws.As(ada.ID).Reply(slackfake.Ref{Channel: general.ID, TS: "1.0"}, "x")
			return err
		},
		"join what is private": func() error { return ws.As(bob.ID).Join(secret.ID) },
	} {
		if do() == nil {
			t.Errorf("%s: was possible", name)
		}
	}
	if got := ws.Deliveries(); len(got) != 0 {
		t.Errorf("the app heard of it: %+v", got)
	}
	if _, err := ws.As(bob.ID).Click(general.ID, ts, "yes"); err != nil {
		t.Errorf("members see public channels: %v", err)
	}
}

func TestFillingIn(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	trigger, _ := command(t, ws, ada.ID, general.ID)
	must(t, ws, "views.open", args{"trigger_id": trigger, "view": form})
	v := ws.Views(ada.ID)[0]
	fields := v.Fields()
	if len(fields) != 2 || fields[0].BlockID != "why" || fields[0].Label != "Why" || fmt.Sprint(fields[1].Options) != "[a]" || !fields[1].Optional {
		t.Errorf("%+v", fields)
	}
	for name, values := range map[string]map[string]string{
		"missing":    {},
		"too long":   {"why": "123456"},
		"no option":  {"why": "x", "kind": "z"},
		"no input":   {"why": "x", "when": "now"},
		"other view": nil,
	} {
		id := v.ID
		if values == nil {
			id, values = "V404", map[string]string{"why": "x"}
		}
		if _, err := ws.As(ada.ID).Submit(id, values); err == nil {
			t.Errorf("%s: was possible", name)
		}
	}
}

func TestClosingAndClickingViews(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	trigger, _ := command(t, ws, ada.ID, general.ID)
	must(t, ws, "views.open", args{"trigger_id": trigger, "view": plain})
	g, err := ws.As(ada.ID).ClickView("More")
	if got := payloadOf(t, ws, g, err); got.at("container.type") != "view" || got.at("container.view_id") != got.at("view.id") || got["response_url"] != nil {
		t.Error(got)
	}
	g, err = ws.As(ada.ID).CloseView("")
	if got := payloadOf(t, ws, g, err); got["type"] != "view_closed" || got["is_cleared"] != false {
		t.Error(got)
	}
	trigger, _ = command(t, ws, ada.ID, general.ID)
	must(t, ws, "views.open", args{"trigger_id": trigger, "view": form})
	if g, err := ws.As(ada.ID).CloseView(""); g != nil || err != nil || len(ws.Views(ada.ID)) != 0 {
		t.Errorf("%v %v", g, err)
	}
}

func TestClickOnOldVersion(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t)
	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x", "blocks": question})["ts"].(string)
	must(t, ws, "chat.update", args{"channel": general.ID, "ts": ts, "text": "done", "blocks": divider})
	g, err := ws.As(ada.ID).ClickOld(general.ID, ts, 0, "yes")
	if got := payloadOf(t, ws, g, err); got.at("actions.0.value") != "1" || got.at("message.text") != "done" {
		t.Error(got)
	}
	if b := ws.Messages(general.ID)[0].Buttons(); len(b) != 0 {
		t.Errorf("%+v", b)
	}
}
