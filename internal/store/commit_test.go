package store_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/securitybot/securitybot/internal/store"
)

func plain(addr string) *redis.Client {
	return redis.NewClient(&redis.Options{Addr: addr, Protocol: 2, MaxRetries: -1, DisableIdentity: true})
}

func TestCommitVersions(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		wantDoc(t, s, "a", 0, "")
		must(t, s, store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "one")}})
		wantDoc(t, s, "a", 1, "one")
		want(t, s, store.Commit{Op: "2", Writes: []store.Write{put("a", 0, "x")}}, store.ErrConflict)
		must(t, s, store.Commit{Op: "3", Writes: []store.Write{put("a", 1, "two")}})
		want(t, s, store.Commit{Op: "4", Writes: []store.Write{put("a", 1, "x")}}, store.ErrConflict)
		wantDoc(t, s, "a", 2, "two")
		must(t, s, store.Commit{Op: "5", Writes: []store.Write{{ID: "a", IfVersion: 2}}})
		wantDoc(t, s, "a", 0, "")
	})
}

func TestBodiesAndIDsAreBytes(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		all := make([]byte, 256)
		for i := range all {
			all[i] = byte(i)
		}
		op := 0
		for _, body := range []string{"", " ", "\n", "1 abc def", string(all), strings.Repeat("x", 200_000)} {
			for _, id := range []string{"plain", "with } and { and :", "*?[a]\\", "line\nend\x00", string(all)} {
				op++
				must(t, s, store.Commit{Op: strconv.Itoa(op), Writes: []store.Write{put(id, load(t, s, id).Version, body)}})
				if d := load(t, s, id); string(d.Body) != body {
					t.Fatalf("document %q: body %.40q, want %.40q", id, d.Body, body)
				}
			}
		}
	})
}

func TestCommitIsAllOrNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(*store.Commit)
		err   error
	}{
		"version": {func(c *store.Commit) { c.Writes[1].IfVersion = 7 }, store.ErrConflict},
		"mark":    {func(c *store.Commit) { c.Marks = append(c.Marks, store.Mark{ID: "old", TTL: time.Hour}) }, store.ErrSeen},
		"fence":   {func(c *store.Commit) { c.Done[0].Fence++ }, store.ErrFenced},
		"absent":  {func(c *store.Commit) { c.Done = append(c.Done, store.Done{ID: "none", Fence: 1}) }, store.ErrFenced},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, b backend) {
				s := open(t, b.addr)
				must(t, s, store.Commit{Op: "before", Writes: []store.Write{put("b", 0, "one")},
					Marks: []store.Mark{{ID: "old", TTL: time.Hour}},
					Plan:  []store.Effect{effect("done", store.LanePage, t0), effect("cancelled", store.LanePage, t0.Add(time.Hour))}})
				held := claim(t, s, store.LanePage, t0, 1)[0]
				change := store.Commit{Op: "all",
					Writes: []store.Write{{ID: "a", Body: []byte("new"), Open: true, Timer: t0}, put("b", 1, "two")},
					Marks:  []store.Mark{{ID: "new", TTL: time.Hour}},
					Plan:   []store.Effect{effect("planned", store.LaneNotify, t0)},
					Done:   []store.Done{{ID: held.ID, Fence: held.Fence}}, Cancel: []string{"cancelled"}}
				spoilt := change
				spoilt.Writes, spoilt.Done = append([]store.Write{}, change.Writes...), append([]store.Done{}, change.Done...)
				c.spoil(&spoilt)
				want(t, s, spoilt, c.err)
				wantState(t, s, false)
				must(t, s, change)
				wantState(t, s, true)
			})
		})
	}
}

// wantState checks every part of the change in TestCommitIsAllOrNothing.
func wantState(t *testing.T, s *store.Store, applied bool) {
	t.Helper()
	if applied {
		wantDoc(t, s, "a", 1, "new")
		wantDoc(t, s, "b", 2, "two")
		want(t, s, store.Commit{Op: "probe", Marks: []store.Mark{{ID: "new", TTL: time.Hour}}}, store.ErrSeen)
	} else {
		wantDoc(t, s, "a", 0, "")
		wantDoc(t, s, "b", 1, "one")
	}
	docs, err := s.OpenDocs(context.Background(), 0)
	if err != nil || (len(docs) == 1) != applied {
		t.Fatalf("open documents: %v, %v", docs, err)
	}
	depth, err := s.Depth(context.Background(), t0.Add(2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	page, notify := 2, 0
	if applied {
		page, notify = 0, 1
	}
	if depth[store.LanePage].Planned != page || depth[store.LaneNotify].Planned != notify {
		t.Fatalf("planned: %+v, want %d pages and %d notifications", depth, page, notify)
	}
}

func TestPrecedenceOfRefusals(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Marks: []store.Mark{{ID: "m", TTL: time.Hour}}})
		c := store.Commit{Op: "2", Writes: []store.Write{put("a", 3, "x")}, Done: []store.Done{{ID: "e", Fence: 1}}}
		want(t, s, c, store.ErrFenced)
		c.Marks = []store.Mark{{ID: "m", TTL: time.Hour}}
		want(t, s, c, store.ErrSeen)
	})
}

