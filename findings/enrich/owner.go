package enrich

import (
	"fmt"
	"strings"

	"github.com/securitybot/securitybot/findings"
)

// maxOwnerTags bounds how many owner tags of one resource are looked at.
const maxOwnerTags = 10

// Owner returns whom to tell about a finding: the first entry of Owners. There
// is always one.
func (d *Directory) Owner(f *findings.Finding) findings.Owner { return d.Owners(f)[0] }

// Owners lists everybody who could be told, best first: owner tags of the
// resource, the team of the account, the catch-all. The caller goes to the next
// when a person turns out not to exist in chat. Why of each says how it was
// reached and which tags named nobody.
//
// Tags are written by whoever may tag the resource, an attacker too. An owner
// is told about a finding; that must never be the only thing that happens to a
// serious one.
func (d *Directory) Owners(f *findings.Finding) []findings.Owner {
	owners, notes := d.tagged(f)
	if o, ok := d.ofAccount(f.Account); ok {
		owners = append(owners, o)
	} else if f.Account != "" {
		notes = append(notes, "no team is configured for account "+quote(f.Account))
	}
	why := "nobody else was found, so this is the catch-all"
	owners = append(owners, findings.Owner{
		Channel: d.catchAll.Channel, ChatID: d.catchAll.ChatID, Email: d.catchAll.Email, Why: why, Catch: true,
	})
	if len(notes) > 0 {
		owners[0].Why += " (" + strings.Join(notes, "; ") + ")"
	}
	return owners
}

// tagged resolves the owner tags in the configured order of keys. Several
// different owners are all listed, and the first says that they disagree.
func (d *Directory) tagged(f *findings.Finding) (owners []findings.Owner, notes []string) {
	tags, more := d.ownerTags(f)
	if more > 0 {
		notes = append(notes, fmt.Sprintf("%d more owner tags were not looked at", more))
	}
	for _, t := range tags {
		o, problem := d.resolve(t)
		switch {
		case problem != "":
			notes = append(notes, problem)
		case !listed(owners, o):
			owners = append(owners, o)
		}
	}
	if len(owners) > 1 {
		notes = append(notes, fmt.Sprintf("%d owner tags name different owners; the first key wins", len(owners)))
	}
	if len(tags) == 0 {
		notes = append(notes, "the resource has no owner tag")
	}
	return owners, notes
}

// ownerTags returns the tags that name an owner, by the order of the configured
// keys. Keys are compared without regard to case.
func (d *Directory) ownerTags(f *findings.Finding) (tags []findings.Tag, more int) {
	for _, key := range d.tags {
		for _, t := range f.Tags {
			if strings.EqualFold(strings.TrimSpace(t.Key), key) {
				tags = append(tags, t)
			}
		}
	}
	if len(tags) > maxOwnerTags {
		return tags[:maxOwnerTags], len(tags) - maxOwnerTags
	}
	return tags, 0
}

// resolve reads one owner tag: the name of a team or an e-mail address of the
// company. Anything else names nobody.
func (d *Directory) resolve(t findings.Tag) (o findings.Owner, problem string) {
	value := strings.TrimSpace(t.Value)
	says := "tag " + quote(t.Key) + " says " + quote(value)
	if team, ok := d.teams[strings.ToLower(value)]; ok {
		return owned(team, says), ""
	}
	email, company := d.email(value)
	switch {
	case value == "":
		return o, "tag " + quote(t.Key) + " is empty"
	case email == "":
		return o, says + ", which is neither a team nor an e-mail address"
	case !company:
		return o, says + ", which is not an address of the company"
	}
	o = findings.Owner{Email: email, Why: says}
	if p, ok := d.byEmail[email]; ok {
		o.ChatID = p.ChatID
	}
	return o, ""
}

func (d *Directory) ofAccount(id string) (findings.Owner, bool) {
	account, ok := d.accounts[id]
	if !ok || account.Team == "" {
		return findings.Owner{}, false
	}
	why := "account " + id
	if account.Name != "" {
		why += " (" + account.Name + ")"
	}
	return owned(d.teams[strings.ToLower(account.Team)], why+" belongs to team "+account.Team), true
}

// AccountName returns the configured name of an account, or "".
func (d *Directory) AccountName(id string) string { return d.accounts[id].Name }

func owned(t team, why string) findings.Owner {
	return findings.Owner{Team: t.name, Channel: t.Channel, ChatID: t.ChatID, Email: t.Email, Why: why}
}

func listed(owners []findings.Owner, o findings.Owner) bool {
	for _, other := range owners {
		if other.Team == o.Team && other.Email == o.Email && other.ChatID == o.ChatID {
			return true
		}
	}
	return false
}
