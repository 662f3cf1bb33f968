package bot_test

import (
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// A drill whose operator has gone is ended by the bots: no incident and no case
// stays open, nothing is recorded in TheHive, nobody is asked.
func TestADrillThatWasKilledIsEndedByTheBots(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true})
	if _, err := bot.StartDrill(s.ctx, s.Bots[0]); err != nil {
		t.Fatal(err)
	}
	p := s.incidents("no page", open(1))
	if got := p.Incidents[0].Summary; len(got) < 5 || got[:5] != "DRILL" {
		t.Errorf("the page says %q", got)
	}
	s.message(s.Security.ID, "DRILL: nothing has happened")
	s.settled()
	s.Forward(11 * time.Minute)
	s.incidents("the page stays", func(p pagerdutyfake.Snapshot) bool { return len(p.Incidents) == 1 && len(p.Open()) == 0 })
	s.settled()
	if ids, err := s.Store.OpenDocs(s.ctx, 10); err != nil || len(ids) > 0 {
		t.Errorf("open: %v, %v", ids, err)
	}
	if n := s.Hive.Snapshot(); len(n.Alerts)+len(n.Cases) > 0 {
		t.Errorf("in TheHive: %+v", n)
	}
	if dms := s.Slack.Snapshot(0).Channels; len(dms) > 3 {
		t.Errorf("somebody was written to: %d conversations", len(dms))
	}
}
