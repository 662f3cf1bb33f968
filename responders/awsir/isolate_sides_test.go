package awsir_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// changes counts the calls of an operation that were to change something.
func (w *world) changes(op string) (n int) {
	for _, c := range w.cloud.Writes() {
		if c.Op == op {
			n++
		}
	}
	return n
}

// until steps a job until it is in a phase.
func (w *world) until(j *responders.Job, phase string) *responders.Job {
	w.t.Helper()
	for range 50 {
		if j.Phase == phase {
			return j
		}
		var err error
		if j, _, err = w.step(j); err != nil {
			w.t.Fatal(err)
		}
	}
	w.t.Fatalf("it never comes to %s", phase)
	return nil
}

// TestTheOriginalsAreOnTheInterfacesToo: for people, in case the record is lost.
func TestTheOriginalsAreOnTheInterfacesToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var many []string
	for n := range 16 {
		many = append(many, w.cloud.AddGroup(account, region, awsfake.Group{ID: fmt.Sprintf("sg-%017x", 0x100+n), Name: fmt.Sprintf("g%d", n)}))
	}
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{Groups: many[:2]})
	w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 1, Groups: many})
	w.cloud.Next("ec2", "CreateTags", 1, awsfake.Broken()) // once is not enough to leave it out
	done := w.must(w.job(responders.Isolate, instance, "1"))
	for _, e := range w.cloud.Interfaces(account, region, instance) {
		var written []string
		for _, key := range []string{"securitybot:original", "securitybot:original-2"} {
			if v := e.Tags[key]; len(v) > 256 {
				t.Errorf("%s on %s has %d characters", key, e.ID, len(v))
			}
			written = append(written, strings.Fields(e.Tags[key])...)
		}
		want := many[:2]
		if e.Index == 1 {
			want = many
		}
		if !slices.Equal(written, want) {
			t.Errorf("%s is tagged %v, want %v", e.ID, e.Tags, want)
		}
	}
	if i := w.cloud.Instance(account, region, instance); i.Tags["securitybot:job"] != "JOB0000000001" || len(i.Tags["securitybot:record"]) != 64 {
		t.Errorf("the instance is tagged %v", i.Tags)
	}
	for _, line := range done.Manifest.Skipped {
		if strings.Contains(line, "not tagged") {
			t.Errorf("it says %q", line)
		}
	}
	contains(t, []string{done.Log[len(done.Log)-1].What}, "on both network interfaces the isolation group stands alone")
}

func TestMissingTagsAreSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.Next("ec2", "CreateTags", -1, awsfake.Error("TagLimitExceeded", "x"))
	done := w.must(w.job(responders.Isolate, instance, "1"))
	contains(t, done.Manifest.Skipped, instance+" was not tagged with what was before (TagLimitExceeded)")
	if n := w.changes("CreateTags"); n != 3 {
		t.Errorf("%d calls for an instance and two interfaces: what AWS refuses is not repeated", n)
	}
}

// TestASpotInstanceCannotBeProtected: it is not tried, and said.
func TestASpotInstanceCannotBeProtected(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{Lifecycle: "spot"})
	done := w.must(w.job(responders.Isolate, instance, "1"))
	contains(t, done.Still, "Spot instance")
	w.isolated(instance)
	for _, c := range w.cloud.CallsOf("ec2", "ModifyInstanceAttribute") {
		if c.Params["DisableApiTermination.Value"] != "" || c.Params["DisableApiStop.Value"] != "" {
			t.Errorf("it was tried: %v", c.Params)
		}
	}
}

// TestWhatIsProtectedAlreadyIsLeftAlone, on the way there and back.
func TestWhatIsProtectedAlreadyIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{NoTermination: true, NoStop: true, Shutdown: "stop", Bare: true})
	w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance})
	w.cloud.AddVolume(account, region, awsfake.Volume{Instance: instance, Device: "/dev/xvda", Keep: true, Root: true})
	w.must(w.job(responders.Isolate, instance, "1"))
	w.must(w.job(responders.Release, instance, "2"))
	if n := w.changes("ModifyInstanceAttribute"); n != 0 {
		t.Errorf("%d attributes were set that were set already", n)
	}
	if i := w.cloud.Instance(account, region, instance); !i.NoTermination || !i.NoStop || i.Shutdown != "stop" || !w.cloud.Volumes(account, region)[0].Keep {
		t.Errorf("%+v", i)
	}
}

// TestStandbyIsTriedAgainAndOnlyInService: what failed without an answer is
// looked at and tried once more; who is not in service is not touched.
func TestStandbyIsTriedAgainAndOnlyInService(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault  awsfake.Fault
		n      int
		calls  int
		state  string
		says   string
		orders int // desired capacity afterwards
	}{
		"at once":              {awsfake.Fault{}, 0, 1, "Standby", "", 1},
		"busy once":            {awsfake.Throttled(), 1, 2, "Standby", "", 1},
		"the answer is lost":   {awsfake.AnswerLost(), 1, 1, "Standby", "", 1},
		"refused":              {awsfake.Error("ResourceInUse", "x"), -1, 1, "InService", "could not be put in standby (ResourceInUse)", 2},
		"broken":               {awsfake.Broken(), -1, 4, "InService", "could not be put in standby", 2},
		"at its smallest size": {awsfake.Error("ValidationError", "x"), 1, 2, "Standby", "", 2},
	} {
		w := newWorld(t)
		instance, _ := w.fleet()
		if c.n != 0 {
			w.cloud.Next("autoscaling", "EnterStandby", c.n, c.fault)
		}
		done := w.must(w.job(responders.Isolate, instance, "1"))
		if n := w.changes("EnterStandby"); n != c.calls {
			t.Errorf("%s: %d calls, want %d", name, n, c.calls)
		}
		m, g := w.cloud.Member(account, region, instance), w.cloud.ScalingGroup(account, region, "web")
		if m.State != c.state || g.Desired != c.orders {
			t.Errorf("%s: it is %s, and %d are wanted", name, m.State, g.Desired)
		}
		if said := strings.Contains(strings.Join(done.Still, "\n"), "could not be put in standby"); said != (c.says != "") {
			t.Errorf("%s: it says %q", name, done.Still)
		} else if said {
			contains(t, done.Still, c.says)
		}
		noted := slices.ContainsFunc(done.Log, func(e responders.Entry) bool { return strings.Contains(e.What, "starts a replacement") })
		if noted != (name == "at its smallest size") {
			t.Errorf("%s: the log says %v", name, done.Log)
		}
	}
}

