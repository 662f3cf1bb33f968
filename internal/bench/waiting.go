package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

// How long people wait: after a start, and for one finding.

// coldStart is the time from starting the program to its first post.
func coldStart(ctx context.Context, b *bench) error {
	all := make([][]float64, len(b.programs))
	for range 2*b.rounds + 1 {
		for i, name := range b.programs {
			took, err := b.firstPost(ctx, name)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			all[i] = append(all[i], took)
		}
	}
	for i, name := range b.programs {
		slices.Sort(all[i])
		n := len(all[i])
		fmt.Printf("%-12s first delivery %.0f ms after start (median of %d, %.0f..%.0f), %s floor\n", name, all[i][n/2], n, all[i][0], all[i][n-1], ratio(all[i][n/2], all[0][n/2]))
	}
	return nil
}

// firstPost starts a program with one finding waiting, and returns the
// milliseconds until it has been told to Slack.
func (b *bench) firstPost(ctx context.Context, name string) (float64, error) {
	if err := b.redis.clear(ctx); err != nil {
		return 0, err
	}
	b.ends.reset(0, 0, 0)
	q := sqsfake.New()
	defer q.Close()
	fill(q, mixed(1, 0, 4))
	p, err := b.start(ctx, name, q)
	if err != nil {
		return 0, err
	}
	if _, err := b.drained(ctx, q, func(e *ends) bool { return e.posts > 0 }, 30*time.Second); err != nil {
		return 0, err
	}
	return float64(b.ends.first().Sub(p.start).Microseconds()) / 1000, p.stop()
}

// delay is how long one finding takes from the queue to Slack at 50 a second.
func delay(ctx context.Context, b *bench) error {
	var floor float64
	for _, name := range b.programs {
		if err := b.redis.clear(ctx); err != nil {
			return err
		}
		b.ends.reset(0, 0, 0)
		q := sqsfake.New()
		p, err := b.start(ctx, name, q)
		if err != nil {
			return err
		}
		time.Sleep(1500 * time.Millisecond)
		var all []float64
		l := mixed(400, 0, 5)
		for n, body := range l.bodies {
			sent := time.Now()
			q.Send("findings", body)
			ref := one(body)
			for b.ends.says(ref) == 0 && !(name == "floor" && b.ends.is(func(e *ends) bool { return e.posts > n })) && time.Since(sent) < 5*time.Second {
				time.Sleep(100 * time.Microsecond)
			}
			all = append(all, float64(time.Since(sent).Microseconds())/1000)
			time.Sleep(max(0, 20*time.Millisecond-time.Since(sent)))
		}
		slices.Sort(all)
		p99 := all[len(all)*99/100]
		if name == "floor" {
			floor = p99
		}
		fmt.Printf("%-12s p50 %.1f ms  p99 %.1f ms  max %.1f ms; p99 %s floor\n", name, all[len(all)/2], p99, all[len(all)-1], ratio(p99, floor))
		if err := p.stop(); err != nil {
			return err
		}
		q.Close()
	}
	return nil
}

// one is the reference of a body's finding.
func one(body string) string {
	return cases.RefOf(cases.IDOf(findings.Parse([]byte(body))[0].Finding.Key()))
}
