package policy_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

func TestExplainSaysWhatBecameOfEveryRule(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: other-type, on: "S3:*", then: page}
  - {id: off, on: "*:EC2/*", then: page, mode: off}
  - {id: old, on: "*:EC2/*", then: page, expires: 2026-01-01}
  - {id: shadow, on: "*:EC2/*", then: record, mode: shadow}
  - {id: low, when: finding.severity < 4, then: record}
  - {id: floor, on: "*:EC2/*", then: suppress, why: x, owner: y, expires: 2099-01-01}
  - {id: nlb, when: finding.severity > 7 && resource.behind_nlb, then: notify}
  - {id: bug, when: 'finding.tags["x"] == "y"', then: notify}
  - {id: role, when: finding.role == "ACTOR", then: page}`+tail)
	f := findings.Finding{Type: "Recon:EC2/Portscan", Severity: 8, Role: "ACTOR"}
	var got []string
	for _, tr := range p.Explain(policy.Input{Finding: &f, Now: noon, Unavailable: map[string]string{"resource": "down"}}) {
		got = append(got, tr.Rule+" | "+tr.Verdict+" | "+tr.Detail)
		if tr.Line == 0 || !tr.Then.Valid() {
			t.Errorf("%+v", tr)
		}
	}
	want := []string{
		"other-type | type | the type does not match S3:*",
		"off | off | ",
		"old | expired | no longer applies since 2026-01-02T00:00:00Z",
		"shadow | shadow | the type matches *:EC2/*",
		"low | false | finding.severity < 4 (finding.severity = 8)",
		"floor | floor | a severity of 8 is not below the floor of 7",
		"nlb | undecided | what remains is resource.behind_nlb; the look-up resource is unavailable (down)",
		"bug | undecided | its condition fails (no such key: x)",
		`role | true | finding.role == "ACTOR" (finding.role = "ACTOR")`,
		"default | not reached | ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if traces := p.Explain(policy.Input{}); traces[4].Verdict != "true" {
		t.Errorf("no finding: %+v", traces)
	}
}

func TestExplainAgreesWithDecide(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	for name, tc := range defaultCases() {
		in := policy.Input{Finding: &tc.f, Facts: tc.facts, Now: noon}
		d := p.Decide(in)
		if d.Degraded || len(d.Needs) > 0 {
			continue
		}
		for _, tr := range p.Explain(in) {
			if tr.Verdict == "true" && tr.Rule != d.Rule {
				t.Errorf("%s: explain says %s, decide %s", name, tr.Rule, d.Rule)
			}
		}
	}
}

func TestReasonsShowValuesShortAndOnOneLine(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - id: a
    when: finding.domain != "" && size(finding.local_ports) > 1 && finding.tags.value("k") == "v"
    why: |
      Because it
      is so.
    then: page`+tail)
	f := findings.Finding{Domain: "a\n\x1b[31m" + strings.Repeat("x", 500), LocalPorts: []int{1, 2, 3, 4, 5, 6, 7}, Tags: []findings.Tag{{Key: "k", Value: "v"}}}
	d := decide(p, f, nil)
	all := strings.Join(d.Reasons, " ")
	if strings.ContainsAny(all, "\n\x1b") || len(all) > 500 {
		t.Errorf("reasons carry raw outside text: %q", all)
	}
	for _, want := range []string{"finding.local_ports = [1, 2, 3, 4, 5, and 2 more]", "finding.tags = 1 entries", "why this rule exists: Because it is so."} {
		if !strings.Contains(all, want) {
			t.Errorf("reasons %q lack %q", all, want)
		}
	}
}

