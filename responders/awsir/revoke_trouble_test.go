package awsir_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// What IAM shows late, and what somebody removes once, is put and read again.
func TestARevocationIsReadBack(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(w *world, instance string){
		"seen late": func(w *world, _ string) {
			f := awsfake.Error("NoSuchEntity", "x")
			f.Status = 404
			w.cloud.Next("iam", "GetRolePolicy", 2, f)
		},
		"brought back to an earlier date": func(w *world, id string) {
			w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) {
				r.Policies[policyOf(id)] = strings.Replace(r.Policies[policyOf(id)], "T12:", "T11:", 1)
			})
		},
		"removed": func(w *world, id string) {
			w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { delete(r.Policies, policyOf(id)) })
		},
	} {
		w := newWorld(t)
		instance, other := w.shared(nil)
		at := w.now()
		j := w.until(w.job(responders.Revoke, instance, "1"), "hold")
		meanwhile(w, instance)
		w.must(j)
		w.revoked(instance, other, at)
		if n := w.changes("PutRolePolicy"); n < 1 || n > 3 {
			t.Errorf("%s: put %d times", name, n)
		}
	}
	// Removed after the first look: one look is not enough.
	w := newWorld(t)
	instance, other := w.shared(nil)
	at := w.now()
	j := w.until(w.job(responders.Revoke, instance, "1"), "hold")
	j, _, err := w.step(j)
	if err != nil || j.Phase != "hold" {
		t.Fatalf("%v, phase %s", err, j.Phase)
	}
	w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { delete(r.Policies, policyOf(instance)) })
	w.must(j)
	w.revoked(instance, other, at)
}

// Whoever fights us over the policy is reported, either way.
func TestSomebodyWhoKeepsChangingThePolicyIsReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.shared(nil)
	w.cloud.Next("iam", "GetRolePolicy", -1, awsfake.Meanwhile(func() {
		w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { delete(r.Policies, policyOf(instance)) })
	}))
	if _, err := w.run(w.job(responders.Revoke, instance, "1")); !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), "DeleteRolePolicy") {
		t.Errorf("%v", err)
	}
	w.cloud.Calm()
	w.must(w.job(responders.Revoke, instance, "2"))
	ours := w.role().Policies[policyOf(instance)]
	w.cloud.Next("iam", "GetRolePolicy", -1, awsfake.Meanwhile(func() {
		w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { r.Policies[policyOf(instance)] = ours })
	}))
	if _, err := w.run(w.job(responders.Unrevoke, instance, "3")); !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), "PutRolePolicy") {
		t.Errorf("%v", err)
	}
	if len(w.shelf.keys()) != 1 {
		t.Errorf("records %v", w.shelf.keys())
	}
}

// A policy that was changed is neither overwritten nor deleted.
func TestAChangedPolicyIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.shared(nil)
	w.must(w.job(responders.Revoke, instance, "1"))
	changed := strings.Replace(w.role().Policies[policyOf(instance)], `"Deny"`, `"Allow"`, 1)
	w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { r.Policies[policyOf(instance)] = changed })
	for n, action := range []responders.ID{responders.Revoke, responders.Unrevoke} {
		p, err := w.actor.Plan(t.Context(), *w.job(action, instance, "2"))
		if err != nil || !strings.Contains(p.Refusal, "somebody changed it") {
			t.Errorf("%s: %v %q", action, err, p.Refusal)
		}
		if _, err := w.run(w.job(action, instance, []string{"3", "4"}[n])); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "somebody changed it") {
			t.Errorf("%s: %v", action, err)
		}
	}
	if got := w.role().Policies[policyOf(instance)]; got != changed {
		t.Errorf("it was changed to %s", got)
	}
}

// Another role than the record is about is not touched.
func TestARevocationIsAboutOneRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.shared(nil)
	w.must(w.job(responders.Revoke, instance, "1"))
	// The role is deleted and made again: the same name, another id.
	w.cloud.RemoveInstanceRole(account, staff)
	w.cloud.AddInstanceRole(account, awsfake.InstanceRole{Name: staff, Path: "/apps/", Profile: "web-profile", Tags: map[string]string{"securitybot:revocable": "true"}})
	before := w.role()
	p, err := w.actor.Plan(t.Context(), *w.job(responders.Revoke, instance, "2"))
	if err != nil || !strings.Contains(p.Refusal, "now it has") {
		t.Errorf("%v %q", err, p.Refusal)
	}
	if _, err := w.run(w.job(responders.Revoke, instance, "2")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "now it has") {
		t.Errorf("%v", err)
	}
	// The same between two steps.
	w2 := newWorld(t)
	instance, _ = w2.shared(nil)
	j := w2.until(w2.job(responders.Revoke, instance, "1"), "put")
	w2.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { r.ID = "AROAANOTHERROLEOFTHE" })
	if _, err := w2.run(j); !errors.Is(err, responders.ErrRefused) || w2.changes("PutRolePolicy") != 0 {
		t.Errorf("%v, %d policies put", err, w2.changes("PutRolePolicy"))
	}
	// Taking it back finds nothing and forgets it.
	w.must(w.job(responders.Unrevoke, instance0(w), "3"))
	w.undone(before)
}

// instance0 is the instance the only record is about.
func instance0(w *world) string {
	key := w.shelf.keys()[0]
	return key[strings.LastIndexByte(key, '/')+1:]
}

