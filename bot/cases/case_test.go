package cases

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/store"
)

var (
	t0     = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	routes = Routes{Security: "C0SECURITY"}
)

func probe(severity float64, count int, updated time.Time) *findings.Finding {
	return &findings.Finding{Kind: findings.KindFinding, Source: "guardduty", ID: "f1", Type: "Recon:EC2/PortProbeUnprotectedPort",
		Account: "111122223333", Region: "eu-west-1", Severity: severity, Count: count, UpdatedAt: updated}
}

func decided(step policy.Step, steps ...policy.Step) *Facts {
	return &Facts{Decision: policy.Decision{Rule: "r", Step: step, Steps: append(steps, step)}, Owner: findings.Owner{Team: "payments", Channel: "C0PAY", Why: "tag team=payments"}}
}

func opened(t *testing.T, f *Facts) (*Case, []store.Effect, bool) {
	t.Helper()
	c := &Case{ID: IDOf("gd:1")}
	effects, ask := c.Arrive(probe(2, 1, t0), f, routes, t0)
	return c, effects, ask
}

func kinds(effects []store.Effect) string {
	var out []string
	for _, e := range effects {
		out = append(out, e.Kind)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestADecisionBecomesStatusAndEffects(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		facts   *Facts
		status  Status
		outcome Outcome
		effects string
		ask     bool
	}{
		{"suppressed noise ends at once", decided(policy.Suppress), Closed, Suppressed, "", false},
		{"recorded ends at once", decided(policy.Record), Closed, Recorded, "", false},
		{"the owner is told", decided(policy.Notify), Open, "", "notice", false},
		{"a ticket waits in the security channel", decided(policy.Ticket), Waiting, "", "notice", false},
		{"a ticket with the owner told as well", decided(policy.Ticket, policy.Notify), Waiting, "", "notice notice", false},
		{"a question", decided(policy.Inquire), Asked, "", "", true},
		{"a page", decided(policy.Page), Paged, "", "notice page", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c, effects, ask := opened(t, tc.facts)
			if c.Status != tc.status || c.Outcome != tc.outcome || kinds(effects) != tc.effects || ask != tc.ask {
				t.Fatalf("status %q outcome %q effects %q ask %v, want %q %q %q %v", c.Status, c.Outcome, kinds(effects), ask, tc.status, tc.outcome, tc.effects, tc.ask)
			}
		})
	}
}

func TestAnUnknownOwnerGoesToSecurity(t *testing.T) {
	t.Parallel()
	f := decided(policy.Notify)
	f.Owner = findings.Owner{Why: "nobody"}
	c, effects, _ := opened(t, f)
	if len(effects) != 1 || effects[0].Group != routes.Security || c.Notices[0].Channel != routes.Security {
		t.Fatalf("effects %+v", effects)
	}
}

func TestCopiesAndOlderUpdatesAreStale(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Notify))
	if !c.Stale(probe(2, 1, t0)) {
		t.Error("a copy is not stale")
	}
	if !c.Stale(probe(2, 9, t0.Add(-time.Hour))) {
		t.Error("an older update is not stale")
	}
	if c.Stale(probe(2, 5, t0.Add(time.Hour))) {
		t.Error("a newer update is stale")
	}
	if c.Stale(probe(8, 1, t0.Add(-time.Hour))) {
		t.Error("a higher severity is stale")
	}
}

func TestAnUpdateEditsTheMessageOnce(t *testing.T) {
	t.Parallel()
	c, effects, _ := opened(t, decided(policy.Notify))
	if got, _ := c.Arrive(probe(2, 2, t0.Add(time.Minute)), nil, routes, t0.Add(time.Minute)); len(got) != 0 {
		t.Fatalf("an update before delivery planned %v", kinds(got))
	}
	shown := c.Looks()
	if more := c.Delivered(0, Ref{"C0PAY", "1.1"}, false, shown, routes, t0); len(more) != 0 {
		t.Fatalf("a message that shows the case as it is gets edited: %+v", more)
	}
	c.Finished(effects[0].ID, t0)
	if c.Status != Closed || c.Outcome != Notified {
		t.Fatalf("after delivery: %s %s", c.Status, c.Outcome)
	}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(c.ID, body)
	if err != nil {
		t.Fatal(err)
	}
	later := t0.Add(2 * time.Minute)
	a, _ := again.Arrive(probe(2, 3, later), nil, routes, later)
	b, _ := again.Arrive(probe(2, 4, later.Add(time.Second)), nil, routes, later.Add(time.Second))
	if kinds(a) != "edit" || kinds(b) != "edit" || a[0].ID != b[0].ID {
		t.Fatalf("edits %+v %+v: want the same effect twice", a, b)
	}
	if again.Finding == nil || again.Count != 4 {
		t.Fatalf("the edit has nothing to show: %+v", again)
	}
	if again.Timer(later).IsZero() {
		t.Error("an edit is under way and nobody watches it")
	}
}

