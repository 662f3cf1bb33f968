package cases

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/store"
)

var recorded = Routes{Security: "C0SECURITY", Records: true}

// lines are the kinds of a case's waiting lines.
func lines(c *Case) string {
	if c.Record == nil {
		return "no record"
	}
	var out []string
	for _, l := range c.Record.Lines {
		out = append(out, string(l.Kind))
	}
	return strings.Join(out, " ")
}

// carried says that all waiting lines are there.
func carried(c *Case) {
	for {
		l, ok := c.NextLine()
		if !ok {
			return
		}
		c.LineKept(l.ID, Kept{Ref: l.Ref, Kind: "alert", ID: "~1"}, t0)
	}
}

func TestWhatMattersHasARecord(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		facts *Facts
		r     Routes
		want  string
	}{
		{"noise", decided(policy.Suppress), recorded, "no record"},
		{"what is only kept", decided(policy.Record), recorded, "no record"},
		{"what owners are told", decided(policy.Notify), recorded, "no record"},
		{"a ticket", decided(policy.Ticket), recorded, "alert comment"},
		{"a question", decided(policy.Inquire), recorded, "alert comment"},
		{"a page: what people say goes to the case", decided(policy.Page), recorded, "alert promote comment"},
		{"a page without TheHive", decided(policy.Page), routes, "no record"},
	} {
		c := &Case{ID: IDOf("gd:1")}
		c.Arrive(probe(2, 1, t0), tc.facts, tc.r, t0)
		if got := lines(c); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
		if effects := c.Recording(t0); (len(effects) == 1) != (tc.want != "no record") {
			t.Errorf("%s: %d effects", tc.name, len(effects))
		}
	}
}

func openedRecord(t *testing.T, step policy.Step) *Case {
	t.Helper()
	c := &Case{ID: IDOf("gd:1")}
	c.Arrive(probe(2, 1, t0), decided(step), recorded, t0)
	return c
}

func TestARecordIsCarriedByOneEffectAtATime(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Ticket)
	first := c.Recording(t0)
	if len(first) != 1 || first[0].Kind != KindRecord || first[0].Lane != store.LaneRecord {
		t.Fatalf("%+v", first)
	}
	c.Comment(t0, "one more")
	if got := c.Recording(t0); len(got) != 0 {
		t.Errorf("a second effect beside the first: %+v", got)
	}
	i := slices.IndexFunc(c.Tick(t0.Add(time.Hour)), func(e store.Effect) bool { return e.ID == first[0].ID && e.Lane == store.LaneRecord })
	if i < 0 {
		t.Error("one that the store has lost is not planned again, in its lane")
	}
	carried(c)
	c.Finished(first[0].ID, t0)
	if got := c.Recording(t0); len(got) != 0 {
		t.Errorf("an effect for nothing: %+v", got)
	}
	c.Comment(t0, "later")
	if got := c.Recording(t0); len(got) != 1 || got[0].ID == first[0].ID {
		t.Errorf("the next effect: %+v", got)
	}
}

func TestNobodyWaitsForTheRecord(t *testing.T) {
	t.Parallel()
	c, effects, _ := opened(t, decided(policy.Notify))
	c.Keep(recorded, t0) // an operation is about it
	c.Recording(t0)
	for _, e := range effects {
		c.Finished(e.ID, t0)
	}
	if c.Status != Closed || c.Outcome != Notified {
		t.Errorf("the owner knows, and the case is %s", c.Status)
	}
	if body, err := c.Encode(); err != nil || c.Finding == nil {
		t.Errorf("what the record needs is gone: %s %v", body, err)
	}
	carried(c)
	c.Finished(c.ID+"/"+c.Pending[0], t0)
	body, err := c.Encode()
	if err != nil || c.Finding != nil {
		t.Errorf("kept for nothing: %s %v", body, err)
	}
	if back, err := Decode(c.ID, body); err != nil || back.Record == nil || back.Record.Kept.ID != "~1" {
		t.Errorf("the way to the record is forgotten: %s %v", body, err)
	}
}

func TestLinesHaveIDsOfTheirOwnAndGoInOrder(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Page)
	c.PageSent(t0)
	seen := map[string]bool{}
	for _, l := range c.Record.Lines {
		if seen[l.ID] || l.ID == "" || l.Ref != c.Ref() {
			t.Errorf("line %+v", l)
		}
		seen[l.ID] = true
	}
	second := c.Record.Lines[1].ID
	if c.LineKept(second, Kept{Ref: c.Ref(), ID: "~1"}, t0); c.Record.Kept.ID != "" || len(c.Record.Lines) != 4 {
		t.Error("a line that is not the first was taken for it")
	}
	first := c.Record.Lines[0].ID
	c.LineKept(first, Kept{Ref: c.Ref(), ID: "~1"}, t0)
	c.LineKept(first, Kept{Ref: c.Ref(), ID: "~2"}, t0) // a late report of another replica
	if c.Record.Kept.ID != "~1" || c.Record.Lines[0].ID != second {
		t.Errorf("a late report counted: %+v", c.Record)
	}
}

