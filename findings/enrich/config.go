package enrich

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Config says who is who. The zero value is not valid: a catch-all is needed,
// so that everything has somebody to tell.
type Config struct {
	Domains       []string           `yaml:"domains"`        // e-mail domains of the company
	People        []Person           `yaml:"people"`         // employees who need more than their e-mail says
	OwnerTags     []string           `yaml:"owner_tags"`     // resource tag keys that name an owner, best first; default owner, team
	Teams         map[string]Contact `yaml:"teams"`          // by the name that tags and accounts use
	Accounts      map[string]Account `yaml:"accounts"`       // by 12-digit account id
	TrustedEgress []string           `yaml:"trusted_egress"` // networks all employees come from: office, VPN
	CatchAll      Contact            `yaml:"catch_all"`      // told when nobody else is found
}

// Person is one employee. Principals are names as AWS shows them: an IAM user
// name, a role session name, or role/session; "*" stands for any characters.
type Person struct {
	Email      string   `yaml:"email"`
	ChatID     string   `yaml:"chat_id"`
	Name       string   `yaml:"name"`
	Principals []string `yaml:"principals"`
	DeviceIPs  []string `yaml:"device_ips"`
	Addresses  []string `yaml:"addresses"` // further e-mail addresses of the same person
}

// Contact is where a team is told. At least one field is set.
type Contact struct {
	Channel string `yaml:"channel"` // chat channel id
	ChatID  string `yaml:"chat_id"` // chat user id
	Email   string `yaml:"email"`
}

// Account says whose an AWS account is.
type Account struct {
	Name string `yaml:"name"`
	Team string `yaml:"team"`
}

// Problem is one mistake in a Config. Path names the field below the
// directory's section, such as "people[2].email".
type Problem struct {
	Path string
	Msg  string
}

// Problems is every mistake found in a Config.
type Problems []Problem

// Error joins the problems, one a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Path + ": " + p.Msg
	}
	return strings.Join(lines, "\n")
}

const (
	channelPattern = `^[CG][A-Z0-9]{6,20}$`
	chatIDPattern  = `^[UW][A-Z0-9]{6,20}$`
	accountPattern = `^[0-9]{12}$`
	teamPattern    = `^[A-Za-z0-9][A-Za-z0-9 ._/-]{0,62}$`
)

// Validate returns nil or Problems with everything that is wrong.
func (c Config) Validate() error {
	v := &validator{domains: map[string]bool{}}
	for i, d := range c.Domains {
		v.domain(fmt.Sprintf("domains[%d]", i), d)
	}
	v.people(c.People)
	for i, key := range c.OwnerTags {
		if strings.TrimSpace(key) == "" || len(key) > 128 {
			v.add(fmt.Sprintf("owner_tags[%d]", i), "a tag key has 1 to 128 characters")
		}
	}
	v.teams(c.Teams)
	v.accounts(c.Accounts, c.Teams)
	for i, n := range c.TrustedEgress {
		v.network(fmt.Sprintf("trusted_egress[%d]", i), n)
	}
	v.contact("catch_all", c.CatchAll)
	if len(v.problems) > 0 {
		return v.problems
	}
	return nil
}

type validator struct {
	domains  map[string]bool
	problems Problems
}

func (v *validator) add(path, format string, args ...any) {
	v.problems = append(v.problems, Problem{Path: path, Msg: fmt.Sprintf(format, args...)})
}

func (v *validator) domain(path, d string) {
	name := strings.ToLower(d)
	switch suffix, _ := publicsuffix.PublicSuffix(name); {
	case !domainName.MatchString(name):
		v.add(path, "%q is not a domain name such as example.com", d)
	case suffix == name:
		v.add(path, "%q is a public suffix: anybody can have an address below it", d)
	case v.domains[name]:
		v.add(path, "%q appears twice", d)
	}
	v.domains[name] = true
}

var (
	domainName   = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)
	emailAddress = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._%+'-]{0,63}@([A-Za-z0-9-]{1,63}\.)+[A-Za-z0-9-]{2,63}$`)
)

