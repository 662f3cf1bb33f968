package awsir_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

func (w *world) snapshots() []awsfake.Snapshot { return w.cloud.Snapshots(account, region) }

func TestSnapshotCopiesAllVolumesAtOnceAndWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.SlowSnapshots(account, region, 3*time.Hour)
	plan, err := w.actor.Plan(t.Context(), *w.job(responders.Snapshot, instance, "1"))
	if err != nil || plan.Refusal != "" || len(w.cloud.Writes()) != 0 {
		t.Fatalf("plan: %v %q, %d writes", err, plan.Refusal, len(w.cloud.Writes()))
	}
	contains(t, plan.Steps, "copy 2 volumes, 16 GiB")
	contains(t, plan.Warn, "instance store")
	began := w.now()
	done := w.must(w.job(responders.Snapshot, instance, "1"))
	if took := w.now().Sub(began); took < 3*time.Hour || took > 3*time.Hour+2*time.Minute {
		t.Errorf("done after %s", took)
	}
	if n := len(w.cloud.CallsOf("ec2", "DescribeSnapshots")); n > 250 {
		t.Errorf("asked %d times in three hours", n)
	}
	if got := done.Manifest.Artifacts; len(got) != 2 || got[0].Kind != "snapshot" || got[0].Size != 8<<30 || !strings.HasPrefix(got[0].URI, "arn:aws:ec2:eu-west-1::snapshot/snap-") || !strings.Contains(got[0].Note, "vol-") {
		t.Errorf("artifacts %+v", got)
	}
	for _, x := range w.snapshots() {
		if x.Tags["securitybot:job"] != "JOB0000000001" || x.Tags["securitybot:case"] != "SB-1" {
			t.Errorf("tags %v", x.Tags)
		}
	}
	if n := len(w.cloud.CallsOf("ec2", "CreateSnapshots")); n != 2 { // one of them a dry run
		t.Errorf("%d calls", n)
	}
	contains(t, done.Manifest.Skipped, "instance store")
}

// The answer is lost, and describe calls lag behind: still one set.
func TestSnapshotsWhoseOutcomeIsNotKnownAreAdopted(t *testing.T) {
	t.Parallel()
	for _, lag := range []int{0, 3} {
		w := newWorld(t)
		instance, _ := w.fleet()
		w.cloud.Lag(account, region, lag)
		w.cloud.Next("ec2", "CreateSnapshots", 1, awsfake.AnswerLost())
		done := w.must(w.job(responders.Snapshot, instance, "1"))
		if n := len(w.snapshots()); n != 2 || len(done.Manifest.Artifacts) != 2 {
			t.Errorf("with a lag of %d: %d snapshots, %d artifacts", lag, n, len(done.Manifest.Artifacts))
		}
	}
}

// The connection broke before AWS did anything: after a while it is asked
// again.
func TestSnapshotsThatWereNotMadeAreMadeLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.Next("ec2", "CreateSnapshots", 1, awsfake.Dropped())
	began := w.now()
	w.must(w.job(responders.Snapshot, instance, "1"))
	if n := len(w.snapshots()); n != 2 {
		t.Errorf("%d snapshots", n)
	}
	if took := w.now().Sub(began); took < time.Minute {
		t.Errorf("asked again after %s", took)
	}
	w.cloud.Next("ec2", "CreateSnapshots", -1, awsfake.Dropped())
	if _, err := w.run(w.job(responders.Snapshot, instance, "2")); !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), "JOB0000000002") {
		t.Errorf("never an answer: %v", err)
	}
	if n := len(w.cloud.CallsOf("ec2", "CreateSnapshots")); n != 5 {
		t.Errorf("%d calls", n)
	}
}

func TestSnapshotsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.Next("ec2", "CreateSnapshots", 2, awsfake.Error("ConcurrentSnapshotLimitExceeded", "x"))
	w.cloud.Next("ec2", "CreateSnapshots", 2, awsfake.Throttled())
	w.must(w.job(responders.Snapshot, instance, "1"))
	if n := len(w.snapshots()); n != 2 {
		t.Errorf("%d snapshots after being busy", n)
	}
	for code, want := range map[string]string{"SnapshotLimitExceeded": "SnapshotLimitExceeded", "UnauthorizedOperation": "iam-policy"} {
		w.cloud.Next("ec2", "CreateSnapshots", 1, awsfake.Error(code, "x"))
		if _, err := w.run(w.job(responders.Snapshot, instance, "2")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestSnapshotsThatFailAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	var data string
	for _, v := range w.cloud.Volumes(account, region) {
		if v.Encrypted {
			data = v.ID
		}
	}
	w.cloud.FailSnapshots(account, region, data, "Given key ID is not accessible")
	j, err := w.run(w.job(responders.Snapshot, instance, "1"))
	if len(j.Manifest.Artifacts) != 0 {
		t.Errorf("what failed is listed as evidence: %+v", j.Manifest.Artifacts)
	}
	if !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), data) || !strings.Contains(err.Error(), "Given key ID is not accessible") {
		t.Errorf("%v", err)
	}
}

func TestSnapshotsOfAnInstanceThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.EditInstance(account, region, instance, func(i *awsfake.Instance) { i.State = "shutting-down" })
	_, err := w.run(w.job(responders.Snapshot, instance, "1"))
	if !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "vol-") {
		t.Errorf("shutting down: %v", err)
	}
	w.cloud.Terminate(account, region, instance)
	if _, err = w.run(w.job(responders.Snapshot, instance, "1")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "Recycle Bin") {
		t.Errorf("terminated: %v", err)
	}
	if _, err = w.run(w.job(responders.Snapshot, "i-0123456789abcdef0", "1")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "There is no instance") {
		t.Errorf("unknown: %v", err)
	}
	bare := w.cloud.AddInstance(account, region, awsfake.Instance{Bare: true, InstanceStore: true})
	if _, err = w.run(w.job(responders.Snapshot, bare, "1")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "instance store") {
		t.Errorf("without volumes: %v", err)
	}
	if n := len(w.cloud.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// An instance that goes while its snapshots are under way does not matter.
func TestSnapshotsOutliveTheInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.SlowSnapshots(account, region, time.Hour)
	j := w.job(responders.Snapshot, instance, "1")
	for j.Phase != "wait" {
		j, _, _ = w.step(j)
	}
	w.cloud.Terminate(account, region, instance)
	if done := w.must(j); len(done.Manifest.Artifacts) != 2 {
		t.Errorf("artifacts %+v", done.Manifest.Artifacts)
	}
}

func TestManyVolumesFitIntoTheSessionPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{})
	for range 30 {
		w.cloud.AddVolume(account, region, awsfake.Volume{Instance: instance})
	}
	w.must(w.job(responders.Snapshot, instance, "1"))
	if n := len(w.snapshots()); n != 31 {
		t.Errorf("%d snapshots", n)
	}
	for range 14 {
		w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 1})
	}
	w.must(w.job(responders.Isolate, instance, "2"))
	w.isolated(instance)
	w.must(w.job(responders.Release, instance, "3"))
}

func TestJobsThatAreNotWellFormedAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	for name, change := range map[string]func(*responders.Job){
		"action":    func(j *responders.Job) { j.Action = "reboot" },
		"id":        func(j *responders.Job) { j.ID = "x y" },
		"region":    func(j *responders.Job) { j.Target.Region = "eu-west-1/../" },
		"parameter": func(j *responders.Job) { j.Params = responders.Params{"force": "yes"} },
		"missing":   func(j *responders.Job) { j.Params = nil },
		"phase":     func(j *responders.Job) { j.Phase = "odd" },
	} {
		j := w.job(responders.Isolate, instance, "1")
		change(j)
		if _, err := w.run(j); !errors.Is(err, responders.ErrRefused) {
			t.Errorf("a bad %s: %v", name, err)
		}
	}
	if calls := slices.DeleteFunc(w.cloud.Writes(), func(c awsfake.Call) bool { return c.Service == "sts" }); len(calls) != 0 {
		t.Errorf("%d writes", len(calls))
	}
}
