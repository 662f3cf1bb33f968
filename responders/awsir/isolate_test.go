package awsir_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

// picture is everything release has to bring back.
type picture struct {
	Groups   map[string][]string
	Instance awsfake.Instance
	Member   string
	Scaling  awsfake.ScalingGroup
	Targets  string
	Keep     map[string]bool
}

func (w *world) picture(instance string, targets []string) picture {
	p := picture{Groups: w.groups(instance), Instance: w.cloud.Instance(account, region, instance), Member: w.cloud.Member(account, region, instance).State,
		Scaling: w.cloud.ScalingGroup(account, region, "web"), Keep: map[string]bool{}}
	for _, arn := range targets {
		for _, t := range w.cloud.Targets(account, region, arn) {
			p.Targets += fmt.Sprintf("%s:%d %v\n", t.ID, t.Port, t.State != "draining")
		}
	}
	for _, name := range []string{"old-web", "older"} {
		p.Targets += fmt.Sprintf("%s %v\n", name, w.cloud.ClassicInstances(account, region, name))
	}
	for _, v := range w.cloud.Volumes(account, region) {
		p.Keep[v.ID] = v.Keep
	}
	return p
}

func TestIsolateAndReleaseBringBackExactlyWhatWasThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, targets := w.fleet()
	before := w.picture(instance, targets)

	plan, err := w.actor.Plan(t.Context(), *w.job(responders.Isolate, instance, "1"))
	if err != nil || plan.Refusal != "" {
		t.Fatalf("plan: %v %q", err, plan.Refusal)
	}
	if n := len(w.cloud.Writes()); n != 0 {
		t.Fatalf("planning made %d calls that change something", n)
	}
	contains(t, plan.Steps, "both network interfaces")
	contains(t, plan.Steps, "standby")
	contains(t, plan.Steps, "classic load balancers")

	done := w.must(w.job(responders.Isolate, instance, "1"))
	w.isolated(instance)
	during := w.picture(instance, targets)
	if during.Member != "Standby" || during.Scaling.Desired != 1 || strings.Count(during.Targets, "false") != 3 {
		t.Errorf("while isolated: %+v", during)
	}
	if !during.Instance.NoTermination || !during.Instance.NoStop || during.Instance.Shutdown != "stop" {
		t.Errorf("not protected: %+v", during.Instance)
	}
	for _, v := range w.cloud.Volumes(account, region) {
		if v.Instance == instance && !v.Keep {
			t.Errorf("the volume at %s goes with the instance", v.Device)
		}
	}
	for _, text := range []string{"Connections that were open", "DNS", "metadata", "instance-profile/path/web"} {
		contains(t, done.Still, text)
	}
	if len(done.Manifest.Before) == 0 || len(done.Manifest.After) == 0 || len(done.Manifest.Calls) == 0 || done.Manifest.Calls[0].RequestID == "" {
		t.Errorf("manifest %+v", done.Manifest)
	}
	if tag := during.Instance.Tags["securitybot:record"]; len(tag) != 64 {
		t.Errorf("the instance is tagged with %v", during.Instance.Tags)
	}

	w.must(w.job(responders.Release, instance, "2"))
	if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
		t.Errorf("after release\n%+v\nbefore isolation\n%+v", after, before)
	}
	for _, e := range w.cloud.Interfaces(account, region, instance) {
		if len(e.Tags) != 0 {
			t.Errorf("tags left on %s: %v", e.ID, e.Tags)
		}
	}
	if keys := w.shelf.keys(); len(keys) != 0 {
		t.Errorf("records left: %v", keys)
	}
	if n := len(w.isolation()); n != 1 {
		t.Errorf("%d isolation groups", n)
	}
}