func TestRepeatedCommitGivesTheFirstResult(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]store.Commit{
		"write":  {Writes: []store.Write{put("a", 0, "x")}},
		"delete": {Writes: []store.Write{{ID: "old", IfVersion: 1}}},
		"mark":   {Marks: []store.Mark{{ID: "m", TTL: time.Hour}}},
		"done":   {Done: []store.Done{{ID: "held", Fence: 0}}},
		"cancel": {Cancel: []string{"other"}},
		"plan":   {Plan: []store.Effect{effect("new", store.LaneRecord, t0)}},
		"all": {Writes: []store.Write{put("a", 0, "x"), {ID: "old", IfVersion: 1}}, Marks: []store.Mark{{ID: "m", TTL: time.Hour}},
			Done: []store.Done{{ID: "held"}}, Cancel: []string{"other"}, Plan: []store.Effect{effect("new", store.LaneRecord, t0)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			both(t, func(t *testing.T, b backend) { testRepeat(t, b, c) })
		})
	}
}

func testRepeat(t *testing.T, b backend, c store.Commit) {
	s, other := open(t, b.addr), open(t, b.addr)
	must(t, s, store.Commit{Op: "before", Writes: []store.Write{put("old", 0, "x")},
		Plan: []store.Effect{effect("held", store.LanePage, t0), effect("other", store.LaneInquiry, t0)}})
	held := claim(t, s, store.LanePage, t0, 1)[0]
	c.Op, c.Done = "op", append([]store.Done{}, c.Done...)
	for i := range c.Done {
		c.Done[i].Fence = held.Fence
	}
	must(t, s, c)
	planned := claim(t, s, store.LaneRecord, t0, 9)
	for _, e := range planned { // done before the repetition arrives
		must(t, s, store.Commit{Op: "perform", Done: []store.Done{{ID: e.ID, Fence: e.Fence}}})
	}
	must(t, s, c)
	must(t, other, c)
	if again := claim(t, s, store.LaneRecord, t0.Add(time.Hour), 9); len(again) != 0 {
		t.Fatalf("planned a second time: %v", ids(again))
	}
	if d := load(t, s, "a"); len(c.Writes) > 0 && c.Writes[0].ID == "a" && d.Version != 1 {
		t.Fatalf("applied %d times", d.Version)
	}
	c.Op = "another"
	if err := s.Commit(context.Background(), c)[0]; err == nil && len(c.Cancel)+len(c.Plan) == 0 {
		t.Fatal("another operation was taken for a repetition")
	}
}

func TestOperationIsRememberedOverFourChanges(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		first := store.Commit{Op: "first", Writes: []store.Write{put("a", 0, "x")}}
		must(t, s, first)
		for v := int64(1); v <= 3; v++ {
			must(t, s, store.Commit{Op: string(rune('a' + v)), Writes: []store.Write{put("a", v, "y")}})
			must(t, s, first)
			wantDoc(t, s, "a", v+1, "y")
		}
		must(t, s, store.Commit{Op: "last", Writes: []store.Write{put("a", 4, "z")}})
		want(t, s, first, store.ErrConflict)
	})
}

func TestARefusedOperationIsNotRemembered(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		c := store.Commit{Op: "op", Writes: []store.Write{put("a", 1, "x")}}
		want(t, s, c, store.ErrConflict)
		c.Writes[0].IfVersion = 0
		must(t, s, c)
		wantDoc(t, s, "a", 1, "x")
	})
}

func TestManyCommitsInOneCall(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "0", Marks: []store.Mark{{ID: "seen", TTL: time.Hour}}})
		got := s.Commit(context.Background(),
			store.Commit{Op: "1", Writes: []store.Write{put("a", 0, "x")}},
			store.Commit{Op: "2", Marks: []store.Mark{{ID: "seen", TTL: time.Hour}}},
			store.Commit{Op: "3", Writes: []store.Write{{ID: "b", Body: []byte("x"), Open: true}}},
			store.Commit{Op: "4", Writes: []store.Write{put("a", 0, "x")}},
			store.Commit{Op: "5", Writes: []store.Write{put("a", 1, "y")}},
		)
		for i, w := range []error{nil, store.ErrSeen, store.ErrUsage, store.ErrConflict, nil} {
			if !errors.Is(got[i], w) {
				t.Errorf("commit %d: %v, want %v", i+1, got[i], w)
			}
		}
		wantDoc(t, s, "a", 2, "y")
	})
	if got := open(t, redisMini(t)).Commit(context.Background()); len(got) != 0 {
		t.Fatalf("no commits gave %v", got)
	}
}

