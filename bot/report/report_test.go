package report_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/archive/archivetest"
	"github.com/securitybot/securitybot/bot/report"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// chronicle is an archive under construction. Lines get their time from the order
// in which they are added, one minute each, unless wait is called.
type chronicle struct {
	t     *testing.T
	now   time.Time
	seq   int
	lines []archive.Line
}

func start(t *testing.T) *chronicle { return &chronicle{t: t, now: noon} }

func (c *chronicle) wait(d time.Duration) { c.now = c.now.Add(d) }

func (c *chronicle) add(n int, l archive.Line) {
	c.seq++
	l.At, l.CaseID, l.ID = c.now, fmt.Sprintf("CASE%012d", n), fmt.Sprint("l", c.seq)
	c.lines = append(c.lines, l)
	c.wait(time.Minute)
}

func (c *chronicle) decided(n int, rule string, step policy.Step) {
	f := &findings.Finding{ID: fmt.Sprint(n), Type: "Type:" + rule, Account: "111122223333", Severity: 5}
	c.add(n, archive.OfDecision(f, policy.Decision{Rule: rule, Step: step}, nil, nil, c.now))
}

func (c *chronicle) asked(n int, q string) {
	c.add(n, archive.Line{Kind: archive.Asked, Question: &archive.Question{ID: q, AskedAt: c.now}})
}

func (c *chronicle) answered(n int, q, result string, after time.Duration) {
	c.wait(max(after-time.Minute, 0))
	c.add(n, archive.Line{Kind: archive.Answered, Question: &archive.Question{ID: q, AskedAt: c.now.Add(-after), Result: result}})
}

func (c *chronicle) paged(n int, why string) {
	c.add(n, archive.Line{Kind: archive.Paged, Page: &archive.Page{N: 1, Why: why}})
}

func (c *chronicle) closed(n int, outcome string) {
	c.add(n, archive.Line{Kind: archive.Closed, Outcome: outcome})
}

func (c *chronicle) report() *report.Report {
	c.t.Helper()
	return c.between(noon, noon.Add(10_000*time.Hour))
}

func (c *chronicle) between(since, until time.Time) *report.Report {
	c.t.Helper()
	r, err := report.Make([]string{archivetest.File(c.t, c.lines)}, since, until)
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

func TestQuestionsCountOnceWithTheTimePeopleTook(t *testing.T) {
	t.Parallel()
	c := start(t)
	for n := range 12 {
		c.decided(n, "ask", policy.Inquire)
	}
	c.asked(0, "Q0")
	c.asked(1, "Q0") // one question about two cases
	c.answered(0, "Q0", "yes", 10*time.Minute)
	c.answered(1, "Q0", "yes", 10*time.Minute)
	for i, result := range []string{"verified", "no", "unsure", "expired", "unverified", "undeliverable"} {
		q := fmt.Sprint("Q", i+1)
		c.asked(i+2, q)
		c.answered(i+2, q, result, time.Duration(i+1)*time.Hour)
	}
	c.answered(5, "Q4", "no", 9*time.Hour) // after silence
	c.asked(8, "Q8")
	c.closed(8, "benign") // before an answer
	c.asked(9, "Q9")
	c.asked(10, "Q10")
	c.answered(10, "Q10", "critical", 0) // paged before anybody has answered
	c.answered(10, "Q10", "yes", 30*time.Minute)
	c.add(11, archive.Line{Kind: archive.NotAsked, Question: &archive.Question{Step: policy.Page}})
	got := c.report().Questions
	want := report.Questions{Asked: 10, NotAsked: 1, Yes: 3, No: 1, Unsure: 1, Unproved: 1, Silence: 1, Unreached: 1, Overtaken: 1, Waiting: 1, LateNo: 1,
		Answers: 5, Median: time.Hour, P90: 3 * time.Hour, MedianSecs: 3600, P90Secs: 3 * 3600}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestPagesAndHowTheyEnded(t *testing.T) {
	t.Parallel()
	c := start(t)
	for n := range 5 {
		c.decided(n, "miner", policy.Page)
		c.paged(n, "rule miner")
	}
	c.add(4, archive.Line{Kind: archive.PageRefused, Page: &archive.Page{N: 1}})
	c.decided(5, "ask", policy.Inquire)
	c.asked(5, "Q")
	c.answered(5, "Q", "yes", time.Minute)
	c.closed(5, "confirmed")
	c.answered(5, "Q", "no", time.Hour)
	c.paged(5, "the employee says that it was not them") // open again
	c.closed(0, "true_positive")
	c.closed(1, "false_positive")
	c.closed(2, "benign")
	c.decided(2, "miner", policy.Page) // and it got worse: open again
	c.paged(2, "rule miner")
	r := c.report()
	want := report.Pages{Sent: 7, Refused: 1, Cases: 6, Causes: []report.Group{{"a rule", 6}, {"the employee says that it was not them", 1}},
		Ended: []report.Group{{"false_positive", 1}, {"true_positive", 1}}, NotClosed: 4}
	if diff := cmp.Diff(want, r.Pages); diff != "" {
		t.Error(diff)
	}
	miner := report.Verdicts{Name: "miner", Cases: 5, Paged: 5, True: 1, False: 1, NoVerdict: 3}
	ask := report.Verdicts{Name: "ask", Cases: 1, Asked: 1, No: 1, Paged: 1, NoVerdict: 1}
	if diff := cmp.Diff([]report.Verdicts{miner, ask}, r.Rules); diff != "" {
		t.Error(diff)
	}
	if share, ok := miner.FalseShare(); !ok || share != 0.5 {
		t.Errorf("share %v %v", share, ok)
	}
	if _, ok := ask.FalseShare(); ok {
		t.Error("a share of nothing")
	}
}

// Cases are counted once, by the most attention they got; what was decided before
// or after is not counted, and what came of it apart.
func TestTheWindow(t *testing.T) {
	t.Parallel()
	c := start(t)
	c.decided(0, "old", policy.Page)
	c.paged(0, "rule old")
	c.wait(time.Hour)
	from := c.now
	c.closed(0, "true_positive")
	c.decided(1, "low", policy.Suppress)
	c.decided(1, "high", policy.Ticket)
	c.decided(2, "low", policy.Suppress)
	until := c.now
	c.closed(1, "benign") // later, about a case of the window
	c.decided(3, "later", policy.Page)
	r := c.between(from, until)
	if r.Cases != 2 || r.Orphans != 1 || r.Pages.Sent != 0 {
		t.Errorf("%+v", r)
	}
	if diff := cmp.Diff([]report.Group{{"suppress", 1}, {"ticket", 1}}, r.Steps); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]report.Group{{"low", 1}}, r.Dropped); diff != "" {
		t.Error(diff)
	}
	if !slices.ContainsFunc(r.Rules, func(v report.Verdicts) bool { return v.Name == "high" && v.Benign == 1 }) {
		t.Errorf("%+v", r.Rules)
	}
}

