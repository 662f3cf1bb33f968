package bot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
)

// closedIncident opens an incident and closes it again. It returns its reference and its
// channel.
func (s *scene) closedIncident() (ref string, room slackfake.Channel) {
	s.t.Helper()
	s.ir(s.Omar, s.Security.ID, "open high Laptop is stolen")
	room = s.roomWhen("laptop-is-stolen", func(c slackfake.Channel) bool {
		return len(c.Pins) == 1 && c.Topic != "" && slices.Contains(c.Members, s.Omar.ID)
	})
	s.incidents("nobody is paged", open(1))
	s.ir(s.Omar, room.ID, "note decision: wipe it")
	s.message(room.ID, "wipe it")
	s.ir(s.Omar, room.ID, "invite "+s.Priya.Email)
	s.roomWhen("laptop-is-stolen", func(c slackfake.Channel) bool { return slices.Contains(c.Members, s.Priya.ID) })
	s.ir(s.Omar, room.ID, "close found in a taxi")
	room = s.roomWhen("laptop-is-stolen", func(c slackfake.Channel) bool { return c.Archived })
	s.incidents("the page is not resolved", open(0))
	s.settled()
	return room.Topic[:len("INC-7F3KQX")], room
}

// TestAReopenedIncidentGoesOnInAFreshChannel: Slack does not let apps open
// archived channels.
func TestAReopenedIncidentGoesOnInAFreshChannel(t *testing.T) {
	t.Parallel()
	hive, extra := withHive(t)
	s := begin(t, rig.Options{Extra: extra})
	ref, old := s.closedIncident()
	s.told(s.Omar, "/ir reopen "+ref)

	s.ir(s.Omar, s.Security.ID, "note "+ref+" one more thing")
	s.told(s.Omar, "reopen it or open a new incident")
	s.ir(s.Omar, s.Security.ID, "reopen "+ref)
	s.fillIn(s.Omar, map[string]string{"reason": "It was another laptop."})

	room := s.roomWhen("laptop-is-stolen", func(c slackfake.Channel) bool {
		return c.ID != old.ID && !c.Archived && len(c.Pins) == 1 && slices.Contains(c.Members, s.Priya.ID) && slices.Contains(c.Members, s.Omar.ID)
	})
	s.message(room.ID, "reopened the incident", "It was another laptop")
	s.summary(room.ID, "Worked before in", old.ID)
	again := s.incidents("nobody is paged again", open(1))
	if !strings.Contains(again.Open()[0].Summary, "reopened: It was another laptop") {
		t.Errorf("the page says %q", again.Open()[0].Summary)
	}
	s.hiveStage(hive, "InProgress")

	// Commands in the fresh channel find it, and its end is an end again.
	s.ir(s.Omar, room.ID, "close the right one was found")
	s.roomWhen("laptop-is-stolen", func(c slackfake.Channel) bool { return c.ID == room.ID && c.Archived })
	s.incidents("the page is not resolved", open(0))
	s.settled()
	files := s.Slack.Files(room.ID)
	if len(files) != 2 || !containsAll(string(files[0].Content), []string{"wipe it", "found in a taxi", "It was another laptop", "the right one was found"}) {
		t.Errorf("the timeline does not go on: %+v", files)
	}
	if k := s.hiveStage(hive, "Closed"); len(k.Attachments) != 4 {
		t.Errorf("TheHive has %d files", len(k.Attachments))
	}
	s.incidentAudit("reopen an incident")
}

// hiveStage waits until the one case in TheHive is in a stage.
func (s *scene) hiveStage(hive *thehivefake.Server, stage string) (k thehivefake.Case) {
	s.t.Helper()
	err := hive.WaitFor(s.ctx, func(sn thehivefake.Snapshot) bool {
		if len(sn.Cases) == 1 {
			k = sn.Cases[0]
		}
		return k.Stage == stage
	})
	if err != nil {
		s.t.Errorf("TheHive has %+v, %v", k, err)
	}
	return k
}

// TestAReopenedIncidentGoesOnInItsChannel where Slack allows it.
func TestAReopenedIncidentGoesOnInItsChannel(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Slack: []slackfake.Option{slackfake.WithUnarchive()}})
	ref, old := s.closedIncident()
	s.ir(s.Mei, s.Security.ID, "reopen "+ref+" it was another laptop")
	room := s.roomWhen("laptop-is-stolen", func(c slackfake.Channel) bool { return !c.Archived && slices.Contains(c.Members, s.Mei.ID) })
	if room.ID != old.ID {
		t.Errorf("it goes on in %s, not in %s", room.ID, old.ID)
	}
	s.message(room.ID, "reopened the incident", "it was another laptop")
	s.summary(room.ID, "Nobody leads yet")
	s.settled()
	// What finds it does not end with what was closed once.
	s.Age(101 * 24 * time.Hour)
	s.ir(s.Mei, room.ID, "note still here")
	s.message(room.ID, "still here")
	for _, c := range s.Slack.Snapshot(0).Channels {
		if strings.Contains(c.Name, "laptop-is-stolen") && c.ID != old.ID {
			t.Errorf("another channel: %s", c.Name)
		}
	}
}

// TestReopeningHasATime: after it there is only a new incident.
func TestReopeningHasATime(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Extra: "incidents: {reopen_within: 2h}\n"})
	ref, old := s.closedIncident()
	s.Forward(2*time.Hour + time.Minute)
	s.ir(s.Omar, s.Security.ID, "reopen "+ref+" it was another laptop")
	s.told(s.Omar, "was closed too long ago: it can be reopened for 2 hours")
	s.settled()
	if c, _ := s.Slack.Channel(old.ID); !c.Archived || len(s.Pager.Snapshot().Open()) > 0 {
		t.Error("it was reopened all the same")
	}
	s.ir(s.Omar, s.Security.ID, "reopen INC-AAAAAA more")
	s.told(s.Omar, "There is no incident")
}
