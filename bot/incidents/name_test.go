package incidents

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/securitybot/securitybot/findings"
)

func TestChannelNames(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"SSH keys leaked":            "inc-20260302-ssh-keys-leaked-7f3k",
		"":                           "inc-20260302-incident-7f3k",
		"🔥🔥🔥":                        "inc-20260302-incident-7f3k",
		"../../etc/passwd":           "inc-20260302-etc-passwd-7f3k",
		"<!channel> @here #general":  "inc-20260302-channel-here-general-7f3k",
		"аpple is down":              "inc-20260302-pple-is-down-7f3k", // the first letter is Cyrillic
		"  --  a  --  ":              "inc-20260302-a-7f3k",
		"K8s\u202eexe.txt":           "inc-20260302-k8s-exe-txt-7f3k",
		"203.0.113.9 talks to miner": "inc-20260302-203-0-113-9-talks-to-miner-7f3k",
		"a title that is much longer than what anybody wants to read": "inc-20260302-a-title-that-is-much-longer-than-what-7f3k",
		strings.Repeat("x", 100): "inc-20260302-" + strings.Repeat("x", 40) + "-7f3k",
	} {
		if got := nameOf("", idA, title, t0, 0); got != want {
			t.Errorf("%q: %s, want %s", title, got, want)
		}
	}
	if got := nameOf("Sec Incident!", idA, "x", t0, 0); got != "sec-incident-20260302-x-7f3k" {
		t.Errorf("prefix: %s", got)
	}
}

const maxName = 80

var safe = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)+$`)

func FuzzNames(f *testing.F) {
	f.Add("inc", "SSH keys leaked", 0)
	f.Add("", "\xff\x00<!channel>", 3)
	f.Add("ſ", "K\u212a", 1)
	f.Fuzz(func(t *testing.T, prefix, title string, tries int) {
		n := nameOf("i"+prefix, idA, title, t0, tries)
		if len(n) > maxName || !safe.MatchString(n) {
			t.Errorf("%q %q: name %q", prefix, title, n)
		}
		c := clean(title)
		if !utf8.ValidString(c) || strings.ContainsAny(c, "\n\r\t\u202e\u200b") || clean(c) != c {
			t.Errorf("%q: cleaned to %q", title, c)
		}
		e := escape(title)
		if strings.Contains(e, "://") || regexp.MustCompile("(^|[^\\\\])[`*_\\[\\]<>]").MatchString(strings.ReplaceAll(e, `\\`, "")) {
			t.Errorf("%q: escaped to %q", title, e)
		}
	})
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]findings.Level{"critical": findings.Critical, "SEV1": findings.Critical, "sev-2": findings.High, "p3": findings.Medium, "S4": findings.Low, "low": findings.Low} {
		if got, ok := ParseLevel(word); !ok || got != want {
			t.Errorf("%s: %s %v", word, got, ok)
		}
	}
	for _, word := range []string{"", "1", "sev5", "sev0", "urgent", "highest", "sev"} {
		if got, ok := ParseLevel(word); ok {
			t.Errorf("%q is read as %s", word, got)
		}
	}
	for i, l := range Levels() {
		if rank(l) != len(Levels())-i {
			t.Errorf("rank of %s is %d", l, rank(l))
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	id := IDOf([10]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 255})
	if !ValidID(id) || len(id) != 16 || len(RefOf(id)) != len("INC-7F3KQX") {
		t.Errorf("id %s, reference %s", id, RefOf(id))
	}
	for _, bad := range []string{"", "x", idA + "A", "../../../../etc/p", strings.ToLower(idA)} {
		if ValidID(bad) {
			t.Errorf("%q is taken for an id", bad)
		}
	}
}
