package cases

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/store"
)

// Routes are the fixed places a case can go.
type Routes struct {
	Security string // channel id of the security team
	Archive  bool   // cases are written to an archive
	Records  bool   // cases that matter are kept in TheHive
}

// Facts are what was known when a finding was decided.
type Facts struct {
	Decision policy.Decision
	Owner    findings.Owner
	Employee findings.Employee
	Context  []string // sentences for people: what look-ups found out

	Known       map[string]any    // what the policy was given, for the archive
	Unavailable map[string]string // which look-ups did not answer, and why
}

// NeedsDecision says whether the policy must be asked about an arriving
// finding: the first time, when its severity has risen, and every time while the
// policy keeps it from people. A finding is updated in place, with another port
// or another prober, and what was noise may be none any more.
func (c *Case) NeedsDecision(f *findings.Finding) bool {
	return !c.Known() || f.Severity > c.Severity || c.hidden()
}

// hidden says whether the policy suppressed the case and nobody heard of it.
func (c *Case) hidden() bool { return c.Status == Closed && c.Outcome == Suppressed }

// Stale says whether an arriving finding tells nothing new.
func (c *Case) Stale(f *findings.Finding) bool {
	return c.Known() && !f.Newer(c.Updated, c.Count) && f.Severity <= c.Severity
}

// Arrive takes in a finding: a new one with the decision about it, or an
// update (facts may be nil when NeedsDecision said no). The returned effects
// are to be committed with the case. wantsInquiry says that the caller must
// put a question to the employee in the same commit.
func (c *Case) Arrive(f *findings.Finding, facts *Facts, r Routes, now time.Time) (effects []store.Effect, wantsInquiry bool) {
	if !c.Known() {
		return c.open(f, facts, r, now)
	}
	rose := f.Severity > c.Severity
	before, hidden := c.Severity, c.hidden()
	c.Severity = max(c.Severity, f.Severity)
	c.Count = max(c.Count, f.Count)
	if f.UpdatedAt.After(c.Updated) {
		c.Updated = f.UpdatedAt
	}
	if c.Finding != nil || rose || c.delivered() {
		c.Finding = f
	}
	if (rose || hidden) && facts != nil && facts.Decision.Step.Compare(c.Step) > 0 {
		why := "it no longer fits the rule that hid it"
		if rose {
			why = "severity rose from " + number(before) + " to " + number(f.Severity)
		}
		return c.raise(why, f, facts, r, now)
	}
	if rose {
		c.note(now, "severity rose from %s to %s", number(before), number(f.Severity))
		c.updateAlert(now)
		c.Comment(now, fmt.Sprintf("Severity rose from %s to %s.", number(before), number(f.Severity)))
	}
	return c.refresh(now), false
}

// open starts the life of a case.
func (c *Case) open(f *findings.Finding, facts *Facts, r Routes, now time.Time) ([]store.Effect, bool) {
	*c = Case{ID: c.ID, Gen: 1, Status: Open, Severity: f.Severity, Count: f.Count, Updated: f.UpdatedAt, Opened: now, Finding: f}
	c.note(now, "arrived from %s", f.Source)
	return c.decide(facts, r, now)
}

// raise starts a new generation because the finding deserves more attention.
func (c *Case) raise(why string, f *findings.Finding, facts *Facts, r Routes, now time.Time) ([]store.Effect, bool) {
	c.Gen++
	c.Finding, c.Outcome, c.ClosedBy, c.Reason = f, "", "", ""
	c.Status = Open
	if c.Opened.IsZero() {
		c.Opened = now
	}
	c.note(now, "%s: looked at again", why)
	return c.decide(facts, r, now)
}

