package policy_test

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// noon is the pinned time of all tests.
var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// compile compiles rules (and whatever follows them) or ends the test.
func compile(t *testing.T, rules string) *policy.Policy {
	t.Helper()
	p, err := policy.Compile("p.yaml", []byte("version: 1\nrules:\n"+rules))
	if err != nil {
		t.Fatalf("compile:\n%v", err)
	}
	return p
}

func decide(p *policy.Policy, f findings.Finding, facts map[string]any, down ...string) policy.Decision {
	in := policy.Input{Finding: &f, Facts: facts, Unavailable: map[string]string{}, Now: noon}
	for _, name := range down {
		in.Unavailable[name] = "no answer within 3s"
	}
	return p.Decide(in)
}

func remotes(ips ...string) []findings.Remote {
	out := make([]findings.Remote, len(ips))
	for i, ip := range ips {
		out[i].IP = netip.MustParseAddr(ip)
	}
	return out
}

func TestScale(t *testing.T) {
	t.Parallel()
	steps := []policy.Step{policy.Suppress, policy.Record, policy.Notify, policy.Ticket, policy.Inquire, policy.Page}
	if diff := cmp.Diff(steps, policy.AllSteps()); diff != "" {
		t.Error(diff)
	}
	for i, a := range steps {
		for j, b := range steps {
			if got := a.Compare(b); (got < 0) != (i < j) || (got == 0) != (i == j) {
				t.Errorf("%s.Compare(%s) = %d", a, b, got)
			}
		}
	}
	if policy.Step("shout").Valid() || policy.Step("").Rank() != -1 {
		t.Error("an unknown step must not be on the scale")
	}
}

func TestStepsNameEverythingThatHappens(t *testing.T) {
	t.Parallel()
	for then, want := range map[string][]policy.Step{
		"record":                        {policy.Record},
		"notify":                        {policy.Record, policy.Notify},
		"ticket":                        {policy.Record, policy.Ticket},
		"inquire":                       {policy.Record, policy.Inquire},
		"page":                          {policy.Record, policy.Notify, policy.Page},
		"ticket, also: [notify]":        {policy.Record, policy.Notify, policy.Ticket},
		"page, also: [inquire, ticket]": {policy.Record, policy.Notify, policy.Ticket, policy.Inquire, policy.Page},
		"suppress, why: x, owner: y, expires: 2099-01-01": {policy.Suppress},
	} {
		p := compile(t, "  - {id: a, on: X, then: "+then+"}"+tail)
		if diff := cmp.Diff(want, decide(p, findings.Finding{Type: "X"}, nil).Steps); diff != "" {
			t.Errorf("then: %s: %s", then, diff)
		}
	}
}

func TestFirstMatchingRuleWins(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: by-type, on: ["Recon:EC2/*", "Exact:Type/One"], then: notify}
  - {id: by-both, on: "PrivilegeEscalation:*", when: finding.severity >= 4, then: page}
  - {id: by-when, when: finding.account == "111122223333", then: record}
  - {id: off, when: "true", then: page, mode: off}`+tail)
	for name, tc := range map[string]struct {
		f    findings.Finding
		want string
	}{
		"type":               {findings.Finding{Type: "Recon:EC2/Portscan", Account: "111122223333"}, "by-type"},
		"exact type":         {findings.Finding{Type: "Exact:Type/One"}, "by-type"},
		"longer than exact":  {findings.Finding{Type: "Exact:Type/OneMore"}, "default"},
		"star crosses slash": {findings.Finding{Type: "PrivilegeEscalation:IAMUser/AnomalousBehavior", Severity: 4}, "by-both"},
		"type but not when":  {findings.Finding{Type: "PrivilegeEscalation:IAMUser/AnomalousBehavior", Severity: 3.9}, "default"},
		"when without type":  {findings.Finding{Account: "111122223333"}, "by-when"},
		"nothing":            {findings.Finding{}, "default"},
	} {
		d := decide(p, tc.f, nil)
		if d.Rule != tc.want || d.Degraded || len(d.Needs) > 0 || len(d.Reasons) == 0 || d.Digest != p.Digest() {
			t.Errorf("%s: %+v, want rule %s", name, d, tc.want)
		}
	}
	if d := p.Decide(policy.Input{}); d.Rule != "default" {
		t.Errorf("no finding at all: %+v", d)
	}
}

func TestNeedsNamesOnlyWhatIsReallyNeeded(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: own, when: finding.severity >= 4 && finding.remote_ip in employee.device_ips, then: record}
  - {id: nlb, when: finding.severity >= 6 && resource.behind_nlb, then: notify}
  - {id: ask, when: finding.severity >= 4 && employee.known, then: inquire}`+tail)
	f := findings.Finding{Severity: 2, Remote: remotes("203.0.113.5")}
	if d := decide(p, f, nil); len(d.Needs) != 0 || d.Rule != "default" {
		t.Errorf("low severity needs no look-up: %+v", d)
	}
	f.Severity = 6
	d := decide(p, f, nil)
	if diff := cmp.Diff([]string{"employee"}, d.Needs); diff != "" || d.Degraded || d.Step != policy.Inquire {
		t.Errorf("only the first undecided rule asks: %s %+v", diff, d)
	}
	if all := strings.Join(d.Reasons, "\n"); !strings.Contains(all, `"203.0.113.5" in employee.device_ips`) {
		t.Errorf("reasons do not show what the decision depends on:\n%s", all)
	}
	e := findings.Employee{Known: true, DeviceIPs: []string{"192.0.2.1"}}
	d = decide(p, f, map[string]any{"employee": e})
	if diff := cmp.Diff([]string{"resource"}, d.Needs); diff != "" {
		t.Errorf("then the next: %s", diff)
	}
	d = decide(p, f, map[string]any{"employee": e, "resource": map[string]any{"behind_nlb": false}})
	if d.Rule != "ask" || len(d.Needs) != 0 || d.Degraded {
		t.Errorf("all known: %+v", d)
	}
}

