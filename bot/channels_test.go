package bot

import (
	"fmt"
	"testing"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/internal/store"
)

// queueBench is a channel's queue whose workers are only counted.
type queueBench struct {
	channelQueues
	workers int
}

func (q *queueBench) put(n int) *store.Effect {
	e := &store.Effect{ID: fmt.Sprintf("X/1/notice/%d", n), Kind: cases.KindNotice, Group: "C0TEAM"}
	q.add(e, func() {}, func() { q.workers++ })
	return e
}

func (q *queueBench) want(t *testing.T, workers int, what string) {
	t.Helper()
	if q.workers != workers {
		t.Fatalf("%s: %d workers were started, want %d", what, q.workers, workers)
	}
}

func TestOneMessageAtATimeWaitsForItsSlot(t *testing.T) {
	t.Parallel()
	var q queueBench
	first := q.put(0)
	q.want(t, 1, "something waits")
	if got := q.next("C0TEAM"); len(got) != 1 || got[0].e != first {
		t.Fatalf("first comes %v", got)
	}
	for n := range digestFrom {
		q.put(n + 1)
	}
	q.want(t, 1, "the first has no slot yet")
	q.posting(first)
	q.posting(first) // a second post of the same effect
	q.want(t, 2, "the first has its slot")
	if got := q.next("C0TEAM"); len(got) != digestFrom {
		t.Fatalf("%d messages in the digest of what piled up, want %d", len(got), digestFrom)
	}
	if q.performed(first) {
		t.Error("two workers look after one channel")
	}
	if q.next("C0TEAM") != nil || len(q.m) != 0 {
		t.Errorf("what is done is kept: %v", q.m)
	}
}

func TestAMessageWithoutASlotKeepsItsWorker(t *testing.T) {
	t.Parallel()
	var q queueBench
	first := q.put(0)
	q.next("C0TEAM")
	q.put(1)
	if !q.performed(first) {
		t.Error("nobody looks after the next message")
	}
	q.want(t, 1, "the worker goes on")
	if got := q.next("C0TEAM"); len(got) != 1 {
		t.Errorf("next comes %v", got)
	}
}

func TestPostsUnderWayAreBounded(t *testing.T) {
	t.Parallel()
	var q queueBench
	var open []*store.Effect
	for n := range channelOpen {
		e := q.put(n)
		q.want(t, n+1, "there is room")
		q.next("C0TEAM")
		q.posting(e)
		open = append(open, e)
	}
	q.put(channelOpen)
	q.want(t, channelOpen, "as many as may be are under way")
	q.performed(open[0])
	q.want(t, channelOpen+1, "one has ended")
	if got := q.next("C0TEAM"); len(got) != 1 {
		t.Errorf("next comes %v", got)
	}
}
