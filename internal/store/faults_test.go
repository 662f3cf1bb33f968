package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/store"
)

// refused checks that the server declined, and that the caller can know it.
func refused(t *testing.T, err error, reason string) {
	t.Helper()
	var ue *store.UnavailableError
	if !errors.Is(err, store.ErrUnavailable) || !errors.As(err, &ue) || !ue.Refused || !strings.Contains(err.Error(), reason) {
		t.Fatalf("got %v, want a refusal because %q", err, reason)
	}
	if strings.Contains(err.Error(), "{sb}") {
		t.Fatalf("a key is named: %v", err)
	}
}

func commit(s *store.Store, c store.Commit) error { return s.Commit(context.Background(), c)[0] }

func TestKillWithAppendOnlyFileLosesNothing(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t, "--appendonly", "yes")
	s := open(t, srv.Addr, func(o *store.Options) { o.Strict = true })
	fill(t, s, 500, func(i int) store.Commit {
		id := fmt.Sprint(i)
		return store.Commit{Op: id, Writes: []store.Write{openDoc(id, t0)}, Marks: []store.Mark{{ID: id, TTL: time.Hour}}, Plan: []store.Effect{effect(id, store.LanePage, t0)}}
	})
	srv.Kill()
	if err := commit(s, store.Commit{Op: "down", Cancel: []string{"x"}}); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("while the server is down: %v", err)
	}
	if _, err := s.Load(context.Background(), "1"); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("load while the server is down: %v", err)
	}
	srv.Restart()
	redistest.Eventually(t, "the store is back", func() bool { return s.Ping(context.Background()) == nil })
	for i := range 500 {
		wantDoc(t, s, fmt.Sprint(i), 1, "x")
	}
	if r := audit(t, s, t0); !r.OK() || r.Open != 500 || r.Timers != 500 || r.Effects != 500 {
		t.Fatalf("audit: %+v", r)
	}
	want(t, s, store.Commit{Op: "again", Marks: []store.Mark{{ID: "7", TTL: time.Hour}}}, store.ErrSeen)
}

func TestRestartWithoutPersistenceIsNoticed(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	s := open(t, srv.Addr)
	must(t, s, store.Commit{Op: "1", Writes: []store.Write{openDoc("a", t0)}})
	srv.Restart()
	redistest.Eventually(t, "the store is back", func() bool { return s.Ping(context.Background()) == nil })
	if r := audit(t, s, t0); !r.EpochChanged || r.LostCommits != 1 || r.OK() {
		t.Fatalf("audit: %+v", r)
	}
	must(t, s, store.Commit{Op: "2", Writes: []store.Write{openDoc("a", t0)}}) // the scripts were lost as well
}

func TestScriptFlush(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		b.do("script", "flush")
		results := s.Commit(context.Background(), store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "x")}},
			store.Commit{Op: "2", Writes: []store.Write{put("a", 1, "y")}}, store.Commit{Op: "3", Writes: []store.Write{put("a", 9, "z")}})
		if results[0] != nil || results[1] != nil || !errors.Is(results[2], store.ErrConflict) {
			t.Fatalf("results %v", results)
		}
		wantDoc(t, s, "a", 2, "y")
		b.do("script", "flush")
		claim(t, s, store.LanePage, t0, 1)
	})
}

func TestFullMemoryRefusesWholeAndReadsGoOn(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	s := open(t, srv.Addr)
	must(t, s, store.Commit{Op: "1", Writes: []store.Write{openDoc("a", t0)}, Plan: []store.Effect{effect("e", store.LanePage, t0)}})
	held := claim(t, s, store.LanePage, t0, 1)[0]
	srv.Config("maxmemory", "1")
	reason := "memory is full"
	change := store.Commit{Op: "2", Done: []store.Done{done(held)}, Writes: []store.Write{{ID: "a", IfVersion: 1}}, Cancel: []string{"e"}}
	refused(t, commit(s, change), reason)
	_, err := s.Claim(context.Background(), store.LanePage, t0, 1, time.Minute)
	refused(t, err, reason)
	refused(t, s.Retry(context.Background(), done(held), t0), reason)
	_, err = s.DueTimers(context.Background(), t0, 1, time.Minute)
	refused(t, err, reason)
	refused(t, s.Ping(context.Background()), reason)
	wantDoc(t, s, "a", 1, "x")
	if depth, err := s.Depth(context.Background(), t0); err != nil || depth[store.LanePage].Planned != 1 {
		t.Fatalf("depth: %v, %v", depth, err)
	}
	srv.Config("maxmemory", "0")
	must(t, s, change)
	wantDoc(t, s, "a", 0, "")
}

