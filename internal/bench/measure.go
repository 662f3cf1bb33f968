package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
	"github.com/securitybot/securitybot/internal/store"
)

// engines measures the pure parts alone, on one goroutine.
func engines(context.Context, *bench) error {
	l := mixed(256, 0, 1)
	parse := testing.Benchmark(func(b *testing.B) {
		for i := range b.N {
			findings.Parse([]byte(l.bodies[i%len(l.bodies)]))
		}
	})
	p, err := policy.Default()
	if err != nil {
		return err
	}
	var all []*findings.Finding
	for _, body := range l.bodies {
		for _, item := range findings.Parse([]byte(body)) {
			if item.Err != nil {
				return item.Err
			}
			all = append(all, item.Finding)
		}
	}
	decide := testing.Benchmark(func(b *testing.B) {
		for i := range b.N {
			p.Decide(policy.Input{Finding: all[i%len(all)], Now: time.Unix(1772442000, 0)})
		}
	})
	fmt.Printf("parse   %8.0f findings/s a core  %6.1f µs  (%d bytes each)\n", 1e9/float64(parse.NsPerOp()), float64(parse.NsPerOp())/1e3, len(l.bodies[0]))
	fmt.Printf("decide  %8.0f findings/s a core  %6.1f µs\n", 1e9/float64(decide.NsPerOp()), float64(decide.NsPerOp())/1e3)
	return nil
}

// flow is what one program did with one load.
type flow struct {
	perSecond, cpu, redisCPU, endsCPU, rest, peak float64 // findings/s; µs a finding; MiB
	posts, most                                   int
}

func (b *bench) flow(ctx context.Context, name string, l load, sqsDelay, endDelay time.Duration) (flow, error) {
	if err := b.redis.clear(ctx); err != nil {
		return flow{}, err
	}
	b.ends.reset(0, 0, endDelay)
	q := sqsfake.New(sqsfake.WithLatency(sqsDelay))
	defer q.Close()
	p, err := b.start(ctx, name, q)
	if err != nil {
		return flow{}, err
	}
	time.Sleep(1500 * time.Millisecond) // let it come to rest: what is measured is work, not starting
	rest, _ := p.memory()
	cpu, rcpu, start := p.cpu(), b.redis.cpu(), time.Now()
	fill(q, l)
	own := cpuOf(os.Getpid())
	if _, err := b.drained(ctx, q, func(e *ends) bool { return len(e.triggers) >= l.pages && e.quiet() }, 2*time.Minute); err != nil {
		return flow{}, fmt.Errorf("%s: %w", name, err)
	}
	// The last thing done says when the work ended; the quiet after it does not count.
	took := b.ends.lastSeen().Sub(start).Seconds()
	n := float64(len(l.bodies))
	_, peak := p.memory()
	each := func(used time.Duration) float64 { return float64(used.Microseconds()) / n }
	f := flow{perSecond: n / took, cpu: each(p.cpu() - cpu), redisCPU: each(b.redis.cpu() - rcpu), endsCPU: each(cpuOf(os.Getpid()) - own), rest: rest, peak: peak}
	f.posts, f.most = b.ends.counts()
	return f, p.stop()
}

// throughput is the whole job from SQS with far ends that answer at once.
func throughput(ctx context.Context, b *bench) error {
	l := mixed(10_000, 0.6, 2)
	return b.compare(ctx, l, time.Millisecond, 0)
}

// realLatency is the same with the latencies of the real far ends.
func realLatency(ctx context.Context, b *bench) error {
	return b.compare(ctx, mixed(2_000, 0.6, 3), 12*time.Millisecond, 80*time.Millisecond)
}