func TestInquireDefaults(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: bare, on: A, then: inquire}
  - {id: full, on: B, then: inquire, say: "your key made a list of all users", inquire: {mfa: true, timeout: 2h30m, on_yes: notify, on_no: page, on_unsure: page, on_timeout: ticket, on_mfa_fail: ticket}}
  - {id: both, on: C, then: page, also: [inquire]}`+tail)
	spec := func(typ string, severity float64) policy.InquireSpec {
		d := decide(p, findings.Finding{Type: typ, Severity: severity}, nil)
		if d.Inquire == nil {
			t.Fatalf("%s: no inquiry in %+v", typ, d)
		}
		return *d.Inquire
	}
	base := policy.InquireSpec{OnYes: policy.Record, OnNo: policy.Page, OnUnsure: policy.Ticket, OnTimeout: policy.Page, OnMFAFail: policy.Page}
	low, high := base, base
	low.OnTimeout, high.OnYes = policy.Ticket, policy.Ticket
	full := policy.InquireSpec{
		MFA: true, Timeout: 150 * time.Minute, OnYes: policy.Notify, OnNo: policy.Page, OnUnsure: policy.Page, OnTimeout: policy.Ticket, OnMFAFail: policy.Ticket,
	}
	for _, tc := range []struct {
		typ      string
		severity float64
		want     policy.InquireSpec
	}{{"A", 2, low}, {"A", 5, base}, {"A", 7, high}, {"A", 9.5, high}, {"B", 5, full}, {"C", 9, high}} {
		if diff := cmp.Diff(tc.want, spec(tc.typ, tc.severity)); diff != "" {
			t.Errorf("%s at %v: %s", tc.typ, tc.severity, diff)
		}
	}
	if d := decide(p, findings.Finding{Type: "B", Severity: 8}, nil); d.Inquire.OnYes != policy.Ticket || d.Say != "your key made a list of all users" ||
		!strings.Contains(strings.Join(d.Reasons, "\n"), "a yes alone does not close") {
		t.Errorf("a yes about a high finding: %+v", d)
	}
	if ids := p.RequiresMFA(); !slices.Equal(ids, []string{"full"}) {
		t.Errorf("RequiresMFA = %v", ids)
	}
}

func TestWantsAndCollect(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - id: a
    on: A
    then: page
    enrich: [by_ip, api_calls_by_ip, employees_by_ip]
    collect:
      - {run: osquery}
      - {when: finding.severity >= 7, run: [memory, osquery]}
      - {when: 'finding.tags["x"] == "y"', run: [snapshot]}`+tail)
	d := decide(p, findings.Finding{Type: "A", Severity: 7}, nil)
	if !slices.Equal(d.Wants, []string{"by_ip", "api_calls"}) || !slices.Equal(d.Collect, []string{"osquery", "memory"}) || len(d.Needs) != 0 {
		t.Errorf("%+v", d)
	}
	if !d.Degraded || !strings.Contains(strings.Join(d.Reasons, "\n"), "some evidence is not collected") {
		t.Errorf("a failing condition of collect is not told: %+v", d)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: soon, on: "Recon:*", when: "finding.severity < 1", then: suppress, why: x, owner: y, expires: 2026-11-14}
  - {id: over, on: "Recon:*", when: "finding.severity < 2", then: record, expires: 2026-10-31}
  - {id: lifted, on: "Recon:*", when: "finding.severity < 2", then: suppress, why: x, owner: y, expires: 2099-01-01, lift_floor: true}
  - {id: wide, on: "*:EC2/*", then: ticket}
  - {id: hidden, on: ["Recon:EC2/*", "Trojan:EC2/DropPoint"], then: page}
  - {id: typo, on: ["Recon:EC3/*", "Tamper:Any/*"], then: page}
  - {id: empty, when: "finding.local_ports.all(p, p in [80])", then: record}
  - {id: tag, when: 'finding.tags["x"] == "y" || finding.tags.z == "y"', then: page}
  - {id: tag-fine, when: 'has(finding.tags.x) || finding.tags.value("x") == "" || lists.ports[0] == 1', then: page}
  - {id: first-only, when: finding.remote_ip.inAny(lists.none), then: record}`+tail+listsForTests)
	var got []string
	for _, problem := range p.Lint(noon) {
		if problem.Line == 0 || problem.File != "p.yaml" {
			t.Errorf("%+v", problem)
		}
		got = append(got, problem.Msg)
	}
	want := []string{
		"rule soon expires on 2026-11-14: renew or remove it",
		"rule over has expired: it no longer applies",
		"rule lifted suppresses findings of any severity (lift_floor)",
		"rule hidden is never reached: rule wide takes the same types",
		`rule typo is about "Recon:EC3/*", which is no known finding type`,
		"rule empty uses all(), which is true for an empty list: prefer allIn, which is not",
		`rule tag reads a map entry that may be missing, and then fails: prefer finding.tags.value("key")`,
		"rule first-only lowers attention by the first remote address alone: prefer finding.remote_ips.allIn",
		"list nets is not used by any rule",
		"list none is empty, so what depends on it never matches",
		"list hosts is not used by any rule",
		"list types is not used by any rule",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestRulesListsWhatWasWritten(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: a, on: ["X:*", Y], when: "finding.sample  ||  finding.archived", then: inquire, inquire: {mfa: true}, why: w, owner: o, expires: 2027-01-01, enrich: [owner], collect: [{run: [osquery]}]}`+tail)
	want := policy.RuleInfo{
		ID: "a", Line: 4, On: []string{"X:*", "Y"}, When: "finding.sample || finding.archived", Then: policy.Inquire,
		Steps: []policy.Step{policy.Record, policy.Inquire}, Mode: policy.Enforce, Why: "w", Owner: "o",
		Expires: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), MFA: true, Wants: []string{"owner"}, Collect: []string{"osquery"},
	}
	if diff := cmp.Diff(want, p.Rules()[0]); diff != "" {
		t.Error(diff)
	}
	if len(p.Digest()) != 64 || p.Name() != "p.yaml" {
		t.Errorf("digest %q name %q", p.Digest(), p.Name())
	}
	if other := compile(t, "  # a comment"+tail); other.Digest() == p.Digest() {
		t.Error("two texts, one digest")
	}
}