func TestANoPromotesOnce(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Inquire)
	carried(c)
	c.Decided(policy.Page, "the employee says that it was not them", recorded, t0)
	c.Decided(policy.Page, "again", recorded, t0)
	if got := lines(c); got != "promote comment comment" || c.Record.Lines[1].Text[0] != "The employee says that it was not them." {
		t.Errorf("%s: %+v", got, c.Record.Lines)
	}
}

func TestAVerdictEndsTheRecordAndANewLifeGetsAnother(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Inquire)
	carried(c)
	c.Close(Benign, "U0OMAR", "our own test", time.Minute, t0)
	if got := lines(c); got != "comment close" || c.Record.Lines[0].By != "U0OMAR" || c.Record.Lines[1].Outcome != Benign {
		t.Fatalf("%s: %+v", got, c.Record.Lines)
	}
	c.Keep(recorded, t0)
	c.Promote(t0)
	if got := lines(c); got != "comment close" {
		t.Errorf("a closed record lives again by itself: %s", got)
	}
	c.Attach("OP", t0) // what arrives late still belongs to it
	c.Decided(policy.Page, "the employee says that it was not them after all", recorded, t0)
	if got := lines(c); got != "comment close attach alert promote comment" {
		t.Fatalf("%s", got)
	}
	for i, want := range []string{c.Ref(), c.Ref(), c.Ref(), c.Ref() + "/2", c.Ref() + "/2", c.Ref() + "/2"} {
		if c.Record.Lines[i].Ref != want {
			t.Errorf("line %d belongs to %s, want %s", i, c.Record.Lines[i].Ref, want)
		}
	}
}

func TestAYesEndsTheRecord(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Inquire)
	carried(c)
	c.Decided(policy.Record, "the employee says that it was them", recorded, t0)
	if got := lines(c); got != "comment comment close" || c.Status != Closed {
		t.Errorf("%s, %s", got, c.Status)
	}
}

func TestSeverityThatRisesIsToldOnce(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Ticket)
	c.Arrive(probe(5, 2, t0.Add(time.Minute)), decided(policy.Ticket), recorded, t0)
	if got := lines(c); got != "alert comment comment" {
		t.Errorf("before the alert is there: %s", got)
	}
	carried(c)
	c.Arrive(probe(9, 3, t0.Add(time.Hour)), decided(policy.Page), recorded, t0)
	if got := lines(c); got != "alert promote comment" {
		t.Errorf("afterwards: %s", got)
	}
}

func TestWhatTheHiveRefusesIsNotTriedOn(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Page)
	alert, _ := c.NextLine()
	c.LineGivenUp(alert.ID, "it was refused", true, t0)
	c.Comment(t0, "one more")
	c.Decided(policy.Page, "no", recorded, t0)
	if got := lines(c); got != "" || !c.Record.Refused {
		t.Errorf("%s", got)
	}
	if last := c.Timeline; !slices.ContainsFunc(last, func(e Entry) bool { return strings.Contains(e.What, "TheHive keeps no record of this") }) {
		t.Errorf("the timeline says nothing: %+v", last)
	}

	c = openedRecord(t, policy.Page)
	alert, _ = c.NextLine()
	c.LineGivenUp(alert.ID, "it was tried for two weeks", false, t0)
	if got := lines(c); got != "promote comment" {
		t.Errorf("an outage ended the record: %s", got)
	}
	carried(c)
	c.Comment(t0, "too strange")
	l, _ := c.NextLine()
	c.LineGivenUp(l.ID, "it was refused", true, t0)
	if c.Comment(t0, "fine"); lines(c) != "comment" {
		t.Errorf("one refused comment ended the record: %s", lines(c))
	}
}

func TestWhatWaitsIsBounded(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Ticket)
	for i := range 200 {
		c.Comment(t0, fmt.Sprint("comment ", i))
	}
	c.Close(Benign, "U0OMAR", "enough", time.Minute, t0)
	n := len(c.Record.Lines)
	if n > maxLines+2 || c.Record.Lines[n-1].Kind != LineClose {
		t.Fatalf("%d lines wait, the last is %+v", n, c.Record.Lines[n-1])
	}
	if l := c.Record.Lines[n-2]; l.Outcome != Benign || len(l.Text) != 2 || !strings.Contains(l.Text[1], "left out") {
		t.Errorf("what is missing is not said: %+v", l)
	}
}

func TestARecordThatIsThereIsShown(t *testing.T) {
	t.Parallel()
	c := openedRecord(t, policy.Ticket)
	c.Delivered(0, Ref{Channel: "C0SECURITY", TS: "1"}, false, c.Looks(), routes, t0)
	l, _ := c.NextLine()
	if got := kinds(c.LineKept(l.ID, Kept{Ref: l.Ref, Kind: "alert", ID: "~1"}, t0)); got != KindEdit {
		t.Errorf("effects: %q", got)
	}
	l, _ = c.NextLine()
	if got := kinds(c.LineKept(l.ID, Kept{Ref: l.Ref, Kind: "alert", ID: "~1"}, t0)); got != "" {
		t.Errorf("a comment changes what is shown: %q", got)
	}
}
