package incidents

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

// world is the store and the far ends of one incident, as small as can be. It
// holds planned effects by id, as the store does, and what has been done.
type world struct {
	c        *Incident
	effects  map[string]store.Effect
	order    []string
	channels map[string]string // name → id, of channels the bot made
	taken    map[string]bool   // names of other people's channels
	archived map[string]bool   // channels
	walled   bool              // chat does not open archived channels again
	posts    map[string]int    // effect id → messages posted under it
	pages    map[string]string
	cases    map[string]bool
	after    []string // writes into the channel after it was archived
}

func newWorld(c *Incident) *world {
	return &world{c: c, effects: map[string]store.Effect{}, channels: map[string]string{}, taken: map[string]bool{}, archived: map[string]bool{}, posts: map[string]int{}, pages: map[string]string{}, cases: map[string]bool{}}
}

func (w *world) plan(effects []store.Effect) {
	for _, e := range effects {
		if _, ok := w.effects[e.ID]; !ok {
			w.order = append(w.order, e.ID)
			w.effects[e.ID] = e
		}
	}
}

func (w *world) drop(id string) {
	delete(w.effects, id)
	w.order = slices.DeleteFunc(w.order, func(have string) bool { return have == id })
}

// do performs an effect at the far end, the way the runtime has to: idempotent,
// by the effect's id. It returns what is to be reported.
func (w *world) do(e store.Effect, now time.Time) (report func() []store.Effect) {
	c, id := w.c, e.ID
	step, _ := StepOf(e.Kind)
	if inChannel(step) && step != StepUnarchive && w.archived[c.Channel] {
		w.after = append(w.after, id)
	}
	switch step {
	case StepChannel:
		if w.taken[c.Name] {
			return func() []store.Effect { return c.NameTaken(id, now) }
		}
		if w.channels[c.Name] == "" {
			w.channels[c.Name] = fmt.Sprintf("C0INC%d", len(w.channels))
		}
		channel := w.channels[c.Name]
		return func() []store.Effect { return c.ChannelMade(id, channel, now) }
	case StepGather:
		people := []string{omar, zoe}
		return func() []store.Effect { return c.Gathered(id, people, nil, now) }
	case StepInvite:
		var all []Invitation
		for _, who := range c.ToInvite() {
			all = append(all, Invitation{ID: who})
		}
		return func() []store.Effect { return c.Invited(id, all, now) }
	case StepSummary, StepEdit:
		w.posts[id] = 1
		looks := c.Looks()
		if step == StepEdit {
			return func() []store.Effect { return c.Edited(id, looks, now) }
		}
		return func() []store.Effect { return c.SummaryPosted(id, Ref{c.Channel, "1.1"}, looks, now) }
	case StepTopic:
		topic := c.TopicLooks()
		return func() []store.Effect { return c.TopicSet(id, topic, now) }
	}
	return w.doRest(e, step, now)
}

func (w *world) doRest(e store.Effect, step string, now time.Time) func() []store.Effect {
	c, id := w.c, e.ID
	switch step {
	case StepDocument:
		return func() []store.Effect { return c.DocumentMade(id, Document{Canvas: "F0CANVAS"}, "", now) }
	case StepHive:
		w.cases["~1"] = true
		return func() []store.Effect { return c.HiveMade(id, Record{ID: "~1"}, now) }
	case StepPage, StepFallback:
		if p, key, ok := c.PageOf(id); ok && step == StepPage && !p.Resolved {
			w.pages[key] = "open"
		}
		return func() []store.Effect { return c.PageSent(id, now) }
	case StepResolve:
		if _, key, ok := c.PageOf(id); ok && w.pages[key] == "open" {
			w.pages[key] = "resolved"
		}
	case StepExport:
		return func() []store.Effect { return c.TimelineExported(id, now) }
	case StepRecord:
		return func() []store.Effect { return c.Recorded(id, now) }
	case StepArchive:
		w.archived[c.Channel] = true
		return func() []store.Effect { return c.ChannelArchived(id, now) }
	case StepUnarchive:
		if w.walled && w.archived[c.Channel] {
			return func() []store.Effect { return c.Walled(id, "not_in_channel", now) }
		}
		delete(w.archived, c.Channel)
		return func() []store.Effect { return c.Unarchived(id, now) }
	case StepRehive:
		return func() []store.Effect { return c.Rehived(id, now) }
	case StepSay, StepTell, StepRemind, StepPin:
		w.posts[id] = 1
	default:
		panic("a step without an owner: " + e.Kind)
	}
	return func() []store.Effect { return c.Did(id, now) }
}

// next performs one effect to its end.
func (w *world) next(id string, now time.Time) {
	report := w.do(w.effects[id], now)
	out := report()
	w.drop(id)
	w.plan(out)
}

// drain performs everything, in order, and everything that follows from it.
func (w *world) drain(t *testing.T, now time.Time) {
	t.Helper()
	for range 500 {
		if len(w.order) == 0 {
			return
		}
		w.next(w.order[0], now)
	}
	t.Fatalf("effects without end: %v", w.order)
}
