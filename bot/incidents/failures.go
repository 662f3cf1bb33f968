package incidents

import (
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// Failed takes in that a step is given up. It is shown, and whoever waits for
// it is told.
func (c *Incident) Failed(effectID, why string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		what := c.step(effectID)
		step, rest := cutStep(what)
		why = message.Cut(clean(why), 200)
		switch step {
		case StepInvite:
			return c.invitesFailed(why, now)
		case StepGather:
			return c.gatherFailed(rest, why, now)
		case StepUnarchive:
			return c.walled(why, now)
		case StepPage:
			return c.pageRefused(rest, why, now)
		}
		if !c.fail(what, why, now) {
			return nil
		}
		n := c.log(Entry{At: now, Kind: KindFailed, What: "it was given up to " + About(step), Text: why})
		if step == StepRehive && c.Status == Closed { // it need not be open to be ended
			return []store.Effect{c.plan(StepRecord, now, now)}
		}
		switch {
		case step == StepTell, step == StepEdit:
			return nil // nobody is left to tell; an edit would fail the same way
		case c.Channel == "", step == StepSummary, c.Status == Closed:
			return c.tellEntry(n, now)
		case step == StepFallback:
			return append(c.say(n, now), c.refresh(now)...)
		}
		return c.refresh(now)
	})
}

// sameStep says whether two effects are the same step to people: one edit is as
// good as the next, but each page is a page of its own.
func sameStep(a, b string) bool {
	sa, na := cutStep(a)
	sb, nb := cutStep(b)
	if sa != sb || laneOf(sa) != store.LanePage {
		return sa == sb
	}
	na, _ = cutStep(na)
	nb, _ = cutStep(nb)
	return na == nb
}

// fail remembers a failure; false when the step has one already.
func (c *Incident) fail(what, why string, now time.Time) bool {
	if c.failed(what) {
		return false
	}
	c.Failures = append(c.Failures, Failure{Step: what, Why: why, At: now.UTC()})
	return true
}

// recovered forgets the failure of a step that has worked after all.
func (c *Incident) recovered(what string) {
	c.Failures = slices.DeleteFunc(c.Failures, func(f Failure) bool { return sameStep(f.Step, what) })
}

// failed says whether a step was given up.
func (c *Incident) failed(what string) bool {
	return slices.ContainsFunc(c.Failures, func(f Failure) bool { return sameStep(f.Step, what) })
}

// Retry plans the steps again that were given up, and says how many.
func (c *Incident) Retry(by string, now time.Time) ([]store.Effect, error) {
	if !c.IsOpen() {
		return nil, c.refuse()
	}
	again := c.Failures
	if len(again) == 0 {
		return nil, Refusal("Nothing has failed that could be tried again.")
	}
	c.Failures = nil
	var out []store.Effect
	for _, f := range again {
		step, _ := cutStep(f.Step)
		if inChannel(step) && c.sealed() {
			continue // done anyway once the channel can be written in again
		}
		switch step {
		case StepSay, StepTell, StepRemind, StepResolve:
			continue // their moment has passed
		case StepEdit, StepTopic:
			out = append(out, c.once(step, now, now)...)
		default:
			out = append(out, c.plan(f.Step, now, now))
		}
	}
	c.log(Entry{At: now, By: by, Kind: KindStep, What: "asked to try again what had failed"})
	c.acted(now)
	return append(out, c.refresh(now)...), nil
}

// About names a step in words that fit after "could not".
func About(step string) string {
	step, _, _ = strings.Cut(step, "/")
	switch step {
	case StepChannel:
		return "make the channel"
	case StepTopic:
		return "set the channel's topic"
	case StepSummary:
		return "post the summary"
	case StepPin:
		return "pin the summary"
	case StepEdit:
		return "bring the summary up to date"
	case StepDocument:
		return "start the document"
	case StepHive:
		return "make the case in TheHive"
	case StepPage, StepFallback:
		return "page the people on call"
	case StepResolve:
		return "resolve the page in PagerDuty"
	case StepExport:
		return "put the timeline into the channel"
	case StepRecord:
		return "put the timeline into TheHive"
	case StepArchive:
		return "archive the channel"
	case StepRehive:
		return "open the case in TheHive again"
	}
	return "say something in the channel"
}