func (b *bench) compare(ctx context.Context, l load, sqsDelay, endDelay time.Duration) error {
	all := make([][]flow, len(b.programs))
	for range b.rounds {
		for i, name := range b.programs {
			f, err := b.flow(ctx, name, l, sqsDelay, endDelay)
			if err != nil {
				return err
			}
			all[i] = append(all[i], f)
		}
	}
	fmt.Printf("%d events, %d findings, %d of them page; median of %d, interleaved\n", len(l.bodies), l.distinct, l.pages, b.rounds)
	fmt.Printf("%-12s %11s %11s %11s %11s %9s %9s %7s %10s\n", "", "events/s", "CPU µs/ev", "Redis µs/ev", "ends µs/ev", "rest MiB", "peak MiB", "posts", "most open")
	med := make([]flow, len(b.programs))
	for i, name := range b.programs {
		m := median(all[i])
		med[i] = m
		fmt.Printf("%-12s %11.0f %11.0f %11.1f %11.1f %9.1f %9.1f %7d %10d\n", name, m.perSecond, m.cpu, m.redisCPU, m.endsCPU, m.rest, m.peak, m.posts, m.most)
	}
	for i, m := range med[1:] {
		fmt.Printf("%s ÷ floor: events/s %s, CPU %s, peak memory %s; peak ÷ rest %s\n", b.programs[i+1], ratio(m.perSecond, med[0].perSecond), ratio(m.cpu, med[0].cpu), ratio(m.peak, med[0].peak), ratio(m.peak, m.rest))
	}
	return nil
}

func median(f []flow) flow {
	slices.SortFunc(f, func(a, b flow) int { return int(a.perSecond - b.perSecond) })
	return f[len(f)/2]
}

// storm is 400 new findings, 100 of them pages, against a Slack that takes 20
// posts a second.
func storm(ctx context.Context, b *bench) error {
	const rate, burst = 20, 5
	l := mixed(1_000, 0.6, 6)
	if err := b.redis.clear(ctx); err != nil {
		return err
	}
	b.ends.reset(rate, burst, 20*time.Millisecond)
	q := sqsfake.New(sqsfake.WithLatency(12 * time.Millisecond))
	defer q.Close()
	p, err := b.start(ctx, "securitybot", q)
	if err != nil {
		return err
	}
	time.Sleep(1500 * time.Millisecond)
	start := time.Now()
	fill(q, l)
	want := refs(l)
	if _, err := b.drained(ctx, q, func(e *ends) bool { return len(e.triggers) >= l.pages && e.said(want) >= len(want) }, 3*time.Minute); err != nil {
		return err
	}
	took := b.ends.lastSeen().Sub(start)
	r := b.ends.report(want)
	least := time.Duration(float64(l.distinct-burst) / rate * float64(time.Second))
	fmt.Printf("%d new findings, %d events, %d pages; Slack takes %d/s, burst %d\n", l.distinct, len(l.bodies), l.pages, rate, burst)
	fmt.Printf("lost %d, doubled messages %d, doubled pages %d\n", len(want)-r.said, r.doubled, r.pagedTwice)
	fmt.Printf("posts %d (%.2f a finding), 429s %d (%.1f %% of posts)\n", r.posts, float64(r.posts)/float64(l.distinct), r.refused, 100*float64(r.refused)/float64(max(r.posts, 1)))
	fmt.Printf("last page after %.2f s; all said after %.1f s; one by one would take at least %.1f s\n", r.lastPage.Sub(start).Seconds(), took.Seconds(), least.Seconds())
	return p.stop()
}

// refs are the references of all findings of a load.
func refs(l load) []string {
	seen := map[string]bool{}
	var out []string
	for _, body := range l.bodies {
		for _, item := range findings.Parse([]byte(body)) {
			if ref := cases.RefOf(cases.IDOf(item.Finding.Key())); !seen[ref] {
				seen[ref] = true
				out = append(out, ref)
			}
		}
	}
	return out
}

// idle is what the bot uses when nothing happens.
func idle(ctx context.Context, b *bench) error {
	const span = 20 * time.Second
	for _, name := range b.programs {
		if err := b.redis.clear(ctx); err != nil {
			return err
		}
		q := sqsfake.New()
		p, err := b.start(ctx, name, q)
		if err != nil {
			return err
		}
		time.Sleep(5 * time.Second)
		cpu, calls := p.cpu(), len(q.Calls("ReceiveMessage"))
		time.Sleep(span)
		fmt.Printf("%-12s %.2f %% of a CPU, %d SQS receives in %s\n", name, 100*(p.cpu()-cpu).Seconds()/span.Seconds(), len(q.Calls("ReceiveMessage"))-calls, span)
		if err := p.stop(); err != nil {
			return err
		}
		q.Close()
	}
	return nil
}