func TestOutageNeverLowersAttention(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: lower, on: A, when: resource.behind_nlb, then: suppress, why: x, owner: y, expires: 2099-01-01}
  - {id: raise, on: B, when: resource.terminated, then: page}
  - {id: ask, on: C, when: employee.known, then: inquire}
  - {id: both-low, on: D, when: resource.behind_nlb, then: record}
  - {id: both-high, on: D, when: resource.terminated, then: page}
  - {id: same, on: E, when: resource.behind_nlb, then: ticket}
  - {id: settled, on: F, when: finding.sample && resource.behind_nlb, then: record}`+tail)
	for typ, want := range map[string]struct {
		rule     string
		step     policy.Step
		degraded bool
	}{
		"A": {"default", policy.Ticket, true},
		"B": {"raise", policy.Page, true},
		"C": {"ask", policy.Inquire, true},
		"D": {"both-high", policy.Page, true},
		"E": {"default", policy.Ticket, true},
		"F": {"default", policy.Ticket, false},
	} {
		d := decide(p, findings.Finding{Type: typ}, nil, "resource", "employee")
		if d.Rule != want.rule || d.Step != want.step || d.Degraded != want.degraded || len(d.Needs) != 0 {
			t.Errorf("%s: %+v, want %+v", typ, d, want)
		}
		if told := strings.Contains(strings.Join(d.Reasons, "\n"), "no answer within 3s"); told != want.degraded {
			t.Errorf("%s: reasons %q", typ, d.Reasons)
		}
	}
	d := decide(p, findings.Finding{Type: "C"}, nil, "employee")
	if d.Inquire == nil || d.Inquire.OnNo != policy.Page {
		t.Errorf("an inquiry without its person still says what follows: %+v", d)
	}
}

func TestFailingExpressionRaisesAttention(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: bug-low, on: A, when: 'finding.tags["missing"] == "x"', then: record}
  - {id: bug-high, on: B, when: 'finding.tags["missing"] == "x"', then: page}
  - {id: fine, on: C, when: 'finding.tags.value("missing") == ""', then: record}`+tail)
	if d := decide(p, findings.Finding{Type: "A"}, nil); d.Rule != "default" || !d.Degraded {
		t.Errorf("a failing rule that lowers must not match: %+v", d)
	}
	if d := decide(p, findings.Finding{Type: "B"}, nil); d.Rule != "bug-high" || !d.Degraded {
		t.Errorf("a failing rule that raises must count: %+v", d)
	}
	if d := decide(p, findings.Finding{Type: "C"}, nil); d.Rule != "fine" || d.Degraded {
		t.Errorf("value() does not fail: %+v", d)
	}
}

