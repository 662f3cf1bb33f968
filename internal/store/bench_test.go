package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// BenchmarkBatch is what a batch of ten findings costs: one Load and one
// Commit, with the number of documents already known.
//
//	go test ./internal/store -run '^$' -bench Batch -benchtime 2s
func BenchmarkBatch(b *testing.B) {
	for _, known := range []int{1_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprint("known=", known), func(b *testing.B) {
			s := open(b, redistest.Start(b).Addr)
			body := make([]byte, 120)
			fill(b, s, known, func(i int) store.Commit {
				return store.Commit{Op: fmt.Sprint("fill", i), Writes: []store.Write{{ID: fmt.Sprint("known", i), Body: body, TTL: time.Hour}}}
			})
			ctx, n := context.Background(), 0
			b.ResetTimer()
			for b.Loop() {
				names, batch := make([]string, 10), make([]store.Commit, 10)
				for i := range batch {
					n++
					names[i] = fmt.Sprint("new", n)
					batch[i] = store.Commit{Op: names[i], Marks: []store.Mark{{ID: names[i], TTL: time.Hour}},
						Writes: []store.Write{{ID: names[i], Body: body, Open: true, Timer: t0}},
						Plan:   []store.Effect{{ID: names[i], Lane: store.LaneNotify, Kind: "post", Doc: names[i], Planned: t0, Due: t0, Body: body}}}
				}
				if _, err := s.Load(ctx, names...); err != nil {
					b.Fatal(err)
				}
				for _, err := range s.Commit(ctx, batch...) {
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "findings/s")
		})
	}
}

// BenchmarkEffects is what one effect costs from claim to done, by ten.
func BenchmarkEffects(b *testing.B) {
	for _, waiting := range []int{1_000, 100_000} {
		b.Run(fmt.Sprint("waiting=", waiting), func(b *testing.B) {
			s := open(b, redistest.Start(b).Addr)
			fill(b, s, waiting, func(i int) store.Commit {
				return store.Commit{Op: fmt.Sprint(i), Plan: []store.Effect{effect(fmt.Sprint(i), store.LaneNotify, t0)}}
			})
			n := 0
			b.ResetTimer()
			for b.Loop() {
				c := store.Commit{Op: fmt.Sprint("done", n)}
				for _, e := range claim(b, s, store.LaneNotify, t0, 10) {
					n++
					c.Done = append(c.Done, done(e))
					again := effect(e.ID, store.LaneNotify, t0)
					c.Plan = append(c.Plan, again)
				}
				must(b, s, c)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "effects/s")
		})
	}
}
