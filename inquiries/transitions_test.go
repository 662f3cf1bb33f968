package inquiries

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/proof"
)

// build makes an inquiry of medium level in each status, and the instant to go
// on from. Everything but "held" is delivered unless it cannot be.
func build(t *testing.T, s Status) (Inquiry, time.Time) {
	t.Helper()
	now := tuesday
	ask := func(change ...func(*Ask)) Inquiry {
		q, _ := New("q1", askOf(findings.Medium, change...), now)
		return q
	}
	run := func(q Inquiry, events ...Event) (Inquiry, time.Time) {
		q, _, _ = do(t, q, now.Add(time.Minute), events...)
		return q, now.Add(time.Minute)
	}
	switch s {
	case StatusHeld:
		now = tuesday.Add(-6 * time.Hour)
		q, _ := New("q1", askOf(findings.Low), now)
		return q, now
	case StatusAsked:
		return run(ask(), prompt())
	case StatusReminded:
		q, _ := run(ask(), prompt())
		now = q.Next()
		q, _, _ = do(t, q, now, Clock{})
		return q, now
	case StatusVerifying:
		return run(ask(withMFA), prompt(), by(ana, Yes))
	case StatusYes:
		return run(ask(), prompt(), by(ana, Yes))
	case StatusVerified:
		return run(ask(withMFA), prompt(), by(ana, Yes), Verified{VerifyAllow})
	case StatusNo:
		return run(ask(), prompt(), by(ana, No))
	case StatusRefused:
		return run(ask(withMFA), prompt(), by(ana, Yes), Verified{VerifyDeny})
	case StatusUnverified:
		return run(ask(withMFA), prompt(), by(ana, Yes), Verified{VerifyError})
	case StatusUnsure:
		return run(ask(), prompt(), by(ana, Unsure))
	case StatusExpired:
		q, _ := run(ask(), prompt())
		now = q.Deadline
		q, _, _ = do(t, q, now, Clock{})
		return q, now
	case StatusUndeliverable:
		return run(ask(), Undeliverable{Reason: "no such user"})
	case StatusWithdrawn:
		return run(ask(), prompt(), Withdrawn{"security looked at it"})
	}
	t.Fatalf("no way to build %s", s)
	return Inquiry{}, now
}

var allStatuses = []Status{StatusHeld, StatusAsked, StatusReminded, StatusVerifying, StatusYes, StatusVerified, StatusNo, StatusRefused,
	StatusUnverified, StatusUnsure, StatusExpired, StatusUndeliverable, StatusWithdrawn}

type tableEvent struct {
	name string
	ev   Event
	wait time.Duration // before it happens
}

var tableEvents = []tableEvent{
	{"clock", Clock{}, time.Second},
	{"clock much later", Clock{}, 10 * 24 * time.Hour},
	{"yes", by(ana, Yes), time.Second},
	{"no", by(ana, No), time.Second},
	{"unsure", by(ana, Unsure), time.Second},
	{"yes much later", by(ana, Yes), 10 * 24 * time.Hour},
	{"no much later", by(ana, No), 10 * 24 * time.Hour},
	{"stranger says yes", by(bo, Yes), time.Second},
	{"stranger says no", by(bo, No), time.Second},
	{"unknown button", by(ana, "maybe"), time.Second},
	{"delivered", prompt(), time.Second},
	{"reminder posted", Reminded{MessageRef{"D1", "2.2"}}, time.Second},
	{"undeliverable", Undeliverable{Reason: "gone", Gone: true}, time.Second},
	{"proof started", VerifyStarted{proof.Sent{TxID: "tx"}}, time.Second},
	{"proof waits", Verified{VerifyWaiting}, time.Second},
	{"proof", Verified{VerifyAllow}, time.Second},
	{"proof much later", Verified{VerifyAllow}, 10 * 24 * time.Hour},
	{"refusal", Verified{VerifyDeny}, time.Second},
	{"fraud", Verified{VerifyFraud}, time.Second},
	{"no proof", Verified{VerifyUnavailable}, time.Second},
	{"odd proof", Verified{"?"}, time.Second},
	{"joined", Joined{CaseID: "CASE2", Level: findings.Medium}, time.Second},
	{"joined, high", Joined{CaseID: "CASE2", Level: findings.High}, time.Second},
	{"joined, critical", Joined{CaseID: "CASE2", Level: findings.Critical}, time.Second},
	{"joined again", Joined{CaseID: "CASE1", Level: findings.Critical}, time.Second},
	{"withdrawn", Withdrawn{"done"}, time.Second},
}

