package bot

import (
	"errors"
	"testing"
	"time"

	"github.com/securitybot/securitybot/responders/thehive"
)

func TestAnOutageOfTheHiveIsProbedByOneAtATime(t *testing.T) {
	t.Parallel()
	var g hiveGate
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for range hiveAtOnce {
		if wait := g.enter(now); wait != 0 {
			t.Fatalf("has to wait %s", wait)
		}
	}
	if g.enter(now) == 0 {
		t.Fatal("TheHive takes the slots of its whole lane")
	}
	down := &thehive.Error{Op: "x", Class: thehive.Retry}
	for range hiveAtOnce {
		g.leave(now, down)
	}
	if wait := g.enter(now); wait < time.Second || wait > 2*maxHivePause {
		t.Errorf("after a failure: %s", wait)
	}
	now = now.Add(maxHivePause)
	if wait := g.enter(now); wait != 0 {
		t.Fatalf("nobody looks whether it is back: %s", wait)
	}
	if g.enter(now) == 0 {
		t.Error("several look at once")
	}
	g.leave(now, &thehive.Error{Op: "x", Class: thehive.Retry, RetryAfter: 5 * time.Minute})
	if wait := g.enter(now.Add(4 * time.Minute)); wait < time.Minute {
		t.Errorf("TheHive asked for five minutes, and gets %s", wait+4*time.Minute)
	}
	now = now.Add(5 * time.Minute)
	if wait := g.enter(now); wait != 0 {
		t.Fatalf("waits for %s", wait)
	}
	g.leave(now, &thehive.Error{Op: "x", Class: thehive.Permanent}) // it answers
	for range hiveAtOnce {
		if wait := g.enter(now); wait != 0 {
			t.Errorf("it is back, and somebody waits for %s", wait)
		}
	}
}

func TestOurOwnTroubleDoesNotCloseTheGate(t *testing.T) {
	t.Parallel()
	var g hiveGate
	now := time.Now()
	g.enter(now)
	g.leave(now, errors.New("the store does not answer"))
	if wait := g.enter(now); wait != 0 {
		t.Errorf("waits for %s", wait)
	}
}