func TestFactsOfEveryShape(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: on, on: A, when: employee.on_device, then: record}
  - {id: off, on: A, when: employee.off_device, then: page}
  - {id: known, on: A, when: employee.known, then: inquire}
  - {id: many, on: B, when: by_ip.count > 3 || "eve@corp.example" in by_ip.employees, then: page}
  - {id: caught, on: C, when: owner.catch || owner.team == "payments", then: notify}`+tail)
	f := findings.Finding{Type: "A", Remote: remotes("203.0.113.5")}
	home := findings.Employee{Known: true, DeviceIPs: []string{"203.0.113.5"}}
	away := findings.Employee{Known: true, DeviceIPs: []string{"198.51.100.1"}}
	for name, tc := range map[string]struct {
		typ      string
		facts    map[string]any
		rule     string
		degraded bool
	}{
		"own device":           {"A", map[string]any{"employee": home}, "on", false},
		"pointer":              {"A", map[string]any{"employee": &home}, "on", false},
		"map":                  {"A", map[string]any{"employee": map[string]any{"known": true, "device_ips": []any{"203.0.113.5"}}}, "on", false},
		"other device":         {"A", map[string]any{"employee": away}, "off", false},
		"no device":            {"A", map[string]any{"employee": map[string]any{"known": true}}, "known", false},
		"nobody":               {"A", map[string]any{"employee": findings.Employee{DeviceIPs: home.DeviceIPs}}, "default", false},
		"wrong type in a map":  {"A", map[string]any{"employee": map[string]any{"known": "yes"}}, "off", true},
		"nil":                  {"A", map[string]any{"employee": nil}, "off", true},
		"nil pointer":          {"A", map[string]any{"employee": (*findings.Employee)(nil)}, "off", true},
		"a word":               {"A", map[string]any{"employee": "unavailable"}, "off", true},
		"count as JSON number": {"B", map[string]any{"by_ip": map[string]any{"count": 4.0}}, "many", false},
		"fraction":             {"B", map[string]any{"by_ip": map[string]any{"count": 4.5, "employees": []string{}}}, "many", true},
		"missing field":        {"B", map[string]any{"by_ip": map[string]any{"count": int64(1)}}, "many", true},
		"list of strings":      {"B", map[string]any{"by_ip": map[string]any{"count": 1, "employees": []any{"eve@corp.example"}}}, "many", false},
		"list of others":       {"B", map[string]any{"by_ip": map[string]any{"count": 1, "employees": []any{7}}}, "many", true},
		"owner":                {"C", map[string]any{"owner": findings.Owner{Team: "payments"}}, "caught", false},
		"owner map":            {"C", map[string]any{"owner": map[string]any{"catch": true}}, "caught", false},
		"owner pointer":        {"C", map[string]any{"owner": &findings.Owner{Team: "other"}}, "default", false},
	} {
		f.Type = tc.typ
		if d := decide(p, f, tc.facts); d.Rule != tc.rule || d.Degraded != tc.degraded || len(d.Needs) > 0 {
			t.Errorf("%s: %+v, want rule %s degraded %t", name, d, tc.rule, tc.degraded)
		}
	}
}

func TestFloor(t *testing.T) {
	t.Parallel()
	rules := `
  - {id: quiet, on: A, then: suppress, why: x, owner: y, expires: 2099-01-01}
  - {id: lifted, on: B, then: suppress, why: x, owner: y, expires: 2099-01-01, lift_floor: true}
  - {id: unsure, on: C, when: resource.terminated, then: suppress, why: x, owner: y, expires: 2099-01-01}` + tail
	p := compile(t, rules)
	for _, tc := range []struct {
		typ      string
		severity float64
		rule     string
	}{{"A", 6.9, "quiet"}, {"A", 7, "default"}, {"B", 9, "lifted"}} {
		if d := decide(p, findings.Finding{Type: tc.typ, Severity: tc.severity}, nil); d.Rule != tc.rule || d.Degraded {
			t.Errorf("%s %v: %+v, want %s", tc.typ, tc.severity, d, tc.rule)
		}
	}
	d := decide(p, findings.Finding{Type: "A", Severity: 8}, nil)
	if !strings.Contains(strings.Join(d.Reasons, "\n"), "rule quiet would suppress, but a severity of 8 is not below the floor of 7") {
		t.Errorf("the floor is not mentioned: %q", d.Reasons)
	}
	if d := decide(p, findings.Finding{Type: "C", Severity: 8}, nil); len(d.Needs) != 0 {
		t.Errorf("a rule the floor forbids needs no look-up: %+v", d)
	}
	high := compile(t, rules+"never_suppress_at: 3\n")
	if d := decide(high, findings.Finding{Type: "A", Severity: 3}, nil); d.Rule != "default" {
		t.Errorf("a lower floor: %+v", d)
	}
}

func TestExpiry(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: day, on: A, then: suppress, why: x, owner: y, expires: 2026-11-01}
  - {id: moment, on: B, then: page, expires: "2026-11-01T14:00:00+02:00"}`+tail)
	for name, tc := range map[string]struct {
		typ  string
		now  time.Time
		rule string
	}{
		"during the day":    {"A", noon, "day"},
		"last second":       {"A", time.Date(2026, 11, 1, 23, 59, 59, 0, time.UTC), "day"},
		"next day":          {"A", time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC), "default"},
		"other zone":        {"A", time.Date(2026, 11, 2, 1, 0, 0, 0, time.FixedZone("", 7200)), "day"},
		"unknown time":      {"A", time.Time{}, "default"},
		"before a moment":   {"B", noon.Add(-time.Second), "moment"},
		"at the moment":     {"B", noon, "default"},
		"a rule that pages": {"B", noon.Add(time.Hour), "default"},
	} {
		d := p.Decide(policy.Input{Finding: &findings.Finding{Type: tc.typ}, Now: tc.now})
		if d.Rule != tc.rule {
			t.Errorf("%s: %+v, want %s", name, d, tc.rule)
		}
		if tc.rule == "default" && !strings.Contains(strings.Join(d.Reasons, "\n"), "expired") {
			t.Errorf("%s: expiry is not mentioned: %q", name, d.Reasons)
		}
	}
}