// A revocation outlives its instance, and can be taken back then.
func TestUnrevokeWithoutTheInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.shared(nil)
	before := w.role()
	w.must(w.job(responders.Revoke, instance, "1"))
	w.cloud.Terminate(account, region, instance)
	w.cloud.Next("ec2", "DescribeInstances", -1, awsfake.Error("InvalidInstanceID.NotFound", "gone"))
	w.must(w.job(responders.Unrevoke, instance, "2"))
	w.undone(before)
}

// Records that are missing, damaged, or not the ones a job began with.
func TestRecordsOfRevocations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.shared(nil)
	if p, err := w.actor.Plan(t.Context(), *w.job(responders.Unrevoke, instance, "1")); err != nil || !strings.Contains(p.Refusal, "nothing to take back") {
		t.Errorf("%v %q", err, p.Refusal)
	}
	if _, err := w.run(w.job(responders.Unrevoke, instance, "1")); !errors.Is(err, responders.ErrRefused) {
		t.Errorf("%v", err)
	}
	// Taken back while another job is about to put the policy again.
	j := w.until(w.job(responders.Revoke, instance, "2"), "put")
	w.must(w.job(responders.Unrevoke, instance, "3"))
	if _, err := w.run(j); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "taken back") || len(w.role().Policies) != 1 {
		t.Errorf("%v, policies %v", err, w.role().Policies)
	}
	// Taken back and made again under the hands of one that takes it back.
	w.must(w.job(responders.Revoke, instance, "4"))
	undo := w.until(w.job(responders.Unrevoke, instance, "5"), "delete")
	w.must(w.job(responders.Unrevoke, instance, "6"))
	w.pass(time.Minute)
	w.must(w.job(responders.Revoke, instance, "7"))
	if _, err := w.run(undo); !errors.Is(err, responders.ErrRefused) || len(w.role().Policies) != 2 {
		t.Errorf("%v, policies %v", err, w.role().Policies)
	}
	// The same when it has only to forget.
	forget := w.until(w.job(responders.Unrevoke, instance, "A"), "forget")
	w.must(w.job(responders.Unrevoke, instance, "B"))
	w.pass(time.Minute)
	w.must(w.job(responders.Revoke, instance, "C"))
	w.must(forget)
	if len(w.shelf.keys()) != 1 || len(w.role().Policies) != 2 {
		t.Errorf("records %v, policies %v", w.shelf.keys(), w.role().Policies)
	}
	key := w.shelf.keys()[0]
	for name, change := range map[string]func(string) string{
		"another role": func(s string) string { return strings.Replace(s, staff, "admin", 1) },
		"no record":    func(string) string { return "{}" },
	} {
		body := w.shelf.docs[key]
		w.shelf.docs[key] = []byte(change(string(body)))
		for _, action := range []responders.ID{responders.Revoke, responders.Unrevoke} {
			if _, err := w.run(w.job(action, instance, "8")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "damaged") {
				t.Errorf("%s, %s: %v", name, action, err)
			}
		}
		w.shelf.docs[key] = body
	}
	other := w.cloud.AddInstance(account, region, awsfake.Instance{Profile: "arn:aws:iam::444455556666:instance-profile/apps/web-profile"})
	w.shelf.docs[strings.Replace(key, instance, other, 1)] = w.shelf.docs[key]
	if _, err := w.run(w.job(responders.Unrevoke, other, "9")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("the record of another instance: %v", err)
	}
}

// Removed by somebody else at the same moment is removed; without the right to
// it, what to do is said and the record stays.
func TestUnrevokeWhatCannotBeDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.shared(nil)
	before := w.role()
	w.must(w.job(responders.Revoke, instance, "1"))
	w.cloud.Next("iam", "DeleteRolePolicy", 1, awsfake.Denied())
	if _, err := w.run(w.job(responders.Unrevoke, instance, "2")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "iam-policy") || len(w.shelf.keys()) != 1 {
		t.Errorf("%v, records %v", err, w.shelf.keys())
	}
	w.cloud.Next("iam", "DeleteRolePolicy", 1, awsfake.Error("DeleteConflict", "x"))
	if _, err := w.run(w.job(responders.Unrevoke, instance, "3")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "DeleteConflict") || len(w.shelf.keys()) != 1 {
		t.Errorf("%v, records %v", err, w.shelf.keys())
	}
	w.cloud.Next("iam", "DeleteRolePolicy", 1, awsfake.Meanwhile(func() {
		w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { delete(r.Policies, policyOf(instance)) })
	}))
	w.must(w.job(responders.Unrevoke, instance, "4"))
	w.undone(before)
}

// What another job has recorded stays when this one may not go on, and where
// nothing is set up that is said before anybody has to approve.
func TestRevokeWithoutTheMeans(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.shared(nil)
	w.must(w.job(responders.Revoke, instance, "1"))
	w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { delete(r.Policies, policyOf(instance)) })
	w.cloud.Next("iam", "PutRolePolicy", 1, awsfake.Denied())
	if _, err := w.run(w.job(responders.Revoke, instance, "2")); !errors.Is(err, responders.ErrRefused) || len(w.shelf.keys()) != 1 {
		t.Errorf("%v, records %v", err, w.shelf.keys())
	}
	delete(w.roles, string(responders.RoleRevoke))
	w.actor = w.newActor(w.roles, "")
	for _, action := range []responders.ID{responders.Revoke, responders.Unrevoke} {
		if _, err := w.actor.Plan(t.Context(), *w.job(action, instance, "3")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "not set up here") {
			t.Errorf("%s: %v", action, err)
		}
	}
}
