package bot_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
)

// recorded waits until TheHive's state is as wanted.
func (s *scene) recorded(what string, cond func(thehivefake.Snapshot) bool) thehivefake.Snapshot {
	s.t.Helper()
	if err := s.watch(func(ctx context.Context) error { return s.Hive.WaitFor(ctx, cond) }); err != nil {
		s.t.Fatalf("%s: %v\n%s\n%s", what, err, s.transcript(), hiveTranscript(s.Hive.Snapshot()))
	}
	return s.Hive.Snapshot()
}

func hiveTranscript(h thehivefake.Snapshot) string {
	var b strings.Builder
	for _, a := range h.Alerts {
		b.WriteString("alert " + a.SourceRef + " " + a.Status + " case " + a.CaseID + "\n")
		for _, c := range a.Comments {
			b.WriteString("  " + c.Message + "\n")
		}
	}
	for _, k := range h.Cases {
		b.WriteString("case " + k.Status + "\n")
		for _, c := range k.Comments {
			b.WriteString("  " + c.Message + "\n")
		}
	}
	for _, c := range h.Calls {
		b.WriteString(c.Op + " " + c.Problem + "; ")
	}
	return b.String()
}

// says counts the comments that say all of it.
func says(list []thehivefake.Comment, parts ...string) int {
	n := 0
	for _, c := range list {
		if containsAll(c.Message, parts) {
			n++
		}
	}
	return n
}

func holds(list []thehivefake.Observable, dataType, data string) bool {
	return slices.ContainsFunc(list, func(o thehivefake.Observable) bool { return o.DataType == dataType && o.Data == data })
}

// hiveCase is the one case there is once it has a comment that says all of it.
func (s *scene) hiveCase(parts ...string) thehivefake.Case {
	s.t.Helper()
	h := s.recorded("no case with the comment "+strings.Join(parts, ", "), func(h thehivefake.Snapshot) bool {
		return len(h.Cases) > 0 && says(h.Cases[0].Comments, parts...) > 0
	})
	if len(h.Cases) != 1 || len(h.Alerts) != 1 {
		s.t.Fatalf("%d cases and %d alerts, want one", len(h.Cases), len(h.Alerts))
	}
	return h.Cases[0]
}

// verdict closes a case as Omar.
func (s *scene) verdict(m slackfake.Message, outcome, reason string) {
	s.t.Helper()
	s.click(s.Omar, m, "Close…")
	s.fillIn(s.Omar, map[string]string{"outcome": outcome, "reason": reason})
}

func TestANoBecomesACaseInTheHive(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true})
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	h := s.recorded("a question has no alert", func(h thehivefake.Snapshot) bool {
		return len(h.Alerts) == 1 && says(h.Alerts[0].Comments, "decided") == 1
	})
	if len(h.Cases) != 0 {
		t.Fatal("it was promoted before anybody was paged")
	}
	a := h.Alerts[0]
	if !holds(a.Observables, "ip", "203.0.113.2") || !holds(a.Observables, "other", "AWSReservedSSO_Developer ana@corp.example") {
		t.Errorf("observables: %+v", a.Observables)
	}
	if a.Severity != 2 || !slices.Contains(a.Tags, "account:111122223333") || !strings.Contains(a.Description, "Ana") {
		t.Errorf("alert: %+v", a)
	}
	s.click(s.Ana, m, "No, this wasn't me")
	s.hiveCase("The employee says that it was not them")
	k := s.hiveCase("The team was paged")
	if n := says(k.Comments, "decided"); n != 0 {
		t.Errorf("the decision stands there %d times again", n)
	}
	s.Forward(10 * time.Second) // updates of a message are gathered for some seconds
	note := s.message(s.Security.ID, "SB-", "case #1 in TheHive")
	s.verdict(note, "true_positive", "stolen laptop")
	s.hiveCase("Closed by", "a real incident", "stolen laptop")
	s.recorded("the case stays open", func(h thehivefake.Snapshot) bool { return h.Cases[0].Status == "TruePositive" })
	s.settled()
}

func TestTheHiveDownForAnHourGetsEveryRecordOnce(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true, Policy: pageAlways(t)})
	s.Hive.Down(thehivefake.Status(503))
	s.Send(rig.Miner(1).SNS())
	s.incidents("TheHive's outage keeps a page back", open(1))
	m := s.message(s.Security.ID, "digital money")
	for range 12 {
		s.Forward(5 * time.Minute)
		calls := len(s.Hive.Snapshot().Calls)
		s.recorded("it is not tried on", func(h thehivefake.Snapshot) bool { return len(h.Calls) > calls })
	}
	s.verdict(m, "benign", "our own test")
	s.incidents("the page stays open", open(0))
	s.Hive.Up()
	// Now every answer of the first calls is lost.
	for _, op := range []string{"createAlert", "comment", "promote", "comment", "updateCase"} {
		s.Hive.Fail(thehivefake.AnswerLost().Only(op))
	}
	for range 12 {
		s.Forward(5 * time.Minute)
		if s.rests() {
			break
		}
	}
	s.settled()
	k := s.hiveCase("Closed by", "expected, nothing bad", "our own test")
	story := hiveTranscript(s.Hive.Snapshot())
	for _, part := range []string{"decided", "The team was paged", "Closed by"} {
		if n := says(k.Comments, part); n != 1 {
			t.Errorf("%q stands there %d times, want once\n%s", part, n, story)
		}
	}
	if !strings.Contains(k.Comments[0].Message, "decided") || !strings.Contains(k.Comments[len(k.Comments)-1].Message, "Closed by") {
		t.Errorf("the comments are not in order\n%s", story)
	}
	if n := len(s.Hive.Snapshot().Alerts[0].Comments); n != 0 || k.Status != "Other" {
		t.Errorf("status %s, %d comments on the alert\n%s", k.Status, n, story)
	}
}

// rests waits until nothing is due, and says whether nothing is planned either.
func (s *scene) rests() bool {
	s.t.Helper()
	s.eventually("everything due is done", func() bool { return !s.Busy(s.ctx) })
	depth, err := s.Store.Depth(s.ctx, s.Clock.Now())
	planned := 0
	for _, d := range depth {
		planned += d.Planned
	}
	return err == nil && planned == 0
}

// TestAnIncidentAboutACaseMakesItACaseInTheHive: a ticket is an alert there
// until somebody opens an incident about it.
func TestAnIncidentAboutACaseMakesItACaseInTheHive(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true})
	e := rig.Miner(2)
	e.Type, e.Severity, e.Domain = "Recon:EC2/Portscan", 5, ""
	s.Send(e.SNS())
	m := s.message(s.Security.ID, e.Instance, "Open incident")
	s.recorded("no alert", func(h thehivefake.Snapshot) bool { return len(h.Alerts) == 1 && len(h.Cases) == 0 })
	s.click(s.Omar, m, "Open incident…")
	s.submit(s.Omar, map[string]string{"title": "Somebody looks for doors"})
	s.recorded("the case is not promoted", func(h thehivefake.Snapshot) bool { return len(h.Cases) == 2 })
}
