package chat

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/internal/message"
)

var update = flag.Bool("update", false, "write the golden files anew")

var sampleTime = time.Date(2026, 11, 23, 14, 32, 0, 0, time.UTC)

// samples are messages as the bot sends them, and the worst that can come in.
func samples() map[string]message.Message {
	return map[string]message.Message{
		"question": message.Message{Fallback: message.L("Was this you? Your AWS access was used to list all IAM users in the ").V("payments-prod").
			L(" account at ").At(sampleTime).L(". Please answer in Slack.")}.
			Title(message.L("Was this you?")).
			Para(message.L("Hi ").V("Ana").L(". ").At(sampleTime).L(" your AWS access was used to ").Strong("list all IAM users").L(" in the ").
				V("payments-prod").L(" account, from an address in ").V("São Paulo, Brazil").L(" (approximately). None of your laptops was using that address.")).
			Actions(
				message.Button{Action: "inquiry.yes", Value: "q_4f1c", Label: "Yes, this was me", Style: message.Primary, Hint: "Yes, this was me"},
				message.Button{Action: "inquiry.no", Value: "q_4f1c", Label: "No, this wasn't me", Style: message.Danger, Hint: "No, this was not me: call security"},
				message.Button{Action: "inquiry.unsure", Value: "q_4f1c", Label: "I'm not sure"}).
			Note(message.Text{}.Strong("Why you?").L(" The session was opened with your sign-in name. ").Strong("What next?").
				L(" \"Yes\" closes this. \"No\" calls the security engineer on duty: you are not in trouble and need do nothing else. Please answer by ").
				At(sampleTime.Add(2 * time.Hour)).L("; after that security will look into it.")).
			Note(message.L("Questions? Reply here. · SB-1842 · We never ask for a password.")),
		"notice": message.Message{}.
			Title(message.L("A server of yours is talking to an address known for mining cryptocurrency")).
			Fields(
				message.Field{Label: "Server", Text: message.Text{}.Code("i-0123456789abcdef0").L(" ").V("web_frontend_1")},
				message.Field{Label: "Account", Text: message.Text{}.V("payments-prod").L(" (").Code("111122223333").L(")")},
				message.Field{Label: "Address", Text: message.Text{}.Code("203.0.113.7")},
				message.Field{Label: "Asked for", Text: message.Text{}.Code("pool.mining.example:3333")},
				message.Field{Label: "First seen", Text: message.Text{}.At(sampleTime)},
				message.Field{Label: "Owner", Text: message.Text{}.Person("U02ABCDEF")}).
			Para(message.L("Details: ").Link("finding in the console", "https://us-east-1.console.aws.amazon.com/guardduty/home?region=us-east-1#/findings?macros=current&fId=abc")).
			Divider().
			Note(message.L("In charge: ").Person("U0RESPOND").L(" in ").Channel("C0INCIDENT").L(" · SB-1843")),
		"hostile": message.Message{}.
			Title(message.L("Role session ").V("<!channel> *urgent* :rotating_light: http://evil.example/<x>")).
			Para(message.L("Name: ").V("<!channel> <@U12345> <https://evil.example|https://ok.example> & \"_x_\" ~y~ `z`")).
			Para(message.L("User agent: ").Code("`*curl* https://evil.example:8080/a?b=c\r\nX: \u202Egpj.exe\u200B")).
			Para(message.Text{}.V("line one\nline two\ttab \x1b[31mred\x00 \xff")).
			Fields(message.Field{Label: "Mail", Text: message.Text{}.V("root@evil.example, 192.0.2.1, [2001:db8::1]:443, www.evil.example")},
				message.Field{Label: "Empty", Text: message.Text{}.V("")}).
			Para(message.L("Person ").Person("U1> <!here").L(", link ").Link("not allowed", "https://console.aws.amazon.com.evil.example/").
				L(", channel ").Channel("<!here>")),
		"several": message.Message{}.
			Title(message.L("Open cases")).
			Actions(message.Button{Action: "case.open", Value: "c1", Label: "SB-1"}, message.Button{Action: "case.open", Value: "c2", Label: "SB-2"}),
	}
}

