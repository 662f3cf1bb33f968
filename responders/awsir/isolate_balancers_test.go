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

// registered says how often something is a target, draining ones left out.
func (w *world) registered(group, id string) (n int) {
	for _, t := range w.cloud.Targets(account, region, group) {
		if t.ID == id && t.State != "draining" {
			n++
		}
	}
	return n
}

// Targets by address count in the instance's networks, of both families; who
// has the same address elsewhere, and who is leaving anyway, does not.
func TestTargetsByAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{})
	w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 1, PrivateIP: "192.0.2.11", IPv6: "2001:db8::11"})
	add := func(name, vpc string, targets ...awsfake.Target) string {
		kind := "ip"
		if strings.HasPrefix(targets[0].ID, "i-") {
			kind = "instance"
		}
		return w.cloud.AddTargetGroup(account, region, awsfake.TargetGroup{Name: name, Type: kind, Port: 80, VPC: vpc, Targets: targets})
	}
	six := add("six", vpc, awsfake.Target{ID: "2001:db8::11", Port: 80})
	elsewhere := add("elsewhere", "vpc-0000000000000000b", awsfake.Target{ID: "192.0.2.11", Port: 80})
	leaving := add("leaving", vpc, awsfake.Target{ID: instance, Port: 80, State: "draining"})
	w.must(w.job(responders.Isolate, instance, "1"))
	if w.registered(six, "2001:db8::11") != 0 || w.registered(elsewhere, "192.0.2.11") != 1 {
		t.Errorf("IPv6 %d, another network %d", w.registered(six, "2001:db8::11"), w.registered(elsewhere, "192.0.2.11"))
	}
	w.must(w.job(responders.Release, instance, "2"))
	if w.registered(six, "2001:db8::11") != 1 || w.registered(leaving, instance) != 0 {
		t.Errorf("after release IPv6 %d, what was leaving %d", w.registered(six, "2001:db8::11"), w.registered(leaving, instance))
	}
}

// More target groups than are looked at do not hold up an isolation; the
// number is said.
func TestTooManyTargetGroups(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{})
	for n := range 301 {
		w.cloud.AddTargetGroup(account, region, awsfake.TargetGroup{Name: fmt.Sprint("g", n), Port: 80, VPC: vpc})
	}
	contains(t, w.must(w.job(responders.Isolate, instance, "1")).Still, "301 target groups are in the network")
	w.isolated(instance)
}

// What is not in a classic load balancer any more needs no word, one failure is
// not the end of it, and the session is for that balancer alone.
func TestClassicLoadBalancersMeanwhile(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]awsfake.Fault{"gone": awsfake.Error("LoadBalancerNotFound", "x"), "not in it": awsfake.Error("InvalidInstance", "x"), "broken once": awsfake.Broken()} {
		w := newWorld(t)
		instance, _ := w.fleet()
		w.cloud.Next("elasticloadbalancing", "DeregisterInstancesFromLoadBalancer", 1, fault)
		done := w.must(w.job(responders.Isolate, instance, "1"))
		if slices.ContainsFunc(done.Still, func(s string) bool { return strings.Contains(s, "classic") }) {
			t.Errorf("%s: it says %q", name, done.Still)
		}
		w.must(w.job(responders.Release, instance, "2"))
		for _, op := range []string{"DeregisterInstancesFromLoadBalancer", "RegisterInstancesWithLoadBalancer"} {
			for _, c := range w.cloud.CallsOf("elasticloadbalancing", op) {
				if !strings.Contains(c.Policy, `:loadbalancer/old-web"`) {
					t.Errorf("%s under %s", op, c.Policy)
				}
			}
		}
	}
}

// An instance on its way into service cannot be put in standby: it is said that
// Auto Scaling may act.
func TestAnInstanceThatIsNotInServiceYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{})
	w.cloud.AddScalingGroup(account, region, awsfake.ScalingGroup{Name: "web", Min: 1, Desired: 2}, instance)
	w.cloud.EditMember(account, region, instance, func(m *awsfake.Member) { m.State = "Pending:Wait" })
	contains(t, w.must(w.job(responders.Isolate, instance, "1")).Still, "in web it is Pending:Wait, not in standby")
	if n := w.changes("EnterStandby"); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// The protection is looked at as long as no interface has been touched.
func TestProtectedAtTheLastMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	j := w.until(w.job(responders.Isolate, instance, "1"), "group")
	w.cloud.EditInstance(account, region, instance, func(i *awsfake.Instance) { i.Tags["securitybot:protected"] = "true" })
	if _, err := w.run(j); !errors.Is(err, responders.ErrRefused) || w.changes("ModifyNetworkInterfaceAttribute") != 0 {
		t.Errorf("%v, %d interfaces changed", err, w.changes("ModifyNetworkInterfaceAttribute"))
	}
}