// A hint needs enough cases, all of which point one way.
func TestHintsNeedNumbers(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		tell func(c *chronicle)
		want string
	}{
		"ten yes":        {answers(10, "yes", 0, ""), "rule ask asked about 10 cases; 10 were answered, all with yes"},
		"nine yes":       {answers(9, "yes", 0, ""), ""},
		"a no among":     {answers(40, "yes", 1, "no"), ""},
		"silence among":  {answers(40, "yes", 1, "expired"), ""},
		"mostly silence": {answers(12, "expired", 11, "yes"), "rule ask asked about 23 cases and 12 of 23 ended in silence"},
		"half silence":   {answers(12, "expired", 12, "yes"), ""},
		"false":          {closes(12, "false_positive", 3, "benign"), "rule ask: 12 of 15 judged cases were false positives, 0 real"},
		"not so false":   {closes(11, "false_positive", 4, "benign"), ""},
		"few false":      {closes(9, "false_positive", 0, ""), ""},
		"pages for none": {pages(12, "benign"), "rule ask paged for 12 cases; of 12 judged none was real"},
		"pages for some": {func(c *chronicle) {
			pages(12, "benign")(c)
			c.decided(99, "ask", policy.Page)
			c.closed(99, "true_positive")
		}, ""},
	} {
		c := start(t)
		tc.tell(c)
		got := strings.Join(c.report().Hints, "\n")
		if tc.want == "" && got != "" || !strings.Contains(got, tc.want) || strings.Count(got, "\n") > 0 {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

func answers(n int, result string, m int, other string) func(*chronicle) {
	return func(c *chronicle) {
		for i := range n + m {
			q := fmt.Sprint("Q", i)
			c.decided(i, "ask", policy.Inquire)
			c.asked(i, q)
			if i >= n {
				result = other
			}
			c.answered(i, q, result, time.Minute)
		}
	}
}

func closes(n int, outcome string, m int, other string) func(*chronicle) {
	return func(c *chronicle) {
		for i := range n + m {
			if i >= n {
				outcome = other
			}
			c.decided(i, "ask", policy.Ticket)
			c.closed(i, outcome)
		}
	}
}

func pages(n int, outcome string) func(*chronicle) {
	return func(c *chronicle) {
		for i := range n {
			c.decided(i, "ask", policy.Page)
			c.paged(i, "rule ask")
			c.closed(i, outcome)
		}
	}
}
