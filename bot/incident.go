package bot

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/incidents"
	"github.com/securitybot/securitybot/internal/store"
)

// Incidents: the engine is bot/incidents; this file keeps them in the store.
// Beside each incident stand small documents that find it: by its reference, by
// its channel, and by the cases it is about.

func incidentRefDoc(ref string) string         { return "ir:" + ref }
func incidentChannelDoc(channel string) string { return "ic:" + channel }
func incidentCaseDoc(caseID string) string     { return "icase:" + caseID }

// loadIncident returns an incident, unknown when there is none.
func (t *tx) loadIncident(ctx context.Context, id string) (*incidents.Incident, error) {
	body, err := t.loadRaw(ctx, incidents.DocID(id))
	if err != nil {
		return nil, err
	}
	c, err := incidents.Decode(id, body)
	return &c, err
}

// putIncident writes an incident with its timer and what it is found by. These
// end with it.
func (t *tx) putIncident(ctx context.Context, c *incidents.Incident, now time.Time) error {
	body, err := c.Encode()
	if err != nil {
		return err
	}
	w := store.Write{ID: incidents.DocID(c.ID), Body: body, Timer: c.Timer(now), Open: c.Live()}
	if !c.Live() {
		w.TTL = closedTTL
	}
	t.write(w)
	index := []string{incidentRefDoc(c.Ref())}
	if c.Channel != "" {
		index = append(index, incidentChannelDoc(c.Channel))
	}
	for _, id := range c.Cases {
		index = append(index, incidentCaseDoc(id))
	}
	if err := t.load(ctx, index...); err != nil {
		return err
	}
	for _, id := range index {
		ours := string(t.docs[id].Body) == c.ID
		if !ours && !c.IsOpen() || ours && c.Live() && c.Gen == 1 {
			continue // a newer incident of the same case, or nothing to change
		} // what was written when it was closed would end while it is open again
		t.write(store.Write{ID: id, Body: []byte(c.ID), TTL: w.TTL})
	}
	return nil
}

// changeIncident runs fn on an incident and commits what it did. fn returns
// errGiveUp to leave everything as it is; one that is gone is left alone.
func (b *Bot) changeIncident(ctx context.Context, id string, fn func(t *tx, c *incidents.Incident, now time.Time) error) error {
	return b.change(ctx, func(t *tx, now time.Time) error {
		c, err := t.loadIncident(ctx, id)
		if err != nil {
			return err
		}
		if !c.Known() {
			return errGiveUp
		}
		if err := fn(t, c, now); err != nil {
			return err
		}
		return t.putIncident(ctx, c, now)
	})
}

// tickIncident is an incident's timer.
func (b *Bot) tickIncident(ctx context.Context, id string) error {
	return b.changeIncident(ctx, id, func(t *tx, c *incidents.Incident, now time.Time) error {
		t.plan(c.Tick(now)...)
		return nil
	})
}

// readIncident returns an incident to look at, unknown when there is none.
func (b *Bot) readIncident(ctx context.Context, id string) (*incidents.Incident, error) {
	if !incidents.ValidID(id) {
		return &incidents.Incident{}, nil
	}
	return b.begin().loadIncident(ctx, id)
}

// findIncident returns the incident that a small document leads to, unknown
// when there is none.
func (b *Bot) findIncident(ctx context.Context, doc string) (*incidents.Incident, error) {
	id, err := b.begin().loadRaw(ctx, doc)
	if err != nil {
		return nil, err
	}
	return b.readIncident(ctx, string(id))
}

// whichIncident is the incident a command is about: the one named, else the one
// of the channel.
func (b *Bot) whichIncident(ctx context.Context, channel, ref string) (*incidents.Incident, error) {
	switch {
	case ref != "":
		return b.findIncident(ctx, incidentRefDoc(ref))
	case channel != "":
		return b.findIncident(ctx, incidentChannelDoc(channel))
	}
	return &incidents.Incident{}, nil
}

// openIncidents reads the open incidents, most serious first.
func (b *Bot) openIncidents(ctx context.Context) ([]*incidents.Incident, error) {
	ids, err := b.store.OpenDocs(ctx, maxOpenRead)
	if err != nil {
		return nil, err
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return !strings.HasPrefix(id, incidents.DocID("")) })
	t := b.begin()
	if err := t.load(ctx, ids...); err != nil {
		return nil, err
	}
	var open []*incidents.Incident
	for _, id := range ids {
		if c, err := t.loadIncident(ctx, strings.TrimPrefix(id, incidents.DocID(""))); err == nil && c.IsOpen() {
			open = append(open, c)
		}
	}
	levels := incidents.Levels()
	slices.SortStableFunc(open, func(x, y *incidents.Incident) int {
		if d := slices.Index(levels, x.Severity) - slices.Index(levels, y.Severity); d != 0 {
			return d
		}
		return x.Opened.Compare(y.Opened)
	})
	return open, nil
}

// incidentRules are what the configuration says about every incident.
func (b *Bot) incidentRules() incidents.Rules {
	c := b.cfg.Incidents
	return incidents.Rules{Prefix: c.Prefix, Public: c.Public, Groups: c.Groups, OnCall: b.onCall != nil || b.cfg.OnCallMention != "", Page: c.PageLevels(), Hive: b.hive != nil}
}

// incidentOf is the open incident that something about a case or an incident's
// reference belongs to; unknown when there is none.
func (t *tx) incidentOf(ctx context.Context, ref, caseID string) (*incidents.Incident, error) {
	none := &incidents.Incident{}
	var docs []string
	if ref != "" {
		docs = append(docs, incidentRefDoc(ref))
	}
	if caseID != "" {
		docs = append(docs, incidentCaseDoc(caseID))
	}
	for _, doc := range docs {
		id, err := t.loadRaw(ctx, doc)
		if err != nil {
			return none, err
		}
		if !incidents.ValidID(string(id)) {
			continue
		}
		if c, err := t.loadIncident(ctx, string(id)); err != nil || c.IsOpen() {
			return c, err
		}
	}
	return none, nil
}

// refused is the sentence of an act that the engine does not carry out.
func refused(err error) (string, bool) {
	var r incidents.Refusal
	if errors.As(err, &r) {
		return string(r), true
	}
	return "", false
}
