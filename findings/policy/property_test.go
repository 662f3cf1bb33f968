package policy_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

// randomFinding makes findings of all kinds, with values that rules look at.
func randomFinding(r *rand.Rand) findings.Finding {
	entries := findings.CatalogueTypes()
	f := findings.Finding{
		Type: entries[r.IntN(len(entries))].Type, Severity: pick(r, 1, 2, 3.9, 4, 5, 6.9, 7, 8, 8.9, 9, 10),
		Role: pick(r, "", "ACTOR", "TARGET"), ErrorCode: pick(r, "", "", "AccessDenied"), Sequence: pick(r, "", "", "arn"),
		Sample: r.IntN(12) == 0, Archived: r.IntN(12) == 0, Domain: pick(r, "", "evil.example.net", "customer.example.com"),
		Principal: findings.Principal{
			Type: pick(r, "", "Root", "IAMUser", "AssumedRole", "AWSService"), Session: pick(r, "", "ana@corp.example", "i-0abc1234def567890"),
		},
		Instance: findings.Instance{ID: pick(r, "", "i-0abc1234def567890"), State: pick(r, "", "running", "terminated")},
	}
	if r.IntN(10) == 0 {
		f.Type = pick(r, "Tamper:GuardDuty/DeleteDetector", "Tamper:GuardDuty/CreateFilter", "Tamper:GuardDuty/UpdateNew", "Audit:GuardDuty/Get",
			"Coverage:Runtime/Unhealthy", "Coverage:Runtime/Healthy", "Coverage:Detector/Missing", "Announcement:GuardDuty/X", "Scan:S3/X", "New:Type/X", "")
		f.Unlisted = f.Type == "New:Type/X" || f.Type == ""
	}
	for range r.IntN(3) {
		f.LocalPorts = append(f.LocalPorts, pick(r, 22, 80, 443, 9200, 12345))
		f.Remote = append(f.Remote, findings.Remote{IP: netip.MustParseAddr(pick(r, "203.0.113.5", "198.51.100.7", "192.0.2.1", "2001:db8::1"))})
	}
	return f
}

func randomFacts(r *rand.Rand) map[string]any {
	return map[string]any{
		"employee": findings.Employee{Known: r.IntN(2) == 0, DeviceIPs: pick(r, nil, []string{"203.0.113.5"}, []string{"192.0.2.1", "198.51.100.7"})},
		"owner":    findings.Owner{Team: pick(r, "", "payments"), Catch: r.IntN(2) == 0},
		"resource": map[string]any{
			"behind_nlb": r.IntN(2) == 0, "nlb_covers_ports": r.IntN(2) == 0, "terminated": r.IntN(2) == 0, "state": pick(r, "running", "terminated"),
		},
		"network":   map[string]any{"trusted": r.IntN(2) == 0},
		"by_ip":     map[string]any{"count": r.IntN(4), "employees": []string{"ana@corp.example"}},
		"api_calls": map[string]any{"total": r.IntN(50), "failed": r.IntN(50), "names": []string{"iam:ListUsers"}},
	}
}

// randomPolicy strings random rules together.
func randomPolicy(r *rand.Rand) string {
	atoms := []string{
		"employee.known", "employee.on_device", "employee.off_device", "owner.catch", `owner.team == "payments"`, "resource.behind_nlb",
		"resource.terminated", "network.trusted", "by_ip.count > 1", "api_calls.failed > api_calls.total - 10", "finding.severity >= 4.0",
		`finding.role == "ACTOR"`, "finding.sample", `finding.tags["gone"] == "x"`, `by_ip.employees.exists(e, e == "ana@corp.example")`,
		`employee.device_ips.exists(d, d == finding.remote_ip)`, `finding.local_ports.anyIn([22, 443])`,
	}
	var b strings.Builder
	b.WriteString("version: 1\nrules:\n")
	for i := range 1 + r.IntN(8) {
		when := pick(r, atoms...)
		for range r.IntN(3) {
			when = "(" + when + pick(r, " && ", " || ") + pick(r, atoms...) + ")"
			if r.IntN(3) == 0 {
				when = "!" + when
			}
		}
		then := pick(r, "suppress, why: x, owner: y, expires: 2099-01-01", "record", "notify", "ticket", "inquire", "page")
		mode := pick(r, "enforce", "enforce", "enforce", "shadow", "off")
		fmt.Fprintf(&b, "  - {id: r%d, when: '%s', then: %s, mode: %s}\n", i, when, then, mode)
	}
	fmt.Fprintf(&b, "  - {id: default, then: %s}\n", pick(r, "record", "notify", "ticket", "page"))
	return b.String()
}

