package archive_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func finding() *findings.Finding {
	return &findings.Finding{Kind: findings.KindFinding, Source: "guardduty", ID: "f1", Type: "Recon:EC2/Portscan", Account: "111122223333", Region: "eu-west-1", Severity: 5,
		UpdatedAt: noon, Count: 2, Instance: findings.Instance{ID: "i-0abc"}, Tags: []findings.Tag{{Key: "team", Value: "payments"}},
		Remote: []findings.Remote{{IP: netip.MustParseAddr("203.0.113.5"), Port: 22}}, LocalPorts: []int{22, 443}}
}

// everything answers every look-up the policy language has.
func everything() map[string]any {
	return map[string]any{
		"employee":  findings.Employee{Known: true, Email: "ana@corp.example", ChatID: "U0ANA", Name: "Ana", DeviceIPs: []string{"203.0.113.5"}, Why: "the configuration says so"},
		"owner":     findings.Owner{Team: "payments", Channel: "C0PAYMENTS", Why: "tag"},
		"network":   map[string]any{"trusted": false},
		"resource":  map[string]any{"behind_nlb": true, "nlb_covers_ports": false, "terminated": false, "state": "running", "context": []string{"the instance is running"}},
		"by_ip":     map[string]any{"employees": []string{"ben@corp.example"}, "count": 1, "context": []string{"seen"}},
		"api_calls": map[string]any{"total": 7, "failed": 2, "names": []string{"iam:ListUsers"}, "secret": "not a field of the language"},
	}
}

