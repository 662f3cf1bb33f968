package awsir_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// staff is a role of its own name and path that two instances have.
const staff = "web-role"

func (w *world) shared(change func(*awsfake.InstanceRole)) (instance, other string) {
	r := awsfake.InstanceRole{Name: staff, Path: "/apps/", Profile: "web-profile", Tags: map[string]string{"securitybot:revocable": "true", "team": "web"},
		Policies: map[string]string{"own": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`}}
	if change != nil {
		change(&r)
	}
	profile := w.cloud.AddInstanceRole(account, r)
	instance = w.cloud.AddInstance(account, region, awsfake.Instance{Profile: profile})
	other = w.cloud.AddInstance(account, region, awsfake.Instance{Profile: profile})
	w.cloud.AddInstance(account, region, awsfake.Instance{})
	return instance, other
}

func (w *world) role() awsfake.InstanceRole { return w.cloud.InstanceRole(account, staff) }

// undone fails unless the role is as it was, and no record is left.
func (w *world) undone(before awsfake.InstanceRole) {
	w.t.Helper()
	if after := w.role(); !reflect.DeepEqual(after, before) || len(w.shelf.keys()) != 0 {
		w.t.Errorf("%+v\nbefore %+v\nrecords %v", after, before, w.shelf.keys())
	}
}

func policyOf(instance string) string { return "securitybot-revoked-" + instance }

// revoked fails unless what the instance had is denied, and nothing else.
func (w *world) revoked(instance, other string, at time.Time) {
	w.t.Helper()
	for name, c := range map[string]struct {
		of     string
		issued time.Time
		denied bool
	}{
		"what it had":         {instance, at.Add(-5 * time.Hour), true},
		"what it had just so": {instance, at, true},
		"what it gets":        {instance, w.now().Add(time.Minute), false},
		"what others have":    {other, at.Add(-5 * time.Hour), false},
	} {
		if got := w.cloud.Denied(account, staff, c.of, c.issued); got != c.denied {
			w.t.Errorf("%s is denied: %v, want %v", name, got, c.denied)
		}
	}
}

func TestRevokeDeniesWhatTheInstanceHadAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, other := w.shared(nil)
	before := w.role()
	p, err := w.actor.Plan(t.Context(), *w.job(responders.Revoke, instance, "1"))
	if err != nil || p.Refusal != "" || len(w.cloud.Writes()) != 0 {
		t.Fatalf("%v %q, %d writes", err, p.Refusal, len(w.cloud.Writes()))
	}
	contains(t, p.Warn, "Other instances in eu-west-1 with the same profile: 1. They are not touched")
	contains(t, p.Warn, "six hours")
	contains(t, p.Warn, "SSM agent")
	if !slices.Contains(p.Facts, responders.Fact{Label: "others with the role", Value: other}) || !slices.Contains(p.Facts, responders.Fact{Label: "role", Value: staff + ", " + before.ID}) {
		t.Errorf("facts %v", p.Facts)
	}
	at := w.now()
	done := w.must(w.job(responders.Revoke, instance, "1"))
	w.revoked(instance, other, at)
	contains(t, done.Still, "Isolate it too")
	after := w.role()
	delete(after.Policies, policyOf(instance))
	if !reflect.DeepEqual(after, before) {
		t.Errorf("%+v\nbefore %+v", after, before)
	}
	if n := w.changes("PutRolePolicy"); n != 1 {
		t.Errorf("%d policies were put", n)
	}
	if p, err = w.actor.Plan(t.Context(), *w.job(responders.Unrevoke, instance, "2")); err != nil || p.Refusal != "" {
		t.Fatalf("%v %q", err, p.Refusal)
	}
	contains(t, p.Warn, "work again")
	w.must(w.job(responders.Unrevoke, instance, "2"))
	w.undone(before)
	for _, c := range w.cloud.Writes() {
		if c.Service == "iam" && (c.Role != "securitybot-revoke" || c.Identity != "ann@corp.example" || strings.Contains(c.Policy, `*"]`) || !strings.Contains(c.Policy, ":role/apps/"+staff)) {
			t.Errorf("%s by %q under %s with %s", c.Op, c.Identity, c.Role, c.Policy)
		}
	}
}

