package responders_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/responders"
)

func parse(t *testing.T, action string, args ...string) (responders.Params, error) {
	t.Helper()
	a, ok := responders.Find(action)
	if !ok {
		t.Fatalf("there is no %s", action)
	}
	return a.Parse(args)
}

func TestTypedParametersAreCanonical(t *testing.T) {
	t.Parallel()
	defaults := responders.Params{"seconds": "60", "packets": "100000", "megabytes": "100"}
	for text, want := range map[string]responders.Params{
		"":                       {},
		"host=203.0.113.9":       {"host": "203.0.113.9"},
		"host=::ffff:192.0.2.1":  {"host": "192.0.2.1"},
		"host=2001:DB8::1":       {"host": "2001:db8::1"},
		"host=203.0.113.0/24":    {"host": "203.0.113.0/24"},
		"PORT=443 proto=TCP":     {"port": "443", "proto": "tcp"},
		"seconds=007":            {"seconds": "7"},
		"host=2001:db8::/32":     {"host": "2001:db8::/32"},
		"port=65535 seconds=600": {"port": "65535", "seconds": "600"},
	} {
		got, err := parse(t, "tcpdump", strings.Fields(text)...)
		full := maps.Clone(defaults)
		maps.Copy(full, want)
		if err != nil || !maps.Equal(got, full) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// hostile are values nobody types by accident, for every parameter that has a
// form.
var hostile = []string{
	"", " ", "-w", "-z", "--help", "$(id)", "`id`", ";id", "|id", "&&id", "a b", "'", `"`, "\\", "\n", "\x00", "\u202e1", "１２", "1e3", "+1", "-1", "0x10",
	"1.2.3", "1.2.3.4.5", "256.1.1.1", "0.0.0.0/0", "::/0", "203.0.113.9/24", "fe80::1%eth0", "::ffff:192.0.2.0/120", "192.0.2.1:443", "[2001:db8::1]",
	"host", "example.com", "not", "port 1 or host 1.2.3.4", "99999999999999999999", "1000001", "NaN", "tcp;", "tcp or udp", "ssh\r\n", "../../etc/passwd",
	"{{param}}", "{{ssm:secret}}", "%s", "<!channel>", "AAAA" + strings.Repeat("A", 5000),
}

func TestNothingHostileIsAParameter(t *testing.T) {
	t.Parallel()
	n := 0
	for _, a := range responders.Catalogue() {
		for _, p := range a.Params {
			if p.Kind == responders.Words {
				continue
			}
			for _, v := range hostile {
				got, err := a.Parse([]string{p.Name + "=" + v})
				n++
				if err == nil {
					t.Errorf("%s %s=%q becomes %q", a.ID, p.Name, v, got[p.Name])
				} else if len(err.Error()) > 400 {
					t.Errorf("%s %s=%.20q: the answer has %d bytes", a.ID, p.Name, v, len(err.Error()))
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("only %d inputs were tried", n)
	}
}

func TestOddArguments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"tcpdump host":           "is not a parameter",
		"tcpdump wibble=1":       "is not a parameter",
		"tcpdump port=1 port=2":  "given twice",
		"tcpdump =1":             "is not a parameter",
		"snapshot all=yes":       "is not a parameter",
		"osquery set=everything": "set is one of triage",
		"osquery set=select":     "set is one of triage",
		"isolate":                "reason is missing",
		"isolate reason=":        "reason is empty",
		"isolate reason=\u202ex": "cannot be typed",
		"isolate level=2":        "is not a parameter",
		"memory minutes=181":     "from 5 to 180",
		"release reason=" + strings.Repeat("x", 301): "longer than 300",
	} {
		words := strings.Fields(text)
		if _, err := parse(t, words[0], words[1:]...); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}

func TestAReasonTakesTheRestOfTheLine(t *testing.T) {
	t.Parallel()
	got, err := parse(t, "isolate", "reason=it", "mines", "port=1", "coins;", "$(id)")
	if err != nil || got["reason"] != "it mines port=1 coins; $(id)" {
		t.Fatal(got, err)
	}
}

func TestStoredParametersMustBeCanonical(t *testing.T) {
	t.Parallel()
	a, _ := responders.Find("tcpdump")
	for name, p := range map[string]responders.Params{
		"another form":  {"host": "2001:DB8::1"},
		"another name":  {"shell": "id"},
		"out of range":  {"seconds": "6000"},
		"not canonical": {"port": "0443"},
	} {
		if a.Check(p) == nil {
			t.Errorf("%s: %v is accepted", name, p)
		}
	}
	if err := a.Check(responders.Params{"host": "2001:db8::1", "port": "443"}); err != nil {
		t.Error(err)
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	ok := responders.Target{Account: "111122223333", Region: "eu-west-1", Instance: "i-0a1b2c3d4e5f60718"}
	if err := ok.Check(); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []responders.Target{
		{ok.Account, ok.Region, "i-0a1b2c3d4e5f6071"}, {ok.Account, ok.Region, "I-0a1b2c3d4e5f60718"}, {ok.Account, ok.Region, "i-0a1b2c3d4e5f60718\n"},
		{ok.Account, ok.Region, "vol-0a1b2c3d4e5f60718"}, {"11112222333", ok.Region, ok.Instance}, {"111122223333/", ok.Region, ok.Instance},
		{ok.Account, "eu-west-1.evil.example", ok.Instance}, {ok.Account, "", ok.Instance}, {ok.Account, "eu-west-1/../..", ok.Instance},
	} {
		if bad.Check() == nil {
			t.Errorf("%v is accepted", bad)
		}
	}
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ana@corp.example": "ana@corp.example", "U0ANA": "U0ANA", "o'neil@corp.example": "", "ana+x@corp.example": "", "": "", "a": "",
		"aws:root": "", "ana\n": "ana", strings.Repeat("a", 65): "", "ana ana": "",
	} {
		if got := responders.IdentityOf(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range hostile {
		f.Add("tcpdump", "host="+s)
		f.Add("osquery", "set="+s)
	}
	f.Fuzz(func(t *testing.T, action, line string) {
		a, ok := responders.Find(action)
		if !ok {
			return
		}
		p, err := a.Parse(strings.Fields(line))
		if err != nil {
			return
		}
		if err := a.Check(p); err != nil {
			t.Fatalf("%s %q: what was parsed is not canonical: %v", action, line, err)
		}
	})
}