func (v *validator) people(people []Person) {
	byEmail, byChat := map[string]int{}, map[string]int{}
	principals := map[string]int{}
	for i, p := range people {
		path := fmt.Sprintf("people[%d]", i)
		if !emailAddress.MatchString(p.Email) {
			v.add(path+".email", "%q is not an e-mail address", p.Email)
		} else {
			v.once(path+".email", strings.ToLower(p.Email), byEmail, i)
		}
		if p.ChatID != "" {
			v.match(path+".chat_id", p.ChatID, chatIDPattern, "a chat user id such as U012AB3CD")
			v.once(path+".chat_id", p.ChatID, byChat, i)
		}
		for j, a := range p.Addresses {
			at := fmt.Sprintf("%s.addresses[%d]", path, j)
			if !emailAddress.MatchString(a) {
				v.add(at, "%q is not an e-mail address", a)
				continue
			}
			v.once(at, strings.ToLower(a), byEmail, i)
		}
		if len(p.Name) > 80 {
			v.add(path+".name", "a name for the greeting has at most 80 bytes")
		}
		for j, principal := range p.Principals {
			at := fmt.Sprintf("%s.principals[%d]", path, j)
			if strings.Trim(principal, "*/ ") == "" {
				v.add(at, "%q would match everybody", principal)
				continue
			}
			v.once(at, principal, principals, i)
		}
		for j, ip := range p.DeviceIPs {
			if a, err := netip.ParseAddr(ip); err != nil || a.Zone() != "" {
				v.add(fmt.Sprintf("%s.device_ips[%d]", path, j), "%q is not an IP address", ip)
			}
		}
	}
}

func (v *validator) once(path, value string, seen map[string]int, i int) {
	if first, dup := seen[value]; dup {
		v.add(path, "%q already belongs to people[%d]", value, first)
		return
	}
	seen[value] = i
}

func (v *validator) teams(teams map[string]Contact) {
	lower := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(teams)) {
		path := "teams." + name
		v.match(path, name, teamPattern, "a team name of letters, digits, spaces and . _ / -")
		if other, dup := lower[strings.ToLower(name)]; dup {
			v.add(path, "differs from %q only in case, which tags do not tell apart", other)
		}
		lower[strings.ToLower(name)] = name
		v.contact(path, teams[name])
	}
}

func (v *validator) accounts(accounts map[string]Account, teams map[string]Contact) {
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		path := "accounts." + id
		v.match(path, id, accountPattern, "an account id of 12 digits; put it in quotes")
		team := accounts[id].Team
		if _, ok := teams[team]; team != "" && !ok {
			v.add(path+".team", "there is no team %q under teams", team)
		}
	}
}

func (v *validator) contact(path string, c Contact) {
	if c == (Contact{}) {
		v.add(path, "nobody can be told: set channel, chat_id or email")
	}
	if c.Channel != "" {
		v.match(path+".channel", c.Channel, channelPattern, "a channel id such as C012AB3CD (names can change)")
	}
	if c.ChatID != "" {
		v.match(path+".chat_id", c.ChatID, chatIDPattern, "a chat user id such as U012AB3CD")
	}
	if c.Email != "" && !emailAddress.MatchString(c.Email) {
		v.add(path+".email", "%q is not an e-mail address", c.Email)
	}
}

func (v *validator) network(path, s string) {
	p, err := netip.ParsePrefix(s)
	switch {
	case err != nil:
		v.add(path, "%q is not a network such as 192.0.2.0/24", s)
	case p != p.Masked():
		v.add(path, "%q has host bits; the network is %s", s, p.Masked())
	case p.Bits() < 8:
		v.add(path, "%q is far too wide to be anybody's own network", s)
	}
}

func (v *validator) match(path, s, pattern, what string) {
	if !regexp.MustCompile(pattern).MatchString(s) {
		v.add(path, "%q is not %s", s, what)
	}
}
