package config

import (
	"fmt"
	"time"
)

// Access is who may do what. An empty list is nobody. Each role may also do
// what the ones before it may.
type Access struct {
	Responders People `yaml:"responders"` // the commands, evidence, closing cases
	Approvers  People `yaml:"approvers"`  // approve what others ask for: isolate, release
	Admins     People `yaml:"admins"`
	// Limits restricts the people it names to some AWS accounts: they neither act on
	// others nor see them in lists and look-ups. Whoever is in none of them may act
	// on every account.
	Limits []Limit `yaml:"limits"`
	// BreakGlass lets an approver act alone when no second person can be had.
	BreakGlass BreakGlass `yaml:"break_glass"`
}

// BreakGlass is whether, when and how often somebody may isolate or release
// without a second person. It pages the people on call and is announced.
type BreakGlass struct {
	Allowed bool          `yaml:"allowed"`
	After   time.Duration `yaml:"after"`   // how long an approver is waited for first
	PerDay  int           `yaml:"per_day"` // times one person may in 24 hours
}

func defaultAccess() Access { return Access{BreakGlass: BreakGlass{After: 5 * time.Minute, PerDay: 3}} }

// People are Slack users (U… or W…) and user groups (S…).
type People struct {
	Users  []string `yaml:"users"`
	Groups []string `yaml:"groups"`
}

// Empty says whether nobody is named.
func (p People) Empty() bool { return len(p.Users)+len(p.Groups) == 0 }

// Limit names people and the accounts they may act on.
type Limit struct {
	People   People   `yaml:"people"`
	Accounts []string `yaml:"accounts"` // 12 digits each
}

func (d *document) checkAccess(a Access) {
	d.checkNamed("access.responders", a.Responders)
	d.checkNamed("access.approvers", a.Approvers)
	d.checkNamed("access.admins", a.Admins)
	if a.Responders.Empty() && a.Approvers.Empty() && a.Admins.Empty() {
		d.warn("access.responders", "access.responders names nobody, so nobody may use the commands of responders")
	}
	d.span("access.break_glass.after", a.BreakGlass.After, 0, 10*time.Minute) // an approver has 15 minutes
	between(d, "access.break_glass.per_day", a.BreakGlass.PerDay, 1, 20)
	if a.BreakGlass.Allowed && !d.failed("access.break_glass.allowed") {
		d.warn("access.break_glass.allowed", "access.break_glass lets one approver isolate and release alone; each time the people on call are paged")
	}
	for i, l := range a.Limits {
		path := fmt.Sprintf("access.limits[%d]", i)
		d.checkNamed(path+".people", l.People)
		if l.People.Empty() && !d.failed(path) {
			d.wrong(path, "%s names nobody; add people", path)
		}
		d.each(path+".accounts", l.Accounts, accountID, "an account id of 12 digits in quotes")
		if len(l.Accounts) == 0 && !d.failed(path) {
			d.wrong(path, "%s names no accounts; add the accounts these people may act on", path)
		}
	}
}

func (d *document) checkNamed(path string, p People) {
	d.each(path+".users", p.Users, userID, "a user's id (U…, in the profile under \"Copy member ID\")")
	d.each(path+".groups", p.Groups, groupID, "a user group's id (S…)")
}