// Every event in every status, against the table.
func TestTransitions(t *testing.T) {
	t.Parallel()
	want := parseTable(t, transitions)
	var got strings.Builder
	for _, e := range tableEvents {
		fmt.Fprintf(&got, "%s\n", e.name)
		for _, s := range allStatuses {
			q, now := build(t, s)
			if q.Status != s {
				t.Fatalf("built %s, want %s", q.Status, s)
			}
			next, effects, _ := do(t, q, now.Add(e.wait), e.ev)
			cell := "-"
			if next.Status != s || len(effects) > 0 {
				cell = strings.TrimSpace(string(next.Status) + ": " + brief(effects))
			}
			if next.Status != s && next.Status.rank() < s.rank() {
				t.Errorf("%s of %s went back to %s", e.name, s, next.Status)
			}
			if w := want[e.name][string(s)]; w != cell {
				t.Errorf("%s, when %s: got %q, want %q", e.name, s, cell, w)
			}
			fmt.Fprintf(&got, "  %-14s %s\n", s, cell)
		}
	}
	if t.Failed() {
		t.Log("as computed:\n" + got.String())
	}
}

// rank orders statuses: nothing ever goes back.
func (s Status) rank() int {
	switch s {
	case StatusHeld:
		return 0
	case StatusAsked:
		return 1
	case StatusReminded:
		return 2
	case StatusVerifying:
		return 3
	case StatusNo, StatusRefused:
		return 5
	}
	return 4
}

func parseTable(t *testing.T, text string) map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]string{}
	event := ""
	for line := range strings.Lines(strings.TrimSpace(text)) {
		line = strings.TrimRight(line, "\n")
		if !strings.HasPrefix(line, "  ") {
			event = strings.TrimSpace(line)
			out[event] = map[string]string{}
			continue
		}
		status, cell, _ := strings.Cut(strings.TrimSpace(line), " ")
		out[event][status] = strings.TrimSpace(cell)
	}
	if len(out) != len(tableEvents) {
		t.Fatalf("table has %d events, want %d", len(out), len(tableEvents))
	}
	return out
}

