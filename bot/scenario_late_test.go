package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// late holds the next edit of a message on its way to Slack: it takes effect when
// arrive is called, after whatever others have done meanwhile. sent is closed when
// it is on its way.
func (s *scene) late(m slackfake.Message) (sent <-chan struct{}, arrive func()) {
	begun, until := make(chan struct{}), make(chan struct{})
	hold := slackfake.Meanwhile(func() { close(begun); <-until })
	s.Slack.Next("chat.update", 1, hold.When(func(args map[string]string) bool { return args["ts"] == m.TS }))
	return begun, func() { close(until) }
}

// overtaken lets the lease of a late edit end, until somebody else has edited the
// message to say all of it.
func (s *scene) overtaken(m slackfake.Message, says ...string) {
	s.t.Helper()
	s.eventually("somebody takes the late edit over", func() bool {
		now, ok := s.look(m)
		if ok && containsAll(now.Text+string(now.Blocks), says) {
			return true
		}
		s.Jump(5 * time.Second)
		wait(s.ctx, 100*time.Millisecond) // others have their turn
		return false
	})
}

// wasOld says whether a message showed an older state after it had said all of
// it, which is what these scenarios are about.
func wasOld(m slackfake.Message, says ...string) bool {
	told := false
	for _, v := range m.Edits {
		now := containsAll(v.Text+string(v.Blocks), says)
		if told && !now {
			return true
		}
		told = told || now
	}
	return false
}

// TestALateEditOfAnOperationDoesNotLast: a replica that hangs between reading and
// editing is taken over; its edit arrives last, and the message is edited again.
func TestALateEditOfAnOperationDoesNotLast(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Replica: 2, Access: "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI]}}"})
	id := s.Machine(2)
	s.slash(s.Omar, "isolate "+id+" account="+rig.Account+" region="+rig.Region+" reason=it mines", s.Security.ID)
	card := s.message(s.Security.ID, "Isolate "+id, "Approve")
	s.settled()
	sent, arrive := s.late(card)
	s.click(s.Mei, card, "Approve")
	<-sent
	s.overtaken(card, "Done")
	arrive()
	s.until("the late edit stays", func(st slackfake.State) bool {
		m, _ := st.Message(card.Ref())
		return wasOld(m, "Done") && strings.Contains(string(m.Blocks), "Done")
	})
}

// TestALateEditOfACaseDoesNotLast is the same about the messages of a case.
func TestALateEditOfACaseDoesNotLast(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Replica: 2, NoEvidence: true})
	e := rig.Miner(1)
	s.Send(e.SNS())
	m := s.message(s.Security.ID, "digital money")
	s.settled()
	sent, arrive := s.late(m)
	e.Count, e.At = 10, time.Now().Add(time.Minute)
	s.Send(e.SNS())
	s.eventually("the edit is on its way", func() bool {
		select {
		case <-sent:
			return true
		default:
			return false
		}
	})
	e.Count, e.At = 20, time.Now().Add(2*time.Minute)
	s.Send(e.SNS())
	s.overtaken(m, "20 times")
	arrive()
	s.until("the late edit stays", func(st slackfake.State) bool {
		now, _ := st.Message(m.Ref())
		return wasOld(now, "20 times") && strings.Contains(string(now.Blocks), "20 times")
	})
}
