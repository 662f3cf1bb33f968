package replay_test

import (
	"bufio"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/replay"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// BenchmarkCompare replays 100,000 archived findings against two policies of 40
// rules and prints how long that takes. The goal is 10 s.
func BenchmarkCompare(b *testing.B) {
	const total = 100_000
	before, after := fortyRules(b, 4), fortyRules(b, 6)
	name := filepath.Join(b.TempDir(), "findings-2026-11.ndjson")
	size := manyFindings(b, name, total, before)
	var r *replay.Result
	for b.Loop() {
		var err error
		if r, err = replay.Compare([]string{name}, replay.Options{Old: before, New: after, Examples: 3}); err != nil {
			b.Fatal(err)
		}
	}
	if r.Decisions != total || len(r.Changes) == 0 || len(r.Undetermined) > 0 {
		b.Fatalf("%d decisions, %d changes, %+v", r.Decisions, len(r.Changes), r.Undetermined)
	}
	each := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(each, "s/100k-findings")
	b.ReportMetric(float64(size)/each/1e6, "MB/s")
	b.ReportMetric(0, "ns/op")
}

// fortyRules is a policy in which most rules look at a finding before one takes
// it.
func fortyRules(b *testing.B, limit int) *policy.Policy {
	b.Helper()
	var rules strings.Builder
	rules.WriteString("version: 1\nlists:\n  nets: {cidrs: [198.51.100.0/24, 192.0.2.0/25]}\n  names: {strings: [\"deploy-*\", \"backup\"]}\nrules:\n")
	for i := range 39 {
		on, then := []string{"*:EC2/*", "*:IAMUser/*", "Recon:*"}[i%3], []string{"notify", "ticket", "page"}[i%3]
		when := []string{
			fmt.Sprintf("finding.severity > %d && finding.remote_ips.allIn(lists.nets)", limit),
			fmt.Sprintf("finding.principal.name.glob(lists.names) && finding.account == \"%012d\"", i),
			fmt.Sprintf("finding.severity >= %d && finding.tags.value(\"team\") == \"team-%d\"", limit, i),
			fmt.Sprintf("employee.known && employee.email == \"person-%d@corp.example\"", i),
			fmt.Sprintf("owner.team == \"team-%d\" && !network.trusted", i),
		}[i%5]
		fmt.Fprintf(&rules, "  - {id: r%d, on: %q, when: '%s', then: %s}\n", i, on, when, then)
	}
	rules.WriteString("  - {id: default, then: record}\n")
	p, err := policy.Compile("forty.yaml", []byte(rules.String()))
	if err != nil {
		b.Fatal(err)
	}
	return p
}

// manyFindings writes an archive and returns its size.
func manyFindings(b *testing.B, name string, n int, p *policy.Policy) int64 {
	b.Helper()
	f, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(f, 1<<20)
	types := findings.CatalogueTypes()
	start := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for i := range n {
		fd := &findings.Finding{Kind: findings.KindFinding, Source: "guardduty", ID: fmt.Sprintf("%032x", i), Type: types[i%len(types)].Type, Account: fmt.Sprintf("%012d", 111122220000+i%300),
			Region: "eu-west-1", Severity: float64(i%90)/10 + 1, Title: "An unusual number of calls was made.", Description: strings.Repeat("What GuardDuty says about it. ", 8), CreatedAt: start, UpdatedAt: start,
			Count: 1, ResourceType: "Instance", Instance: findings.Instance{ID: fmt.Sprintf("i-%017x", i), State: "running", VPC: "vpc-0a1b2c3d"}, Tags: []findings.Tag{{Key: "team", Value: fmt.Sprintf("team-%d", i%50)}, {Key: "env", Value: "prod"}},
			Principal: findings.Principal{Type: "AssumedRole", Name: "AWSReservedSSO_Developer", Session: "ana@corp.example"}, Action: "AWS_API_CALL", API: "iam:ListUsers",
			Remote: []findings.Remote{{IP: netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), Port: 443, City: "São Paulo", Country: "Brazil", ASN: "64500", Org: "Example Hosting"}}, LocalPorts: []int{443}}
		known := map[string]any{"employee": findings.Employee{Known: i%2 == 0, Email: fmt.Sprintf("person-%d@corp.example", i%60)}, "owner": findings.Owner{Team: fmt.Sprintf("team-%d", i%70)}, "network": map[string]any{"trusted": i%3 == 0}}
		at := start.Add(time.Duration(i) * time.Second)
		l := archive.OfDecision(fd, p.Decide(policy.Input{Finding: fd, Facts: known, Now: at}), known, nil, at)
		l.ID, l.CaseID, l.Ref = fmt.Sprintf("%016d/1/archive", i), fmt.Sprintf("%016d", i), fmt.Sprintf("SB-%08d", i)
		line, err := l.Encode()
		if err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(line); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return info.Size()
}
