package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

func TestAnOwnerIsToldOnceAndTheMessageIsKeptUpToDate(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Probe(1).SNS())
	m := s.message(s.Payments.ID, "i-0", "team")
	s.settled()
	for n := range 5 {
		again := rig.Probe(1)
		again.Count, again.At = 10+n, time.Now().Add(time.Duration(n+1)*time.Minute)
		s.Send(again.SNS())
	}
	s.until("the count is not shown", func(st slackfake.State) bool {
		now, _ := st.Message(m.Ref())
		return strings.Contains(string(now.Blocks), "14 times")
	})
	s.settled()
	if all := s.Slack.Messages(s.Payments.ID); len(all) != 1 || len(all[0].Edits) > 2 {
		t.Errorf("%d messages, the first edited %d times: want one message and one or two edits\n%s", len(all), len(all[0].Edits), s.transcript())
	}
}

func TestHostileTextNeverReachesChatRaw(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	hostile := "<!channel> <@U0OMAR> <https://evil.example|https://console.aws.amazon.com> *x* `y` \u202etxt.exe @here evil.example"
	e := rig.Probe(1)
	e.Tags = map[string]string{"owner": hostile, "Name": hostile}
	e.Instance = "i-0<!channel>"
	s.Send(e.SNS(), rig.Event{N: 2, Type: "Recon:EC2/<!channel>", Severity: 5, Instance: hostile, Team: hostile, Domain: hostile}.SNS(),
		rig.Event{N: 3, Type: "Discovery:IAMUser/AnomalousBehavior", Severity: 5, Session: hostile, IP: "203.0.113.9"}.SNS())
	s.settled()
	n := 0
	for _, c := range s.Slack.Snapshot(0).Channels {
		for _, m := range c.Messages {
			n++
			raw := m.Text + string(m.Blocks)
			for _, bad := range []string{"<!channel", "\\u003c!channel", "<@U0OMAR>", "\\u003c@U0OMAR\\u003e", "\u202e", "https://evil", "evil.example"} {
				if strings.Contains(raw, bad) {
					t.Errorf("%q reached %s: %s", bad, c.ID, raw)
				}
			}
		}
	}
	if n == 0 {
		t.Error("nothing was posted at all")
	}
}

func TestAStormBecomesAFewListsAndLosesNothing(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	want := map[string]bool{}
	all := make(chan struct{})                                // have arrived
	s.Slack.Next("chat.postMessage", 16, slackfake.Held(all)) // as many as are open at once: the others pile up
	for n := range 60 {
		e := rig.Probe(n)
		want[e.Instance] = true
		s.Send(e.SNS())
	}
	s.eventually("all are taken", func() bool { return len(s.SQS.Deleted(rig.Queue)) == 60 })
	close(all)
	s.until("not every machine is spoken of", func(st slackfake.State) bool {
		text := ""
		for _, m := range st.Messages(s.Payments.ID) {
			text += string(m.Blocks)
		}
		for id := range want {
			if !strings.Contains(text, id) {
				return false
			}
		}
		return true
	})
	if n := len(s.Slack.Messages(s.Payments.ID)); n > 30 {
		t.Errorf("60 findings became %d messages, want 16 at most, and lists of fifteen", n)
	}
}

// TestAPostThatHangsDoesNotHoldUpTheNextInItsChannel: only the channel's slots
// are waited for, not Slack's answers.
func TestAPostThatHangsDoesNotHoldUpTheNextInItsChannel(t *testing.T) {
	t.Parallel()
	log := &lockedLog{}
	s := begin(t, rig.Options{Log: log})
	answer := make(chan struct{})
	s.Slack.Next("chat.postMessage", 1, slackfake.Held(answer))
	first, second := rig.Probe(1), rig.Probe(2)
	s.Send(first.SNS())
	s.eventually("the first is on its way", func() bool { return len(s.Slack.Calls("chat.postMessage")) == 1 })
	s.Send(second.SNS())
	s.message(s.Payments.ID, second.Instance)
	if log.count("effect will be tried again") > 0 {
		t.Error("the second had to wait until the first was given up")
	}
	close(answer)
	s.message(s.Payments.ID, first.Instance)
}

func TestSlackRefusingAndFailingLosesNothingAndDoublesNothing(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Slack.Next("chat.postMessage", 2, slackfake.RateLimited("1"))
	s.Slack.Next("chat.postMessage", 1, slackfake.Status(503))
	s.Slack.Next("chat.postMessage", 1, slackfake.Lost())
	s.Slack.Next("chat.postMessage", 1, slackfake.FatalError())
	for n := range 3 {
		s.Send(rig.Probe(n).SNS())
	}
	s.Send(rig.Miner(9).SNS())
	s.incidents("Slack's trouble holds up a page", open(1))
	s.settled()
	said := map[string]int{}
	for _, c := range s.Slack.Snapshot(0).Channels {
		for _, m := range c.Messages {
			said[string(m.Metadata)]++
		}
	}
	for key, n := range said {
		if n > 1 {
			t.Errorf("%d messages with the key %s\n%s", n, key, s.transcript())
		}
	}
	if len(said) < 2 {
		t.Errorf("messages were lost\n%s", s.transcript())
	}
}

func TestAChannelThatIsGoneIsReplacedByTheSecurityChannel(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Slack.SetChannel(s.Payments.ID, func(c *slackfake.Channel) { c.Archived = true })
	s.Send(rig.Probe(1).SNS())
	s.message(s.Security.ID, "i-0")
}

func TestAMessageNobodyCanReadIsAnnouncedOnceAndLeftForTheDeadLetters(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(`{"version":"0","detail-type":"GuardDuty Finding","detail":{"id":`, rig.Probe(1).SNS(), `nonsense`)
	s.message(s.Security.ID, "could not be used")
	s.message(s.Payments.ID, "i-0")
	if n := len(s.SQS.Deleted(rig.Queue)); n > 1 {
		t.Errorf("%d messages were deleted, want only the readable one", n)
	}
}

func TestNothingIsDeletedWhileTheStoreIsGone(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.BreakStore("LOADING Redis is loading the dataset in memory")
	s.Send(rig.Miner(1).SNS())
	wait(s.ctx, 500*time.Millisecond)
	if n := len(s.SQS.Deleted(rig.Queue)); n != 0 {
		t.Fatalf("%d messages deleted without a store", n)
	}
	s.BreakStore("")
	s.incidents("the finding is lost", open(1))
}
