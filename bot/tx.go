package bot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/store"
)

// Lifetimes of what is kept, longer than GuardDuty's own 90 days.
const (
	closedTTL  = 100 * 24 * time.Hour
	inquiryTTL = 100 * 24 * time.Hour
)

// maxConflicts is how often a change is tried again after another replica was
// faster.
const maxConflicts = 12

// tx collects the documents one change reads and writes. Engines work on what
// it hands out; commit writes all of it or nothing.
type tx struct {
	b       *Bot
	docs    map[string]store.Doc
	cases   map[string]*cases.Case
	touched map[string]bool
	writes  []store.Write // documents other than cases
	effects []store.Effect
	done    []store.Done
	cancel  []string
	marks   []store.Mark
	closed  []*cases.Case // by a person: indexed once committed
}

func (b *Bot) begin() *tx {
	return &tx{b: b, docs: map[string]store.Doc{}, cases: map[string]*cases.Case{}, touched: map[string]bool{}}
}

// have takes in documents that were loaded together.
func (t *tx) have(docs []store.Doc) {
	for _, d := range docs {
		t.docs[d.ID] = d
	}
}

// load returns documents, reading those the transaction does not have yet in
// one round trip.
func (t *tx) load(ctx context.Context, ids ...string) error {
	var missing []string
	for _, id := range ids {
		if _, ok := t.docs[id]; !ok {
			missing = append(missing, id)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	docs, err := t.b.store.Load(ctx, missing...)
	if err != nil {
		return err
	}
	t.have(docs)
	return nil
}

// loadCase returns the case, unknown when there is none. Later calls return the
// same pointer.
func (t *tx) loadCase(ctx context.Context, id string) (*cases.Case, error) {
	if c, ok := t.cases[id]; ok {
		return c, nil
	}
	doc := cases.DocID(id)
	if err := t.load(ctx, doc); err != nil {
		return nil, err
	}
	c, err := cases.Decode(id, t.docs[doc].Body)
	if err != nil {
		return nil, err
	}
	t.cases[id] = &c
	return &c, nil
}

// loadRaw returns the body of a document that is not a case.
func (t *tx) loadRaw(ctx context.Context, id string) ([]byte, error) {
	if err := t.load(ctx, id); err != nil {
		return nil, err
	}
	return t.docs[id].Body, nil
}

// touch says that a case is to be written.
func (t *tx) touch(c *cases.Case) { t.touched[c.ID] = true }

func (t *tx) plan(e ...store.Effect) { t.effects = append(t.effects, e...) }

func (t *tx) finish(e *store.Effect) {
	if e != nil {
		t.done = append(t.done, store.Done{ID: e.ID, Fence: e.Fence})
	}
}

func (t *tx) putRaw(id string, body []byte, ttl time.Duration) {
	t.write(store.Write{ID: id, Body: body, TTL: ttl})
}

// write plans the new body of a document; later readers of this change see it,
// while the version stays what was read.
func (t *tx) write(w store.Write) {
	d := t.docs[w.ID]
	w.IfVersion = d.Version
	d.ID, d.Body = w.ID, w.Body
	t.docs[w.ID] = d
	for i := range t.writes {
		if t.writes[i].ID == w.ID {
			t.writes[i] = w
			return
		}
	}
	t.writes = append(t.writes, w)
}

func (t *tx) putInquiry(q inquiries.Inquiry) error {
	body, err := encodeInquiry(q)
	if err != nil {
		return err
	}
	w := store.Write{ID: inquiryDoc(q.ID), Body: body, Timer: q.Next(), Open: q.Open()}
	if !q.Open() {
		w.TTL = inquiryTTL
	}
	t.write(w)
	return nil
}

func (t *tx) empty() bool {
	return len(t.touched) == 0 && len(t.writes) == 0 && len(t.effects) == 0 && len(t.done) == 0 && len(t.marks) == 0
}

// finalise turns the transaction into one atomic commit.
func (t *tx) finalise() (store.Commit, error) {
	now := t.b.clock.Now()
	for id := range t.touched {
		t.plan(t.cases[id].Recording(now)...)
		t.archiveMilestones(t.cases[id], now)
	}
	for i := range t.effects {
		// The store counts in milliseconds and is never early: what is due now
		// must not have to wait for the next look.
		if !t.effects[i].Due.After(now) {
			t.effects[i].Due = now.Truncate(time.Millisecond)
		}
	}
	c := store.Commit{Op: t.b.nextOp(), Marks: t.marks, Plan: t.effects, Done: t.done, Cancel: t.cancel}
	for id := range t.touched {
		k := t.cases[id]
		timer := k.Timer(now)
		body, err := k.Encode()
		if err != nil {
			return c, err
		}
		w := store.Write{ID: cases.DocID(id), IfVersion: t.docs[cases.DocID(id)].Version, Body: body, Timer: timer, Open: k.IsOpen()}
		if !k.IsOpen() {
			w.TTL = closedTTL
		}
		c.Writes = append(c.Writes, w)
	}
	c.Writes = append(c.Writes, t.writes...)
	return c, nil
}

// nextOp names an attempt to commit, unique over replicas and restarts.
func (b *Bot) nextOp() string {
	return b.instance + strconv.FormatUint(b.ops.Add(1), 36)
}

// commit commits transactions in one round trip. A commit whose outcome is
// unknown is repeated with the same operation id, which the store recognises.
func (b *Bot) commit(ctx context.Context, txs ...*tx) []error {
	errs := make([]error, len(txs))
	commits := make([]store.Commit, 0, len(txs))
	at := make([]int, 0, len(txs))
	for i, t := range txs {
		c, err := t.finalise()
		if errs[i] = err; err == nil {
			commits, at = append(commits, c), append(at, i)
		}
	}
	for attempt := range 3 {
		if len(commits) == 0 {
			return errs
		}
		if attempt > 0 && !sleep(ctx, time.Duration(attempt)*100*time.Millisecond) {
			return errs
		}
		var again []store.Commit
		var againAt []int
		for j, err := range b.store.Commit(ctx, commits...) {
			errs[at[j]] = err
			if unknownOutcome(err) {
				again, againAt = append(again, commits[j]), append(againAt, at[j])
			}
		}
		b.wakeFor(commits, b.clock.Now())
		commits, at = again, againAt
	}
	return errs
}

func unknownOutcome(err error) bool {
	return err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrSeen) && !errors.Is(err, store.ErrFenced) && !errors.Is(err, store.ErrUsage)
}

// errGiveUp ends a change without committing anything.
var errGiveUp = errors.New("nothing to change")

// change runs fn on fresh documents and commits, again and again while others
// are faster. fn returns errGiveUp to leave everything as it is.
func (b *Bot) change(ctx context.Context, fn func(t *tx, now time.Time) error) error {
	return b.changeFrom(ctx, b.begin(), fn)
}

// changeFrom is change that trusts, at first, what t has already loaded: the
// commit finds out when somebody has changed it since.
func (b *Bot) changeFrom(ctx context.Context, t *tx, fn func(t *tx, now time.Time) error) error {
	for attempt := range maxConflicts {
		if attempt > 0 {
			t = b.begin()
		}
		err := fn(t, b.clock.Now())
		if errors.Is(err, errGiveUp) {
			return nil
		}
		if err != nil {
			return err
		}
		if t.empty() {
			return nil
		}
		if err = b.commit(ctx, t)[0]; err == nil {
			b.indexClosed(ctx, t.closed)
			return nil
		}
		if !errors.Is(err, store.ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("commit: %w after %d attempts", store.ErrConflict, maxConflicts)
}

// sleep waits and says whether the context is still alive.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