// A "yes" leads to the rule's step, and never to less than a ticket where it
// matters.
func TestSteps(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		level  findings.Level
		spec   policy.InquireSpec
		events []Event
		want   policy.Step
	}{
		"low yes":                          {findings.Low, policy.InquireSpec{}, []Event{by(ana, Yes)}, policy.Record},
		"medium yes":                       {findings.Medium, policy.InquireSpec{}, []Event{by(ana, Yes)}, policy.Record},
		"medium yes to notify":             {findings.Medium, policy.InquireSpec{OnYes: policy.Notify}, []Event{by(ana, Yes)}, policy.Notify},
		"high yes":                         {findings.High, policy.InquireSpec{}, []Event{by(ana, Yes)}, policy.Ticket},
		"high yes to record":               {findings.High, policy.InquireSpec{OnYes: policy.Record}, []Event{by(ana, Yes)}, policy.Ticket},
		"high yes to page":                 {findings.High, policy.InquireSpec{OnYes: policy.Page}, []Event{by(ana, Yes)}, policy.Page},
		"high verified yes":                {findings.High, policy.InquireSpec{MFA: true, OnYes: policy.Suppress}, []Event{by(ana, Yes), Verified{VerifyAllow}}, policy.Ticket},
		"critical yes":                     {findings.Critical, policy.InquireSpec{}, []Event{by(ana, Yes)}, policy.Ticket},
		"unknown level is high":            {"odd", policy.InquireSpec{}, []Event{by(ana, Yes)}, policy.Ticket},
		"low verified yes":                 {findings.Low, policy.InquireSpec{MFA: true}, []Event{by(ana, Yes), Verified{VerifyAllow}}, policy.Record},
		"inquire makes no sense as an end": {findings.Low, policy.InquireSpec{OnYes: policy.Inquire}, []Event{by(ana, Yes)}, policy.Ticket},
		"an unknown step raises attention": {findings.Low, policy.InquireSpec{OnYes: "ignore"}, []Event{by(ana, Yes)}, policy.Page},
		"no":                               {findings.Low, policy.InquireSpec{OnNo: policy.Record}, []Event{by(ana, No)}, policy.Page},
		"unsure":                           {findings.Low, policy.InquireSpec{}, []Event{by(ana, Unsure)}, policy.Ticket},
		"unsure to record":                 {findings.Low, policy.InquireSpec{OnUnsure: policy.Record}, []Event{by(ana, Unsure)}, policy.Ticket},
		"unsure to page":                   {findings.Low, policy.InquireSpec{OnUnsure: policy.Page}, []Event{by(ana, Unsure)}, policy.Page},
		"proof fails":                      {findings.Low, policy.InquireSpec{MFA: true}, []Event{by(ana, Yes), Verified{VerifyError}}, policy.Page},
		"proof fails to ticket":            {findings.Low, policy.InquireSpec{MFA: true, OnMFAFail: policy.Ticket}, []Event{by(ana, Yes), Verified{VerifyTimeout}}, policy.Ticket},
		"proof fails to record":            {findings.Low, policy.InquireSpec{MFA: true, OnMFAFail: policy.Record}, []Event{by(ana, Yes), Verified{VerifyUnavailable}}, policy.Ticket},
		"proof refused":                    {findings.Low, policy.InquireSpec{MFA: true, OnMFAFail: policy.Ticket, OnYes: policy.Record}, []Event{by(ana, Yes), Verified{VerifyFraud}}, policy.Page},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, _ := New("q", askOf(tc.level, func(a *Ask) { a.Spec = tc.spec }), tuesday)
			_, effects, reply := do(t, q, tuesday.Add(time.Minute), append([]Event{prompt()}, tc.events...)...)
			if d, ok := decision(effects); !ok || d.Step != tc.want || d.Why == "" || !reply.Counted {
				t.Errorf("decision %+v, counted %v, want %s", d, reply.Counted, tc.want)
			}
		})
	}
}

// Silence escalates: to the team's page, or to a ticket for what is minor.
func TestSilence(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		level findings.Level
		step  policy.Step
		want  policy.Step
	}{
		"low": {findings.Low, "", policy.Ticket}, "medium": {findings.Medium, "", policy.Page}, "high": {findings.High, "", policy.Page},
		"low to page": {findings.Low, policy.Page, policy.Page}, "medium to ticket": {findings.Medium, policy.Ticket, policy.Ticket},
		"silence is not consent": {findings.Low, policy.Record, policy.Ticket}, "odd": {findings.Low, "?", policy.Page},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, _ := New("q", askOf(tc.level, func(a *Ask) { a.Spec.OnTimeout = tc.step }), tuesday)
			q, _, _ = do(t, q, tuesday, prompt())
			early, effects, _ := do(t, q, q.Deadline.Add(-time.Nanosecond), Clock{})
			if _, decided := decision(effects); decided || !early.Open() {
				t.Fatal("decided before the deadline")
			}
			_, effects, _ = do(t, early, q.Deadline, Clock{})
			if d, _ := decision(effects); d.Step != tc.want || d.Outcome != OutcomeExpired {
				t.Errorf("decision %+v, want %s", d, tc.want)
			}
			_, effects, _ = do(t, q, tuesday, Withdrawn{}, Clock{})
			if len(effects) != 0 {
				t.Errorf("a withdrawn question did %s", brief(effects))
			}
			fresh, _ := New("q", askOf(tc.level, func(a *Ask) { a.Spec.OnTimeout = tc.step }), tuesday)
			_, effects, _ = do(t, fresh, tuesday, Undeliverable{Reason: "x"})
			if d, _ := decision(effects); d.Step != tc.want || d.Outcome != OutcomeUndeliverable {
				t.Errorf("undeliverable: %+v, want %s", d, tc.want)
			}
			_, effects, _ = do(t, fresh, tuesday, Undeliverable{Gone: true})
			if d, _ := decision(effects); d.Step != policy.Page {
				t.Errorf("deactivated: %+v, want a page", d)
			}
		})
	}
}
