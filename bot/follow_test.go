package bot

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/securitybot/securitybot/commands"
	"github.com/securitybot/securitybot/internal/message"
)

// growing is an answer with a new version at each of these times.
func growing(at ...time.Duration) commands.Reply {
	return commands.Reply{Follow: func(ctx context.Context, show func(message.Message) error) error {
		begun := time.Now()
		for _, t := range at {
			time.Sleep(t - time.Since(begun))
			if err := show(message.Message{}.Para(message.L(t.String()))); err != nil {
				return err
			}
		}
		return nil
	}}
}

// followed says when which version was shown.
func followed(out commands.Reply, p pace, fail func(n int) error) (got []string, err error) {
	b := &Bot{log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	begun, n := time.Now(), 0
	err = b.following(context.Background(), out, p, func(m message.Message) error {
		n++
		if err := fail(n); err != nil {
			return err
		}
		got = append(got, m.Parts[0].Text[0].S+" at "+time.Since(begun).String())
		return nil
	})
	return got, err
}

func never(int) error { return nil }

func TestAGrowingAnswerIsShownAtItsPace(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		at   []time.Duration
		p    pace
		want []string
	}{
		"quick":                  {[]time.Duration{100 * time.Millisecond, 300 * time.Millisecond}, alone, []string{"300ms at 300ms"}},
		"one in between":         {[]time.Duration{time.Second, 3 * time.Second, 4 * time.Second, 8 * time.Second}, alone, []string{"1s at 2.5s", "8s at 8s"}},
		"nothing new in between": {[]time.Duration{6 * time.Second}, alone, []string{"6s at 6s"}},
		"edited each second":     {[]time.Duration{100 * time.Millisecond, 200 * time.Millisecond, 1100 * time.Millisecond, 3500 * time.Millisecond}, inPlace, []string{"200ms at 1s", "1.1s at 2s", "3.5s at 3.5s"}},
		"nothing comes":          {nil, alone, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got, err := followed(growing(tc.at...), tc.p, never)
				if err != nil || !slices.Equal(got, tc.want) {
					t.Errorf("%v, %v, want %v", got, err, tc.want)
				}
			})
		})
	}
}

func TestAVersionThatCouldNotBeShownComesAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := commands.Reply{Follow: func(_ context.Context, show func(message.Message) error) error {
			err := show(message.Message{}.Para(message.L("all")))
			time.Sleep(1500 * time.Millisecond)
			return err
		}}
		got, err := followed(out, inPlace, func(n int) error {
			if n == 1 {
				return errors.New("ratelimited")
			}
			return nil
		})
		if err != nil || !slices.Equal(got, []string{"all at 1.5s"}) {
			t.Errorf("%v, %v", got, err)
		}
	})
}

func TestADefectWhileFollowingEndsNothingElse(t *testing.T) {
	t.Parallel()
	out := commands.Reply{Follow: func(context.Context, func(message.Message) error) error { panic("a defect") }}
	if _, err := followed(out, alone, never); err == nil {
		t.Error("no error")
	}
}

func TestAPersonMayLookUpSoMuch(t *testing.T) {
	t.Parallel()
	var l lookUpLimit
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	for k := range lookUpsPerHour / 5 {
		if !l.take("U0OMAR", 5, now.Add(time.Duration(k)*time.Minute)) {
			t.Fatalf("refused after %d", 5*k)
		}
	}
	now = now.Add(30 * time.Minute)
	if l.take("U0OMAR", 1, now) {
		t.Error("one too many is taken")
	}
	if !l.take("U0MEI", 5, now) {
		t.Error("somebody else is refused")
	}
	if !l.take("U0OMAR", 5, now.Add(31*time.Minute)) {
		t.Error("an hour later it is still too many")
	}
}
