package bot_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// scene is a world with the unchanged bot in it, and the verbs scenarios are
// told with. Whatever is waited for is waited for by notification.
type scene struct {
	*rig.Rig
	t   *testing.T
	ctx context.Context
}

// sceneTime bounds what a scenario waits for, so that one that hangs says where.
const sceneTime = 4 * time.Minute

func begin(t *testing.T, o rig.Options) *scene {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), sceneTime)
	o.Hasty = true
	r, err := rig.New(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	s := &scene{r, t, ctx}
	r.Start(context.WithoutCancel(ctx))
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("stop: %v", err)
		}
		cancel()
	})
	return s
}

// until waits for something to be true of the workspace.
func (s *scene) until(what string, cond func(slackfake.State) bool) {
	s.t.Helper()
	if err := s.watch(func(ctx context.Context) error { return s.Slack.WaitFor(ctx, cond) }); err != nil {
		s.t.Fatalf("%s: %v\n%s", what, err, s.transcript())
	}
}

// watch waits for what comes by notification. Meanwhile the bots' time passes
// whenever time is all they wait for.
func (s *scene) watch(waitFor func(ctx context.Context) error) error {
	for {
		ctx, cancel := context.WithTimeout(s.ctx, 20*time.Millisecond)
		err := waitFor(ctx)
		cancel()
		if s.ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		s.Pass(s.ctx, passing)
	}
}

// passing is how much of the bots' time passes between two looks.
const passing = 500 * time.Millisecond

// eventually looks again and again at what nobody notifies of.
func (s *scene) eventually(what string, holds func() bool) {
	s.t.Helper()
	for !holds() {
		if s.ctx.Err() != nil {
			s.t.Fatalf("never: %s\n%s", what, s.transcript())
		}
		wait(s.ctx, 5*time.Millisecond)
		s.Pass(s.ctx, passing)
	}
}

// message waits for a message in a channel that says all of it.
func (s *scene) message(channel string, says ...string) slackfake.Message {
	s.t.Helper()
	var found slackfake.Message
	s.until("no message with "+strings.Join(says, ", "), func(st slackfake.State) bool {
		for _, m := range st.Messages(channel) {
			if containsAll(m.Text+string(m.Blocks), says) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func containsAll(text string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(text, p) {
			return false
		}
	}
	return true
}

// question waits for the n-th question in Ana's direct messages.
func (s *scene) question(n int) slackfake.Message {
	s.t.Helper()
	var found slackfake.Message
	s.until("no question", func(st slackfake.State) bool {
		var open []slackfake.Message
		for _, m := range st.DM(s.Ana.ID) {
			if strings.Contains(string(m.Blocks), "Was this you?") {
				open = append(open, m)
			}
		}
		if len(open) >= n {
			found = open[n-1]
		}
		return len(open) >= n
	})
	return found
}

// click presses a button until it is acknowledged.
func (s *scene) click(user slackfake.User, m slackfake.Message, label string) slackfake.Outcome {
	s.t.Helper()
	out, err := s.insists(user.ID, m, label)
	if err != nil {
		s.t.Fatalf("%q is not acknowledged: %v", label, err)
	}
	return out
}

// insists presses a button, and presses it again when the client shows an error,
// as a person does: no bot may be connected yet, or one that is too slow.
func (s *scene) insists(user string, m slackfake.Message, label string) (slackfake.Outcome, error) {
	for {
		g, err := s.Slack.As(user).Click(m.Channel, m.TS, label)
		if err != nil {
			return slackfake.Outcome{}, err
		}
		out, err := g.Wait(s.ctx)
		if err != nil || out.OK() {
			return out, err
		}
		s.t.Logf("%s pressed %q and was shown an error: %s", user, label, out.Trouble)
		wait(s.ctx, 100*time.Millisecond)
	}
}

// dialog waits for the person to look at one.
func (s *scene) dialog(user slackfake.User) {
	s.t.Helper()
	s.until("no dialog", func(st slackfake.State) bool { return len(st.Views(user.ID)) > 0 })
}

// asked waits for a dialog with an input for each value.
func (s *scene) asked(user slackfake.User, values map[string]string) {
	s.t.Helper()
	s.until(fmt.Sprintf("no dialog for %v", values), func(st slackfake.State) bool { return st.Asks(user.ID, values) })
}

// told waits until a person was told something that only they see.
func (s *scene) told(user slackfake.User, says string) {
	s.t.Helper()
	s.until(user.Name+" is not told "+says, func(st slackfake.State) bool {
		return slices.ContainsFunc(st.Ephemerals(user.ID), func(m slackfake.Message) bool { return strings.Contains(m.Text+string(m.Blocks), says) })
	})
}

// incidents waits until PagerDuty's state is as wanted.
func (s *scene) incidents(what string, cond func(pagerdutyfake.Snapshot) bool) pagerdutyfake.Snapshot {
	s.t.Helper()
	if err := s.watch(func(ctx context.Context) error { return s.Pager.WaitFor(ctx, cond) }); err != nil {
		s.t.Fatalf("%s: %v\n%s", what, err, s.transcript())
	}
	return s.Pager.Snapshot()
}

func open(n int) func(pagerdutyfake.Snapshot) bool {
	return func(p pagerdutyfake.Snapshot) bool { return len(p.Open()) == n }
}

// settled waits until the queue is empty and nothing is planned any more.
func (s *scene) settled() {
	s.t.Helper()
	s.eventually("the bot comes to rest", func() bool {
		depth, err := s.Store.Depth(s.ctx, s.Clock.Now())
		waiting := 0
		for _, d := range depth {
			waiting += d.Planned
		}
		return err == nil && waiting == 0 && s.SQS.Depth(rig.Queue)+s.SQS.InFlight(rig.Queue) == 0
	})
}

// wait pauses between two looks at something that cannot be waited for by
// notification; nothing depends on its length.
func wait(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func (s *scene) transcript() string {
	var b strings.Builder
	for _, c := range s.Slack.Snapshot(0).Channels {
		for _, m := range c.Messages {
			b.WriteString(c.ID + " " + m.EphemeralTo + ": " + m.Text + "\n")
		}
	}
	for _, i := range s.Pager.Snapshot().Incidents {
		b.WriteString("pager " + i.Status + ": " + i.Summary + "\n")
	}
	return b.String()
}
