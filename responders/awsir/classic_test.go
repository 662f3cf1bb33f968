package awsir_test

import (
	"slices"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// An isolated instance gets no traffic from classic load balancers either, and
// the others keep theirs.
func TestClassicLoadBalancers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	before := w.cloud.ClassicInstances(account, region, "old-web")
	w.must(w.job(responders.Isolate, instance, "1"))
	if got := w.cloud.ClassicInstances(account, region, "old-web"); slices.Contains(got, instance) || len(got) != len(before)-1 {
		t.Errorf("while isolated: %v", got)
	}
	w.must(w.job(responders.Release, instance, "2"))
	if got := w.cloud.ClassicInstances(account, region, "old-web"); !slices.Equal(got, before) {
		t.Errorf("after release %v, before %v", got, before)
	}
}

// They do not hold up the isolation, and what was not done is said.
func TestClassicLoadBalancersThatCannotBeChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.Next("elasticloadbalancing", "DeregisterInstancesFromLoadBalancer", -1, awsfake.Denied())
	contains(t, w.must(w.job(responders.Isolate, instance, "1")).Still, "still registered in the classic load balancer old-web")
	w.isolated(instance)
	w.cloud.Calm()
	w.cloud.Next("elasticloadbalancing", "RegisterInstancesWithLoadBalancer", -1, awsfake.Error("LoadBalancerNotFound", "gone"))
	contains(t, w.must(w.job(responders.Release, instance, "2")).Still, "not registered in the classic load balancer old-web")
	w = newWorld(t)
	instance, _ = w.fleet()
	w.cloud.Next("elasticloadbalancing", "DescribeLoadBalancers", -1, awsfake.Denied())
	contains(t, w.must(w.job(responders.Isolate, instance, "1")).Still, "Classic load balancers could not be asked")
	w.isolated(instance)
}
