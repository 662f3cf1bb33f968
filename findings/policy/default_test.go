package policy_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

func defaultPolicy(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Default()
	if err != nil {
		t.Fatalf("the default policy:\n%v", err)
	}
	return p
}

// settle does what the caller of Decide does: it marks what is needed and not
// given as unavailable until nothing is needed any more.
func settle(t *testing.T, p *policy.Policy, f findings.Finding, facts map[string]any) policy.Decision {
	t.Helper()
	in := policy.Input{Finding: &f, Facts: facts, Unavailable: map[string]string{}, Now: noon}
	for range 10 {
		d := p.Decide(in)
		if len(d.Needs) == 0 {
			return d
		}
		for _, name := range d.Needs {
			in.Unavailable[name] = "not in this version"
		}
	}
	t.Fatalf("the decision about %s never settles", f.Type)
	return policy.Decision{}
}

var (
	ana    = findings.Employee{Known: true, Email: "ana@corp.example", DeviceIPs: []string{"203.0.113.5"}}
	nobody = findings.Employee{Why: "an AWS service"}
)

type defaultCase struct {
	f     findings.Finding
	facts map[string]any
	rule  string
	step  policy.Step
}

func who(e findings.Employee) map[string]any { return map[string]any{"employee": e} }

func nlb(behind, covered bool) map[string]any {
	return map[string]any{"resource": map[string]any{"behind_nlb": behind, "nlb_covers_ports": covered}}
}

func probe(severity float64, ports ...int) findings.Finding {
	return findings.Finding{
		Type: "Recon:EC2/PortProbeUnprotectedPort", Severity: severity, Role: "TARGET", LocalPorts: ports, Remote: remotes("198.51.100.7"),
		Instance: findings.Instance{ID: "i-0abc1234def567890", State: "running"},
	}
}

func iam(typ string, severity float64, session, ip string) findings.Finding {
	return findings.Finding{
		Type: typ, Severity: severity, Remote: remotes(ip), Action: "AWS_API_CALL",
		Principal: findings.Principal{Type: "AssumedRole", Name: "AWSReservedSSO_Admin_0123456789abcdef", Session: session},
	}
}

func host(typ string, severity float64, role, state string) findings.Finding {
	return findings.Finding{Type: typ, Severity: severity, Role: role, Instance: findings.Instance{ID: "i-0abc1234def567890", State: state}, Remote: remotes("198.51.100.7")}
}

func with(f findings.Finding, change func(*findings.Finding)) findings.Finding {
	change(&f)
	return f
}

