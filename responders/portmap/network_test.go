package portmap_test

import (
	"strings"
	"testing"

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
