package chat

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/message"
)

func TestCanvasIsMadeOnceAndEditedInPlace(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	ch, err := o.s.CreateChannel(ctx, "ir-1", true)
	if err != nil {
		t.Fatal(err)
	}
	id, err := o.s.Canvas(ctx, ch.ID, "Incident 1", message.Message{}.Title(message.L("Time line")))
	if err != nil || id == "" {
		t.Fatal(err)
	}
	if err := o.s.UpdateCanvas(ctx, id, message.Message{}.Para(message.L("closed"))); err != nil {
		t.Fatal(err)
	}
	if c, ok := o.ws.Canvas(ch.ID); !ok || c.ID != id || c.Title != "Incident 1" || c.Markdown != "closed\n" || c.Edits != 1 {
		t.Errorf("%+v", c)
	}
	again, err := o.s.Canvas(ctx, ch.ID, "Incident 1", message.Message{}.Para(message.L("again")))
	if err != nil || again != id {
		t.Errorf("%q, want %q: %v", again, id, err)
	}
	if c, _ := o.ws.Canvas(ch.ID); c.Markdown != "again\n" || c.Edits != 2 {
		t.Errorf("%+v", c)
	}
}

func TestWithoutCanvasesTheCallerIsTold(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	for _, c := range []string{"canvas_disabled_user_team", "team_tier_cannot_create_channel_canvases", "restricted_action"} {
		o.ws.NoCanvases(c)
		_, err := o.s.Canvas(ctx, o.general, "x", hello())
		if CodeOf(err) != c || !CanvasUnavailable(err) {
			t.Errorf("%s: %v", c, err)
		}
	}
	o.ws.NoCanvases("")
	o.ws.Next("conversations.canvases.create", 1, slackfake.NotOK("canvas_editing_locked"))
	_, err := o.s.Canvas(ctx, o.general, "x", hello())
	if wantError(t, err, Transient, "canvas_editing_locked"); CanvasUnavailable(err) {
		t.Error("a lock is taken for a missing feature")
	}
	o.ws.SetScopes(o.ws.BotToken, "chat:write")
	if _, err := o.s.Canvas(ctx, o.general, "x", hello()); !CanvasUnavailable(err) {
		t.Errorf("a missing scope: %v", err)
	}
	if CanvasUnavailable(nil) {
		t.Error("no error is no canvas")
	}
}

func TestRenderCanvas(t *testing.T) {
	t.Parallel()
	m := message.Message{}.Title(message.L("Incident ").V("# <x>")).
		Para(message.L("Lead: ").Person("U02ABCDEF").L(" in ").Channel("C0INCIDENT").L(", since ").At(time.Date(2026, 3, 4, 5, 6, 0, 0, time.UTC))).
		Para(message.L("first\nsecond ").Strong(" third ").Link("Console", "https://console.aws.amazon.com/a?b=(c)&d=1").L(" ").Link("Elsewhere", "https://evil.example/")).
		Fields(message.Field{Label: "Server", Text: message.Text{}.Code("i-0`x`")}, message.Field{Label: "Owner"}).
		Actions(message.Button{Action: "a", Value: "v", Label: "Press"}).
		Divider().Note(message.L("small\nprint"))
	want := strings.Join([]string{
		`## Incident \# \<x\>`, ``,
		`Lead: ![](@U02ABCDEF) in ![](#C0INCIDENT), since 2026-03-04 05:06 UTC`, ``,
		"first  \nsecond  **third** [Console](https://console.aws.amazon.com/a?b=%28c%29&d=1) Elsewhere", ``,
		"- **Server**: `i-0ˋxˋ`\n- **Owner**: –", ``,
		`---`, ``,
		"> small  \n> print", ``}, "\n")
	if got := RenderCanvas(m, RenderOptions{}); got != want {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
	if got := RenderCanvas(message.Message{}, RenderOptions{}); got != "–\n" {
		t.Errorf("an empty document: %q", got)
	}
	long := message.Message{}
	for range 300 {
		long = long.Para(message.L(strings.Repeat("word ", 100)))
	}
	if got := RenderCanvas(long, RenderOptions{}); len(got) > maxCanvas+2*len(cutMark) || !strings.HasSuffix(got, cutMark+"\n") {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-20:])
	}
}

