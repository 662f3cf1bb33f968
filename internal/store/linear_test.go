package store_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// casInput is one call on the one document: a read, or a write if the version
// is still ifVersion.
type casInput struct {
	write     bool
	ifVersion int64
	body      string
}

type casOutput struct {
	version  int64 // of a read
	body     string
	conflict bool
	// unsure: refused when repeated, so an earlier attempt may have been
	// applied and overwritten more than four times; or no answer at all.
	unsure bool
}

type casState struct {
	version int64
	body    string
}

// casModel is a register with compare-and-set.
func casModel() porcupine.Model {
	m := porcupine.NondeterministicModel{
		Init: func() []any { return []any{casState{}} },
		Step: func(state, input, output any) []any {
			s, in, out := state.(casState), input.(casInput), output.(casOutput)
			applied := casState{in.ifVersion + 1, in.body}
			switch {
			case !in.write && (out.version != s.version || out.body != s.body):
				return nil
			case !in.write:
				return []any{s}
			case out.unsure && s.version == in.ifVersion:
				return []any{s, applied}
			case out.unsure:
				return []any{s}
			case out.conflict == (s.version == in.ifVersion):
				return nil
			case out.conflict:
				return []any{s}
			}
			return []any{applied}
		},
	}
	return m.ToModel()
}

// replica is one client behind its own faulty proxy.
type replica struct {
	id    int
	s     *store.Store
	proxy *redistest.Proxy
	rnd   *rand.Rand
	began time.Time

	history         []porcupine.Operation
	applied, unsure int
}

func (r *replica) run(t *testing.T, rounds int) {
	for i := range rounds {
		if r.rnd.IntN(4) == 0 {
			r.proxy.LoseReply(r.rnd.IntN(3))
		}
		r.proxy.Delay(time.Duration(r.rnd.IntN(500)) * time.Microsecond)
		d, ok := r.read()
		if !ok {
			continue
		}
		r.write(t, d.Version, fmt.Sprintf("%d/%d", r.id, i))
	}
}

func (r *replica) read() (store.Doc, bool) {
	call := time.Since(r.began)
	docs, err := r.s.Load(context.Background(), "case")
	if err != nil {
		return store.Doc{}, false
	}
	r.record(casInput{}, casOutput{version: docs[0].Version, body: string(docs[0].Body)}, call)
	return docs[0], true
}

// write repeats the commit with its operation until there is an answer.
func (r *replica) write(t *testing.T, version int64, body string) {
	c := store.Commit{Op: body, Writes: []store.Write{{ID: "case", IfVersion: version, Body: []byte(body)}}}
	call := time.Since(r.began)
	for attempt := range 50 {
		err := commit(r.s, c)
		var ue *store.UnavailableError
		if errors.As(err, &ue) {
			continue
		}
		out := casOutput{conflict: err != nil}
		out.unsure = err != nil && attempt > 0
		switch {
		case err == nil:
			r.applied++
		case !errors.Is(err, store.ErrConflict):
			t.Errorf("commit: %v", err)
		}
		if out.unsure {
			r.unsure++
		}
		r.record(casInput{true, version, body}, out, call)
		return
	}
	t.Error("no answer to a commit in 50 attempts")
}

func (r *replica) record(in casInput, out casOutput, call time.Duration) {
	r.history = append(r.history, porcupine.Operation{ClientId: r.id, Input: in, Output: out, Call: int64(call), Return: int64(time.Since(r.began))})
}

// TestCommitsAreLinearizable: three replicas race for one document while
// replies are late or lost; the history must be that of a register.
func TestCommitsAreLinearizable(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		began := time.Now()
		var replicas []*replica
		for i := range 3 {
			proxy := redistest.NewProxy(t, b.addr)
			replicas = append(replicas, &replica{id: i, proxy: proxy, s: open(t, proxy.Addr), rnd: rand.New(rand.NewPCG(uint64(i), 7)), began: began})
		}
		var wg sync.WaitGroup
		for _, r := range replicas {
			wg.Go(func() { r.run(t, 100) })
		}
		wg.Wait()
		var history []porcupine.Operation
		applied, unsure, lost := 0, 0, 0
		for _, r := range replicas {
			history = append(history, r.history...)
			applied, unsure, lost = applied+r.applied, unsure+r.unsure, lost+r.proxy.Lost()
		}
		if applied < 50 || lost < 10 || unsure > applied/4 {
			t.Errorf("a poor test: %d applied, %d unsure, %d replies lost", applied, unsure, lost)
		}
		if got := porcupine.CheckOperationsTimeout(casModel(), history, 30*time.Second); got != porcupine.Ok {
			t.Fatalf("the history of %d calls is %s", len(history), got)
		}
		if d := load(t, open(t, b.addr), "case"); d.Version < int64(applied) || d.Version > int64(applied+unsure) {
			t.Fatalf("version %d after %d applied and %d unsure commits", d.Version, applied, unsure)
		}
	})
}

// TestCheckerSeesADoubleApplication makes sure that the check above can fail.
func TestCheckerSeesADoubleApplication(t *testing.T) {
	t.Parallel()
	op := func(at int64, in casInput, out casOutput) porcupine.Operation {
		return porcupine.Operation{Input: in, Output: out, Call: at, Return: at + 1}
	}
	write := casInput{true, 0, "x"}
	good := []porcupine.Operation{op(1, write, casOutput{}), op(3, casInput{}, casOutput{version: 1, body: "x"})}
	bad := []porcupine.Operation{op(1, write, casOutput{}), op(3, casInput{}, casOutput{version: 2, body: "x"})}
	twoWinners := []porcupine.Operation{op(1, write, casOutput{}), op(3, casInput{true, 0, "y"}, casOutput{})}
	for i, c := range []struct {
		history []porcupine.Operation
		ok      bool
	}{{good, true}, {bad, false}, {twoWinners, false}} {
		if got := porcupine.CheckOperations(casModel(), c.history); got != c.ok {
			t.Errorf("history %d: %v", i, got)
		}
	}
}
