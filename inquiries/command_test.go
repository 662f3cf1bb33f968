package inquiries

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
)

func TestTheQuestionNamesTheCommandThatIsConfigured(t *testing.T) {
	t.Parallel()
	for command, want := range map[string]string{"": "/ir verify SB-7F3K7QXA", "/sec": "/sec verify SB-7F3K7QXA"} {
		q, _ := New("id", Ask{Ref: "SB-7F3K7QXA", CaseID: "C", Rule: "r", Level: findings.Medium, Command: command,
			Person: Person{ChatID: "U0ANA"}, About: About{Sentence: "your AWS access was used"}}, time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC))
		var all strings.Builder
		for _, p := range Question(q).Parts {
			for _, s := range p.Text {
				all.WriteString(s.S)
			}
		}
		if !strings.Contains(all.String(), want) {
			t.Errorf("command %q: the question does not say %q: %s", command, want, all.String())
		}
	}
}
