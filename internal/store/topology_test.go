package store_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// TestFailoverThatLosesCommitsIsNoticed: a replica that had been cut off is
// promoted behind a fixed address.
func TestFailoverThatLosesCommitsIsNoticed(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	link := redistest.NewProxy(t, primary.Addr)
	replica := redistest.ReplicaOf(t, link.Addr)
	front := redistest.NewProxy(t, primary.Addr)
	s := open(t, front.Addr)
	must(t, s, store.Commit{Op: "kept", Writes: []store.Write{put("kept", 0, "x")}, Plan: []store.Effect{effect("e", store.LanePage, t0)}})
	if n := primary.Do("wait", 1, 5000); n != int64(1) {
		t.Fatalf("replicated to %v", n)
	}
	link.Refuse(true)
	link.Cut()
	held := claim(t, s, store.LanePage, t0, 1)[0]
	for i := range 10 {
		must(t, s, store.Commit{Op: fmt.Sprint(i), Writes: []store.Write{put(fmt.Sprint(i), 0, "x")}})
	}
	primary.Kill()
	replica.Do("replicaof", "no", "one")
	front.Retarget(replica.Addr)
	redistest.Eventually(t, "the store is back", func() bool { return s.Ping(context.Background()) == nil })
	wantDoc(t, s, "kept", 1, "x")
	wantDoc(t, s, "3", 0, "")
	again := claim(t, s, store.LanePage, t0.Add(time.Second), 1)
	if len(again) != 1 || again[0].Fence <= held.Fence {
		t.Fatalf("claimed after the failover: %+v; before: %+v", again, held)
	}
	want(t, s, store.Commit{Op: "late", Done: []store.Done{done(held)}}, store.ErrFenced)
	if r := audit(t, s, t0); r.LostCommits != 10 || r.EpochChanged || r.OK() {
		t.Fatalf("audit: %+v", r)
	}
}

func TestReplicatedWaitsForTheReplica(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, "--appendonly", "yes", "--repl-diskless-sync-delay", "0")
	link := redistest.NewProxy(t, primary.Addr)
	replica := redistest.ReplicaOf(t, link.Addr)
	s := open(t, primary.Addr, func(o *store.Options) {
		o.Durability, o.Strict, o.ConfirmTimeout = store.DurabilityReplicated, true, 100*time.Millisecond
	})
	first := store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "x")}}
	redistest.Eventually(t, "the replica is online", func() bool { return commit(s, first) == nil })
	if got := replica.Do("exists", "{sb}:d:a"); got != int64(1) {
		t.Fatal("acknowledged before the replica had it")
	}
	replica.Kill()
	change := store.Commit{Op: "2", Writes: []store.Write{put("a", 1, "y")}}
	for range 2 { // the repetition applies nothing, and is not confirmed either
		err := commit(s, change)
		var ue *store.UnavailableError
		if !errors.As(err, &ue) || ue.Refused || !strings.Contains(err.Error(), "0 of 1 replicas") {
			t.Fatalf("without the replica: %v", err)
		}
	}
	replica.Restart()
	redistest.Eventually(t, "the commit is confirmed", func() bool { return commit(s, change) == nil })
	wantDoc(t, s, "a", 2, "y")
}

// TestRepeatedCommitIsNotConfirmedByMistake: the documentation of WAIT speaks
// of writes of its own connection only, and the second client's commit writes
// nothing.
func TestRepeatedCommitIsNotConfirmedByMistake(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	link := redistest.NewProxy(t, primary.Addr)
	redistest.ReplicaOf(t, link.Addr)
	replicated := func(o *store.Options) {
		o.Durability, o.ConfirmTimeout = store.DurabilityReplicated, 200*time.Millisecond
	}
	s := open(t, primary.Addr, replicated)
	redistest.Eventually(t, "the replica is online", func() bool { return s.Ping(context.Background()) == nil })
	link.Delay(time.Hour)
	change := store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "x")}}
	for _, s := range []*store.Store{s, open(t, primary.Addr, replicated)} {
		if err := commit(s, change); !errors.Is(err, store.ErrUnavailable) {
			t.Fatalf("with the replica behind: %v", err)
		}
	}
}

func TestSentinelFailover(t *testing.T) {
	t.Parallel()
	primary := redistest.Start(t, "--repl-diskless-sync-delay", "0")
	replica := redistest.ReplicaOf(t, primary.Addr)
	sentinel := redistest.StartSentinel(t, "bot", primary)
	redistest.Eventually(t, "the sentinel knows the replica", func() bool {
		list, _ := sentinel.Do("sentinel", "replicas", "bot").([]any)
		return len(list) == 1
	})
	s := open(t, sentinel.Addr, func(o *store.Options) { o.MasterName = "bot" })
	must(t, s, store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "x")}})
	if n := primary.Do("wait", 1, 5000); n != int64(1) {
		t.Fatalf("replicated to %v", n)
	}
	primary.Kill()
	change := store.Commit{Op: "2", Writes: []store.Write{put("a", 1, "y")}}
	redistest.Eventually(t, "the store is back on the replica", func() bool {
		_, err := s.Load(context.Background(), "a")
		return commit(s, change) == nil && err == nil
	})
	wantDoc(t, s, "a", 2, "y")
	if role := replica.Info("replication")["role"]; role != "master" {
		t.Fatalf("the replica is %s", role)
	}
}

