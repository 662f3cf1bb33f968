package lookup_test

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/securitybot/securitybot/findings/lookup"
)

// parseCase is one thing a person may type. want is the canonical form; "" is a
// refusal whose sentence contains says. noted is part of a note.
type parseCase struct{ in, want, says, noted string }

func parseCases() []parseCase {
	long := strings.Repeat("a", 64)
	return []parseCase{
		// Addresses, plain and around.
		{in: "192.0.2.1", want: "192.0.2.1"},
		{in: " 192.0.2.1\n", want: "192.0.2.1"},
		{in: "192.0.2.1.", want: "192.0.2.1"},
		{in: "192.0.2.1,", want: "192.0.2.1"},
		{in: "'192.0.2.1'", want: "192.0.2.1"},
		{in: "“192.0.2.1”", want: "192.0.2.1"},
		{in: "`192.0.2.1`", want: "192.0.2.1"},
		{in: "(192.0.2.1)", want: "192.0.2.1"},
		{in: "*192.0.2.1*", want: "192.0.2.1"},
		{in: "`192.0.2.1`.", want: "192.0.2.1"},
		{in: "(evil.example).", want: "evil.example"},
		{in: "<http://evil.example|evil.example>.", want: "evil.example"},
		{in: "192.0.2.1:443", want: "192.0.2.1"},
		{in: "192.0.2.1:99999", says: "port between"},
		{in: "192.0.2.1:ssh", says: "port between"},
		{in: "192.0.2.1/login?a=b", want: "192.0.2.1", noted: "not the path"},
		{in: "http://192.0.2.1:8080/x", want: "192.0.2.1", noted: "not the path"},
		{in: "root@192.0.2.1", want: "192.0.2.1"},
		// Networks.
		{in: "192.0.2.1/32", want: "192.0.2.1"},
		{in: "192.0.2.1/24", says: "whole network"},
		{in: "192.0.2.1/33", says: "too large"},
		{in: "0.0.0.0/0", says: "whole network"},
		{in: "::/0", says: "whole network"},
		{in: "2001:db8::1/128", want: "2001:db8::1"},
		// Defanged.
		{in: "192[.]0[.]2[.]1", want: "192.0.2.1"},
		{in: "192(.)0(.)2(.)1", want: "192.0.2.1"},
		{in: "192{.}0{.}2{.}1", want: "192.0.2.1"},
		{in: "192[dot]0[DOT]2(dot)1", want: "192.0.2.1"},
		{in: "192 dot 0 dot 2 dot 1", want: "192.0.2.1"},
		{in: "192 . 0 . 2 . 1", want: "192.0.2.1"},
		{in: `192\.0\.2\.1`, want: "192.0.2.1"},
		{in: "192[.0[.2[.1", want: "192.0.2.1"},
		{in: "192.]0.]2.]1", want: "192.0.2.1"},
		{in: "hxxp://192.0.2[.]1/", want: "192.0.2.1"},
		{in: "hXXps[:]//evil[.]example[/]path", want: "evil.example", noted: "not the path"},
		{in: "h**p://evil.example", want: "evil.example"},
		{in: "hxxps[://]evil[.]example", want: "evil.example"},
		{in: "http:\\\\evil.example", want: "evil.example"},
		{in: "fxp://evil[.]example", want: "evil.example"},
		{in: "meow://evil.example", want: "evil.example"},
		{in: "//evil.example", want: "evil.example"},
		{in: "evil[.]example", want: "evil.example"},
		{in: "evil dot example", want: "evil.example"},
		{in: "user[@]evil[.]example", want: "evil.example", noted: "e-mail"},
		{in: "user(at)evil(dot)example", want: "evil.example", noted: "e-mail"},
		{in: "2001[:]db8[:][:]1", want: "2001:db8::1"},
		{in: "2001:db8[::]1", want: "2001:db8::1"},
		// IPv6 and what hides in it.
		{in: "2001:DB8:0:0:0:0:0:1", want: "2001:db8::1"},
		{in: "[2001:db8::1]", want: "2001:db8::1"},
		{in: "[2001:db8::1]:443", want: "2001:db8::1"},
		{in: "https://[2001:db8::1]:443/x", want: "2001:db8::1"},
		{in: "[2001:db8::1", says: "bracket"},
		{in: "[2001:db8::1]x", says: "after the bracket"},
		{in: "2001:db8::1::2", says: "IPv6"},
		{in: "::1", want: "::1"},
		{in: "[::1]", want: "::1"},
		{in: "fe80::1%eth0", says: "zone"},
		{in: "[fe80::1%25eth0]", says: "zone"},
		{in: "::ffff:192.0.2.1", want: "192.0.2.1", noted: "IPv4-mapped"},
		{in: "64:ff9b::a9fe:a9fe", want: "169.254.169.254", noted: "NAT64"},
		{in: "2002:a9fe:a9fe::", want: "169.254.169.254", noted: "6to4"},
		{in: "2001:0:c000:201:0:0:3f57:fefe", want: "192.168.1.1", noted: "Teredo"},
		{in: "::192.0.2.1", want: "192.0.2.1", noted: "IPv4-compatible"},
		{in: "::ffff:0:192.0.2.1", want: "192.0.2.1", noted: "IPv4-translated"},
		{in: "fec0::1", want: "fec0::1"},
		// Numbers that could be read in two ways.
		{in: "01.2.3.4", says: "leading zero"},
		{in: "0177.0.0.1", says: "127[.]0[.]0[.]1"},
		{in: "0x7f.1", says: "127[.]0[.]0[.]1"},
		{in: "0x7f000001", says: "127[.]0[.]0[.]1"},
		{in: "2130706433", says: "127[.]0[.]0[.]1"},
		{in: "127.1", says: "127[.]0[.]0[.]1"},
		{in: "1.2.3", says: "1[.]2[.]0[.]3"},
		{in: "1.2.3.4.5", says: "four numbers"},
		{in: "1.2.3.256", says: "larger than 255"},
		{in: "09.1.1.1", says: "four numbers"},
		{in: "１.2.3.4", says: "another script"},
		{in: "192。0。2。1", want: "192.0.2.1"},
		{in: "http://2130706433/", says: "127[.]0[.]0[.]1"},
		// Names.
		{in: "Evil.Example.", want: "evil.example"},
		{in: "_dmarc.example.com", want: "_dmarc.example.com"},
		{in: "*.evil.example", want: "evil.example", noted: "wildcard"},
		{in: "evil.example:8080", want: "evil.example"},
		{in: "co.uk", want: "co.uk", noted: "public suffix"},
		{in: "evil.github.io", want: "evil.github.io", noted: "shared host"},
		{in: "localhost", want: "localhost"},
		{in: "abcdefghij234567.onion", want: "abcdefghij234567.onion"},
		{in: "evil", says: "one word"},
		{in: "com", says: "one word"},
		{in: "a..example", says: "two dots"},
		{in: ".evil.example", says: "two dots"},
		{in: "-evil.example", says: "option"},
		{in: "evil-.example", says: "hyphen"},
		{in: long + ".example", says: "63"},
		{in: strings.Repeat("abcdefgh.", 30) + "example", says: "253"},
		{in: "evil.example.123", says: "never a number"},
		{in: "ev!l.example", says: "only letters"},
		{in: "evil%2eexample", says: "percent"},
		{in: "evil%2e.example", says: "percent"},
		{in: "evil.e_x", says: "top-level"},
		// Other scripts.
		{in: "пример.рф", want: "xn--e1afmkfd.xn--p1ai", noted: "xn-- form"},
		{in: "аpple.example", want: "xn--pple-43d.example", noted: "mixes letters"},
		{in: "xn--80ak6aa92e.example", want: "xn--80ak6aa92e.example", noted: "look like Latin"},
		{in: "例え.example", want: "xn--r8jz45g.example", noted: "xn-- form"},
		{in: "ｅvil.example", want: "evil.example"},
		{in: "evil。example", want: "evil.example"},
		{in: "faß.example", want: "xn--fa-hia.example"},
		{in: "😀.example", want: "xn--e28h.example", noted: "xn-- form"},
		{in: "xn--a.example", says: "does not decode"},
		{in: "xn--abc-.example", says: "does not decode"},
		{in: "е_x.example", says: "underscore"},
		{in: "ev\u200bil.example", says: "U+200B"},
		{in: "\u200bevil.example\u200b", want: "evil.example"},
		{in: "ev\u00adil.example", says: "U+00AD"},
		{in: "\u202eelpmaxe.live", says: "U+202E"},
		{in: "a—b.example", says: "hyphens"},
		{in: "evil\x00.example", says: "invisible"},
		{in: "\x1b[31mevil.example", says: "invisible"},
		{in: "evil\xff.example", says: "UTF-8"},
		// URLs made to deceive.
		{in: "http://good.example@evil.example/", want: "evil.example", noted: "user name"},
		{in: "http://a@b@evil.example/", want: "evil.example", noted: "user name"},
		{in: "http://good.example#@evil.example/", want: "good.example", noted: "an @ after the host"},
		{in: `http://good.example\@evil.example/`, want: "good.example", noted: "an @ after the host"},
		{in: "http://good#@evil/", says: "one word"},
		{in: "http:///", says: "no host"},
		{in: "javascript:alert(1)", says: "no host"},
		{in: "file:///etc/passwd", says: "no host"},
		{in: "data:text/html,x", says: "no host"},
		// Chat mark-up.
		{in: "<http://evil.example|evil.example>", want: "evil.example"},
		{in: "<http://evil.example|good.example>", want: "evil.example", noted: "something else"},
		{in: "<https://evil.example/a?b=c&amp;d=e>", want: "evil.example"},
		{in: "<mailto:ana@evil.example|ana@evil.example>", want: "evil.example", noted: "e-mail"},
		{in: "<http://192.0.2.1|192.0.2.1>", want: "192.0.2.1"},
		{in: "&lt;http://evil.example&gt;", want: "evil.example"},
		{in: "<@U0ANA>", says: "person"},
		{in: "<#C0SEC|security>", says: "channel"},
		{in: "<!channel>", says: "mention"},
		{in: "<|x>", says: "empty link"},
		// Something else.
		{in: "", says: "Name an IP"},
		{in: "   ", says: "Name an IP"},
		{in: "\"\"", says: "Name an IP"},
		{in: strings.Repeat("a", 10_000), says: "too long"},
		{in: "d41d8cd98f00b204e9800998ecf8427e", says: "file hash"},
		{in: strings.Repeat("0a", 32), says: "file hash"},
		{in: "i-0123456789abcdef0", says: "instance id"},
		{in: "i-0123456789abcdef0;id", says: "instance id"},
		{in: "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0", says: "ARN"},
		{in: "111122223333", says: "account number"},
		{in: "--force", says: "option"},
		{in: "—force", says: "hyphens"},
		{in: "-z", says: "option"},
		{in: "evil.example good.example", says: "more than one word"},
		{in: "$(id).example", says: "only letters"},
		{in: "`id`.example", says: "only letters"},
		{in: "evil.example;id", says: "only letters"},
		{in: "evil.example|id", says: "only letters"},
		{in: "${jndi:ldap://evil.example/a}", says: "colon"},
	}
}

