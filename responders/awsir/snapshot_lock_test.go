package awsir_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

// locked fails unless all snapshots are locked as configured.
func (w *world) locked() {
	w.t.Helper()
	for _, x := range w.snapshots() {
		if x.LockMode != w.lock.Mode || x.LockDays != w.lock.Days {
			w.t.Errorf("%s is locked %q for %d days", x.ID, x.LockMode, x.LockDays)
		}
	}
}

// Snapshots are locked at once, long before they are complete: until then
// whoever controls the account can delete them. Once each, read back.
func TestSnapshotsAreLockedWhileTheyAreMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.SlowSnapshots(account, region, time.Hour)
	plan, err := w.actor.Plan(t.Context(), *w.job(responders.Snapshot, instance, "1"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, plan.Steps, "lock the snapshots for 30 days (governance)")
	j := w.job(responders.Snapshot, instance, "1")
	for j.Phase != "wait" {
		if j, _, err = w.step(j); err != nil {
			t.Fatal(err)
		}
	}
	w.locked()
	done := w.must(j)
	w.locked()
	if n := len(w.cloud.CallsOf("ec2", "LockSnapshot")); n != 2 {
		t.Errorf("%d calls for two snapshots", n)
	}
	if len(done.Still) != 0 || !slices.ContainsFunc(done.Log, func(e responders.Entry) bool { return strings.Contains(e.What, "locked for 30 days") }) {
		t.Errorf("still %q, log %+v", done.Still, done.Log)
	}
}

// What cannot be locked while it is made is locked when it is complete, and a
// lock that does not hold is made again.
func TestLocksThatDoNotHold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.SlowSnapshots(account, region, time.Minute)
	w.cloud.LateLocks(account, region)
	w.must(w.job(responders.Snapshot, instance, "1"))
	w.locked()
	short := newWorld(t)
	instance, _ = short.fleet()
	short.cloud.SlowSnapshots(account, region, time.Minute)
	j := short.job(responders.Snapshot, instance, "1")
	var err error
	for j.Phase != "wait" {
		if j, _, err = short.step(j); err != nil {
			t.Fatal(err)
		}
	}
	short.cloud.EditSnapshot(account, region, short.snapshots()[0].ID, func(x *awsfake.Snapshot) { x.LockDays = 1 })
	short.cloud.EditSnapshot(account, region, short.snapshots()[1].ID, func(x *awsfake.Snapshot) { x.LockMode = "" })
	short.must(j)
	short.locked()
}

// Evidence that is not protected is evidence, and it is said.
func TestSnapshotsThatCannotBeLockedAreSaidToBeOpen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.Next("ec2", "LockSnapshot", -1, awsfake.Denied())
	done := w.must(w.job(responders.Snapshot, instance, "1"))
	if len(done.Manifest.Artifacts) != 2 {
		t.Errorf("artifacts %+v", done.Manifest.Artifacts)
	}
	contains(t, done.Still, "could not be locked (UnauthorizedOperation)")
	// Somebody unlocks what we lock, again and again.
	w = newWorld(t)
	instance, _ = w.fleet()
	w.cloud.Next("ec2", "DescribeLockedSnapshots", -1, awsfake.Meanwhile(func() {
		for _, x := range w.snapshots() {
			w.cloud.EditSnapshot(account, region, x.ID, func(x *awsfake.Snapshot) { x.LockMode = "" })
		}
	}))
	contains(t, w.must(w.job(responders.Snapshot, instance, "1")).Still, "not locked as configured")
}

// Without a configured lock nothing is asked for, and a lock that is none is
// refused at the start.
func TestLockConfiguration(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.lock = awsir.SnapshotLock{}
	w.actor = w.newActor(w.roles, "")
	instance, _ := w.fleet()
	w.must(w.job(responders.Snapshot, instance, "1"))
	if n := len(w.cloud.CallsOf("ec2", "LockSnapshot")) + len(w.cloud.CallsOf("ec2", "DescribeLockedSnapshots")); n != 0 {
		t.Errorf("%d calls about locks", n)
	}
	for _, l := range []awsir.SnapshotLock{{Mode: "GOVERNANCE", Days: 1}, {Mode: "compliance"}, {Days: 3}, {Mode: "governance", Days: 36501}} {
		if _, err := awsir.New(awsir.Config{Lock: l}, awsir.Deps{Sessions: w.sessions(w.roles, ""), Records: w.shelf}); err == nil {
			t.Errorf("%+v is taken", l)
		}
	}
}
