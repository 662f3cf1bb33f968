package enrich

import (
	"regexp"
	"strings"

	"github.com/securitybot/securitybot/findings"
)

// An instance's own credentials have its id as session name.
var instanceSession = regexp.MustCompile(`^i-[0-9a-f]{8,17}$`)

// Employee returns the person behind the principal of a finding, as far as the
// directory can tell. Known is false for root, services and instances, which
// are nobody, and wherever the answer would be a guess.
func (d *Directory) Employee(f *findings.Finding) findings.Employee {
	p := f.Principal
	if why := nobody(p); why != "" {
		return findings.Employee{Why: why}
	}
	if e, found := d.fromTable(p); found {
		return e
	}
	for _, c := range []struct{ text, what string }{
		{p.Session, "the session was opened with the sign-in name "},
		{userName(p), "the IAM user is called "},
	} {
		email, company := d.email(c.text)
		switch {
		case email == "":
		case !company:
			return findings.Employee{Why: c.what + quote(c.text) + ", which is not an address of the company"}
		default:
			return d.person(email, c.what+quote(email))
		}
	}
	return findings.Employee{Why: "nothing tells whose credentials these are (" + describe(p) + ")"}
}

// nobody says why a principal has no person behind it, or returns "".
func nobody(p findings.Principal) string {
	switch {
	case p == (findings.Principal{}):
		return "the finding names no credentials"
	case strings.EqualFold(p.Type, "Root"):
		return "these are the root credentials of the account, which belong to no person"
	case strings.EqualFold(p.Type, "AWSService"):
		return "an AWS service used these credentials, not a person"
	case strings.EqualFold(p.Type, "AWSAccount"):
		return "another AWS account made the call; which person is not known"
	case instanceSession.MatchString(p.Session):
		return "these are the credentials of the instance " + quote(p.Session) + ", not of a person"
	case strings.HasPrefix(p.Session, "system:") || strings.HasPrefix(p.Name, "system:"):
		return "this is a system account of Kubernetes, not a person"
	case strings.HasPrefix(p.Name, "AWSServiceRoleFor"):
		return "this is the role of an AWS service, not of a person"
	}
	return ""
}

// fromTable looks the principal up among the people of the configuration. Two
// people for one principal are none: asking the wrong one helps an attacker.
func (d *Directory) fromTable(p findings.Principal) (findings.Employee, bool) {
	matched, name := d.named(p)
	switch len(matched) {
	case 0:
		return findings.Employee{}, false
	case 1:
		return d.known(matched[0], "the configuration says that "+quote(name)+" is theirs"), true
	}
	return findings.Employee{Why: "the configuration gives " + quote(name) + " to more than one person"}, true
}

// named returns the people of the first name of the principal that the table
// knows: exact names go before patterns, the most specific name first.
func (d *Directory) named(p findings.Principal) ([]*Person, string) {
	names := principalNames(p)
	for _, name := range names {
		if people := d.exact[strings.ToLower(name)]; len(people) > 0 {
			return people, name
		}
	}
	for _, name := range names {
		var matched []*Person
		for _, entry := range d.principal {
			if wildcard(entry.pattern, strings.ToLower(name)) && !contains(matched, entry.person) {
				matched = append(matched, entry.person)
			}
		}
		if len(matched) > 0 {
			return matched, name
		}
	}
	return nil, ""
}

func contains(people []*Person, p *Person) bool {
	for _, other := range people {
		if other == p {
			return true
		}
	}
	return false
}

// principalNames lists how the table may call a principal, most specific first.
func principalNames(p findings.Principal) []string {
	var out []string
	if p.Name != "" && p.Session != "" {
		out = append(out, p.Name+"/"+p.Session)
	}
	for _, s := range []string{p.Session, userName(p), p.ID} {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// userName is the principal's name when that names a user. The name of a role
// names nobody: many may assume it.
func userName(p findings.Principal) string {
	switch strings.ToLower(p.Type) {
	case "assumedrole", "role":
		return ""
	}
	return p.Name
}

// email returns text in lower case when it is an e-mail address, and whether
// its domain is one of the company's.
func (d *Directory) email(text string) (email string, company bool) {
	if !emailAddress.MatchString(text) {
		return "", false
	}
	email = strings.ToLower(text)
	_, domain, _ := strings.Cut(email, "@")
	return email, d.domains[domain]
}

func (d *Directory) person(email, why string) findings.Employee {
	if p, ok := d.byEmail[email]; ok {
		return d.known(p, why)
	}
	return findings.Employee{Known: true, Email: email, Why: why}
}

func (d *Directory) known(p *Person, why string) findings.Employee {
	return findings.Employee{
		Known: true, Email: strings.ToLower(p.Email), ChatID: p.ChatID, Name: p.Name, Why: why,
		DeviceIPs: append([]string(nil), p.DeviceIPs...),
	}
}

func describe(p findings.Principal) string {
	out := "type " + quote(p.Type)
	if p.Name != "" {
		out += ", name " + quote(p.Name)
	}
	if p.Session != "" {
		out += ", session " + quote(p.Session)
	}
	return out
}

// wildcard matches s against a pattern in which "*" stands for any characters.
func wildcard(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return s == pattern
	}
	if len(s) < len(parts[0])+len(parts[last]) || !strings.HasPrefix(s, parts[0]) || !strings.HasSuffix(s, parts[last]) {
		return false
	}
	s = s[len(parts[0]) : len(s)-len(parts[last])]
	for _, part := range parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}
