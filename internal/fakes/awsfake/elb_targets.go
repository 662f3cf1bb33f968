package awsfake

import (
	"cmp"
	"slices"
	"strconv"
)

// elbTargets are the operations that change who gets traffic.
func elbTargets() map[string]operation {
	needs := func(_ *Cloud, r *request) []Need {
		return []Need{{Action: "elasticloadbalancing:" + r.Op, Resource: r.str("TargetGroupArn")}}
	}
	return map[string]operation{
		"RegisterTargets":   {write: true, run: registerTargets, needs: needs},
		"DeregisterTargets": {write: true, run: deregisterTargets, needs: needs},
	}
}

// Targets returns the targets of a target group.
func (c *Cloud) Targets(account, region, arn string) []Target {
	var out []Target
	c.with(func() {
		if g, err := stateOf[elbState](c, account, region).group(arn); err == nil {
			out = slices.Clone(g.Targets)
		}
	})
	return out
}

// targets reads the targets of a request; without a port, the group's is meant.
func (r *request) targets(g *TargetGroup) []Target {
	var out []Target
	for i := range r.count("Targets.member") {
		p := "Targets.member." + strconv.Itoa(i+1)
		port, err := strconv.Atoi(cmp.Or(r.str(p+".Port"), strconv.Itoa(g.Port)))
		if err == nil {
			out = append(out, Target{ID: r.str(p + ".Id"), Port: port})
		}
	}
	return out
}

func (g *TargetGroup) find(t Target) int {
	return slices.IndexFunc(g.Targets, func(x Target) bool { return x.ID == t.ID && cmp.Or(x.Port, g.Port) == t.Port })
}

func registerTargets(c *Cloud, r *request) (any, error) {
	g, err := stateOf[elbState](c, r.Account, r.Region).group(r.str("TargetGroupArn"))
	if err != nil {
		return nil, err
	}
	for _, t := range r.targets(g) {
		t.State = "initial"
		if i := g.find(t); i >= 0 {
			g.Targets[i].State = "healthy"
			continue
		}
		g.Targets = append(g.Targets, t)
	}
	return nil, nil
}

// deregisterTargets lets targets drain; one that is not registered is no
// error.
func deregisterTargets(c *Cloud, r *request) (any, error) {
	g, err := stateOf[elbState](c, r.Account, r.Region).group(r.str("TargetGroupArn"))
	if err != nil {
		return nil, err
	}
	for _, t := range r.targets(g) {
		if i := g.find(t); i >= 0 {
			g.Targets[i].State = "draining"
		}
	}
	return nil, nil
}
