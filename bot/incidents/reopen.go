package incidents

import (
	"slices"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// Reopen takes a closed incident up again, within a time after its end: its
// timeline, people and cases go on, its case in TheHive is opened again, and the
// people on call are paged as for a new incident of its severity. Its channel is
// opened again or, where chat refuses that, followed by a fresh one.
func (c *Incident) Reopen(by, reason string, r Rules, within time.Duration, now time.Time) ([]store.Effect, error) {
	reason, err := written(reason, "why there is more to do")
	switch {
	case !c.Known():
		return nil, c.refuse()
	case c.IsOpen():
		return nil, Refusal(c.Ref() + " is open already.")
	case now.Sub(c.Ended) > within:
		return nil, Refusal(c.Ref() + " was closed too long ago: it can be reopened for " + span(within) + ". Open a new incident and name this one in it.")
	case c.busy(func(s string) bool { return inChannel(s) || s == StepChannel || s == StepArchive }):
		return nil, Refusal(c.Ref() + " is still being closed: its timeline goes into the channel. Please try again in a minute.")
	case err != nil:
		return nil, err
	}
	c.Status, c.ClosedBy, c.Reason, c.Ended, c.Exported = Open, "", "", time.Time{}, false
	c.Gen++
	var out []store.Effect
	c.Failures = slices.DeleteFunc(c.Failures, func(f Failure) bool {
		step, _ := cutStep(f.Step)
		if step == StepResolve { // a page that is over must not ring on
			out = append(out, c.plan(f.Step, now, now))
		}
		return step == StepExport || step == StepArchive || step == StepRecord || step == StepResolve
	})
	c.log(Entry{At: now, By: by, Kind: KindReopened, What: "reopened the incident:", Text: message.Cut(reason, 1000)})
	c.acted(now)
	c.name(by, "reopened it")
	if c.Channel == "" {
		out = append(out, c.plan(StepChannel+"/"+strconv.Itoa(c.Tries), now, now))
	} else {
		out = append(out, c.plan(StepUnarchive, now, now))
	}
	for i, s := range c.Sources {
		if s.Kind == FromOnCall { // others than then
			out = append(out, c.plan(StepGather+"/"+strconv.Itoa(i), now, now))
		}
	}
	out = append(out, c.rehive(r, now)...)
	if slices.Contains(r.Page, c.Severity) {
		out = append(out, c.page("", "reopened: "+message.Cut(reason, 400), now)...)
	}
	return out, nil
}

// span is a time as people say it.
func span(d time.Duration) string {
	if d >= 48*time.Hour {
		return strconv.Itoa(int(d.Hours()/24)) + " days"
	}
	return strconv.Itoa(int(d.Hours())) + " hours"
}

// rehive opens the case in TheHive again, once its end is not under way any more;
// without one it is made.
func (c *Incident) rehive(r Rules, now time.Time) []store.Effect {
	underway := c.busy(func(s string) bool { return s == StepHive || s == StepRecord })
	switch {
	case underway || !r.Hive:
		return nil
	case c.Hive.ID == "":
		return []store.Effect{c.plan(StepHive, now, now)}
	}
	return []store.Effect{c.plan(StepRehive, now, now)}
}

// reopening is the line that says why the incident was reopened last; -1 when it
// never was.
func (c *Incident) reopening() int {
	for i := len(c.Timeline) - 1; i >= 0; i-- {
		if c.Timeline[i].Kind == KindReopened {
			return i
		}
	}
	return -1
}

// Reopening is why the incident was reopened last; "" when it never was.
func (c *Incident) Reopening() string {
	if i := c.reopening(); i >= 0 {
		return c.Timeline[i].Text
	}
	return ""
}

// Unarchived takes in that the channel can be written in again.
func (c *Incident) Unarchived(effectID string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.Archived = false
		c.log(Entry{At: now, Kind: KindStep, What: "channel opened again"})
		if !c.IsOpen() { // closed meanwhile
			return c.refresh(now)
		}
		return c.furnish(now)
	})
}

// Walled takes in that chat does not open the channel again: a fresh one is made,
// and everybody is invited anew. The earlier one can still be read.
func (c *Incident) Walled(effectID, why string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect { return c.walled(why, now) })
}

func (c *Incident) walled(why string, now time.Time) []store.Effect {
	if !c.IsOpen() { // closed meanwhile: it stays as it was
		c.Exported, c.Archived = true, true
		return nil
	}
	c.Former = append(c.Former, c.Channel)
	c.Channel, c.Summary, c.Doc, c.Archived, c.Tries = "", Ref{}, Document{}, false, 0
	c.Failures = slices.DeleteFunc(c.Failures, func(f Failure) bool { s, _ := cutStep(f.Step); return inChannel(s) })
	for i := range c.Members {
		if c.Members[i].State == In {
			c.Members[i].State = Wanted
		}
	}
	c.log(Entry{At: now, Kind: KindStep, What: "the archived channel cannot be opened again by an app, so a fresh one is made", Text: clean(why)})
	c.Name = c.freshName()
	return []store.Effect{c.plan(StepChannel+"/0", now, now)}
}

// freshName is the name of the channel to try next: none that was tried before.
func (c *Incident) freshName() string {
	return nameOf(c.Prefix, c.ID, c.Title, c.Opened, len(c.Former)*maxNames+c.Tries)
}

// Rehived takes in that the case in TheHive is open again. An incident that was
// closed meanwhile goes on to its end.
func (c *Incident) Rehived(effectID string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.recovered(StepRehive)
		c.log(Entry{At: now, Kind: KindStep, What: "case in TheHive opened again"})
		if c.Status == Closed {
			return []store.Effect{c.plan(StepRecord, now, now)}
		}
		return nil
	})
}
