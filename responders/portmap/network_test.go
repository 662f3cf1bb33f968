package portmap_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

// TestNoWayInIsOverlooked: an interface in another VPC, and one that is shown
// only to those who ask for managed ones too.
func TestNoWayInIsOverlooked(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]func(*world){
		"another VPC": func(w *world) {
			g := w.AddGroup(here.Account, region, awsfake.Group{VPC: "vpc-0000000000000000b", Rules: []awsfake.Rule{{Protocol: "tcp", From: 1, To: 65535, CIDR4: "0.0.0.0/0"}}})
			w.AddInterface(here.Account, region, awsfake.Interface{Instance: web, VPC: "vpc-0000000000000000b", PublicIP: "198.51.100.7", Groups: []string{g}, Index: 1})
		},
		"a hidden interface": func(w *world) {
			eni := w.AddInterface(here.Account, region, awsfake.Interface{Instance: web, PublicIP: "198.51.100.7", Groups: []string{w.open}, Index: 1})
			w.EditInterface(here.Account, region, eni, func(e *awsfake.Interface) { e.Hidden = true })
		},
		"a target by address, with one in another VPC": func(w *world) {
			tg := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "ip", Type: "ip", Port: 8443, KeepsIP: "true", VPC: "vpc-00000000000000001", Targets: []awsfake.Target{{ID: "10.0.0.5"}}})
			w.RemoveTargetGroup(here.Account, region, w.group)
			w.AddListener(here.Account, region, awsfake.Listener{Balancer: w.nlb, Port: 80, Forward: []string{tg}})
			g := w.AddGroup(here.Account, region, awsfake.Group{VPC: "vpc-0000000000000000b", Rules: []awsfake.Rule{{Protocol: "tcp", From: 1, To: 65535, CIDR4: "0.0.0.0/0"}}})
			w.AddInterface(here.Account, region, awsfake.Interface{Instance: web, VPC: "vpc-0000000000000000b", PublicIP: "198.51.100.7", Groups: []string{g}, Index: 1})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			way(w)
			w.run(t)
			a, err := w.ask(8443)
			if err != nil || a.Covers || !strings.Contains(a.Why, "198.51.100.7 is public") {
				t.Errorf("%+v %v", a, err)
			}
		})
	}
}

// What is behind several balancers is read once, and a balancer that failed to
// start carries nothing.
func TestWhatIsSharedIsReadOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	alb := w.AddLoadBalancer(here.Account, region, awsfake.LoadBalancer{Name: "inner", Type: "application", Scheme: "internal"})
	toALB := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "alb", Type: "alb", Port: 80, Targets: []awsfake.Target{{ID: alb}}})
	second := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "alb2", Type: "alb", Port: 80, Targets: []awsfake.Target{{ID: alb}}})
	w.AddListener(here.Account, region, awsfake.Listener{Balancer: alb, Port: 80, Protocol: "HTTP", Forward: []string{w.group}})
	for port, group := range map[int]string{81: toALB, 82: second, 83: w.group} {
		w.AddListener(here.Account, region, awsfake.Listener{Balancer: w.nlb, Port: port, Forward: []string{group}})
	}
	failed := w.AddLoadBalancer(here.Account, region, awsfake.LoadBalancer{Name: "failed", State: "failed"})
	lost := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "lost", Port: 9000, Targets: []awsfake.Target{{ID: web}}})
	w.AddListener(here.Account, region, awsfake.Listener{Balancer: failed, Port: 443, Forward: []string{lost}})
	w.run(t)
	if n := len(w.CallsOf("elasticloadbalancing", "DescribeListeners")); n != 2 {
		t.Errorf("%d calls for the listeners of one network and one application load balancer", n)
	}
	if n := len(w.CallsOf("elasticloadbalancing", "DescribeTargetHealth")); n != 3 {
		t.Errorf("%d calls for the targets of three groups", n)
	}
	w.wantCovered(t, true, 8443)
	w.wantCovered(t, false, 9000)
}

// A scan that others have overtaken is no failure, and one whose time is up
// says so.
func TestScansThatComeLate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	publish(t, w.table, scan(here, "later", noon.Add(time.Minute), 1))
	if r := w.run(t); r.Complete != 1 {
		t.Errorf("%+v", r)
	}
	if c, _, _ := look(t, w.table, here, web); c.Run != "later" {
		t.Errorf("the map is of %q", c.Run)
	}
	w = newWorld(t)
	w.Next("ec2", "", -1, awsfake.Hang())
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.job.Run(ctx); err == nil {
		t.Error("complete")
	}
	w.wantUnavailable(t, "not complete: ")
}
