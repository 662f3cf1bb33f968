package bot

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/responders"
)

// shownArtifacts is how many pieces of evidence a line names.
const shownArtifacts = 3

// placeOf is where operations asked for in a channel are shown: an incident's
// channel, with the incident's reference, else the security channel.
func (b *Bot) placeOf(ctx context.Context, channel string) (where, incident string, err error) {
	if channel == b.cfg.SecurityChannel {
		return channel, "", nil
	}
	c, err := b.whichIncident(ctx, channel, "")
	if err != nil || !c.IsOpen() {
		return "", "", err
	}
	return c.Channel, c.Ref(), nil
}

// evidenceFor writes how an operation ended into the open incident it belongs
// to: the one it was asked for in, else the one about its case.
func (t *tx) evidenceFor(ctx context.Context, o *responders.Operation, now time.Time) error {
	c, err := t.incidentOf(ctx, o.Job.Incident, o.CaseID)
	if err != nil || !c.IsOpen() {
		return err
	}
	by := o.Job.By
	if by == byPolicy {
		by = ""
	}
	what := "asked for " + strings.ToLower(actionWord(o.Job.Action)) + " (" + o.Ref() + "), " + stateWords(o)
	if by == "" {
		what = "policy " + what
	}
	if o.Alone != "" {
		what += ", without a second person"
	}
	effects, err := c.Evidence(by, what, evidenceText(o), now)
	if _, is := refused(err); is {
		return nil // closed meanwhile
	} else if err != nil {
		return err
	}
	t.plan(effects...)
	return t.putIncident(ctx, c, now)
}

// evidenceText names the instance, what was taken, and why it was not.
func evidenceText(o *responders.Operation) string {
	words := []string{o.Job.Target.Instance}
	for i, a := range o.Job.Manifest.Artifacts {
		if i == shownArtifacts {
			words = append(words, "and "+strconv.Itoa(len(o.Job.Manifest.Artifacts)-i)+" more")
			break
		}
		words = append(words, a.URI)
	}
	if o.Why != "" {
		words = append(words, o.Why)
	}
	return strings.Join(words, " · ")
}