func TestWhatPeopleTypeIsReadOrRefused(t *testing.T) {
	t.Parallel()
	if n := len(parseCases()); n < 60 {
		t.Fatalf("only %d cases", n)
	}
	for _, c := range parseCases() {
		got, err := lookup.Parse(c.in)
		if c.want == "" {
			var refusal *lookup.Refusal
			if !errors.As(err, &refusal) || !strings.Contains(refusal.Why, c.says) || !strings.HasSuffix(refusal.Why, ".") {
				t.Errorf("%.60q: %v, %v; want a refusal with %q", c.in, got, err, c.says)
			}
			continue
		}
		if err != nil || got.String() != c.want {
			t.Errorf("%.60q: %v, %v; want %s", c.in, got, err, c.want)
			continue
		}
		if !strings.Contains(strings.Join(got.Notes, " "), c.noted) || c.noted == "" && len(got.Notes) > 0 && got.Unicode == "" && !strings.Contains(c.in, "/") && !strings.Contains(c.in, "@") {
			t.Errorf("%.60q: notes %q, want %q", c.in, got.Notes, c.noted)
		}
		if strings.Contains(got.Defanged(), got.String()) && got.Name != "localhost" {
			t.Errorf("%.60q: %q is not defanged", c.in, got.Defanged())
		}
	}
}

