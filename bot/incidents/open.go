package incidents

import (
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/store"
)

// Rules are what the configuration says about every incident.
type Rules struct {
	Prefix string   // of channel names; empty is "inc"
	Public bool     // channels anybody in the workspace may join
	Groups []string // chat user groups that are invited to each
	OnCall bool     // whoever is on call is invited
	Page   []findings.Level
	Hive   bool // a case is made in TheHive
	NoDoc  bool // no document is started
}

// Opening is what somebody asks for.
type Opening struct {
	By      string // chat id
	Title   string // outside text
	Level   findings.Level
	Members []string // chat ids of people named, besides By
	Cases   []string // ids of cases it is about
	Paged   bool     // one of the cases has paged the people on call already
}

const maxTitle = 120

// Start opens an incident whose id the caller has chosen at random.
func Start(id string, o Opening, r Rules, now time.Time) (*Incident, []store.Effect, error) {
	title := clean(o.Title)
	switch {
	case title == "":
		return nil, nil, Refusal("An incident needs a title: a few words on what has happened.")
	case utf8.RuneCountInString(title) > maxTitle:
		return nil, nil, Refusal("That title is too long: at most " + strconv.Itoa(maxTitle) + " characters. The rest fits into a note.")
	case rank(o.Level) == 0:
		return nil, nil, Refusal("The severity is one of critical, high, medium and low.")
	}
	c := &Incident{ID: id, Status: Open, Gen: 1, Title: title, Severity: o.Level, Opener: o.By, Opened: now.UTC(), Nudge: now.Add(nudgeAfter),
		Prefix: r.Prefix, Public: r.Public, NoDoc: r.NoDoc, Name: nameOf(r.Prefix, id, title, now, 0)}
	c.log(Entry{At: now, By: o.By, Kind: KindOpened, What: "opened the incident, severity " + string(o.Level), Text: title})
	c.name(o.By, "opened it")
	for _, who := range o.Members {
		c.name(who, "named by the opener")
	}
	for _, id := range o.Cases {
		c.link(id, o.By, now)
	}
	out := []store.Effect{c.plan(StepChannel+"/0", now, now)}
	for _, g := range r.Groups {
		out = append(out, c.source(Source{Kind: FromGroup, ID: g}, now)...)
	}
	if r.OnCall {
		out = append(out, c.source(Source{Kind: FromOnCall}, now)...)
	}
	if r.Hive {
		out = append(out, c.plan(StepHive, now, now))
	}
	if slices.Contains(r.Page, o.Level) && !o.Paged {
		out = append(out, c.page("", title, now)...)
	}
	return c, out, nil
}

// ChannelMade takes in that the channel exists, made now or adopted from an
// attempt whose answer was lost. An incident that was closed meanwhile goes on
// to its end.
func (c *Incident) ChannelMade(effectID, channel string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		if c.Channel != "" || channel == "" {
			return nil
		}
		c.Channel = channel
		c.recovered(StepChannel)
		c.log(Entry{At: now, Kind: KindStep, What: "channel made"})
		if !c.IsOpen() {
			return nil
		}
		return c.furnish(now)
	})
}

// furnish puts into the channel what belongs there and is missing.
func (c *Incident) furnish(now time.Time) []store.Effect {
	var out []store.Effect
	if c.Summary.TS == "" {
		out = append(out, c.plan(StepSummary, now, now))
	}
	out = append(out, c.say(c.reopening(), now)...)
	out = append(out, c.invite(now)...)
	out = append(out, c.once(StepTopic, now, now)...)
	if !c.NoDoc && !c.Doc.Made() {
		out = append(out, c.plan(StepDocument, now, now))
	}
	return append(out, c.refresh(now)...)
}

// maxNames is how many channel names are tried: with random letters in each, a
// second collision means that something else is wrong.
const maxNames = 5

// NameTaken takes in that somebody else has a channel of this name: the next
// name is tried, until it is no accident any more.
func (c *Incident) NameTaken(effectID string, now time.Time) []store.Effect {
	if c.Tries+1 >= maxNames {
		return c.Failed(effectID, "the names tried are all taken", now)
	}
	return c.report(effectID, now, func() []store.Effect {
		if c.Channel != "" {
			return nil
		}
		c.Tries++
		c.Name = c.freshName()
		return []store.Effect{c.plan(StepChannel+"/"+strconv.Itoa(c.Tries), now, now)}
	})
}

// SummaryPosted takes in where the summary is. looks is what it showed.
func (c *Incident) SummaryPosted(effectID string, ref Ref, looks string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.Summary = ref
		c.recovered(StepSummary)
		out := c.refreshFrom(looks, now)
		if c.IsOpen() {
			out = append(out, c.plan(StepPin, now, now))
		}
		return out
	})
}

// Edited takes in that the summary shows looks; it is edited again when that is
// no longer how things are.
func (c *Incident) Edited(effectID, looks string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.recovered(StepEdit)
		return c.refreshFrom(looks, now)
	})
}

// TopicSet takes in that the channel has this topic.
func (c *Incident) TopicSet(effectID, topic string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.recovered(StepTopic)
		if c.IsOpen() && flat(c.Topic()) != topic {
			return c.once(StepTopic, now, now)
		}
		return nil
	})
}

// DocumentMade takes in where the document is: a canvas, or the pinned message
// that stands in for one and why it had to.
func (c *Incident) DocumentMade(effectID string, d Document, whyNoCanvas string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.Doc = d
		c.recovered(StepDocument)
		what := "document started"
		if d.Canvas == "" {
			what = "document started as a pinned message, because a canvas cannot be made here"
		}
		c.log(Entry{At: now, Kind: KindStep, What: what, Text: clean(whyNoCanvas)})
		return c.refresh(now)
	})
}

// HiveMade takes in the case in TheHive.
func (c *Incident) HiveMade(effectID string, r Record, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.Hive = r
		c.recovered(StepHive)
		c.log(Entry{At: now, Kind: KindStep, What: "case made in TheHive", Text: r.ID})
		if c.Status == Closed {
			return []store.Effect{c.plan(StepRecord, now, now)}
		}
		return c.refresh(now)
	})
}

// Did takes in that a step without a result of its own is done: pin, say, tell,
// remind, resolve.
func (c *Incident) Did(effectID string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		c.recovered(c.step(effectID))
		return nil
	})
}

// editDelay is how long a change waits before the summary is edited, so that a
// burst of changes is one edit.
const editDelay = 2 * time.Second

// refresh plans an edit of the summary.
func (c *Incident) refresh(now time.Time) []store.Effect {
	if c.Summary.TS == "" || c.sealed() {
		return nil
	}
	return c.once(StepEdit, now, now.Add(editDelay))
}

func (c *Incident) refreshFrom(looks string, now time.Time) []store.Effect {
	if c.Looks() == looks {
		return nil
	}
	return c.refresh(now)
}
