package replay_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/archive/archivetest"
	"github.com/securitybot/securitybot/bot/replay"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

var noon = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

func compile(t *testing.T, name, rules string) *policy.Policy {
	t.Helper()
	p, err := policy.Compile(name, []byte("version: 1\nrules:"+rules+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// chronicle is an archive under construction.
type chronicle struct {
	t     *testing.T
	lines []archive.Line
}

// found adds a decision by p about the n-th finding.
func (c *chronicle) found(n int, typ string, severity float64, p *policy.Policy, known map[string]any, unavailable map[string]string) {
	at := noon.Add(time.Duration(n) * time.Hour)
	f := &findings.Finding{Kind: findings.KindFinding, ID: fmt.Sprint("f", n), Type: typ, Account: "111122223333", Region: "eu-west-1", Severity: severity, Count: 1}
	l := archive.OfDecision(f, p.Decide(policy.Input{Finding: f, Facts: known, Unavailable: unavailable, Now: at}), known, unavailable, at)
	c.lines = append(c.lines, c.of(n, "archive", l))
}

func (c *chronicle) of(n int, what string, l archive.Line) archive.Line {
	l.CaseID, l.Ref = fmt.Sprintf("CASE%012d", n), fmt.Sprintf("SB-CASE%04d", n)
	l.ID = l.CaseID + "/1/" + what
	return l
}

func (c *chronicle) closed(n int, outcome string) {
	c.lines = append(c.lines, c.of(n, "closed", archive.Line{Kind: archive.Closed, At: noon.Add(1000 * time.Hour), Outcome: outcome}))
}

func (c *chronicle) answered(n int, result string, after time.Duration) {
	c.lines = append(c.lines, c.of(n, "answered", archive.Line{Kind: archive.Answered, At: noon.Add(after), Question: &archive.Question{ID: "Q", Result: result}}))
}

func (c *chronicle) compare(old, new *policy.Policy) *replay.Result {
	c.t.Helper()
	r, err := replay.Compare([]string{archivetest.File(c.t, c.lines)}, replay.Options{Old: old, New: new, Examples: 2})
	if err != nil {
		c.t.Fatal(err)
	}
	return r
}

// short says a result in short.
func short(r *replay.Result) []string {
	var out []string
	for _, c := range r.Changes {
		words := fmt.Sprintf("%s %s→%s", c.Attention, c.From, c.To)
		if c.AtMost {
			words += " at most"
		}
		if c.What != "" {
			words += " (" + c.What + ")"
		}
		out = append(out, fmt.Sprintf("%s ×%d high %d real %d", words, c.N, c.High, c.Confirmed))
	}
	for _, u := range r.Undetermined {
		out = append(out, fmt.Sprintf("undetermined %s ×%d paging %d", strings.Join(u.LookUps, "+"), u.N, u.Paging))
	}
	return append(out, fmt.Sprintf("unchanged %d, other rule %d", r.Unchanged, r.OtherRule))
}

func expect(t *testing.T, r *replay.Result, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, short(r)); diff != "" {
		t.Error(diff)
	}
}

const (
	probe = "Recon:EC2/PortProbeUnprotectedPort"
	miner = "CryptoCurrency:EC2/BitcoinTool.B!DNS"
	iam   = "Discovery:IAMUser/AnomalousBehavior"
)

var person = map[string]any{"employee": findings.Employee{Known: true, Email: "ana@corp.example"}}

func TestLostPagesComeFirstAndMoreAndLessApart(t *testing.T) {
	t.Parallel()
	old := compile(t, "old.yaml", `
  - {id: miner, on: "CryptoCurrency:*", then: page}
  - {id: ask, on: "*:IAMUser/*", when: employee.known, then: inquire}
  - {id: default, then: ticket}`)
	next := compile(t, "new.yaml", `
  - {id: quiet-miner, on: "CryptoCurrency:*", when: finding.severity < 9, then: record, why: "They are ours."}
  - {id: loud-iam, on: "*:IAMUser/*", then: page}
  - {id: probes, on: "Recon:EC2/PortProbe*", then: suppress, why: x, owner: y, expires: 2027-01-01}
  - {id: default, then: ticket}`)
	c := &chronicle{t: t}
	for n := range 4 {
		c.found(n, miner, 8, old, nil, nil)
	}
	c.found(4, miner, 9.5, old, nil, nil)
	c.found(5, probe, 2, old, nil, nil)
	c.found(6, probe, 7.5, old, nil, nil) // above the floor: not suppressed
	c.found(7, iam, 5, old, person, nil)
	c.closed(2, "true_positive")
	c.closed(3, "benign")
	c.closed(5, "false_positive")
	r := c.compare(old, next)
	expect(t, r,
		"less page→record ×4 high 4 real 1",
		"less page→ticket ×1 high 1 real 0",
		"less ticket→suppress ×1 high 0 real 0",
		"more inquire→page ×1 high 0 real 0",
		"unchanged 1, other rule 0")
	lost := r.Changes[0]
	if e := lost.Examples; len(e) != 2 || e[0].Finding != "f2" || e[0].Said != "closed as a real attack" || e[1].Finding != "f0" || e[0].Account != "111122223333" ||
		!strings.Contains(e[0].Why, "rule quiet-miner matches: finding.severity < 9 (finding.severity = 8)") || e[0].OldRule != "miner" || e[0].NewRule != "quiet-miner" {
		t.Errorf("examples %+v", e)
	}
	if !lost.LostPage() || !slices.Equal(lost.Rules, []replay.RulePair{{Old: "miner", New: "quiet-miner", N: 4}}) {
		t.Errorf("%+v", lost)
	}
	if r.Steps[policy.Page] != (replay.Count{Old: 5, New: 1}) || r.Asked != (replay.Count{Old: 1}) {
		t.Errorf("pages %+v, asked %+v", r.Steps, r.Asked)
	}
	want := []replay.RuleCount{{Rule: "ask", Count: replay.Count{Old: 1}}, {Rule: "default", Count: replay.Count{Old: 2, New: 2}}, {Rule: "loud-iam", Count: replay.Count{New: 1}},
		{Rule: "miner", Count: replay.Count{Old: 5}}, {Rule: "probes", Count: replay.Count{New: 1}}, {Rule: "quiet-miner", Count: replay.Count{New: 4}}}
	if diff := cmp.Diff(want, r.Rules); diff != "" {
		t.Error(diff)
	}
	if back := c.compare(next, old); back.Changes[0].Attention != replay.Less || back.Changes[0].From != policy.Page || short(back)[3] != "more suppress→ticket ×1 high 0 real 0" {
		t.Errorf("the other way round: %q", short(back))
	}
}

// What hangs on something nobody asked is not guessed; what is less whatever the
// answer is said to be less.
func TestWhatTheArchiveLacksIsNotGuessed(t *testing.T) {
	t.Parallel()
	old := compile(t, "old.yaml", `
  - {id: miner, on: "CryptoCurrency:*", then: page}
  - {id: default, then: ticket}`)
	next := compile(t, "new.yaml", `
  - {id: gone, on: "CryptoCurrency:*", when: resource.terminated, then: record}
  - {id: miner, on: "CryptoCurrency:*", when: finding.severity > 8, then: page}
  - {id: seen, on: "Recon:*", when: by_ip.count > 3, then: page, mode: shadow}
  - {id: default, then: ticket}`)
	c := &chronicle{t: t}
	c.found(0, miner, 8.5, old, nil, nil)                                                            // record or page
	c.found(1, miner, 5, old, nil, nil)                                                              // record or ticket: less in any case
	c.found(2, miner, 8.5, old, nil, map[string]string{"resource": "down"})                          // asked, and down: stays a page
	c.found(3, miner, 8.5, old, map[string]any{"resource": map[string]any{"terminated": true}}, nil) // known
	c.found(4, probe, 2, old, nil, nil)                                                              // only a shadow wants to know
	r := c.compare(old, next)
	expect(t, r, "less page→record ×1 high 1 real 0", "less page→ticket at most ×1 high 0 real 0", "undetermined resource ×1 paging 1", "unchanged 2, other rule 0")
	back := c.compare(next, old)
	expect(t, back, "more ticket→page ×1 high 0 real 0", "more record→page ×1 high 1 real 0", "undetermined resource ×1 paging 1", "unchanged 2, other rule 0")
}

func TestWhatComesBesideTheSameStep(t *testing.T) {
	t.Parallel()
	old := compile(t, "old.yaml", `
  - {id: miner, on: "CryptoCurrency:*", then: page, also: [inquire], collect: [{run: [memory, osquery]}]}
  - {id: ask, on: "*:IAMUser/*", then: inquire, inquire: {mfa: true, timeout: 1h, on_timeout: page, on_yes: notify}}
  - {id: probes, on: "Recon:*", then: record}
  - {id: default, then: ticket}`)
	next := compile(t, "new.yaml", `
  - {id: miner, on: "CryptoCurrency:*", then: page, collect: [{run: [osquery, tcpdump]}]}
  - {id: ask, on: "*:IAMUser/*", then: inquire, inquire: {timeout: 2h, on_timeout: ticket, on_yes: ticket}}
  - {id: scans, on: "Recon:*", then: record}
  - {id: default, then: ticket, also: [notify]}`)
	c := &chronicle{t: t}
	c.found(0, miner, 8, old, nil, nil)
	c.found(1, iam, 5, old, nil, nil)
	c.found(2, probe, 5, old, nil, nil)
	c.found(3, "Trojan:EC2/DropPoint", 5, old, nil, nil)
	expect(t, c.compare(old, next),
		"otherwise page→page (evidence no longer taken: memory) ×1 high 1 real 0",
		"otherwise page→page (evidence taken: tcpdump) ×1 high 1 real 0",
		"otherwise page→page (no longer also inquire) ×1 high 1 real 0",
		"otherwise inquire→inquire (a yes leads to ticket instead of notify) ×1 high 0 real 0",
		"otherwise inquire→inquire (a yes no longer needs a second proof) ×1 high 0 real 0",
		"otherwise inquire→inquire (silence leads to ticket instead of page) ×1 high 0 real 0",
		"otherwise inquire→inquire (the question waits 2h0m0s instead of 1h0m0s) ×1 high 0 real 0",
		"otherwise ticket→ticket (also notify) ×1 high 0 real 0",
		"unchanged 1, other rule 1")
}

// The last word about a case counts: a no after a yes makes it real, a verdict
// after a no may take that back.
func TestWhatPeopleSaidSinceCounts(t *testing.T) {
	t.Parallel()
	old := compile(t, "old.yaml", "\n  - {id: default, then: inquire}")
	next := compile(t, "new.yaml", "\n  - {id: default, then: ticket}")
	for name, tc := range map[string]struct {
		tell func(c *chronicle)
		said string
		real int
	}{
		"nothing":             {func(*chronicle) {}, "", 0},
		"a no":                {func(c *chronicle) { c.answered(0, "no", time.Hour) }, "the person said that it was not them", 1},
		"a refused proof":     {func(c *chronicle) { c.answered(0, "refused", time.Hour) }, "the person said that it was not them", 1},
		"silence":             {func(c *chronicle) { c.answered(0, "expired", time.Hour) }, "", 0},
		"a no, then a look":   {func(c *chronicle) { c.answered(0, "no", time.Hour); c.closed(0, "false_positive") }, "closed as false positive", 0},
		"a late no":           {func(c *chronicle) { c.closed(0, "confirmed"); c.answered(0, "no", 2000*time.Hour) }, "the person said that it was not them", 1},
		"a yes":               {func(c *chronicle) { c.answered(0, "yes", time.Hour); c.closed(0, "confirmed") }, "the person said that it was them", 0},
		"somebody else's":     {func(c *chronicle) { c.closed(7, "true_positive") }, "", 0},
		"said before it came": {func(c *chronicle) { c.lines = nil; c.answered(0, "no", time.Hour); c.found(0, iam, 5, old, nil, nil) }, "the person said that it was not them", 1},
	} {
		c := &chronicle{t: t}
		c.found(0, iam, 5, old, nil, nil)
		tc.tell(c)
		r := c.compare(old, next)
		if len(r.Changes) != 1 || r.Changes[0].Confirmed != tc.real || r.Changes[0].Examples[0].Said != tc.said {
			t.Errorf("%s: %+v", name, r.Changes)
		}
	}
}
