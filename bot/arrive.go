package bot

import (
	"context"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/internal/store"
)

// HandleArrivals is the first line: findings arrive. It folds each with what is
// known, decides, and commits case, timer and planned effects in one step.
// Nothing is sent to anybody here. A batch costs two round trips to the store
// (load, commit) when it asks nobody a question.
func (b *Bot) HandleArrivals(ctx context.Context, batch []intake.Arrival) []intake.Outcome {
	out := make([]intake.Outcome, len(batch))
	for i := range out {
		out[i] = intake.Handled
	}
	units := unitsOf(batch)
	failpoint.Hit("arrive.before-load")
	err := b.loadUnits(ctx, units)
	if err == nil {
		b.foldUnits(ctx, units)
		failpoint.Hit("arrive.before-commit")
		b.commitUnits(ctx, units)
		failpoint.Hit("arrive.after-commit")
	}
	for _, u := range units {
		if err == nil && u.err != nil {
			u.err = b.again(ctx, u)
		}
		if err != nil || u.err != nil {
			b.metrics.arrivals.WithLabelValues("later").Add(float64(len(u.found)))
			b.log.Warn("finding not stored yet, it stays in the queue", "case", cases.RefOf(cases.IDOf(u.found[0].Key())), "error", errors.Join(err, u.err))
			for _, i := range u.arrivals {
				out[i] = intake.Later
			}
			continue
		}
		b.metrics.arrivals.WithLabelValues("stored").Add(float64(len(u.found)))
		b.metrics.lastFinding.SetToCurrentTime()
		b.remember(ctx, u.found)
	}
	return out
}

// unit is a set of findings of one batch that may touch the same documents:
// copies and updates of one finding, or findings of one act.
type unit struct {
	found    []*findings.Finding
	arrivals []int // indexes in the batch
	tx       *tx
	err      error
}

func unitsOf(batch []intake.Arrival) []*unit {
	var units []*unit
	byRoot := map[string]*unit{}
	for i, a := range batch {
		for _, item := range a.Items {
			if item.Finding == nil {
				continue
			}
			root := item.Finding.CauseKey()
			if root == "" {
				root = item.Finding.Key()
			}
			u := byRoot[root]
			if u == nil {
				u = &unit{}
				byRoot[root] = u
				units = append(units, u)
			}
			u.found = append(u.found, item.Finding)
			u.arrivals = append(u.arrivals, i)
		}
	}
	return units
}

