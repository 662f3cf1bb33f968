package awsir_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// Somebody opens the isolation group, attaches an interface, or puts a group
// back while the instance is being isolated.
func TestChangesMeanwhile(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(w *world, instance string){
		"an interface is attached": func(w *world, instance string) {
			w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 2, Groups: []string{"sg-00000000000000bbb"}})
		},
		"the group is opened": func(w *world, _ string) {
			w.cloud.EditGroup(account, region, w.isolation()[0].ID, func(g *awsfake.Group) { g.Rules = append(g.Rules, awsfake.Open()) })
		},
		"a group is put back": func(w *world, instance string) {
			w.cloud.EditInterface(account, region, w.cloud.Interfaces(account, region, instance)[0].ID, func(e *awsfake.Interface) { e.Groups = []string{"sg-0000000000000aaaa"} })
		},
	} {
		w := newWorld(t)
		instance, _ := w.fleet()
		before := w.groups(instance)
		j := w.job(responders.Isolate, instance, "1")
		for j.Phase != "verify" {
			var err error
			if j, _, err = w.step(j); err != nil {
				t.Fatal(err)
			}
		}
		meanwhile(w, instance)
		w.must(j)
		w.isolated(instance)
		w.must(w.job(responders.Release, instance, "2"))
		after := w.groups(instance)
		for id, groups := range before {
			if !slices.Equal(after[id], groups) {
				t.Errorf("%s: %s has %v, before %v", name, id, after[id], groups)
			}
			delete(after, id)
		}
		for id, groups := range after {
			if !slices.Equal(groups, []string{"sg-00000000000000bbb"}) {
				t.Errorf("%s: the interface %s attached late has %v", name, id, groups)
			}
		}
		if keys := w.shelf.keys(); len(keys) != 0 {
			t.Errorf("%s: records left: %v", name, keys)
		}
	}
}

func TestSomebodyWhoKeepsChangingGroupsIsReported(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	id := w.cloud.Interfaces(account, region, instance)[0].ID
	w.cloud.Next("ec2", "DescribeNetworkInterfaces", -1, awsfake.Meanwhile(func() {
		w.cloud.EditInterface(account, region, id, func(e *awsfake.Interface) { e.Groups = []string{"sg-0000000000000aaaa"} })
	}))
	if _, err := w.run(w.job(responders.Isolate, instance, "1")); !errors.Is(err, responders.ErrUnknown) {
		t.Errorf("%v", err)
	}
}

func TestPartialFailureKeepsTheOthersIsolated(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	eni := w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 2, Operator: "ecs.amazonaws.com"})
	w.cloud.EditInterface(account, region, eni, func(e *awsfake.Interface) { e.Hidden = true })
	w.cloud.EditInstance(account, region, instance, func(i *awsfake.Instance) { i.Secondary = 2 })
	trunk := w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 3, Kind: "trunk"})
	j, err := w.run(w.job(responders.Isolate, instance, "1"))
	if !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), eni) || !strings.Contains(err.Error(), "1 of 4") {
		t.Errorf("%v", err)
	}
	contains(t, j.Still, "NOT isolated: interface "+eni)
	contains(t, j.Still, "branch interfaces of "+trunk)
	contains(t, j.Still, "2 interfaces in secondary networks")
	for id, groups := range w.groups(instance) {
		if mine := len(groups) == 1 && groups[0] == w.isolation()[0].ID; mine == (id == eni) {
			t.Errorf("%s has %v", id, groups)
		}
	}
}

// What makes isolation better does not hold it up when it fails.
func TestSidesThatFailAreSaid(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ service, op, want string }{
		{"ec2", "CreateTags", ""}, {"ec2", "ModifyInstanceAttribute", "may still be deleted"},
		{"autoscaling", "EnterStandby", "Auto Scaling may replace"}, {"autoscaling", "DescribeAutoScalingInstances", "Auto Scaling could not be asked"},
		{"elasticloadbalancing", "DeregisterTargets", "still registered"}, {"elasticloadbalancing", "DescribeTargetHealth", "Load balancers could not be asked"},
		{"ec2", "DescribeInstanceAttribute", "protection could not be read"},
	} {
		for _, fault := range []awsfake.Fault{awsfake.Denied(), awsfake.Error("OperationNotPermitted", "x")} {
			w := newWorld(t)
			instance, _ := w.fleet()
			before := w.groups(instance)
			w.cloud.Next(tc.service, tc.op, -1, fault)
			done := w.must(w.job(responders.Isolate, instance, "1"))
			w.isolated(instance)
			if tc.want != "" {
				contains(t, done.Still, tc.want)
			}
			w.cloud.Calm()
			w.must(w.job(responders.Release, instance, "2"))
			if after := w.groups(instance); !reflect.DeepEqual(after, before) {
				t.Errorf("%s: after release %v", tc.op, after)
			}
		}
	}
}

func TestAtItsSmallestSizeTheGroupGetsAReplacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{})
	w.cloud.AddScalingGroup(account, region, awsfake.ScalingGroup{Name: "web", Min: 1, Desired: 1}, instance)
	w.cloud.SlowStandby(account, region, 20*time.Second)
	w.must(w.job(responders.Isolate, instance, "1"))
	if m := w.cloud.Member(account, region, instance); !strings.HasSuffix(m.State, "Standby") {
		t.Errorf("it is %s", m.State)
	}
	w.must(w.job(responders.Release, instance, "2"))
	w.pass(time.Minute)
	if m := w.cloud.Member(account, region, instance); m.State != "InService" {
		t.Errorf("it is %s", m.State)
	}
}

func TestWithoutPermissionNothingIsIsolatedAndThatIsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	groups := w.groups(instance)
	w.cloud.Next("ec2", "ModifyNetworkInterfaceAttribute", -1, awsfake.Denied())
	_, err := w.actor.Plan(t.Context(), *w.job(responders.Isolate, instance, "1"))
	if !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "iam-policy") {
		t.Errorf("plan: %v", err)
	}
	if _, err := w.run(w.job(responders.Isolate, instance, "1")); !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), "NOT isolated") {
		t.Errorf("%v", err)
	}
	if got := w.groups(instance); !reflect.DeepEqual(got, groups) {
		t.Errorf("groups are %v", got)
	}
}

// Somebody watches and gives our new group a rule before it is emptied.
func TestTheNewGroupIsOpenedBeforeItIsEmptied(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	groups := w.groups(instance)
	j := w.job(responders.Isolate, instance, "1")
	for len(w.isolation()) == 0 {
		j, _, _ = w.step(j)
	}
	w.cloud.EditGroup(account, region, w.isolation()[0].ID, func(g *awsfake.Group) {
		g.Rules = append(g.Rules, awsfake.Rule{Protocol: "tcp", From: 22, To: 22, CIDR4: "203.0.113.9/32"})
	})
	if _, err := w.run(j); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), w.isolation()[0].ID) {
		t.Errorf("%v", err)
	}
	if got := w.groups(instance); !reflect.DeepEqual(got, groups) {
		t.Errorf("groups %v", got)
	}
}
