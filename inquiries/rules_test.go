package inquiries

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// A "no" counts before the delivery is recorded, even when the address is not
// bound yet; nothing else does then.
func TestNoBeforeDelivery(t *testing.T) {
	t.Parallel()
	q, _ := New("q", askOf(findings.Medium, unbound), tuesday)
	for _, c := range []Choice{Yes, Unsure} {
		next, effects, reply := do(t, q, tuesday, by(bo, c))
		if len(effects) != 0 || reply.Counted || next.Status != StatusAsked || !strings.Contains(said(reply), "again in a few seconds") {
			t.Errorf("%s: %s %q", c, brief(effects), said(reply))
		}
	}
	q, effects, reply := do(t, q, tuesday, by(ana, No))
	if brief(effects) != "decide=page" || !reply.Counted {
		t.Fatalf("no: %s", brief(effects))
	}
	// The delivery that is reported now shows the outcome at once.
	q, effects, _ = do(t, q, tuesday, prompt())
	if brief(effects) != "outcome" || q.Person.ChatID != ana {
		t.Errorf("delivered: %s, bound to %q", brief(effects), q.Person.ChatID)
	}
}

func TestBindingHappensOnce(t *testing.T) {
	t.Parallel()
	q, _ := New("q", askOf(findings.Medium, unbound), tuesday)
	q, _, _ = do(t, q, tuesday, prompt(), Delivered{ChatID: bo, Prompt: MessageRef{"D2", "9.9"}})
	if q.Person.ChatID != ana || q.Prompt.Channel != "D1" {
		t.Errorf("bound to %q, %v", q.Person.ChatID, q.Prompt)
	}
	q, _ = New("q", askOf(findings.Medium), tuesday)
	q, _, _ = do(t, q, tuesday, Delivered{ChatID: bo, Prompt: MessageRef{"D2", "9.9"}})
	if q.Person.ChatID != ana {
		t.Errorf("a configured address was replaced by %q", q.Person.ChatID)
	}
}

func TestOnlyThePersonAskedAnswers(t *testing.T) {
	t.Parallel()
	q, _ := New("q", askOf(findings.High), tuesday)
	q, _, _ = do(t, q, tuesday, prompt())
	tells := 0
	for i := range 40 {
		for _, c := range []Choice{Yes, No, Unsure} {
			for _, u := range []string{"", fmt.Sprintf("U%d", i), "U0BO\n<!channel>"} {
				next, effects, reply := do(t, q, tuesday, by(u, c))
				if next.Status != StatusAsked || reply.Counted || len(next.Answers) > 0 || !strings.Contains(said(reply), "for somebody else") {
					t.Fatalf("%q answered %s: %s", u, c, brief(effects))
				}
				for _, e := range effects {
					if e.Kind != EffectTell || strings.Contains(e.Why, "\n") {
						t.Fatalf("effect %+v", e)
					}
					tells++
				}
				q = next
			}
		}
	}
	if tells != maxStrangers || len(q.Strangers) != maxStrangers || q.Strangers[0].Count != 120 {
		t.Errorf("%d lines for the team, strangers %+v", tells, q.Strangers)
	}
	if _, effects, _ := do(t, q, tuesday, by(ana, No)); !strings.HasPrefix(brief(effects), "decide=page") {
		t.Errorf("the person's own no: %s", brief(effects))
	}
}

