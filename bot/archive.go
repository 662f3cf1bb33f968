package bot

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/store"
)

// What becomes of findings is written to the archive (bot/archive) by effects
// that carry their line with them: it is made in the commit that makes the
// decision, or the answer, and says what was known then.

// archiveID names the effect of the decision of a case's generation; it is one
// that the case knows about.
func archiveID(c *cases.Case) string {
	return c.ID + "/" + strconv.Itoa(c.Gen) + "/" + cases.KindArchive
}

// archiveDecision gives the planned effect its line.
func (b *Bot) archiveDecision(c *cases.Case, facts *cases.Facts, effects []store.Effect, now time.Time) {
	for i, e := range effects {
		if e.Kind == cases.KindArchive {
			effects[i].Body = b.lineOf(c, e.ID, archive.OfDecision(c.Finding, facts.Decision, facts.Known, facts.Unavailable, now))
		}
	}
}

// lineOf encodes a line about a case. One that cannot be is lost: what people are
// told does not wait for the archive.
func (b *Bot) lineOf(c *cases.Case, id string, l archive.Line) []byte {
	l.ID, l.CaseID, l.Ref = id, c.ID, c.Ref()
	body, err := l.Encode()
	if err != nil {
		b.log.Error("a line is missing in the archive", "case", c.Ref(), "kind", l.Kind, "error", err)
		return nil
	}
	return body
}

// archive plans a line about what became of a case.
func (t *tx) archive(c *cases.Case, l archive.Line, now time.Time) {
	if !t.b.routes.Archive {
		return
	}
	c.Seq++
	id := archiveID(c) + "/" + strconv.Itoa(c.Seq)
	if body := t.b.lineOf(c, id, l); body != nil {
		t.plan(store.Effect{ID: id, Lane: store.LaneRecord, Kind: cases.KindArchive, Doc: cases.DocID(c.ID), Body: body, Planned: now, Due: now})
	}
}

// archiveMilestones plans lines for what happened to a case in this change.
func (t *tx) archiveMilestones(c *cases.Case, now time.Time) {
	for _, m := range c.Milestones {
		l := archive.Line{At: m.At}
		switch m.Kind {
		case cases.MilestonePaged:
			l.Kind, l.Page = archive.Paged, &archive.Page{N: m.Page, Why: message.Cut(m.Why, 200)}
		case cases.MilestonePageRefused:
			l.Kind, l.Page = archive.PageRefused, &archive.Page{N: m.Page}
		case cases.MilestoneClosed:
			l.Kind, l.Outcome = archive.Closed, string(m.Outcome)
		}
		t.archive(c, l, now)
	}
	c.Milestones = nil
}

// archiveQuestion plans the line that a question goes out about a case.
func (t *tx) archiveQuestion(c *cases.Case, q inquiries.Inquiry, now time.Time) {
	t.archive(c, archive.Line{Kind: archive.Asked, At: now, Question: &archive.Question{ID: short(q.ID), AskedAt: sentAt(q, now)}}, now)
}

// archiveNotAsked plans the line that nobody could be asked about a case.
func (t *tx) archiveNotAsked(c *cases.Case, step policy.Step, now time.Time) {
	t.archive(c, archive.Line{Kind: archive.NotAsked, At: now, Question: &archive.Question{Step: step}}, now)
}

// archiveAnswer plans the line that a question came to a conclusion.
func (t *tx) archiveAnswer(c *cases.Case, q inquiries.Inquiry, e inquiries.Effect, now time.Time) {
	t.archive(c, archive.Line{Kind: archive.Answered, At: now, Question: &archive.Question{ID: short(q.ID), AskedAt: sentAt(q, now), Result: string(e.Outcome), Step: e.Step}}, now)
}

// sentAt is when a question goes, or went, to the person: after their quiet hours
// when it was held.
func sentAt(q inquiries.Inquiry, now time.Time) time.Time {
	if q.HoldUntil.After(q.AskedAt) && (q.Status == inquiries.StatusHeld || !q.HoldUntil.After(now)) {
		return q.HoldUntil
	}
	return q.AskedAt
}

// doArchive appends a line to the archive of its month. The file is synced before
// the effect counts as done; a repeated line has the same id.
func (b *Bot) doArchive(ctx context.Context, e *store.Effect) error {
	c, t, err := b.caseFor(ctx, e)
	if err != nil {
		return err
	}
	line := e.Body
	if len(line) == 0 && c.Finding != nil && c.Decision != nil {
		// Planned by an older version, or planned again after the store lost it:
		// what the case still knows has to do.
		line = b.lineOf(c, e.ID, archive.OfDecision(c.Finding, *c.Decision, nil, nil, e.Planned))
	}
	if len(line) > 0 {
		name := filepath.Join(b.cfg.ArchiveDir, "findings-"+e.Planned.UTC().Format("2006-01")+".ndjson")
		if err := appendLine(name, line); err != nil {
			return err
		}
	}
	if !slices.Contains(c.Pending, strings.TrimPrefix(e.ID, c.ID+"/")) {
		return b.change(ctx, func(t *tx, _ time.Time) error { t.finish(e); return nil })
	}
	return b.finishedFrom(ctx, t, e, nil)
}
