package bot

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/cases"
)

// TestTheArchiveKeepsNothingBack: a line that cannot be written is lost and
// logged, and what goes with it is done all the same.
func TestTheArchiveKeepsNothingBack(t *testing.T) {
	t.Parallel()
	var log strings.Builder
	b := &Bot{routes: cases.Routes{Archive: true}, log: slog.New(slog.NewTextHandler(&log, nil))}
	change := &tx{b: b}
	c := &cases.Case{ID: "AAAAAAAAAAAAAAAA"}
	change.archive(c, archive.Line{Kind: archive.Closed, Outcome: strings.Repeat("x", archive.MaxLine)}, time.Unix(1, 0))
	if len(change.effects) != 0 || !strings.Contains(log.String(), "a line is missing in the archive") {
		t.Errorf("%d effects, %s", len(change.effects), log.String())
	}
	change.archive(c, archive.Line{Kind: archive.Closed, Outcome: "benign"}, time.Unix(1, 0))
	if len(change.effects) != 1 {
		t.Errorf("%d effects", len(change.effects))
	}
}