func TestSecondAnswers(t *testing.T) {
	t.Parallel()
	at := "13 Jan 11:01"
	for name, tc := range map[string]struct {
		events []Event
		want   string
	}{
		"no, no":        {[]Event{by(ana, No), by(ana, No)}, "The security team was called, " + at},
		"no, yes":       {[]Event{by(ana, No), by(ana, Yes)}, "noted that for the security team. The security team was called, " + at},
		"yes, yes":      {[]Event{by(ana, Yes), by(ana, Yes)}, "I have your answer: Yes, this was me, " + at},
		"yes, unsure":   {[]Event{by(ana, Yes), by(ana, Unsure)}, "What counts is your first answer: Yes, this was me, " + at},
		"unsure, yes":   {[]Event{by(ana, Unsure), by(ana, Yes)}, "What counts is your first answer: I'm not sure, " + at},
		"closed, yes":   {[]Event{Withdrawn{"x"}, by(ana, Yes)}, "closed this already"},
		"other channel": {[]Event{Answered{By: ana, Choice: Yes, Channel: "C9"}}, "in the message that I sent to you directly"},
		"old button":    {[]Event{by(ana, "?")}, "does nothing any more"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, _ := New("q", askOf(findings.Medium), tuesday)
			_, effects, reply := do(t, q, tuesday.Add(time.Minute), append([]Event{prompt()}, tc.events...)...)
			if _, decided := decision(effects); decided || reply.Counted || !strings.Contains(said(reply), tc.want) {
				t.Errorf("%s, counted %v, said %q; want %q", brief(effects), reply.Counted, said(reply), tc.want)
			}
		})
	}
}

// Opposite answers right after each other: "no" wins, in either order.
func TestOppositeAnswers(t *testing.T) {
	t.Parallel()
	for _, mfa := range []bool{false, true} {
		for _, pair := range [][2]Choice{{Yes, No}, {No, Yes}} {
			q, _ := New("q", askOf(findings.Medium, func(a *Ask) { a.Spec.MFA = mfa }), tuesday)
			q, _, _ = do(t, q, tuesday, prompt())
			q, first, _ := do(t, q, tuesday.Add(time.Second), by(ana, pair[0]))
			q, second, _ := do(t, q, tuesday.Add(2*time.Second), by(ana, pair[1]))
			pages := strings.Count(brief(append(first, second...)), "decide=page")
			if q.Status != StatusNo || pages != 1 || q.Decision.Outcome != OutcomeNo {
				t.Errorf("%v, proof %v: status %s, %d pages", pair, mfa, q.Status, pages)
			}
			// The proof that arrives afterwards changes nothing.
			if _, effects, _ := do(t, q, tuesday.Add(3*time.Second), Verified{VerifyAllow}); len(effects) != 0 {
				t.Errorf("proof after a no: %s", brief(effects))
			}
		}
	}
}

func TestCriticalPagesBeforeItAsks(t *testing.T) {
	t.Parallel()
	q, effects := New("q", askOf(findings.Critical), tuesday)
	if brief(effects) != "decide=page ask" || effects[0].Outcome != OutcomeCritical || !q.Open() {
		t.Fatalf("new: %s", brief(effects))
	}
	q, _, _ = do(t, q, tuesday, prompt())
	if _, effects, _ = do(t, q, tuesday, by(ana, No)); !strings.HasPrefix(brief(effects), "decide=page") {
		t.Errorf("no: %s", brief(effects))
	}
}

func TestJoined(t *testing.T) {
	t.Parallel()
	q, _ := New("q", askOf(findings.Low), tuesday)
	q, _, _ = do(t, q, tuesday, prompt())
	deadline := q.Deadline
	for i := 2; i <= MaxCases; i++ {
		var r Reply
		q, _, r = do(t, q, tuesday.Add(time.Minute), Joined{CaseID: fmt.Sprintf("CASE%d", i), Level: findings.Low, About: askOf(findings.Low).About})
		if !r.Counted {
			t.Fatalf("case %d not taken", i)
		}
	}
	if len(q.Cases) != MaxCases || len(q.More) != maxMore || !q.Deadline.Equal(deadline) || q.More[0].Details != nil {
		t.Errorf("%d cases, %d shown, deadline %v", len(q.Cases), len(q.More), q.Deadline)
	}
	next, effects, r := do(t, q, tuesday.Add(time.Minute), Joined{CaseID: "ONE MORE"})
	if r.Counted || len(effects) > 0 || len(next.Cases) != MaxCases || q.CanJoin() {
		t.Errorf("a full question took another case")
	}
	// What was added a moment ago is not covered by a "yes" yet; a "no" is.
	_, effects, r = do(t, q, tuesday.Add(time.Minute+joinGrace-1), by(ana, Yes))
	if len(effects) > 0 || r.Counted || !strings.Contains(said(r), "look at it again") {
		t.Errorf("yes at once: %s %q", brief(effects), said(r))
	}
	if _, effects, _ = do(t, q, tuesday.Add(time.Minute), by(ana, No)); brief(effects) != "decide=page outcome" {
		t.Errorf("no at once: %s", brief(effects))
	}
	if _, effects, _ = do(t, q, tuesday.Add(time.Minute+joinGrace), by(ana, Yes)); brief(effects) != "decide=record outcome" {
		t.Errorf("yes later: %s", brief(effects))
	}
}

