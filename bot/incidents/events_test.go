package incidents

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/store"
)

func TestActsOfPeople(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		act     func(*Incident) ([]store.Effect, error)
		effects string
		line    string // the last line of the timeline
	}{
		{"severity down", func(c *Incident) ([]store.Effect, error) { return c.SetSeverity(omar, findings.Low, rules(), t0) },
			"edit say topic", "@U0OMAR changed the severity from high to low"},
		{"severity up pages", func(c *Incident) ([]store.Effect, error) { return c.SetSeverity(omar, findings.Critical, rules(), t0) },
			"edit page say say topic", "paging the people on call: ‹the severity rose to critical›"},
		{"take the lead", func(c *Incident) ([]store.Effect, error) { return c.SetLead(omar, omar, t0) },
			"edit invite say", "@U0OMAR now leads"},
		{"give the lead", func(c *Incident) ([]store.Effect, error) { return c.SetLead(omar, zoe, t0) },
			"edit invite say", "@U0OMAR made the lead: @U0ZOE"},
		{"note", func(c *Incident) ([]store.Effect, error) { return c.Note(omar, KindNote, "the key is <off>\nnow", t0) },
			"edit say", "@U0OMAR noted: ‹the key is <off> now›"},
		{"decision", func(c *Incident) ([]store.Effect, error) { return c.Note(omar, KindDecision, "we isolate it", t0) },
			"edit say", "@U0OMAR decided: ‹we isolate it›"},
		{"task", func(c *Incident) ([]store.Effect, error) { return c.Note(omar, KindTask, "rotate", t0) },
			"edit say", "@U0OMAR to do: ‹rotate›"},
		{"invite", func(c *Incident) ([]store.Effect, error) { return c.Invite(omar, []string{zoe, ana}, nil, t0) },
			"edit invite", "@U0OMAR asked to invite @U0ZOE"},
		{"invite a group", func(c *Incident) ([]store.Effect, error) {
			return c.Invite(omar, nil, []Source{{Kind: FromGroup, ID: "S0NET"}}, t0)
		}, "edit gather", "@U0OMAR asked to invite"},
		{"page", func(c *Incident) ([]store.Effect, error) {
			return c.PageOnCall(omar, "need a second pair of hands", t0)
		},
			"edit page say", "@U0OMAR paging the people on call: ‹need a second pair of hands›"},
		{"link", func(c *Incident) ([]store.Effect, error) { return c.Link(omar, caseA, t0) },
			"edit say", "@U0OMAR linked the case: ‹SB-ABCDEFGH›"},
		{"evidence", func(c *Incident) ([]store.Effect, error) {
			return c.Evidence("", "snapshot taken", "i-0a1b2c3d4e5f60718 <!channel>", t0)
		}, "edit say", "snapshot taken: ‹i-0a1b2c3d4e5f60718 <!channel>›"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := ready(t)
			got, err := tc.act(c)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(tc.name, "lead") && !strings.Contains(tc.name, "severity") {
				tc.effects = strings.TrimPrefix(strings.ReplaceAll(tc.effects, "edit", editIf(got)), " ")
			}
			if steps(got) != tc.effects {
				t.Errorf("effects %q, want %q", steps(got), tc.effects)
			}
			if last := strings.TrimSpace(shown(c.Timeline[len(c.Timeline)-1].SayMessage())); last != tc.line {
				t.Errorf("line %q, want %q", last, tc.line)
			}
		})
	}
}

// editIf is "edit" when one is planned: whether the summary changes does not
// matter to whoever only adds to the record.
func editIf(effects []store.Effect) string {
	if strings.Contains(steps(effects), StepEdit) {
		return StepEdit
	}
	return ""
}

