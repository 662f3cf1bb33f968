package incidents

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

// The steps an incident plans. The runtime performs each by one function; each
// can be repeated without harm at the far end, which the comment says how.
const (
	StepChannel  = "channel"  // make the channel: one of this name that the bot made is adopted
	StepTopic    = "topic"    // set topic and purpose: the same again changes nothing
	StepGather   = "gather"   // find out who belongs to a source: reads only
	StepInvite   = "invite"   // invite members: who is in already counts as invited
	StepSummary  = "summary"  // post the summary: found by its metadata
	StepPin      = "pin"      // pin it: pinned already counts as done
	StepEdit     = "edit"     // bring the summary up to date in place
	StepDocument = "document" // canvas, else a pinned post: one that is there is adopted
	StepHive     = "hive"     // make the case in TheHive: found by its source reference
	StepPage     = "page"     // trigger PagerDuty: the same key
	StepFallback = "fallback" // the other way to reach the people on call
	StepResolve  = "resolve"  // resolve PagerDuty: the same key
	StepSay      = "say"      // post a line of the timeline: found by its metadata
	StepTell     = "tell"     // tell the person concerned directly: found by its metadata
	StepRemind   = "remind"   // ask whether it is still open: found by its metadata
	StepExport   = "export"   // timeline into the channel: found by name
	StepRecord   = "record"   // timeline to TheHive, and close its case
	StepArchive  = "archive"  // archive the channel: archived already counts as done

	StepUnarchive = "unarchive" // open the channel again: open already counts as done
	StepRehive    = "rehive"    // open the case in TheHive again: open already counts as done
)

// kindPrefix sets the kinds of incident effects apart from those of cases.
const kindPrefix = "incident."

// EffectKind is the store's kind for a step.
func EffectKind(step string) string { return kindPrefix + step }

// StepOf is the step of an effect's kind; false when it is not an incident's.
func StepOf(kind string) (string, bool) { return strings.CutPrefix(kind, kindPrefix) }

// laneOf puts paging into its own lane, what people wait for before what is
// only kept, and TheHive where it can hang without hurting anybody.
func laneOf(step string) store.Lane {
	switch step {
	case StepPage, StepFallback, StepResolve:
		return store.LanePage
	case StepChannel, StepUnarchive, StepGather, StepInvite, StepSummary, StepTell:
		return store.LaneInquiry
	case StepHive, StepRehive, StepRecord:
		return store.LaneRecord
	}
	return store.LaneNotify
}

// inChannel says whether a step writes into the channel, so that it must be
// over before the channel is archived.
func inChannel(step string) bool {
	switch step {
	case StepTopic, StepInvite, StepSummary, StepPin, StepEdit, StepDocument, StepSay, StepRemind, StepExport, StepUnarchive:
		return true
	}
	return false
}

// droppable says whether a step makes no more sense once the incident is
// closed.
func droppable(step string) bool {
	switch step {
	case StepTopic, StepGather, StepInvite, StepPin, StepDocument, StepRemind, StepPage, StepFallback:
		return true
	}
	return false
}

// cutStep splits "say/12" into step and number.
func cutStep(what string) (step, rest string) {
	step, rest, _ = strings.Cut(what, "/")
	return step, rest
}

// step returns the part of an effect's id that names the step: id/generation/what.
func (c *Incident) step(effectID string) string {
	_, what, _ := strings.Cut(strings.TrimPrefix(effectID, c.ID+"/"), "/")
	return what
}

// plan plans a step. Planning one that is under way is a no-op in the store.
func (c *Incident) plan(what string, now, due time.Time) store.Effect {
	return c.planned(strconv.Itoa(c.Gen)+"/"+what, now, due)
}

// planned plans a step of any generation: "2/topic/4".
func (c *Incident) planned(short string, now, due time.Time) store.Effect {
	_, what, _ := strings.Cut(short, "/")
	if !slices.Contains(c.Pending, short) {
		c.Pending = append(c.Pending, short)
	}
	step, _ := cutStep(what)
	e := store.Effect{ID: c.ID + "/" + short, Lane: laneOf(step), Kind: EffectKind(step), Doc: DocID(c.ID), Planned: now, Due: due}
	if inChannel(step) {
		e.Group = c.Channel
	}
	return e
}

// once plans a step that may happen many times, unless one is under way: that
// one will find out, when it ends, that there is more to do.
func (c *Incident) once(step string, now, due time.Time) []store.Effect {
	if c.busy(func(have string) bool { return have == step }) {
		return nil
	}
	c.Seq++
	return []store.Effect{c.plan(step+"/"+strconv.Itoa(c.Seq), now, due)}
}

// busy says whether a step of some sort is under way.
func (c *Incident) busy(sort func(step string) bool) bool {
	return slices.ContainsFunc(c.Pending, func(short string) bool {
		_, what, _ := strings.Cut(short, "/")
		step, _ := cutStep(what)
		return sort(step)
	})
}

// take removes an effect from those under way. A report about any other is
// late or repeated and must change nothing.
func (c *Incident) take(effectID string) bool {
	short, ours := strings.CutPrefix(effectID, c.ID+"/")
	i := slices.Index(c.Pending, short)
	if !ours || i < 0 {
		return false
	}
	c.Pending = slices.Delete(c.Pending, i, i+1)
	return true
}

// report is how every outcome of an effect is taken in.
func (c *Incident) report(effectID string, now time.Time, what func() []store.Effect) []store.Effect {
	if !c.take(effectID) {
		return nil
	}
	var out []store.Effect
	if what != nil {
		out = what()
	}
	return append(out, c.wrapUp(now)...)
}

// Intervals at which an incident wants to be looked at.
const (
	watchEffects = 10 * time.Minute // effects are under way
	nudgeAfter   = 24 * time.Hour   // nobody has done anything
)

// Timer returns when the incident wants to be looked at again; zero when it is
// closed with nothing under way.
func (c *Incident) Timer(now time.Time) time.Time {
	var t time.Time
	if c.IsOpen() {
		t = c.Nudge
	}
	if w := now.Add(watchEffects); len(c.Pending) > 0 && (t.IsZero() || w.Before(t)) {
		t = w
	}
	return t
}

// Tick is the incident's timer: effects the store may have lost are planned
// again, and an open incident in which nobody has done anything for a day asks
// whether it is over.
func (c *Incident) Tick(now time.Time) []store.Effect {
	out := c.replan(now)
	if !c.IsOpen() || now.Before(c.Nudge) {
		return out
	}
	c.Nudge = now.Add(nudgeAfter)
	if c.Channel == "" {
		return append(out, c.tell(now, "the incident is still open and has no channel")...)
	}
	if c.sealed() {
		return out
	}
	return append(out, c.once(StepRemind, now, now)...)
}

// replan plans again whatever is said to be under way: a no-op for each effect
// the store still has, and the repair for one that it has lost.
func (c *Incident) replan(now time.Time) []store.Effect {
	var out []store.Effect
	for _, short := range slices.Clone(c.Pending) {
		out = append(out, c.planned(short, now, now))
	}
	return out
}
