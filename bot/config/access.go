package config

import (
	"fmt"
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
}

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