// decide carries out a decision: it sets the status and plans the effects.
func (c *Case) decide(facts *Facts, r Routes, now time.Time) ([]store.Effect, bool) {
	d := facts.Decision
	c.Decision, c.Owner, c.Employee, c.Step, c.Context = &d, facts.Owner, facts.Employee, d.Step, facts.Context
	c.note(now, "rule %s decided: %s", d.Rule, d.Step)
	var out []store.Effect
	if r.Archive && !c.drill() {
		out = append(out, c.effect(store.LaneRecord, KindArchive, KindArchive, "", now, now, ""))
	}
	steps := append(slices.Clone(d.Steps), d.Step)
	if matters(steps) {
		c.Keep(r, now)
		c.updateAlert(now)
		if slices.Contains(steps, policy.Page) {
			c.Promote(now) // first: the comments belong to where people look
		}
		c.Comment(now, append([]string{fmt.Sprintf("Rule %s decided: %s.", d.Rule, d.Step)}, d.Reasons...)...)
	}
	if slices.Contains(steps, policy.Page) {
		out = append(out, c.page("rule "+d.Rule, now)...)
	}
	if slices.Contains(steps, policy.Notify) {
		out = append(out, c.notice(ownerNotice(facts.Owner, r), now)...)
	}
	if slices.Contains(steps, policy.Ticket) || slices.Contains(steps, policy.Page) {
		out = append(out, c.notice(Notice{Channel: r.Security}, now)...)
	}
	switch {
	case c.Page != nil && !c.Page.Resolved:
		c.Status = Paged
	case slices.Contains(steps, policy.Inquire):
		c.Status = Asked
	case slices.Contains(steps, policy.Ticket):
		c.Status = Waiting
	case d.Step == policy.Suppress:
		c.end(Suppressed, now)
	case d.Step == policy.Record:
		c.end(Recorded, now)
	case len(c.Pending) == 0:
		c.end(Notified, now)
	}
	return out, slices.Contains(steps, policy.Inquire)
}

// ownerNotice addresses the owner, or the security channel when nobody is
// known.
func ownerNotice(o findings.Owner, r Routes) Notice {
	n := Notice{Channel: o.Channel}
	if n.Channel == "" {
		n.ChatID, n.Email = o.ChatID, o.Email
	}
	if n.group() == "" {
		n.Channel = r.Security
	}
	return n
}

// notice plans a first message unless one already goes to the same place.
func (c *Case) notice(n Notice, now time.Time) []store.Effect {
	for _, have := range c.Notices {
		if have.group() == n.group() || (n.Channel != "" && have.Ref.Channel == n.Channel) {
			return c.refresh(now)
		}
	}
	c.Notices = append(c.Notices, n)
	return []store.Effect{c.effect(store.LaneNotify, KindNotice, KindNotice+"/"+strconv.Itoa(len(c.Notices)-1), n.group(), now, now, "")}
}

// page plans a page with a new incident, unless one is open.
func (c *Case) page(why string, now time.Time) []store.Effect {
	if c.Page != nil && !c.Page.Resolved {
		return nil
	}
	gen := 1
	if c.Page != nil {
		gen = c.Page.Gen + 1
	}
	c.Page = &Page{Gen: gen, Why: why, At: now}
	c.note(now, "paging the team: %s", why)
	c.milestone(Milestone{Kind: MilestonePaged, At: now, Page: gen, Why: why})
	c.Promote(now)
	return []store.Effect{c.effect(store.LanePage, KindPage, KindPage+"/"+strconv.Itoa(gen), "", now, now, "")}
}

// EditDelay is how long an update waits before messages are brought up to
// date, so that a burst of updates is one edit.
const EditDelay = 5 * time.Second

// Refresh plans one more edit of the delivered messages.
func (c *Case) Refresh(now time.Time) []store.Effect {
	if !c.Known() {
		return nil
	}
	return c.refresh(now)
}

// refresh plans one edit of the delivered messages.
func (c *Case) refresh(now time.Time) []store.Effect {
	if !c.delivered() {
		return nil
	}
	return []store.Effect{c.effect(store.LaneNotify, KindEdit, KindEdit, "", now, now.Add(EditDelay), "")}
}

// delivered says whether there is a message of its own to edit.
func (c *Case) delivered() bool {
	return slices.ContainsFunc(c.Notices, func(n Notice) bool { return n.Ref.TS != "" && !n.Digest })
}

// FoldInto makes this finding's record point at the case of the same act.
func (c *Case) FoldInto(other *Case, f *findings.Finding, now time.Time) []store.Effect {
	*c = Case{ID: c.ID, Alias: other.ID, Severity: f.Severity, Count: f.Count, Updated: f.UpdatedAt}
	if f.Region != "" && !slices.Contains(other.Regions, f.Region) && len(other.Regions) < maxRegions {
		other.Regions = append(other.Regions, f.Region)
		other.note(now, "the same act was also seen in another region")
		other.Comment(now, "The same act was also seen in region "+f.Region+".")
	}
	other.Count++
	return other.refresh(now)
}

func (c *Case) end(o Outcome, now time.Time) {
	c.Status, c.Outcome = Closed, o
	c.note(now, "closed: %s", o)
	c.milestone(Milestone{Kind: MilestoneClosed, At: now, Outcome: o})
}

func number(f float64) string { return fmt.Sprintf("%.1f", f) }
