package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// script plays the story of the page as text. Each step waits for what it
// tells; one that does not happen ends the play with an error.
type script struct {
	ctx   context.Context
	world *rig.Rig
	demo  *demo
	out   io.Writer
	step  int
}

// stepTimeout bounds the wait for one step.
const stepTimeout = 20 * time.Second

func play(ctx context.Context, world *rig.Rig, out io.Writer) error {
	s := &script{ctx: ctx, world: world, demo: newDemo(world), out: out}
	for _, scene := range []func() error{s.deny, s.silence, s.owner, s.storm, s.command} {
		if err := scene(); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "\nThat is all. \"make demo\" shows the same in the browser.\n")
	return nil
}

func (s *script) tell(format string, args ...any) {
	s.step++
	fmt.Fprintf(s.out, "%2d. %s\n", s.step, fmt.Sprintf(format, args...))
}

func (s *script) send(id string) error {
	_, err := s.demo.send(s.ctx, request{Sample: id})
	return err
}

// message waits for a message in a channel that says something.
func (s *script) message(channel, says string) (slackfake.Message, error) {
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	var found slackfake.Message
	err := s.world.Slack.WaitFor(ctx, func(st slackfake.State) bool {
		for _, m := range st.Messages(channel) {
			if strings.Contains(m.Text+string(m.Blocks), says) {
				found = m
				return true
			}
		}
		return false
	})
	if err != nil {
		return found, fmt.Errorf("step %d: no message that says %q: %w", s.step+1, says, err)
	}
	return found, nil
}

func (s *script) incidents(wanted func(pagerdutyfake.Snapshot) bool) error {
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	if err := s.world.Pager.WaitFor(ctx, wanted); err != nil {
		return fmt.Errorf("step %d: %w", s.step+1, err)
	}
	return nil
}

func (s *script) click(user slackfake.User, m slackfake.Message, label string) error {
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	g, err := s.world.Slack.As(user.ID).Click(m.Channel, m.TS, label)
	if err != nil {
		return fmt.Errorf("step %d: %w", s.step+1, err)
	}
	if out, err := g.Wait(ctx); err != nil || !out.OK() {
		return fmt.Errorf("step %d: the click on %q was not acknowledged: %w", s.step+1, label, err)
	}
	return nil
}

const question = "Was this you?"

// deny is the story the bot exists for.
func (s *script) deny() error {
	if err := s.send("ana"); err != nil {
		return err
	}
	s.tell("GuardDuty: Ana's access was used from São Paulo. The finding is in the queue.")
	m, err := s.message(s.world.Slack.DMChannel(s.world.Ana.ID), question)
	if err != nil {
		return err
	}
	s.tell("Ana gets a direct message: %s", m.Text)
	if err := s.click(s.world.Ana, m, "No, this wasn't me"); err != nil {
		return err
	}
	s.tell("Ana presses \"No, this wasn't me\".")
	if err := s.incidents(func(p pagerdutyfake.Snapshot) bool { return len(p.Open()) == 1 }); err != nil {
		return err
	}
	s.tell("PagerDuty calls Omar: %s", s.world.Pager.Snapshot().Open()[0].Summary)
	if _, err := s.message(s.world.Security.ID, "SB-"); err != nil {
		return err
	}
	s.tell("The security channel has the case, with the reasons.")
	return nil
}

// silence lets a deadline pass.
func (s *script) silence() error {
	if err := s.send("ana"); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	err := s.world.Slack.WaitFor(ctx, func(st slackfake.State) bool {
		dm := st.DM(s.world.Ana.ID)
		return len(dm) == 2 && len(dm[0].Buttons()) < len(dm[1].Buttons())
	})
	if err != nil {
		return fmt.Errorf("step %d: no second question: %w", s.step+1, err)
	}
	s.tell("It happens again, and Ana is asked again. This time she is on a plane.")
	lives, err := s.world.Bots[0].Lives(s.ctx, 10)
	if err != nil || len(lives) == 0 || lives[0].Deadline.IsZero() {
		return fmt.Errorf("step %d: no question is open: %w", s.step+1, err)
	}
	s.world.Forward(lives[0].Deadline.Sub(s.world.Clock.Now()) + time.Second)
	if err := s.incidents(func(p pagerdutyfake.Snapshot) bool { return len(p.Open()) == 2 }); err != nil {
		return err
	}
	s.tell("The deadline passes without an answer. Silence is not consent: Omar is called.")
	return nil
}

// owner tells a team about its own machine, and folds the repetition.
func (s *script) owner() error {
	if err := s.send("probe"); err != nil {
		return err
	}
	m, err := s.message(s.world.Payments.ID, "i-0a1b2c3d4e5f60718")
	if err != nil {
		return err
	}
	s.tell("A port of the payments team is open to the internet. The team is told: %s", m.Text)
	if err := s.send("probe-again"); err != nil {
		return err
	}
	if _, err := s.message(s.world.Payments.ID, "40 times"); err != nil {
		return err
	}
	s.tell("The same finding again, now seen 40 times: the message is edited, nobody gets a second one.")
	return nil
}

// storm sends forty at once.
func (s *script) storm() error {
	if err := s.send("storm"); err != nil {
		return err
	}
	if _, err := s.message(s.world.Payments.ID, "things at once"); err != nil {
		return err
	}
	s.tell("Forty machines at once: they arrive as a few lists, and none is dropped.")
	return nil
}

// command types /ir as the responder.
func (s *script) command() error {
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	g, err := s.world.Slack.As(s.world.Omar.ID).Slash("/ir", "list", s.world.Security.ID)
	if err != nil {
		return err
	}
	out, err := g.Wait(ctx)
	if err != nil || !out.OK() {
		return fmt.Errorf("step %d: /ir list was not answered: %w", s.step+1, err)
	}
	s.tell("Omar types /ir list and sees, alone, what is open.")
	return nil
}
