package bot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// aboutOmar asks Omar, who is a responder, about something he did, and returns
// the reference of the case.
func (s *scene) aboutOmar() string {
	s.t.Helper()
	e := rig.Ask(1)
	e.Session = s.Omar.Email
	s.Send(e.SNS())
	ref := ""
	s.until("no question", func(st slackfake.State) bool {
		for _, m := range st.DM(s.Omar.ID) {
			if i := strings.Index(m.Text, "SB-"); i >= 0 {
				ref = m.Text[i : i+11]
			}
		}
		return ref != ""
	})
	return ref
}

// TestWhoIsConcernedComesOnlyByName: Omar is on call and in the group of the
// responders, and the subject of the linked case.
func TestWhoIsConcernedComesOnlyByName(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	ref := s.aboutOmar()
	s.ir(s.Mei, s.Security.ID, "open medium What did Omar do? case="+ref)
	room := s.roomWhen("what-did-omar-do", func(c slackfake.Channel) bool { return slices.Contains(c.Members, s.Mei.ID) })
	s.summary(room.ID, "Not here", s.Omar.ID, "a case of this incident is about them")
	s.settled()
	if c, _ := s.Slack.Channel(room.ID); slices.Contains(c.Members, s.Omar.ID) {
		t.Fatalf("Omar reads along: %v", c.Members)
	}
	// Asking for whoever is on call does not bring him in either.
	s.ir(s.Mei, room.ID, "invite oncall")
	s.settled()
	if c, _ := s.Slack.Channel(room.ID); slices.Contains(c.Members, s.Omar.ID) {
		t.Fatalf("Omar reads along: %v", c.Members)
	}

	s.ir(s.Mei, room.ID, "invite <@"+s.Omar.ID+"|omar>")
	s.message(room.ID, "is about somebody who was invited by name", s.Omar.ID)
	s.roomWhen("what-did-omar-do", func(c slackfake.Channel) bool { return slices.Contains(c.Members, s.Omar.ID) })
}

// TestWhoIsConcernedDoesNotEndIt: he does not close the incident about himself.
func TestWhoIsConcernedDoesNotEndIt(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	ref := s.aboutOmar()
	s.ir(s.Mei, s.Security.ID, "open medium What did Omar do? case="+ref+" <@"+s.Omar.ID+"|omar>")
	room := s.roomWhen("what-did-omar-do", func(c slackfake.Channel) bool { return slices.Contains(c.Members, s.Omar.ID) })
	m := s.summary(room.ID, ref)
	s.click(s.Omar, m, "Close…")
	s.told(s.Omar, "This is about you")
	s.ir(s.Omar, room.ID, "close nothing to see")
	s.told(s.Omar, "This is about you")
	s.ir(s.Mei, room.ID, "close it was a test")
	s.roomWhen("what-did-omar-do", func(c slackfake.Channel) bool { return c.Archived })
	s.auditClean()
}
