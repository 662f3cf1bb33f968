package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/oktafake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// picking is a scene in which Ana has said "yes" and has a push that asks for a
// number.
func picking(t *testing.T) (*scene, slackfake.Message, oktafake.Push) {
	t.Helper()
	s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "okta"})
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	if err := s.Okta.WaitFor(s.ctx, 1); err != nil {
		t.Fatalf("%v\n%s", err, s.transcript())
	}
	s.shows(m, "Please pick this number there: ", "74")
	return s, m, s.Okta.Pushes()[0]
}

// The number is shown to the person asked, while it matters, and to nobody else.
func TestThePickedNumberProvesAYes(t *testing.T) {
	t.Parallel()
	s, m, p := picking(t)
	s.Okta.Press(p.ID, true, "74")
	s.shows(m, "You confirmed that it was you")
	s.pages(0)
	now, _ := s.Slack.Message(m.Ref())
	if strings.Contains(now.Text+string(now.Blocks), "pick this number") {
		t.Error("the number is still shown")
	}
	for _, c := range []string{s.Security.ID, s.Payments.ID, s.Platform.ID} {
		for _, m := range s.Slack.Messages(c) {
			if strings.Contains(m.Text+string(m.Blocks), "pick this number") {
				t.Errorf("the number is shown in %s", c)
			}
		}
	}
}

func TestAWrongNumberAndARefusalAreANo(t *testing.T) {
	t.Parallel()
	for _, press := range []struct {
		approve bool
		number  string
	}{{true, "12"}, {false, ""}} {
		s, m, p := picking(t)
		s.Okta.Press(p.ID, press.approve, press.number)
		s.incidents("a refusal does not page", open(1))
		s.shows(m, "You refused the request for a second proof")
		s.pages(1)
	}
}

func TestAPushThatRunsOutAtOktaIsNotAYes(t *testing.T) {
	t.Parallel()
	s, _, _ := picking(t)
	s.Forward(oktafake.PushTimeout + time.Second)
	s.incidents("a push that ran out does not page", open(1))
	s.pages(1)
}