func compile(t *testing.T, rules string) *policy.Policy {
	t.Helper()
	p, err := policy.Compile("p.yaml", []byte("version: 1\nrules:"+rules+"\n  - {id: default, then: ticket}\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func decided(id string, known map[string]any, unavailable map[string]string, p *policy.Policy) archive.Line {
	f := finding()
	l := archive.OfDecision(f, p.Decide(policy.Input{Finding: f, Facts: known, Unavailable: unavailable, Now: noon}), known, unavailable, noon)
	l.ID, l.CaseID, l.Ref = id, "ABCDEFGHIJKLMNOP", "SB-ABCDEFGH"
	return l
}

func encode(t *testing.T, l archive.Line) string {
	t.Helper()
	b, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// read gives the lines of a file with this text, and what was left out.
func read(t *testing.T, text string) ([]archive.Line, archive.Tally) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "findings-2026-11.ndjson")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out []archive.Line
	tally, err := archive.Read([]string{name}, func(l *archive.Line) archive.Line { return *l }, func(l archive.Line) { out = append(out, l) })
	if err != nil {
		t.Fatal(err)
	}
	return out, tally
}

// Every field that rules can read comes back as it was, so that any policy
// decides the same about the line as about the finding.
func TestALineIsEnoughToDecideAgain(t *testing.T) {
	t.Parallel()
	scalars := compile(t, `
  - {id: a, when: 'employee.known && employee.email == "ana@corp.example" && employee.chat_id == "U0ANA" && employee.name == "Ana" && employee.on_device && !employee.off_device && size(employee.device_ips) == 1', then: inquire, mode: shadow}
  - {id: b, when: 'owner.team == "payments" && !owner.catch && !network.trusted', then: ticket, mode: shadow}
  - {id: c, when: 'resource.behind_nlb && !resource.nlb_covers_ports && !resource.terminated && resource.state == "running"', then: ticket, mode: shadow}
  - {id: d, when: 'by_ip.count == 1 && by_ip.employees[0] == "ben@corp.example" && api_calls.total == 7 && api_calls.failed == 2 && api_calls.names[0] == "iam:ListUsers"', then: ticket, mode: shadow}
  - {id: e, when: 'finding.remote_ip == "203.0.113.5" && finding.local_ports[1] == 443 && finding.tags.value("team") == "payments" && finding.count == 2 && now == timestamp("2026-11-01T12:00:00Z")', then: page}`)
	l := decided("x", everything(), nil, scalars)
	if len(l.Decision.Shadow) != 4 || l.Decision.Rule != "e" {
		t.Fatalf("the rules do not all match: %+v", l.Decision)
	}
	lines, tally := read(t, encode(t, l))
	if len(lines) != 1 || tally.Skipped() != 0 {
		t.Fatalf("%d lines, %+v", len(lines), tally)
	}
	again := scalars.Decide(lines[0].Input())
	again.Needs = nil
	if diff := cmp.Diff(*l.Decision, again); diff != "" {
		t.Errorf("another decision: %s", diff)
	}
	for _, gone := range []string{"context", "secret", "the configuration says so", "C0PAYMENTS"} {
		if strings.Contains(encode(t, l), gone) {
			t.Errorf("the line has %q in it, which no rule sees", gone)
		}
	}
}

// A look-up that the language gets must be kept too.
func TestEveryLookUpIsKept(t *testing.T) {
	t.Parallel()
	p := compile(t, "")
	for _, name := range policy.Enrichments() {
		if _, given := everything()[name]; !given {
			t.Fatalf("the test does not answer %s", name)
		}
		l := decided("x", map[string]any{name: everything()[name]}, nil, p)
		lines, _ := read(t, encode(t, l))
		if _, kept := lines[0].Input().Facts[name]; !kept || len(lines[0].Input().Facts) != 1 {
			t.Errorf("%s: kept are %v", name, lines[0].Input().Facts)
		}
	}
}

func TestWhatDidNotAnswerIsKeptAsThat(t *testing.T) {
	t.Parallel()
	p := compile(t, "\n  - {id: known, when: employee.known, then: page}")
	l := decided("x", nil, map[string]string{"employee": strings.Repeat("down ", 100)}, p)
	lines, _ := read(t, encode(t, l))
	d := p.Decide(lines[0].Input())
	if d.Step != policy.Page || !d.Degraded || len(d.Needs) != 0 {
		t.Errorf("%+v", d)
	}
	if n := len(lines[0].Unavailable["employee"]); n > 210 {
		t.Errorf("the reason has %d bytes", n)
	}
	l = decided("x", nil, nil, p)
	lines, _ = read(t, encode(t, l))
	if d := p.Decide(lines[0].Input()); len(d.Needs) != 1 {
		t.Errorf("what was never asked is needed: %+v", d)
	}
}

// Lines of the first version have no version and hold the case as it was.
func TestOldLinesAreRead(t *testing.T) {
	t.Parallel()
	p := compile(t, "\n  - {id: known, when: employee.known, then: inquire}")
	old := func(rest string) string {
		return `{"at":"2026-10-01T10:00:00Z","case":{"st":"asked","g":2,"s":5,"p":"inquire"` + rest + `},"case_id":"ABCDEFGHIJKLMNOP"}` + "\n"
	}
	f := `,"f":{"kind":"finding","source":"guardduty","id":"f1","type":"Recon:IAMUser/X","account":"111122223333","region":"eu-west-1","severity":5,"count":1}`
	d := `,"d":{"rule":"ask","group":"iam","step":"inquire","steps":["record","inquire"],"degraded":false,"needs":[],"reasons":["x"],"inquire":{"timeout":14400000000000,"on_yes":"record","on_no":"page","on_unsure":"ticket","on_timeout":"page","on_mfa_fail":"page"},"digest":"00"}`
	e := `,"em":{"known":true,"email":"ana@corp.example","why":"because"},"ow":{"team":"payments","why":"tag"}`
	lines, tally := read(t, old(f+d+e)+old(f)+old(d))
	if len(lines) != 1 || tally.Skipped() != 2 || tally.LeftOut[0].First.Line != 2 {
		t.Fatalf("%d lines, %+v", len(lines), tally)
	}
	l := lines[0]
	if l.ID != "ABCDEFGHIJKLMNOP/2/archive" || l.Ref != "SB-ABCDEFGH" || l.Kind != archive.Decided || l.Decision.Inquire.Timeout != 4*time.Hour {
		t.Errorf("%+v", l)
	}
	if d := p.Decide(l.Input()); d.Rule != "known" || len(d.Needs) != 0 {
		t.Errorf("decided again: %+v", d)
	}
	if _, given := l.Input().Facts["network"]; given {
		t.Error("a fact is made up")
	}
}
