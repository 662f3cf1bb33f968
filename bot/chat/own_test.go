package chat

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/message"
)

func company() ownNames {
	return newOwn(Own{Domains: []string{"corp.example", "Shop.CO.uk", "co.uk", "com", "kiosk.example"},
		Names: []string{"mei.li", "jan.de@corp.example", "ana@partner.net", "build/deploy.app"}})
}

func TestOurOwnNamesStay(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"ana@corp.example", "ANA@Corp.Example", "ana.souza@corp.example", "ana+aws@mail.corp.example", "ana@corp.example.",
		"opened with the sign-in name “ana@corp.example”.", "seen in 24 hours: ana@corp.example, omar@corp.example", "(ana@corp.example)", "\"ana@corp.example\"",
		"build-7.prod.corp.example", "vpn.shop.co.uk", "corp.example: all of it", "is it ana@corp.example?",
		"mei.li", "Mei.Li", "jan.de@corp.example", "ana@partner.net",
	} {
		if got := company().defang(s); got != s {
			t.Errorf("%q is shown as %q", s, got)
		}
	}
}

// TestNobodyElsePassesForOurs: whoever chooses a session name, a tag or a host
// writes these.
func TestNobodyElsePassesForOurs(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"ana@corp.example.evil.com", "ana@evilcorp.example", "ana@corp-example.com", "corp.example.evil.com", "xcorp.example", "corp.example-evil.com",
		"ana@corp.example@evil.com", "evil.com@corp.example", "www.evil@corp.example", "x@evil.com@corp.example", "@corp.example",
		"http://corp.example/login", "https://ana:x@corp.example/", "//corp.example", "\\\\corp.example\\share", "corp.example/reset", "corp.example:8443",
		"mailto:ana@corp.example", "javascript:ana@corp.example", "ana@corp.example?subject=pay", "evil.com/ana@corp.example", "x=corp.example", "<https://evil.com|corp.example>",
		"corp.ex\u0430mple", "\u212aiosk.example", "ana@corp\uff0eexample", "ana＠corp.example", "203.0.113.9.corp.example", "mei.li/x", "http://mei.li", "sub.mei.li",
		"evil.co.uk", "ana@evil.com", "ana@partner.net.evil.com", "bob@partner.net",
	} {
		got := company().defang(visible(s, false))
		if want := defang(visible(s, false)); got != want {
			t.Errorf("%q is shown as %q, want %q", s, got, want)
		}
		if strings.Contains(got, "evil.com") || strings.Contains(got, "//corp.example") {
			t.Errorf("%q leads somewhere: %q", s, got)
		}
	}
}

func TestTheRestOfASentenceIsStillBrokenUp(t *testing.T) {
	t.Parallel()
	in := "ana@corp.example, https://evil.com/a and 192.0.2.1 on build.corp.example, not on c2.evil.com"
	want := "ana@corp.example, hxxps[:]//evil[.]com/a and 192[.]0[.]2[.]1 on build.corp.example, not on c2[.]evil[.]com"
	if got := company().defang(in); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestOurNamesStayOnEverySurface(t *testing.T) {
	t.Parallel()
	look := RenderOptions{own: company()}
	text := message.L("by ").V("ana@corp.example").L(" and ").Code("ana@evil.com")
	for where, want := range map[surface]string{marked: "by ana@corp.example and `ana[@]evil[.]com`", fallback: "by ana@corp.example and ana[@]evil[.]com", plain: "by ana@corp.example and ana[@]evil[.]com"} {
		if got, _ := render(text, where, 500, look); got != want {
			t.Errorf("surface %d: %q, want %q", where, got, want)
		}
	}
	if got := RenderCanvas(message.Message{}.Para(text), look); !strings.Contains(got, "by ana@corp.example") || strings.Contains(got, "evil.com") {
		t.Errorf("canvas: %q", got)
	}
}

// FuzzOwnNames: with or without knowing what is ours, nothing that is not ours
// is let through.
func FuzzOwnNames(f *testing.F) {
	for _, s := range []string{"ana@corp.example x.com", "a corp.example/b", "“mei.li”.evil.com", "é ana@corp.example…"} {
		f.Add(s)
	}
	own := company()
	f.Fuzz(func(t *testing.T, s string) {
		s = visible(s, false)
		got, want := own.defang(s), defang(s)
		if got == want {
			return
		}
		for _, name := range strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(" \n\"“‘«(<,;!?”’»)>", r) }) {
			name = strings.TrimRight(name, ".:")
			if defang(name) != name && !own.ours(name) {
				t.Fatalf("%q passes in %q", name, got)
			}
		}
	})
}
