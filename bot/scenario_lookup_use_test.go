package bot_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// lookedUp is the complete answer about an address, with its buttons.
func (s *scene) lookedUp() slackfake.Message {
	s.t.Helper()
	s.Lookups.AddHost("203.0.113.8", badHost())
	out := s.slash(s.Omar, "ip 203.0.113.8", s.Security.ID)
	if len(out.Reply.Buttons()) > 0 {
		return *out.Reply
	}
	return s.found(s.Omar, "Complete after", "Add to incident…")
}

// value is what a button carries.
func (s *scene) value(m slackfake.Message, label string) string {
	s.t.Helper()
	i := slices.IndexFunc(m.Buttons(), func(b slackfake.Button) bool { return b.Label == label })
	if i < 0 {
		s.t.Fatalf("no button %q in %s", label, m.Blocks)
	}
	return m.Buttons()[i].Value
}

func TestWhatWasLookedUpIsShared(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	m := s.lookedUp()
	s.click(s.Omar, m, "Share here")
	shared := s.message(s.Security.ID, "Investigation of 203[.]0[.]113[.]8", "Shared by", "Complete after", "Open incident…")
	if slices.ContainsFunc(shared.Buttons(), func(b slackfake.Button) bool { return b.Label == "Share here" }) {
		t.Error("what everybody sees can be shared again")
	}
	if r, err := s.button(s.Mei, "lookup.share", s.value(m, "Share here")); err != nil || r.After != nil || !strings.Contains(words(r.Message), "already") {
		t.Errorf("a second time: %v %s", err, words(r.Message))
	}
}

func TestAnIncidentAboutWhatWasLookedUp(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	m := s.lookedUp()
	if r, err := s.button(s.Omar, "lookup.note", s.value(m, "Add to incident…")); err != nil || !strings.Contains(words(r.Message), "No incident is open") {
		t.Fatalf("without an incident: %v %s", err, words(r.Message))
	}
	s.click(s.Omar, m, "Open incident…")
	s.submit(s.Omar, map[string]string{"title": "Mining", "severity": "high"})
	room := s.room("mining")
	s.settled()
	s.click(s.Omar, m, "Add to incident…")
	s.until("no dialog with the incident", func(st slackfake.State) bool {
		return slices.ContainsFunc(st.Views(s.Omar.ID), func(v slackfake.View) bool { return strings.Contains(string(v.Raw), "What matters about it?") })
	})
	s.submit(s.Omar, map[string]string{"text": "the pool they mine for"})
	s.message(room.ID, "203[.]0[.]113[.]8: the pool they mine for")
}

// TestOnlyRespondersUseWhatWasLookedUp, by the buttons and past them.
func TestOnlyRespondersUseWhatWasLookedUp(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{})
	id := s.value(s.lookedUp(), "Add to incident…")
	for _, user := range []slackfake.User{s.Ana, s.Gus, {ID: "U0NOBODY"}} {
		for _, action := range []string{"lookup.share", "lookup.incident", "lookup.note"} {
			if r, err := s.button(user, action, id); err != nil || r.After != nil || r.Modal != nil || r.Message == nil {
				t.Errorf("%s may %s: %v %+v", user.ID, action, err, r)
			}
		}
		if r, err := s.form(user, "lookup.note", id, map[string]string{"text": "x", "incident": "AAAAAAAAAAAAAAAA"}); err != nil || r.Message == nil || strings.Contains(words(r.Message), "do not know this incident") {
			t.Errorf("%s fills in the form: %v %s", user.ID, err, words(r.Message))
		}
	}
	for _, action := range []string{"lookup.share", "lookup.incident", "lookup.note"} {
		if r, err := s.button(s.Omar, action, "forged"); err != nil || r.After != nil || r.Modal != nil || !strings.Contains(words(r.Message), "waited too long") {
			t.Errorf("%s takes a forged id: %v %s", action, err, words(r.Message))
		}
	}
}
