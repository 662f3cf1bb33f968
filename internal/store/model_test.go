package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/internal/store"
)

// model is the store as a plain value: what TestAgainstModel compares with.
type model struct {
	docs    map[string]modelDoc
	marks   map[string]bool
	effects map[string]*modelEffect
	fence   int64
}

type modelDoc struct {
	version int64
	body    string
	open    bool
	timer   time.Time
}

type modelEffect struct {
	store.Effect
	due   time.Time
	held  int64 // the store's fence of the present claim; 0 if none
	given int64 // the fence with which it was given back
}

func (m *model) commit(c store.Commit) error {
	for _, mark := range c.Marks {
		if m.marks[mark.ID] {
			return store.ErrSeen
		}
	}
	for _, d := range c.Done {
		if e := m.effects[d.ID]; e == nil || e.held != d.Fence {
			return store.ErrFenced
		}
	}
	for _, w := range c.Writes {
		if m.docs[w.ID].version != w.IfVersion {
			return store.ErrConflict
		}
	}
	for _, mark := range c.Marks {
		m.marks[mark.ID] = true
	}
	for _, w := range c.Writes {
		if w.Body == nil {
			delete(m.docs, w.ID)
			continue
		}
		m.docs[w.ID] = modelDoc{w.IfVersion + 1, string(w.Body), w.Open, w.Timer}
	}
	for _, d := range c.Done {
		delete(m.effects, d.ID)
	}
	for _, id := range c.Cancel {
		delete(m.effects, id)
	}
	for _, e := range c.Plan {
		if m.effects[e.ID] == nil {
			m.effects[e.ID] = &modelEffect{Effect: e, due: e.Due}
		}
	}
	return nil
}

