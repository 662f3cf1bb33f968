package awsfake

import (
	"maps"
	"slices"
	"time"
)

// Instance returns an instance as it is now; the zero value when there is none.
func (c *Cloud) Instance(account, region, id string) Instance {
	var out Instance
	c.look(account, region, func(s *ec2State) {
		if i := s.instances[id]; i != nil {
			out = *i
			out.Tags = maps.Clone(i.Tags)
		}
	})
	return out
}

// Instances returns all instances of a region in order of ids.
func (c *Cloud) Instances(account, region string) []Instance {
	return values(c, account, region, func(s *ec2State) map[string]*Instance { return s.instances })
}

// Interfaces returns the interfaces attached to an instance in order of ids;
// without an instance, all.
func (c *Cloud) Interfaces(account, region, instance string) []Interface {
	all := values(c, account, region, func(s *ec2State) map[string]*Interface { return s.interfaces })
	return slices.DeleteFunc(all, func(e Interface) bool { return instance != "" && e.Instance != instance })
}

// GroupsOf returns the groups of each interface of an instance.
func (c *Cloud) GroupsOf(account, region, instance string) map[string][]string {
	out := map[string][]string{}
	for _, e := range c.Interfaces(account, region, instance) {
		out[e.ID] = e.Groups
	}
	return out
}

// Groups returns all security groups of a region in order of ids.
func (c *Cloud) Groups(account, region string) []Group {
	return values(c, account, region, func(s *ec2State) map[string]*Group { return s.groups })
}

// Volumes returns all volumes of a region in order of ids.
func (c *Cloud) Volumes(account, region string) []Volume {
	return values(c, account, region, func(s *ec2State) map[string]*Volume { return s.volumes })
}

// Snapshots returns all snapshots of a region in order of ids.
func (c *Cloud) Snapshots(account, region string) []Snapshot {
	return values(c, account, region, func(s *ec2State) map[string]*Snapshot {
		for _, x := range s.snapshots {
			s.age(x, c.Now())
		}
		return s.snapshots
	})
}

func values[T any](c *Cloud, account, region string, of func(*ec2State) map[string]*T) []T {
	var out []T
	c.look(account, region, func(s *ec2State) {
		m := of(s)
		for _, id := range slices.Sorted(maps.Keys(m)) {
			out = append(out, *m[id])
		}
	})
	return out
}

func (c *Cloud) look(account, region string, f func(*ec2State)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	f(c.ec2(account, region))
}

// EditInstance changes an instance, as somebody else does.
func (c *Cloud) EditInstance(account, region, id string, f func(*Instance)) {
	c.with(func() { f(c.ec2(account, region).instances[id]) })
}

// EditInterface changes an interface, as somebody else does.
func (c *Cloud) EditInterface(account, region, id string, f func(*Interface)) {
	c.with(func() {
		e := c.ec2(account, region).interfaces[id]
		e.Groups = slices.Clone(e.Groups) // copies handed out stay as they were
		f(e)
	})
}

// EditGroup changes a security group, as somebody else does.
func (c *Cloud) EditGroup(account, region, id string, f func(*Group)) {
	c.with(func() {
		g := c.ec2(account, region).groups[id]
		g.Rules = slices.Clone(g.Rules)
		f(g)
		for i := range g.Rules {
			set(&g.Rules[i].ID, c.id("sgr-"))
		}
	})
}

// RemoveGroup deletes a security group whoever uses it.
func (c *Cloud) RemoveGroup(account, region, id string) {
	c.with(func() { delete(c.ec2(account, region).groups, id) })
}

// RemoveInterface deletes an interface.
func (c *Cloud) RemoveInterface(account, region, id string) {
	c.with(func() { delete(c.ec2(account, region).interfaces, id) })
}

// Terminate ends an instance: its interfaces and the volumes that are not kept
// go, the others are detached.
func (c *Cloud) Terminate(account, region, id string) {
	c.with(func() {
		s := c.ec2(account, region)
		s.instances[id].State = "terminated"
		maps.DeleteFunc(s.interfaces, func(_ string, e *Interface) bool { return e.Instance == id })
		maps.DeleteFunc(s.volumes, func(_ string, v *Volume) bool { return v.Instance == id && !v.Keep })
		for _, v := range s.volumes {
			if v.Instance == id {
				v.Instance = ""
			}
		}
	})
}

// Lag makes snapshots and groups made from now on invisible to the next n
// describe calls each, as EC2's eventual consistency does.
func (c *Cloud) Lag(account, region string, n int) {
	c.look(account, region, func(s *ec2State) { s.lag = n })
}

// SlowSnapshots sets how long snapshots take; at first they are complete at
// once.
func (c *Cloud) SlowSnapshots(account, region string, d time.Duration) {
	c.look(account, region, func(s *ec2State) { s.slow = d })
}

// FailSnapshots makes snapshots of a volume end in an error, and with it all
// that were made in the same call.
func (c *Cloud) FailSnapshots(account, region, volume, message string) {
	c.look(account, region, func(s *ec2State) { s.failing[volume] = message })
}

// ReorderGroups shows the groups of interfaces in order of ids, whatever the
// order in which they were set: nothing promises that it is kept.
func (c *Cloud) ReorderGroups(account, region string) {
	c.look(account, region, func(s *ec2State) { s.reorder = true })
}
