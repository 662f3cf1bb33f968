package cases

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

// The kinds of effect a case plans. The runtime performs each by one function.
const (
	KindPage     = "page"     // trigger PagerDuty
	KindFallback = "fallback" // the other way to reach the team
	KindResolve  = "resolve"  // resolve PagerDuty
	KindNotice   = "notice"   // first message about the case
	KindEdit     = "edit"     // bring the messages up to date in place
	KindThread   = "thread"   // add a line under the message
	KindArchive  = "archive"  // write a line to the archive
)

// DocID is the store's name of a case document.
func DocID(caseID string) string { return "c:" + caseID }

// effect plans an effect of this case. Its id is case/generation/what, so that
// planning it again is a no-op while it is under way.
func (c *Case) effect(lane store.Lane, kind, what, group string, now, due time.Time, body string) store.Effect {
	short := fmt.Sprintf("%d/%s", c.Gen, what)
	if !slices.Contains(c.Pending, short) {
		c.Pending = append(c.Pending, short)
	}
	e := store.Effect{ID: c.ID + "/" + short, Lane: lane, Kind: kind, Group: group, Doc: DocID(c.ID), Planned: now, Due: due}
	if body != "" {
		e.Body = []byte(body)
	}
	return e
}

// once plans an effect that may happen several times in a generation.
func (c *Case) once(lane store.Lane, kind, group string, now, due time.Time, body string) store.Effect {
	c.Seq++
	return c.effect(lane, kind, fmt.Sprintf("%s/%d", kind, c.Seq), group, now, due, body)
}

// Finished records that an effect is no longer under way. An open case whose
// last effect has finished is done: its owner knows.
func (c *Case) Finished(effectID string, now time.Time) {
	short := strings.TrimPrefix(effectID, c.ID+"/")
	if i := slices.Index(c.Pending, short); i >= 0 {
		c.Pending = slices.Delete(c.Pending, i, i+1)
	}
	if c.Status == Open && !c.busy() {
		c.end(Notified, now)
	}
}

// busy says whether something people wait for is under way.
func (c *Case) busy() bool {
	return slices.ContainsFunc(c.Pending, func(short string) bool { return !ofRecord(short) })
}

// replan plans again whatever is still said to be under way: a no-op for each
// effect that the store still has, and the repair for one that it has lost.
func (c *Case) replan(now time.Time) []store.Effect {
	var out []store.Effect
	for _, short := range c.Pending {
		_, what, _ := strings.Cut(short, "/")
		kind, rest, _ := strings.Cut(what, "/")
		if kind == KindNotice && now.Sub(c.Opened) < noticeLost {
			continue // it may be part of a digest that waits for chat to come back
		}
		e := store.Effect{ID: c.ID + "/" + short, Kind: kind, Doc: DocID(c.ID), Planned: now, Due: now}
		switch kind {
		case KindPage, KindFallback, KindResolve:
			e.Lane = store.LanePage
		case KindArchive, KindRecord:
			e.Lane = store.LaneRecord
		default:
			e.Lane = store.LaneNotify
			e.Group = c.group(kind, rest)
		}
		out = append(out, e)
	}
	return out
}

// noticeLost is after what time a message that was neither delivered nor given
// up must have been lost: longer than anything is tried.
const noticeLost = 25 * time.Hour

func (c *Case) group(kind, rest string) string {
	if kind != KindNotice {
		return ""
	}
	var i int
	if _, err := fmt.Sscanf(rest, "%d", &i); err != nil || i >= len(c.Notices) {
		return ""
	}
	return c.Notices[i].group()
}

func (n Notice) group() string {
	switch {
	case n.Channel != "":
		return n.Channel
	case n.ChatID != "":
		return n.ChatID
	}
	return n.Email
}
