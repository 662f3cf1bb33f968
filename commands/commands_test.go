package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/message"
)

// office is a gate and a desk with plain fields that say what the world is.
type office struct {
	responders map[string]bool
	employees  map[string]bool
	open       []message.Text
	hidden     int
	cases      map[string]string
	questions  map[string]string // ref + user
	err        error
}

func (o *office) Refuse(_ context.Context, r Request, need Right) *message.Message {
	if o.responders[r.User] || (need == Anyone && o.employees[r.User]) {
		return nil
	}
	m := plain("refused")
	return &m
}

func (o *office) May(ctx context.Context, r Request, need Right) bool {
	return o.Refuse(ctx, r, need) == nil
}

func (o *office) OpenCases(_ context.Context, _ Request, limit int) (Lines, error) {
	return Lines{o.open[:min(limit, len(o.open))], o.hidden}, o.err
}

func (o *office) Case(_ context.Context, _ Request, ref string) (message.Message, bool, error) {
	text, ok := o.cases[ref]
	return plain(text), ok, o.err
}

func (o *office) Question(_ context.Context, ref, user string) (message.Text, bool, error) {
	text, ok := o.questions[ref+user]
	return message.L(text), ok, o.err
}

func newOffice() *office {
	return &office{responders: map[string]bool{"U0OMAR": true}, employees: map[string]bool{"U0ANA": true},
		cases: map[string]string{"SB-7F3K7QXA": "the case"}, questions: map[string]string{"SB-7F3K7QXAU0ANA": "until four"}}
}

func say(t *testing.T, o *office, user, text string) string {
	t.Helper()
	out, _ := New(o, Desks{Cases: o}).Run(t.Context(), Request{Root: "/ir", Text: text, User: user, Team: "T0CORP"})
	return flat(out.Message)
}

// flat is what a person reads, with outside values in guillemets.
func flat(m message.Message) string {
	var b strings.Builder
	for _, p := range m.Parts {
		for _, s := range p.Text {
			if s.Kind == message.Value || s.Kind == message.Code {
				fmt.Fprintf(&b, "«%s»", s.S)
			} else {
				b.WriteString(s.S)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestHelpShowsOnlyWhatTheCallerMayDo(t *testing.T) {
	t.Parallel()
	ana, omar := say(t, newOffice(), "U0ANA", "help"), say(t, newOffice(), "U0OMAR", "")
	if strings.Contains(ana, "/ir list") || !strings.Contains(ana, "/ir verify") {
		t.Errorf("an employee sees:\n%s", ana)
	}
	if !strings.Contains(omar, "/ir list") || !strings.Contains(omar, "/ir case") {
		t.Errorf("a responder sees:\n%s", omar)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		user, text string
		refused    bool
	}{
		{"U0STRANGER", "help", true}, {"U0STRANGER", "verify SB-7F3K7QXA", true}, {"", "list", true},
		{"U0ANA", "list", true}, {"U0ANA", "case SB-7F3K7QXA", true}, {"U0ANA", "verify SB-7F3K7QXA", false},
		{"U0OMAR", "list", false}, {"U0OMAR", "case SB-7F3K7QXA", false},
	} {
		if got := say(t, newOffice(), tc.user, tc.text); strings.HasPrefix(got, "refused") != tc.refused {
			t.Errorf("%s %q: %s", tc.user, tc.text, got)
		}
	}
}

func TestOddInput(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"lst":                       "Did you mean «/ir list»?",
		"LIST":                      "No case is open.",
		"  list  ":                  "No case is open.",
		"xyzzy-plugh":               "There is no command «xyzzy-plugh».",
		"case":                      "Please give one reference",
		"case a b":                  "Please give one reference",
		"case 7f3k7qxa":             "the case",
		"case `SB-7F3K7QXA`":        "the case",
		"case SB-7F3K7QX":           "is not a reference",
		"case SB-7F3K7QXAA":         "is not a reference",
		"case SB-7F3K7Q*A":          "is not a reference",
		"case ../../etc":            "is not a reference",
		"case SB-AAAAAAAA":          "There is no case «SB-AAAAAAAA»",
		"case <!channel>":           "«<!channel>» is not a reference",
		"case &lt;!channel&gt;":     "«<!channel>» is not a reference",
		"case &amp;lt;b":            "«&lt;b» is not a reference",
		"\x00list":                  "characters in it that cannot be typed",
		"list \x1b[2J":              "characters in it that cannot be typed",
		strings.Repeat("a", 10_000): "That is too long",
		"$(id)":                     "There is no command «$(id)»",
		"help; rm -rf":              "There is no command «help;»",
	} {
		if got := say(t, newOffice(), "U0OMAR", text); !strings.Contains(got, want) {
			t.Errorf("%.40q: got %q, want %q", text, got, want)
		}
	}
}

func TestVerifyTellsOnlyThePersonAsked(t *testing.T) {
	t.Parallel()
	if got := say(t, newOffice(), "U0ANA", "verify sb-7f3k7qxa"); !strings.Contains(got, "Yes, this is from me") {
		t.Error(got)
	}
	if got := say(t, newOffice(), "U0OMAR", "verify SB-7F3K7QXA"); !strings.Contains(got, "I have not asked you") {
		t.Error(got)
	}
}

func TestAFailureIsASentenceAndALogLine(t *testing.T) {
	t.Parallel()
	o := newOffice()
	o.err = errors.New("dial tcp 10.0.0.1: secret detail")
	out, err := New(o, Desks{Cases: o}).Run(t.Context(), Request{Root: "/ir", Text: "list", User: "U0OMAR"})
	if err == nil || strings.Contains(flat(out.Message), "secret detail") || !strings.Contains(flat(out.Message), "nothing was changed") {
		t.Fatalf("shown %q, logged %v", flat(out.Message), err)
	}
}

func TestLongListsSayThatTheyAreCut(t *testing.T) {
	t.Parallel()
	o := newOffice()
	for range 30 {
		o.open = append(o.open, message.L("a case"))
	}
	got := say(t, o, "U0OMAR", "list")
	if strings.Count(got, "a case") != listMost || !strings.Contains(got, "Only the first 20") {
		t.Error(got)
	}
}

func FuzzRun(f *testing.F) {
	for _, s := range []string{"help", "case SB-7F3K7QXA", "“list”", "—help", "\u202elist", "case \x00", strings.Repeat("x ", 900)} {
		f.Add(s)
	}
	o := newOffice()
	set := New(o, Desks{Cases: o})
	f.Fuzz(func(t *testing.T, text string) {
		out, err := set.Run(context.Background(), Request{Root: "/ir", Text: text, User: "U0OMAR"})
		if err != nil || len(out.Message.Parts) == 0 {
			t.Fatalf("%q: no answer, %v", text, err)
		}
	})
}