func defaultCases() map[string]defaultCase {
	const medium, sso = "Recon:IAMUser/MaliciousIPCaller", "ana@corp.example"
	return map[string]defaultCase{
		"sample, even critical":    {with(host("Backdoor:EC2/C&CActivity.B", 9.5, "ACTOR", "running"), func(f *findings.Finding) { f.Sample = true }), nil, "sample", policy.Record},
		"archived by hand":         {with(probe(2, 22), func(f *findings.Finding) { f.Archived = true }), nil, "archived", policy.Record},
		"critical of unknown type": {findings.Finding{Type: "New:Thing/Here", Severity: 9, Unlisted: true}, nil, "critical", policy.Page},
		"attack sequence":          {findings.Finding{Type: "AttackSequence:IAM/CompromisedCredentials", Severity: 8}, nil, "attack-sequence", policy.Page},
		"signal of a sequence":     {with(iam(medium, 5, sso, "198.51.100.7"), func(f *findings.Finding) { f.Sequence = "arn:aws:guardduty:x" }), who(ana), "sequence-signal", policy.Ticket},

		"detector deleted":  {findings.Finding{Kind: findings.KindTamper, Type: "Tamper:GuardDuty/DeleteDetector", Severity: 8}, nil, "tamper", policy.Page},
		"delete refused":    {findings.Finding{Kind: findings.KindTamper, Type: "Tamper:GuardDuty/DeleteDetector", Severity: 5, ErrorCode: "AccessDenied"}, nil, "tamper-refused", policy.Ticket},
		"hiding filter":     {findings.Finding{Kind: findings.KindTamper, Type: "Tamper:GuardDuty/CreateFilter", Severity: 6}, nil, "tamper-tuning", policy.Ticket},
		"export stopped":    {findings.Finding{Kind: findings.KindTamper, Type: "Tamper:GuardDuty/DeletePublishingDestination", Severity: 6}, nil, "tamper", policy.Page},
		"unclear change":    {findings.Finding{Kind: findings.KindTamper, Type: "Tamper:GuardDuty/UpdateSomethingNew", Severity: 4}, nil, "tamper-unclear", policy.Ticket},
		"harmless call":     {findings.Finding{Kind: findings.KindTamper, Type: "Audit:GuardDuty/GetDetector", Severity: 1}, nil, "audit", policy.Record},
		"agent lost":        {findings.Finding{Kind: findings.KindCoverage, Type: "Coverage:Runtime/Unhealthy", Severity: 5}, nil, "coverage-agent", policy.Notify},
		"agent back":        {findings.Finding{Kind: findings.KindCoverage, Type: "Coverage:Runtime/Healthy", Severity: 1}, nil, "coverage-back", policy.Record},
		"account uncovered": {findings.Finding{Kind: findings.KindCoverage, Type: "Coverage:Detector/Missing", Severity: 5}, nil, "coverage-lost", policy.Ticket},
		"much uncovered":    {findings.Finding{Kind: findings.KindCoverage, Type: "Coverage:Detector/Missing", Severity: 8}, nil, "coverage-lost-high", policy.Page},
		"announcement":      {findings.Finding{Kind: findings.KindAnnouncement, Type: "Announcement:GuardDuty/NEW_FINDINGS"}, nil, "announcement", policy.Notify},
		"malware in a file": {findings.Finding{Kind: findings.KindScan, Type: "Scan:S3/ThreatsFound", Severity: 8}, nil, "scan-high", policy.Page},
		"clean file":        {findings.Finding{Kind: findings.KindScan, Type: "Scan:S3/NoThreatsFound", Severity: 1}, nil, "scan", policy.Record},

		"root used":             {findings.Finding{Type: "Policy:IAMUser/RootCredentialUsage", Severity: 2, Principal: findings.Principal{Type: "Root"}}, nil, "root", policy.Page},
		"root refused":          {findings.Finding{Type: "Policy:IAMUser/RootCredentialUsage", Severity: 2, ErrorCode: "AccessDenied"}, nil, "root-refused", policy.Ticket},
		"short root session":    {findings.Finding{Type: "Policy:IAMUser/ShortTermRootCredentialUsage", Severity: 2, Principal: findings.Principal{Type: "Root"}}, nil, "root-session", policy.Ticket},
		"root in another type":  {findings.Finding{Type: "Discovery:IAMUser/AnomalousBehavior", Severity: 2, Principal: findings.Principal{Type: "Root"}}, nil, "root", policy.Page},
		"trail stopped":         {iam("Stealth:IAMUser/CloudTrailLoggingDisabled", 2, sso, "203.0.113.5"), who(ana), "iam-critical", policy.Page},
		"trail not stopped":     {with(iam("Stealth:IAMUser/CloudTrailLoggingDisabled", 2, sso, "203.0.113.5"), func(f *findings.Finding) { f.ErrorCode = "AccessDenied" }), nil, "iam-critical-refused", policy.Ticket},
		"password policy":       {iam("Stealth:IAMUser/PasswordPolicyChange", 2, sso, "203.0.113.5"), nil, "iam-critical", policy.Page},
		"credentials outside":   {iam("UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", 8, "i-0abc1234def567890", "198.51.100.7"), nil, "iam-critical", policy.Page},
		"bucket made public":    {findings.Finding{Type: "Policy:S3/BucketAnonymousAccessGranted", Severity: 8}, nil, "iam-critical", policy.Page},
		"high anomaly":          {iam("Impact:IAMUser/AnomalousBehavior", 8, sso, "203.0.113.5"), who(ana), "iam-high", policy.Page},
		"own device":            {iam(medium, 5, sso, "203.0.113.5"), who(ana), "iam-own-device", policy.Record},
		"other address":         {iam(medium, 5, sso, "198.51.100.7"), who(ana), "iam-ask", policy.Inquire},
		"employee on the move":  {iam("Discovery:IAMUser/AnomalousBehavior", 2, sso, "2001:db8::7"), who(ana), "iam-ask", policy.Inquire},
		"nobody known":          {iam(medium, 5, "build-job-17", "198.51.100.7"), who(nobody), "iam-unknown", policy.Ticket},
		"identity source down":  {iam(medium, 5, sso, "198.51.100.7"), nil, "iam-ask", policy.Inquire},
		"instance role, low":    {iam("Discovery:IAMUser/AnomalousBehavior", 2, "i-0abc1234def567890", "198.51.100.7"), who(ana), "iam-service-low", policy.Notify},
		"instance role, medium": {iam(medium, 5, "i-0abc1234def567890", "198.51.100.7"), who(ana), "iam-service", policy.Ticket},
		"text sent to a model":  {iam("Impact:IAMUser/PromptInjection.Direct", 2, "chat-service", "198.51.100.7"), who(nobody), "iam-prompt", policy.Notify},
		"probe of 9200":         {probe(8, 9200), nlb(true, true), "portprobe-high", policy.Page},
		"probe behind an NLB":   {probe(2, 443, 80), nlb(true, true), "portprobe-nlb", policy.Suppress},
		"NLB map not fresh":     {probe(2, 443), nlb(true, false), "portprobe", policy.Notify},
		"NLB, but another port": {probe(2, 443, 8081), nlb(true, true), "portprobe", policy.Notify},
		"NLB, no port known":    {probe(2), nlb(true, true), "portprobe", policy.Notify},
		"web port, no NLB":      {probe(2, 443), nlb(false, false), "portprobe", policy.Notify},
		"web port, NLB unknown": {probe(2, 443), nil, "portprobe", policy.Notify},
		"ssh open to the world": {probe(2, 443, 22), nlb(true, true), "portprobe-sensitive", policy.Ticket},
		"knocking at ssh":       {host("UnauthorizedAccess:EC2/SSHBruteForce", 2, "TARGET", "running"), nil, "ec2-low", policy.Notify},
		"our host attacks":      {host("UnauthorizedAccess:EC2/SSHBruteForce", 5, "ACTOR", "running"), nil, "ec2-attacks", policy.Page},
		"command and control":   {host("Backdoor:EC2/C&CActivity.B!DNS", 8, "ACTOR", "running"), nil, "ec2-high", policy.Page},
		"port scan":             {host("Recon:EC2/Portscan", 5, "ACTOR", "running"), nil, "ec2-medium", policy.Ticket},
		"port scan, host gone":  {host("Recon:EC2/Portscan", 5, "ACTOR", "terminated"), nil, "ec2-gone", policy.Notify},
		"drop point, host gone": {host("Trojan:EC2/DropPoint", 5, "ACTOR", "terminated"), nil, "ec2-medium", policy.Ticket},
		"miner in a container":  {host("CryptoCurrency:Runtime/BitcoinTool.B", 8, "ACTOR", "running"), nil, "ec2-high", policy.Page},
		"cluster, somebody":     {iam("Execution:Kubernetes/AnomalousBehavior.ExecInPod", 5, sso, "198.51.100.7"), who(ana), "other-ask", policy.Inquire},
		"cluster, own device":   {iam("Execution:Kubernetes/AnomalousBehavior.ExecInPod", 5, sso, "203.0.113.5"), who(ana), "other-own-device", policy.Notify},
		"database, low":         {findings.Finding{Type: "CredentialAccess:RDS/AnomalousBehavior.FailedLogin", Severity: 2}, nil, "other-low", policy.Notify},
		"database, medium":      {findings.Finding{Type: "Discovery:RDS/TorIPCaller", Severity: 5}, nil, "other-medium", policy.Ticket},
		"function, high":        {findings.Finding{Type: "Backdoor:Lambda/C&CActivity.B", Severity: 8}, nil, "other-high", policy.Page},
		"unheard of, low":       {findings.Finding{Type: "New:Thing/Here", Severity: 1, Unlisted: true}, nil, "default", policy.Ticket},
		"no type at all":        {findings.Finding{Severity: 1, Unlisted: true}, nil, "default", policy.Ticket},
	}
}

