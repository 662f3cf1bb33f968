package cases

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/store"
)

// Decided takes in how a question to an employee ended.
func (c *Case) Decided(step policy.Step, why string, r Routes, now time.Time) []store.Effect {
	if c.Status == Closed && step != policy.Page {
		return nil
	}
	if c.Status == Closed {
		c.Gen++ // a late "no": the case lives again
		c.Status, c.Outcome, c.ClosedBy, c.Reason = Open, "", "", ""
	}
	c.note(now, "%s", why)
	if step.Compare(policy.Ticket) >= 0 {
		c.Keep(r, now)
	}
	if step == policy.Page {
		c.Promote(now)
	}
	c.Comment(now, sentence(why))
	var out []store.Effect
	switch step {
	case policy.Page:
		out = append(out, c.page(why, now)...)
		c.Status = Paged
		out = append(out, c.notice(Notice{Channel: r.Security}, now)...)
	case policy.Ticket, policy.Inquire:
		if c.Status != Paged {
			c.Status = Waiting
		}
		out = append(out, c.notice(Notice{Channel: r.Security}, now)...)
	case policy.Notify:
		if c.Status == Asked {
			c.Status = Open
		}
		out = append(out, c.notice(Notice{Channel: r.Security}, now)...)
	default:
		if c.Status == Asked {
			c.endRecord(Confirmed, now)
			c.end(Confirmed, now)
		}
		out = append(out, c.refresh(now)...)
	}
	return out
}

// Delivered records where a notice went. Further notices of the same generation
// are edits; one is planned at once when the case no longer is what was shown.
// Lines that waited for the message follow it.
func (c *Case) Delivered(i int, ref Ref, digest bool, shown string, r Routes, now time.Time) []store.Effect {
	if i >= len(c.Notices) {
		return nil
	}
	c.Notices[i].Ref, c.Notices[i].Digest = ref, digest
	c.note(now, "message delivered")
	var out []store.Effect
	if len(c.Unsaid) > 0 && c.Root(r).TS != "" {
		out = append(out, c.once(store.LaneNotify, KindThread, "", now, now, strings.Join(c.Unsaid, "\n")))
		c.Unsaid = nil
	}
	if c.Looks() == shown {
		return out
	}
	return append(out, c.refresh(now)...)
}

// Looks identifies what a message about the case shows at the moment.
func (c *Case) Looks() string {
	page := Page{}
	if c.Page != nil {
		page = *c.Page
	}
	where := ""
	if r := c.Record; r != nil {
		where = r.Kept.ID + r.Kept.Case
	}
	return fmt.Sprint(c.Status, c.Count, c.Severity, c.Updated.UnixMilli(), page.Gen, page.Sent, page.Fallback, c.ClosedBy, len(c.Regions), where)
}

// Undeliverable redirects a notice that could not be delivered to the security
// channel; when that is what failed, there is nowhere else and the team is
// paged.
func (c *Case) Undeliverable(i int, why string, r Routes, now time.Time) []store.Effect {
	c.note(now, "message could not be delivered: %s", why)
	if i < len(c.Notices) && c.Notices[i].group() != r.Security {
		return c.notice(Notice{Channel: r.Security}, now)
	}
	if c.Page != nil && !c.Page.Resolved {
		return nil
	}
	c.Keep(r, now)
	out := c.page("the security channel cannot be reached in chat: "+why, now)
	c.Status = Paged
	return out
}

// PageSent records that PagerDuty accepted the page.
func (c *Case) PageSent(now time.Time) []store.Effect {
	if c.Page == nil {
		return nil
	}
	c.Page.Sent = true
	c.note(now, "the team was paged")
	c.Comment(now, "The team was paged: "+c.Page.Why+".")
	return c.refresh(now)
}

