package cases

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// What people may count later is noted once: pages, refused pages, and ends by
// somebody's word. What the bot ends by itself is in its decision.
func TestMilestones(t *testing.T) {
	t.Parallel()
	kinds := func(c *Case) string {
		var out []string
		for _, m := range c.Milestones {
			out = append(out, m.Kind+string(m.Outcome))
		}
		return strings.Join(out, " ")
	}
	arrive := func(step policy.Step, kind findings.Kind) *Case {
		c := &Case{ID: "ABCDEFGHIJKLMNOP"}
		f := &findings.Finding{Kind: kind, ID: "f", Type: "T", Severity: 5, UpdatedAt: t0}
		c.Arrive(f, &Facts{Decision: policy.Decision{Rule: "r", Step: step}}, Routes{Security: "C", Archive: true}, t0)
		return c
	}
	for step, want := range map[policy.Step]string{policy.Suppress: "", policy.Record: "", policy.Notify: "", policy.Ticket: "", policy.Page: "paged"} {
		c := arrive(step, findings.KindFinding)
		if got := kinds(c); got != want {
			t.Errorf("%s: %q, want %q", step, got, want)
		}
		if body, err := c.Encode(); err != nil || strings.Contains(string(body), "ilestone") {
			t.Errorf("%s: milestones are stored with the case: %s %v", step, body, err)
		}
	}
	c := arrive(policy.Page, findings.KindFinding)
	c.PageRefused("400", t0)
	c.PageRefused("400", t0)
	c.Close(TruePositive, "U0OMAR", "real", 0, t0)
	c.Close(Benign, "U0OMAR", "again", 0, t0)
	if got, want := kinds(c), "paged page_refused closedtrue_positive"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	drill := arrive(policy.Page, findings.KindDrill)
	drill.Close(Drilled, "", "over", 0, t0)
	if got := kinds(drill); got != "" {
		t.Errorf("a drill leaves %q", got)
	}
}
