package portmap

import (
	"cmp"
	"net/netip"
	"slices"
)

// Build concludes from a view which ports of which instances are targets of
// which listeners. Targets that belong to no known instance are left out, and so
// are targets that get no traffic.
func Build(v View) []Entry {
	b := builder{view: v, index: indexOf(v.Interfaces)}
	for _, nlb := range v.Balancers {
		for _, l := range v.Listeners {
			if l.Balancer == nlb.ARN {
				b.listener(nlb, l)
			}
		}
	}
	slices.SortFunc(b.entries, func(x, y Entry) int {
		return cmp.Or(cmp.Compare(x.Instance, y.Instance), cmp.Compare(x.Port, y.Port), cmp.Compare(x.Transport, y.Transport),
			cmp.Compare(x.Listener, y.Listener), cmp.Compare(x.TargetGroup, y.TargetGroup), cmp.Compare(x.Address, y.Address))
	})
	return slices.Compact(b.entries)
}

type builder struct {
	view    View
	index   index
	entries []Entry
}

func (b *builder) listener(nlb Balancer, l Listener) {
	for _, arn := range l.TargetGroups {
		g, ok := b.view.TargetGroups[arn]
		if !ok {
			continue // deleted while we were reading
		}
		for _, t := range g.Targets {
			e := Entry{Port: t.Port, Listener: l.ARN, ListenerPort: l.Port, Protocol: l.Protocol, Balancer: nlb.ARN,
				TargetGroup: g.ARN, TargetType: g.Type, State: t.State, Internet: nlb.Internet, KeepsIP: g.KeepsIP}
			switch {
			case !receives(t):
			case g.Type == "alb":
				b.behindALB(e, t)
			default:
				b.add(e, g, t)
			}
		}
	}
}

// behindALB follows an application load balancer that is itself a target. It
// speaks to its own targets from its own address, so these entries never explain
// a probe by a stranger; they are kept to say so.
func (b *builder) behindALB(e Entry, alb Target) {
	for _, l := range b.view.Listeners {
		if l.Balancer != alb.ID || l.Port != alb.Port {
			continue
		}
		for _, arn := range l.TargetGroups {
			g := b.view.TargetGroups[arn]
			for _, t := range g.Targets {
				if !receives(t) {
					continue
				}
				one := e
				one.Port, one.State, one.KeepsIP = t.Port, t.State, false
				b.add(one, g, t)
			}
		}
	}
}

// receives says whether a target gets traffic. The states are those of
// DescribeTargetHealth; an unused target is not in an enabled zone, is stopped,
// or has no listener. Unhealthy ones do get traffic when none is healthy.
func receives(t Target) bool { return t.State != "unused" && t.Port > 0 }

// add adds the entries of a target, one for each transport of the listener.
func (b *builder) add(e Entry, g TargetGroup, t Target) {
	e.Instance = t.ID
	if g.Type == "ip" {
		e.Address = t.ID
		e.Instance = b.index.holder(g.VPC, t.ID)
	}
	if e.Instance == "" {
		return // a pod's, peered or on-premises address: no instance of ours
	}
	for _, transport := range transports(e.Protocol) {
		e.Transport = transport
		e.Direct, e.DirectInfo = b.direct(e.Instance, e.Port, transport)
		b.entries = append(b.entries, e)
	}
}

// transports of a listener's protocol (Elastic Load Balancing API reference,
// Listener).
func transports(protocol string) []Transport {
	switch protocol {
	case "TCP", "TLS":
		return []Transport{TCP}
	case "UDP", "QUIC":
		return []Transport{UDP}
	case "TCP_UDP", "TCP_QUIC":
		return []Transport{TCP, UDP}
	}
	return nil
}

// index finds interfaces.
type index struct {
	byAddress  map[netip.Addr][]Interface
	byInstance map[string][]Interface
}

func indexOf(all []Interface) index {
	x := index{byAddress: map[netip.Addr][]Interface{}, byInstance: map[string][]Interface{}}
	for _, n := range all {
		if n.Instance != "" {
			x.byInstance[n.Instance] = append(x.byInstance[n.Instance], n)
		}
		for _, a := range slices.Concat(n.Private, n.Public) {
			x.byAddress[a] = append(x.byAddress[a], n)
		}
	}
	return x
}

// holder returns the instance that has an address in a VPC. Addresses repeat
// between VPCs.
func (x index) holder(vpc, address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	for _, n := range x.byAddress[a.Unmap()] {
		if n.VPC == vpc {
			return n.Instance
		}
	}
	return ""
}
