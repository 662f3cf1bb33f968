package responders_test

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/responders"
)

func TestPolicyRunsEvidenceOnly(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"snapshot": "", "osquery": "", "memory": "", "tcpdump": "",
		"isolate": "never runs by itself, because it would cut an instance off from the network",
		"release": "never runs by itself, because it would undo an isolation",
		"memry":   "there is no such action; policy may run snapshot, osquery, memory, tcpdump",
		"":        "there is no such action",
	} {
		if got := responders.WhyNotAutomatic(name); got != want && (want == "" || !strings.Contains(got, want)) {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

// Whatever has a second person for people must not be open to a text.
func TestNothingThatNeedsApprovalRunsByItself(t *testing.T) {
	t.Parallel()
	for _, a := range responders.Catalogue() {
		if a.Approval && responders.WhyNotAutomatic(string(a.ID)) == "" {
			t.Errorf("policy may run %s, which needs a second person", a.ID)
		}
	}
}
