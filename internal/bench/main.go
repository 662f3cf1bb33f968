// Command bench measures the bot against the least a program could do (the
// floor), in one run on one machine, so that its figures are ratios. Absolute
// figures say something about the machine, the ratios about the bot.
//
//	go run ./internal/bench [-only NAME] [-known 1000,100000,1000000] [-against FILE] [-rounds N]
//
// With -against, another build of the bot takes part, in turn with this one: that
// shows what a change has done, on a machine that is busy with other things too.
//
// It needs redis-server, builds both programs, and runs each in a process of
// its own beside far ends that answer as fast as they can.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

type bench struct {
	dir      string
	ends     *ends
	redis    *redisServer
	known    []int
	programs []string          // what is compared: the floor, the bot, and perhaps another build
	files    map[string]string // where each is
	rounds   int
}

// measurement is one part of the benchmark.
type measurement struct {
	name string
	run  func(context.Context, *bench) error
}

var measurements = []measurement{
	{"engines", engines}, {"throughput", throughput}, {"cold", coldStart}, {"latency", realLatency},
	{"delay", delay}, {"storm", storm}, {"idle", idle}, {"known", known},
}

func main() {
	only := flag.String("only", "", "comma-separated parts: engines, throughput, cold, latency, delay, storm, idle, known")
	sizes := flag.String("known", "1000,100000,1000000", "numbers of known findings to measure with")
	against := flag.String("against", "", "another build of the bot to measure as well")
	rounds := flag.Int("rounds", 3, "how often each program does the whole job; the median counts")
	flag.Parse()
	if err := run(context.Background(), *only, *sizes, *against, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, only, sizes, against string, rounds int) error {
	dir, err := os.MkdirTemp("", "securitybot-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, ends: newEnds(), rounds: rounds}
	for _, s := range strings.Split(sizes, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil {
			return fmt.Errorf("-known: %w", err)
		}
		b.known = append(b.known, n)
	}
	if err := b.build(against); err != nil {
		return err
	}
	if b.redis, err = startRedis(dir); err != nil {
		return err
	}
	defer b.redis.stop()
	fmt.Printf("%s, %d CPUs, %s\n", runtime.Version(), runtime.NumCPU(), time.Now().UTC().Format(time.DateOnly))
	for _, m := range measurements {
		if only != "" && !slices.Contains(strings.Split(only, ","), m.name) {
			continue
		}
		fmt.Printf("\n== %s\n", m.name)
		if err := m.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// build makes the programs to compare: first the floor, then the bot.
func (b *bench) build(against string) error {
	b.programs, b.files = []string{"floor", "securitybot"}, map[string]string{}
	for i, path := range []string{"./internal/bench/floor", "./cmd/securitybot"} {
		name := b.programs[i]
		b.files[name] = filepath.Join(b.dir, name)
		cmd := exec.Command("go", "build", "-trimpath", "-o", b.files[name], path)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	if against != "" {
		b.programs = append(b.programs, "against")
		b.files["against"] = against
	}
	return nil
}

// start empties the store and starts one of the programs on a fresh queue
// server.
func (b *bench) start(ctx context.Context, name string, q *sqsfake.Server) (*process, error) {
	url := q.CreateQueue("findings", sqsfake.QueueOptions{})
	if name == "floor" {
		return launch(b.dir, name, b.files[name], []string{"AWS_ENDPOINT_URL_SQS=" + q.URL, "FLOOR_QUEUE=" + url,
			"FLOOR_SLACK=" + b.ends.server.URL + "/api/", "FLOOR_PAGER=" + b.ends.server.URL, "FLOOR_REDIS=" + b.redis.addr})
	}
	file := filepath.Join(b.dir, "securitybot.yaml")
	if err := os.WriteFile(file, []byte(b.config(url)), 0o600); err != nil {
		return nil, err
	}
	return launch(b.dir, name, b.files[name], []string{"AWS_ENDPOINT_URL_SQS=" + q.URL, "BENCH_APP=xapp-1-A0BENCH-bench", "BENCH_BOT=xoxb-bench",
		"BENCH_KEY=0123456789abcdef0123456789abcdef", "GOMEMLIMIT=56MiB"}, "run", "--config", file)
}

// fill puts a load into the queue before anybody receives.
func fill(q *sqsfake.Server, l load) {
	q.CreateQueue("findings", sqsfake.QueueOptions{})
	for _, body := range l.bodies {
		q.Send("findings", body)
	}
}

// drained waits until the queue is empty and the far ends have been quiet.
func (b *bench) drained(ctx context.Context, q *sqsfake.Server, enough func(*ends) bool, limit time.Duration) (time.Duration, error) {
	start := time.Now()
	for time.Since(start) < limit {
		// The far ends first: to count what is in the queue costs as much as a post.
		if b.ends.is(enough) && q.Depth("findings")+q.InFlight("findings") == 0 {
			return time.Since(start), nil
		}
		time.Sleep(5 * time.Millisecond) // a measurement polls; nothing is asserted about it
	}
	return 0, fmt.Errorf("not done after %s: %d in the queue, %d in flight, %s", limit, q.Depth("findings"), q.InFlight("findings"), b.ends)
}

func ratio(a, b float64) string {
	if b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f×", a/b)
}