func TestAnUpdateWhileTheMessageIsOnItsWayIsNotForgotten(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Notify))
	shown := c.Looks()
	c.Arrive(probe(2, 40, t0.Add(time.Minute)), nil, routes, t0.Add(time.Minute))
	if got := c.Delivered(0, Ref{"C0PAY", "1.1"}, false, shown, routes, t0.Add(time.Minute)); kinds(got) != "edit" {
		t.Fatalf("effects %q: the message goes on showing the old count", kinds(got))
	}
}

func TestSeverityRiseStartsAGeneration(t *testing.T) {
	t.Parallel()
	c, effects, _ := opened(t, decided(policy.Record))
	if len(effects) != 0 {
		t.Fatal(effects)
	}
	f := probe(8, 2, t0.Add(time.Hour))
	if !c.NeedsDecision(f) {
		t.Fatal("a rise in severity is not decided again")
	}
	got, _ := c.Arrive(f, decided(policy.Page), routes, t0.Add(time.Hour))
	if c.Status != Paged || c.Gen != 2 || kinds(got) != "notice page" {
		t.Fatalf("status %s gen %d effects %q", c.Status, c.Gen, kinds(got))
	}
	if !strings.Contains(got[0].ID, "/2/") {
		t.Errorf("effect %s does not carry the generation", got[0].ID)
	}
}

func TestALowerSecondDecisionChangesNothing(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Page))
	got, _ := c.Arrive(probe(3, 2, t0.Add(time.Hour)), decided(policy.Suppress), routes, t0.Add(time.Hour))
	if c.Status != Paged || c.Gen != 1 || len(got) != 0 {
		t.Fatalf("status %s gen %d effects %q", c.Status, c.Gen, kinds(got))
	}
}

func TestANoPagesAndAYesCloses(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Inquire))
	got := c.Decided(policy.Page, "the person said it was not them", routes, t0.Add(time.Minute))
	if c.Status != Paged || kinds(got) != "notice page" {
		t.Fatalf("no: %s %q", c.Status, kinds(got))
	}
	if again := c.Decided(policy.Page, "said it again", routes, t0.Add(2*time.Minute)); strings.Contains(kinds(again), "page") {
		t.Fatalf("a second no pages again: %q", kinds(again))
	}
	yes, _, _ := opened(t, decided(policy.Inquire))
	if got := yes.Decided(policy.Record, "it was them", routes, t0); yes.Status != Closed || yes.Outcome != Confirmed || len(got) != 0 {
		t.Fatalf("yes: %s %s %q", yes.Status, yes.Outcome, kinds(got))
	}
	late := yes.Decided(policy.Page, "now they say no", routes, t0.Add(time.Hour))
	if yes.Status != Paged || yes.Gen != 2 || kinds(late) != "notice page" {
		t.Fatalf("late no: %s gen %d %q", yes.Status, yes.Gen, kinds(late))
	}
}

func TestCloseCancelsAndResolvesThePage(t *testing.T) {
	t.Parallel()
	c, effects, _ := opened(t, decided(policy.Page))
	i := slices.IndexFunc(effects, func(e store.Effect) bool { return e.Kind == KindPage })
	got, cancel := c.Close(Benign, "U0OMAR", "a test", time.Minute, t0.Add(time.Minute))
	if !slices.Contains(cancel, effects[i].ID) {
		t.Errorf("the planned page %s is not cancelled: %v", effects[i].ID, cancel)
	}
	if kinds(got) != "resolve resolve" || got[1].Due != t0.Add(2*time.Minute) {
		t.Errorf("a page in flight is not resolved afterwards: %+v", got)
	}
	if c.Status != Closed || !c.Page.Resolved || c.IsOpen() {
		t.Errorf("case %+v", c)
	}
	if more, _ := c.Close(Benign, "U0OMAR", "again", time.Minute, t0); more != nil {
		t.Error("a closed case closes again")
	}
	next := c.page("a new reason", t0.Add(time.Hour))
	if c.Page.Gen != 2 || len(next) != 1 || next[0].ID == effects[i].ID {
		t.Errorf("a page after a resolve uses the old incident: %+v", next)
	}
}

func TestARefusedPageUsesTheFallbackOnce(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Page))
	if got := c.PageRefused("it answered 400", t0); kinds(got) != "fallback" || got[0].Lane != store.LanePage {
		t.Fatalf("%+v", got)
	}
	if got := c.PageRefused("it answered 400", t0); got != nil {
		t.Fatalf("twice: %+v", got)
	}
}

func TestUndeliverableGoesToSecurityAndThenPages(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Notify))
	got := c.Undeliverable(0, "channel_not_found", routes, t0)
	if len(got) != 1 || got[0].Group != routes.Security {
		t.Fatalf("%+v", got)
	}
	if got := c.Undeliverable(1, "channel_not_found", routes, t0); kinds(got) != "page" || c.Status != Paged {
		t.Fatalf("nowhere to go: %q %s", kinds(got), c.Status)
	}
}

