package thehive_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/responders/thehive"
)

func TestAlert(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	r := made(t, c, "SB-1")
	got, _ := fake.Snapshot().Alert("SB-1")
	if r.Kind != thehive.AlertRecord || r.ID != got.ID || r.Case != "" {
		t.Errorf("record %+v", r)
	}
	if got.Type != "guardduty" || got.Source != "securitybot" || got.Title != "Unusual listing by ana[@]corp[.]example" || got.Description != "It happened." ||
		got.Severity != 3 || got.TLP != 2 || got.PAP != 2 || got.Date != now.UnixMilli() || !slices.Equal(got.Tags, []string{"securitybot:SB-1", "iam"}) {
		t.Errorf("alert %+v", got)
	}
	if o := got.Observables; len(o) != 1 || o[0].Data != "203.0.113.5" || o[0].DataType != "ip" || !o[0].Sighted || o[0].IOC || o[0].TLP != 2 {
		t.Errorf("observables %+v", o)
	}
	// Again, with news: the same alert, brought up to date.
	a := alert("SB-1")
	a.Title, a.Level, a.Tags = message.L("It happened again"), findings.Critical, []string{"iam", "again"}
	a.Observables = append(a.Observables, thehive.Observable{Type: "mail", Data: "ana@corp.example"})
	again, err := c.CreateAlert(ctx, a)
	if err != nil || again.ID != r.ID {
		t.Fatalf("record %+v, %v", again, err)
	}
	n := fake.Snapshot()
	got = n.Alerts[0]
	if len(n.Alerts) != 1 || got.Title != "It happened again" || got.Severity != 4 || len(got.Tags) != 3 || len(got.Observables) != 2 {
		t.Errorf("alert %+v", got)
	}
	// Never down again: a person may have raised it.
	if _, err := c.UpdateAlert(ctx, r, alert("SB-1")); err != nil || fake.Snapshot().Alerts[0].Severity != 4 {
		t.Errorf("severity %d, %v", fake.Snapshot().Alerts[0].Severity, err)
	}
}

func TestRedMarking(t *testing.T) {
	t.Parallel()
	c, fake := setup(t, func(cfg *thehive.Config) { cfg.Marking = thehive.Red })
	made(t, c, "SB-1")
	if a := fake.Snapshot().Alerts[0]; a.TLP != 4 || a.PAP != 3 || a.Observables[0].TLP != 4 || a.Observables[0].PAP != 3 {
		t.Errorf("alert %+v", a)
	}
}

func TestLevels(t *testing.T) {
	t.Parallel()
	for level, want := range map[findings.Level]int{findings.Low: 1, findings.Medium: 2, findings.High: 3, findings.Critical: 4, "": 3, "strange": 3} {
		c, fake := setup(t, nil)
		a := alert("SB-1")
		a.Level = level
		if _, err := c.CreateAlert(context.Background(), a); err != nil || fake.Snapshot().Alerts[0].Severity != want {
			t.Errorf("%q: severity %d, want %d, %v", level, fake.Snapshot().Alerts[0].Severity, want, err)
		}
	}
}

// Whatever is in an alert, TheHive takes it.
func TestNothingIsRefusedForItsContent(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat("é\x00\u202e<b>", 300_000)
	many := make([]thehive.Observable, 500)
	for i := range many {
		many[i] = thehive.Observable{Type: "ip", Data: fmt.Sprintf("192.0.2.%d", i%250)}
	}
	for name, change := range map[string]func(*thehive.Alert){
		"long reference": func(a *thehive.Alert) { a.Ref = strings.Repeat("r", 300) },
		"odd reference":  func(a *thehive.Alert) { a.Ref = "a;b\nc\x00" },
		"no type":        func(a *thehive.Alert) { a.Type = "" },
		"long type":      func(a *thehive.Alert) { a.Type = huge },
		"no title":       func(a *thehive.Alert) { a.Title = nil },
		"long title":     func(a *thehive.Alert) { a.Title = message.Text{}.V(huge) },
		"no description": func(a *thehive.Alert) { a.Description = message.Message{} },
		"long description": func(a *thehive.Alert) {
			a.Description = message.Message{}.Para(message.L("x").V(huge)).Para(message.L(huge))
		},
		"tags":  func(a *thehive.Alert) { a.Tags = append(make([]string, 50), huge, "a", "a", "a ", "\n") },
		"link":  func(a *thehive.Alert) { a.Link = "javascript:alert(1)" },
		"twice": func(a *thehive.Alert) { a.Observables = append(a.Observables, a.Observables...) },
		"many":  func(a *thehive.Alert) { a.Observables = many },
		"odd observables": func(a *thehive.Alert) {
			a.Observables = []thehive.Observable{{Type: "ip", Data: "not an address"}, {Type: "nonsense", Data: "x"}, {Type: "file", Data: "a.txt"}, {Type: "ip"}, {Data: huge}, {Data: "\xff"}, {Data: " "}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, fake := setup(t, nil)
			a := alert("SB-1")
			change(&a)
			for range 2 {
				if _, err := c.CreateAlert(context.Background(), a); err != nil {
					t.Fatal(err)
				}
			}
			n := fake.Snapshot()
			if len(n.Alerts) != 1 {
				t.Fatalf("%d alerts", len(n.Alerts))
			}
			if got := n.Alerts[0]; !utf8.ValidString(got.Title+got.Description) || strings.Contains(got.Description, "<b>") || strings.ContainsRune(got.Title+got.Description, '\u202e') || len(got.Description) > 70_000 {
				t.Errorf("alert %.200q %.200q", got.Title, got.Description)
			}
		})
	}
}

