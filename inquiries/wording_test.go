package inquiries

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/proof"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// renderings is everything a person can get to read, by the name of its golden
// file.
func renderings(t *testing.T) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, s := range allStatuses {
		q, now := build(t, s)
		out["outcome-"+string(s)] = Outcome(q)
		if !q.Open() && s != StatusWithdrawn {
			q, _, _ = do(t, q, now.Add(time.Hour), Withdrawn{"it was your new VPN"})
			out["closed-"+string(s)] = Outcome(q)
		}
	}
	for name, change := range map[string]func(*Ask){"plain": func(*Ask) {}, "proof": withMFA, "passed-on": steps,
		"nothing-known": func(a *Ask) { a.Person, a.About = Person{ChatID: ana}, About{} }} {
		q, _ := New("q1", askOf(findings.Medium, change), tuesday)
		out["question-"+name] = Question(q)
	}
	for _, l := range []findings.Level{findings.Low, findings.High, findings.Critical} {
		q, _ := New("q1", askOf(l), tuesday)
		out["question-"+string(l)] = Question(q)
	}
	q, _ := New("q1", askOf(findings.Medium), tuesday)
	out["reminder"], out["details"] = Reminder(q), Details(q)
	for i := 2; i <= 6; i++ {
		q, _, _ = do(t, q, tuesday, Joined{CaseID: fmt.Sprint(i), Level: findings.Medium, About: askOf(findings.Medium).About})
		if i == 2 || i == 6 {
			out[fmt.Sprintf("question-of-%d", i)] = Question(q)
		}
	}
	out["details-of-6"] = Details(q)
	for name, sent := range map[string]proof.Sent{"phone": {TxID: "tx"}, "number": {TxID: "tx", Number: "47"}, "link": {TxID: "tx", Link: "https://securitybot.corp.example/verify/abc"}} {
		q, now := build(t, StatusVerifying)
		q, _, _ = do(t, q, now, VerifyStarted{sent})
		out["outcome-verifying-"+name] = Outcome(q)
	}
	for _, r := range []Result{VerifyTimeout, VerifyUnavailable, VerifyOutage, VerifyCapped} {
		q, now := build(t, StatusVerifying)
		q, _, _ = do(t, q, now, Verified{r})
		out["outcome-unverified-"+string(r)] = Outcome(q)
	}
	gone, _ := build(t, StatusUndeliverable)
	out["undeliverable-notice"] = UndeliverableNotice(gone)
	for s, ev := range map[Status]Event{StatusAsked: by(bo, No), StatusNo: by(ana, Yes), StatusYes: by(ana, Unsure), StatusVerifying: by(ana, Yes),
		StatusExpired: by(ana, Yes), StatusWithdrawn: by(ana, Yes), StatusRefused: by(ana, No)} {
		q, now := build(t, s)
		_, _, reply := do(t, q, now.Add(time.Minute), ev)
		out["reply-when-"+string(s)] = reply.Message
	}
	return out
}

func TestGolden(t *testing.T) {
	t.Parallel()
	all := renderings(t)
	for name, m := range all {
		var buf bytes.Buffer
		enc := json.NewEncoder(&buf)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", " ")
		if err := enc.Encode(m); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(file, buf.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, buf.Bytes()) {
			t.Errorf("%s differs from its golden file (run with -update and look at the difference):\n%s", name, buf.Bytes())
		}
	}
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) != len(all) {
		t.Errorf("%d golden files for %d renderings", len(files), len(all))
	}
}

// ours returns the words we wrote ourselves, by where they stand.
func ours(m any) []string {
	var out []string
	text := func(t message.Text) {
		for _, s := range t {
			switch s.Kind {
			case message.Literal, message.Strong, message.Link:
				out = append(out, s.S)
			}
		}
	}
	parts := func(ps []message.Part) {
		for _, p := range ps {
			text(p.Text)
			for _, f := range p.Fields {
				out = append(out, f.Label)
				text(f.Text)
			}
			for _, b := range p.Buttons {
				out = append(out, b.Label, b.Hint)
			}
		}
	}
	switch m := m.(type) {
	case message.Message:
		text(m.Fallback)
		parts(m.Parts)
	case message.Modal:
		out = append(out, m.Title, m.Submit)
		parts(m.Parts)
	}
	return out
}

