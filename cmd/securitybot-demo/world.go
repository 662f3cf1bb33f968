package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/awsir"
)

// The machines the gallery tells of, by the number in their ids.
const (
	bastion = 0x7a1b2c3d4e5f6071
	builder = 0x6f9e8d7c6b5a4031
	ledger  = 0x5c0ffee0ddba1123
	vault   = 0x4d15ea5e0be1f00d
)

func idOf(machine int) string { return fmt.Sprintf("i-0%016x", machine) }

// machines is the company's account.
var machines = []struct {
	number     int
	name, team string
	protected  bool
}{
	{builder, "build-7", "platform", false},
	{ledger, "ledger-db", "payments", false},
	{bastion, "pay-bastion", "payments", false},
	{vault, "vault-1", "platform", true},
}

// noor is the second approver: what one approver asked for another one decides.
const noor = "U0NOOR"

// snapshotTime is how long AWS takes for a snapshot here.
const snapshotTime = 12 * time.Second

// newWorld is the rig with a second approver, machines, TheHive, and sources of
// look-ups that know something.
func newWorld(ctx context.Context, o rig.Options) (*rig.Rig, error) {
	o.Records = true
	o.Access = "{responders: {groups: [S0ONCALL]}, approvers: {users: [U0MEI, " + noor + "]}, break_glass: {allowed: true}}"
	o.Patience = 2 * time.Second
	o.Prepare = func(w *rig.Rig) {
		w.Slack.AddUser(slackfake.User{ID: noor, Name: "noor", RealName: "Noor Aziz", Email: "noor@corp.example"})
		w.Slack.SetChannel(w.Security.ID, func(c *slackfake.Channel) { c.Members = append(c.Members, noor) })
		start(w)
		sources(w)
	}
	return rig.New(ctx, o)
}

// start adds the machines.
func start(w *rig.Rig) {
	for _, m := range machines {
		id := w.Machine(m.number)
		w.AWS.EditInstance(rig.Account, rig.Region, id, func(i *awsfake.Instance) {
			i.Tags["Name"], i.Tags["team"] = m.name, m.team
			if m.protected {
				i.Tags[awsir.ProtectedTag] = "true"
			}
		})
		for _, e := range w.AWS.Interfaces(rig.Account, rig.Region, id) {
			if e.Index == 1 {
				w.AWS.EditGroup(rig.Account, rig.Region, e.Groups[0], func(g *awsfake.Group) { g.Name = m.name + "-web" })
			}
		}
	}
	w.AWS.SlowSnapshots(rig.Account, rig.Region, snapshotTime)
}

// How time runs while AWS is at work: what takes minutes there is seen here
// within seconds.
const (
	hurryEvery = 200 * time.Millisecond
	hurryBy    = 20 * time.Second
)

// hurry moves the time on while operations wait for nothing but AWS, until ctx
// ends. It does not while one waits for a person, or the bot is at something.
func (d *demo) hurry(ctx context.Context) {
	tick := time.NewTicker(hurryEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		d.hurryOnce(ctx)
	}
}

func (d *demo) hurryOnce(ctx context.Context) {
	depth, err := d.world.Store.Depth(ctx, d.world.Clock.Now())
	if err != nil {
		return // the store is being stopped
	}
	act := depth[store.LaneAct]
	d.atWork.Store(act.Planned > 0)
	if act.Planned > 0 && act.Waiting == 0 && !slices.ContainsFunc(d.world.Bots, (*bot.Bot).Busy) {
		d.world.Forward(hurryBy)
	}
}

// onCall names who is called.
func (d *demo) onCall() []string {
	out := []string{}
	for _, s := range d.world.Pager.Rota() {
		if !slices.Contains(out, s.Name) {
			out = append(out, s.Name)
		}
	}
	if len(out) == 0 {
		out = append(out, d.world.Omar.RealName)
	}
	return out
}
