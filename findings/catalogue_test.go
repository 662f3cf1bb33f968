package findings

import (
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// jargon is what a person who never saw AWS would not understand, and the
// traces of a sentence that was not finished.
var jargon = regexp.MustCompile(`(?i)\b(anomalous|anomaly|principals?|credentials?|iam|ec2|s3|api|eks|ecs|rds|lambda|instances?|exfiltrat\w+|enumerat\w+|malicious|` +
	`malware|recon|reconnaissance|escalation|persistence|evasion|lateral|privileges?|payload|c&c|dns|ssh|rdp|runtime|binary|unauthorized|TODO|nil|user agent|kubernetes|pods?)\b|[{}<>%$\\_:/]`)

func checkSentence(tb testing.TB, about, s string) {
	tb.Helper()
	switch {
	case len(s) < 25 || len(s) > 170:
		tb.Errorf("%s: sentence of %d characters: %q", about, len(s), s)
	case unicode.IsUpper(rune(s[0])) && !strings.HasPrefix(s, "AWS"):
		tb.Errorf("%s: begins with a capital: %q", about, s)
	case strings.HasSuffix(s, ".") || strings.Contains(s, "  ") || s != strings.TrimSpace(s):
		tb.Errorf("%s: bad ending or space: %q", about, s)
	}
	if m := jargon.FindString(s); m != "" {
		tb.Errorf("%s: %q in %q", about, m, s)
	}
	letters, words := 0, strings.Fields(s)
	for _, w := range words {
		letters += len(w)
		if len(strings.Trim(w, ",")) > 13 && w != "random-looking" {
			tb.Errorf("%s: long word %q in %q", about, w, s)
		}
	}
	if mean := float64(letters) / float64(len(words)); mean > 6 || len(words) > 34 {
		tb.Errorf("%s: hard to read (%d words of %.1f letters): %q", about, len(words), mean, s)
	}
}

func TestCatalogueIsWhole(t *testing.T) {
	t.Parallel()
	all := CatalogueTypes()
	retired, groups, seen := 0, map[Group]int{}, map[string]bool{}
	for _, e := range all {
		if e.Retired {
			retired++
		}
		groups[e.Group]++
		purpose, resource, family := splitType(e.Type)
		if purpose == "" || resource == "" || family == "" || seen[squash(e.Type)] {
			t.Errorf("bad or doubled type %q", e.Type)
		}
		seen[squash(e.Type)] = true
		switch e.Severity {
		case Low, Medium, High, Critical:
		default:
			t.Errorf("%s: severity %q", e.Type, e.Severity)
		}
		if e.Resource == "" {
			t.Errorf("%s: no resource", e.Type)
		}
		checkSentence(t, e.Type, e.Ask)
		checkSentence(t, e.Type, e.Tell)
		if !strings.Contains(e.Ask, "you") && !strings.HasPrefix(e.Type, "Policy:IAMUser/") {
			t.Errorf("%s: does not speak to the person: %q", e.Type, e.Ask)
		}
		if regexp.MustCompile(`\byou(r)?\b`).MatchString(e.Tell) {
			t.Errorf("%s: speaks to the person: %q", e.Type, e.Tell)
		}
		if got, ok := Lookup(e.Type); !ok || got != e {
			t.Errorf("%s cannot be looked up", e.Type)
		}
	}
	if len(all) != 253 || retired != 24 {
		t.Errorf("%d types, %d retired", len(all), retired)
	}
	if len(groups) != 5 || groups[GroupPortProbe] != 2 {
		t.Errorf("groups: %v", groups)
	}
}

func TestGroups(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typ, resource string
		severity      float64
		want          Group
	}{
		{"Recon:EC2/PortProbeUnprotectedPort", "Instance", 2, GroupPortProbe},
		{"Recon:EC2/PortProbeEMRUnprotectedPort", "Instance", 8, GroupPortProbe},
		{"Recon:EC2/PortProbeSomethingNew", "Instance", 8, GroupPortProbe},
		{"Recon:EC2/Portscan", "Instance", 5, GroupEC2},
		{"Backdoor:EC2/C&CActivity.B!DNS", "Instance", 8, GroupEC2},
		{"AttackSequence:EC2/CompromisedInstanceGroup", "AttackSequence", 9, GroupEC2},
		{"Execution:EC2/MaliciousFile!AMI", "", 8, GroupEC2},
		{"Stealth:IAMUser/CloudTrailLoggingDisabled", "AccessKey", 2, GroupIAMCritical},
		{"Stealth:IAMUser/PasswordPolicyChange", "AccessKey", 2, GroupIAMCritical},
		{"Policy:IAMUser/RootCredentialUsage", "AccessKey", 2, GroupIAM},
		{"Policy:IAMUser/RootCredentialUsage", "AccessKey", 9, GroupIAM},
		{"DefenseEvasion:IAMUser/AnomalousBehavior", "AccessKey", 5, GroupIAMCritical},
		{"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS", "AccessKey", 8, GroupIAMCritical},
		{"UnauthorizedAccess:IAMUser/ResourceCredentialExfiltration.InsideAWS", "AccessKey", 8, GroupIAMCritical},
		{"Impact:IAMUser/CostHarvesting", "AccessKey", 2, GroupIAM},
		{"Impact:IAMUser/AnomalousBehavior", "AccessKey", 8, GroupIAM},
		{"Policy:S3/BucketPublicAccessGranted", "S3Bucket", 8, GroupIAMCritical},
		{"Discovery:S3/AnomalousBehavior", "S3Bucket", 2, GroupIAMCritical},
		{"Object:S3/MaliciousFile", "S3Object", 8, GroupOther},
		{"Execution:S3/MaliciousFile!RecoveryPoint", "", 8, GroupOther},
		{"Execution:Runtime/ReverseShell", "Instance", 8, GroupEC2},
		{"Execution:Runtime/ReverseShell", "EKSCluster", 8, GroupOther},
		{"Discovery:Kubernetes/MaliciousIPCaller", "EKSCluster", 5, GroupOther},
		{"CredentialAccess:RDS/MaliciousIPCaller.FailedLogin", "RDSDBInstance", 5, GroupOther},
		// not in the catalogue
		{"Impact:EC2/BrandNew", "Instance", 8, GroupEC2},
		{"Impact:IAMUser/BrandNew", "AccessKey", 5, GroupIAM},
		{"Impact:IAMUser/BrandNew", "AccessKey", 8, GroupIAMCritical},
		{"Stealth:IAMUser/BrandNew", "AccessKey", 2, GroupIAMCritical},
		{"Impact:S3/BrandNew", "S3Bucket", 2, GroupIAMCritical},
		{"Impact:Quantum/BrandNew", "", 8, GroupOther},
		{"99:EC2/Stateless.IntegTest", "Instance", 5, GroupEC2},
		{"IAMUser/UnauthorizedAccess", "Instance", 5, GroupEC2},
		{"nonsense", "ACCESS_KEY", 5, GroupIAM},
		{"nonsense", "S3Bucket", 5, GroupIAMCritical},
		{"nonsense", "", 5, GroupOther},
	} {
		f := &Finding{Kind: KindFinding, Type: c.typ, ResourceType: c.resource, Severity: c.severity}
		if got := GroupOf(f); got != c.want {
			t.Errorf("%s on %q, severity %v: %s, want %s", c.typ, c.resource, c.severity, got, c.want)
		}
	}
	if g := GroupOf(&Finding{Kind: KindTamper, Type: "Tamper:EC2/x"}); g != GroupOther {
		t.Errorf("tampering is in %s", g)
	}
}