func TestTestsBesideTheRules(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: nlb, when: resource.behind_nlb, then: record, expires: 2026-11-01}`+tail+`tests:
  - name: behind a balancer
    finding: probe.json
    with: {resource: {behind_nlb: true}, employee: {known: true, device_ips: [192.0.2.1]}}
    now: 2026-11-01
    expect: {rule: nlb, then: record, degraded: false}
  - name: look-up down
    finding: {type: "Recon:EC2/Portscan", id: "1", severity: 2.5, list: [1, null, true, text]}
    with: {resource: unavailable}
    expect: {then: ticket, degraded: true}
  - name: expired
    finding: probe.json
    with: {resource: {behind_nlb: true}}
    now: 2026-11-02T00:00:00Z
    expect: {rule: default, degraded: false}
`)
	tests := p.Tests()
	if len(tests) != 3 || tests[0].File != "probe.json" || tests[0].Line == 0 {
		t.Fatalf("%+v", tests)
	}
	wantInline := map[string]any{"type": "Recon:EC2/Portscan", "id": "1", "severity": 2.5, "list": []any{1.0, nil, true, "text"}}
	if diff := cmp.Diff(wantInline, tests[1].Inline); diff != "" {
		t.Error(diff)
	}
	for _, tt := range tests {
		in := tt.Input(&findings.Finding{Type: "Recon:EC2/Portscan"}, noon)
		if failed := tt.Check(p.Decide(in)); len(failed) > 0 {
			t.Errorf("%s: %v", tt.Name, failed)
		}
	}
	failed := tests[0].Check(policy.Decision{Rule: "default", Step: policy.Ticket, Degraded: true})
	if want := []string{"rule is default, expected nlb", "then is ticket, expected record", "degraded is true, expected false"}; !slices.Equal(failed, want) {
		t.Errorf("Check = %v", failed)
	}
}
