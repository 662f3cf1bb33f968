package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/findings/policy"
)

const tail = "\n  - {id: default, then: ticket}\n"

// mistakes are policy texts with every problem they must produce.
var mistakes = map[string]struct {
	text string
	want []string
}{
	"empty":           {"", []string{"p.yaml:1:1: the policy is empty"}},
	"only a comment":  {"# nothing\n", []string{"p.yaml:1:1: the policy is empty"}},
	"only a mark":     {"---\n", []string{"p.yaml:1:1: the policy is empty"}},
	"not UTF-8":       {"version: \xff", []string{"p.yaml:1:1: the policy is not valid UTF-8"}},
	"a list":          {"- 1\n", []string{"p.yaml:1:1: a policy is a mapping with the keys version, lists and rules, not a list"}},
	"second document": {"version: 1\nrules:" + tail + "---\nversion: 1\n", []string{"p.yaml:4:1: a policy is exactly one YAML document; a second one starts here"}},
	"directive":       {"%YAML 1.2\n---\nversion: 1\n", []string{"p.yaml:1:1: directives are not supported"}},
	"bad YAML":        {"version: 1\nrules: [\n", []string{"p.yaml:2:8: YAML: sequence end token ']' not found"}},
	"bad indentation": {"version: 1\nrules:\n  - id: x\n   then: page\n", []string{"p.yaml:4:4: YAML: "}},
	"deep nesting":    {"version: " + strings.Repeat("[", 200), []string{"p.yaml:1:110: nested deeper than 100 levels"}},
	"deep dashes":     {strings.Repeat("- ", 200), []string{"p.yaml:1:201: nested deeper than 100 levels"}},
	"no version":      {"rules:" + tail, []string{"p.yaml:1:1: the key version is missing; this is version: 1"}},
	"other version":   {"version: 2\nrules:" + tail, []string{"p.yaml:1:10: version 2 is not known; this program reads version 1"}},
	"version text":    {"version: one\nrules:" + tail, []string{"p.yaml:1:10: version is a whole number, not a text"}},
	"no rules":        {"version: 1\n", []string{"p.yaml:1:1: the key rules is missing"}},
	"empty rules":     {"version: 1\nrules: []\n", []string{"p.yaml:2:1: there are no rules; the least is a last one such as {id: default, then: ticket}"}},
	"unknown keys": {"version: 1\nruels: 1\nrules:\n  - id: a\n    wen: 'true'\n    then: page" + tail, []string{
		`p.yaml:2:1: unknown key "ruels" in a policy (did you mean "rules"?)`,
		`p.yaml:4:5: this rule matches every finding, so no later rule is ever reached; give it "on" or "when", or move it to the end`,
		`p.yaml:5:5: unknown key "wen" in a rule (did you mean "when"?)`,
	}},
	"duplicate keys": {"version: 1\nrules:\n  - id: a\n    then: page\n    then: record" + "\nversion: 1\n", []string{
		`p.yaml:5:5: key "then" appears twice; the first is on line 4`,
		`p.yaml:6:1: key "version" appears twice; the first is on line 1`,
	}},
	"anchor": {"version: 1\nrules:\n  - &x {id: default, then: ticket}\n", []string{
		"p.yaml:3:5: a rule is a mapping of keys, not an anchor or alias (they are not supported)",
	}},
	"floor":       {"version: 1\nnever_suppress_at: 11\nrules:" + tail, []string{"p.yaml:2:20: never_suppress_at is a severity from 0 to 10"}},
	"file mode":   {"version: 1\nmode: on\nrules:" + tail, []string{`p.yaml:2:7: mode is one of enforce, shadow, off, not "on"`}},
	"number text": {"version: 1\nrules:\n  - {id: 7, then: ticket}\n", []string{"p.yaml:3:10: id is a text; put 7 in quotes"}},
	"bad id":      {"version: 1\nrules:\n  - {id: My Rule, then: ticket}\n", []string{`p.yaml:3:10: id is at most 64 of a-z, 0-9, - and _, not "My Rule"`}},
	"no id":       {"version: 1\nrules:\n  - then: ticket\n", []string{"p.yaml:3:5: a rule needs an id"}},
	"same id": {"version: 1\nrules:\n  - {id: default, on: x, then: page}" + tail, []string{
		`p.yaml:4:5: rule id "default" appears twice; the first is on line 3`,
	}},
	"no then":  {"version: 1\nrules:\n  - {id: default}\n", []string{"p.yaml:3:5: rule default does not say what follows: the key then is missing"}},
	"bad then": {"version: 1\nrules:\n  - {id: default, then: pgae}\n", []string{`p.yaml:3:25: then is one of suppress, record, notify, ticket, inquire, page, not "pgae" (did you mean "page"?)`}},
	"null on":  {"version: 1\nrules:\n  - id: a\n    on:\n    then: page" + tail, []string{"p.yaml:4:8: on is a text, not empty"}},
	"last rule conditional": {"version: 1\nrules:\n  - {id: a, when: finding.sample, then: record}\n", []string{
		`p.yaml:3:5: the last rule must match every finding: leave out "on" and "when"`}},
	"last rule by type": {"version: 1\nrules:\n  - {id: a, on: 'Recon:*', then: record}\n", []string{`p.yaml:3:5: the last rule must match every finding`}},
	"last rule suppresses": {"version: 1\nrules:\n  - {id: a, then: suppress, why: x, owner: y, expires: 2027-01-01}\n", []string{
		"p.yaml:3:5: the last rule may not suppress: it decides about whatever nobody thought of"}},
	"last rule expires": {"version: 1\nrules:\n  - {id: a, then: page, expires: 2027-01-01}\n", []string{"p.yaml:3:5: the last rule may not expire"}},
	"last rule shadow":  {"version: 1\nrules:\n  - {id: a, then: page, mode: shadow}\n", []string{"p.yaml:3:5: the last rule is always enforced"}},
	"suppress without reasons": {"version: 1\nrules:\n  - {id: a, on: x, then: suppress}" + tail, []string{
		"p.yaml:3:5: rule a suppresses, so it needs why",
		"p.yaml:3:5: rule a suppresses, so it needs owner",
		"p.yaml:3:5: rule a suppresses, so it needs expires"}},
	"bad expires": {"version: 1\nrules:\n  - {id: a, on: x, then: page, expires: soon}" + tail, []string{
		`p.yaml:3:41: expires is a date such as 2027-03-31 or a time such as 2027-03-31T18:00:00Z, not "soon"`}},
	"lift_floor on a page": {"version: 1\nrules:\n  - {id: a, on: x, then: page, lift_floor: true}" + tail, []string{"p.yaml:3:32: lift_floor belongs to a rule that suppresses"}},
	"also": {"version: 1\nrules:\n  - {id: a, on: x, then: notify, also: [ticket, page, record, bogus, inquire]}" + tail, []string{
		"p.yaml:3:41: also: ticket is not below then: notify; the highest step belongs in then",
		"p.yaml:3:49: also names steps beside the main one: record, notify, ticket or inquire, not \"page\"",
		"p.yaml:3:63: also names steps beside the main one: record, notify, ticket or inquire, not \"bogus\"",
		"p.yaml:3:70: also: inquire is not below then: notify; the highest step belongs in then",
	}},
	"inquire on a page": {"version: 1\nrules:\n  - {id: a, on: x, then: page, inquire: {mfa: true}}" + tail, []string{
		"p.yaml:3:32: inquire describes a question, but this rule does not ask one (then: page)"}},
	"inquire outcomes": {"version: 1\nrules:\n  - id: a\n    on: x\n    then: inquire\n    inquire: {on_yes: page, on_no: ticket, on_unsure: record, on_timeout: notify, on_mfa_fail: suppress, timeout: 5s, mfa: maybe}" + tail, []string{
		`p.yaml:6:23: on_yes is one of record, notify, ticket, not "page"`,
		`p.yaml:6:36: on_no (a no is believed) is one of page, not "ticket"`,
		`p.yaml:6:55: on_unsure is one of ticket, page, not "record"`,
		`p.yaml:6:75: on_timeout (silence is not consent) is one of ticket, page, not "notify"`,
		`p.yaml:6:96: on_mfa_fail is one of ticket, page, not "suppress"`,
		`p.yaml:6:115: timeout lies between 1m0s and 168h0m0s, not 5s`,
		`p.yaml:6:124: mfa is true or false`,
	}},
	"negative timeout": {"version: 1\nrules:\n  - {id: a, on: x, then: inquire, inquire: {timeout: -4h}}" + tail, []string{"p.yaml:3:54: timeout lies between"}},
	"unknown look-up": {"version: 1\nrules:\n  - {id: a, on: x, then: page, enrich: [emploee]}" + tail, []string{
		`p.yaml:3:41: there is no look-up "emploee" (did you mean "employee"?)`}},
	"collect": {"version: 1\nrules:\n  - id: a\n    on: x\n    then: page\n    collect:\n      - {when: employee.known, run: [osquery]}\n      - {when: finding.sample}\n      - {run: [Bad Id]}\n      - 7" + tail, []string{
		"p.yaml:7:16: a condition of collect may read finding.* only, not employee",
		"p.yaml:8:9: an entry of collect says what to run",
		`p.yaml:9:16: run is at most 64 of a-z, 0-9, - and _, not "Bad Id"`,
		"p.yaml:10:9: an entry of collect is a mapping of keys, not a number",
	}},
	"list kinds": {"version: 1\nlists:\n  Web: {ints: [80]}\n  in: {ints: [1]}\n  a: {ints: [1], cidrs: []}\n  b: {port: [1]}\n  c: {ints: 80}\n  d: 7\nrules:" + tail, []string{
		`p.yaml:3:3: a list is named with a-z, 0-9 and _, beginning with a letter, and not with a word of CEL; not "Web"`,
		`p.yaml:4:3: a list is named with`,
		"p.yaml:5:3: list a has exactly one kind: one of ints, cidrs, domains, strings",
		"p.yaml:6:3: list b has exactly one kind: one of ints, cidrs, domains, strings",
		`p.yaml:6:7: unknown key "port" in list b`,
		"p.yaml:7:13: list c is a list, not a number",
		"p.yaml:8:6: list d is a mapping of keys, not a number",
	}},
	"list entries": {`version: 1
lists:
  n: {ints: [80, "443", 0123, 1.5, 0x50]}
  c: {cidrs: [192.0.2.0/24, 192.0.2.1/24, nonsense, 0.0.0.0/0, "::ffff:192.0.2.0/120", "fe80::1%eth0"]}
  d: {domains: [good.example.com, com, co.uk, github.io, "*.example.com", .example.com, "exa mple.com", user@example.com]}
  s: {strings: [ok, 7, ""]}
rules:` + tail, []string{
		"p.yaml:3:18: an entry of list n is a whole number, not a text",
		"p.yaml:3:25: an entry of list n is a plain decimal number; 0123 is read differently by different tools",
		"p.yaml:3:31: an entry of list n is a whole number, not a number",
		"p.yaml:3:36: an entry of list n is a plain decimal number; 0x50 is read differently by different tools",
		`p.yaml:4:29: list c: "192.0.2.1/24" has host bits; the network is 192.0.2.0/24`,
		`p.yaml:4:43: list c: "nonsense" is neither an address nor a network such as 192.0.2.0/24`,
		`p.yaml:4:53: list c: "0.0.0.0/0" covers half of all addresses or more`,
		`p.yaml:4:64: list c: write "::ffff:192.0.2.0/120" as an IPv4 network`,
		`p.yaml:4:88: list c: "fe80::1%eth0" has a zone`,
		`p.yaml:5:35: list d: "com" is a public suffix: everybody can register a name below it`,
		`p.yaml:5:40: list d: "co.uk" is a public suffix`,
		`p.yaml:5:47: list d: "github.io" is a public suffix`,
		`p.yaml:5:58: list d: write "*.example.com" without the leading dot or star`,
		`p.yaml:5:75: list d: write ".example.com" without the leading dot or star`,
		`p.yaml:5:89: list d: "exa mple.com" is not a domain name`,
		`p.yaml:5:105: list d: "user@example.com" is not a domain name`,
		"p.yaml:6:21: an entry of list s is a text; put 7 in quotes",
		"p.yaml:6:24: an entry of list s is empty",
	}},
	"tests section": {"version: 1\nrules:" + tail + `tests:
  - name: a
    finding: x.json
    expect: {rule: defalt, then: ticket}
  - finding: x.json
    expect: {then: ticket}
  - {name: c, expect: {then: ticket}}
  - {name: d, finding: x.json, with: {emploee: unavailable}}
`, []string{
		`p.yaml:7:20: there is no rule "defalt" (did you mean "default"?)`,
		"p.yaml:8:5: a test needs a name",
		"p.yaml:10:5: a test needs a finding: a path or the document itself",
		"p.yaml:11:5: a test expects something: rule, then or degraded",
		`p.yaml:11:39: unknown key "emploee" in with (did you mean "employee"?)`,
	}},
}

func TestCompileReportsEveryMistakeWithItsPlace(t *testing.T) {
	t.Parallel()
	for name, tc := range mistakes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectProblems(t, tc.text, tc.want)
		})
	}
}

// expectProblems compares line by line; an expectation may be the beginning of
// the message.
func expectProblems(t *testing.T, text string, want []string) {
	t.Helper()
	p, err := policy.Compile("p.yaml", []byte(text))
	var problems policy.Problems
	if p != nil || !errors.As(err, &problems) {
		t.Fatalf("Compile = %v, %v; want Problems", p, err)
	}
	got := strings.Split(err.Error(), "\n")
	for i := range got {
		if i < len(want) && strings.HasPrefix(got[i], want[i]) {
			got[i] = want[i]
		}
	}
	sortable := append([]string(nil), want...)
	if diff := cmp.Diff(sortable, got); diff != "" {
		t.Errorf("problems (-want +got):\n%s", diff)
	}
}
