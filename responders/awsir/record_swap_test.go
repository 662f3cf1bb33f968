package awsir_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/responders"
)

// lose deletes all records, as somebody with access to the store can.
func (w *world) lose() {
	for _, k := range w.shelf.keys() {
		_ = w.shelf.Delete(w.t.Context(), k)
	}
}

// TestAnIsolationWhoseRecordIsGoneStops: what could not be undone is not done.
func TestAnIsolationWhoseRecordIsGoneStops(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(w *world, instance string){
		"gone": func(w *world, _ string) { w.lose() },
		"of somebody else": func(w *world, instance string) {
			w.lose()
			w.until(w.job(responders.Isolate, instance, "2"), "mark")
		},
	} {
		w := newWorld(t)
		instance, _ := w.fleet()
		before := w.groups(instance)
		j := w.until(w.job(responders.Isolate, instance, "1"), "apply")
		meanwhile(w, instance)
		if _, err := w.run(j); !errors.Is(err, responders.ErrRefused) && !errors.Is(err, responders.ErrUnknown) {
			t.Errorf("%s: %v", name, err)
		}
		if n := w.changes("ModifyNetworkInterfaceAttribute"); n != 0 || !reflect.DeepEqual(before, w.groups(instance)) {
			t.Errorf("%s: %d changes, groups %v", name, n, w.groups(instance))
		}
	}
}

// TestAReleaseUndoesTheIsolationItWasAskedFor: when the instance was released
// and isolated again meanwhile, somebody has to ask again.
func TestAReleaseUndoesTheIsolationItWasAskedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, targets := w.fleet()
	before := w.picture(instance, targets)
	w.must(w.job(responders.Isolate, instance, "1"))
	old := w.until(w.job(responders.Release, instance, "2"), "restore")
	w.must(w.job(responders.Release, instance, "3"))
	w.must(w.job(responders.Isolate, instance, "4"))
	if _, err := w.run(old); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "isolated again meanwhile") {
		t.Errorf("%v", err)
	}
	w.isolated(instance)
	w.must(w.job(responders.Release, instance, "5"))
	if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
		t.Errorf("after release\n%+v\nbefore isolation\n%+v", after, before)
	}
}

// TestAReleaseForgetsItsOwnRecordOnly: the last step of one that comes late
// leaves the record of the isolation that followed.
func TestAReleaseForgetsItsOwnRecordOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, targets := w.fleet()
	before := w.picture(instance, targets)
	w.must(w.job(responders.Isolate, instance, "1"))
	old := w.until(w.job(responders.Release, instance, "2"), "forget")
	w.must(w.job(responders.Release, instance, "3"))
	w.must(w.job(responders.Isolate, instance, "4"))
	records := w.shelf.keys()
	w.must(old)
	if got := w.shelf.keys(); len(got) == 0 || !reflect.DeepEqual(got, records) {
		t.Fatalf("the records were %v, now %v", records, got)
	}
	w.must(w.job(responders.Release, instance, "5"))
	if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
		t.Errorf("after release\n%+v\nbefore isolation\n%+v", after, before)
	}
}

// TestAnUnknownPhaseOrActionIsRefused: a job from another version.
func TestAnUnknownPhaseOrActionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Isolate, instance, "1"))
	w.cloud.Forget()
	for _, action := range []responders.ID{responders.Isolate, responders.Release, responders.Snapshot} {
		j := w.job(action, instance, "2")
		j.Phase, j.State = "of another version", []byte(`{}`)
		if _, err := w.run(j); !errors.Is(err, responders.ErrRefused) {
			t.Errorf("%s: %v", action, err)
		}
	}
	j := w.job("terminate", instance, "3")
	if _, err := w.run(j); !errors.Is(err, responders.ErrRefused) {
		t.Errorf("an action there is not: %v", err)
	}
	if n := len(w.cloud.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// TestAFinishedJobStaysFinished: its step, done again by somebody who did not
// hear of the end, does nothing and says so.
func TestAFinishedJobStaysFinished(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	j := w.must(w.job(responders.Isolate, instance, "1"))
	if j.Started.IsZero() {
		t.Error("when it began is not known")
	}
	calls := len(w.cloud.Calls())
	if again, p, err := w.step(j); err != nil || !p.Done || !reflect.DeepEqual(again, j) {
		t.Errorf("%+v, %v", p, err)
	}
	if n := len(w.cloud.Calls()); n != calls {
		t.Errorf("%d more calls", n-calls)
	}
}