func TestShadowNotesAndContinues(t *testing.T) {
	t.Parallel()
	p := compile(t, `
  - {id: try, on: A, then: suppress, mode: shadow, why: x, owner: y, expires: 2099-01-01}
  - {id: try-too, on: A, when: finding.severity > 3, then: page, mode: shadow}
  - {id: never, on: A, when: employee.known, then: page, mode: shadow}
  - {id: real, on: A, then: notify}
  - {id: late, when: finding.severity > 3, then: page, mode: shadow}`+tail)
	d := decide(p, findings.Finding{Type: "A", Severity: 5}, nil, "employee")
	want := []policy.ShadowDecision{{Rule: "try", Step: policy.Suppress}, {Rule: "try-too", Step: policy.Page}}
	if diff := cmp.Diff(want, d.Shadow); diff != "" || d.Rule != "real" || d.Degraded {
		t.Errorf("%s %+v", diff, d)
	}
	if !strings.Contains(strings.Join(d.Reasons, "\n"), "rule never is in shadow mode and could not be decided") {
		t.Errorf("reasons %q", d.Reasons)
	}
	if d := decide(p, findings.Finding{Type: "A"}, nil); !slices.Equal(d.Needs, []string{"employee"}) || d.Rule != "real" {
		t.Errorf("a shadow rule is evaluated like any other: %+v", d)
	}
	whole := compile(t, `
  - {id: a, on: A, then: page}
  - {id: b, on: A, then: record, mode: enforce}`+tail+"mode: shadow\n")
	d = decide(whole, findings.Finding{Type: "A"}, nil)
	if d.Rule != "b" || len(d.Shadow) != 1 || d.Shadow[0].Step != policy.Page {
		t.Errorf("a rule's own mode goes before the file's: %+v", d)
	}
	if d := decide(whole, findings.Finding{Type: "B"}, nil); d.Rule != "default" || len(d.Shadow) != 0 {
		t.Errorf("the last rule is enforced in a shadow file: %+v", d)
	}
	off := compile(t, "  - {id: a, on: A, then: page}"+tail+"mode: off\n")
	if d := decide(off, findings.Finding{Type: "A"}, nil); d.Rule != "default" {
		t.Errorf("off: %+v", d)
	}
}

// TestDecisionsDoNotShareAnything: many at once, of conditions with macros. The
// race detector and the runtime's own check of maps are the judges.
func TestDecisionsDoNotShareAnything(t *testing.T) {
	t.Parallel()
	p := compile(t, `  - {id: a, on: "*", when: 'finding.remote_ips.exists(ip, ip == "192.0.2.1") && finding.local_ports.all(x, x < 1000) && resource.state == "running"', then: ticket}
  - {id: default, then: page}
`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 300 {
				f := &findings.Finding{Kind: findings.KindFinding, Source: "guardduty", Type: "Recon:EC2/PortProbeUnprotectedPort", Severity: 2, LocalPorts: []int{443, 22},
					Remote: []findings.Remote{{IP: netip.MustParseAddr("192.0.2.1")}}}
				p.Decide(policy.Input{Finding: f, Facts: map[string]any{}, Unavailable: map[string]string{"resource": "down"}, Now: time.Unix(1_800_000_000, 0)})
			}
		})
	}
	all.Wait()
}
