package policy

import (
	"net/netip"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
)

func BenchmarkDecide(b *testing.B) {
	p, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	iam := &findings.Finding{
		Type: "Recon:IAMUser/MaliciousIPCaller", Severity: 5, Account: "111122223333", Region: "eu-west-1",
		Principal: findings.Principal{Type: "AssumedRole", Session: "ana@corp.example"},
		Remote:    []findings.Remote{{IP: netip.MustParseAddr("203.0.113.5")}},
	}
	probe := &findings.Finding{
		Type: "Recon:EC2/PortProbeUnprotectedPort", Severity: 2, Role: "TARGET", LocalPorts: []int{443},
		Remote: []findings.Remote{{IP: netip.MustParseAddr("203.0.113.5")}},
	}
	last := &findings.Finding{Type: "New:Thing/Unheard", Severity: 1, Unlisted: true}
	for name, in := range map[string]Input{
		"iam":      {Finding: iam, Now: now, Facts: map[string]any{"employee": findings.Employee{Known: true, DeviceIPs: []string{"192.0.2.1"}}}},
		"probe":    {Finding: probe, Now: now, Facts: map[string]any{"resource": map[string]any{"behind_nlb": true, "nlb_covers_ports": false}}},
		"degraded": {Finding: probe, Now: now, Unavailable: map[string]string{"resource": "not there"}},
		"last":     {Finding: last, Now: now},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Decide(in)
			}
		})
	}
}
