package awsfake

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// elbState is Elastic Load Balancing (version 2) in one account and region.
type elbState struct {
	balancers []*LoadBalancer
	listeners []*Listener
	groups    []*TargetGroup
}

// LoadBalancer is a load balancer. Empty fields get what a network load balancer
// facing the internet has.
type LoadBalancer struct {
	Name   string
	ARN    string // made up when empty
	Type   string // network, application or gateway
	Scheme string // internet-facing or internal
	State  string // active, provisioning, active_impaired or failed
	VPC    string
}

// Listener is a listener of a load balancer.
type Listener struct {
	ARN      string // made up when empty
	Balancer string // ARN
	Port     int
	Protocol string   // TCP when empty
	Forward  []string // target groups; one is named in the action itself as well
	Weights  []int    // of the groups; 1 each when nil
}

// TargetGroup is a target group with its targets.
type TargetGroup struct {
	Name     string
	ARN      string // made up when empty
	Type     string // instance, ip or alb; instance when empty
	Protocol string // TCP when empty
	Port     int
	VPC      string
	// KeepsIP is preserve_client_ip.enabled; empty is the service's default: off
	// for ip targets of TCP and TLS, on otherwise.
	KeepsIP    string
	HealthPort string // traffic-port when empty
	Targets    []Target
}

// Target is a registered target.
type Target struct {
	ID    string
	Port  int    // the group's when zero
	State string // healthy when empty
}

func elbService() service {
	return service{protocol: awsQuery, xmlns: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/", ops: map[string]operation{
		"DescribeLoadBalancers":         {run: describeBalancers},
		"DescribeListeners":             {run: describeListeners},
		"DescribeTargetGroups":          {run: describeTargetGroups},
		"DescribeTargetGroupAttributes": {run: describeGroupAttributes},
		"DescribeTargetHealth":          {run: describeTargetHealth},
	}}
}

// AddLoadBalancer adds a load balancer and returns its ARN.
func (c *Cloud) AddLoadBalancer(account, region string, b LoadBalancer) string {
	c.with(func() {
		b.Type, b.Scheme, b.State = cmp.Or(b.Type, "network"), cmp.Or(b.Scheme, "internet-facing"), cmp.Or(b.State, "active")
		short := map[string]string{"network": "net", "application": "app", "gateway": "gwy"}[b.Type]
		b.ARN = cmp.Or(b.ARN, c.elbARN(account, region, "loadbalancer/"+short+"/"+b.Name))
		s := stateOf[elbState](c, account, region)
		s.balancers = append(s.balancers, &b)
	})
	return b.ARN
}

// AddListener adds a listener to a load balancer and returns its ARN.
func (c *Cloud) AddListener(account, region string, l Listener) string {
	c.with(func() {
		l.Protocol = cmp.Or(l.Protocol, "TCP")
		l.ARN = cmp.Or(l.ARN, c.elbARN(account, region, "listener/"+strconv.Itoa(l.Port)))
		s := stateOf[elbState](c, account, region)
		s.listeners = append(s.listeners, &l)
	})
	return l.ARN
}

// AddTargetGroup adds a target group and returns its ARN.
func (c *Cloud) AddTargetGroup(account, region string, g TargetGroup) string {
	c.with(func() {
		g.Type, g.Protocol = cmp.Or(g.Type, "instance"), cmp.Or(g.Protocol, "TCP")
		g.ARN = cmp.Or(g.ARN, c.elbARN(account, region, "targetgroup/"+g.Name))
		s := stateOf[elbState](c, account, region)
		s.groups = append(s.groups, &g)
	})
	return g.ARN
}

// ChangeTargetGroup changes a target group that was added before.
func (c *Cloud) ChangeTargetGroup(account, region, arn string, change func(*TargetGroup)) {
	c.with(func() {
		for _, g := range stateOf[elbState](c, account, region).groups {
			if g.ARN == arn {
				change(g)
			}
		}
	})
}

// RemoveLoadBalancer deletes a load balancer with its listeners.
func (c *Cloud) RemoveLoadBalancer(account, region, arn string) {
	c.with(func() {
		s := stateOf[elbState](c, account, region)
		s.balancers = slices.DeleteFunc(s.balancers, func(b *LoadBalancer) bool { return b.ARN == arn })
		s.listeners = slices.DeleteFunc(s.listeners, func(l *Listener) bool { return l.Balancer == arn })
	})
}

// RemoveTargetGroup deletes a target group.
func (c *Cloud) RemoveTargetGroup(account, region, arn string) {
	c.with(func() {
		s := stateOf[elbState](c, account, region)
		s.groups = slices.DeleteFunc(s.groups, func(g *TargetGroup) bool { return g.ARN == arn })
	})
}

func (c *Cloud) elbARN(account, region, rest string) string {
	c.issued++
	return fmt.Sprintf("arn:aws:elasticloadbalancing:%s:%s:%s/%016x", region, account, rest, c.issued)
}

// elbPage cuts one page out of a list, by PageSize (1 to 400) and Marker.
func elbPage[T any](r *request, all []T) (page []T, next string, err error) {
	size := 400
	if r.has("PageSize") {
		n, convErr := strconv.Atoi(r.str("PageSize"))
		if convErr != nil || n < 1 || n > 400 {
			return nil, "", refuse("ValidationError", "PageSize '%s' must be between 1 and 400", r.str("PageSize"))
		}
		size = n
	}
	from := 0
	if marker := r.str("Marker"); marker != "" {
		n, ok := strings.CutPrefix(marker, "marker-")
		if from, err = strconv.Atoi(n); !ok || err != nil || from > len(all) {
			return nil, "", refuse("ValidationError", "Marker '%s' is not valid", marker)
		}
	}
	to := min(from+size, len(all))
	if to < len(all) {
		next = "marker-" + strconv.Itoa(to)
	}
	return all[from:to], next, nil
}
