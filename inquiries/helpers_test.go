package inquiries

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/message"
)

// tuesday is 11:00 in Lisbon and in UTC, in winter.
var tuesday = time.Date(2026, 1, 13, 11, 0, 0, 0, time.UTC)

const ana, bo = "U0ANA", "U0BO"

func askOf(l findings.Level, change ...func(*Ask)) Ask {
	a := Ask{Ref: "SB-TEST2345", CaseID: "CASE1", Rule: "iam-unusual-place", Level: l,
		Person: Person{Email: "ana@corp.example", ChatID: ana, Name: "Ana", Why: "the session was opened with your sign-in name", TZ: "Europe/Lisbon"},
		About: About{Sentence: "your AWS access was used to list IAM users", Account: "payments-prod (111122223333)", Region: "eu-west-1",
			Place: "São Paulo, Brazil", Resource: "user/ana", Service: "iam:ListUsers", At: tuesday.Add(-28 * time.Minute),
			Details: []message.Field{{Label: "Address", Text: message.Text{}.Code("198.51.100.7")}}}}
	for _, c := range change {
		c(&a)
	}
	return a
}

func withMFA(a *Ask) { a.Spec.MFA = true }
func unbound(a *Ask) { a.Person.ChatID = "" }
func unzoned(a *Ask) { a.Person.TZ = "" }
func steps(a *Ask)   { a.Spec.OnYes, a.Spec.OnUnsure = policy.Notify, policy.Page }
func prompt() Event  { return Delivered{ChatID: ana, Prompt: MessageRef{"D1", "1.1"}} }
func by(u string, c Choice) Answered {
	return Answered{By: u, Choice: c, At: tuesday, Channel: "D1", TS: "1.1"}
}

// do applies events at one instant and returns the last effects and reply.
func do(t *testing.T, q Inquiry, now time.Time, events ...Event) (Inquiry, []Effect, Reply) {
	t.Helper()
	var effects []Effect
	var reply Reply
	for _, ev := range events {
		before := encode(t, q)
		next, e, r := q.Apply(ev, now)
		if encode(t, q) != before {
			t.Fatalf("%T changed the state it was applied to", ev)
		}
		check(t, next)
		q, effects, reply = next, e, r
	}
	return q, effects, reply
}

// check is what holds for every state.
func check(t *testing.T, q Inquiry) {
	t.Helper()
	raw := encode(t, q)
	var back Inquiry
	if err := json.Unmarshal([]byte(raw), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(q, back); diff != "" {
		t.Fatalf("state changes on its way through JSON:\n%s", diff)
	}
	if q.Open() == q.Next().IsZero() {
		t.Fatalf("status %s: open %v, next %v", q.Status, q.Open(), q.Next())
	}
	if len(raw) > 64<<10 {
		t.Fatalf("state has %d bytes", len(raw))
	}
}

func encode(t *testing.T, q Inquiry) string {
	t.Helper()
	raw, err := json.Marshal(q)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// brief writes effects as short words: ask, remind, outcome, verify, tell and
// decide=<step>.
func brief(effects []Effect) string {
	var out []string
	for _, e := range effects {
		word := string(e.Kind)
		if e.Kind == EffectDecide {
			word += "=" + string(e.Step)
		}
		out = append(out, word)
	}
	return strings.Join(out, " ")
}

func decision(effects []Effect) (Effect, bool) {
	for _, e := range effects {
		if e.Kind == EffectDecide {
			return e, true
		}
	}
	return Effect{}, false
}

// plainText is all text of parts, values included.
func plainText(parts []message.Part) string {
	var b strings.Builder
	text := func(t message.Text) {
		for _, s := range t {
			if s.Kind == message.Instant {
				b.WriteString(s.At.UTC().Format("2 Jan 15:04"))
			}
			b.WriteString(s.S)
		}
		b.WriteString("\n")
	}
	for _, p := range parts {
		text(p.Text)
		for _, f := range p.Fields {
			b.WriteString(f.Label + ": ")
			text(f.Text)
		}
		for _, x := range p.Buttons {
			b.WriteString("[" + x.Label + "]\n")
		}
	}
	return b.String()
}

func said(r Reply) string { return strings.TrimSpace(plainText(r.Message.Parts)) }