type golden struct {
	Text   string          `json:"text,omitempty"`
	Blocks json.RawMessage `json:"blocks,omitempty"`
	Plain  string          `json:"plain,omitempty"`
	View   json.RawMessage `json:"view,omitempty"`
}

func TestRenderGolden(t *testing.T) {
	t.Parallel()
	for name, m := range samples() {
		blocks, text := Render(m, RenderOptions{})
		compareGolden(t, name, golden{Text: text, Blocks: blocks, Plain: renderPlain(m, RenderOptions{})})
	}
	compareGolden(t, "modal", golden{View: RenderModal(sampleModal(), RenderOptions{})})
}

func sampleModal() message.Modal {
	return message.Modal{Callback: "inquiry.unsure", Private: "q_4f1c", Title: "I'm not sure", Submit: "Send", Parts: []message.Part{
		{Kind: message.Para, Text: message.L("Thank you. Anything that helps us is welcome; there are no wrong answers.")},
		{Kind: message.Input, Input: &message.InputField{ID: "who", Label: "What could it have been?", Options: []message.Option{
			{Label: "A script or tool of mine", Value: "script"}, {Label: "A colleague with the same account", Value: "shared"}, {Label: "No idea", Value: "unknown"}}}},
		{Kind: message.Input, Input: &message.InputField{ID: "note", Label: "Anything else?", Hint: "Never write a password here.", Multiline: true, Optional: true, MaxLen: 500}},
	}}
}

