package incidents

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// Close ends the incident. cancel lists effects that must not start any more.
// flight is how long a page that was under way may still take to arrive: it is
// resolved once now and once after that.
//
// Closing an incident whose end was given up (no export, no archive) tries that
// again.
func (c *Incident) Close(by, reason string, flight time.Duration, now time.Time) (effects []store.Effect, cancel []string, err error) {
	if c.Status == Closed {
		return c.endAgain(by, now)
	}
	if !c.IsOpen() {
		return nil, nil, c.refuse()
	}
	if reason, err = written(reason, "why it can be closed"); err != nil {
		return nil, nil, err
	}
	reason = message.Cut(reason, 1000)
	c.Status, c.ClosedBy, c.Reason, c.Ended = Closed, by, reason, now.UTC()
	n := c.log(Entry{At: now, By: by, Kind: KindClosed, What: "closed the incident:", Text: reason})
	cancel = c.drop()
	for i := range c.Pages {
		effects = append(effects, c.resolve(i, flight, now)...)
	}
	if c.Hive.ID != "" && !c.busy(func(s string) bool { return s == StepRehive }) {
		effects = append(effects, c.plan(StepRecord, now, now))
	}
	effects = append(effects, c.say(n, now)...)
	if c.Summary.TS != "" && !c.sealed() {
		effects = append(effects, c.once(StepEdit, now, now)...)
	}
	return append(effects, c.wrapUp(now)...), cancel, nil
}

// drop takes the steps that make no more sense off the list.
func (c *Incident) drop() (cancel []string) {
	c.Pending = slices.DeleteFunc(c.Pending, func(short string) bool {
		_, what, _ := strings.Cut(short, "/")
		step, _ := cutStep(what)
		if droppable(step) {
			cancel = append(cancel, c.ID+"/"+short)
		}
		return droppable(step)
	})
	return cancel
}

// resolve ends a page.
func (c *Incident) resolve(i int, flight time.Duration, now time.Time) []store.Effect {
	p := &c.Pages[i]
	if p.Resolved {
		return nil
	}
	p.Resolved = true
	what := StepResolve + "/" + strconv.Itoa(i+1)
	out := []store.Effect{c.plan(what, now, now)}
	if !p.Sent {
		out = append(out, c.plan(what+"/late", now, now.Add(flight)))
	}
	return out
}

// wrapUp takes a closed incident to its end, one step at a time: when nothing
// else is going into the channel any more, the timeline does; then the channel
// is archived. Without a channel there is nothing to do.
func (c *Incident) wrapUp(now time.Time) []store.Effect {
	under := func(step string) bool { return inChannel(step) || step == StepChannel || step == StepArchive }
	if c.Status != Closed || c.Channel == "" || c.Archived || c.busy(under) {
		return nil
	}
	switch {
	case !c.Exported && !c.failed(StepExport):
		return []store.Effect{c.plan(StepExport, now, now)}
	case c.Exported && !c.failed(StepArchive):
		return []store.Effect{c.plan(StepArchive, now, now)}
	}
	return nil
}

// endAgain tries the end of a closed incident again.
func (c *Incident) endAgain(by string, now time.Time) ([]store.Effect, []string, error) {
	var out []store.Effect
	c.Failures = slices.DeleteFunc(c.Failures, func(f Failure) bool {
		switch step, _ := cutStep(f.Step); step {
		case StepRecord, StepResolve:
			out = append(out, c.plan(f.Step, now, now))
			return true
		case StepExport, StepArchive:
			return true
		}
		return false
	})
	out = append(out, c.wrapUp(now)...)
	if len(out) == 0 {
		return nil, nil, c.refuse()
	}
	c.log(Entry{At: now, By: by, Kind: KindStep, What: "asked to end the incident properly"})
	return out, nil, nil
}

// TimelineExported takes in that the timeline is in the channel. The channel is
// archived next.
func (c *Incident) TimelineExported(effectID string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.Exported = true
		c.log(Entry{At: now, Kind: KindStep, What: "timeline put into the channel"})
		return nil
	})
}

// Recorded takes in that TheHive has the timeline.
func (c *Incident) Recorded(effectID string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.log(Entry{At: now, Kind: KindStep, What: "timeline put into TheHive"})
		if c.IsOpen() { // reopened meanwhile
			return []store.Effect{c.plan(StepRehive, now, now)}
		}
		return nil
	})
}

// ChannelArchived takes in that the channel is archived. Nothing goes into it
// any more.
func (c *Incident) ChannelArchived(effectID string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.Archived = true
		c.log(Entry{At: now, Kind: KindStep, What: "channel archived"})
		return nil
	})
}
