package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/responders/awsir"
)

// What the page shows of AWS: what somebody with the console open would look
// at.

type cloud struct {
	Account   string     `json:"account"`
	Region    string     `json:"region"`
	Bucket    string     `json:"bucket"`
	AtWork    bool       `json:"at_work"` // an operation waits for AWS
	Instances []host     `json:"instances"`
	Evidence  []evidence `json:"evidence"`
}

type host struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Team       string   `json:"team"`
	State      string   `json:"state"`
	Protected  bool     `json:"protected"`
	Isolated   bool     `json:"isolated"` // no interface has a group with a rule
	Interfaces []nic    `json:"interfaces"`
	Snapshots  []backup `json:"snapshots"`
}

type nic struct {
	ID     string  `json:"id"`
	Index  int     `json:"index"`
	Groups []group `json:"groups"`
}

type group struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	Says string `json:"says"`
}

type backup struct {
	ID     string `json:"id"`
	Device string `json:"device"`
	Size   int    `json:"size"` // GiB
	State  string `json:"state"`
}

type evidence struct {
	Key   string    `json:"key"`
	Size  int       `json:"size"`
	Until string    `json:"until"` // when it may be deleted
	At    time.Time `json:"at"`
}

func (d *demo) cloud() cloud {
	a := d.world.AWS
	out := cloud{Account: rig.Account, Region: rig.Region, Bucket: rig.Bucket, AtWork: d.atWork.Load(), Evidence: []evidence{}}
	groups := map[string]awsfake.Group{}
	for _, g := range a.Groups(rig.Account, rig.Region) {
		groups[g.ID] = g
	}
	for _, i := range a.Instances(rig.Account, rig.Region) {
		one := host{ID: i.ID, Name: i.Tags["Name"], Team: i.Tags["team"], State: i.State, Protected: i.Tags[awsir.ProtectedTag] == "true", Isolated: true, Interfaces: []nic{}}
		for _, e := range a.Interfaces(rig.Account, rig.Region, i.ID) {
			n := nic{ID: e.ID, Index: e.Index, Groups: []group{}}
			for _, id := range e.Groups {
				g := groups[id]
				n.Groups = append(n.Groups, group{ID: id, Name: g.Name, Says: saysOf(g)})
				one.Isolated = one.Isolated && len(g.Rules) == 0
			}
			one.Interfaces = append(one.Interfaces, n)
		}
		slices.SortFunc(one.Interfaces, func(a, b nic) int { return a.Index - b.Index })
		one.Snapshots = d.backups(i.ID)
		out.Instances = append(out.Instances, one)
	}
	slices.SortFunc(out.Instances, func(a, b host) int { return cmp.Compare(a.Name, b.Name) })
	for _, o := range d.evidence() {
		out.Evidence = append(out.Evidence, evidence{Key: o.Key, Size: len(o.Body), Until: o.RetainUntil, At: o.Modified})
	}
	return out
}

// evidence lists the objects in the bucket, oldest first.
func (d *demo) evidence() []awsfake.Object {
	var out []awsfake.Object
	for key, o := range d.world.AWS.Objects(rig.Bucket) {
		if strings.HasSuffix(key, "/parts.txt") {
			continue // addresses a host uploads to: no evidence
		}
		o.Key = key
		out = append(out, o)
	}
	slices.SortFunc(out, func(a, b awsfake.Object) int {
		return cmp.Or(a.Modified.Compare(b.Modified), cmp.Compare(a.Key, b.Key))
	})
	return out
}

// backups lists the snapshots of an instance's volumes.
func (d *demo) backups(id string) []backup {
	devices := map[string]string{}
	for _, v := range d.world.AWS.Volumes(rig.Account, rig.Region) {
		if v.Instance == id {
			devices[v.ID] = v.Device
		}
	}
	out := []backup{}
	for _, s := range d.world.AWS.Snapshots(rig.Account, rig.Region) {
		if device, ours := devices[s.Volume]; ours {
			out = append(out, backup{ID: s.ID, Device: device, Size: s.Size, State: s.State})
		}
	}
	return out
}

// saysOf words what a security group lets through.
func saysOf(g awsfake.Group) string {
	if len(g.Rules) == 0 {
		return "nothing in, nothing out"
	}
	in, out := "nothing", "nothing"
	for _, r := range g.Rules {
		if r.Egress {
			out = alsoSays(out, r)
		} else {
			in = alsoSays(in, r)
		}
	}
	return in + " in, " + out + " out"
}

func alsoSays(so string, r awsfake.Rule) string {
	switch {
	case so == "everything" || r.Protocol == "-1":
		return "everything"
	case so == "nothing":
		return fmt.Sprintf("%s %d", r.Protocol, r.From)
	}
	return strings.TrimSuffix(so, " and more") + " and more"
}
