package incidents

import (
	"slices"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// SourceKind is where members come from when they are not named one by one.
type SourceKind string

// The kinds of source.
const (
	FromGroup  SourceKind = "group"  // a chat user group
	FromOnCall SourceKind = "oncall" // whoever is on call now
)

// Source is a set of people who are invited.
type Source struct {
	Kind    SourceKind `json:"k"`
	ID      string     `json:"i,omitempty"`
	By      string     `json:"b,omitempty"` // who asked; empty is the configuration
	Why     string     `json:"w,omitempty"` // why it failed; empty when it did not
	Missing []Missing  `json:"m,omitempty"`
}

// Missing is somebody of a source who has no usable account in chat. Who is
// outside text.
type Missing struct {
	Who string `json:"n"`
	Why string `json:"w"`
}

// State is how far a member's invitation has come.
type State string

// The states of a member.
const (
	Wanted  State = ""
	In      State = "in"
	Refused State = "refused"
)

// Member is a person who belongs into the channel.
type Member struct {
	ID     string `json:"i"`           // chat id
	For    string `json:"f"`           // why they are wanted, our own words
	Named  bool   `json:"n,omitempty"` // somebody named them; else they came with a group or are on call
	State  State  `json:"s,omitempty"`
	Reason string `json:"r,omitempty"` // why they are not in, a short sentence
}

// Bounds of what one incident holds. Slack takes up to 1,000 in a channel by
// invitation; more than some hundred people is not an incident channel.
const (
	maxMembers = 300
	maxSources = 30
)

// name adds a member somebody named; false when they are one already or there is
// no room.
func (c *Incident) name(id, why string) bool {
	i := slices.IndexFunc(c.Members, func(m Member) bool { return m.ID == id })
	if i >= 0 && !c.Members[i].Named {
		m := &c.Members[i]
		m.Named = true
		if m.State != In {
			m.For, m.State, m.Reason = why, Wanted, ""
			return true
		}
	}
	if !c.want(id, why) {
		return false
	}
	if i < 0 {
		c.Members[len(c.Members)-1].Named = true
	}
	return true
}

// want adds a member; false when they are one already or there is no room.
func (c *Incident) want(id, why string) bool {
	if id == "" {
		return false
	}
	for i := range c.Members {
		if c.Members[i].ID != id {
			continue
		}
		if c.Members[i].State != Refused {
			return false
		}
		c.Members[i].State, c.Members[i].Reason = Wanted, ""
		return true
	}
	if len(c.Members) >= maxMembers {
		return false
	}
	c.Members = append(c.Members, Member{ID: id, For: why})
	return true
}

// invite plans an invitation of everybody who is wanted and not in.
func (c *Incident) invite(now time.Time) []store.Effect {
	if c.Channel == "" || !c.IsOpen() || c.sealed() || len(c.ToInvite()) == 0 {
		return nil
	}
	return c.once(StepInvite, now, now)
}

// NamedMember says whether somebody named a person as a member.
func (c *Incident) NamedMember(id string) bool {
	return slices.ContainsFunc(c.Members, func(m Member) bool { return m.ID == id && m.Named })
}

// ToInvite returns the chat ids of those who are wanted and not yet in.
func (c *Incident) ToInvite() []string {
	var out []string
	for _, m := range c.Members {
		if m.State == Wanted {
			out = append(out, m.ID)
		}
	}
	return out
}

// source plans to find out who belongs to a source. Asking again looks again:
// the people on call change.
func (c *Incident) source(s Source, now time.Time) []store.Effect {
	i := slices.IndexFunc(c.Sources, func(have Source) bool { return have.Kind == s.Kind && have.ID == s.ID })
	switch {
	case i >= 0:
		c.Sources[i].Why, c.Sources[i].Missing = "", nil
	case len(c.Sources) >= maxSources:
		return nil
	default:
		c.Sources = append(c.Sources, s)
		i = len(c.Sources) - 1
	}
	return []store.Effect{c.plan(StepGather+"/"+strconv.Itoa(i), now, now)}
}

// SourceOf returns the source that a gather effect is about.
func (c *Incident) SourceOf(effectID string) (Source, bool) {
	step, rest := cutStep(c.step(effectID))
	i, ok := c.index(rest)
	if step != StepGather || !ok {
		return Source{}, false
	}
	return c.Sources[i], true
}

func (c *Incident) index(rest string) (int, bool) {
	i, err := strconv.Atoi(rest)
	return i, err == nil && i >= 0 && i < len(c.Sources)
}

// Gathered takes in who belongs to a source.
func (c *Incident) Gathered(effectID string, people []string, missing []Missing, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		_, rest := cutStep(c.step(effectID))
		i, ok := c.index(rest)
		if !ok {
			return nil
		}
		s := &c.Sources[i]
		s.Why, s.Missing = "", missing[:min(len(missing), 20)]
		why := "in the responders' group"
		if s.Kind == FromOnCall {
			why = "on call"
		} else if s.By != "" {
			why = "in a group that was invited"
		}
		left := 0
		for _, id := range people {
			if len(c.Members) >= maxMembers {
				left++
			}
			c.want(id, why)
		}
		if left > 0 {
			s.Why = strconv.Itoa(left) + " of them are too many for one incident"
		}
		for _, m := range s.Missing {
			c.log(Entry{At: now, Kind: KindFailed, What: "somebody cannot be invited", Text: clean(m.Who + ": " + m.Why)})
		}
		return append(c.invite(now), c.refresh(now)...)
	})
}