func TestDefaultPolicy(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	hit := map[string]bool{}
	for name, tc := range defaultCases() {
		d := settle(t, p, tc.f, tc.facts)
		hit[d.Rule] = true
		if d.Rule != tc.rule || d.Step != tc.step {
			t.Errorf("%s: rule %s step %s, want %s %s\n%s", name, d.Rule, d.Step, tc.rule, tc.step, strings.Join(d.Reasons, "\n"))
		}
		if (d.Step == policy.Inquire) != (d.Inquire != nil) {
			t.Errorf("%s: step %s with inquire %v", name, d.Step, d.Inquire)
		}
	}
	// Rules for lists that ship empty are tried in TestDefaultPolicyFilledIn.
	filled := []string{"portprobe-scanner", "ec2-scanner", "ec2-customer-domain", "ec2-customer-domain-high", "scan-medium"}
	for _, r := range p.Rules() {
		if !hit[r.ID] && !slices.Contains(filled, r.ID) {
			t.Errorf("no case here reaches rule %s", r.ID)
		}
	}
}

func TestDefaultPolicyFilledIn(t *testing.T) {
	t.Parallel()
	text := string(policy.DefaultSource())
	for old, filled := range map[string]string{
		"scanners: {cidrs: []}":            "scanners: {cidrs: [192.0.2.0/24]}",
		"scanner_instances: {strings: []}": "scanner_instances: {strings: [i-0abc1234def567890]}",
		"customer_domains: {domains: []}":  "customer_domains: {domains: [customer.example.com]}",
	} {
		if !strings.Contains(text, old) {
			t.Fatalf("the default policy has no %q", old)
		}
		text = strings.Replace(text, old, filled, 1)
	}
	p, err := policy.Compile("filled.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	dns := func(typ string, severity float64, domain string) findings.Finding {
		return findings.Finding{Type: typ, Severity: severity, Domain: domain, Role: "ACTOR"}
	}
	fromScanner := func(f *findings.Finding) { f.Remote = remotes("192.0.2.9", "192.0.2.77") }
	for name, tc := range map[string]defaultCase{
		"our scanner probes":        {with(probe(2, 22), fromScanner), nil, "portprobe-scanner", policy.Suppress},
		"scanner and a stranger":    {with(probe(2, 22), func(f *findings.Finding) { f.Remote = remotes("192.0.2.9", "198.51.100.7") }), nil, "portprobe-sensitive", policy.Ticket},
		"more ends than are kept":   {with(probe(2, 22), func(f *findings.Finding) { f.Remote = remotes(slices.Repeat([]string{"192.0.2.9"}, 50)...) }), nil, "portprobe-sensitive", policy.Ticket},
		"scanner sweeps":            {host("Impact:EC2/PortSweep", 8, "ACTOR", "running"), nil, "ec2-scanner", policy.Record},
		"another host sweeps":       {with(host("Impact:EC2/PortSweep", 8, "ACTOR", "running"), func(f *findings.Finding) { f.Instance.ID = "i-0000" }), nil, "ec2-high", policy.Page},
		"scanner tries ssh":         {with(host("UnauthorizedAccess:EC2/SSHBruteForce", 2, "TARGET", "running"), fromScanner), nil, "ec2-scanner", policy.Record},
		"customer domain":           {dns("Trojan:EC2/DropPoint!DNS", 5, "Hooks.Customer.Example.com."), nil, "ec2-customer-domain", policy.Suppress},
		"customer domain, high":     {dns("Trojan:EC2/PhishingDomainRequest!DNS", 8, "customer.example.com"), nil, "ec2-customer-domain-high", policy.Ticket},
		"container, same domain":    {dns("Impact:Runtime/AbusedDomainRequest.Reputation", 5, "customer.example.com"), nil, "ec2-customer-domain", policy.Suppress},
		"looks like the customer's": {dns("Trojan:EC2/DropPoint!DNS", 5, "notcustomer.example.com"), nil, "ec2-medium", policy.Ticket},
		"tunnel below the domain":   {dns("Trojan:EC2/DNSDataExfiltration", 8, "x.customer.example.com"), nil, "ec2-high", policy.Page},
		"critical is still a page":  {dns("Trojan:EC2/DropPoint!DNS", 9, "customer.example.com"), nil, "critical", policy.Page},
		"scan with a warning":       {findings.Finding{Kind: findings.KindScan, Type: "Scan:Protection/Warning", Severity: 4}, nil, "scan-medium", policy.Ticket},
	} {
		if d := settle(t, p, tc.f, tc.facts); d.Rule != tc.rule || d.Step != tc.step {
			t.Errorf("%s: rule %s step %s, want %s %s\n%s", name, d.Rule, d.Step, tc.rule, tc.step, strings.Join(d.Reasons, "\n"))
		}
	}
}