func TestLostEffectsArePlannedAgainUnderTheSameID(t *testing.T) {
	t.Parallel()
	c, effects, _ := opened(t, decided(policy.Page, policy.Notify))
	again := c.Tick(t0.Add(26 * time.Hour))
	if early := c.Tick(t0.Add(time.Hour)); kinds(early) != "page" {
		t.Fatalf("after an hour %q is planned again: a notice may wait in a digest", kinds(early))
	}
	if len(again) != len(effects) {
		t.Fatalf("%d effects planned, %d planned again", len(effects), len(again))
	}
	for i, e := range effects {
		if again[i].ID != e.ID || again[i].Lane != e.Lane || again[i].Kind != e.Kind || again[i].Group != e.Group || again[i].Doc != e.Doc {
			t.Errorf("planned %+v, again %+v", e, again[i])
		}
	}
}

func TestFoldingIntoTheSameAct(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Ticket))
	other := &Case{ID: IDOf("gd:2")}
	f := probe(2, 1, t0)
	f.Region = "us-east-1"
	other.FoldInto(c, f, t0)
	if other.Alias != c.ID || other.IsOpen() || !slices.Contains(c.Regions, "us-east-1") || c.Count != 2 {
		t.Fatalf("other %+v, main %+v", other, c)
	}
}

func TestAClosedQuietCaseIsSmall(t *testing.T) {
	t.Parallel()
	c, _, _ := opened(t, decided(policy.Suppress))
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if len(body) > 140 {
		t.Errorf("a suppressed finding takes %d bytes: %s", len(body), body)
	}
}

func TestAPersonsVerdictIsKept(t *testing.T) {
	t.Parallel()
	c, effects, _ := opened(t, decided(policy.Ticket))
	for _, e := range effects {
		c.Finished(e.ID, t0)
	}
	more, _ := c.Close(TruePositive, "U0OMAR", "real", time.Minute, t0)
	for _, e := range more {
		c.Finished(e.ID, t0)
	}
	body, err := c.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decode(c.ID, body)
	if err != nil {
		t.Fatal(err)
	}
	if again.Outcome != TruePositive || again.ClosedBy != "U0OMAR" || again.Reason != "real" || again.Finding.Type == "" {
		t.Fatalf("%s", body)
	}
}

// TestSchedules drives cases through random events and checks what must hold
// after each of them.
func TestSchedules(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := &Case{ID: IDOf("gd:x")}
		now, open := t0, map[string]bool{}
		plan := func(effects []store.Effect) {
			for _, e := range effects {
				open[e.ID] = true
			}
		}
		for range 30 {
			now = now.Add(time.Duration(r.IntN(3600)) * time.Second)
			step(r, c, now, open, plan)
			check(t, seed, c, open, now)
		}
	}
}

func step(r *rand.Rand, c *Case, now time.Time, open map[string]bool, plan func([]store.Effect)) {
	all := []policy.Step{policy.Suppress, policy.Record, policy.Notify, policy.Ticket, policy.Inquire, policy.Page}
	switch n := r.IntN(8); {
	case n < 3 || !c.Known():
		f := probe(float64(r.IntN(10)), r.IntN(50), now.Add(-time.Duration(r.IntN(7200))*time.Second))
		if c.Stale(f) {
			return
		}
		effects, _ := c.Arrive(f, decided(all[r.IntN(len(all))]), routes, now)
		plan(effects)
	case n == 3:
		plan(c.Decided(all[r.IntN(len(all))], "why", routes, now))
	case n == 4:
		effects, cancel := c.Close(Verdicts[r.IntN(len(Verdicts))], "U0OMAR", "because", time.Minute, now)
		plan(effects)
		for _, id := range cancel {
			delete(open, id)
		}
	case n == 5:
		plan(c.PageRefused("down", now))
	default:
		for id := range open {
			delete(open, id)
			if strings.Contains(id, "/notice/") {
				plan(c.Delivered(0, Ref{"C0PAY", "1.1"}, r.IntN(3) == 0, "", routes, now))
			}
			if strings.Contains(id, "/page/") {
				plan(c.PageSent(now))
			}
			c.Finished(id, now)
			break
		}
	}
}

func check(t *testing.T, seed uint64, c *Case, open map[string]bool, now time.Time) {
	t.Helper()
	if c.IsOpen() && c.Timer(now).IsZero() {
		t.Fatalf("seed %d: an open case has no timer: %+v", seed, c)
	}
	if len(c.Pending) != len(open) {
		t.Fatalf("seed %d: pending %v, under way %v", seed, c.Pending, open)
	}
	if c.Status == Paged && (c.Page == nil || c.Page.Resolved) {
		t.Fatalf("seed %d: paged without a page", seed)
	}
	if c.Page != nil && !c.Page.Resolved && c.Status != Paged {
		t.Fatalf("seed %d: a page is open and the case is %s", seed, c.Status)
	}
	if len(c.Timeline) > maxTimeline {
		t.Fatalf("seed %d: the timeline grows", seed)
	}
	body, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := Decode(c.ID, body); err != nil || again.Status != c.Status || len(again.Pending) != len(c.Pending) {
		t.Fatalf("seed %d: %v %+v", seed, err, again)
	}
}