// jargon is what no employee should have to read, and what gives away how
// something was noticed.
var jargon = regexp.MustCompile(`(?i)\b(findings?|principals?|anomal\w*|severity|severe|mfa|2fa|otp|credentials?|iam|guardduty|cloudtrail|arn|incidents?|suspicious|malicious|attack\w*|hack\w*|compromise\w*|breach\w*|detect\w*|rules?|policy|policies|threats?|scores?|risk\w*|escalat\w*|inquir\w*|employees?|violat\w*|unauthori\w*|blame\w*|fault)\b`)

func TestReadingRules(t *testing.T) {
	t.Parallel()
	for name, m := range renderings(t) {
		if name == "undeliverable-notice" {
			continue // for the security team
		}
		for _, s := range ours(m) {
			if w := jargon.FindString(strings.ReplaceAll(s, askOf("").About.Sentence, "")); w != "" && !strings.Contains(s, "list IAM users") {
				t.Errorf("%s: %q in %q", name, w, s)
			}
			for _, sentence := range regexp.MustCompile(`[.?!:] `).Split(s, -1) {
				if n := len(strings.Fields(sentence)); n > 26 {
					t.Errorf("%s: a sentence of %d words: %q", name, n, sentence)
				}
			}
			if strings.Contains(s, "  ") || strings.Contains(s, "..") || strings.Contains(s, " .") || strings.ContainsAny(s, "<>*_`\n!") {
				t.Errorf("%s: untidy: %q", name, s)
			}
		}
		text := plainText(partsOf(m))
		if strings.Contains(text, "..") || strings.Contains(text, "  ") {
			t.Errorf("%s: untidy:\n%s", name, text)
		}
	}
}

func partsOf(m any) []message.Part {
	switch m := m.(type) {
	case message.Message:
		return m.Parts
	case message.Modal:
		return m.Parts
	}
	return nil
}

// What a question must say, in this order, and what its fallback must not
// leave out.
func TestQuestionSaysEverything(t *testing.T) {
	t.Parallel()
	for _, l := range []findings.Level{findings.Low, findings.Medium, findings.High, findings.Critical} {
		q, _ := New("q1", askOf(l), tuesday)
		m := Question(q)
		text := plainText(m.Parts)
		at := 0
		for _, want := range []string{"Was this you?", "Hi Ana. Your AWS access was used to list IAM users.", "13 Jan 10:32", "payments-prod", "São Paulo, Brazil", "Why you?",
			"What next?", "If it was you", "If it wasn't, we call the security engineer on duty: you are not in trouble", "Please answer by " + q.Deadline.Format("2 Jan 15:04"),
			"[Yes, this was me]", "[No, this wasn't me]", "[I'm not sure]", "[Details]", "SB-TEST2345", "never ask for a password", "/ir verify SB-TEST2345"} {
			i := strings.Index(text[at:], want)
			if i < 0 {
				t.Fatalf("%s: %q is missing or out of order in\n%s", l, want, text)
			}
			at += i
		}
		fallback := plainText([]message.Part{{Text: m.Fallback}})
		for _, want := range []string{"Was this you?", "list IAM users", "payments-prod", "Please answer by", "SB-TEST2345"} {
			if !strings.Contains(fallback, want) {
				t.Errorf("%s: the fallback lacks %q: %s", l, want, fallback)
			}
		}
		if strings.Contains(text, "198.51.100.7") {
			t.Errorf("%s: the address belongs into the details", l)
		}
	}
}

