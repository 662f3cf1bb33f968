package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
)

// records looks at what TheHive has of the mining server.
func (s *script) records() error {
	var k thehivefake.Case
	err := s.hive("no case with the evidence", func(h thehivefake.Snapshot) bool {
		for _, k = range h.Cases {
			if holds(k, idOf(builder), "arn:aws:ec2") && len(k.Attachments) > 0 {
				return true
			}
		}
		return false
	})
	if err != nil {
		return err
	}
	s.tell("TheHive has it as case #%d: who decided what, the copies, and %d manifests attached.", k.Number, len(k.Attachments))
	return nil
}

// holds says whether a case has observables that say all of it.
func holds(k thehivefake.Case, parts ...string) bool {
	all := ""
	for _, o := range k.Observables {
		all += o.Data + "\n"
	}
	for _, p := range parts {
		if !strings.Contains(all, p) {
			return false
		}
	}
	return true
}

// incident opens a channel, works in it and closes it.
func (s *script) incident() error {
	if err := s.slash(s.world.Omar, s.world.Security.ID, "open high Mining on build-7"); err != nil {
		return err
	}
	room, err := s.room(func(c slackfake.Channel) bool { return c.Topic != "" && len(c.Pins) == 1 && len(c.Members) > 1 })
	if err != nil {
		return err
	}
	if room.Kind != slackfake.Private {
		return fmt.Errorf("step %d: everybody may read #%s", s.step+1, room.Name)
	}
	if err := s.until("no document", func(st slackfake.State) bool { _, ok := st.Canvas(room.ID); return ok }); err != nil {
		return err
	}
	s.tell("Omar types /ir open: the private channel %s, with its people, a topic, a pinned summary and a document.", room.Name)
	if err := s.slash(s.world.Omar, room.ID, "note decision: build-7 is built anew"); err != nil {
		return err
	}
	if _, err := s.message(room.ID, "decided:", "built anew"); err != nil {
		return err
	}
	s.tell("He notes a decision with /ir note. It stands in the channel and in the timeline.")
	if err := s.slash(s.world.Omar, room.ID, "close It mined for an hour; the machine was built anew."); err != nil {
		return err
	}
	if _, err = s.room(func(c slackfake.Channel) bool { return c.Archived }); err != nil {
		return err
	}
	files := s.world.Slack.Files(room.ID)
	if len(files) != 2 || !strings.Contains(string(files[0].Content), "built anew") {
		return fmt.Errorf("step %d: the timeline is not in the channel: %d files", s.step+1, len(files))
	}
	err = s.hive("the incident's case is not closed", func(h thehivefake.Snapshot) bool {
		return slices.ContainsFunc(h.Cases, func(k thehivefake.Case) bool {
			return strings.Contains(k.Title, "Mining on build-7") && k.Stage == "Closed" && len(k.Attachments) == 2
		})
	})
	if err != nil {
		return err
	}
	s.tell("/ir close: the timeline, %s and the same as JSON, is in the channel and in TheHive, and the channel is archived.", files[0].Name)
	return s.reopen(room)
}

// reopen goes on with a closed incident. Slack lets no app open an archived
// channel, so that it is a fresh one.
func (s *script) reopen(old slackfake.Channel) error {
	if err := s.told(s.world.Omar, "/ir reopen INC-"); err != nil {
		return err
	}
	var room slackfake.Channel
	for refused := 0; room.ID == ""; refused++ { // who is told that it is still being closed tries again
		if refused > 0 {
			time.Sleep(200 * time.Millisecond)
		}
		if err := s.slash(s.world.Omar, s.world.Security.ID, "reopen "+old.Topic[:len("INC-7F3KQX")]+" it mines again"); err != nil {
			return err
		}
		err := s.until("the incident is not reopened", func(st slackfake.State) bool {
			room = roomOf(st, func(c slackfake.Channel) bool { return c.ID != old.ID && !c.Archived && len(c.Pins) == 1 })
			busy := slices.DeleteFunc(st.Ephemerals(s.world.Omar.ID), func(m slackfake.Message) bool { return !saysAll(m, []string{"is still being closed"}) })
			return room.ID != "" || len(busy) > refused
		})
		if err != nil {
			return err
		}
	}
	if _, err := s.message(room.ID, "reopened the incident", "it mines again"); err != nil {
		return err
	}
	s.tell("It mines again: Omar types /ir reopen, and the work goes on in %s with the same record.", room.Name)
	return nil
}

// room waits for the incident's channel.
func (s *script) room(cond func(slackfake.Channel) bool) (slackfake.Channel, error) {
	var found slackfake.Channel
	err := s.until("no channel of the incident", func(st slackfake.State) bool {
		found = roomOf(st, cond)
		return found.ID != ""
	})
	return found, err
}

// roomOf is the first channel of an incident that fits.
func roomOf(st slackfake.State, cond func(slackfake.Channel) bool) slackfake.Channel {
	for _, c := range st.Channels() {
		if strings.HasPrefix(c.Name, "inc-") && cond(c) {
			return c
		}
	}
	return slackfake.Channel{}
}