// A "yes" is never stretched over what came after it.
func TestNothingJoinsAnAnswer(t *testing.T) {
	t.Parallel()
	for _, s := range allStatuses {
		q, now := build(t, s)
		next, _, r := do(t, q, now, Joined{CaseID: "CASE2", Level: findings.Low})
		waiting := s == StatusHeld || s == StatusAsked || s == StatusReminded
		if r.Counted != waiting || q.CanJoin() != waiting || (len(next.Cases) == 2) != waiting {
			t.Errorf("%s: joined %v, CanJoin %v", s, r.Counted, q.CanJoin())
		}
	}
}

func TestJoinedMoreSerious(t *testing.T) {
	t.Parallel()
	now := tuesday.Add(10 * time.Minute)
	q, _ := New("q", askOf(findings.Low, func(a *Ask) { a.Spec.OnTimeout = policy.Ticket }), tuesday)
	q, _, _ = do(t, q, tuesday, prompt())
	q, _, _ = do(t, q, now, Joined{CaseID: "CASE2", Level: findings.High})
	if want := now.Add(highWait); !q.Deadline.Equal(want) || q.Level != findings.High {
		t.Fatalf("deadline %v, want %v", q.Deadline, want)
	}
	_, effects, _ := do(t, q, q.Deadline, Clock{})
	if d, _ := decision(effects); d.Step != policy.Page {
		t.Errorf("silence: %+v", d)
	}
	_, effects, _ = do(t, q, now.Add(time.Minute), by(ana, Yes))
	if d, _ := decision(effects); d.Step != policy.Ticket {
		t.Errorf("yes: %+v", d)
	}
	// The deadline is never put off: a question with less time left keeps it.
	late := q.Deadline.Add(-time.Minute)
	q2, _, _ := do(t, q, late, Joined{CaseID: "CASE3", Level: findings.Critical}, Joined{CaseID: "CASE4", Level: findings.Low})
	if !q2.Deadline.Equal(q.Deadline) || q2.Level != findings.Critical {
		t.Errorf("deadline %v, want %v", q2.Deadline, q.Deadline)
	}
}

func TestReminders(t *testing.T) {
	t.Parallel()
	for l, want := range map[findings.Level][]time.Duration{
		findings.Low: {4 * time.Hour}, findings.Medium: {2 * time.Hour, 3*time.Hour + 45*time.Minute}, findings.High: {10 * time.Minute}, findings.Critical: nil} {
		start := time.Date(2026, 1, 13, 9, 0, 0, 0, time.UTC)
		q, _ := New("q", askOf(l), start)
		q, _, _ = do(t, q, start, prompt())
		for _, d := range want {
			if !q.Next().Equal(start.Add(d)) {
				t.Fatalf("%s: next %v, want after %v", l, q.Next(), d)
			}
			var effects []Effect
			q, effects, _ = do(t, q, q.Next(), Clock{})
			if brief(effects) != "remind" {
				t.Fatalf("%s after %v: %s", l, d, brief(effects))
			}
		}
		if !q.Next().Equal(q.Deadline) {
			t.Errorf("%s: further reminders %v", l, q.Reminders)
		}
	}
	// Missed ones are not made up for, and what was not delivered is not
	// repeated.
	q, _ := New("q", askOf(findings.Medium), tuesday)
	if _, effects, _ := do(t, q, q.Deadline.Add(-time.Minute), Clock{}); len(effects) != 0 {
		t.Errorf("not delivered: %s", brief(effects))
	}
	q, _, _ = do(t, q, tuesday, prompt())
	if _, effects, _ := do(t, q, q.Deadline.Add(-time.Minute), Clock{}, Clock{}); len(effects) != 0 {
		t.Errorf("clock again: %s", brief(effects))
	}
	// Short deadlines leave no room for reminders.
	q, _ = New("q", askOf(findings.High, func(a *Ask) { a.Spec.Timeout = 2 * time.Minute }), tuesday)
	if len(q.Reminders) != 0 {
		t.Errorf("reminders %v", q.Reminders)
	}
}

