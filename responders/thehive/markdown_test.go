package thehive

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/internal/message"
)

func TestMarkdown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	m := message.Message{}.Title(message.L("A server talks to ").V("evil.example")).
		Para(message.L("Seen at ").At(at).L(" by ").Person("U0ANA").L(". ").Strong("Look!").L(" ").Link("Console", "https://console.aws.amazon.com/x?y=<z>")).
		Fields(message.Field{Label: "Address", Text: message.Text{}.V("192.0.2.1")}, message.Field{Label: "Role", Text: message.Text{}.Code("a`b")}).
		Divider().Note(message.L("small")).Actions(message.Button{Label: "No"})
	want := `#### A server talks to evil\[.\]example

Seen at 2026-03-04T05:06:07Z by user U0ANA. **Look\!** [Console](<https://console.aws.amazon.com/x?y=%3Cz%3E>)

- **Address:** 192\[.\]0\[.\]2\[.\]1
- **Role:** ` + "`a'b`" + `

---

small`
	if got := markdown(m, ourText); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	long := message.Message{}
	for range 100 {
		long = long.Para(message.L(strings.Repeat("x", 100)))
	}
	if got := markdown(long, 1000); len(got) > 1000 || !strings.HasSuffix(got, "*Shortened: the rest did not fit.*") {
		t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-40:])
	}
}

// What outside text must not do, in any place it can stand.
func TestOutsideTextStaysText(t *testing.T) {
	t.Parallel()
	for give, want := range map[string]string{
		"<script>alert(1)</script>":        "&lt;script&gt;alert(1)&lt;/script&gt;",
		"![x](https://evil.example/a.png)": `\!\[x\](hxxps\[:\]//evil\[.\]example/a.png)`,
		"finding.severity >= 7":            `finding.severity &gt;= 7`, // our own words, no host
		"[click](javascript:alert(1))":     `\[click\](javascript\[:\]alert(1))`,
		"# heading":                        `\# heading`,
		"- item":                           `\- item`,
		"+ item":                           `\+ item`,
		"12. item":                         `12\. item`,
		"1) item":                          `1\) item`,
		"> quote":                          "&gt; quote",
		"===":                              `\===`,
		"a\n\n# b\n```\nc":                 "a  \\# b \\`\\`\\` c",
		"    code":                         "code",
		"**bold** _it_ ~~gone~~":           `\*\*bold\*\* \_it\_ \~\~gone\~\~`,
		"&lt;b&gt; &#60;":                  `&amp;lt;b&amp;gt; &amp;\#60;`,
		"a|b":                              `a\|b`,
		"\\[x\\]":                          `\\\[x\\\]`,
		"http://198.51.100.7:8080/x":       `hxxp\[:\]//198\[.\]51\[.\]100\[.\]7:8080/x`,
		"ana@corp.example":                 `ana\[@\]corp\[.\]example`,
		"2001:db8::1":                      `2001\[:\]db8\[:\]\[:\]1`,
		"evil。example":                     `evil\[.\]example`,
		"www.evil.example":                 `www\[.\]evil\[.\]example`,
		"a\u202eb\u200bc\x00d":             "abcd",
		"\xffx":                            "\uFFFDx",
		"arn:aws:iam::111122223333:user/a": "arn:aws:iam::111122223333:user/a",
		"UnauthorizedAccess:EC2/TorClient": "UnauthorizedAccess:EC2/TorClient",
		"2026-03-04T05:06:07Z":             "2026-03-04T05:06:07Z",
		"version 1.2.3":                    "version 1.2.3",
	} {
		if got := inline(message.Text{}.V(give)); got != want {
			t.Errorf("%q: %s, want %s", give, got, want)
		}
	}
}

func TestCodeCannotBeLeft(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"`", "``x``", "a`<b>`c", "\n```\n", " ` ", "\\`"} {
		if got := inline(message.Text{}.Code(s)); strings.Count(got, "`") != 2 && got != "" || strings.Contains(got, "\n") {
			t.Errorf("%q: %q", s, got)
		}
	}
}

func TestLinksAreHTTPSOnly(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"javascript:alert(1)", "http://evil.example", "https://u:p@evil.example", "", "data:text/html,x", "//evil.example", "https://"} {
		if got := inline(message.Text{}.Link("label", u)); got != "label" {
			t.Errorf("%q: %s", u, got)
		}
	}
	if got, want := inline(message.Text{}.Link("a](x)", "https://x.example/)<>")), `[a\](x)](<https://x.example/%29%3C%3E>)`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func FuzzOutsideText(f *testing.F) {
	for _, s := range []string{"", "x", "<a href=x>", "`", "\\", "![a](b)", "https://evil.example", "1.", "-", "\u202e", "\xff", "a@b.example", "[::1]", "：//"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := inline(message.Text{}.V(s))
		if strings.ContainsAny(got, "<>\n\r\x00") || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Fatalf("%q: %q", s, got)
		}
		for i, r := range got {
			if strings.ContainsRune("`*_[]#|~!", r) && (i == 0 || got[i-1] != '\\') {
				t.Fatalf("%q: %q is not escaped in %q", s, r, got)
			}
		}
		if strings.Contains(strings.ToLower(defang(s)), "http://") || strings.Contains(strings.ToLower(defang(s)), "https://") {
			t.Fatalf("%q: a link is left in %q", s, defang(s))
		}
		if c := inline(message.Text{}.Code(s)); strings.Count(c, "`") != 2 && c != "" {
			t.Fatalf("%q: code %q", s, c)
		}
	})
}
