package bot

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/pagerduty"
	"github.com/securitybot/securitybot/responders/thehive"
)

// The steps of incidents: one function a step. Each does one thing at the far
// end and returns how that is reported to the engine.

// outcome reports what a step has achieved.
type outcome func(c *incidents.Incident, now time.Time) []store.Effect

type incidentStep func(b *Bot, ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error)

// incidentSteps is a closed set.
func incidentSteps() map[string]incidentStep {
	return map[string]incidentStep{
		incidents.StepChannel: (*Bot).makeChannel, incidents.StepTopic: (*Bot).setTopic, incidents.StepSummary: (*Bot).postSummary,
		incidents.StepPin: (*Bot).pinSummary, incidents.StepEdit: (*Bot).editSummary, incidents.StepDocument: (*Bot).makeDocument,
		incidents.StepGather: (*Bot).gather, incidents.StepInvite: (*Bot).inviteMembers,
		incidents.StepPage: (*Bot).pageIncident, incidents.StepFallback: (*Bot).pageIncidentElsewhere, incidents.StepResolve: (*Bot).resolveIncident,
		incidents.StepSay: (*Bot).sayEntry, incidents.StepTell: (*Bot).tellEntry, incidents.StepRemind: (*Bot).remindIncident,
		incidents.StepHive: (*Bot).recordIncident, incidents.StepRecord: (*Bot).recordTimeline,
		incidents.StepExport: (*Bot).exportTimeline, incidents.StepArchive: (*Bot).archiveChannel,
		incidents.StepUnarchive: (*Bot).unarchiveChannel, incidents.StepRehive: (*Bot).reopenRecord,
	}
}

// setupPatience is how long a step is tried that makes an incident comfortable;
// the others are tried for a day.
const setupPatience = time.Hour

func patienceOf(step string) time.Duration {
	switch step {
	case incidents.StepTopic, incidents.StepGather, incidents.StepInvite, incidents.StepPin, incidents.StepDocument:
		return setupPatience
	}
	return giveUpAfter
}

// doIncident performs a step of an incident.
func (b *Bot) doIncident(ctx context.Context, step string, e *store.Effect) error {
	do, known := incidentSteps()[step]
	if !known {
		return errors.New("a step of incidents that this version does not know")
	}
	c, err := b.begin().loadIncident(ctx, e.Doc[len(incidents.DocID("")):])
	if err != nil {
		return err
	}
	if !c.Known() {
		return b.change(ctx, func(t *tx, _ time.Time) error { t.finish(e); return nil })
	}
	failpoint.Hit("incident." + step) // such as incident.channel
	report, err := do(b, ctx, c, e)
	failpoint.Hit("incident." + step + ".done")
	if err != nil && !hopeless(err) && b.clock.Now().Sub(e.Planned) < patienceOf(step) {
		return err
	}
	if err != nil {
		b.log.Error("a step of an incident is given up", "incident", c.Ref(), "step", step, "error", err)
		report = func(c *incidents.Incident, now time.Time) []store.Effect { return c.Failed(e.ID, whyNot(err), now) }
	}
	return b.changeIncident(ctx, c.ID, func(t *tx, c *incidents.Incident, now time.Time) error {
		t.finish(e)
		t.plan(report(c, now)...)
		return nil
	})
}

// did is the outcome of a step that is simply done.
func did(e *store.Effect) outcome {
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.Did(e.ID, now) }
}

// hopeless says that trying again cannot help.
func hopeless(err error) bool {
	var he *thehive.Error
	if errors.As(err, &he) {
		return !he.Temporary()
	}
	return permanent(err) || pagerRefused(err)
}

// whyNot is a short reason for people: the far end's code, no detail.
func whyNot(err error) string {
	var he *thehive.Error
	var pe *pagerduty.Error
	switch {
	case chat.CodeOf(err) != "":
		return "Slack says " + chat.CodeOf(err)
	case errors.As(err, &pe):
		return "PagerDuty: " + pagerReason(err)
	case errors.As(err, &he):
		return "TheHive does not take it; the log has the cause"
	}
	return "it did not work for too long; the log has the cause"
}

// makeChannel makes the channel. When its name is taken, that may be by an
// earlier attempt whose answer was lost: then that channel is it.
func (b *Bot) makeChannel(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	made := func(id string) outcome {
		return func(c *incidents.Incident, now time.Time) []store.Effect { return c.ChannelMade(e.ID, id, now) }
	}
	if c.Channel != "" {
		return made(c.Channel), nil
	}
	ch, err := b.slack.CreateChannel(ctx, c.Name, !c.Public)
	if chat.CodeOf(err) == chat.NameTaken {
		var found bool
		if ch, found, err = b.ownChannel(ctx, c); err == nil && !found {
			return func(c *incidents.Incident, now time.Time) []store.Effect { return c.NameTaken(e.ID, now) }, nil
		}
	}
	return made(ch.ID), err
}

// ownChannel finds a channel of the wanted name that the bot made and that
// belongs to no other incident.
func (b *Bot) ownChannel(ctx context.Context, c *incidents.Incident) (chat.Channel, bool, error) {
	ch, found, err := b.slack.FindChannel(ctx, c.Name)
	if err != nil || !found || ch.Private == c.Public {
		return ch, false, err
	}
	other, err := b.findIncident(ctx, incidentChannelDoc(ch.ID))
	return ch, err == nil && (!other.Known() || other.ID == c.ID), err
}

