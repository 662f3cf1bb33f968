package bot_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// edits counts the edits of messages that name an instance.
func (s *scene) edits(id string) (n int) {
	s.Slack.Look(func(st slackfake.State) {
		for _, c := range st.Calls("chat.update") {
			if strings.Contains(c.Args["text"], id) {
				n++
			}
		}
	})
	return n
}

// TestProgressIsFewEdits: four operations at once do not use up what Slack lets
// us edit, and each shows its end.
func TestProgressIsFewEdits(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	id := s.Machine(3)
	severe := scan(3)
	severe.Severity = 8
	s.Send(s.Known(severe).SNS())
	s.taken(map[responders.ID]int{responders.OSQuery: 1, responders.Snapshot: 1, responders.Memory: 1, responders.TCPDump: 1})
	for _, word := range []string{"Osquery ", "Snapshot ", "Dump memory ", "Capture packets "} {
		s.passed(s.message(s.Security.ID, word+id), "Done")
	}
	s.settled()
	steps := 0
	for _, o := range s.operations() {
		steps += o.Seq
	}
	n := s.edits(id)
	t.Logf("%d edits for %d steps", n, steps)
	if n >= steps {
		t.Errorf("%d edits for %d steps of four operations", n, steps)
	}
}

// TestAnEditThatNobodyWouldSeeIsNotMade: and one that is needed is.
func TestAnEditThatNobodyWouldSeeIsNotMade(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI]}}"})
	id := s.Machine(2)
	s.slash(s.Omar, "isolate "+id+" account="+rig.Account+" region="+rig.Region+" reason=it mines", s.Security.ID)
	s.message(s.Security.ID, "Isolate "+id, "Approve")
	s.settled()
	before := s.edits(id)
	show := func() {
		o := s.operations()[0]
		e := store.Effect{ID: o.ID + "/" + responders.KindShow, Lane: store.LaneNotify, Kind: responders.KindShow, Group: s.Security.ID, Doc: responders.DocID(o.ID), Planned: s.Clock.Now(), Due: s.Clock.Now()}
		if err := s.Store.Commit(s.ctx, store.Commit{Op: "show" + strconv.Itoa(s.edits(id)) + strconv.FormatInt(s.Clock.Now().UnixNano(), 10), Plan: []store.Effect{e}})[0]; err != nil {
			t.Fatal(err)
		}
		s.settled()
	}
	show()
	if n := s.edits(id); n != before {
		t.Errorf("%d edits that changed nothing", n-before)
	}
	s.edit(responders.DocID(s.operations()[0].ID), func(o map[string]any) {
		o["job"].(map[string]any)["params"].(map[string]any)["reason"] = "it mines and scans"
	})
	show()
	if n := s.edits(id); n != before+1 {
		t.Errorf("%d edits of something new", n-before)
	}
}
