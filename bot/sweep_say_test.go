package bot

import (
	"fmt"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/responders/guardduty"
)

// Each row is one sweep after the other: what it finds, and what is said.
func TestWhatASweepSaysAndWhatItDoesNotRepeat(t *testing.T) {
	t.Parallel()
	broken, off := fmt.Errorf("list findings: %w", errNotStored), fmt.Errorf("there: %w", guardduty.ErrSuspended)
	var s sweepState
	for i, row := range []struct {
		err     error
		missing int
		want    string
	}{
		{nil, 0, ""}, {nil, 2, "missing 2"}, {nil, 1, ""}, {nil, 0, ""}, {nil, 4, "missing 4"}, {nil, 0, ""},
		{broken, 0, ""}, {nil, 0, ""}, {broken, 0, ""}, {broken, 0, "wrong"}, {broken, 0, ""}, {nil, 0, "right"}, {nil, 0, ""},
		{off, 0, "wrong"}, {off, 0, ""}, {broken, 0, ""}, {nil, 3, "missing 3 right"},
	} {
		r := &swept{missing: row.missing, trouble: map[string]string{}, off: map[string]bool{}}
		r.add(guardduty.Place{Account: "111122223333", Region: "eu-west-1"}, row.err)
		var news sweepNews
		s, news = s.next(r)
		var said []string
		if news.Missing > 0 {
			said = append(said, fmt.Sprintf("missing %d", news.Missing))
		}
		if len(news.Wrong) > 0 {
			said = append(said, "wrong")
		}
		if len(news.Right) > 0 {
			said = append(said, "right")
		}
		if got := strings.Join(said, " "); got != row.want || news.empty() != (row.want == "") {
			t.Errorf("sweep %d: said %q, want %q", i, got, row.want)
		}
	}
}

// However many places are in trouble, the message can be sent.
func TestAMessageAboutVeryManyPlacesFits(t *testing.T) {
	t.Parallel()
	n := sweepNews{Missing: 1, Wrong: map[string]string{}}
	for i := range 5000 {
		place := fmt.Sprintf("%012d eu-west-1", i)
		n.Wrong[place], n.Right = strings.Repeat("x", 300), append(n.Right, place)
	}
	if m := sweepMessage(n); len(m.Parts) > 50 { // Slack's limit of blocks in a message
		t.Errorf("%d parts", len(m.Parts))
	}
}
