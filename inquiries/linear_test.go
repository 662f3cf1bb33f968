package inquiries

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/securitybot/securitybot/findings"
)

// clicks is what concurrent clicks must look like to an observer who knows
// nothing of the engine: the first answer counts, "no" always does, once.
func clicks() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return Choice("") },
		Step: func(state, input, output any) (bool, any) {
			was, click, counted := state.(Choice), input.(Choice), output.(bool)
			takes := was == "" || (click == No && was != No)
			if takes {
				return counted, click
			}
			return !counted, was
		},
	}
}

// register holds an inquiry as the store does: a version is replaced only by
// whoever read it.
type register struct{ p atomic.Pointer[Inquiry] }

func (r *register) apply(ev Event, now time.Time) Reply {
	for {
		was := r.p.Load()
		next, _, reply := was.Apply(ev, now)
		if r.p.CompareAndSwap(was, &next) {
			return reply
		}
	}
}

func history(seed uint64) []porcupine.Operation {
	q, _ := New("q", askOf(findings.Medium), tuesday)
	q, _, _ = q.Apply(prompt(), tuesday)
	r := &register{}
	r.p.Store(&q)
	var mu sync.Mutex
	var ops []porcupine.Operation
	var wg sync.WaitGroup
	start := time.Now()
	gate := make(chan struct{})
	for client := range 6 {
		rng := rand.New(rand.NewPCG(seed, uint64(client)))
		wg.Go(func() {
			<-gate
			for range 4 {
				c := []Choice{Yes, Unsure, Yes, Unsure, No}[rng.IntN(5)]
				call := time.Since(start).Nanoseconds()
				counted := r.apply(by(ana, c), tuesday.Add(time.Minute)).Counted
				op := porcupine.Operation{ClientId: client, Input: c, Call: call, Output: counted, Return: time.Since(start).Nanoseconds()}
				mu.Lock()
				ops = append(ops, op)
				mu.Unlock()
			}
		})
	}
	close(gate)
	wg.Wait()
	return ops
}

// Whatever the order in which clicks arrive, there is one order that explains
// what everybody was told.
func TestConcurrentClicksAreLinearizable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		ops := history(seed)
		if !porcupine.CheckOperations(clicks(), ops) {
			t.Fatalf("seed %d: no order explains %+v", seed, ops)
		}
	}
}

// What a lost update looks like is noticed.
func TestLostUpdatesAreNoticed(t *testing.T) {
	t.Parallel()
	op := func(client int, c Choice, counted bool, call, ret int64) porcupine.Operation {
		return porcupine.Operation{ClientId: client, Input: c, Output: counted, Call: call, Return: ret}
	}
	for name, ops := range map[string][]porcupine.Operation{
		"two first answers":      {op(1, Yes, true, 1, 5), op(2, Unsure, true, 2, 6)},
		"a no that is lost":      {op(1, Yes, true, 1, 2), op(2, No, false, 3, 4)},
		"a no that counts twice": {op(1, No, true, 1, 5), op(2, No, true, 2, 6)},
		"a yes after a no":       {op(1, No, true, 1, 2), op(2, Yes, true, 3, 4)},
	} {
		if porcupine.CheckOperations(clicks(), ops) {
			t.Errorf("%s: not noticed", name)
		}
	}
}