// startCluster starts servers in cluster mode that know each other; the first
// holds all slots.
func startCluster(t *testing.T, n int) []*redistest.Server {
	t.Helper()
	nodes := make([]*redistest.Server, n)
	for i := range nodes {
		nodes[i] = redistest.Start(t, "--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
	}
	nodes[0].Do("cluster", "addslotsrange", 0, 16383)
	for _, other := range nodes[1:] {
		host, port, err := net.SplitHostPort(other.Addr)
		if err != nil {
			t.Fatal(err)
		}
		nodes[0].Do("cluster", "meet", host, port)
	}
	for _, node := range nodes {
		redistest.Eventually(t, "the cluster is up", func() bool {
			info, _ := node.Do("cluster", "info").(string)
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, fmt.Sprintf("cluster_known_nodes:%d", n))
		})
	}
	return nodes
}

// exercise uses every method that touches keys.
func exercise(t *testing.T, s *store.Store) {
	t.Helper()
	ctx := context.Background()
	must(t, s, store.Commit{Op: "ex1", Writes: []store.Write{openDoc("}a{", t0), put("closed", 0, "x")}, Marks: []store.Mark{{ID: "m}", TTL: time.Hour}},
		Plan: []store.Effect{effect("e", store.LanePage, t0), effect("f", store.LanePage, t0), effect("g", store.LaneRecord, t0)}})
	held := claim(t, s, store.LanePage, t0, 2)
	if len(held) != 2 {
		t.Fatalf("claimed %v", ids(held))
	}
	if _, err := s.Extend(ctx, []store.Done{done(held[0])}, t0.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.Retry(ctx, done(held[1]), t0.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	must(t, s, store.Commit{Op: "ex2", Done: []store.Done{done(held[0])}, Cancel: []string{"g"}})
	if due, err := s.DueTimers(ctx, t0, 9, time.Minute); err != nil || len(due) != 1 {
		t.Fatalf("due: %v, %v", due, err)
	}
	if docs, err := s.Find(ctx, "", 0); err != nil || len(docs) != 2 {
		t.Fatalf("found %v, %v", docs, err)
	}
	if _, err := s.Time(ctx); err != nil {
		t.Fatal(err)
	}
	if r := audit(t, s, t0); !r.OK() || r.Open != 1 || r.Effects != 1 {
		t.Fatalf("audit: %+v", r)
	}
	if err := s.Ping(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	node := startCluster(t, 1)[0]
	s := open(t, node.Addr)
	exercise(t, s)
	results := s.Commit(context.Background(), store.Commit{Op: "1", Writes: []store.Write{put("x", 0, "x")}}, store.Commit{Op: "2", Writes: []store.Write{put("x", 0, "x")}})
	if results[0] != nil || !errors.Is(results[1], store.ErrConflict) {
		t.Fatalf("pipelined: %v", results)
	}
	keys, _ := node.Do("keys", "*").([]any)
	slots := map[any]bool{}
	for _, k := range keys {
		slots[node.Do("cluster", "keyslot", k)] = true
	}
	if len(keys) < 10 || len(slots) != 1 {
		t.Fatalf("%d keys in %d slots: %v", len(keys), len(slots), keys)
	}
}

// TestClusterSlotMoves: only commands that a node says it did not execute are
// sent to another.
func TestClusterSlotMoves(t *testing.T) {
	t.Parallel()
	nodes := startCluster(t, 2)
	s := open(t, nodes[0].Addr)
	must(t, s, store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "x")}})
	moveSlot(t, nodes[0], nodes[1])
	results := s.Commit(context.Background(), store.Commit{Op: "2", Writes: []store.Write{put("a", 1, "y")}}, store.Commit{Op: "3", Writes: []store.Write{put("a", 2, "z")}})
	if results[0] != nil || results[1] != nil {
		t.Fatalf("after the move: %v", results)
	}
	wantDoc(t, s, "a", 3, "z")
	if keys, _ := nodes[0].Do("keys", "*").([]any); len(keys) != 0 {
		t.Fatalf("left behind: %v", keys)
	}
}

func moveSlot(t *testing.T, from, to *redistest.Server) {
	t.Helper()
	slot := from.Do("cluster", "keyslot", "{sb}:epoch")
	fromID, toID := from.Do("cluster", "myid"), to.Do("cluster", "myid")
	to.Do("cluster", "setslot", slot, "importing", fromID)
	from.Do("cluster", "setslot", slot, "migrating", toID)
	host, port, err := net.SplitHostPort(to.Addr)
	if err != nil {
		t.Fatal(err)
	}
	keys, _ := from.Do("cluster", "getkeysinslot", slot, 100).([]any)
	from.Do(append([]any{"migrate", host, port, "", 0, 5000, "keys"}, keys...)...)
	to.Do("cluster", "setslot", slot, "node", toID)
	from.Do("cluster", "setslot", slot, "node", toID)
}