func TestUnlistedSentences(t *testing.T) {
	t.Parallel()
	purposes := map[string]bool{"Unknown": true}
	for _, e := range CatalogueTypes() {
		p, _, _ := splitType(e.Type)
		if aim(p) == aim("Unknown") && p != "Behavior" && p != "ResourceConsumption" && p != "ResourceDevelopment" {
			t.Errorf("no words for the purpose %s", p)
		}
		purposes[p] = true
	}
	for p := range purposes {
		for _, r := range []string{"EC2", "IAMUser", "IAM", "S3", "RDS", "Lambda", "Kubernetes", "EKS", "Container", "Runtime", "Nothing"} {
			f := &Finding{Kind: KindFinding, Type: p + ":" + r + "/BrandNew"}
			checkSentence(t, f.Type, f.AskSentence())
			checkSentence(t, f.Type, f.TellSentence())
			if !strings.Contains(f.AskSentence(), "you") || strings.Contains(f.TellSentence(), "you") {
				t.Errorf("%s: %q / %q", f.Type, f.AskSentence(), f.TellSentence())
			}
		}
	}
}

func TestSentencesTellTheTruth(t *testing.T) {
	t.Parallel()
	stop := &Finding{Kind: KindFinding, Type: "Stealth:IAMUser/CloudTrailLoggingDisabled"}
	if s := stop.AskSentence(); s != "your AWS access was used to switch off the record of who does what in the account" {
		t.Errorf("%q", s)
	}
	stop.ErrorCode = "AccessDenied"
	if s := stop.AskSentence(); !strings.Contains(s, "was used to try to switch off") {
		t.Errorf("a refused call is told as done: %q", s)
	}
	ssh := &Finding{Kind: KindFinding, Type: "UnauthorizedAccess:EC2/SSHBruteForce", Role: "TARGET"}
	if s := ssh.AskSentence(); !strings.HasPrefix(s, "somebody is trying many passwords") {
		t.Errorf("%q", s)
	}
	ssh.Role = "ACTOR"
	if s := ssh.TellSentence(); !strings.HasPrefix(s, "a server is trying many passwords") {
		t.Errorf("our own host attacks, told as: %q", s)
	}
}