func TestLifetimes(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		must(t, s, store.Commit{Op: "1", Marks: []store.Mark{{ID: "m", TTL: time.Hour}}, Writes: []store.Write{
			{ID: "closed", Body: []byte("x"), TTL: time.Hour}, {ID: "kept", Body: []byte("x")},
			{ID: "open", Body: []byte("x"), TTL: time.Hour, Open: true, Timer: t0}}})
		for key, want := range map[string]bool{"d:closed": true, "d:kept": false, "d:open": false, "m:m": true} {
			ttl, _ := b.do("pttl", "{sb}:"+key).(int64)
			if want != (ttl > 3_590_000 && ttl <= 3_600_000) {
				t.Errorf("%s lives for another %d ms; a limit was wanted: %v", key, ttl, want)
			}
		}
		must(t, s, store.Commit{Op: "2", Cancel: []string{"none"}})
		keys, _ := b.do("keys", "{sb}:o:*").([]any)
		if len(keys) != 1 {
			t.Fatalf("keys that remember operations: %v, want only that of the commit without another trace", keys)
		}
		if ttl, _ := b.do("pttl", keys[0]).(int64); ttl <= 0 || ttl > 600_000 {
			t.Errorf("an operation is remembered for %d ms", ttl)
		}
	})
}

func TestCommitUsage(t *testing.T) {
	t.Parallel()
	s := open(t, redisMini(t))
	long := strings.Repeat("x", 1025)
	for name, c := range map[string]store.Commit{
		"no op":             {Cancel: []string{"a"}},
		"open, no timer":    {Op: "o", Writes: []store.Write{{ID: "a", Body: []byte("x"), Open: true}}},
		"no id":             {Op: "o", Writes: []store.Write{put("", 0, "x")}},
		"long id":           {Op: "o", Writes: []store.Write{put(long, 0, "x")}},
		"twice":             {Op: "o", Writes: []store.Write{put("a", 0, "x"), put("a", 0, "x")}},
		"mark twice":        {Op: "o", Marks: []store.Mark{{ID: "m", TTL: 1}, {ID: "m", TTL: 1}}},
		"negative version":  {Op: "o", Writes: []store.Write{put("a", -1, "x")}},
		"negative lifetime": {Op: "o", Writes: []store.Write{{ID: "a", Body: []byte("x"), TTL: -1}}},
		"eternal mark":      {Op: "o", Marks: []store.Mark{{ID: "m"}}},
		"unclaimed":         {Op: "o", Done: []store.Done{{ID: "e"}}},
		"lane":              {Op: "o", Plan: []store.Effect{effect("e", "fax", t0)}},
		"never due":         {Op: "o", Plan: []store.Effect{effect("e", store.LanePage, time.Time{})}},
		"nameless effect":   {Op: "o", Plan: []store.Effect{effect("", store.LanePage, t0)}},
		"nameless cancel":   {Op: "o", Cancel: []string{""}},
	} {
		if err := s.Commit(context.Background(), c)[0]; !errors.Is(err, store.ErrUsage) || errors.Is(err, store.ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFindAndOpenDocs(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, b backend) {
		s := open(t, b.addr)
		other := open(t, b.addr, func(o *store.Options) { o.Prefix = "other" })
		for _, id := range []string{"case:1", "case:2", "case*3", "inq:1"} {
			must(t, s, store.Commit{Op: id, Writes: []store.Write{{ID: id, Body: []byte(id), Open: true, Timer: t0}}, Marks: []store.Mark{{ID: "case:" + id, TTL: time.Hour}}})
		}
		must(t, other, store.Commit{Op: "1", Writes: []store.Write{{ID: "case:9", Body: []byte("x"), Open: true, Timer: t0}}})
		for prefix, want := range map[string]string{"case:": "case:1 case:2", "case*": "case*3", "": "case*3 case:1 case:2 inq:1", "none": "", "[a-z]": ""} {
			docs, err := s.Find(context.Background(), prefix, 0)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range docs {
				got = append(got, d.ID)
				if string(d.Body) != d.ID || d.Version != 1 {
					t.Errorf("found %+v", d)
				}
			}
			if strings.Join(got, " ") != want {
				t.Errorf("find %q: %q, want %q", prefix, got, want)
			}
		}
		if docs, err := s.Find(context.Background(), "case:", 1); err != nil || len(docs) != 1 {
			t.Errorf("limited to 1: %v, %v", docs, err)
		}
		if open, err := s.OpenDocs(context.Background(), 0); err != nil || strings.Join(open, " ") != "case*3 case:1 case:2 inq:1" {
			t.Errorf("open: %v, %v", open, err)
		}
		if open, err := s.OpenDocs(context.Background(), 2); err != nil || len(open) != 2 {
			t.Errorf("two open: %v, %v", open, err)
		}
		must(t, s, store.Commit{Op: "close", Writes: []store.Write{put("case:1", 1, "x"), {ID: "case:2", IfVersion: 1}}})
		if open, err := s.OpenDocs(context.Background(), 0); err != nil || strings.Join(open, " ") != "case*3 inq:1" {
			t.Errorf("after closing one and deleting one: %v, %v", open, err)
		}
	})
}