// Outside text cannot make mark-up of any kind in a canvas.
func TestOutsideTextInACanvas(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"[click](https://evil.example)":    `\[click\](hxxps\[:\]//evil\[.\]example)`,
		"![](@U02ABCDEF)":                  `\!\[\](\[@\]U02ABCDEF)`,
		"# heading":                        `\# heading`,
		"- list":                           `\- list`,
		"1. list":                          `1\. list`,
		"+ a":                              `\+ a`,
		"=== x":                            `\=== x`,
		"a|b &amp; <b>":                    `a\|b \&amp; \<b\>`,
		"snake_case *b* __init__":          `snake\_case`,
		`back\slash`:                       `back\\slash`,
		"two\nlines":                       `two\\nlines`,
		":fire:":                           `∶fire:`,
		"<@U02ABCDEF> <!channel>":          `\<\[@\]U02ABCDEF\> \<\!channel\>`,
		"https://console.aws.amazon.com/x": `hxxps\[:\]//console\[.\]aws\[.\]amazon\[.\]com/x`,
	} {
		got := strings.TrimSuffix(RenderCanvas(message.Message{}.Para(message.Text{}.V(in)), RenderOptions{}), "\n")
		if !strings.HasPrefix(got, want) {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

// FuzzCanvasValue holds that a value leaves no character unescaped that could
// begin mark-up.
func FuzzCanvasValue(f *testing.F) {
	for _, s := range []string{"", "[a](b)", "**x** `y` ~z~", "1) x", "\\", "- x\n# y", "<!here> @x", "\xff\u202e"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := RenderCanvas(message.Message{}.Para(message.L("x ").V(s)), RenderOptions{})
		for i := 0; i < len(got); i++ {
			switch got[i] {
			case '\\':
				i++ // what follows is literal
			case '`', '*', '_', '[', ']', '<', '>', '#', '!', '|', '~', '&':
				t.Fatalf("%q is bare in %q", got[i], got)
			}
		}
		if strings.Count(got, "\n") != 1 {
			t.Fatalf("a line break in %q", got)
		}
		code := strings.TrimSuffix(RenderCanvas(message.Message{}.Para(message.Text{}.Code(s)), RenderOptions{}), "\n")
		if strings.Count(code, "`") != 2 || !strings.HasPrefix(code, "`") || !strings.HasSuffix(code, "`") {
			t.Fatalf("code breaks out: %q", code)
		}
	})
}

func TestACanvasThatIsThereIsFound(t *testing.T) {
	t.Parallel()
	o := newOffice(t, nil, nil)
	ctx := testCtx(t)
	ch, err := o.s.CreateChannel(ctx, "ir-1", true)
	if err != nil {
		t.Fatal(err)
	}
	if id, found, err := o.s.ChannelCanvas(ctx, ch.ID); err != nil || found || id != "" {
		t.Errorf("without one: %q %v %v", id, found, err)
	}
	made, err := o.s.Canvas(ctx, ch.ID, "Incident 1", message.Message{}.Para(message.L("x")))
	if err != nil {
		t.Fatal(err)
	}
	if id, found, err := o.s.ChannelCanvas(ctx, ch.ID); err != nil || !found || id != made {
		t.Errorf("%q %v %v, want %q", id, found, err, made)
	}
	_, found, err := o.s.ChannelCanvas(ctx, "C0NOWHERE")
	if found {
		t.Error("a channel that is not there has a canvas")
	}
	wantError(t, err, Permanent, "channel_not_found")
}
