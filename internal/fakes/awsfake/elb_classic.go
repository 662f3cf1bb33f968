package awsfake

import (
	"slices"
	"strconv"
)

// Classic load balancers: the same service by name, with an API of its own
// (Elastic Load Balancing API reference, version 2012-06-01).

const classicVersion = "2012-06-01"

type classicState struct{ balancers []*classicBalancer }

type classicBalancer struct {
	name, vpc string
	instances []string
}

// AddClassicBalancer adds a classic load balancer with its instances.
func (c *Cloud) AddClassicBalancer(account, region, name, vpc string, instances ...string) {
	c.with(func() {
		s := stateOf[classicState](c, account, region)
		s.balancers = append(s.balancers, &classicBalancer{name, vpc, instances})
	})
}

// ClassicInstances returns the instances of a classic load balancer, sorted.
func (c *Cloud) ClassicInstances(account, region, name string) (out []string) {
	c.with(func() {
		if b := stateOf[classicState](c, account, region).find(name); b != nil {
			out = slices.Sorted(slices.Values(b.instances))
		}
	})
	return out
}

func (s *classicState) find(name string) *classicBalancer {
	if i := slices.IndexFunc(s.balancers, func(b *classicBalancer) bool { return b.name == name }); i >= 0 {
		return s.balancers[i]
	}
	return nil
}

func elbClassic() map[string]operation {
	needs := func(_ *Cloud, r *request) []Need {
		return []Need{{Action: "elasticloadbalancing:" + r.Op, Resource: "arn:aws:elasticloadbalancing:" + r.Region + ":" + r.Account + ":loadbalancer/" + r.str("LoadBalancerName")}}
	}
	return map[string]operation{
		"DescribeLoadBalancers": {run: func(c *Cloud, r *request) (any, error) {
			if r.str("Version") == classicVersion {
				return describeClassic(c, r)
			}
			return describeBalancers(c, r)
		}},
		"RegisterInstancesWithLoadBalancer":   {write: true, needs: needs, run: changeClassic},
		"DeregisterInstancesFromLoadBalancer": {write: true, needs: needs, run: changeClassic},
	}
}

type classicInstance struct{ InstanceId string }

func describeClassic(c *Cloud, r *request) (any, error) {
	type description struct {
		LoadBalancerName, VPCId string
		Instances               []classicInstance `xml:"Instances>member"`
	}
	var all []description
	for _, b := range stateOf[classicState](c, r.Account, r.Region).balancers {
		d := description{LoadBalancerName: b.name, VPCId: b.vpc}
		for _, id := range b.instances {
			d.Instances = append(d.Instances, classicInstance{id})
		}
		all = append(all, d)
	}
	page, next, err := elbPage(r, all)
	if err != nil {
		return nil, err
	}
	return struct {
		LoadBalancerDescriptions []description `xml:"LoadBalancerDescriptions>member"`
		NextMarker               string        `xml:",omitempty"`
	}{page, next}, nil
}

// changeClassic registers instances, twice is once, or takes them out, of which
// one that is not registered is an error.
func changeClassic(c *Cloud, r *request) (any, error) {
	b := stateOf[classicState](c, r.Account, r.Region).find(r.str("LoadBalancerName"))
	if b == nil {
		return nil, refuse("LoadBalancerNotFound", "There is no ACTIVE Load Balancer named '%s'", r.str("LoadBalancerName"))
	}
	for i := range r.count("Instances.member") {
		name := r.str("Instances.member." + strconv.Itoa(i+1) + ".InstanceId")
		at := slices.Index(b.instances, name)
		switch {
		case r.Op == "RegisterInstancesWithLoadBalancer" && at < 0:
			b.instances = append(b.instances, name)
		case r.Op == "DeregisterInstancesFromLoadBalancer" && at < 0:
			return nil, refuse("InvalidInstance", "Could not find EC2 instance %s.", name)
		case r.Op == "DeregisterInstancesFromLoadBalancer":
			b.instances = slices.Delete(b.instances, at, at+1)
		}
	}
	return nil, nil
}