func TestHeldUntilMorning(t *testing.T) {
	t.Parallel()
	night := time.Date(2026, 1, 16, 22, 0, 0, 0, time.UTC) // a Friday
	q, effects := New("q", askOf(findings.Low), night)
	monday := time.Date(2026, 1, 19, 9, 0, 0, 0, time.UTC)
	if len(effects) != 0 || q.Status != StatusHeld || !q.Next().Equal(monday) || !q.Deadline.Equal(monday.Add(8*time.Hour)) {
		t.Fatalf("%s, next %v, deadline %v, %s", q.Status, q.Next(), q.Deadline, brief(effects))
	}
	if _, effects, _ = do(t, q, monday.Add(-1), Clock{}); len(effects) != 0 {
		t.Errorf("sent too early: %s", brief(effects))
	}
	asked, effects, _ := do(t, q, monday, Clock{})
	if brief(effects) != "ask" || asked.Status != StatusAsked {
		t.Errorf("in the morning: %s", brief(effects))
	}
	// Not known where the person is: nothing is held back.
	if _, effects = New("q", askOf(findings.Low, unzoned), night); brief(effects) != "ask" {
		t.Errorf("no zone: %s", brief(effects))
	}
	for _, l := range []findings.Level{findings.Medium, findings.High, findings.Critical} {
		if q, _ := New("q", askOf(l), night); q.Status != StatusAsked {
			t.Errorf("%s is held", l)
		}
	}
}

func TestWithdrawnClosesTheLoop(t *testing.T) {
	t.Parallel()
	q, _ := build(t, StatusNo)
	q, effects, _ := do(t, q, tuesday.Add(time.Hour), Withdrawn{"it was a test of a supplier"})
	text := plainText(Outcome(q).Parts)
	if brief(effects) != "outcome" || q.Status != StatusNo || !strings.Contains(text, "has finished with this") || !strings.Contains(text, "test of a supplier") {
		t.Errorf("%s %s", brief(effects), text)
	}
	if _, effects, _ = do(t, q, tuesday.Add(time.Hour), Withdrawn{"again"}); len(effects) != 0 {
		t.Errorf("again: %s", brief(effects))
	}
}

// A "no" after everything was settled starts again, and says so.
func TestNoAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, s := range []Status{StatusYes, StatusVerified, StatusExpired, StatusWithdrawn} {
		q, now := build(t, s)
		q, _, _ = do(t, q, now.Add(time.Hour), Withdrawn{"done"})
		q, effects, reply := do(t, q, now.Add(48*time.Hour), by(ana, No))
		text := plainText(Outcome(q).Parts)
		if brief(effects) != "decide=page outcome" || !reply.Counted || !strings.Contains(text, titleNo) || strings.Contains(text, textLoopClosed) {
			t.Errorf("%s: %s\n%s", s, brief(effects), text)
		}
		q, effects, _ = do(t, q, now.Add(50*time.Hour), Withdrawn{"done again"})
		if text := plainText(Outcome(q).Parts); brief(effects) != "outcome" || !strings.Contains(text, "done again") {
			t.Errorf("%s: closed again: %s\n%s", s, brief(effects), text)
		}
	}
}

// The last guard behind the statuses: one decision per conclusion.
func TestDecidedOnce(t *testing.T) {
	t.Parallel()
	q, _ := build(t, StatusAsked)
	turn := &turn{q: q, now: tuesday}
	turn.decide(OutcomeNo, policy.Page, "a")
	turn.decide(OutcomeNo, policy.Page, "b")
	if brief(turn.effects) != "decide=page" || turn.q.Decision.Why != "a" {
		t.Errorf("%s, %+v", brief(turn.effects), turn.q.Decision)
	}
}