// What is said about a "yes" is what the rule makes of it.
func TestYesIsNotPromisedMoreThanItDoes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		level findings.Level
		spec  policy.InquireSpec
		want  string
	}{
		{findings.Low, policy.InquireSpec{}, textYesCloses}, {findings.Medium, policy.InquireSpec{OnYes: policy.Record}, textYesCloses},
		{findings.Medium, policy.InquireSpec{OnYes: policy.Notify}, textYesPassed}, {findings.Medium, policy.InquireSpec{OnYes: policy.Ticket}, textYesPassed},
		{findings.High, policy.InquireSpec{OnYes: policy.Record}, textYesLook}, {findings.Critical, policy.InquireSpec{}, textYesLook},
		{findings.Low, policy.InquireSpec{MFA: true}, textYesProof}, {findings.High, policy.InquireSpec{MFA: true}, textYesProof},
	} {
		q, _ := New("q1", askOf(tc.level, func(a *Ask) { a.Spec = tc.spec }), tuesday)
		if text := plainText(Question(q).Parts); !strings.Contains(text, strings.TrimSpace(tc.want)) {
			t.Errorf("%s %+v: %q is missing in\n%s", tc.level, tc.spec, tc.want, text)
		}
	}
}

// A "no" can be given from every message that is not the end already.
func TestNoStaysPossible(t *testing.T) {
	t.Parallel()
	for _, s := range allStatuses {
		q, _ := build(t, s)
		var actions []string
		for _, p := range Outcome(q).Parts {
			for _, b := range p.Buttons {
				actions = append(actions, b.Action)
				if b.Value != q.ID || len(b.Label) > 75 || len(b.Hint) > 75 || b.Label == "" {
					t.Errorf("%s: button %+v", s, b)
				}
			}
		}
		ended := s == StatusNo || s == StatusRefused
		if possible := strings.Contains(strings.Join(actions, " "), ActionNo); possible == ended {
			t.Errorf("%s: buttons %v", s, actions)
		}
	}
}

// Text from outside is never ours.
func TestOutsideTextStaysOutside(t *testing.T) {
	t.Parallel()
	evil := "<!channel> *x* <https://evil.example|here>"
	q, _ := New("q1", askOf(findings.Medium, func(a *Ask) {
		a.Ref, a.Rule = "SB-TEST2345", evil
		a.Person = Person{Email: evil, Name: evil, Why: evil, TZ: evil, ChatID: ana}
		a.About.Account, a.About.Region, a.About.Place, a.About.Resource, a.About.Service = evil, evil, evil, evil, evil
	}), tuesday)
	q, _, _ = do(t, q, tuesday, prompt(), Joined{CaseID: evil, About: About{Account: evil, Place: evil, Resource: evil}})
	closed, _, _ := do(t, q, tuesday.Add(time.Minute), by(ana, Yes), Withdrawn{evil})
	gone, _ := New("q1", askOf(findings.Medium, func(a *Ask) { a.Person.Email = evil }), tuesday)
	gone, _, _ = do(t, gone, tuesday, Undeliverable{Reason: evil})
	for name, m := range map[string]any{"question": Question(q), "reminder": Reminder(q), "details": Details(q), "outcome": Outcome(q), "closed": Outcome(closed), "notice": UndeliverableNotice(gone)} {
		for _, s := range ours(m) {
			if strings.Contains(s, "evil") || strings.Contains(s, "channel>") {
				t.Errorf("%s: outside text as ours: %q", name, s)
			}
		}
	}
}

func TestModalFits(t *testing.T) {
	t.Parallel()
	q, _ := New("q1", askOf(findings.Medium), tuesday)
	m := Details(q)
	if len(m.Title) > 24 || m.Submit != "" || m.Private != "q1" || !strings.Contains(plainText(m.Parts), "198.51.100.7") || !strings.Contains(plainText(m.Parts), "iam:ListUsers") {
		t.Errorf("modal %+v", m)
	}
}

func TestSentence(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{"": textUnknownAct, "your key was used": "Your key was used", "A rule's own sentence.": "A rule's own sentence", "école": "École", "...": textUnknownAct} {
		if got := sentence(Inquiry{About: About{Sentence: given}}); got != want || !unicode.IsUpper([]rune(got)[0]) {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}
