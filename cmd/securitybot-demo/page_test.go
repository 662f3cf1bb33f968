package main

import (
	"context"
	"fmt"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/securitybot/securitybot/internal/rig"
)

// browser is one person's look at the demo page, in real Chromium.
type browser struct {
	t   *testing.T
	ctx context.Context
}

// chromium finds the browser; without one the test says so, and fails where
// nothing may be skipped.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("chromium is not installed")
	}
	t.Skip("chromium is not installed: the demo page is not looked at")
	return ""
}

func open(t *testing.T) (*browser, *rig.Rig) {
	t.Helper()
	path := chromium(t)
	world, err := newWorld(t.Context(), rig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	world.Start(context.WithoutCancel(t.Context()))
	d := newDemo(world)
	go d.hurry(t.Context())
	server := httptest.NewServer(d.handler())
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1440, 900),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-quic", true))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	ctx, stop := chromedp.NewContext(alloc)
	ctx, cancel := context.WithTimeout(ctx, 150*time.Second)
	t.Cleanup(func() {
		cancel()
		stop()
		stopAlloc()
		server.CloseClientConnections()
		server.Close()
		if err := world.Close(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	b := &browser{t, ctx}
	b.do(chromedp.EmulateViewport(1440, 900))
	b.do(chromedp.Navigate(server.URL))
	return b, world
}

func (b *browser) do(a chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if _, err := chromedp.Run(b.ctx, a); err != nil {
		b.t.Fatal(err)
	}
}

// sees waits until a part of the page says something.
func (b *browser) sees(selector, text string) {
	b.t.Helper()
	expr := fmt.Sprintf(`[...document.querySelectorAll(%q)].some(e => e.offsetParent !== null && e.textContent.includes(%q))`, selector, text)
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](expr)); err != nil {
		shown, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
		b.shot("failed-" + b.t.Name())
		b.t.Fatalf("%s never says %q: %v\nThe page says:\n%s", selector, text, err, shown)
	}
}

// press clicks, by mouse, the first visible thing that matches and says text.
// What arrives meanwhile may move it away from under the mouse: then the page has
// noticed no click on it, and it is tried again, as a person would.
func (b *browser) press(selector, text string) {
	b.t.Helper()
	at := fmt.Sprintf(`(() => { const e = [...document.querySelectorAll(%[1]q)].find(e => e.offsetParent !== null && e.textContent.includes(%[2]q));
		if (!e) return [0, 0];
		window.hit = false;
		document.addEventListener("click", c => { window.hit = !!c.target.closest(%[1]q)?.textContent.includes(%[2]q); }, {once: true, capture: true});
		e.scrollIntoView({block: "center"}); const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()`, selector, text)
	for range 20 {
		b.sees(selector, text)
		xy, err := chromedp.Run(b.ctx, chromedp.Evaluate[[]float64](at))
		if err != nil {
			b.t.Fatal(err)
		}
		b.do(chromedp.MouseClickXY(xy[0], xy[1]))
		hit, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("window.hit"))
		if err != nil {
			b.t.Fatal(err)
		}
		if hit {
			return
		}
		b.t.Logf("%q moved away from under the mouse", text)
	}
	b.shot("failed-" + b.t.Name())
	b.t.Fatalf("%s with %q cannot be pressed", selector, text)
}

// enters goes to a channel. What happens meanwhile may move its button away from
// under the mouse, so it is tried again, as a person would, once the page had time
// to follow.
func (b *browser) enters(selector, name string) {
	b.t.Helper()
	there := fmt.Sprintf(`document.querySelector("#where").textContent.includes(%q)`, name)
	for range 20 {
		b.press(selector, name)
		ctx, cancel := context.WithTimeout(b.ctx, 2*time.Second)
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](there))
		cancel()
		if err == nil {
			return
		}
	}
	b.shot("failed-" + b.t.Name())
	b.t.Fatalf("%s cannot be entered", name)
}

// shot saves a picture when SECURITYBOT_SHOTS names a directory: they are what
// the README shows.
func (b *browser) shot(name string) {
	dir := os.Getenv("SECURITYBOT_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(name, "/", "-")+".png"), png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func TestTheDenyConversationByMouse(t *testing.T) {
	t.Parallel()
	b, world := open(t)
	b.press("[data-sample='ana']", "Send")
	b.press("[data-person='U0ANA']", "Ana")
	b.press("#dms button", "SecurityBot")
	b.sees(".b-header", "Was this you?")
	b.shot("question")
	b.press(".b-actions .btn", "No, this wasn't me")
	b.sees(".msg", "security")
	b.press("[data-tab='pages']", "Pager")
	b.sees("#pages .status", "triggered")
	b.shot("deny")
	b.press("[data-tab='cases']", "Findings")
	b.sees("#cases .life", "the team was paged")
	b.press("[data-person='U0OMAR']", "Omar")
	b.enters("[data-channel='security']", "security")
	b.press("#messages .btn", "Close…")
	b.sees(".modal h2", "Close SB-")
	b.shot("close")
	b.do(chromedp.SetValue(".modal select", "benign"))
	b.do(chromedp.SendKeys(".modal textarea", "Ana used a VPN in Brazil; checked with her by phone."))
	b.press(".modal footer .btn", "Close case")
	b.sees("#messages .msg", "expected, nothing bad")
	b.press("[data-tab='pages']", "Pager")
	b.sees("#pages .status", "resolved")
	if n := len(world.Pager.Snapshot().Incidents); n != 1 {
		t.Errorf("%d incidents, want 1", n)
	}
}

func TestHostileTextIsShownAsText(t *testing.T) {
	t.Parallel()
	b, _ := open(t)
	b.press("[data-sample='hostile']", "Send this finding")
	b.press("[data-person='U0PRIYA']", "Priya")
	b.enters("[data-channel='payments']", "payments")
	b.sees("#messages .msg", "i-0123456789abcdef0")
	b.shot("hostile")
	bad, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`[...document.querySelectorAll("#messages .mention")].some(e => e.textContent.includes("channel")) || !!document.querySelector("#messages a[href*='evil']")`))
	if err != nil || bad {
		t.Errorf("a finding mentions everybody or has a live link: %v %v", bad, err)
	}
}