func TestEveryWriteIsUnderTheActionsRoleForThePersonAndTheInstanceOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Isolate, instance, "1"))
	w.must(w.job(responders.Release, instance, "2"))
	w.must(w.job(responders.Snapshot, instance, "3"))
	roles := map[string]bool{}
	for _, c := range w.cloud.Writes() {
		roles[c.Role] = true
		if c.Identity != "ann@corp.example" || !strings.HasPrefix(c.Session, "JOB") || c.Policy == "" || c.Account != account || c.Region != region {
			t.Errorf("%s by %q in session %q with policy %q", c.Op, c.Identity, c.Session, c.Policy)
		}
		if strings.Contains(c.Policy, "instance/*") || strings.Contains(c.Policy, `"*"`) {
			t.Errorf("%s: the session policy is wider than the instance: %s", c.Op, c.Policy)
		}
	}
	if want := map[string]bool{"securitybot-acquire": true, "securitybot-contain": true, "securitybot-release": true}; !maps.Equal(roles, want) {
		t.Errorf("roles %v", roles)
	}
	for _, c := range w.cloud.Calls() {
		if !c.Write && c.Role != "securitybot-read" && c.Op != "GetCallerIdentity" {
			t.Errorf("%s was read under %s", c.Op, c.Role)
		}
		if c.Op == "ModifyInstanceAttribute" && c.Params["GroupId.1"] != "" {
			t.Error("groups were set by instance")
		}
	}
}

func TestASecondIsolateKeepsTheOriginals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, targets := w.fleet()
	before := w.picture(instance, targets)
	w.must(w.job(responders.Isolate, instance, "1"))
	plan, err := w.actor.Plan(t.Context(), *w.job(responders.Isolate, instance, "2"))
	if err != nil {
		t.Fatal(err)
	}
	contains(t, plan.Warn, "JOB0000000001")
	w.must(w.job(responders.Isolate, instance, "2"))
	w.must(w.job(responders.Release, instance, "3"))
	if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
		t.Errorf("after release\n%+v\nbefore isolation\n%+v", after, before)
	}
}

func TestAnIsolatedInstanceWithoutRecordIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Isolate, instance, "1"))
	for _, k := range w.shelf.keys() {
		_ = w.shelf.Delete(t.Context(), k)
	}
	w.cloud.Forget()
	if _, err := w.run(w.job(responders.Isolate, instance, "2")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "no record") {
		t.Errorf("isolate: %v", err)
	}
	if _, err := w.run(w.job(responders.Release, instance, "3")); !errors.Is(err, responders.ErrRefused) {
		t.Errorf("release: %v", err)
	}
	if n := len(w.cloud.Writes()); n != 0 || len(w.shelf.keys()) != 0 {
		t.Errorf("%d writes, records %v", n, w.shelf.keys())
	}
}

func TestTargetsThatMustNotBeTouched(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		set  func(*awsfake.Instance)
		want string
	}{
		"protected":  {func(i *awsfake.Instance) { i.Tags = map[string]string{"securitybot:protected": "True"} }, "protected"},
		"managed":    {func(i *awsfake.Instance) { i.Operator = "eks.amazonaws.com" }, "managed by eks.amazonaws.com"},
		"terminated": {func(i *awsfake.Instance) { i.State = "terminated" }, "terminated"},
	} {
		w := newWorld(t)
		instance, _ := w.fleet()
		w.cloud.EditInstance(account, region, instance, tc.set)
		for _, action := range []responders.ID{responders.Isolate, responders.Snapshot} {
			plan, err := w.actor.Plan(t.Context(), *w.job(action, instance, "1"))
			if err != nil || !strings.Contains(plan.Refusal, tc.want) {
				t.Errorf("%s %s: plan says %q, %v", name, action, plan.Refusal, err)
			}
			if _, err := w.run(w.job(action, instance, "1")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s %s: %v", name, action, err)
			}
		}
		if n := len(w.cloud.Writes()); n != 0 || len(w.shelf.keys()) != 0 {
			t.Errorf("%s: %d writes, records %v", name, n, w.shelf.keys())
		}
	}
}

