package enrich_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/findings/enrich"
)

func TestValidateReportsEveryMistake(t *testing.T) {
	t.Parallel()
	c := enrich.Config{
		Domains: []string{"corp.example.com", "CORP.example.com", "com", "github.io", "not a domain", ""},
		People: []enrich.Person{
			{Email: "ana@corp.example.com", ChatID: "U0ANA0000", Principals: []string{"ana"}},
			{Email: "ANA@corp.example.com", ChatID: "U0ANA0000", Principals: []string{"ana", "*", "*/*", " "}},
			{Email: "ana", ChatID: "@ana", Name: strings.Repeat("a", 81), DeviceIPs: []string{"192.0.2.1", "laptop", "192.0.2.0/24", "fe80::1%eth0"}},
		},
		OwnerTags: []string{"owner", " "},
		Teams: map[string]enrich.Contact{
			"a":        {},
			"A":        {Channel: "#general"},
			"<!here>":  {ChatID: "someone"},
			"payments": {Email: "payments"},
		},
		Accounts: map[string]enrich.Account{"1234": {Team: "nobody"}, "111122223333": {Team: "Payments"}},
		TrustedEgress: []string{
			"192.0.2.0/24", "192.0.2.1/24", "office", "0.0.0.0/0",
		},
	}
	_, err := enrich.New(c)
	var problems enrich.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("New: %v", err)
	}
	want := []string{
		`domains[1]: "CORP.example.com" appears twice`,
		`domains[2]: "com" is not a domain name such as example.com`,
		`domains[3]: "github.io" is a public suffix: anybody can have an address below it`,
		`domains[4]: "not a domain" is not a domain name such as example.com`,
		`domains[5]: "" is not a domain name such as example.com`,
		`people[1].email: "ana@corp.example.com" already belongs to people[0]`,
		`people[1].chat_id: "U0ANA0000" already belongs to people[0]`,
		`people[1].principals[0]: "ana" already belongs to people[0]`,
		`people[1].principals[1]: "*" would match everybody`,
		`people[1].principals[2]: "*/*" would match everybody`,
		`people[1].principals[3]: " " would match everybody`,
		`people[2].email: "ana" is not an e-mail address`,
		`people[2].chat_id: "@ana" is not a chat user id such as U012AB3CD`,
		`people[2].name: a name for the greeting has at most 80 bytes`,
		`people[2].device_ips[1]: "laptop" is not an IP address`,
		`people[2].device_ips[2]: "192.0.2.0/24" is not an IP address`,
		`people[2].device_ips[3]: "fe80::1%eth0" is not an IP address`,
		`owner_tags[1]: a tag key has 1 to 128 characters`,
		`teams.<!here>: "<!here>" is not a team name of letters, digits, spaces and . _ / -`,
		`teams.<!here>.chat_id: "someone" is not a chat user id such as U012AB3CD`,
		`teams.A.channel: "#general" is not a channel id such as C012AB3CD (names can change)`,
		`teams.a: differs from "A" only in case, which tags do not tell apart`,
		`teams.a: nobody can be told: set channel, chat_id or email`,
		`teams.payments.email: "payments" is not an e-mail address`,
		`accounts.111122223333.team: there is no team "Payments" under teams`,
		`accounts.1234: "1234" is not an account id of 12 digits; put it in quotes`,
		`accounts.1234.team: there is no team "nobody" under teams`,
		`trusted_egress[1]: "192.0.2.1/24" has host bits; the network is 192.0.2.0/24`,
		`trusted_egress[2]: "office" is not a network such as 192.0.2.0/24`,
		`trusted_egress[3]: "0.0.0.0/0" is far too wide to be anybody's own network`,
		`catch_all: nobody can be told: set channel, chat_id or email`,
	}
	if diff := cmp.Diff(want, strings.Split(problems.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestConfigReadsFromYAML(t *testing.T) {
	t.Parallel()
	const text = `
domains: [corp.example]
people:
  - email: ana@corp.example
    chat_id: U0ANA0000
    name: Ana
    principals: [ana, "deploy/ana"]
    device_ips: [203.0.113.5]
owner_tags: [owner]
teams:
  payments: {channel: C0PAYMENTS}
accounts:
  "000022223333": {name: payments-prod, team: payments}
trusted_egress: [192.0.2.0/24]
catch_all: {channel: C0SECURITY}
`
	var c enrich.Config
	if err := yaml.UnmarshalWithOptions([]byte(text), &c, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Error(err)
	}
	if c.Accounts["000022223333"].Team != "payments" || c.People[0].Principals[1] != "deploy/ana" {
		t.Errorf("%+v", c)
	}
}
