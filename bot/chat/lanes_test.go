package chat

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func laneConfig(perSecond float64, burst int) Config {
	return Config{ChannelInterval: time.Second, ChannelBurst: 1, PostsPerSecond: perSecond, PostBurst: burst}
}

// grants records who got a slot and when.
type grants struct {
	mu    sync.Mutex
	start time.Time
	names []string
	at    map[string]time.Duration
}

func newGrants() *grants { return &grants{start: time.Now(), at: map[string]time.Duration{}} }

func (g *grants) note(name string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.names = append(g.names, name)
	g.at[name] = time.Since(g.start)
}

// queue waits in a lane on its own goroutine; callers that come one after the
// other queue in that order.
func queue(t *testing.T, l *lanes, g *grants, name, channel string, urgent bool) {
	t.Helper()
	go func() {
		if err := l.wait(t.Context(), channel, urgent); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		g.note(name)
	}()
	synctest.Wait()
}

func TestLaneOnePostASecondPerChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, g := newLanes(laneConfig(1000, 1000)), newGrants()
		for i := range 5 {
			queue(t, l, g, fmt.Sprint("a", i), "C1", false)
		}
		queue(t, l, g, "b", "C2", false)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i := range 5 {
			if d := g.at[fmt.Sprint("a", i)] - time.Duration(i)*time.Second; d < 0 || d > 10*time.Millisecond {
				t.Errorf("post %d went after %s", i, g.at[fmt.Sprint("a", i)])
			}
		}
		if g.at["b"] != 0 {
			t.Errorf("another channel waited %s", g.at["b"])
		}
	})
}

func TestLaneUrgentFirstThenInOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, g := newLanes(laneConfig(1, 1)), newGrants()
		queue(t, l, g, "first", "C0", false)
		queue(t, l, g, "n1", "C1", false)
		queue(t, l, g, "n2", "C2", false)
		queue(t, l, g, "n3", "C1", false)
		queue(t, l, g, "u1", "C1", true)
		queue(t, l, g, "u2", "C3", true)
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{"first", "u1", "u2", "n1", "n2", "n3"}; !slices.Equal(g.names, want) {
			t.Errorf("got %v, want %v", g.names, want)
		}
	})
}

func TestLaneWorkspaceRate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const posts, perSecond, burst = 400, 20, 5
		l, g := newLanes(laneConfig(perSecond, burst)), newGrants()
		for i := range posts {
			queue(t, l, g, fmt.Sprint(i), fmt.Sprint("C", i), i%4 == 0)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		last, lastUrgent := time.Duration(0), time.Duration(0)
		for i := range posts {
			at := g.at[fmt.Sprint(i)]
			last = max(last, at)
			if i%4 == 0 {
				lastUrgent = max(lastUrgent, at)
			}
		}
		if len(g.names) != posts {
			t.Fatalf("%d of %d got a slot", len(g.names), posts)
		}
		least := time.Duration(posts-burst) * time.Second / perSecond
		if last < least || last > least*101/100 {
			t.Errorf("took %s, the least possible is %s", last, least)
		}
		if want := time.Duration(posts/4) * time.Second / perSecond; lastUrgent > want {
			t.Errorf("the last urgent one waited %s, want at most %s", lastUrgent, want)
		}
		assertNeverAbove(t, g, perSecond, burst)
	})
}

// assertNeverAbove checks that no window of one second has more than the rate
// and burst allow.
func assertNeverAbove(t *testing.T, g *grants, perSecond, burst int) {
	t.Helper()
	var at []time.Duration
	for _, d := range g.at {
		at = append(at, d)
	}
	slices.Sort(at)
	for i, from := range at {
		n := 0
		for _, d := range at[i:] {
			if d < from+time.Second {
				n++
			}
		}
		if n > perSecond+burst {
			t.Fatalf("%d slots within a second of %s", n, from)
		}
	}
}

func TestLanePause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, g := newLanes(laneConfig(1000, 1000)), newGrants()
		l.pause("C1", 30*time.Second)
		queue(t, l, g, "held", "C1", true)
		queue(t, l, g, "free", "C2", false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if g.at["free"] != 0 || g.at["held"] != 30*time.Second {
			t.Errorf("free after %s, held after %s", g.at["free"], g.at["held"])
		}
	})
}

func TestLaneTwoPausesPauseTheWorkspace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, g := newLanes(laneConfig(1000, 1000)), newGrants()
		l.pause("C1", 5*time.Second)
		l.pause("C2", 10*time.Second)
		queue(t, l, g, "other", "C3", false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if g.at["other"] != 10*time.Second {
			t.Errorf("another channel waited %s", g.at["other"])
		}
	})
}

func TestLaneGivesUpItsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, g := newLanes(laneConfig(1000, 1000)), newGrants()
		queue(t, l, g, "first", "C1", false)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := l.wait(ctx, "C1", false); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if err := l.wait(ctx, "C9", false); err == nil {
			t.Error("a slot was given to a context that had ended")
		}
		queue(t, l, g, "next", "C1", false)
		time.Sleep(time.Minute)
		synctest.Wait()
		if d := g.at["next"]; d < time.Second || d > time.Second+10*time.Millisecond {
			t.Errorf("the next one waited %s: the place was not given up", d)
		}
		if len(l.waiting) != 0 {
			t.Error("somebody is still thought to wait")
		}
	})
}

// A slot that is given at the very moment the context ends is used: whoever
// was woken by the context finds the slot its own.
func TestLaneGrantedAsTheContextEnds(t *testing.T) {
	t.Parallel()
	for range 100 {
		l := newLanes(Config{ChannelInterval: time.Hour, ChannelBurst: 1, PostsPerSecond: 1e6, PostBurst: 1e6})
		depth := 0
		l.depth = func(_ bool, d int) { depth += d }
		if err := l.wait(t.Context(), "C1", false); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { left <- l.wait(ctx, "C1", false) }()
		eventually(t, 30*time.Second, "somebody waits", func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			return len(l.waiting) == 1
		})
		l.mu.Lock()
		cancel()
		for range 10 {
			runtime.Gosched() // lets the waiter see the end of its context
		}
		l.channels["C1"].tokens = 1
		l.dispatch(time.Now())
		l.mu.Unlock()
		if err := <-left; err != nil || depth != 0 {
			t.Fatalf("got %v; %d are thought to wait", err, depth)
		}
	}
}

func TestLaneDepth(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, g := newLanes(laneConfig(1000, 1000)), newGrants()
		depth := map[bool]int{}
		l.depth = func(urgent bool, d int) { depth[urgent] += d }
		for i := range 4 {
			queue(t, l, g, fmt.Sprint(i), "C1", i%2 == 0)
		}
		ctx, cancel := context.WithCancel(t.Context())
		go func() { _ = l.wait(ctx, "C1", true) }()
		synctest.Wait()
		if l.mu.Lock(); depth[true] != 2 || depth[false] != 2 {
			t.Errorf("depth %v", depth)
		}
		l.mu.Unlock()
		cancel()
		time.Sleep(time.Minute)
		synctest.Wait()
		if depth[true] != 0 || depth[false] != 0 {
			t.Errorf("depth %v at rest", depth)
		}
	})
}

func TestLanesForgetIdleChannels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLanes(laneConfig(1e6, 1e6))
		for i := range 3000 {
			if err := l.wait(t.Context(), fmt.Sprint("C", i), false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(10 * time.Millisecond)
		}
		if n := len(l.channels); n > 1100 {
			t.Errorf("%d channels are remembered", n)
		}
	})
}

func TestTiers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tiers, start := newTiers(0), time.Now()
		for range 5 + 50 {
			if err := tiers.wait(t.Context(), "chat.update"); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d < 59*time.Second || d > 61*time.Second {
			t.Errorf("55 edits took %s; tier 3 is about 50 a minute", d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		err := tiers.wait(ctx, "chat.update")
		if e, ok := errors.AsType[*Error](err); !ok || e.Kind != RateLimited || e.RetryAfter < time.Second {
			t.Errorf("got %v, want to be told to come back", err)
		}
		tiers.pause("users.info", time.Minute)
		start = time.Now()
		if err := tiers.wait(t.Context(), "users.info"); err != nil || time.Since(start) != time.Minute {
			t.Errorf("a paused method was called after %s: %v", time.Since(start), err)
		}
	})
}

func TestGate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := gate{spacing: time.Second, crowded: 10 * time.Second}
		start := time.Now()
		at := func(want time.Duration) {
			t.Helper()
			if err := g.wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := time.Since(start); got != want {
				t.Errorf("admitted after %s, want %s", got, want)
			}
		}
		at(0)
		at(time.Second)
		g.trouble()
		at(11 * time.Second)
		at(21 * time.Second)
		g.calm()
		at(31 * time.Second)
		at(32 * time.Second)
		g.hold(2 * time.Minute)
		at(152 * time.Second)
	})
}