// documents names what a unit reads before anything is decided.
func (u *unit) documents() []string {
	ids := make([]string, 0, len(u.found)+1)
	for _, f := range u.found {
		if id := cases.DocID(cases.IDOf(f.Key())); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if cause := u.found[0].CauseKey(); cause != "" {
		ids = append(ids, causeDoc(cause))
	}
	return ids
}

func (b *Bot) loadUnits(ctx context.Context, units []*unit) error {
	var all []string
	for _, u := range units {
		u.tx, u.err = b.begin(), nil
		all = append(all, u.documents()...)
	}
	if len(all) == 0 {
		return nil
	}
	docs, err := b.store.Load(ctx, all...)
	if err != nil {
		return err
	}
	for _, u := range units {
		n := len(u.documents())
		u.tx.have(docs[:n])
		docs = docs[n:]
	}
	return nil
}

func (b *Bot) foldUnits(ctx context.Context, units []*unit) {
	for _, u := range units {
		for _, f := range u.found {
			if u.err = b.fold(ctx, u.tx, f); u.err != nil {
				break
			}
		}
	}
}

func (b *Bot) commitUnits(ctx context.Context, units []*unit) {
	var txs []*tx
	var of []*unit
	for _, u := range units {
		if u.err == nil && !u.tx.empty() {
			txs, of = append(txs, u.tx), append(of, u)
		}
	}
	for i, err := range b.commit(ctx, txs...) {
		of[i].err = err
	}
}

// again repeats a unit alone after another replica was faster.
func (b *Bot) again(ctx context.Context, u *unit) error {
	err := u.err
	for range maxConflicts {
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
		one := []*unit{u}
		if err = b.loadUnits(ctx, one); err != nil {
			return err
		}
		b.foldUnits(ctx, one)
		if u.err == nil {
			b.commitUnits(ctx, one)
		}
		err = u.err
	}
	return err
}

// fold takes one finding into the documents of tx.
func (b *Bot) fold(ctx context.Context, t *tx, f *findings.Finding) error {
	now := b.clock.Now()
	c, err := t.loadCase(ctx, cases.IDOf(f.Key()))
	if err != nil {
		return err
	}
	if c.Alias != "" {
		return b.foldAlias(ctx, t, c, f, now)
	}
	if c.Stale(f) {
		b.metrics.folded.WithLabelValues("copy").Inc()
		return nil
	}
	if !c.Known() {
		if folded, err := b.foldCause(ctx, t, c, f, now); folded || err != nil {
			return err
		}
	}
	var facts *cases.Facts
	if c.NeedsDecision(f) {
		facts = b.decide(ctx, f, now)
	} else {
		b.metrics.folded.WithLabelValues("update").Inc()
	}
	return b.arrive(ctx, t, c, f, facts, now)
}

// arrive takes a finding into its case, with the question and the evidence the
// decision wants.
func (b *Bot) arrive(ctx context.Context, t *tx, c *cases.Case, f *findings.Finding, facts *cases.Facts, now time.Time) error {
	gen := c.Gen
	effects, ask := c.Arrive(f, facts, b.routes, now)
	b.archiveDecision(c, facts, effects, now)
	t.plan(effects...)
	t.touch(c)
	if c.Gen != gen {
		b.collect(t, c, now)
	}
	if ask {
		return b.ask(ctx, t, c, f, now)
	}
	return nil
}

// foldAlias updates the record of a finding that belongs to another case.
func (b *Bot) foldAlias(ctx context.Context, t *tx, c *cases.Case, f *findings.Finding, now time.Time) error {
	if !f.Newer(c.Updated, c.Count) && f.Severity <= c.Severity {
		b.metrics.folded.WithLabelValues("copy").Inc()
		return nil
	}
	main, err := t.loadCase(ctx, c.Alias)
	if err != nil {
		return err
	}
	if f.Severity > main.Severity || !main.Known() {
		// More serious than what it was folded into, or that is gone: it is a
		// case of its own.
		*c = cases.Case{ID: c.ID}
		return b.arrive(ctx, t, c, f, b.decide(ctx, f, now), now)
	}
	b.metrics.folded.WithLabelValues("cause").Inc()
	t.plan(c.FoldInto(main, f, now)...)
	t.touch(c)
	t.touch(main)
	return nil
}

// foldCause folds a new finding into the case of the same act, when there is
// one from the last day that is at least as serious.
func (b *Bot) foldCause(ctx context.Context, t *tx, c *cases.Case, f *findings.Finding, now time.Time) (bool, error) {
	cause := f.CauseKey()
	if cause == "" {
		return false, nil
	}
	id := causeDoc(cause)
	body, err := t.loadRaw(ctx, id)
	if err != nil {
		return false, err
	}
	if len(body) > 0 {
		main, err := t.loadCase(ctx, string(body))
		if err != nil {
			return false, err
		}
		if sameAct(main, c, f) {
			b.metrics.folded.WithLabelValues("cause").Inc()
			t.plan(c.FoldInto(main, f, now)...)
			t.touch(c)
			t.touch(main)
			return true, nil
		}
	}
	t.putRaw(id, []byte(c.ID), causeWindow)
	return false, nil
}

// sameAct says whether a new finding is one more trace of what main is about.
// What came from another address, or after a person has said what it was, is
// something new: a "yes" never covers what follows it.
func sameAct(main, c *cases.Case, f *findings.Finding) bool {
	if !main.Known() || main.ID == c.ID || main.Alias != "" || main.Severity < f.Severity || main.Finding == nil {
		return false
	}
	return main.IsOpen() && main.Finding.RemoteIP() == f.RemoteIP()
}

// causeWindow is how long findings of one act are folded together.
const causeWindow = 24 * time.Hour

func causeDoc(cause string) string { return "k:" + short(cause) }

// short is a name of fixed length for text of any length.
func short(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:10])
}