func TestSlashCommandAndClock(t *testing.T) {
	t.Parallel()
	b, _ := open(t)
	b.press("[data-person='U0OMAR']", "Omar")
	b.enters("[data-channel='security']", "security")
	b.do(chromedp.SendKeys("#say", "/ir help\r"))
	b.sees("#messages .private", "/ir list")
	b.shot("command")
	b.press("[data-sample='ana']", "Send")
	b.sees("[data-person='U0ANA'] .n", "1")
	b.press("[data-command='ip']", "Write it as Omar")
	b.do(chromedp.SendKeys("#say", "\r"))
	b.sees("#messages .private", "Still asking")
	b.sees("#messages .private", "GreyNoise (no answer in time)")
	b.sees("#messages .private", "Cases: SB-")
	b.shot("lookup")
	b.press("[data-tab='cases']", "Findings")
	b.press("#cases .btn", "Let the deadline pass")
	b.sees("#cases .status", "paged")
	b.shot("life")
}

func TestAStormIsReadable(t *testing.T) {
	t.Parallel()
	b, _ := open(t)
	b.press("[data-sample='storm']", "Send this finding")
	b.press("[data-person='U0PRIYA']", "Priya")
	b.enters("[data-channel='payments']", "payments")
	b.sees("#messages .b-header", "things at once")
	b.shot("storm")
}

func TestTheOtherHalfByMouse(t *testing.T) {
	t.Parallel()
	b, world := open(t)
	b.press("[data-sample='miner']", "Send this finding")
	b.press("[data-person='U0OMAR']", "Omar")
	b.enters("[data-channel='security']", "security")
	b.press("[data-tab='aws']", "AWS")
	build7 := "[data-instance='" + idOf(builder) + "']"
	b.sees(build7, "copy of /dev/sdf100 GiB, completed")
	b.sees("#evidence", "osquery.json")
	b.press("[data-tab='hive']", "TheHive")
	b.sees("#hive [data-record='case']", "osquery of "+idOf(builder)+": done")
	b.shot("hive")
	if marks, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.querySelector("#hive .life").textContent.includes("record ")`)); err != nil || marks {
		t.Errorf("comments end with the bot's own marks: %v", err)
	}

	before := world.AWS.GroupsOf(rig.Account, rig.Region, idOf(builder))
	b.press("[data-tab='aws']", "AWS")
	b.press(build7+" [data-verb]", "isolate")
	b.do(chromedp.SendKeys("#say", "it mines coins\r"))
	b.sees("#messages .private", "Somebody else has to approve it")
	b.press("[data-person='U0MEI']", "Mei")
	b.enters("[data-channel='security']", "security")
	b.sees("#messages .msg", "Waits for an approver")
	b.shot("approve")
	b.press("#messages .btn", "Approve")
	b.sees(build7+" .badge", "isolated")
	b.sees("#messages .btn", "Release…")
	b.shot("isolate")
	if maps.EqualFunc(before, world.AWS.GroupsOf(rig.Account, rig.Region, idOf(builder)), slices.Equal[[]string]) {
		t.Error("the page calls a machine isolated whose groups are as before")
	}
	b.incident(world)
}

// incident opens a channel, works in it and closes it.
func (b *browser) incident(world *rig.Rig) {
	b.t.Helper()
	b.do(chromedp.SendKeys("#say", "/ir open\r"))
	b.sees(".modal h2", "Open an incident")
	b.do(chromedp.SendKeys(".modal input[name='title']", "Mining on build-7"))
	b.press(".modal .several label", "Priya")
	b.shot("open")
	b.press(".modal footer .btn", "Open")
	b.sees(".modal", "it appears in your sidebar")
	b.press(".modal footer .btn", "Close")
	b.enters("[data-channel^='inc-']", "mining-on-build-7")
	b.sees("#room", "Pinned:")
	b.press("#room .chip", "Document")
	b.sees(".document", "Decisions")
	b.press("#room .chip", "Hide the document")
	b.press("#messages .btn", "Add a note…")
	b.do(chromedp.SetValue(".modal select", "decision"))
	b.do(chromedp.SendKeys(".modal textarea", "build-7 is built anew today"))
	b.press(".modal footer .btn", "Write")
	b.sees("#messages .msg", "build-7 is built anew today")
	b.press("[data-tab='hive']", "TheHive")
	b.sees("#hive", "Mining on build-7")
	b.sees("#messages", "in the canvas of this channel")
	b.shot("incident")
	b.press("#messages .btn", "Close…")
	b.sees(".modal h2", "Close INC-")
	b.do(chromedp.SendKeys(".modal textarea", "It mined for an hour; the machine was <b>built anew</b>."))
	b.press(".modal footer .btn", "Close it")
	b.sees("#room .file", "timeline.md")
	b.sees("#messages .msg", "the machine was <b>built anew</b>.")
	b.sees("[data-channel^='inc-']", "archived")
	b.shot("closed")
	for _, c := range world.Slack.Snapshot(0).Channels {
		if strings.HasPrefix(c.Name, "inc-") && (!slices.Contains(c.Members, world.Priya.ID) || !c.Archived) {
			b.t.Errorf("members %v, archived %v", c.Members, c.Archived)
		}
	}
}
