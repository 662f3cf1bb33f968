package incidents

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// refuse is the sentence for an act on an incident that is not open.
func (c *Incident) refuse() error {
	if !c.Known() {
		return Refusal("There is no such incident.")
	}
	return c.IsClosed()
}

// IsClosed is what people are told who want to go on with a closed incident.
func (c *Incident) IsClosed() Refusal {
	return Refusal(c.Ref() + " is closed. If there is more to do, reopen it or open a new incident.")
}

// acted notes that a person has done something.
func (c *Incident) acted(now time.Time) { c.Nudge = now.Add(nudgeAfter) }

// say plans to post a line of the timeline in the channel.
func (c *Incident) say(entry int, now time.Time) []store.Effect {
	if entry < 0 || c.Channel == "" || c.sealed() {
		return nil
	}
	return []store.Effect{c.plan(StepSay+"/"+strconv.Itoa(entry), now, now)}
}

// sealed says whether nothing may go into the channel any more.
func (c *Incident) sealed() bool {
	return c.Archived || c.busy(func(s string) bool { return s == StepArchive || s == StepUnarchive })
}

// tell adds a line and plans to tell it directly to whoever is concerned: the
// closer of a closed incident, else its opener.
func (c *Incident) tell(now time.Time, what string) []store.Effect {
	return c.tellEntry(c.log(Entry{At: now, Kind: KindReminder, What: what}), now)
}

func (c *Incident) tellEntry(n int, now time.Time) []store.Effect {
	if n < 0 {
		return nil
	}
	return []store.Effect{c.plan(StepTell+"/"+strconv.Itoa(n), now, now)}
}

// ToTell is the chat id of the person who is told what concerns the running of
// the incident itself.
func (c *Incident) ToTell() string {
	if c.ClosedBy != "" {
		return c.ClosedBy
	}
	return c.Opener
}

// add records an act of a person (or of the bot, when By is empty), says it in
// the channel and brings the summary up to date.
func (c *Incident) add(e Entry, now time.Time) []store.Effect {
	e.At = now
	out := c.say(c.log(e), now)
	if e.By != "" {
		c.acted(now)
	}
	return append(out, c.refresh(now)...)
}

// SetSeverity changes the severity. A rise to a level that pages does so, when
// nobody has been paged yet.
func (c *Incident) SetSeverity(by string, to findings.Level, r Rules, now time.Time) ([]store.Effect, error) {
	switch {
	case !c.IsOpen():
		return nil, c.refuse()
	case rank(to) == 0:
		return nil, Refusal("The severity is one of critical, high, medium and low.")
	case to == c.Severity:
		return nil, Refusal("The severity is " + string(to) + " already.")
	}
	from := c.Severity
	c.Severity = to
	out := c.add(Entry{By: by, Kind: KindSeverity, What: "changed the severity from " + string(from) + " to " + string(to)}, now)
	if rank(to) > rank(from) && slices.Contains(r.Page, to) && !c.calling() {
		out = append(out, c.page("", "the severity rose to "+string(to), now)...)
	}
	if c.Channel != "" && !c.sealed() {
		out = append(out, c.once(StepTopic, now, now)...)
	}
	return out, nil
}

// SetLead makes somebody lead, and a member when they are not.
func (c *Incident) SetLead(by, lead string, now time.Time) ([]store.Effect, error) {
	switch {
	case !c.IsOpen():
		return nil, c.refuse()
	case lead == "":
		return nil, Refusal("Please say who leads.")
	case lead == c.Lead:
		return nil, Refusal("They lead already.")
	}
	c.Lead = lead
	e := Entry{By: by, Kind: KindLead, What: "now leads"}
	if lead != by {
		e.What, e.Whom = "made the lead:", []string{lead}
	}
	c.name(lead, "leads")
	return append(c.add(e, now), c.invite(now)...), nil
}

// Note writes something into the record: a note, a decision or something to do.
func (c *Incident) Note(by string, k Kind, text string, now time.Time) ([]store.Effect, error) {
	if !c.IsOpen() {
		return nil, c.refuse()
	}
	text, err := written(text, "what to put into the record")
	switch {
	case err != nil:
		return nil, err
	case c.full():
		return nil, Refusal("The timeline of this incident is full. Please write into the channel or the document.")
	}
	what := map[Kind]string{KindNote: "noted:", KindDecision: "decided:", KindTask: "to do:"}[k]
	if what == "" {
		return nil, Refusal("A line is a note, a decision or a task.")
	}
	return c.add(Entry{By: by, Kind: k, What: what, Text: text}, now), nil
}

// Evidence records what an action on a machine did. what is in our own words,
// text names the outcome and came from outside.
func (c *Incident) Evidence(by, what, text string, now time.Time) ([]store.Effect, error) {
	if !c.IsOpen() {
		return nil, c.refuse()
	}
	return c.add(Entry{By: by, Kind: KindEvidence, What: what, Text: clean(text)}, now), nil
}

const maxCases = 50