// PageRefused plans the other way to reach the team, once.
func (c *Case) PageRefused(why string, now time.Time) []store.Effect {
	if c.Page == nil || c.Page.Fallback || c.Page.Resolved {
		return nil
	}
	c.Page.Fallback = true
	c.note(now, "PagerDuty has not accepted the page (%s): using the fallback", why)
	c.milestone(Milestone{Kind: MilestonePageRefused, At: now, Page: c.Page.Gen})
	c.Comment(now, "PagerDuty has not accepted the page ("+why+"): using the fallback.")
	return []store.Effect{c.effect(store.LanePage, KindFallback, KindFallback+"/"+strconv.Itoa(c.Page.Gen), "", now, now, why)}
}

// Close ends the case by a person's verdict. cancel lists effects that must not
// start any more. A page that may have gone out is resolved; the second resolve
// comes after any page still in flight has ended.
func (c *Case) Close(o Outcome, by, reason string, flight time.Duration, now time.Time) (effects []store.Effect, cancel []string) {
	if !c.IsOpen() {
		return nil, nil
	}
	c.ClosedBy, c.Reason = by, reason
	if p := c.Page; p != nil && !p.Resolved {
		gen := strconv.Itoa(p.Gen)
		for _, kind := range []string{KindPage, KindFallback} {
			id := c.ID + "/" + strconv.Itoa(c.Gen) + "/" + kind + "/" + gen
			cancel = append(cancel, id)
			c.Finished(id, now)
		}
		effects = append(effects, c.effect(store.LanePage, KindResolve, KindResolve+"/"+gen, "", now, now, ""))
		if !p.Sent {
			effects = append(effects, c.effect(store.LanePage, KindResolve, KindResolve+"/"+gen+"/late", "", now, now.Add(flight), ""))
		}
		p.Resolved = true
	}
	c.endRecord(o, now)
	c.end(o, now)
	return append(effects, c.refresh(now)...), cancel
}

// Root is the message in the security channel that lines about the case stand
// under; the zero Ref while there is none.
func (c *Case) Root(r Routes) Ref {
	for _, n := range c.Notices {
		if n.Ref.TS != "" && n.Ref.Channel == r.Security {
			return n.Ref
		}
	}
	return Ref{}
}

// maxUnsaid bounds the lines that wait for a message; the timeline has them all.
const maxUnsaid = 20

// Say plans a line in the thread under the case's message in the security
// channel. While that is not posted, the line waits for it: chat may be slow, and
// a case that only asks somebody may get its message days later.
func (c *Case) Say(text string, r Routes, now time.Time) []store.Effect {
	text = strings.Join(strings.Fields(text), " ") // a line is a line
	if c.Root(r).TS != "" {
		return []store.Effect{c.once(store.LaneNotify, KindThread, "", now, now, text)}
	}
	if !c.IsOpen() && len(c.Pending) == 0 {
		return nil // no message will come
	}
	c.Unsaid = append(c.Unsaid, text)
	c.Unsaid = c.Unsaid[max(0, len(c.Unsaid)-maxUnsaid):]
	return nil
}

// Intervals at which a case wants to be looked at again.
const (
	watchEffects = 10 * time.Minute // effects are under way
	watchPeople  = 24 * time.Hour   // a person has to act
)

// Timer returns when the case wants to be looked at again; zero when closed
// with nothing under way.
func (c *Case) Timer(now time.Time) time.Time {
	switch {
	case c.Alias != "":
		return time.Time{}
	case len(c.Pending) > 0 || c.IsOpen() && c.drill():
		return now.Add(watchEffects)
	case c.IsOpen():
		return now.Add(watchPeople)
	}
	return time.Time{}
}

// drill says whether an operator made the case up.
func (c *Case) drill() bool { return c.Finding != nil && c.Finding.Kind == findings.KindDrill }

// Overstayed says whether a drill was not ended by whoever began it.
func (c *Case) Overstayed(now time.Time) bool {
	return c.IsOpen() && c.drill() && now.Sub(c.Opened) >= watchEffects
}

// Tick is the case's timer: effects the store may have lost are planned again.
func (c *Case) Tick(now time.Time) []store.Effect { return c.replan(now) }
