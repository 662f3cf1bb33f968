package policy_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

const listsForTests = `lists:
  nets: {cidrs: [192.0.2.0/24, 203.0.113.7, "2001:db8:1::/48"]}
  none: {cidrs: []}
  hosts: {domains: [Customer.example.com, xn--bcher-kva.example.net]}
  ports: {ints: [80, 443]}
  types: {strings: ["Recon:*", "*/PortSweep"]}
`

func TestOwnFunctions(t *testing.T) {
	t.Parallel()
	f := findings.Finding{
		Type: "Recon:EC2/Portscan", Remote: remotes("192.0.2.9", "::ffff:203.0.113.7"), LocalPorts: []int{443, 80}, Domain: "API.customer.EXAMPLE.com.",
		Tags: []findings.Tag{{Key: "team", Value: "payments"}}, Severity: 5, Count: 1,
	}
	for expression, want := range map[string]bool{
		`finding.remote_ip.inAny(lists.nets)`:                       true,
		`finding.remote_ip.inAny(lists.none)`:                       false,
		`"203.0.113.7".inAny(lists.nets)`:                           true,
		`"::ffff:203.0.113.7".inAny(lists.nets)`:                    true,
		`"203.0.113.8".inAny(lists.nets)`:                           false,
		`"2001:db8:1:2::3".inAny(lists.nets)`:                       true,
		`"2001:db8:2::3".inAny(lists.nets)`:                         false,
		`"".inAny(lists.nets)`:                                      false,
		`finding.remote_ips.allIn(lists.nets)`:                      true,
		`finding.remote_ips.inAny(lists.nets)`:                      true,
		`["192.0.2.1", "198.51.100.1"].allIn(lists.nets)`:           false,
		`["198.51.100.1", "192.0.2.1"].inAny(lists.nets)`:           true,
		`["198.51.100.1"].inAny(lists.nets)`:                        false,
		`finding.resources.allIn(lists.types)`:                      false, // empty
		`finding.remote_ports.allIn(lists.ports)`:                   false, // empty
		`finding.remote_ports.all(p, p in lists.ports)`:             true,  // the trap
		`finding.local_ports.allIn(lists.ports)`:                    true,
		`[80, 22].allIn(lists.ports)`:                               false,
		`[22, 80].anyIn(lists.ports)`:                               true,
		`[22].anyIn(lists.ports)`:                                   false,
		`finding.domain.under(lists.hosts)`:                         true,
		`"customer.example.com".under(lists.hosts)`:                 true,
		`"evilcustomer.example.com".under(lists.hosts)`:             false,
		`"customer.example.com.evil.example".under(lists.hosts)`:    false,
		`"example.com".under(lists.hosts)`:                          false,
		`"".under(lists.hosts)`:                                     false,
		`"shop.xn--bcher-kva.example.net".under(lists.hosts)`:       true,
		`finding.type.glob(lists.types)`:                            true,
		`"Impact:EC2/PortSweep".glob(lists.types)`:                  true,
		`"Impact:EC2/PortSweeps".glob(lists.types)`:                 false,
		`finding.type.glob("Recon:*/Port*")`:                        true,
		`finding.tags.value("team") == "payments"`:                  true,
		`finding.tags.value("owner") == ""`:                         true,
		`has(finding.tags.team) && finding.tags.team == "payments"`: true,
		`"team" in finding.tags`:                                    true,
		`finding.level == "medium" && finding.first_time`:           true,
		`finding.group == "ec2" && finding.severity > 4`:            true,
		`now >= timestamp("2026-11-01T00:00:00Z")`:                  true,
		`now.getDayOfWeek("Europe/Berlin") == 0`:                    true, // a Sunday
		`finding.remote_count == 2 && finding.kind == ""`:           true,
	} {
		p, err := policy.Compile("p.yaml", []byte("version: 1\n"+listsForTests+"rules:\n  - id: a\n    when: >-\n      "+expression+"\n    then: page"+tail))
		if err != nil {
			t.Errorf("%s: %v", expression, err)
			continue
		}
		d := decide(p, f, nil)
		if d.Degraded || (d.Rule == "a") != want {
			t.Errorf("%s = %t, want %t\n%v", expression, d.Rule == "a", want, d.Reasons)
		}
	}
}

func TestUnreadableAddressIsAnErrorAndNotANo(t *testing.T) {
	t.Parallel()
	p := compile(t, "  - {id: a, when: 'finding.domain.inAny(lists.nets)', then: page}"+tail+listsForTests)
	if d := decide(p, findings.Finding{Domain: "not-an-address"}, nil); !d.Degraded || d.Step != policy.Page {
		t.Errorf("%+v", d)
	}
}

func TestGlobMatchesLikeARegularExpression(t *testing.T) {
	t.Parallel()
	letters := []string{"a", "b", "/", ":", "*", "ab"}
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 9))
		var pattern, text strings.Builder
		for range r.IntN(6) {
			pattern.WriteString(pick(r, letters...))
		}
		for range r.IntN(8) {
			text.WriteString(pick(r, "a", "b", "/", ":"))
		}
		if pattern.Len() == 0 {
			continue
		}
		parts := strings.Split(pattern.String(), "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		want := regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(text.String())
		p := compile(t, fmt.Sprintf("  - {id: a, on: %q, then: page, expires: 2099-01-01}", pattern.String())+tail)
		if got := decide(p, findings.Finding{Type: text.String()}, nil).Rule == "a"; got != want {
			t.Fatalf("%q on %q: %t, want %t", pattern.String(), text.String(), got, want)
		}
	}
}

func TestEveryVariableHasAValue(t *testing.T) {
	t.Parallel()
	for _, name := range policy.Variables() {
		enrichment, _, _ := strings.Cut(name, ".")
		p := compile(t, "  - {id: a, when: '"+name+" == "+name+"', then: page}"+tail)
		d := p.Decide(policy.Input{Finding: &findings.Finding{}, Now: noon})
		if enrichment == "finding" || enrichment == "now" {
			if d.Rule != "a" || d.Degraded || len(d.Needs) > 0 {
				t.Errorf("%s: %+v", name, d)
			}
		} else if len(d.Needs) != 1 || d.Needs[0] != enrichment {
			t.Errorf("%s: needs %v, want %s", name, d.Needs, enrichment)
		}
	}
}