// TestATargetGroupThatIsGoneIsNoTrouble; one that does not answer is said.
func TestATargetGroupThatIsGoneIsNoTrouble(t *testing.T) {
	t.Parallel()
	for code, said := range map[string]bool{"TargetGroupNotFound": false, "InvalidTarget": true} {
		w := newWorld(t)
		instance, _ := w.fleet()
		w.cloud.Next("elasticloadbalancing", "DeregisterTargets", -1, awsfake.Error(code, "x"))
		done := w.must(w.job(responders.Isolate, instance, "1"))
		if got := strings.Contains(strings.Join(done.Still, "\n"), "still registered"); got != said {
			t.Errorf("%s: %q", code, done.Still)
		}
	}
}

// TestInterfacesThatAreDoneAreLeftAlone: after a failure in the middle only what
// is not isolated yet is changed.
func TestInterfacesThatAreDoneAreLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	j := w.until(w.job(responders.Isolate, instance, "1"), "apply")
	w.cloud.Next("ec2", "ModifyNetworkInterfaceAttribute", 1, awsfake.Broken())
	if _, _, err := w.step(j); err == nil || ends(err) {
		t.Fatalf("an interface that could not be changed: %v", err)
	}
	w.must(j)
	w.isolated(instance)
	if n := w.changes("ModifyNetworkInterfaceAttribute"); n != 3 {
		t.Errorf("%d changes of two interfaces, of which one failed once", n)
	}
}

// TestAnInterfaceThatGoesAwayIsNoTrouble: detached between the look and the
// change.
func TestAnInterfaceThatGoesAwayIsNoTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	id := w.cloud.Interfaces(account, region, instance)[1].ID
	j := w.until(w.job(responders.Isolate, instance, "1"), "apply")
	w.cloud.Next("ec2", "ModifyNetworkInterfaceAttribute", 1, awsfake.Meanwhile(func() { w.cloud.RemoveInterface(account, region, id) }))
	done := w.must(j)
	if got := w.groups(instance); len(got) != 1 {
		t.Fatalf("interfaces %v", got)
	}
	w.isolated(instance)
	if strings.Contains(strings.Join(done.Still, "\n"), "NOT isolated") {
		t.Errorf("it says %q", done.Still)
	}
}

// TestTheIsolationGroupIsNeverAnOriginal: an interface that comes with it, as
// from a deployment tool that copies what it sees, is not given it by release.
func TestTheIsolationGroupIsNeverAnOriginal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	j := w.until(w.job(responders.Isolate, instance, "1"), "verify")
	ours := w.isolation()[0].ID
	late := w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 2, Groups: []string{"sg-0000000000000aaaa", ours}})
	done := w.must(j)
	contains(t, done.Still, "Interface "+late+" was attached with an isolation group")
	w.isolated(instance)
	if _, err := w.run(w.job(responders.Release, instance, "2")); err != nil && !errors.Is(err, responders.ErrUnknown) {
		t.Fatal(err)
	}
	for id, groups := range w.groups(instance) {
		if id != late && slices.Contains(groups, ours) {
			t.Errorf("after release %s has %v", id, groups)
		}
	}
}

// TestIsolationIsReadBackTwice, some seconds apart, and twice again whenever
// something was found.
func TestIsolationIsReadBackTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	id := w.cloud.Interfaces(account, region, instance)[0].ID
	putBack := func() {
		w.cloud.EditInterface(account, region, id, func(e *awsfake.Interface) { e.Groups = []string{"sg-0000000000000aaaa"} })
	}
	j := w.job(responders.Isolate, instance, "1")
	for range 2 {
		j = w.until(j, "verify")
		next, p, err := w.step(j)
		if err != nil || p.Done || p.Again == 0 {
			t.Fatalf("after one look it says %+v, %v", p, err)
		}
		putBack()
		if j, p, err = w.step(next); err != nil || p.Done {
			t.Fatalf("what was put back is not seen: %+v, %v", p, err)
		}
	}
	w.must(j)
	w.isolated(instance)
}

// TestAnIsolationGroupThatIsDeletedIsMadeAgain while the instance is isolated.
func TestAnIsolationGroupThatIsDeletedIsMadeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	j := w.until(w.job(responders.Isolate, instance, "1"), "verify")
	w.cloud.RemoveGroup(account, region, w.isolation()[0].ID)
	done := w.must(j)
	w.isolated(instance)
	contains(t, done.Manifest.Skipped, "a rule, or deleted it, while the instance was being isolated")
}