func compareGolden(t *testing.T, name string, g golden) {
	t.Helper()
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(g); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join("testdata", name+".golden.json")
	if *update {
		if err := os.WriteFile(file, buf.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), buf.String()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	opts := RenderOptions{LinkHosts: []string{"*.corp.example", "wiki.example"}}
	for _, tc := range []struct {
		name string
		in   message.Text
		want string
	}{
		{"literal is escaped", message.L("a < b & c > d"), "a &lt; b &amp; c &gt; d"},
		{"literal keeps line breaks", message.L("a\nb"), "a\nb"},
		{"literal is no mark-up", message.L("*a* _b_ ~c~ `d`"), "∗a∗ ˍbˍ ∼c∼ ˋdˋ"},
		{"strong", message.L("a ").Strong("b").L(" c"), "a *b* c"},
		{"strong gets its spaces", message.L("a").Strong("b").L("c"), "a *b* c"},
		{"strong keeps its spaces outside", message.L("a").Strong(" b ").L("c"), "a *b* c"},
		{"strong before punctuation", message.Text{}.Strong("b").L(", c"), "*b*, c"},
		{"strong on one line", message.Text{}.Strong("a\nb"), "*a b*"},
		{"empty strong", message.L("a").Strong("").L("b"), "ab"},
		{"role name stays", message.Text{}.V("my_role_name a*b"), "my_role_name a*b"},
		{"emoji", message.Text{}.V(":bomb: a:x:b :100: :+1:"), "∶bomb: a∶x:b ∶100: ∶+1:"},
		{"no emoji", message.Text{}.V("12:30:05 CryptoCurrency:EC2/BitcoinTool.B!DNS x: y"), "12:30:05 CryptoCurrency:EC2/BitcoinTool.B!DNS x: y"},
		{"quote", message.Text{}.V("> said"), "› said"},
		{"broadcast", message.Text{}.V("<!channel>"), "&lt;!channel&gt;"},
		{"code", message.L("in ").Code("arn:aws:iam::111122223333:role/_x_"), "in `arn:aws:iam::111122223333:role/_x_`"},
		{"code cannot be left", message.Text{}.Code("a`*b*"), "`aˋ*b*`"},
		{"empty code", message.Text{}.Code(" "), "`(none)`"},
		{"two codes", message.Text{}.Code("a").Code("b"), "`a` `b`"},
		{"code in brackets", message.L("(").Code("a").L(")"), "(`a`)"},
		{"person", message.Text{}.Person("U02ABC"), "<@U02ABC>"},
		{"no person", message.Text{}.Person("S02ABC"), "S02ABC"},
		{"person with more", message.Text{}.Person("U02ABC|x"), "U02ABC|x"},
		{"channel", message.Text{}.Channel("C02ABC"), "<#C02ABC>"},
		{"no channel", message.Text{}.Channel("!here"), "!here"},
		{"instant", message.Text{}.At(sampleTime), "<!date^1795444320^{date_short_pretty} {time}|2026-11-23 14:32 UTC>"},
		{"no instant", message.Text{}.At(time.Time{}), "(unknown time)"},
		{"link", message.Text{}.Link("console", "https://console.aws.amazon.com/x?a=1&b=<2>|3"), "<https://console.aws.amazon.com/x?a=1&amp;b=%3C2%3E%7C3|console>"},
		{"link of the company", message.Text{}.Link("a|b", "https://mfa.corp.example/"), "<https://mfa.corp.example/|a¦b>"},
		{"link host in capitals", message.Text{}.Link("w", "https://WIKI.example/"), "<https://wiki.example/|w>"},
		{"link elsewhere", message.Text{}.Link("w", "https://wiki.example.evil.example/"), "w"},
		{"link to a look-alike suffix", message.Text{}.Link("w", "https://evilcorp.example/"), "w"},
		{"link in clear", message.Text{}.Link("w", "http://wiki.example/"), "w"},
		{"link with user", message.Text{}.Link("w", "https://wiki.example@evil.example/"), "w"},
		{"link with user on an allowed host", message.Text{}.Link("w", "https://a:b@wiki.example/"), "w"},
		{"hidden character in a host", message.Text{}.V("evil\u200B.com"), `evil\u200B[.]com`},
		{"link with port", message.Text{}.Link("w", "https://wiki.example:8443/"), "w"},
		{"link without host", message.Text{}.Link("w", "javascript:alert(1)"), "w"},
		{"bad UTF-8", message.Text{}.V("a\xffb"), `a\xFFb`},
		{"unknown kind is a value", message.Text{{Kind: "raw", S: "<!here>"}}, "&lt;!here&gt;"},
	} {
		if got, _ := render(tc.in, marked, maxSection, opts); got != tc.want {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestDefang(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"http://evil.example/a.b":                "hxxp[:]//evil[.]example/a.b",
		"HTTPS://Evil.com":                       "hxxpS[:]//Evil[.]com",
		"ftp://evil.com":                         "ftp[:]//evil[.]com",
		"s3://bucket/key.txt":                    "s3[:]//bucket/key.txt",
		"javascript:alert(1)":                    "javascript[:]alert(1)",
		"mailto:a@b.com":                         "mailto[:]a[@]b[.]com",
		"evil.com.":                              "evil[.]com[.]",
		"evil。com":                               "evil[.]com",
		"пример.рф":                              "пример[.]рф",
		"xn--e1afmkfd.xn--p1ai":                  "xn--e1afmkfd[.]xn--p1ai",
		"192.0.2.1":                              "192[.]0[.]2[.]1",
		"192.0.2.1:443/x":                        "192[.]0[.]2[.]1:443/x",
		"2001:db8::1":                            "2001[:]db8[:][:]1",
		"[2001:db8::1]:443":                      "[2001[:]db8[:][:]1]:443",
		"host.unknowntld:8080":                   "host[.]unknowntld:8080",
		"host.unknowntld/path":                   "host[.]unknowntld/path",
		"@channel":                               "[@]channel",
		"t3.large":                               "t3.large",
		"aws-cli/2.1.30 Python/3.8":              "aws-cli/2.1.30 Python/3.8",
		"ana.silva":                              "ana.silva",
		"Backdoor:EC2/C&CActivity.B!DNS":         "Backdoor:EC2/C&CActivity.B!DNS",
		"arn:aws:iam::111122223333:user/x":       "arn:aws:iam::111122223333:user/x",
		"2026-11-23T14:32:05Z":                   "2026-11-23T14:32:05Z",
		"UnauthorizedAccess:IAMUser/TorIPCaller": "UnauthorizedAccess:IAMUser/TorIPCaller",
		"my-bucket.s3.amazonaws.com":             "my-bucket[.]s3[.]amazonaws[.]com",
		"www.unknowntld":                         "www[.]unknowntld",
		"a,b.com;c.org":                          "a,b[.]com;c[.]org",
		"plain words. Another sentence":          "plain words. Another sentence",
		"the end.Nextline":                       "the end.Nextline",
		"http:/one.slash":                        "http:/one.slash",
		"C:\\Users\\x":                           "C:\\Users\\x",
		"::ffff:192.0.2.1":                       "[:][:]ffff[:]192[.]0[.]2[.]1",
		"1.2.3.4.5x":                             "1[.]2[.]3[.]4[.]5x", "a.np": "a[.]np", "1.2.3": "1.2.3",
		"aa:bb:cc:dd:ee:ff":                     "aa:bb:cc:dd:ee:ff",
		"https://a:b@evil.com/#https://ok.com/": "hxxps[:]//a:b[@]evil[.]com/#hxxps[:]//ok[.]com/",
		"x.evil.com_y":                          "x[.]evil[.]com_y",
	} {
		if got := defang(in); got != want {
			t.Errorf("defang(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestVisible(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a\u202Eb":                  `a\u202Eb`,
		"a\u200Bb\uFEFF":            `a\u200Bb\uFEFF`,
		"a\x1b[31m\x00":             `a\u001B[31m\u0000`,
		"a\r\nb\tc":                 `a\r\nb c`,
		"a\u00A0b\u3000c":           "a b c",
		"a\u2028b\u2029":            `a\u2028b\u2029`,
		"\U000E0041":                `\U000E0041`,
		"a\u3164\u115F":             `a\u3164\u115F`,
		"e\u0301":                   "e\u0301",
		"z\u0301\u0301\u0301\u0301": "z\u0301\u0301\u0301" + `\u0301`,
		"❤\uFE0F":                   "❤",
		"\uFFFD":                    "\uFFFD",
		"São Paulo":                 "São Paulo",
	} {
		if got := visible(in, false); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestBudgets(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("<&>", 2000)
	m := message.Message{}
	for i := range 60 {
		m = m.Title(message.L(fmt.Sprint("Title ", i))).Para(message.L(long)).Fields(message.Field{Label: "L", Text: message.Text{}.V(long)})
	}
	m = m.Actions(manyButtons(30)...).Note(message.L(long))
	blocks, text := renderBlocks(m, RenderOptions{})
	checkBlocks(t, marshal(blocks), text)
	if len(blocks) == 0 || !strings.Contains(string(marshal(blocks)), "SB-29") {
		t.Error("the last button was lost")
	}
	if !strings.Contains(string(marshal(blocks[len(blocks)-1])), cutMark) {
		t.Error("nothing says that the message was cut")
	}
}

func TestBudgetCutsWholeEntities(t *testing.T) {
	t.Parallel()
	for n := range 40 {
		max := 60 + n
		got, cut := render(message.Text{}.V(strings.Repeat("&", 200)), marked, max, RenderOptions{})
		if !cut || width(got) > max || !strings.HasSuffix(got, cutMark) || strings.Trim(strings.TrimSuffix(strings.ReplaceAll(got, "&amp;", ""), cutMark), "…") != "" {
			t.Fatalf("max %d: %q", max, got)
		}
		got, _ = render(message.Text{}.Code(strings.Repeat("x", 200)), marked, max, RenderOptions{})
		if strings.Count(got, "`") != 2 || width(got) > max {
			t.Fatalf("max %d: code is not closed: %q", max, got)
		}
		got, _ = render(message.L(strings.Repeat("a", 60)).L(" ").Code(strings.Repeat("x", 200)), marked, max, RenderOptions{})
		if strings.Count(got, "`")%2 != 0 || width(got) > max {
			t.Fatalf("max %d: code is not closed: %q", max, got)
		}
	}
}

func TestValueIsShort(t *testing.T) {
	t.Parallel()
	got := neutral(strings.Repeat("é", 1<<20), false, ownNames{})
	if n := len([]rune(got)); n > maxValue+len([]rune(cutMark)) {
		t.Errorf("a value of %d runes is shown", n)
	}
	if got := neutral(strings.Repeat("a", maxRaw-1)+"é"+"b", true, ownNames{}); strings.Contains(got, `\x`) {
		t.Errorf("a rune was cut in two: %q", got[len(got)-20:])
	}
}

func TestFallbackIsForEdits(t *testing.T) {
	t.Parallel()
	m := message.Message{}.Title(message.L("T")).Para(message.L(strings.Repeat("€", 5000)))
	_, text := renderBlocks(m, RenderOptions{})
	if len(text) > maxFallback {
		t.Errorf("%d bytes, and chat.update takes 4000", len(text))
	}
	if _, text := renderBlocks(message.Message{}, RenderOptions{}); text == "" {
		t.Error("a message without text is refused by Slack")
	}
	m = message.Message{}.Title(message.L("Hi ").Person("U02ABC")).Para(message.L("at ").At(sampleTime).L(" by ").Code("*x*"))
	if _, text := renderBlocks(m, RenderOptions{}); text != "Hi <@U02ABC>\nat 2026-11-23 14:32 UTC by ∗x∗" {
		t.Errorf("got %q", text)
	}
}

func TestModalLimits(t *testing.T) {
	t.Parallel()
	m := message.Modal{Callback: strings.Repeat("c", 300), Private: strings.Repeat("p", 4000), Title: strings.Repeat("t", 40), Submit: strings.Repeat("s", 40)}
	for i := range 120 {
		in := &message.InputField{ID: fmt.Sprint("f", i), Label: strings.Repeat("l", 3000), Hint: strings.Repeat("h", 3000), MaxLen: 9000}
		for j := range 150 {
			in.Options = append(in.Options, message.Option{Label: strings.Repeat("o", 200), Value: fmt.Sprint(strings.Repeat("v", 200), j)})
		}
		if i%2 == 0 {
			in.Options = nil
		}
		m.Parts = append(m.Parts, message.Part{Kind: message.Input, Input: in}, message.Part{Kind: message.Para, Text: message.L("x")})
	}
	v := renderModal(m, RenderOptions{})
	if len(v.Blocks.BlockSet) > maxViewBlocks || len(v.CallbackID) > 255 || len(v.PrivateMetadata) > 3000 || width(v.Title.Text) > 24 || width(v.Submit.Text) > 24 {
		t.Errorf("limits are not kept: %d blocks, title %q", len(v.Blocks.BlockSet), v.Title.Text)
	}
	if empty := renderModal(message.Modal{}, RenderOptions{}); len(empty.Blocks.BlockSet) == 0 || empty.Title.Text == "" || empty.Submit != nil {
		t.Error("an empty dialog is refused by Slack")
	}
	readOnly := message.Modal{Parts: []message.Part{{Kind: message.Input, Input: &message.InputField{ID: "a", Label: "A"}}}}
	if v := renderModal(readOnly, RenderOptions{}); v.Submit == nil {
		t.Error("inputs without a submit button are refused by Slack")
	}
}

func manyButtons(n int) []message.Button {
	out := make([]message.Button, n)
	for i := range out {
		out[i] = message.Button{Action: "case.open", Value: fmt.Sprint("c", i), Label: fmt.Sprint("SB-", i)}
	}
	return out
}
