package slackfake_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// start runs a workspace and returns a client for it.
func start(t *testing.T, opts ...slackfake.Option) (*slackfake.Server, *slack.Client) {
	t.Helper()
	ws := slackfake.New(opts...)
	t.Cleanup(ws.Close)
	return ws, client(ws)
}

func client(ws *slackfake.Server) *slack.Client {
	return slack.New(ws.BotToken, slack.OptionAPIURL(ws.APIURL()), slack.OptionAppLevelToken(ws.AppToken),
		slack.OptionHTTPClient(&http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}))
}

// connect runs a Socket Mode client that hands every request to handle, and
// waits until it is connected.
func connect(t *testing.T, ws *slackfake.Server, api *slack.Client, handle func(*socketmode.Client, socketmode.Event)) {
	t.Helper()
	sm := socketmode.New(api)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{}, 2)
	go func() { defer func() { done <- struct{}{} }(); _ = sm.RunContext(ctx) }()
	go func() {
		defer func() { done <- struct{}{} }()
		for {
			select {
			case ev := <-sm.Events:
				if ev.Request != nil && ev.Request.EnvelopeID != "" {
					handle(sm, ev)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); <-done; <-done })
	before := ws.Connections()
	wait(t, ws, func(st slackfake.State) bool { return len(st.Connections()) > len(before) || st.Open() > 0 })
}

// wait fails the test when cond does not come true.
func wait(t *testing.T, ws *slackfake.Server, cond func(slackfake.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err := ws.WaitFor(ctx, cond); err != nil {
		t.Fatal(err)
	}
}

func ctxOf(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// outcome waits for what the person sees.
func outcome(t *testing.T, g *slackfake.Gesture, err error) slackfake.Outcome {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.Wait(ctxOf(t))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestConversation(t *testing.T) {
	t.Parallel()
	ws, api := start(t)
	ada := ws.AddUser(slackfake.User{Name: "ada", Email: "ada@corp.example"})
	ctx := ctxOf(t)

	connect(t, ws, api, func(sm *socketmode.Client, ev socketmode.Event) {
		switch data := ev.Data.(type) {
		case slack.SlashCommand:
			_ = sm.AckCtx(ctx, ev.Request.EnvelopeID, map[string]any{"text": "hello " + data.UserID})
		case slack.InteractionCallback:
			_ = sm.AckCtx(ctx, ev.Request.EnvelopeID, nil)
			_, _, _, err := api.UpdateMessageContext(ctx, data.Channel.ID, data.Message.Timestamp,
				slack.MsgOptionText("answered "+data.ActionCallback.BlockActions[0].Value, false), slack.MsgOptionBlocks())
			if err != nil {
				t.Error(err)
			}
		}
	})

	dm, _, _, err := api.OpenConversationContext(ctx, &slack.OpenConversationParameters{Users: []string{ada.ID}})
	if err != nil {
		t.Fatal(err)
	}
	_, ts, err := api.PostMessageContext(ctx, dm.ID, slack.MsgOptionText("was this you?", false), slack.MsgOptionBlocks(
		slack.NewSectionBlock(slack.NewTextBlockObject("plain_text", "was this you?", false, false), nil, nil),
		slack.NewActionBlock("answer", slack.NewButtonBlockElement("yes", "q1:yes", slack.NewTextBlockObject("plain_text", "Yes", false, false))),
	))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ws.Expect(ctx, dm.ID, slackfake.Saying("was this you")); err != nil {
		t.Fatal(err)
	}

	g, err := ws.As(ada.ID).Click(dm.ID, ts, "Yes")
	if out := outcome(t, g, err); !out.OK() {
		t.Fatalf("click: %+v", out)
	}
	wait(t, ws, func(st slackfake.State) bool {
		m := st.DM(ada.ID)
		return len(m) == 1 && m[0].AllText() == "answered q1:yes" && len(m[0].Edits) == 1
	})

	g, err = ws.As(ada.ID).Slash("/ir", "help", dm.ID)
	out := outcome(t, g, err)
	if out.Reply == nil || out.Reply.Text != "hello "+ada.ID || out.Reply.EphemeralTo != ada.ID {
		t.Errorf("slash: %+v", out)
	}
	if got := len(ws.Ephemerals(ada.ID)); got != 1 {
		t.Errorf("%d ephemerals", got)
	}
}
