package slackfake_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/nodetest"
)

// output collects what a program prints.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write appends.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}
func (o *output) String() string { o.mu.Lock(); defer o.mu.Unlock(); return o.buf.String() }

// node runs a bot made with Slack's own clients until the test ends.
func node(t *testing.T, ws *slackfake.Server) *output {
	t.Helper()
	modules := nodetest.Dir(t, "@slack/socket-mode@3.1.0", "@slack/web-api@8.2.0")
	cmd := exec.Command(nodetest.Node(t), "testdata/client.mjs")
	cmd.Env = append(os.Environ(), "MODULES="+modules, "SLACK_API_URL="+ws.APIURL(), "SLACK_APP_TOKEN="+ws.AppToken, "SLACK_BOT_TOKEN="+ws.BotToken)
	out := new(output)
	cmd.Stdout, cmd.Stderr = out, out
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = stdin.Close()
		kill := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer kill.Stop()
		if err := cmd.Wait(); err != nil {
			t.Errorf("node: %v\n%s", err, out)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := ws.WaitFor(ctx, func(st slackfake.State) bool { return st.Open() > 0 }); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return out
}

// TestSlacksOwnClient is the second opinion: a bot made with Slack's own Node
// clients holds a conversation with the double.
func TestSlacksOwnClient(t *testing.T) {
	t.Parallel()
	ws, ada, general := workspace(t, slackfake.WithPing(50*time.Millisecond), slackfake.WithEvents("app_mention"))
	out := node(t, ws)
	p := ws.As(ada.ID)

	g, err := p.Slash("/ir", "hello", general.ID)
	if o := outcome(t, g, err); !o.OK() || o.Reply == nil || o.Reply.Text != "you said hello" {
		t.Errorf("command: %+v\n%s", o, out)
	}

	ts := must(t, ws, "chat.postMessage", args{"channel": general.ID, "text": "x", "blocks": question})["ts"].(string)
	g, err = p.Click(general.ID, ts, "No")
	if o := outcome(t, g, err); !o.OK() {
		t.Errorf("click: %+v\n%s", o, out)
	}
	if m, err := ws.Await(ctxOf(t), slackfake.Ref{Channel: general.ID, TS: ts}, slackfake.Saying("answered 2")); err != nil || m.Blocks != nil {
		t.Errorf("%v\n%s", err, out)
	}

	g, err = p.Slash("/ir", "open", general.ID)
	outcome(t, g, err)
	wait(t, ws, func(st slackfake.State) bool { return len(st.Views(ada.ID)) == 1 })
	g, err = p.Submit("", map[string]string{"why": "short"})
	if o := outcome(t, g, err); o.Errors["why"] != "too short" || o.View == nil {
		t.Errorf("refused submission: %+v\n%s", o, out)
	}
	g, err = p.Submit("", map[string]string{"why": "because"})
	if o := outcome(t, g, err); !o.OK() || o.View != nil {
		t.Errorf("submission: %+v\n%s", o, out)
	}

	mention, err := p.Say(general.ID, "<@"+ws.BotUser+"> are you there")
	if err != nil {
		t.Fatal(err)
	}
	reply, err := ws.Expect(ctxOf(t), general.ID, slackfake.Saying("yes, <@"+ada.ID+">?"))
	if err != nil || reply.ThreadTS != mention.TS {
		t.Errorf("%+v %v\n%s", reply, err, out)
	}

	g, err = p.Slash("/ir", "bad", general.ID)
	outcome(t, g, err)
	wait(t, ws, func(st slackfake.State) bool {
		calls := st.Calls("chat.postMessage")
		return calls[len(calls)-1].Error == "invalid_blocks"
	})

	ws.Disconnect(0, slackfake.RefreshRequested)
	wait(t, ws, func(st slackfake.State) bool {
		c := st.Connections()
		return len(c) > 1 && c[len(c)-1].Open()
	})
	g, err = p.Slash("/ir", "again", general.ID)
	if o := outcome(t, g, err); !o.OK() || o.Conn < 2 {
		t.Errorf("after the refresh: %+v\n%s", o, out)
	}
	wait(t, ws, func(st slackfake.State) bool { c := st.Connections(); return c[len(c)-1].Pongs > 0 })
	if style := ws.Calls("chat.update")[0].Style; style != "header" {
		t.Errorf("Slack's client authenticates by %q", style)
	}
}
