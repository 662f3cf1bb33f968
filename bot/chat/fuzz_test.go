package chat

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/message"
)

var (
	entity     = regexp.MustCompile(`&(amp|lt|gt);`)
	ourToken   = regexp.MustCompile(`<(@[UW][A-Z0-9]+|#[CDG][A-Z0-9]+|!date\^\d+\^\{date_short_pretty\} \{time\}\|[^<>|]*|https://console\.aws\.amazon\.com[^<>|]*\|[^<>|]*)>`)
	linkable   = regexp.MustCompile(`(?i)(://|\b(mailto|javascript):|[\pL\pN]\.(com|net|org|io|example|рф|xn--p1ai)\b|\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b|[^\[]@[^\]])`)
	emojiForm  = regexp.MustCompile(`:[a-z_+'-][a-z0-9_+'-]*:|:1(00|234):`)
	emphasised = regexp.MustCompile(`(^|[^\pL\pN])[*_~][^\s*_~][^*_~]*[*_~]($|[^\pL\pN])`)
)

// checkText holds the properties every text on the wire has.
func checkText(t *testing.T, s string, where surface) {
	t.Helper()
	for _, r := range s {
		if r != '\n' && !unicode.IsGraphic(r) || blank(r) {
			t.Fatalf("invisible %U in %q", r, s)
		}
	}
	if !utf8.ValidString(s) {
		t.Fatalf("invalid UTF-8 in %q", s)
	}
	if where == plain {
		if strings.ContainsAny(s, "<>&") {
			t.Fatalf("mark-up in plain text %q", s)
		}
		return
	}
	rest := ourToken.ReplaceAllString(s, "")
	if strings.ContainsAny(rest, "<>") {
		t.Fatalf("raw angle bracket in %q", s)
	}
	if strings.Contains(entity.ReplaceAllString(rest, ""), "&") {
		t.Fatalf("raw ampersand in %q", s)
	}
}

// checkBlocks walks a rendered message and holds every text and limit to
// Slack's rules.
func checkBlocks(t *testing.T, blocks json.RawMessage, text string) {
	t.Helper()
	var list []map[string]any
	if err := json.Unmarshal(blocks, &list); err != nil && string(blocks) != "null" {
		t.Fatal(err)
	}
	if len(list) > maxMessageBlocks {
		t.Fatalf("%d blocks", len(list))
	}
	total := 0
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				walk(e)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok {
				total += width(s)
				where := marked
				if v["type"] == "plain_text" {
					where = plain
				} else if v["verbatim"] != true {
					t.Fatalf("not verbatim: %q", s)
				}
				if width(s) > maxSection || s == "" {
					t.Fatalf("%d characters in a text object", width(s))
				}
				checkText(t, s, where)
			}
			for _, e := range v {
				walk(e)
			}
		}
	}
	for _, b := range list {
		walk(b)
	}
	if total > maxMessage {
		t.Fatalf("%d characters of text", total)
	}
	if len(text) > maxFallback || text == "" {
		t.Fatalf("fallback of %d bytes", len(text))
	}
	checkText(t, text, fallback)
}

// FuzzRender holds for any outside text: nothing of it is mark-up, links,
// notifies, hides or exceeds a budget, wherever it stands.
func FuzzRender(f *testing.F) {
	for _, s := range []string{"", "<!channel>", "http://evil.com", "a&b", "`x`*y*", "\u202Ea", "\xff", "evil。com", "ana@corp.example",
		"192.0.2.1", ":bomb:", "_a_", "a\nb", "&amp;lt;", "mailto:x", strings.Repeat("&", 5000), "U02ABC", "1.2.3.4.5", "https:http://x", "a:\u200Bb:"} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		m := message.Message{}.
			Title(message.L("T ").V(a)).
			Para(message.L("see ").V(a).V(b).L(" and ").Code(b).Code(a).L("end")).
			Fields(message.Field{Label: b, Text: message.Text{}.V(a).Person(b).Channel(a)}).
			Note(message.L(a).Strong(b).Link(b, "https://console.aws.amazon.com/"+a).Link(a, b)).
			Actions(message.Button{Action: "a", Value: b, Label: a, Hint: b}).
			Title(message.L("by ").Person("U02ABC").V(b))
		blocks, text := Render(m, RenderOptions{})
		checkBlocks(t, blocks, text)
		checkText(t, renderPlain(m, RenderOptions{}), fallback)
		for _, s := range []string{a, b, a + b} {
			v := neutral(s, false, ownNames{})
			if linkable.MatchString(v) || emojiForm.MatchString(v) || emphasised.MatchString(v) || strings.ContainsAny(v, "`\n") {
				t.Fatalf("%q is shown as %q", s, v)
			}
			if c := neutral(s, true, ownNames{}); strings.ContainsAny(c, "`\n") || linkable.MatchString(c) {
				t.Fatalf("%q is shown in code as %q", s, c)
			}
		}
	})
}

func FuzzModal(f *testing.F) {
	f.Add("a", "b")
	f.Fuzz(func(t *testing.T, a, b string) {
		v := renderModal(message.Modal{Callback: a, Private: b, Title: a, Submit: b, Parts: []message.Part{
			{Kind: message.Para, Text: message.Text{}.V(a)},
			{Kind: message.Input, Input: &message.InputField{ID: "x", Label: a, Hint: b, Options: []message.Option{{Label: a, Value: b}}}},
		}}, RenderOptions{})
		for _, s := range []string{v.Title.Text, v.Close.Text} {
			checkText(t, s, plain)
			if width(s) > maxViewTitle || s == "" {
				t.Fatalf("bad label %q", s)
			}
		}
		blocks := marshal(v.Blocks.BlockSet)
		checkBlocks(t, blocks, "x")
	})
}