// TestRevokeRefuses: nothing is put where it must not or cannot be, no record
// is left, and a sentence says what to do.
func TestRevokeRefuses(t *testing.T) {
	t.Parallel()
	planted := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	for name, c := range map[string]struct {
		role  func(*awsfake.InstanceRole)
		world func(w *world, instance string)
		says  string
		late  bool // the plan cannot know
	}{
		"no role": {world: func(w *world, id string) {
			w.cloud.EditInstance(account, region, id, func(i *awsfake.Instance) { i.Profile = "" })
		}, says: "has no role"},
		"not allowed": {role: func(r *awsfake.InstanceRole) { r.Tags = map[string]string{"securitybot:revocable": "false"} }, says: "securitybot:revocable = true"},
		"protected": {world: func(w *world, id string) {
			w.cloud.EditInstance(account, region, id, func(i *awsfake.Instance) { i.Tags = map[string]string{"securitybot:protected": "true"} })
		}, says: "protected by its tag"},
		"the profile is gone": {world: func(w *world, _ string) { w.cloud.RemoveInstanceRole(account, staff) }, says: "not there any more"},
		"another profile of the name": {world: func(w *world, id string) {
			w.cloud.EditInstance(account, region, id, func(i *awsfake.Instance) {
				i.Profile = "arn:aws:iam::444455556666:instance-profile/web-profile"
			})
		}, says: "not there any more"},
		"a policy of our name": {world: func(w *world, id string) {
			w.cloud.EditInstanceRole(account, staff, func(r *awsfake.InstanceRole) { r.Policies[policyOf(id)] = planted })
		}, says: "there is no record of it"},
		"a service's role": {role: func(r *awsfake.InstanceRole) { r.Path = "/aws-service-role/x.amazonaws.com/" }, says: "UnmodifiableEntity", late: true},
		"no room for a policy": {role: func(r *awsfake.InstanceRole) {
			r.Policies["own"] = strings.Replace(planted, `"Action":"*"`, fmt.Sprintf(`"Action":"s3:%s"`, strings.Repeat("x", 10000)), 1)
		}, says: "as long as AWS allows", late: true},
		"no right to": {world: func(w *world, _ string) { w.cloud.Next("iam", "PutRolePolicy", -1, awsfake.Denied()) }, says: "iam-policy", late: true},
	} {
		w := newWorld(t)
		instance, _ := w.shared(c.role)
		if c.world != nil {
			c.world(w, instance)
		}
		before := w.role()
		p, err := w.actor.Plan(t.Context(), *w.job(responders.Revoke, instance, "1"))
		if err != nil || !c.late && !strings.Contains(p.Refusal, c.says) || c.late && p.Refusal != "" {
			t.Errorf("%s: plan %v %q", name, err, p.Refusal)
		}
		if _, err := w.run(w.job(responders.Revoke, instance, "1")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if after := w.role(); !reflect.DeepEqual(after, before) || len(w.shelf.keys()) != 0 {
			t.Errorf("%s: %+v\nbefore %+v\nrecords %v", name, after, before, w.shelf.keys())
		}
	}
}

// Whatever is repeated or lost, the policy is there once, and then not at all.
func TestRevokeWhateverIsLost(t *testing.T) {
	t.Parallel()
	faults := map[string]awsfake.Fault{"answer lost": awsfake.AnswerLost(), "call lost": awsfake.Dropped(), "broken": awsfake.Broken(), "busy": awsfake.Throttled(),
		"changed at the same time": awsfake.Error("ConcurrentModification", "x")}
	for n := range 6 {
		for name, fault := range faults {
			w := newWorld(t)
			instance, other := w.shared(nil)
			before, at := w.role(), w.now()
			fault.Writes, fault.Skip, fault.Account = true, n, account
			w.cloud.Next("", "", 1, fault)
			if fault.Code != "" {
				w.cloud.Calm()
				fault.Skip = 0
				w.cloud.Next("iam", []string{"PutRolePolicy", "DeleteRolePolicy"}[n%2], 1, fault)
			}
			w.must(w.job(responders.Revoke, instance, "1"))
			w.revoked(instance, other, at)
			w.must(w.job(responders.Unrevoke, instance, "2"))
			if after := w.role(); !reflect.DeepEqual(after, before) || len(w.shelf.keys()) != 0 {
				t.Errorf("%s, write %d: %+v\nbefore %+v\nrecords %v", name, n, after, before, w.shelf.keys())
			}
		}
	}
	w := newWorld(t)
	instance, other := w.shared(nil)
	before, at := w.role(), w.now()
	w.twice(w.job(responders.Revoke, instance, "1"))
	w.revoked(instance, other, at)
	w.twice(w.job(responders.Unrevoke, instance, "2"))
	w.undone(before)
}

// A later revocation covers what the instance has got since, by the same
// policy; one undo takes all of it back.
func TestRevokeAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, other := w.shared(nil)
	before := w.role()
	w.must(w.job(responders.Revoke, instance, "1"))
	w.pass(3 * time.Hour)
	at := w.now()
	p, err := w.actor.Plan(t.Context(), *w.job(responders.Revoke, instance, "2"))
	if err != nil || p.Refusal != "" {
		t.Errorf("%v %q", err, p.Refusal)
	}
	contains(t, p.Warn, "revoked before, or that was begun, by job JOB0000000001")
	w.must(w.job(responders.Revoke, instance, "2"))
	w.revoked(instance, other, at)
	if n := len(w.role().Policies); n != 2 {
		t.Errorf("%d policies, want its own and ours", n)
	}
	// A job that was held up does not bring back an earlier date.
	held := w.job(responders.Revoke, instance, "3")
	held = w.until(held, "put")
	w.pass(time.Hour)
	w.must(w.job(responders.Revoke, instance, "4"))
	later := w.role().Policies[policyOf(instance)]
	w.must(held)
	if got := w.role().Policies[policyOf(instance)]; got != later {
		t.Errorf("%s\nand before %s", got, later)
	}
	w.must(w.job(responders.Unrevoke, instance, "5"))
	w.undone(before)
}
