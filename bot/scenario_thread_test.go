package bot_test

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// line waits for a line about a case and says how often it is there.
func (s *scene) line(says string) (m slackfake.Message, times int) {
	s.t.Helper()
	m = s.message(s.Security.ID, says)
	s.settled()
	for _, other := range s.Slack.Snapshot(0).Channels {
		for _, o := range other.Messages {
			if strings.Contains(string(o.Blocks), says) && o.TS != m.TS {
				times++
			}
		}
	}
	return m, times + 1
}

// snapshots asks for one without chat, which may be out of order.
func (s *scene) snapshots(machine, envelope string) {
	s.t.Helper()
	_, err := s.Bots[0].Command(s.ctx, chat.Command{Name: "/ir", Text: "snapshot " + machine, User: s.Omar.ID, Team: s.team(s.Omar), EnvelopeID: envelope})
	if err != nil {
		s.t.Fatal(err)
	}
}

// TestALineOfACaseWaitsForItsMessage: chat is out of order when the case is
// opened and when something happens to it. Both are seen once it is back, in
// their order.
func TestALineOfACaseWaitsForItsMessage(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: pageAlways(t), NoEvidence: true})
	s.Slack.Next("chat.postMessage", -1, slackfake.Status(503))
	machine := s.Machine(1)
	s.Send(rig.Probe(1).SNS())
	s.incidents("not paged", open(1))
	s.snapshots(machine, "e1")
	s.Slack.ClearFaults()
	line, times := s.line("asked to snapshot")
	root, ok := s.look(slackfake.Message{Channel: s.Security.ID, TS: line.ThreadTS})
	if times != 1 || !ok || !strings.Contains(string(root.Blocks), "Close…") {
		t.Errorf("said %d times, under %q", times, root.Text)
	}
}

// TestALineIsSaidBesideAMessageThatIsGone: somebody deleted the message.
func TestALineIsSaidBesideAMessageThatIsGone(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: pageAlways(t), NoEvidence: true})
	machine := s.Machine(1)
	s.Send(rig.Probe(1).SNS())
	s.message(s.Security.ID, machine, "Close…")
	s.Slack.Next("chat.postMessage", -1, slackfake.NotOK("cannot_reply_to_message").When(func(a map[string]string) bool { return a["thread_ts"] != "" }))
	s.snapshots(machine, "e1")
	if line, times := s.line("asked to snapshot"); times != 1 || line.ThreadTS != "" {
		t.Errorf("said %d times, in the thread %q", times, line.ThreadTS)
	}
}
