package policy_test

import (
	"os"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

func documentation(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/policy.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestDocumentationNamesEverything(t *testing.T) {
	t.Parallel()
	text := documentation(t)
	for _, name := range policy.Variables() {
		if !strings.Contains(text, "`"+name+"`") {
			t.Errorf("docs/policy.md does not mention %s", name)
		}
	}
	for _, key := range policy.RuleKeys() {
		if !strings.Contains(text, "`"+key+"`") {
			t.Errorf("docs/policy.md does not mention the key %s", key)
		}
	}
	for _, s := range policy.AllSteps() {
		if !strings.Contains(text, "| `"+string(s)+"` |") {
			t.Errorf("docs/policy.md does not explain %s", s)
		}
	}
	for _, name := range policy.Enrichments() {
		if !strings.Contains(text, "| `"+name+"` |") {
			t.Errorf("docs/policy.md does not explain the look-up %s", name)
		}
	}
}

func TestDocumentationExampleWorks(t *testing.T) {
	t.Parallel()
	_, rest, ok := strings.Cut(documentation(t), "```yaml\n")
	example, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatal("docs/policy.md has no example")
	}
	p, err := policy.Compile("example.yaml", []byte(example))
	if err != nil {
		t.Fatalf("the example of docs/policy.md:\n%v", err)
	}
	if problems := p.Lint(noon); len(problems) > 0 {
		t.Errorf("the example of docs/policy.md:\n%v", problems)
	}
	documents := map[string]findings.Finding{
		"a stranger's probe is work": probe(2, 22),
		"the directory is down":      iam("Recon:IAMUser/MaliciousIPCaller", 5, "ana@corp.example", "198.51.100.7"),
	}
	for _, tt := range p.Tests() {
		f := documents[tt.Name]
		if failed := tt.Check(p.Decide(tt.Input(&f, noon))); len(failed) > 0 {
			t.Errorf("%s: %v", tt.Name, failed)
		}
	}
}
