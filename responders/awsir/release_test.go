package awsir_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

func TestReleaseRefusesARecordThatWasChanged(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(body string) string{
		"a group":  func(b string) string { return strings.Replace(b, "sg-00000000000000bbb", "sg-0000000000000aaaa", 1) },
		"the form": func(b string) string { return b[:len(b)-1] },
		"the instance": func(b string) string {
			return strings.Replace(b, `\"instance\":\"i-`, `\"instance\":\"x-`, 1)
		},
	} {
		w := newWorld(t)
		instance, _ := w.fleet()
		w.must(w.job(responders.Isolate, instance, "1"))
		key := w.shelf.keys()[0]
		w.shelf.docs[key] = []byte(change(string(w.shelf.docs[key])))
		w.cloud.Forget()
		if _, err := w.run(w.job(responders.Release, instance, "2")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "damaged or was changed") {
			t.Errorf("%s: %v", name, err)
		}
		if n := len(w.cloud.Writes()); n != 0 {
			t.Errorf("%s: %d writes", name, n)
		}
		w.isolated(instance)
	}
}

// Whoever can replace the whole record, hash included, is found out by the
// hash on the instance; removing the tag does not stop a release.
func TestReleaseComparesTheRecordWithTheInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, targets := w.fleet()
	before := w.picture(instance, targets)
	w.must(w.job(responders.Isolate, instance, "1"))
	w.cloud.EditInstance(account, region, instance, func(i *awsfake.Instance) { i.Tags = map[string]string{"securitybot:record": strings.Repeat("0", 64)} })
	if _, err := w.run(w.job(responders.Release, instance, "2")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "securitybot:record") {
		t.Errorf("another hash: %v", err)
	}
	plan, err := w.actor.Plan(t.Context(), *w.job(responders.Release, instance, "2"))
	if err != nil || !strings.Contains(plan.Refusal, "securitybot:record") {
		t.Errorf("plan: %v %q", err, plan.Refusal)
	}
	w.isolated(instance)
	w.cloud.EditInstance(account, region, instance, func(i *awsfake.Instance) { i.Tags = map[string]string{} })
	w.must(w.job(responders.Release, instance, "2"))
	if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
		t.Errorf("after release %+v", after)
	}
}

func TestReleaseWithGroupsThatAreGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Isolate, instance, "1"))
	w.cloud.RemoveGroup(account, region, "sg-00000000000000bbb") // the second interface had only this one
	w.cloud.Forget()
	_, err := w.run(w.job(responders.Release, instance, "2"))
	if !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "sg-00000000000000bbb") || len(w.cloud.Writes()) != 0 {
		t.Errorf("%v, %d writes", err, len(w.cloud.Writes()))
	}
	w.isolated(instance)
	second := w.cloud.Interfaces(account, region, instance)[1].ID
	w.cloud.RemoveInterface(account, region, second)
	plan, err := w.actor.Plan(t.Context(), *w.job(responders.Release, instance, "2"))
	if err != nil || plan.Refusal != "" {
		t.Fatalf("plan: %v %q", err, plan.Refusal)
	}
	contains(t, plan.Warn, "cannot get back sg-00000000000000bbb")
	contains(t, plan.Warn, second+" no longer exists")
	done := w.must(w.job(responders.Release, instance, "2"))
	contains(t, done.Still, "did not get back sg-00000000000000bbb")
	for id, groups := range w.groups(instance) {
		if !slices.Equal(groups, []string{"sg-0000000000000aaaa"}) {
			t.Errorf("%s has %v", id, groups)
		}
	}
}

func TestReleaseLeavesInterfacesOfOthersAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Isolate, instance, "1"))
	moved := w.cloud.Interfaces(account, region, instance)[1].ID
	other := w.cloud.AddInstance(account, region, awsfake.Instance{})
	w.cloud.EditInterface(account, region, moved, func(e *awsfake.Interface) { e.Instance = other })
	stranger := w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 2})
	before := w.groups(other)
	strangers := w.groups(instance)[stranger]
	done := w.must(w.job(responders.Release, instance, "2"))
	contains(t, done.Still, moved+" is attached to "+other)
	contains(t, done.Still, stranger+" is in no record")
	if !reflect.DeepEqual(w.groups(other), before) || !slices.Equal(w.groups(instance)[stranger], strangers) {
		t.Errorf("groups %v and %v", w.groups(other), w.groups(instance))
	}
}

func TestReleaseOfAnInstanceThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Isolate, instance, "1"))
	w.cloud.Terminate(account, region, instance)
	done := w.must(w.job(responders.Release, instance, "2"))
	contains(t, done.Manifest.Skipped, "no longer exists")
	if keys := w.shelf.keys(); len(keys) != 0 {
		t.Errorf("records left: %v", keys)
	}
	if _, err := w.run(w.job(responders.Release, instance, "3")); !errors.Is(err, responders.ErrRefused) {
		t.Errorf("once more: %v", err)
	}
}

// A release that was broken off after an isolation began anew must not remove
// the new record, and an isolation must not go on after a release.
func TestJobsThatMeet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	before := w.groups(instance)
	iso := w.job(responders.Isolate, instance, "1")
	for iso.Phase != "apply" {
		var err error
		if iso, _, err = w.step(iso); err != nil {
			t.Fatal(err)
		}
	}
	old := w.job(responders.Release, instance, "2")
	for old.Phase != "forget" {
		var err error
		if old, _, err = w.step(old); err != nil {
			t.Fatal(err)
		}
	}
	w.must(again(t, old))
	if _, err := w.run(iso); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "released while") {
		t.Errorf("isolation after its release: %v", err)
	}
	if got := w.groups(instance); !reflect.DeepEqual(got, before) {
		t.Errorf("groups %v", got)
	}
	w.pass(1e9)
	w.must(w.job(responders.Isolate, instance, "3"))
	w.must(old)
	w.isolated(instance)
	w.must(w.job(responders.Release, instance, "4"))
	if got := w.groups(instance); !reflect.DeepEqual(got, before) {
		t.Errorf("groups after all %v", got)
	}
}

func TestReleaseSetsProtectionToWhatItWas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, targets := w.fleet()
	w.cloud.EditInstance(account, region, instance, func(i *awsfake.Instance) { i.NoTermination, i.NoStop = true, false })
	before := w.picture(instance, targets)
	w.must(w.job(responders.Isolate, instance, "1"))
	w.must(w.job(responders.Release, instance, "2"))
	if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
		t.Errorf("after release %+v", after)
	}
	spot := w.cloud.AddInstance(account, region, awsfake.Instance{Lifecycle: "spot"})
	done := w.must(w.job(responders.Isolate, spot, "3"))
	contains(t, done.Still, "Spot instance")
	for _, c := range w.cloud.CallsOf("ec2", "ModifyInstanceAttribute") {
		if c.Code == "OperationNotPermitted" {
			t.Errorf("asked for what Spot instances do not have: %v", c.Params)
		}
	}
	w.must(w.job(responders.Release, spot, "4"))
}

// A record that is sound but of another instance restores nothing.
func TestReleaseRefusesTheRecordOfAnotherInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Isolate, instance, "1"))
	other := w.cloud.AddInstance(account, region, awsfake.Instance{})
	for _, k := range w.shelf.keys() {
		body, _, _ := w.shelf.Get(t.Context(), k)
		_ = w.shelf.Put(t.Context(), strings.Replace(k, instance, other, 1), body)
	}
	w.cloud.Forget()
	if _, err := w.run(w.job(responders.Release, other, "2")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "another instance") {
		t.Errorf("%v", err)
	}
	if n := len(w.cloud.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// Nothing promises that AWS keeps the order of an interface's groups.
func TestReleaseWhereTheOrderOfGroupsIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	groups := []string{"sg-00000000000000bbb", "sg-0000000000000aaaa"}
	for _, id := range groups {
		w.cloud.AddGroup(account, region, awsfake.Group{ID: id})
	}
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{Groups: groups})
	w.must(w.job(responders.Isolate, instance, "1"))
	w.cloud.ReorderGroups(account, region)
	w.must(w.job(responders.Release, instance, "2"))
	for id, got := range w.groups(instance) {
		if !slices.Equal(got, groups) {
			t.Errorf("%s was given %v", id, got)
		}
	}
}