// TestScriptsHaveTheHeader: only with it does a script that frees memory
// first not run into the limit half-way.
func TestScriptsHaveTheHeader(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	s := open(t, srv.Addr)
	// The audit's only write here is a removal, which Redis permits to a
	// script without the header even when memory is full.
	srv.Do("zadd", "{sb}:timers", 1, "ghost")
	srv.Config("maxmemory", "1")
	_, err := s.Audit(context.Background(), t0, time.Minute)
	refused(t, err, "memory is full")
}

func TestReplicaRefuses(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	s := open(t, srv.Addr)
	must(t, s, store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "x")}})
	srv.Do("replicaof", "127.0.0.1", "1")
	refused(t, commit(s, store.Commit{Op: "2", Writes: []store.Write{put("a", 1, "y")}}), "read-only replica")
	refused(t, s.Ping(context.Background()), "read-only replica")
	wantDoc(t, s, "a", 1, "x")
	srv.Do("replicaof", "no", "one")
	must(t, s, store.Commit{Op: "2", Writes: []store.Write{put("a", 1, "y")}})
}

func TestTooFewReplicasRefuse(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	s := open(t, srv.Addr)
	srv.Config("min-replicas-to-write", "1")
	refused(t, commit(s, store.Commit{Op: "1", Cancel: []string{"x"}}), "too few replicas")
	refused(t, s.Ping(context.Background()), "too few replicas")
}

func TestLostReply(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		direct := open(t, b.addr)
		proxy := redistest.NewProxy(t, b.addr)
		s := open(t, proxy.Addr)
		must(t, s, store.Commit{Op: "0", Plan: []store.Effect{effect("e", store.LanePage, t0)}})
		held := claim(t, s, store.LanePage, t0, 1)[0]
		for i, c := range []store.Commit{
			{Writes: []store.Write{put("a", 0, "x")}},
			{Marks: []store.Mark{{ID: "m", TTL: time.Hour}}},
			{Done: []store.Done{done(held)}},
		} {
			c.Op = fmt.Sprint("op", i)
			proxy.LoseReply(0)
			err := commit(s, c)
			var ue *store.UnavailableError
			if !errors.As(err, &ue) || ue.Refused {
				t.Fatalf("with the reply lost: %v", err)
			}
			must(t, s, c)
			must(t, direct, c)
		}
		wantDoc(t, s, "a", 1, "x")
		if proxy.Lost() != 3 {
			t.Fatalf("%d replies were lost", proxy.Lost())
		}
	})
}

// TestNothingIsRepeatedBehindOurBack: with its default options the client
// library executes a command whose reply is late four times.
func TestNothingIsRepeatedBehindOurBack(t *testing.T) {
	t.Parallel()
	srv := redistest.Start(t)
	proxy := redistest.NewProxy(t, srv.Addr)
	s := open(t, proxy.Addr, func(o *store.Options) { o.Timeout, o.ConfirmTimeout = 100*time.Millisecond, 50*time.Millisecond })
	must(t, s, store.Commit{Op: "1", Plan: []store.Effect{effect("e", store.LanePage, t0), effect("f", store.LanePage, t0), effect("g", store.LanePage, t0)}})
	srv.Do("config", "resetstat")
	proxy.Delay(200 * time.Millisecond)
	if _, err := s.Claim(context.Background(), store.LanePage, t0, 1, time.Minute); !errors.Is(err, store.ErrUnavailable) {
		t.Fatalf("with a late reply: %v", err)
	}
	proxy.Delay(0)
	if calls := srv.Info("commandstats")["cmdstat_evalsha"]; !strings.HasPrefix(calls, "calls=1,") {
		t.Fatalf("executed: %s", calls)
	}
	if got := claim(t, s, store.LanePage, t0, 9); len(got) != 2 {
		t.Fatalf("left to claim: %v", ids(got))
	}
}

