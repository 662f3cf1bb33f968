package bot

import (
	"context"
	"errors"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/thehive"
)

// Cases that matter are kept in TheHive. The case engine adds lines to a case's
// record; one effect a case carries them over in order, each line as often as it
// takes and noticed when it is repeated. Nothing else waits for TheHive.

const (
	recordPatience = 14 * 24 * time.Hour // how long a line is tried
	recordStint    = 10 * time.Second    // after which an attempt lets others have their turn
)

// doRecord carries the waiting lines of a case over.
func (b *Bot) doRecord(ctx context.Context, e *store.Effect) error {
	if b.hive == nil { // the settings were removed while lines waited
		return b.finished(ctx, e, func(c *cases.Case, _ time.Time) []store.Effect {
			c.NotKept()
			return nil
		})
	}
	return b.hiveDo(ctx, func(*thehive.Client) error {
		began := time.Now()
		for {
			more, err := b.carryLine(ctx, e)
			if err != nil || !more {
				return err
			}
			if time.Since(began) > recordStint {
				return &later{why: "others have their turn"}
			}
		}
	})
}

// carryLine carries one line over and commits that it is there. more says that
// another one waits.
func (b *Bot) carryLine(ctx context.Context, e *store.Effect) (more bool, err error) {
	c, t, err := b.caseFor(ctx, e)
	if err != nil {
		return false, err
	}
	line, waits := c.NextLine()
	if !waits {
		return false, b.finishedFrom(ctx, t, e, nil)
	}
	kept, lineErr := b.keepLine(ctx, c, line)
	ever := hiveRefused(lineErr)
	if lineErr != nil && !ever && b.clock.Now().Sub(line.At) < recordPatience {
		return false, lineErr
	}
	b.countLine(c, line, lineErr)
	err = b.change(ctx, func(t *tx, now time.Time) error {
		fresh, err := t.loadCase(ctx, caseOf(e))
		if err != nil {
			return err
		}
		if lineErr == nil {
			t.plan(fresh.LineKept(line.ID, kept, now)...)
		} else {
			fresh.LineGivenUp(line.ID, hiveReason(lineErr), ever, now)
		}
		if _, more = fresh.NextLine(); !more {
			t.finish(e)
			fresh.Finished(e.ID, now)
		}
		if fresh.Known() {
			t.touch(fresh)
		}
		return nil
	})
	return more && err == nil, err
}

func (b *Bot) countLine(c *cases.Case, line cases.Line, err error) {
	switch {
	case err == nil:
		b.metrics.records.WithLabelValues("kept").Inc()
		return
	case hiveRefused(err):
		b.metrics.records.WithLabelValues("refused").Inc()
	default:
		b.metrics.records.WithLabelValues("expired").Inc()
	}
	b.log.Error("TheHive does not have a part of a record, and will not get it", "case", c.Ref(), "line", line.ID, "kind", string(line.Kind), "error", err)
}

// keepLine does at TheHive what a line says, and returns where the record is. An
// alert that is not there yet is made first.
func (b *Bot) keepLine(ctx context.Context, c *cases.Case, line cases.Line) (cases.Kept, error) {
	r, made, err := b.hiveAlert(ctx, c, line.Ref)
	if err != nil {
		return cases.Kept{}, err
	}
	if !made && r.Case == "" && line.Kind != cases.LineAlert {
		// A person may have made a case of it meanwhile.
		if r, err = b.hive.Refresh(ctx, r); err != nil {
			return cases.Kept{}, err
		}
	}
	switch line.Kind {
	case cases.LineAlert:
		if !made {
			r, err = b.hive.UpdateAlert(ctx, r, b.alertOf(c, line.Ref))
		}
	case cases.LineComment:
		_, err = b.hive.Comment(ctx, r.Home(), line.ID, b.commentOf(ctx, line))
	case cases.LinePromote:
		r, err = b.promote(ctx, r)
	case cases.LineAttach:
		err = b.attachOperation(ctx, r.Home(), line)
	case cases.LineClose:
		r, err = b.hive.Close(ctx, r, verdictOf(line.Outcome), firstOf(line.Text))
	}
	return keptAt(line.Ref, r), err
}

// hiveAlert returns the alert with a reference, making it when it is not there.
// An observable that is refused does not cost the alert.
func (b *Bot) hiveAlert(ctx context.Context, c *cases.Case, ref string) (r thehive.Record, made bool, err error) {
	if k := c.Record.Kept; k.Ref == ref && k.ID != "" {
		return recordAt(k), false, nil
	}
	a := b.alertOf(c, ref)
	r, err = b.hive.CreateAlert(ctx, a)
	if !hiveRefused(err) {
		return r, true, err
	}
	list := a.Observables
	a.Observables = nil
	if r, err = b.hive.CreateAlert(ctx, a); err != nil {
		return r, true, err
	}
	if err := b.hive.AddObservables(ctx, r.Home(), list); err != nil && !hiveRefused(err) {
		return r, true, err
	}
	return r, true, nil
}

// promote makes a case of an alert. A template that is gone does not cost the
// case.
func (b *Bot) promote(ctx context.Context, r thehive.Record) (thehive.Record, error) {
	out, err := b.hive.Promote(ctx, r, b.cfg.CaseTemplate)
	if hiveRefused(err) && b.cfg.CaseTemplate != "" {
		b.log.Warn("TheHive does not take the case template, so the case is made without one", "template", b.cfg.CaseTemplate, "error", err)
		return b.hive.Promote(ctx, r, "")
	}
	return out, err
}

// recordOperation plans that what an operation left behind goes to the record of
// its case.
func (b *Bot) recordOperation(ctx context.Context, t *tx, o *responders.Operation, now time.Time) error {
	if b.hive == nil || o.CaseID == "" {
		return nil
	}
	c, err := t.loadCase(ctx, o.CaseID)
	if err != nil || !c.Known() {
		return err
	}
	c.Attach(o.ID, now)
	t.touch(c)
	return nil
}

// promoteCase plans that a case is a case in TheHive too, as an incident that
// was opened about it wants.
func (b *Bot) promoteCase(ctx context.Context, t *tx, caseID string, now time.Time) error {
	if b.hive == nil {
		return nil
	}
	c, err := t.loadCase(ctx, caseID)
	if err != nil || !c.Known() || c.Alias != "" {
		return err
	}
	c.Keep(b.routes, now)
	c.Promote(now)
	t.touch(c)
	return nil
}

func recordAt(k cases.Kept) thehive.Record {
	return thehive.Record{Kind: thehive.Kind(k.Kind), ID: k.ID, Number: k.Number, Case: k.Case}
}

func keptAt(ref string, r thehive.Record) cases.Kept {
	return cases.Kept{Ref: ref, Kind: string(r.Kind), ID: r.ID, Number: r.Number, Case: r.Case}
}

// hiveRefused says that trying again cannot help.
func hiveRefused(err error) bool {
	var he *thehive.Error
	return errors.As(err, &he) && he.Class == thehive.Permanent
}

// hiveReason is a short reason for the timeline; the log has the cause.
func hiveReason(err error) string {
	if hiveRefused(err) {
		return "it was refused; the log has the reason"
	}
	return "it was tried for two weeks"
}
