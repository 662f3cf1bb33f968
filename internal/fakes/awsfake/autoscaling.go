package awsfake

import (
	"slices"
	"time"
)

// asgState is Auto Scaling in one account and region.
type asgState struct {
	groups  []*ScalingGroup
	members map[string]*Member // by instance
	slow    time.Duration      // how long a change of state takes
}

// ScalingGroup is an Auto Scaling group.
type ScalingGroup struct {
	Name         string
	Min, Desired int
}

// Member is an instance in an Auto Scaling group.
type Member struct {
	Instance, Group string
	State           string // LifecycleState: InService, EnteringStandby, Standby, Pending…
	Protected       bool   // from scale-in
	next            string
	at              time.Time
}

func asgService() service {
	needs := func(c *Cloud, r *request) []Need {
		return []Need{{Action: "autoscaling:" + r.Op, Resource: "arn:aws:autoscaling:" + r.Region + ":" + r.Account +
			":autoScalingGroup:00000000-0000-4000-8000-000000000000:autoScalingGroupName/" + r.str("AutoScalingGroupName")}}
	}
	return service{protocol: awsQuery, xmlns: "http://autoscaling.amazonaws.com/doc/2011-01-01/", ops: map[string]operation{
		"DescribeAutoScalingInstances": {run: describeMembers},
		"EnterStandby":                 {write: true, run: enterStandby, needs: needs},
		"ExitStandby":                  {write: true, run: exitStandby, needs: needs},
	}}
}

// AddScalingGroup adds an Auto Scaling group with members in service.
func (c *Cloud) AddScalingGroup(account, region string, g ScalingGroup, instances ...string) {
	c.with(func() {
		s := stateOf[asgState](c, account, region)
		if s.members == nil {
			s.members = map[string]*Member{}
		}
		s.groups = append(s.groups, &g)
		for _, i := range instances {
			s.members[i] = &Member{Instance: i, Group: g.Name, State: "InService"}
		}
	})
}

// EditMember changes an instance's membership; f must not keep what it is given.
func (c *Cloud) EditMember(account, region, instance string, f func(*Member)) {
	c.with(func() {
		if m := stateOf[asgState](c, account, region).members[instance]; m != nil {
			f(m)
		}
	})
}

// Member returns an instance's membership; the zero value when there is none.
func (c *Cloud) Member(account, region, instance string) Member {
	var out Member
	c.with(func() {
		s := stateOf[asgState](c, account, region)
		if m := s.members[instance]; m != nil {
			m.age(c.Now())
			out = *m
		}
	})
	return out
}

// ScalingGroup returns a group as it is now; the zero value when there is none.
func (c *Cloud) ScalingGroup(account, region, name string) ScalingGroup {
	var out ScalingGroup
	c.with(func() {
		if g := stateOf[asgState](c, account, region).group(name); g != nil {
			out = *g
		}
	})
	return out
}

// SlowStandby sets how long it takes to enter and leave standby.
func (c *Cloud) SlowStandby(account, region string, d time.Duration) {
	c.with(func() { stateOf[asgState](c, account, region).slow = d })
}

func (s *asgState) group(name string) *ScalingGroup {
	i := slices.IndexFunc(s.groups, func(g *ScalingGroup) bool { return g.Name == name })
	if i < 0 {
		return nil
	}
	return s.groups[i]
}

// age finishes a change of state whose time has come.
func (m *Member) age(now time.Time) {
	if m.next != "" && !now.Before(m.at) {
		m.State, m.next = m.next, ""
	}
}

func describeMembers(c *Cloud, r *request) (any, error) {
	s := stateOf[asgState](c, r.Account, r.Region)
	type member struct {
		InstanceId, AutoScalingGroupName, LifecycleState, HealthStatus, AvailabilityZone string
		ProtectedFromScaleIn                                                             bool
	}
	var out struct {
		AutoScalingInstances []member `xml:"AutoScalingInstances>member"`
	}
	ids := r.list("InstanceIds.member")
	for _, m := range sorted(s.members) {
		if len(ids) > 0 && !slices.Contains(ids, m.Instance) {
			continue // an instance in no group is left out without an error
		}
		m.age(c.Now())
		out.AutoScalingInstances = append(out.AutoScalingInstances, member{m.Instance, m.Group, m.State, "HEALTHY", r.Region + "a", m.Protected})
	}
	return out, nil
}

// named finds group and members a request is about.
func (s *asgState) named(c *Cloud, r *request, state string) (*ScalingGroup, []*Member, error) {
	g := s.group(r.str("AutoScalingGroupName"))
	if g == nil {
		return nil, nil, refuse("ValidationError", "AutoScalingGroup name not found - AutoScalingGroup '%s' not found", r.str("AutoScalingGroupName"))
	}
	var out []*Member
	for _, id := range r.list("InstanceIds.member") {
		m := s.members[id]
		if m == nil || m.Group != g.Name {
			return nil, nil, refuse("ValidationError", "The instance %s is not part of Auto Scaling group %s.", id, g.Name)
		}
		if m.age(c.Now()); m.State != state {
			return nil, nil, refuse("ValidationError", "The instance %s is not in %s.", id, state)
		}
		out = append(out, m)
	}
	return g, out, nil
}

func (s *asgState) move(c *Cloud, m *Member, now, then string) {
	m.State, m.next, m.at = now, then, c.Now().Add(s.slow)
}

func enterStandby(c *Cloud, r *request) (any, error) {
	s := stateOf[asgState](c, r.Account, r.Region)
	g, members, err := s.named(c, r, "InService")
	if err != nil {
		return nil, err
	}
	if r.str("ShouldDecrementDesiredCapacity") == "true" {
		if g.Desired-len(members) < g.Min {
			return nil, refuse("ValidationError", "AutoScalingGroup %s has min-size=%d, max-size and desired-size=%d. To place into standby %d instance, please update the AutoScalingGroup sizes appropriately.", g.Name, g.Min, g.Desired, len(members))
		}
		g.Desired -= len(members)
	}
	for _, m := range members {
		s.move(c, m, "EnteringStandby", "Standby")
	}
	return nil, nil
}

func exitStandby(c *Cloud, r *request) (any, error) {
	s := stateOf[asgState](c, r.Account, r.Region)
	g, members, err := s.named(c, r, "Standby")
	if err != nil {
		return nil, err
	}
	g.Desired += len(members)
	for _, m := range members {
		s.move(c, m, "Pending", "InService")
	}
	return nil, nil
}
