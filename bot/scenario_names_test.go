package bot_test

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/rig"
)

// TestAnEmployeeReadsTheirOwnAddress, and one that only begins like it is broken
// up.
func TestAnEmployeeReadsTheirOwnAddress(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: pageAlways(t)})
	ours := rig.Ask(1)
	ours.Session = "priya@corp.example"
	s.Send(ours.SNS())
	s.message(s.Security.ID, "AWSReservedSSO", " priya@corp.example")
	forged := rig.Ask(2)
	forged.Session = "ana@corp.example.evil.com"
	s.Send(forged.SNS())
	m := s.message(s.Security.ID, "ana[@]corp[.]example[.]evil[.]com")
	if strings.Contains(string(m.Blocks)+m.Text, "evil.com") {
		t.Errorf("it is shown as %s", m.Blocks)
	}
}
