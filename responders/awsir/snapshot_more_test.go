package awsir_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

// lockWorld is a world whose snapshots are locked in some way.
func lockWorld(t *testing.T, mode string, days int) (*world, string) {
	w := newWorld(t)
	w.lock = awsir.SnapshotLock{Mode: mode, Days: days}
	w.actor = w.newActor(w.roles, "")
	instance, _ := w.fleet()
	return w, instance
}

// A firmer lock is enough, a weaker one is not: it is made firmer.
func TestLocksThatAreThereAlready(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		want, there string
		calls       int // after the first two
	}{
		"compliance instead of governance":  {"governance", "compliance", 0},
		"cooling off":                       {"governance", "compliance-cooloff", 0},
		"cooling off for compliance":        {"compliance", "compliance-cooloff", 0},
		"governance instead of compliance":  {"compliance", "governance", 2},
		"expired":                           {"governance", "expired", 2},
		"compliance where that is what for": {"compliance", "compliance", 0},
	} {
		w, instance := lockWorld(t, c.want, 30)
		w.cloud.SlowSnapshots(account, region, time.Minute)
		j := w.until(w.job(responders.Snapshot, instance, "1"), "wait")
		for _, x := range w.snapshots() {
			w.cloud.EditSnapshot(account, region, x.ID, func(x *awsfake.Snapshot) { x.LockMode = c.there })
		}
		done := w.must(j)
		if n := len(w.cloud.CallsOf("ec2", "LockSnapshot")) - 2; n != c.calls || len(done.Still) != 0 {
			t.Errorf("%s: %d more calls, want %d; %q", name, n, c.calls, done.Still)
		}
	}
}

// What is busy for a moment is locked at once all the same; of two failures the
// one that can be tried again counts; and each session is for this job's
// snapshots alone.
func TestLocksThatFailOnce(t *testing.T) {
	t.Parallel()
	w, instance := lockWorld(t, "governance", 30)
	w.cloud.SlowSnapshots(account, region, time.Hour)
	w.cloud.Next("ec2", "LockSnapshot", 1, awsfake.Throttled())
	j := w.later(w.job(responders.Snapshot, instance, "1"), "wait")
	w.locked()
	for _, c := range w.cloud.CallsOf("ec2", "LockSnapshot") {
		if !strings.Contains(c.Policy, `"aws:ResourceTag/securitybot:job":"JOB0000000001"`) {
			t.Errorf("locked under %s", c.Policy)
		}
	}
	w.must(j)
	w, instance = lockWorld(t, "governance", 30)
	w.cloud.LateLocks(account, region)
	w.cloud.SlowSnapshots(account, region, time.Minute)
	j = w.later(w.job(responders.Snapshot, instance, "1"), "locked")
	w.cloud.Next("ec2", "LockSnapshot", 1, awsfake.Error("IncorrectState", "x"))
	w.cloud.Next("ec2", "LockSnapshot", 1, awsfake.Throttled())
	if done := w.must(j); len(done.Still) != 0 {
		t.Errorf("it says %q", done.Still)
	}
	w.locked()
	// Somebody unlocks between the lock and its reading back, once.
	w, instance = lockWorld(t, "governance", 30)
	j = w.later(w.job(responders.Snapshot, instance, "1"), "locked")
	unlock := func() {
		for _, x := range w.snapshots() {
			w.cloud.EditSnapshot(account, region, x.ID, func(x *awsfake.Snapshot) { x.LockMode = "" })
		}
	}
	unlock()
	f := awsfake.Meanwhile(unlock)
	f.Skip = 1
	w.cloud.Next("ec2", "DescribeLockedSnapshots", 1, f)
	if done := w.must(j); len(done.Still) != 0 {
		t.Errorf("it says %q", done.Still)
	}
	w.locked()
}

// later is until, with time that passes and errors that are worth trying again.
func (w *world) later(j *responders.Job, phase string) *responders.Job {
	w.t.Helper()
	for range 50 {
		if j.Phase == phase {
			return j
		}
		next, p, err := w.step(j)
		if ends(err) {
			w.t.Fatal(err)
		}
		j = next
		w.pass(max(p.Again, time.Second))
	}
	w.t.Fatalf("it never comes to %s", phase)
	return nil
}

// Snapshots that are not seen for a moment are waited for; those that stay away
// are a matter for a person.
func TestSnapshotsThatDisappear(t *testing.T) {
	t.Parallel()
	gone := awsfake.Error("InvalidSnapshot.NotFound", "x")
	w := newWorld(t)
	instance, _ := w.fleet()
	j := w.until(w.job(responders.Snapshot, instance, "1"), "wait")
	w.cloud.Next("ec2", "DescribeSnapshots", 3, gone)
	if done := w.must(j); len(done.Manifest.Artifacts) != 2 {
		t.Errorf("%+v", done.Manifest.Artifacts)
	}
	w = newWorld(t)
	instance, _ = w.fleet()
	j = w.until(w.job(responders.Snapshot, instance, "1"), "wait")
	w.cloud.Next("ec2", "DescribeSnapshots", -1, gone)
	if _, err := w.run(j); !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), "disappeared") {
		t.Errorf("%v", err)
	}
}

// What snapshots do not cover is said before they are made.
func TestWhatSnapshotsDoNotCover(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{Hibernates: true, Lifecycle: "spot"})
	p, err := w.actor.Plan(t.Context(), *w.job(responders.Snapshot, instance, "1"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, p.Warn, "can hibernate")
	contains(t, p.Warn, "Spot instance")
}