// Link connects a case with the incident.
func (c *Incident) Link(by, caseID string, now time.Time) ([]store.Effect, error) {
	switch {
	case !c.IsOpen():
		return nil, c.refuse()
	case slices.Contains(c.Cases, caseID):
		return nil, Refusal("That case belongs to this incident already.")
	}
	n := c.link(caseID, by, now)
	if n < 0 {
		return nil, Refusal("No more cases fit into this incident.")
	}
	c.acted(now)
	return append(c.say(n, now), c.refresh(now)...), nil
}

func (c *Incident) link(caseID, by string, now time.Time) int {
	if caseID == "" || len(c.Cases) >= maxCases || slices.Contains(c.Cases, caseID) {
		return -1
	}
	c.Cases = append(c.Cases, caseID)
	return c.log(Entry{At: now, By: by, Kind: KindCase, What: "linked the case", Text: caseRef(caseID)})
}

// caseRef is the reference that people see of a case.
func caseRef(id string) string { return "SB-" + id[:min(len(id), 8)] }

// calling says whether the people on call have been paged, and not told that it
// is over.
func (c *Incident) calling() bool {
	return slices.ContainsFunc(c.Pages, func(p Page) bool { return !p.Resolved })
}

const maxPages = 20

// PageOnCall pages the people on call because somebody asks for it.
func (c *Incident) PageOnCall(by, why string, now time.Time) ([]store.Effect, error) {
	if !c.IsOpen() {
		return nil, c.refuse()
	}
	why, err := written(why, "why they are needed; it is what they read when the phone rings")
	switch {
	case err != nil:
		return nil, err
	case c.busy(func(s string) bool { return s == StepPage || s == StepFallback }):
		return nil, Refusal("A page is on its way already. The summary shows when it has been accepted.")
	case len(c.Pages) >= maxPages:
		return nil, Refusal("This incident has paged " + strconv.Itoa(maxPages) + " times. Please call by phone.")
	}
	c.acted(now)
	return append(c.page(by, message.Cut(why, 500), now), c.refresh(now)...), nil
}

// page plans a page, an incident of its own in PagerDuty.
func (c *Incident) page(by, why string, now time.Time) []store.Effect {
	c.Pages = append(c.Pages, Page{Why: why, At: now.UTC()})
	n := c.log(Entry{At: now, By: by, Kind: KindPaged, What: "paging the people on call:", Text: why})
	return append([]store.Effect{c.plan(StepPage+"/"+strconv.Itoa(len(c.Pages)), now, now)}, c.say(n, now)...)
}

// PageOf returns the page an effect is about, and its key in PagerDuty.
func (c *Incident) PageOf(effectID string) (p Page, key string, ok bool) {
	step, rest := cutStep(c.step(effectID))
	i, ok := c.pageIndex(rest)
	if laneOf(step) != store.LanePage || !ok {
		return Page{}, "", false
	}
	return c.Pages[i], "securitybot/" + c.ID + "/" + strconv.Itoa(i+1), true
}

// pageIndex reads "2" or "2/late".
func (c *Incident) pageIndex(rest string) (int, bool) {
	number, _ := cutStep(rest)
	n, err := strconv.Atoi(number)
	return n - 1, err == nil && n >= 1 && n <= len(c.Pages)
}

// PageSent takes in that PagerDuty, or the fallback, accepted a page.
func (c *Incident) PageSent(effectID string, now time.Time) []store.Effect {
	return c.report(effectID, now, func() []store.Effect {
		step, rest := cutStep(c.step(effectID))
		i, ok := c.pageIndex(rest)
		if !ok {
			return nil
		}
		what := "the people on call were paged"
		if step == StepFallback {
			what = "the people on call were reached through the fallback"
		} else {
			c.Pages[i].Sent = true
		}
		c.recovered(c.step(effectID))
		n := c.log(Entry{At: now, Kind: KindPaged, What: what})
		return append(c.say(n, now), c.refresh(now)...)
	})
}

// PageRefused takes in that PagerDuty has not accepted a page so far: the
// fallback is used as well, once, and the channel is told, because whoever
// waits for help must not believe that it is coming. The page goes on being
// tried.
func (c *Incident) PageRefused(effectID, why string, now time.Time) []store.Effect {
	if !slices.Contains(c.Pending, strings.TrimPrefix(effectID, c.ID+"/")) {
		return nil
	}
	_, rest := cutStep(c.step(effectID))
	return c.pageRefused(rest, message.Cut(clean(why), 200), now)
}

func (c *Incident) pageRefused(rest, why string, now time.Time) []store.Effect {
	i, ok := c.pageIndex(rest)
	if !ok || c.Pages[i].Fallback || c.Pages[i].Resolved {
		return nil
	}
	c.Pages[i].Fallback = true
	n := c.log(Entry{At: now, Kind: KindFailed, What: "PagerDuty has not accepted the page. The fallback is used; please call by phone as well.", Text: why})
	out := []store.Effect{c.plan(StepFallback+"/"+strconv.Itoa(i+1), now, now)}
	out = append(out, c.say(n, now)...)
	return append(out, c.refresh(now)...)
}