// claim expects the store's answer to be the earliest due effects.
func (m *model) claim(lane store.Lane, now time.Time, limit int) []*modelEffect {
	var due []*modelEffect
	for _, e := range m.effects {
		if e.Lane == lane && !e.due.After(now) {
			due = append(due, e)
		}
	}
	slices.SortFunc(due, func(a, b *modelEffect) int {
		if c := a.due.Compare(b.due); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return due[:min(limit, len(due))]
}

func (m *model) timers(now time.Time) []string {
	var due []string
	for id, d := range m.docs {
		if !d.timer.IsZero() && !d.timer.After(now) {
			due = append(due, id)
		}
	}
	slices.Sort(due)
	return due
}

// run is one random history on the store and the model.
type run struct {
	t    *testing.T
	rnd  *rand.Rand
	s    []*store.Store
	m    model
	now  time.Time
	held []store.Done // every claim ever made
	ops  int
}

func (r *run) client() *store.Store { return r.s[r.rnd.IntN(len(r.s))] }

func (r *run) someID(kind string) string { return fmt.Sprint(kind, r.rnd.IntN(5)) }

func (r *run) someLane() store.Lane { return store.Lanes[r.rnd.IntN(2)] }

func (r *run) someTime() time.Time {
	return r.now.Add(time.Duration(r.rnd.IntN(120)-20) * time.Second)
}

func (r *run) change() store.Commit {
	r.ops++
	c := store.Commit{Op: fmt.Sprint("op", r.ops)}
	used := map[string]bool{}
	for range r.rnd.IntN(3) {
		w := store.Write{ID: r.someID("d"), Body: fmt.Append(nil, "body", r.ops), Open: r.rnd.IntN(2) == 0}
		w.IfVersion = r.m.docs[w.ID].version
		if r.rnd.IntN(8) == 0 {
			w.IfVersion++
		}
		if w.Open || r.rnd.IntN(2) == 0 {
			w.Timer = r.someTime()
		}
		if r.rnd.IntN(6) == 0 {
			w.Body = nil
		}
		if !used[w.ID] {
			c.Writes = append(c.Writes, w)
		}
		used[w.ID] = true
	}
	if r.rnd.IntN(4) == 0 {
		c.Marks = []store.Mark{{ID: fmt.Sprint("m", r.rnd.IntN(200)), TTL: time.Hour}}
	}
	for range r.rnd.IntN(3) {
		due := r.someTime()
		c.Plan = append(c.Plan, store.Effect{ID: r.someID("e"), Lane: r.someLane(), Kind: "k", Body: fmt.Append(nil, r.ops), Planned: r.now, Due: due})
	}
	if len(r.held) > 0 && r.rnd.IntN(2) == 0 {
		c.Done = []store.Done{r.held[len(r.held)-1-r.rnd.IntN(min(4, len(r.held)))]}
	}
	if r.rnd.IntN(8) == 0 {
		c.Cancel = []string{r.someID("e")}
	}
	return c
}

func (r *run) step() {
	ctx := context.Background()
	switch r.rnd.IntN(7) {
	case 0, 1, 2:
		c := r.change()
		wanted := r.m.commit(c)
		r.equal("commit", r.client().Commit(ctx, c)[0], wanted)
		if wanted == nil && r.rnd.IntN(3) == 0 {
			r.equal("the same commit again", r.client().Commit(ctx, c)[0], nil)
		}
	case 3:
		r.claim()
	case 4:
		if len(r.held) == 0 {
			return
		}
		r.settle(r.held[len(r.held)-1-r.rnd.IntN(min(4, len(r.held)))])
	case 5:
		hold := time.Duration(1+r.rnd.IntN(30)) * time.Second
		due, err := r.client().DueTimers(ctx, r.now, 100, hold)
		var got []string
		for _, d := range due {
			got = append(got, d.ID)
		}
		slices.Sort(got)
		wanted := r.m.timers(r.now)
		if diff := cmp.Diff(wanted, got); err != nil || diff != "" {
			r.t.Fatalf("step %d: due timers: %v %s", r.ops, err, diff)
		}
		for _, id := range wanted {
			d := r.m.docs[id]
			d.timer = r.now.Add(hold)
			r.m.docs[id] = d
		}
	case 6:
		r.now = r.now.Add(time.Duration(r.rnd.IntN(20)) * time.Second)
	}
}

func (r *run) claim() {
	lane, limit, lease := r.someLane(), 1+r.rnd.IntN(3), time.Duration(1+r.rnd.IntN(30))*time.Second
	got, err := r.client().Claim(context.Background(), lane, r.now, limit, lease)
	wanted := r.m.claim(lane, r.now, limit)
	if err != nil || len(got) != len(wanted) {
		r.t.Fatalf("step %d: claimed %v %v, want %d", r.ops, ids(got), err, len(wanted))
	}
	for i, e := range wanted {
		if g := got[i]; g.ID != e.ID || string(g.Body) != string(e.Body) || g.Attempt != e.Attempt+1 || g.Fence <= r.m.fence || !g.Due.Equal(e.due) {
			r.t.Fatalf("step %d: claimed %+v, want %+v", r.ops, g, e)
		}
		r.m.fence = got[i].Fence
		e.Attempt, e.held, e.given, e.due = e.Attempt+1, got[i].Fence, 0, r.now.Add(lease)
		r.held = append(r.held, done(got[i]))
	}
}

func (r *run) settle(d store.Done) {
	at := r.someTime()
	e := r.m.effects[d.ID]
	var wanted error = store.ErrFenced
	if r.rnd.IntN(2) == 0 {
		if e != nil && e.held == d.Fence {
			wanted, e.due, e.held, e.given = nil, at, 0, d.Fence
		} else if e != nil && e.given == d.Fence {
			wanted = nil
		}
		r.equal("retry", r.client().Retry(context.Background(), d, at), wanted)
		return
	}
	if e != nil && e.held == d.Fence {
		wanted, e.due = nil, at
	}
	got, err := r.client().Extend(context.Background(), []store.Done{d}, at)
	if err != nil {
		r.t.Fatal(err)
	}
	r.equal("extend", got[0], wanted)
}

func (r *run) equal(what string, got, want error) {
	r.t.Helper()
	if !errors.Is(got, want) || (got == nil) != (want == nil) {
		r.t.Fatalf("step %d: %s: %v, want %v", r.ops, what, got, want)
	}
}

// state compares everything that can be asked for.
func (r *run) state() {
	r.t.Helper()
	ctx := context.Background()
	found, err := r.client().Find(ctx, "", 0)
	if err != nil {
		r.t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range found {
		got[d.ID] = fmt.Sprint(d.Version, " ", string(d.Body))
	}
	wanted, open := map[string]string{}, []string{}
	for id, d := range r.m.docs {
		wanted[id] = fmt.Sprint(d.version, " ", d.body)
		if d.open {
			open = append(open, id)
		}
	}
	slices.Sort(open)
	gotOpen, err := r.client().OpenDocs(ctx, 0)
	if diff := cmp.Diff(wanted, got) + cmp.Diff(open, gotOpen); err != nil || diff != "" {
		r.t.Fatalf("step %d: %v %s", r.ops, err, diff)
	}
	depth, err := r.client().Depth(ctx, r.now)
	for _, lane := range store.Lanes[:2] {
		if n := len(r.m.claim(lane, r.now, 1000)); err != nil || depth[lane].Waiting != n {
			r.t.Fatalf("step %d: %v: lane %s: %+v, want %d waiting", r.ops, err, lane, depth[lane], n)
		}
	}
	if rep, err := r.client().Audit(ctx, r.now, 24*time.Hour); err != nil || !rep.OK() {
		r.t.Fatalf("step %d: audit: %+v, %v", r.ops, rep, err)
	}
}

// TestAgainstModel runs random histories over two clients and compares each
// answer, and from time to time the whole state, with the model.
func TestAgainstModel(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		for seed := range uint64(6) {
			prefix := func(o *store.Options) { o.Prefix = fmt.Sprint("m", seed) }
			r := &run{t: t, rnd: rand.New(rand.NewPCG(seed, 1)), now: t0,
				s: []*store.Store{open(t, b.addr, prefix), open(t, b.addr, prefix)},
				m: model{docs: map[string]modelDoc{}, marks: map[string]bool{}, effects: map[string]*modelEffect{}}}
			for i := range 600 {
				r.step()
				if i%60 == 59 {
					r.state()
				}
			}
		}
	})
}
