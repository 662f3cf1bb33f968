package bot_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
)

func TestWhatFailsIsShownAndTheRestGoesOn(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Slack.NoCanvases("team_tier_cannot_create_channel_canvases")
	s.Slack.Next("conversations.invite", 1, slackfake.Status(503))
	s.Slack.Next("conversations.setTopic", 1, slackfake.RateLimited("1"))
	s.Pager.Fail(pagerdutyfake.Status(503), pagerdutyfake.Drop())
	s.ir(s.Omar, s.Security.ID, "open critical Backups are encrypted <@"+s.Gus.ID+">")
	room := s.roomWhen("backups", func(c slackfake.Channel) bool {
		return len(c.Pins) == 2 && slices.Contains(c.Members, s.Omar.ID) && c.Topic != ""
	})
	s.summary(room.ID, "in a pinned message of this channel", "Not here", "a guest", "paged")
	s.message(room.ID, "Impact", "Evidence", "Decisions")
	if p := s.incidents("the page is not tried again", open(1)); len(p.Doubles()) != 0 {
		t.Errorf("doubles %v", p.Doubles())
	}
}

func TestALostAnswerMakesOneChannel(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Slack.Next("conversations.create", 1, slackfake.Cut())
	s.ir(s.Omar, s.Security.ID, "open low Odd mail")
	room := s.roomWhen("odd-mail", func(c slackfake.Channel) bool { return len(c.Pins) == 1 })
	s.settled()
	n := 0
	s.Slack.Look(func(st slackfake.State) {
		for _, c := range st.Channels() {
			if strings.HasPrefix(c.Name, "inc-") {
				n++
			}
		}
	})
	if n != 1 || len(s.Pager.Snapshot().Incidents) != 0 {
		t.Errorf("%d channels, %d pages for a low incident in %s", n, len(s.Pager.Snapshot().Incidents), room.Name)
	}
}

func TestAnIncidentsPageThatIsRefusedReachesPeopleTheOtherWay(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Pager.Down(pagerdutyfake.Status(400).On(rig.RoutingKey))
	s.ir(s.Omar, s.Security.ID, "open critical Backups are encrypted")
	p := s.incidents("the fallback key is not used", open(1))
	if p.Incidents[0].Service != "Security fallback" {
		t.Errorf("the page went to %q", p.Incidents[0].Service)
	}
	s.message(s.Security.ID, "PagerDuty did not take this one", "INC-", s.OnCall.ID)
	room := s.room("backups")
	s.summary(room.ID, "PagerDuty has not accepted the page")
}

func TestAnIncidentsPagerThatIsDownIsTriedOn(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Pager.Down(pagerdutyfake.Status(503).On(rig.RoutingKey))
	s.ir(s.Omar, s.Security.ID, "open critical Backups are encrypted")
	s.incidents("no attempt is made", func(p pagerdutyfake.Snapshot) bool { return len(p.Calls) >= 1 })
	if n := len(s.Pager.Snapshot().Incidents); n != 0 {
		t.Fatalf("the fallback came at once, %d incidents", n)
	}
	s.Forward(6 * time.Minute)
	s.incidents("no fallback after five minutes", open(1))
	s.Pager.Up()
	s.Forward(6 * time.Minute)
	p := s.incidents("the primary is not tried on", open(2))
	if len(p.Doubles()) != 0 || p.Incidents[0].DedupKey != p.Incidents[1].DedupKey {
		t.Errorf("%+v", p.Incidents)
	}
	// Closing ends both.
	room := s.room("backups")
	s.ir(s.Omar, room.ID, "close restored from tape")
	s.incidents("not all pages are resolved", open(0))
}

func TestTheHiveBeingDownAnHourLosesNothing(t *testing.T) {
	t.Parallel()
	hive, extra := withHive(t)
	s := begin(t, rig.Options{Extra: extra})
	hive.Down(thehivefake.Status(503))
	s.ir(s.Omar, s.Security.ID, "open low Laptop of the CFO")
	room := s.roomWhen("laptop", func(c slackfake.Channel) bool { return len(c.Pins) == 1 && slices.Contains(c.Members, s.Omar.ID) })
	if err := hive.WaitFor(s.ctx, func(sn thehivefake.Snapshot) bool { return len(sn.Calls) > 0 }); err != nil {
		t.Fatal("TheHive is not tried:", err)
	}
	s.ir(s.Omar, room.ID, "close Found in a taxi")
	s.roomWhen("laptop", func(c slackfake.Channel) bool { return c.Archived }) // it waits for nobody
	s.Forward(time.Hour)
	hive.Up()
	s.Forward(10 * time.Minute)
	s.recordedOnce(hive)
}