func TestDefaultPolicyCollectsByWhatIsLeft(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	for name, tc := range map[string]struct {
		f    findings.Finding
		want []string
	}{
		"high":       {host("Backdoor:EC2/C&CActivity.B", 8, "ACTOR", "running"), []string{"memory", "tcpdump", "osquery", "snapshot"}},
		"medium":     {host("Recon:EC2/Portscan", 5, "ACTOR", "running"), []string{"osquery", "snapshot"}},
		"low":        {host("Recon:EC2/Portscan", 2, "ACTOR", "running"), nil},
		"gone":       {host("Backdoor:EC2/C&CActivity.B", 8, "ACTOR", "terminated"), nil},
		"no host":    {findings.Finding{Type: "Backdoor:EC2/C&CActivity.B", Severity: 8}, nil},
		"portprobe":  {probe(8, 9200), nil},
		"only a key": {iam("Impact:IAMUser/AnomalousBehavior", 8, "x", "198.51.100.7"), nil},
	} {
		if got := settle(t, p, tc.f, nil).Collect; !slices.Equal(got, tc.want) {
			t.Errorf("%s: collect %v, want %v", name, got, tc.want)
		}
	}
}

func TestDefaultPolicyHandlesEveryTypeOnPurpose(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	for _, e := range findings.CatalogueTypes() {
		for severity, least := range map[float64]policy.Step{1: policy.Notify, 5: policy.Notify, 8: policy.Page, 9: policy.Page} {
			d := settle(t, p, findings.Finding{Type: e.Type, Severity: severity}, nil)
			if d.Rule == "default" {
				t.Errorf("%s with severity %v is left to the default", e.Type, severity)
			}
			if d.Step.Compare(least) < 0 {
				t.Errorf("%s with severity %v: %s by %s, want at least %s", e.Type, severity, d.Step, d.Rule, least)
			}
		}
	}
}

func TestDefaultPolicyNeedsNoSecondFactorAndNoAbsentLookUp(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	if ids := p.RequiresMFA(); len(ids) > 0 {
		t.Errorf("rules %v need an MFA provider, which a new installation has not", ids)
	}
	for _, problem := range p.Lint(noon) {
		if !strings.Contains(problem.Msg, "is empty, so what depends on it never matches") {
			t.Errorf("lint: %s", problem)
		}
	}
}

func ExamplePolicy_Decide() {
	p, err := policy.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	f := iam("Recon:IAMUser/MaliciousIPCaller", 5, "ana@corp.example", "198.51.100.7")
	d := p.Decide(policy.Input{Finding: &f, Now: noon})
	fmt.Println(d.Step, d.Needs)
	d = p.Decide(policy.Input{Finding: &f, Now: noon, Facts: map[string]any{"employee": ana}})
	fmt.Println(d.Step, d.Needs, d.Rule, d.Inquire.OnTimeout)
	// Output:
	// inquire [employee]
	// inquire [] iam-ask page
}
