package inquiries

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/proof"
)

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "a", "a\nb", "\x00\x1b[31m", "\xff\xfe", strings.Repeat("é", 300), strings.Repeat("\xf0\x9f", 90), " x ", "\u202e", strings.Repeat("\x00", 2000) + "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := clean(s, 100)
		if len(got) > 100 || !utf8.ValidString(got) || strings.ContainsFunc(got, unicode.IsControl) {
			t.Errorf("%q becomes %q", s, got)
		}
		if again := clean(got, 100); again != got {
			t.Errorf("%q becomes %q, then %q", s, got, again)
		}
	})
}

// Whatever arrives, the stored form stays small and survives JSON.
func TestStateStaysSmall(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("é\x00\xff\n<x>", 20_000)
	text := message.Text{}
	for range 500 {
		text = text.V(huge).At(time.Date(30000, 1, 1, 0, 0, 0, 0, time.UTC)).Link(huge, huge)
	}
	about := About{Sentence: huge, Account: huge, Region: huge, Place: huge, Resource: huge, Service: huge, At: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC)}
	for range 300 {
		about.Details = append(about.Details, message.Field{Label: huge, Text: text})
	}
	q, _ := New("q1", Ask{Ref: huge, CaseID: "CASE1", Rule: huge, Level: findings.Low, Person: Person{Email: huge, Name: huge, Why: huge, TZ: huge}, About: about}, tuesday)
	now := tuesday
	for i := range 200 {
		for _, ev := range []Event{Joined{CaseID: fmt.Sprintf("CASE%d", i), Level: findings.Low, About: about}, Answered{By: fmt.Sprint(huge, i), Choice: Yes, Channel: huge},
			Delivered{ChatID: "U" + huge, Prompt: MessageRef{huge, huge}}, Reminded{MessageRef{huge, fmt.Sprint(i)}}, VerifyStarted{proof.Sent{TxID: huge, User: huge, Number: huge, Link: huge, Key: huge}}, Undeliverable{Reason: huge}, Withdrawn{}} {
			if _, closing := ev.(Withdrawn); closing && i < 199 {
				continue
			}
			q, _, _ = q.Apply(ev, now)
			now = now.Add(time.Second)
		}
	}
	check(t, q) // has the limit
	// An ordinary one is far smaller.
	q, _ = build(t, StatusNo)
	if n := len(encode(t, q)); n > 2<<10 {
		t.Errorf("an ordinary inquiry has %d bytes", n)
	}
}

func TestSpansKeepTheirSpaces(t *testing.T) {
	t.Parallel()
	got := boundText(message.L("port ").V(" 22 ").L("of").V("").L(" x"))
	var b strings.Builder
	for _, s := range got {
		b.WriteString(s.S)
	}
	if b.String() != "port  22 of x" {
		t.Errorf("%q", b.String())
	}
}

func TestUnknownLevelIsHigh(t *testing.T) {
	t.Parallel()
	for given, want := range map[findings.Level]findings.Level{"": findings.High, "LOW": findings.High, findings.Low: findings.Low, findings.Critical: findings.Critical} {
		if got := level(given); got != want {
			t.Errorf("%q is %s, want %s", given, got, want)
		}
	}
}
