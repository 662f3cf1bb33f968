package bot_test

import (
	"os"
	"path/filepath"
	"testing"
)

// policyFile writes a policy that asks about everything concerning people and
// tells owners about the rest.
func policyFile(t *testing.T, inquire string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := "version: 1\nrules:\n" +
		"  - id: ask\n    on: \"*:IAMUser/*\"\n    when: employee.known\n    then: inquire\n    " + inquire + "\n" +
		"  - id: default\n    then: notify\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