// known is the cost of a finding when many are known already.
func known(ctx context.Context, b *bench) error {
	var first float64
	for _, n := range b.known {
		if err := b.redis.clear(ctx); err != nil {
			return err
		}
		empty := b.redis.bytes(ctx)
		if err := b.preload(ctx, n); err != nil {
			return err
		}
		each := (b.redis.bytes(ctx) - empty) / float64(n)
		l := mixed(10_000, 0.6, 7)
		f, err := b.flowKnown(ctx, l)
		if err != nil {
			return err
		}
		if first == 0 {
			first = f.cpu + f.redisCPU
		}
		fmt.Printf("%9d known: %6.0f events/s, CPU %4.0f µs + Redis %3.0f µs an event (%s of the first row), %3.0f bytes kept a finding\n", n, f.perSecond, f.cpu, f.redisCPU, ratio(f.cpu+f.redisCPU, first), each)
	}
	return nil
}

// preload writes known findings the way the bot does.
func (b *bench) preload(ctx context.Context, n int) error {
	s, err := store.Open(ctx, store.Options{Addrs: []string{b.redis.addr}})
	if err != nil {
		return err
	}
	defer s.Close()
	now := time.Now()
	var batch []store.Commit
	for i := range n {
		c := cases.Case{ID: cases.IDOf(fmt.Sprintf("known-%d", i)), Status: cases.Closed, Outcome: cases.Recorded, Gen: 1, Severity: 2, Step: policy.Record, Count: 3, Updated: now}
		body, err := c.Encode()
		if err != nil {
			return err
		}
		batch = append(batch, store.Commit{Op: fmt.Sprintf("p%d", i), Writes: []store.Write{{ID: cases.DocID(c.ID), Body: body, TTL: 100 * 24 * time.Hour}}})
		if len(batch) == 500 || i == n-1 {
			for _, err := range s.Commit(ctx, batch...) {
				if err != nil {
					return err
				}
			}
			batch = batch[:0]
		}
	}
	return nil
}

// flowKnown is flow for the bot on the store as it is.
func (b *bench) flowKnown(ctx context.Context, l load) (flow, error) {
	b.ends.reset(0, 0, 0)
	q := sqsfake.New()
	defer q.Close()
	p, err := b.start(ctx, "securitybot", q)
	if err != nil {
		return flow{}, err
	}
	time.Sleep(1500 * time.Millisecond)
	cpu, rcpu, start := p.cpu(), b.redis.cpu(), time.Now()
	fill(q, l)
	if _, err := b.drained(ctx, q, func(e *ends) bool { return len(e.triggers) >= l.pages && e.quiet() }, 2*time.Minute); err != nil {
		return flow{}, err
	}
	n := float64(len(l.bodies))
	f := flow{perSecond: n / b.ends.lastSeen().Sub(start).Seconds(), cpu: float64((p.cpu() - cpu).Microseconds()) / n, redisCPU: float64((b.redis.cpu() - rcpu).Microseconds()) / n}
	return f, p.stop()
}

// config is the bot's configuration for a measurement: the default policy and
// limits that fit the far ends of the benchmark.
func (b *bench) config(queue string) string {
	raw, err := os.ReadFile("internal/bench/securitybot.yaml")
	if err != nil {
		panic(err) // the benchmark runs in the repository
	}
	return os.Expand(string(raw), func(name string) string {
		switch name {
		case "SLACK":
			return b.ends.server.URL + "/api/"
		case "PAGER":
			return b.ends.server.URL
		case "QUEUE":
			return queue
		case "REDIS":
			return b.redis.addr
		case "RATE":
			return b.ends.rateText()
		}
		return "${" + name + "}"
	})
}