func TestAnAlertWithoutReferenceIsNotMade(t *testing.T) {
	t.Parallel()
	c, fake := setup(t, nil)
	if _, err := c.CreateAlert(context.Background(), alert("")); asError(t, err).Class != thehive.Permanent || len(fake.Snapshot().Calls) != 0 {
		t.Errorf("%v", err)
	}
}

func TestLongReferencesStayApart(t *testing.T) {
	t.Parallel()
	c, fake := setup(t, nil)
	long := strings.Repeat("k", 300)
	for _, ref := range []string{long + "1", long + "2", long + "1"} {
		made(t, c, ref)
	}
	if n := len(fake.Snapshot().Alerts); n != 2 {
		t.Errorf("%d alerts, want 2", n)
	}
}

func TestPromote(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	r := made(t, c, "SB-1")
	p, err := c.Promote(ctx, r, "Incident")
	if err != nil {
		t.Fatal(err)
	}
	k, ok := fake.Snapshot().Case("SB-1")
	if !ok || p.ID != r.ID || p.Case != k.ID || p.Number != k.Number || k.Template != "Incident" || !slices.Contains(k.Tags, "securitybot:SB-1") || len(k.Observables) != 1 {
		t.Fatalf("record %+v, case %+v", p, k)
	}
	if again, err := c.Promote(ctx, r, ""); err != nil || again != p {
		t.Errorf("again: %+v %v", again, err)
	}
	// Only one call made a case: the second saw that there is one.
	if n := fake.Snapshot().Count("promote"); n != 1 {
		t.Errorf("%d calls to promote", n)
	}
	// From now on the case is what changes; its words belong to people.
	a := alert("SB-1")
	a.Title, a.Level = message.L("other words"), findings.Critical
	a.Observables = append(a.Observables, thehive.Observable{Type: "ip", Data: "203.0.113.9"})
	u, err := c.CreateAlert(ctx, a)
	k, _ = fake.Snapshot().Case("SB-1")
	if err != nil || u != p || k.Severity != 4 || strings.Contains(k.Title, "other words") || len(k.Observables) != 2 || len(fake.Snapshot().Alerts[0].Observables) != 1 {
		t.Errorf("record %+v, case %+v, %v", u, k, err)
	}
	if _, err := c.Promote(ctx, p.Home(), ""); asError(t, err).Class != thehive.Permanent {
		t.Errorf("promoting a case: %v", err)
	}
}