// A refusal is shown as it is, so it must not carry what was typed.
func TestARefusalRepeatsNothing(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"<!channel>", "canaryword", "http://canaryword/", "canaryword canaryword", "canary%41word.example", "canaryword_.e_x", "canaryword!.example", "javascript:canaryword"} {
		if _, err := lookup.Parse(in); err == nil || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "<") {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestKindsAreNotMixedUp(t *testing.T) {
	t.Parallel()
	if _, err := lookup.ParseIP("evil.example"); err == nil || !strings.Contains(err.Error(), "domain name") {
		t.Errorf("a name as address: %v", err)
	}
	if _, err := lookup.ParseDomain("192.0.2.1"); err == nil || !strings.Contains(err.Error(), "IP address") {
		t.Errorf("an address as name: %v", err)
	}
	if i, err := lookup.ParseIP("hxxp://192[.]0[.]2[.]1"); err != nil || i.Kind != lookup.IP {
		t.Errorf("%v, %v", i, err)
	}
	if i, err := lookup.ParseDomain("evil[.]example"); err != nil || i.Kind != lookup.Domain {
		t.Errorf("%v, %v", i, err)
	}
}

func TestSeveralIndicatorsAtOnce(t *testing.T) {
	t.Parallel()
	got, more := lookup.ParseAll("Look at 192[.]0[.]2[.]1, hxxp://evil[.]example/x and 192.0.2.1; also evil . test.", 10)
	var out []string
	for _, p := range got {
		if p.Err != nil {
			out = append(out, "no:"+p.Input)
			continue
		}
		out = append(out, p.Indicator.String())
	}
	if s := strings.Join(out, " "); s != "no:Look no:at 192.0.2.1 evil.example no:and no:also evil.test" || more {
		t.Errorf("%s (more: %v)", s, more)
	}
	many := strings.Repeat("192.0.2.1\n", 500) + "192.0.2.2 192.0.2.3 192.0.2.4"
	if got, more := lookup.ParseAll(many, 3); len(got) != 3 || !more {
		t.Errorf("%d, more: %v", len(got), more)
	}
	if got, more := lookup.ParseAll(" ,; \n", 3); len(got) != 0 || more {
		t.Errorf("%v, more: %v", got, more)
	}
}

func TestRegistrableIsWhatSomebodyBought(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a.b.example.co.uk": "example.co.uk", "evil.github.io": "github.io", "www.example.com": "example.com", "co.uk": "co.uk", "example.com": "example.com",
		"x.s3.amazonaws.com": "amazonaws.com",
	} {
		i, err := lookup.Parse(in)
		if err != nil || i.Registrable() != want {
			t.Errorf("%s: %q, %v; want %s", in, i.Registrable(), err, want)
		}
	}
}

// FuzzParse checks that whatever is accepted is canonical: it reads back as
// itself, plain and defanged, and has nothing in it that could be mark-up.
func FuzzParse(f *testing.F) {
	for _, c := range parseCases() {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := lookup.Parse(in)
		if err != nil {
			var refusal *lookup.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("%q: %T %v", in, err, err)
			}
			return
		}
		for _, form := range []string{got.String(), got.Defanged()} {
			again, err := lookup.Parse(form)
			if err != nil || again.Key() != got.Key() {
				t.Errorf("%q became %q, which becomes %q (%v)", in, form, again, err)
			}
		}
		s := got.String()
		if strings.ToLower(s) != s || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789.-_:") != "" || len(s) > 253 {
			t.Errorf("%q became %q", in, s)
		}
		if strings.Contains(got.Unicode, "<") || !utf8.ValidString(got.Unicode) {
			t.Errorf("%q is shown as %q", in, got.Unicode)
		}
		lookup.Classify(got, lookup.Own{})
	})
}