func TestCallersDeadlineHolds(t *testing.T) {
	t.Parallel()
	proxy := redistest.NewProxy(t, redisMini(t))
	s := open(t, proxy.Addr, func(o *store.Options) { o.Timeout = time.Hour }) // by itself it would wait
	proxy.Delay(time.Hour)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	err := s.Commit(ctx, store.Commit{Op: "1", Cancel: []string{"x"}})[0]
	if !errors.Is(err, store.ErrUnavailable) {
		t.Fatal(err)
	}
}

func TestServerRefusals(t *testing.T) {
	t.Parallel()
	for message, reason := range map[string]string{
		"LOADING Redis is loading the dataset in memory":                                      "loading",
		"MISCONF Errors writing to the AOF file: No space left on device":                     "cannot write its data to disk",
		"BUSY Redis is busy running a script":                                                 "busy",
		"CLUSTERDOWN Hash slot not served":                                                    "cluster is down",
		"MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.":    "lost its primary",
		"NOPERM this user has no permissions to run the 'evalsha' command":                    "does not permit",
		"TRYAGAIN Multiple keys request during rehashing of slot":                             "moving",
		"ERR max number of clients reached":                                                   "too many clients",
		"-READONLY You can't write against a read only replica. script: abc, on @user_script": "read-only replica",
	} {
		m := redistest.Mini(t)
		s := open(t, m.Addr())
		m.SetError(message)
		refused(t, commit(s, store.Commit{Op: "1", Cancel: []string{"x"}}), reason)
		_, err := s.Load(context.Background(), "a")
		refused(t, err, reason)
		_, err = s.OpenDocs(context.Background(), 0)
		refused(t, err, reason)
	}
}

func TestUnknownServerErrorsNameNoKey(t *testing.T) {
	t.Parallel()
	m := redistest.Mini(t)
	s := open(t, m.Addr())
	m.SetError("ERR unknown command 'EVALSHA', with args beginning with: 'abc' '9' '{sb}:d:canary'")
	for _, err := range []error{commit(s, store.Commit{Op: "1", Cancel: []string{"x"}}), s.Ping(context.Background())} {
		var ue *store.UnavailableError
		if !errors.As(err, &ue) || ue.Refused || strings.Contains(err.Error(), "canary") || !strings.Contains(err.Error(), "unknown command") {
			t.Errorf("got %v", err)
		}
	}
}

func TestForeignValuesAreAnError(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		for _, value := range []string{"x", "1", "1 abc", "x y z", "-1 abc def"} {
			b.do("set", "{sb}:d:a", value)
			if _, err := s.Load(context.Background(), "a"); err == nil {
				t.Errorf("%q was loaded", value)
			}
		}
		if err := commit(s, store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "x")}}); err == nil || errors.Is(err, store.ErrConflict) {
			t.Errorf("commit over a foreign value: %v", err)
		}
	})
}

func TestUnreadableEffectsDoNotBlockTheLane(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Plan: []store.Effect{effect("good", store.LanePage, t0)}})
		for i, record := range []string{"0 0 page nonsense", "0 0 page {\n", "nonsense", ""} {
			id := fmt.Sprint("bad", i)
			b.do("hset", "{sb}:effects", id, record)
			b.do("zadd", "{sb}:lane:page", i, id)
		}
		if got := ids(claim(t, s, store.LanePage, t0, 9)); got != "[good]" {
			t.Fatalf("claimed %s", got)
		}
		if r := audit(t, s, t0); r.OK() || r.EffectUnreadable.Count != 4 {
			t.Fatalf("audit: %+v", r)
		}
		if r := audit(t, s, t0); !r.OK() {
			t.Fatalf("second audit: %+v", r)
		}
	})
}