func TestCreateCase(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	a := alert("INC-7")
	a.Type = "incident"
	for _, op := range []string{"createAlert", "promote"} {
		fake.Fail(thehivefake.AnswerLost().Only(op))
		if _, err := c.CreateCase(ctx, a, ""); asError(t, err).Class != thehive.Retry {
			t.Fatal(err)
		}
	}
	r, err := c.CreateCase(ctx, a, "")
	n := fake.Snapshot()
	k, _ := n.Case("INC-7")
	if err != nil || len(n.Cases) != 1 || len(n.Alerts) != 1 || r.Home().ID != k.ID || !slices.Contains(k.Tags, "securitybot:INC-7") {
		t.Errorf("record %+v, %d cases, %d alerts, %v", r, len(n.Cases), len(n.Alerts), err)
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for outcome, want := range map[thehive.Outcome][2]string{
		thehive.TruePositive: {"Ignored", "TruePositive"}, thehive.FalsePositive: {"FalsePositive", "FalsePositive"}, thehive.Benign: {"Ignored", "Other"},
		thehive.Duplicate: {"Duplicate", "Duplicated"}, thehive.Undecided: {"Ignored", "Indeterminate"}, "": {"Ignored", "Indeterminate"},
	} {
		c, fake := setup(t, nil)
		if _, err := c.Close(ctx, made(t, c, "SB-1"), outcome, "see <thread>"); err != nil {
			t.Fatal(err)
		}
		p, err := c.Promote(ctx, made(t, c, "SB-2"), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Close(ctx, p, outcome, "done"); err != nil {
			t.Fatal(err)
		}
		n := fake.Snapshot()
		if n.Alerts[0].Status != want[0] || n.Cases[0].Status != want[1] || n.Alerts[0].Summary != "see &lt;thread&gt;" || n.Alerts[1].Status != "Imported" {
			t.Errorf("%q: alert %+v, case %+v", outcome, n.Alerts[0], n.Cases[0])
		}
		// What is closed stays as it is.
		if _, err := c.Close(ctx, p, thehive.TruePositive, "no"); err != nil || fake.Snapshot().Cases[0].Status != want[1] || fake.Snapshot().Cases[0].Summary != "done" {
			t.Errorf("%q: closed again: %+v, %v", outcome, fake.Snapshot().Cases[0], err)
		}
	}
}

func TestReopen(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	c, fake := setup(t, nil)
	p, err := c.Promote(ctx, made(t, c, "SB-1"), "")
	if err != nil {
		t.Fatal(err)
	}
	status := func() string { return fake.Snapshot().Cases[0].Status }
	if _, err := c.Reopen(ctx, p); err != nil || status() != "New" {
		t.Errorf("an open case: %s, %v", status(), err)
	}
	if _, err := c.Close(ctx, p, thehive.TruePositive, "done"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := c.Reopen(ctx, p); err != nil || status() != "InProgress" || fake.Snapshot().Cases[0].Summary != "done" {
			t.Errorf("reopened: %+v, %v", fake.Snapshot().Cases[0], err)
		}
	}
}

// An answer about something else is never taken for ours.
func TestAnswersAboutOtherRecords(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	alien := `{"_id":"~9999","type":"guardduty","source":"securitybot","sourceRef":"SB-77","severity":1}`
	c, fake := setup(t, nil)
	fake.Fail(thehivefake.OddBody(alien).Only("createAlert"))
	r := made(t, c, "SB-1")
	if r.ID != fake.Snapshot().Alerts[0].ID {
		t.Errorf("created: %+v", r)
	}
	alien = strings.Replace(alien, "~9999", made(t, c, "SB-77").ID, 1)
	fake.Fail(thehivefake.OddBody("[" + alien + "]").Only("query"))
	if got, err := c.CreateAlert(ctx, alert("SB-1")); asError(t, err).Class != thehive.Retry {
		t.Errorf("found: %+v %v", got, err)
	}
	fake.Fail(thehivefake.OddBody(alien).Only("getAlert"))
	if got, err := c.UpdateAlert(ctx, r, alert("SB-1")); asError(t, err).Class != thehive.Retry {
		t.Errorf("read: %+v %v", got, err)
	}
	for _, body := range []string{"null", `{"_id":"OWN"}`} {
		c, fake := setup(t, nil)
		r := made(t, c, "SB-1")
		fake.Fail(thehivefake.OddBody(strings.ReplaceAll(body, "OWN", r.ID)).Only("promote"))
		p, err := c.Promote(ctx, r, "")
		if n := fake.Snapshot(); err != nil || len(n.Cases) != 1 || p.Case != n.Cases[0].ID || p.Number != 1 {
			t.Errorf("promoted: %+v %v", p, err)
		}
	}
	for _, op := range []string{"comment", "attach"} {
		fake.Fail(thehivefake.OddBody("{}").Only(op))
		if e := asError(t, attempts()[op].do(ctx, c, r)); e.Class != thehive.Retry {
			t.Errorf("%s: %v", op, e)
		}
	}
}

// TheHive's search may know less than TheHive: an alert that is refused because
// it is there, and not found, is looked for again later.
func TestSearchThatLags(t *testing.T) {
	t.Parallel()
	for _, says := range []string{`{"type":"CreateError","message":"Alert guardduty:securitybot:SB-1 already exist in organisation security"}`, `{"type":"ConflictError","message":"version conflict"}`} {
		c, fake := setup(t, nil)
		fake.Fail(thehivefake.Says(400, says).Only("createAlert"))
		_, err := c.CreateAlert(context.Background(), alert("SB-1"))
		if e := asError(t, err); e.Class != thehive.Retry || e.RetryAfter == 0 {
			t.Errorf("%s: %v", says, err)
		}
	}
}