func (b *Bot) setTopic(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	topic := c.TopicLooks()
	err := b.slack.SetTopic(ctx, c.Channel, c.Topic())
	if err == nil {
		err = b.slack.SetPurpose(ctx, c.Channel, c.Purpose(b.cfg.Command))
	}
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.TopicSet(e.ID, topic, now) }, err
}

func (b *Bot) postSummary(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	looks := c.Looks()
	ref, err := b.post(ctx, e, c.Channel, "", c.SummaryMessage(b.cfg.Command), true)
	return func(c *incidents.Incident, now time.Time) []store.Effect {
		return c.SummaryPosted(e.ID, asRef(ref), looks, now)
	}, err
}

func asRef(r chat.Ref) incidents.Ref { return incidents.Ref{Channel: r.Channel, TS: r.TS} }

func (b *Bot) pinSummary(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	return did(e), b.slack.Pin(ctx, chat.Ref{Channel: c.Summary.Channel, TS: c.Summary.TS})
}

func (b *Bot) editSummary(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	looks := c.Looks()
	err := b.slack.Update(ctx, chat.Ref{Channel: c.Summary.Channel, TS: c.Summary.TS}, c.SummaryMessage(b.cfg.Command))
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.Edited(e.ID, looks, now) }, err
}

// makeDocument starts the canvas, or a pinned message where there are none. One
// that is there already is left alone: people write in it.
func (b *Bot) makeDocument(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	report := func(d incidents.Document, why string) outcome {
		return func(c *incidents.Incident, now time.Time) []store.Effect { return c.DocumentMade(e.ID, d, why, now) }
	}
	if e.Attempt > 1 {
		if id, found, err := b.slack.ChannelCanvas(ctx, c.Channel); err == nil && found {
			return report(incidents.Document{Canvas: id}, ""), nil
		}
	}
	m := c.DocumentMessage(b.cfg.Command)
	id, err := b.slack.Canvas(ctx, c.Channel, c.Ref()+" · "+c.Title, m)
	if err == nil || !chat.CanvasUnavailable(err) {
		return report(incidents.Document{Canvas: id}, ""), err
	}
	why := chat.CodeOf(err)
	ref, err := b.post(ctx, e, c.Channel, "", m, false)
	if err == nil {
		err = b.slack.Pin(ctx, ref)
	}
	return report(incidents.Document{Post: asRef(ref)}, why), err
}

// sayEntry posts a line of the timeline.
func (b *Bot) sayEntry(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	line, ok := c.EntryOf(e.ID)
	if !ok {
		return did(e), nil
	}
	_, err := b.post(ctx, e, c.Channel, "", line.SayMessage(), false)
	return did(e), err
}

// tellEntry tells a line of the timeline to whoever runs the incident, in
// person: there may be no channel.
func (b *Bot) tellEntry(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	line, ok := c.EntryOf(e.ID)
	if !ok {
		return did(e), nil
	}
	dm, err := b.slack.DM(ctx, c.ToTell())
	if err == nil {
		_, err = b.post(ctx, e, dm, "", c.TellMessage(line, b.cfg.Command), true)
	}
	return did(e), err
}

func (b *Bot) remindIncident(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	_, err := b.post(ctx, e, c.Channel, "", c.RemindMessage(), false)
	return did(e), err
}

// archiveChannel archives the channel.
func (b *Bot) archiveChannel(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.ChannelArchived(e.ID, now) }, b.slack.Archive(ctx, c.Channel)
}

// namesFor looks up what the people of an incident are called, as far as Slack
// answers; an export names the others by their id.
func (b *Bot) namesFor(ctx context.Context, c *incidents.Incident) incidents.Names {
	look, cancel := context.WithTimeout(ctx, effectTimeout/4)
	defer cancel()
	ids := []string{c.Opener, c.Lead, c.ClosedBy}
	for _, m := range c.Members {
		ids = append(ids, m.ID)
	}
	for _, e := range c.Timeline {
		ids = append(append(ids, e.By), e.Whom...)
	}
	slices.Sort(ids)
	names := map[string]string{}
	for _, id := range slices.Compact(ids) {
		if u, err := b.slack.User(look, id); id != "" && err == nil {
			names[id] = u.Name
		}
	}
	return func(id string) string { return names[id] }
}

// timelineFile is a timeline in one of its two forms.
type timelineFile struct {
	name, kind string
	body       []byte
}

func (b *Bot) timelineFiles(ctx context.Context, c *incidents.Incident) ([]timelineFile, error) {
	names := b.namesFor(ctx, c)
	body, err := c.JSON(names)
	if err != nil {
		return nil, err
	}
	return []timelineFile{{c.FileName() + ".md", "text/markdown", []byte(c.Markdown(names))}, {c.FileName() + ".json", "application/json", body}}, nil
}

// exportTimeline puts the timeline into the channel: both files in one act, so
// that neither comes twice because the other failed.
func (b *Bot) exportTimeline(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	list, err := b.timelineFiles(ctx, c)
	if err != nil {
		return nil, err
	}
	var files []chat.File
	for _, f := range list {
		files = append(files, chat.File{Name: f.name, Title: f.name, Content: f.body})
	}
	err = b.slack.UploadAll(ctx, c.Channel, "", files)
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.TimelineExported(e.ID, now) }, err
}

// incidentNotice describes an incident to other systems.
func incidentNotice(c *incidents.Incident) message.Message {
	return message.Message{}.Para(c.Headline()).Para(message.L("Opened ").At(c.Opened).L(". Worked in Slack; the timeline is added here at the end."))
}