func TestOneEnvelopeOpensOneIncident(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Replica: 2})
	var replies [4]string
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() {
			r, err := s.Bots[i%2].Command(s.ctx, chat.Command{EnvelopeID: "one", Name: "/ir", Text: "open low Odd mail", User: s.Omar.ID, Team: s.Slack.TeamID, Channel: s.Security.ID})
			if err != nil {
				t.Error(err)
			}
			replies[i] = words(r.Message)
		})
	}
	all.Wait()
	s.roomWhen("odd-mail", func(c slackfake.Channel) bool { return len(c.Pins) == 1 })
	s.settled()
	if n := len(s.rooms()); n != 1 {
		t.Errorf("%d channels", n)
	}
	for _, r := range replies[1:] {
		if r != replies[0] || !strings.Contains(r, "is open") {
			t.Errorf("told %q and %q", replies[0], r)
		}
	}
}

func TestTwoFormsAboutOneCaseOpenOneIncident(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Miner(1).SNS())
	m := s.message(s.Security.ID, "digital money")
	for _, u := range []slackfake.User{s.Omar, s.Mei} {
		s.click(u, m, "Open incident…")
		s.dialog(u)
	}
	s.fillIn(s.Omar, map[string]string{"title": "Mining by Omar"})
	s.fillIn(s.Mei, map[string]string{"title": "Mining by Mei"})
	s.room("mining-by-omar")
	s.until("Mei is not shown the way", func(st slackfake.State) bool {
		views := st.Views(s.Mei.ID)
		return len(views) == 1 && strings.Contains(string(views[0].Raw), "is being worked in")
	})
	s.settled()
	if n := len(s.rooms()); n != 1 {
		t.Errorf("%d channels", n)
	}
}

// rooms are the channels of incidents.
func (s *scene) rooms() (out []slackfake.Channel) {
	s.Slack.Look(func(st slackfake.State) {
		out = slices.DeleteFunc(st.Channels(), func(c slackfake.Channel) bool { return !strings.HasPrefix(c.Name, "inc-") })
	})
	return out
}

func TestAChannelOfSomebodyElseIsNotTaken(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Slack.Next("conversations.create", 1, slackfake.NotOK("name_taken"))
	s.ir(s.Omar, s.Security.ID, "open low Odd mail")
	room := s.roomWhen("odd-mail", func(c slackfake.Channel) bool { return len(c.Pins) == 1 })
	s.settled()
	if calls := s.Slack.Calls("conversations.create"); len(calls) != 2 || calls[0].Args["name"] == calls[1].Args["name"] || calls[1].Args["name"] != room.Name {
		t.Errorf("tried %v", calls)
	}
}

func TestLimitedRespondersOpenNothingAboutOtherAccounts(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: "{responders: {users: [U0OMAR, U0MEI]}, limits: [{people: {users: [U0OMAR]}, accounts: [\"" + rig.Other + "\"]}]}"})
	s.Send(rig.Miner(1).SNS())
	m := s.message(s.Security.ID, "digital money")
	s.click(s.Omar, m, "Open incident…")
	s.told(s.Omar, "not one of those you look after")
	at := strings.Index(m.Text, "SB-")
	s.ir(s.Omar, s.Security.ID, "open low Mining case="+m.Text[at:at+11])
	s.until("it is not refused twice", func(st slackfake.State) bool { return len(st.Ephemerals(s.Omar.ID)) == 2 })
	s.settled()
	if n := len(s.rooms()); n != 0 {
		t.Fatalf("%d channels", n)
	}
	// Mei opens one; Omar may not touch it either.
	s.ir(s.Mei, s.Security.ID, "open low Mining case="+m.Text[at:at+11])
	room := s.roomWhen("mining", func(c slackfake.Channel) bool { return len(c.Pins) == 1 && slices.Contains(c.Members, s.Mei.ID) })
	if err := s.Slack.As(s.Mei.ID).Invite(room.ID, s.Omar.ID); err != nil {
		t.Fatal(err)
	}
	s.ir(s.Omar, room.ID, "severity critical")
	s.until("it is not refused", func(st slackfake.State) bool { return len(st.Ephemerals(s.Omar.ID)) == 3 })
	s.settled()
	if c, _ := s.Slack.Channel(room.ID); !strings.Contains(c.Topic, "Low") {
		t.Errorf("topic %q", c.Topic)
	}
}
