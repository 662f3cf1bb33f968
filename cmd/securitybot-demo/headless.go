package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
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
const stepTimeout = time.Minute

func play(ctx context.Context, world *rig.Rig, out io.Writer) error {
	s := &script{ctx: ctx, world: world, demo: newDemo(world), out: out}
	go s.demo.hurry(ctx)
	if err := s.until("the bot does not connect", func(st slackfake.State) bool { return len(st.Connections()) > 0 }); err != nil {
		return err
	}
	for _, scene := range []func() error{s.deny, s.silence, s.owner, s.storm, s.command, s.lookups, s.evidence, s.records, s.forged, s.contain, s.alone, s.incident} {
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

// message waits for a message in a channel that says all of it.
func (s *script) message(channel string, says ...string) (slackfake.Message, error) {
	var found slackfake.Message
	err := s.until(fmt.Sprintf("no message that says %q", says), func(st slackfake.State) bool {
		for _, m := range st.Messages(channel) {
			if saysAll(m, says) {
				found = m
				return true
			}
		}
		return false
	})
	return found, err
}

// edited waits until a message says all of it.
func (s *script) edited(ref slackfake.Message, says ...string) (slackfake.Message, error) {
	var found slackfake.Message
	err := s.until(fmt.Sprintf("the message never says %q", says), func(st slackfake.State) bool {
		m, ok := st.Message(ref.Ref())
		found = m
		return ok && saysAll(m, says)
	})
	if err != nil {
		err = fmt.Errorf("%w; it says %s", err, found.AllText())
	}
	return found, err
}

// told waits until a person was told all of it in a message nobody else sees.
func (s *script) told(user slackfake.User, says ...string) error {
	return s.until(fmt.Sprintf("nobody tells %s %q", user.Name, says), func(st slackfake.State) bool {
		return slices.ContainsFunc(st.Ephemerals(user.ID), func(m slackfake.Message) bool { return saysAll(m, says) })
	})
}

func saysAll(m slackfake.Message, parts []string) bool {
	return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(m.Text+string(m.Blocks), p) })
}

// until waits for something to be true of the workspace.
func (s *script) until(what string, cond func(slackfake.State) bool) error {
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	if err := s.world.Slack.WaitFor(ctx, cond); err != nil {
		return fmt.Errorf("step %d: %s: %w", s.step+1, what, err)
	}
	return nil
}

func (s *script) incidents(wanted func(pagerdutyfake.Snapshot) bool) error {
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	if err := s.world.Pager.WaitFor(ctx, wanted); err != nil {
		return fmt.Errorf("step %d: %w", s.step+1, err)
	}
	return nil
}

// hive waits until TheHive's records are as wanted.
func (s *script) hive(what string, wanted func(thehivefake.Snapshot) bool) error {
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	if err := s.world.Hive.WaitFor(ctx, wanted); err != nil {
		return fmt.Errorf("step %d: %s: %w", s.step+1, what, err)
	}
	return nil
}

func (s *script) click(user slackfake.User, m slackfake.Message, label string) error {
	g, err := s.world.Slack.As(user.ID).Click(m.Channel, m.TS, label)
	return s.answered("the click on "+label, g, err)
}

// submit fills in the dialog that a person is shown.
func (s *script) submit(user slackfake.User, values map[string]string) error {
	err := s.until("no dialog", func(st slackfake.State) bool { return st.Asks(user.ID, values) })
	if err != nil {
		return err
	}
	g, err := s.world.Slack.As(user.ID).Submit("", values)
	return s.answered("the dialog", g, err)
}

// slash types a command.
func (s *script) slash(user slackfake.User, channel, text string) error {
	g, err := s.world.Slack.As(user.ID).Slash("/ir", text, channel)
	return s.answered("/ir "+text, g, err)
}

func (s *script) answered(what string, g *slackfake.Gesture, err error) error {
	if err != nil {
		return fmt.Errorf("step %d: %w", s.step+1, err)
	}
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	out, err := g.Wait(ctx)
	if err == nil && (!out.OK() || len(out.Errors) > 0) {
		err = fmt.Errorf("%s %v", out.Trouble, out.Errors)
	}
	if err != nil {
		return fmt.Errorf("step %d: %s was not taken: %w", s.step+1, what, err)
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
	m, err := s.message(s.world.Payments.ID, idOf(bastion))
	if err != nil {
		return err
	}
	s.tell("A port of the payments team is open to the internet. The team is told: %s", m.Text)
	if err := s.send("probe-again"); err != nil {
		return err
	}
	if err := s.taken(); err != nil {
		return err
	}
	s.world.Forward(10 * time.Second) // changes of a message are gathered for some seconds
	if _, err := s.message(s.world.Payments.ID, "40 times"); err != nil {
		return err
	}
	s.tell("The same finding again, now seen 40 times: the message is edited, nobody gets a second one.")
	return nil
}

// taken waits until the bot has taken everything from the queue.
func (s *script) taken() error {
	ctx, cancel := context.WithTimeout(s.ctx, stepTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for s.world.SQS.Depth(rig.Queue)+s.world.SQS.InFlight(rig.Queue) > 0 {
		select {
		case <-ctx.Done():
			return fmt.Errorf("step %d: the queue is not emptied: %w", s.step+1, ctx.Err())
		case <-tick.C:
		}
	}
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
	if err := s.slash(s.world.Omar, s.world.Security.ID, "list"); err != nil {
		return err
	}
	if err := s.told(s.world.Omar, "SB-"); err != nil {
		return err
	}
	s.tell("Omar types /ir list and sees, alone, what is open.")
	return nil
}