func TestActsThatAreRefused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		act  func(*Incident) ([]store.Effect, error)
		part string
	}{
		{"the same severity", func(c *Incident) ([]store.Effect, error) { return c.SetSeverity(omar, findings.High, rules(), t0) }, "already"},
		{"no severity", func(c *Incident) ([]store.Effect, error) { return c.SetSeverity(omar, "bad", rules(), t0) }, "one of"},
		{"nobody leads", func(c *Incident) ([]store.Effect, error) { return c.SetLead(omar, "", t0) }, "who leads"},
		{"an empty note", func(c *Incident) ([]store.Effect, error) { return c.Note(omar, KindNote, " \u200b", t0) }, "write"},
		{"a huge note", func(c *Incident) ([]store.Effect, error) {
			return c.Note(omar, KindNote, strings.Repeat("x", maxText+1), t0)
		}, "too long"},
		{"a note of the bot's own kinds", func(c *Incident) ([]store.Effect, error) { return c.Note(omar, KindClosed, "x", t0) }, "a note, a decision or a task"},
		{"nobody invited", func(c *Incident) ([]store.Effect, error) { return c.Invite(omar, nil, nil, t0) }, "whom to invite"},
		{"invited already", func(c *Incident) ([]store.Effect, error) { return c.Invite(omar, []string{ana}, nil, t0) }, "already"},
		{"too many", func(c *Incident) ([]store.Effect, error) { return c.Invite(omar, make([]string, maxMembers), nil, t0) }, "too many"},
		{"a page without a reason", func(c *Incident) ([]store.Effect, error) { return c.PageOnCall(omar, "", t0) }, "why they are needed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := ready(t)
			before, err := c.Encode()
			if err != nil {
				t.Fatal(err)
			}
			got, err := tc.act(c)
			refused(t, err, tc.part)
			after, err := c.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if got != nil || string(before) != string(after) {
				t.Errorf("a refused act changed something: %q", steps(got))
			}
		})
	}
}

func TestSeveralChangesAreOneEdit(t *testing.T) {
	t.Parallel()
	c := ready(t)
	first, err := c.SetLead(omar, omar, t0)
	if err != nil {
		t.Fatal(err)
	}
	second, err := c.SetLead(omar, zoe, t0)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(steps(first), "edit") || strings.Contains(steps(second), "edit") {
		t.Errorf("%q, then %q: the first edit will show the second change", steps(first), steps(second))
	}
}

func TestALowerSeverityDoesNotPage(t *testing.T) {
	t.Parallel()
	o := opening()
	o.Level, o.Paged = findings.Critical, true
	c, _ := started(t, o, rules())
	got, err := c.SetSeverity(omar, findings.High, rules(), t0)
	if err != nil || len(c.Pages) != 0 || strings.Contains(steps(got), "page") {
		t.Errorf("%v %q", err, steps(got))
	}
}

func TestWhoWasRefusedCanBeInvitedAgain(t *testing.T) {
	t.Parallel()
	c := ready(t)
	got, err := c.Invite(omar, []string{zoe}, nil, t0)
	if err != nil {
		t.Fatal(err)
	}
	c.Invited(only(t, got, StepInvite).ID, []Invitation{{ID: zoe, Refused: "has too many channels"}}, t0)
	again, err := c.Invite(omar, []string{zoe}, nil, t0)
	if err != nil || !slices.Contains(c.ToInvite(), zoe) {
		t.Fatalf("%v, wanted %v", err, c.ToInvite())
	}
	c.Invited(only(t, again, StepInvite).ID, []Invitation{{ID: zoe}}, t0)
	if s := shown(c.SummaryMessage("/ir")); strings.Contains(s, "Not here") {
		t.Errorf("summary:\n%s", s)
	}
}