// withhold takes some facts away: unavailable, or not answered yet.
func withhold(r *rand.Rand, in policy.Input) policy.Input {
	out := in
	out.Facts, out.Unavailable = map[string]any{}, map[string]string{}
	for name, fact := range in.Facts {
		switch r.IntN(4) {
		case 0:
			out.Unavailable[name] = "down"
		case 1: // pending
		default:
			out.Facts[name] = fact
		}
	}
	return out
}

func TestAttentionIsNeverLowerWithLessKnown(t *testing.T) {
	t.Parallel()
	shipped := defaultPolicy(t)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		text := randomPolicy(r)
		p, err := policy.Compile("random.yaml", []byte(text))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		for range 20 {
			f := randomFinding(r)
			in := policy.Input{Finding: &f, Facts: randomFacts(r), Now: noon}
			for _, p := range []*policy.Policy{p, shipped} {
				full, less := p.Decide(in), policy.Decision{}
				if len(full.Needs) > 0 {
					t.Fatalf("seed %d: everything is known, yet %v is needed\n%s", seed, full.Needs, text)
				}
				partial := withhold(r, in)
				less = p.Decide(partial)
				if less.Step.Compare(full.Step) < 0 {
					t.Fatalf("seed %d: %s (%s) with everything known, %s (%s) without %v\n%+v\n%s",
						seed, full.Step, full.Rule, less.Step, less.Rule, partial.Unavailable, f, text)
				}
				if !less.Degraded && len(less.Needs) == 0 && less.Rule != full.Rule {
					t.Fatalf("seed %d: the rule changed from %s to %s without a word\n%s", seed, full.Rule, less.Rule, text)
				}
			}
		}
	}
}

func TestNeedsShrinkUntilTheDecisionStands(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(seed, 2))
		text := randomPolicy(r)
		p, err := policy.Compile("random.yaml", []byte(text))
		if err != nil {
			t.Fatalf("seed %d: %v\n%s", seed, err, text)
		}
		f, facts := randomFinding(r), randomFacts(r)
		in := policy.Input{Finding: &f, Facts: map[string]any{}, Now: noon}
		rounds := 0
		for d := p.Decide(in); len(d.Needs) > 0; d = p.Decide(in) {
			for _, name := range d.Needs {
				if _, again := in.Facts[name]; again {
					t.Fatalf("seed %d: %s is needed although it is known", seed, name)
				}
				in.Facts[name] = facts[name]
			}
			if rounds++; rounds > len(policy.Enrichments()) {
				t.Fatalf("seed %d: needs never end", seed)
			}
		}
		got, want := p.Decide(in), p.Decide(policy.Input{Finding: &f, Facts: facts, Now: noon})
		if got.Rule != want.Rule || got.Step != want.Step || got.Degraded != want.Degraded {
			t.Fatalf("seed %d: with what was asked for %s/%s, with everything %s/%s\n%s", seed, got.Rule, got.Step, want.Rule, want.Step, text)
		}
	}
}

func TestDefaultPolicyNeverCaresLessAsSeverityRises(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 3))
		f, facts := randomFinding(r), randomFacts(r)
		if r.IntN(3) == 0 {
			facts = nil
		}
		last, lastRule, lastSeverity := policy.Suppress, "", 0.0
		for _, severity := range []float64{0, 1, 3.9, 4, 5, 6, 6.9, 7, 8, 8.9, 9, 10} {
			f.Severity = severity
			d := settle(t, p, f, facts)
			if d.Step.Compare(last) < 0 {
				t.Fatalf("seed %d: %s (%s) at %v, but %s (%s) at %v\n%+v\n%+v", seed, last, lastRule, lastSeverity, d.Step, d.Rule, severity, f, facts)
			}
			last, lastRule, lastSeverity = d.Step, d.Rule, severity
		}
	}
}

func TestDecideIsPure(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	r := rand.New(rand.NewPCG(1, 4))
	for range 200 {
		f, facts := randomFinding(r), randomFacts(r)
		in := policy.Input{Finding: &f, Facts: facts, Now: noon}
		if diff := cmp.Diff(p.Decide(in), p.Decide(in)); diff != "" {
			t.Fatalf("two decisions differ:\n%s", diff)
		}
	}
}

func TestDecideFromManyGoroutines(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	var wg sync.WaitGroup
	for seed := range uint64(8) {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(seed, 6))
			for range 50 {
				f := randomFinding(r)
				in := policy.Input{Finding: &f, Facts: randomFacts(r), Now: noon}
				want := p.Decide(in)
				if got := p.Decide(withhold(r, in)); got.Step.Compare(want.Step) < 0 {
					t.Errorf("%s below %s", got.Step, want.Step)
				}
				p.Explain(in)
			}
		})
	}
	wg.Wait()
}
