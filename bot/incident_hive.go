package bot

import (
	"bytes"
	"context"
	"io"
	"time"

	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/thehive"
)

// An incident's case in TheHive.

// recordIncident makes the case, or finds the one an earlier attempt made.
func (b *Bot) recordIncident(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	if b.hive == nil { // it was taken out of the configuration meanwhile
		return did(e), nil
	}
	r, err := b.hive.CreateAlert(ctx, thehive.Alert{Type: "incident", Ref: c.ID, Title: message.L(c.Ref() + " ").V(c.Title), Description: incidentNotice(c),
		Level: c.Severity, At: c.Opened, Tags: []string{c.Ref()}})
	if err == nil {
		r, err = b.promote(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	home := r.Home()
	return func(c *incidents.Incident, now time.Time) []store.Effect {
		return c.HiveMade(e.ID, incidents.Record{ID: home.ID, Number: home.Number, URL: b.hive.Link(home)}, now)
	}, nil
}

// recordTimeline puts the timeline into the case and closes it. Each part is
// there once, however often this is tried.
func (b *Bot) recordTimeline(ctx context.Context, c *incidents.Incident, e *store.Effect) (outcome, error) {
	if b.hive == nil {
		return did(e), nil
	}
	to := thehive.Record{Kind: thehive.CaseRecord, ID: c.Hive.ID}
	files, err := b.timelineFiles(ctx, c)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		_, err := b.hive.Attach(ctx, to, thehive.File{Name: f.name, ContentType: f.kind, Size: int64(len(f.body)), Note: "Timeline of " + c.Ref(),
			Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.body)), nil }})
		if err != nil {
			return nil, err
		}
	}
	said := message.Message{}.Para(message.L("Incident closed: ").V(c.Reason))
	if _, err := b.hive.Comment(ctx, to, e.ID, said); err != nil {
		return nil, err
	}
	// An administrator may have renamed the statuses: then closing is refused for
	// good, and the comment has said it.
	if _, err := b.hive.Close(ctx, to, thehive.Undecided, c.Reason); err != nil && !hopeless(err) {
		return nil, err
	}
	return func(c *incidents.Incident, now time.Time) []store.Effect { return c.Recorded(e.ID, now) }, nil
}