// An instance that becomes protected after its job was planned, but before
// the first change, is left alone.
func TestTheTargetIsLookedAtAgainBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	j, _, err := w.step(w.job(responders.Isolate, instance, "1"))
	s, _, err2 := w.step(w.job(responders.Snapshot, instance, "2"))
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	w.cloud.EditInstance(account, region, instance, func(i *awsfake.Instance) { i.Tags = map[string]string{"securitybot:protected": "true"} })
	for _, j := range []*responders.Job{j, s} {
		if _, err := w.run(j); !errors.Is(err, responders.ErrRefused) {
			t.Errorf("%s: %v", j.Action, err)
		}
	}
	if n := len(w.cloud.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestAnotherAccountsInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	wrong := w.job(responders.Isolate, instance, "1")
	wrong.Target.Account = "777788889999"
	if _, err := w.run(wrong); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "cannot be assumed") {
		t.Errorf("no role there: %v", err)
	}
	// The own account is configured wrongly: credentials are for another one.
	w.actor = w.newActor(map[string]string{"read": "securitybot-read", "contain": "securitybot-contain"}, account)
	hub := w.cloud.AddInstance(hubAccount, region, awsfake.Instance{ID: instance})
	if _, err := w.run(w.job(responders.Isolate, hub, "1")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "belongs to account "+hubAccount) {
		t.Errorf("credentials of another account: %v", err)
	}
	// Only the role that writes leads to the wrong account.
	w.actor = w.actorWith(func(s awsir.Sessions) awsir.Sessions { return crossed{s} })
	w.cloud.AddRole(awsfake.Role{Account: hubAccount, Name: "securitybot-contain", Trusts: []string{hubAccount}, ExternalID: "ext-1"})
	if _, err := w.run(w.job(responders.Isolate, instance, "1")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "The credentials are for account "+hubAccount) {
		t.Errorf("credentials of another account for changes: %v", err)
	}
	if n := len(w.cloud.Writes()); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// crossed gives sessions of another account for changes.
type crossed struct{ awsir.Sessions }

func (c crossed) Config(ctx context.Context, r awsrole.Request) (aws.Config, error) {
	if r.Acting {
		r.Account = hubAccount
	}
	return c.Sessions.Config(ctx, r)
}

func TestPlantedGroupsAreNotUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, targets := w.fleet()
	before := w.picture(instance, targets)
	tags := map[string]string{"securitybot:isolation": "v1", "securitybot:job": "JOB0000000001"}
	w.cloud.AddGroup(account, region, awsfake.Group{Name: "isolation", Tags: tags, Rules: []awsfake.Rule{awsfake.Open()}})
	w.cloud.AddGroup(account, region, awsfake.Group{Name: "in", Tags: tags, Rules: []awsfake.Rule{{Protocol: "tcp", From: 22, To: 22, CIDR6: "::/0"}}})
	w.cloud.AddVPC(account, region, vpc, awsfake.VPC{Default: true, IPv6: true})
	done := w.must(w.job(responders.Isolate, instance, "1"))
	w.isolated(instance)
	contains(t, done.Manifest.Skipped, "has rules")
	w.must(w.job(responders.Release, instance, "2"))
	if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
		t.Errorf("after release %+v", after)
	}
	// The empty one is used again.
	w.must(w.job(responders.Isolate, instance, "3"))
	if n := len(w.isolation()); n != 3 {
		t.Errorf("%d groups with our tag, of which two were planted", n)
	}
}

func TestAGroupOfOurNameWithoutOurTagIsReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	groups := w.groups(instance)
	w.cloud.AddGroup(account, region, awsfake.Group{Name: "securitybot-isolation-job0000000001", Rules: []awsfake.Rule{awsfake.Open()}})
	if _, err := w.run(w.job(responders.Isolate, instance, "1")); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "securitybot-isolation-job0000000001") {
		t.Errorf("%v", err)
	}
	if got := w.groups(instance); !reflect.DeepEqual(got, groups) {
		t.Errorf("groups are %v", got)
	}
}