func (c *Incident) gatherFailed(rest, why string, now time.Time) []store.Effect {
	i, ok := c.index(rest)
	if !ok {
		return nil
	}
	c.Sources[i].Why = why
	c.log(Entry{At: now, Kind: KindFailed, What: "it could not be found out " + c.Sources[i].about(), Text: why})
	return c.refresh(now)
}

// about fits after "it could not be found out".
func (s Source) about() string {
	if s.Kind == FromOnCall {
		return "who is on call"
	}
	return "who is in the user group"
}

// Invitation is what became of inviting one person.
type Invitation struct {
	ID        string
	Refused   string // why they are not in; empty when they are
	Concerned bool   // a case of the incident is about them
}

// Invited takes in what became of invitations. Who is not mentioned stays
// wanted.
func (c *Incident) Invited(effectID string, results []Invitation, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		var in []string
		var out []store.Effect
		for _, r := range results {
			i := slices.IndexFunc(c.Members, func(m Member) bool { return m.ID == r.ID })
			if i < 0 || c.Members[i].State == In {
				continue
			}
			if r.Refused == "" {
				c.Members[i].State, c.Members[i].Reason = In, ""
				in = append(in, r.ID)
				if r.Concerned {
					out = append(out, c.say(c.log(Entry{At: now, Kind: KindMember, What: "A case of this incident is about somebody who was invited by name and now reads along:", Whom: []string{r.ID}}), now)...)
				}
				continue
			}
			c.Members[i].State, c.Members[i].Reason = Refused, message.Cut(clean(r.Refused), 100)
			c.log(Entry{At: now, Kind: KindFailed, What: "cannot be invited:", Whom: []string{r.ID}, Text: c.Members[i].Reason})
		}
		if len(in) > 0 {
			c.log(Entry{At: now, Kind: KindMember, What: "invited", Whom: in})
		}
		return append(append(out, c.invite(now)...), c.refresh(now)...)
	})
}

// invitesFailed marks everybody who was to be invited.
func (c *Incident) invitesFailed(why string, now time.Time) []store.Effect {
	var whom []string
	for i := range c.Members {
		if m := &c.Members[i]; m.State == Wanted {
			m.State, m.Reason = Refused, why
			whom = append(whom, m.ID)
		}
	}
	c.log(Entry{At: now, Kind: KindFailed, What: "cannot be invited:", Whom: whom, Text: why})
	return c.refresh(now)
}

// Invite adds people and sources by hand.
func (c *Incident) Invite(by string, people []string, sources []Source, now time.Time) ([]store.Effect, error) {
	switch {
	case !c.IsOpen():
		return nil, c.refuse()
	case len(people)+len(sources) == 0:
		return nil, Refusal("Please say whom to invite: people, user groups, or oncall.")
	case len(c.Members)+len(people) > maxMembers:
		return nil, Refusal("That is too many: at most " + strconv.Itoa(maxMembers) + " people in one incident.")
	case len(c.Sources)+len(sources) > maxSources:
		return nil, Refusal("That is too many: at most " + strconv.Itoa(maxSources) + " groups in one incident.")
	}
	var out []store.Effect
	var fresh []string
	for _, id := range people {
		if c.name(id, "invited by hand") {
			fresh = append(fresh, id)
		}
	}
	for _, s := range sources {
		s.By = by
		out = append(out, c.source(s, now)...)
	}
	if len(fresh)+len(sources) == 0 {
		return nil, Refusal("They are all invited already.")
	}
	c.log(Entry{At: now, By: by, Kind: KindMember, What: "asked to invite", Whom: fresh})
	c.acted(now)
	out = append(out, c.invite(now)...)
	return append(out, c.refresh(now)...), nil
}
