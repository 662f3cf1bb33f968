package awsfake

import (
	"cmp"
	"slices"
	"strconv"
)

// The elements of answers, by the names in the Elastic Load Balancing API
// reference.
type (
	elbBalancer struct {
		LoadBalancerArn, LoadBalancerName, DNSName, Scheme, Type, VpcId string
		State                                                           struct{ Code string }
	}
	elbListener struct {
		ListenerArn, LoadBalancerArn, Protocol string
		Port                                   int
		DefaultActions                         []elbAction `xml:"DefaultActions>member"`
	}
	elbAction struct {
		Type           string
		TargetGroupArn string           `xml:",omitempty"`
		TargetGroups   []elbGroupWeight `xml:"ForwardConfig>TargetGroups>member"`
	}
	elbGroupWeight struct {
		TargetGroupArn string
		Weight         int
	}
	elbGroup struct {
		TargetGroupArn, TargetGroupName, Protocol, TargetType, HealthCheckPort string
		Port                                                                   int
		VpcId                                                                  string   `xml:",omitempty"`
		LoadBalancerArns                                                       []string `xml:"LoadBalancerArns>member"`
	}
	elbAttribute struct{ Key, Value string }
	elbHealth    struct {
		Target struct {
			Id   string
			Port int
		}
		HealthCheckPort string
		TargetHealth    struct{ State string }
	}
)

func describeBalancers(c *Cloud, r *request) (any, error) {
	s := stateOf[elbState](c, r.Account, r.Region)
	arns := r.list("LoadBalancerArns.member")
	var all []elbBalancer
	for _, b := range s.balancers {
		if len(arns) > 0 && !slices.Contains(arns, b.ARN) {
			continue
		}
		one := elbBalancer{LoadBalancerArn: b.ARN, LoadBalancerName: b.Name, DNSName: b.Name + ".elb." + r.Region + ".example.com", Scheme: b.Scheme, Type: b.Type, VpcId: b.VPC}
		one.State.Code = b.State
		all = append(all, one)
	}
	if len(all) < len(arns) {
		return nil, refuse("LoadBalancerNotFound", "One or more load balancers not found")
	}
	page, next, err := elbPage(r, all)
	if err != nil {
		return nil, err
	}
	return struct {
		LoadBalancers []elbBalancer `xml:"LoadBalancers>member"`
		NextMarker    string        `xml:",omitempty"`
	}{page, next}, nil
}

func describeListeners(c *Cloud, r *request) (any, error) {
	s := stateOf[elbState](c, r.Account, r.Region)
	arn := r.str("LoadBalancerArn")
	if !slices.ContainsFunc(s.balancers, func(b *LoadBalancer) bool { return b.ARN == arn }) {
		return nil, refuse("LoadBalancerNotFound", "One or more load balancers not found")
	}
	var all []elbListener
	for _, l := range s.listeners {
		if l.Balancer != arn {
			continue
		}
		action := elbAction{Type: "forward"}
		for i, g := range l.Forward {
			weight := 1
			if i < len(l.Weights) {
				weight = l.Weights[i]
			}
			action.TargetGroups = append(action.TargetGroups, elbGroupWeight{g, weight})
		}
		if len(l.Forward) == 1 {
			action.TargetGroupArn = l.Forward[0]
		}
		all = append(all, elbListener{ListenerArn: l.ARN, LoadBalancerArn: arn, Protocol: l.Protocol, Port: l.Port, DefaultActions: []elbAction{action}})
	}
	page, next, err := elbPage(r, all)
	if err != nil {
		return nil, err
	}
	return struct {
		Listeners  []elbListener `xml:"Listeners>member"`
		NextMarker string        `xml:",omitempty"`
	}{page, next}, nil
}

func describeTargetGroups(c *Cloud, r *request) (any, error) {
	s := stateOf[elbState](c, r.Account, r.Region)
	balancer := r.str("LoadBalancerArn")
	var all []elbGroup
	for _, g := range s.groups {
		one := elbGroup{TargetGroupArn: g.ARN, TargetGroupName: g.Name, Protocol: g.Protocol, TargetType: g.Type, Port: g.Port, VpcId: g.VPC, HealthCheckPort: cmp.Or(g.HealthPort, "traffic-port")}
		for _, l := range s.listeners {
			if slices.Contains(l.Forward, g.ARN) && !slices.Contains(one.LoadBalancerArns, l.Balancer) {
				one.LoadBalancerArns = append(one.LoadBalancerArns, l.Balancer)
			}
		}
		if balancer == "" || slices.Contains(one.LoadBalancerArns, balancer) {
			all = append(all, one)
		}
	}
	page, next, err := elbPage(r, all)
	if err != nil {
		return nil, err
	}
	return struct {
		TargetGroups []elbGroup `xml:"TargetGroups>member"`
		NextMarker   string     `xml:",omitempty"`
	}{page, next}, nil
}

func (s *elbState) group(arn string) (*TargetGroup, error) {
	i := slices.IndexFunc(s.groups, func(g *TargetGroup) bool { return g.ARN == arn })
	if i < 0 {
		return nil, refuse("TargetGroupNotFound", "One or more target groups not found")
	}
	return s.groups[i], nil
}

func describeGroupAttributes(c *Cloud, r *request) (any, error) {
	g, err := stateOf[elbState](c, r.Account, r.Region).group(r.str("TargetGroupArn"))
	if err != nil {
		return nil, err
	}
	keeps := strconv.FormatBool(g.Type != "ip" || g.Protocol != "TCP" && g.Protocol != "TLS")
	out := []elbAttribute{{"deregistration_delay.timeout_seconds", "300"}, {"preserve_client_ip.enabled", cmp.Or(g.KeepsIP, keeps)}}
	if g.Type == "alb" {
		out = out[:0] // the service has no such attributes for them
	}
	return struct {
		Attributes []elbAttribute `xml:"Attributes>member"`
	}{out}, nil
}

func describeTargetHealth(c *Cloud, r *request) (any, error) {
	g, err := stateOf[elbState](c, r.Account, r.Region).group(r.str("TargetGroupArn"))
	if err != nil {
		return nil, err
	}
	var all []elbHealth
	for _, t := range g.Targets {
		var one elbHealth
		one.Target.Id, one.Target.Port = t.ID, cmp.Or(t.Port, g.Port)
		one.HealthCheckPort = cmp.Or(g.HealthPort, strconv.Itoa(one.Target.Port))
		one.TargetHealth.State = cmp.Or(t.State, "healthy")
		all = append(all, one)
	}
	return struct {
		TargetHealthDescriptions []elbHealth `xml:"TargetHealthDescriptions>member"`
	}{all}, nil
}
