package portmap

import "net/netip"

// View is what one place's API said, before anything is concluded from it.
type View struct {
	Balancers    []Balancer // network load balancers
	Listeners    []Listener // of the balancers, and of application load balancers behind them
	TargetGroups map[string]TargetGroup
	Interfaces   []Interface
	Groups       map[string]SecurityGroup // of the interfaces, by id
}

// Balancer is a network load balancer.
type Balancer struct {
	ARN      string
	Internet bool // scheme internet-facing
}

// Listener is a listener of a load balancer.
type Listener struct {
	ARN, Balancer string
	Port          int
	Protocol      string
	TargetGroups  []string // ARNs that traffic goes to; those with weight 0 left out
}

// TargetGroup is a target group with its targets.
type TargetGroup struct {
	ARN      string
	Type     string // instance, ip or alb
	Protocol string
	VPC      string
	KeepsIP  bool // preserve_client_ip.enabled
	Targets  []Target
}

// Target is one registered target. Port is the one traffic goes to, which may
// differ from the group's; the port of health checks is another matter.
type Target struct {
	ID    string // instance id, address, or ARN of an application load balancer
	Port  int
	State string
}

// Interface is a network interface in a VPC that has targets.
type Interface struct {
	ID, VPC, Instance string // Instance is empty when it is not an instance's
	Private           []netip.Addr
	Public            []netip.Addr // public IPv4 addresses mapped to it, and global IPv6 addresses
	Groups            []string
}

// SecurityGroup is what a security group lets in.
type SecurityGroup struct{ Ingress []Rule }

// Rule is one ingress rule. Sources that are other security groups are left
// out: they never mean the internet.
type Rule struct {
	Protocol string // tcp, udp, an IP protocol number, or -1 for all
	From, To int    // ports; meaningless for -1
	Networks []netip.Prefix
	Lists    []string // ids of prefix lists, whose contents are not looked at
}