func TestASecondPageIsASecondIncident(t *testing.T) {
	t.Parallel()
	c := ready(t)
	first, err := c.PageOnCall(omar, "one", t0)
	if err != nil {
		t.Fatal(err)
	}
	page := only(t, first, StepPage)
	_, err = c.PageOnCall(omar, "two", t0)
	refused(t, err, "on its way")
	_, key1, ok1 := c.PageOf(page.ID)
	c.PageSent(page.ID, t0)
	second, err := c.PageOnCall(omar, "two", t0)
	if err != nil {
		t.Fatal(err)
	}
	p, key2, ok2 := c.PageOf(only(t, second, StepPage).ID)
	if !ok1 || !ok2 || key1 != "securitybot/"+idA+"/1" || key2 != "securitybot/"+idA+"/2" || p.Why != "two" {
		t.Errorf("keys %s %s, page %+v", key1, key2, p)
	}
	for _, id := range []string{idA + "/1/page/3", idA + "/1/page/0", idA + "/1/say/1", idA + "/1/page/x"} {
		if p, _, ok := c.PageOf(id); ok {
			t.Errorf("%s is taken for the page %+v", id, p)
		}
	}
	for _, id := range []string{idA + "/1/remind/1", idA + "/1/page/1", idA + "/1/say/99", idA + "/1/say/-1", idA + "/1/say"} {
		if e, ok := c.EntryOf(id); ok {
			t.Errorf("%s is taken for the line %+v", id, e)
		}
	}
}

func TestARefusedPageSaysSoAndUsesTheFallbackOnce(t *testing.T) {
	t.Parallel()
	c := ready(t)
	out, err := c.PageOnCall(omar, "help", t0)
	if err != nil {
		t.Fatal(err)
	}
	page := only(t, out, StepPage)
	got := c.PageRefused(page.ID, "it answered 400", t0)
	if f := only(t, got, StepFallback); f.Lane != store.LanePage {
		t.Errorf("fallback in lane %s", f.Lane)
	}
	if !strings.Contains(steps(got), "say") || !strings.Contains(shown(c.SummaryMessage("/ir")), "On call: PagerDuty has not accepted the page; please call by phone") {
		t.Errorf("the channel believes help is coming: %q\n%s", steps(got), shown(c.SummaryMessage("/ir")))
	}
	if got := c.PageRefused(page.ID, "again", t0); got != nil {
		t.Errorf("twice: %q", steps(got))
	}
	if got := c.Failed(page.ID, "it was tried for a day", t0); strings.Contains(steps(got), "fallback") {
		t.Errorf("given up: %q", steps(got))
	}
	c.Failed(idA+"/1/fallback/1", "not_in_channel", t0)
	if s := shown(c.SummaryMessage("/ir")); !strings.Contains(s, "could not page the people on call") {
		t.Errorf("nobody was reached and it is not shown:\n%s", s)
	}
}

func TestAFullTimelineStillTakesTheEnd(t *testing.T) {
	t.Parallel()
	c := ready(t)
	n := 0
	for ; n < 2*maxEntries; n++ {
		if _, err := c.Note(omar, KindNote, "line "+strconv.Itoa(n), t0); err != nil {
			refused(t, err, "full")
			break
		}
	}
	if len(c.Timeline) != maxEntries-reserve || n < 900 {
		t.Fatalf("%d lines after %d notes", len(c.Timeline), n)
	}
	if _, err := c.SetLead(omar, zoe, t0); err != nil || c.Dropped != 1 {
		t.Errorf("an act is refused for want of room: %v, dropped %d", err, c.Dropped)
	}
	if _, _, err := c.Close(omar, "done", time.Minute, t0); err != nil {
		t.Fatal(err)
	}
	if last := c.Timeline[len(c.Timeline)-1]; last.Kind != KindClosed {
		t.Errorf("the end is not recorded: %+v", last)
	}
	big := ready(t)
	for n = 0; n < maxEntries; n++ {
		if _, err := big.Note(omar, KindNote, strings.Repeat("x", maxText), t0); err != nil {
			break
		}
	}
	if body, err := big.Encode(); err != nil || len(body) > maxBytes+64<<10 || n < 100 {
		t.Errorf("%d bytes after %d notes: %v", len(body), n, err)
	}
}
