package crash_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// step is one life of the program: it is to die at a failpoint. Act, if any, is
// what makes it get there, beside the findings every life begins with.
type step struct {
	failpoint string
	act       func(w *world, p *process)
}

// walks are the orders in which worlds pass all failpoints.
var walks = map[string][]step{
	"intake": {
		{"intake.received", nil}, {"intake.handled:2", nil}, {"intake.before-delete", nil}, {"intake.after-delete:2", nil},
		{"intake.parked", sendBroken}, {"intake.left", nil},
	},
	"arrivals and questions": {
		{"arrive.before-load", nil}, {"arrive.before-commit", nil}, {"arrive.after-commit:2", nil},
		{"ask.posted:2", nil}, {"click.received", nil}, {"click.committed", nil}, {"outcome.shown:2", nil},
	},
	"messages": {
		{"effect.claimed:20", nil}, {"post.before:3", nil}, {"notice.posted", nil}, {"digest.before-plan", nil},
		{"digest.planned", nil}, {"digest.posted", nil}, {"edit.done", update},
	},
	"pages": {
		{"page.before", nil}, {"page.sent:2", nil}, {"fallback.sent", refusePage},
		{"close.committed", closeCase}, {"resolve.sent", closeCase}, {"timer.claimed", timersRunOut},
	},
}

// unreachable are the failpoints no walk passes, each with the reason.
var unreachable = map[string]string{
	"remind.posted":   "the earliest reminder comes minutes after its question, by the store's own clock",
	"snapshot.locked": "snapshots are not locked in these worlds; who locks them is killed there by tests of its own",
	"aws-ir.step":     "aws-ir is another program, killed by its own tests",
	"aws-ir.stepped":  "the same",
}

func TestEveryFailpointIsWalked(t *testing.T) {
	t.Parallel()
	var walked []string
	for _, walk := range walks {
		for _, s := range walk {
			name, _, _ := strings.Cut(s.failpoint, ":")
			walked = append(walked, name)
		}
	}
	for _, d := range incidentDeaths {
		if !strings.HasSuffix(d.failpoint, ".done") { // the names of steps are put together
			walked = append(walked, d.failpoint)
		}
	}
	for _, d := range proofDeaths {
		walked = append(walked, d.failpoint)
	}
	for _, s := range slices.Concat(operationWalk, hostWalk, revokeWalk) {
		name, _, _ := strings.Cut(s.failpoint, ":")
		walked = append(walked, name)
	}
	hit := regexp.MustCompile(`failpoint\.Hit\("([^"]+)"\)`)
	var exist []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, m := range hit.FindAllSubmatch(raw, -1) {
			exist = append(exist, string(m[1]))
		}
		return err
	})
	if err != nil || len(exist) == 0 {
		t.Fatalf("%d failpoints found, %v", len(exist), err)
	}
	for _, name := range exist {
		if _, excused := unreachable[name]; slices.Contains(walked, name) == excused {
			t.Errorf("%s: walked %v, excused %v; want one of the two", name, !excused, excused)
		}
	}
	for _, name := range walked {
		if !slices.Contains(exist, name) {
			t.Errorf("%s is walked, but does not exist", name)
		}
	}
}

// perLife is how many findings a life of the program begins with: six or seven
// lives make 200 of them.
const perLife = 30

func TestSIGKILLAtEveryFailpoint(t *testing.T) {
	t.Parallel()
	for name, walk := range walks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.answer()
			for _, s := range walk {
				began := time.Now()
				w.relieve()
				p := w.start(s.failpoint)
				w.mix(perLife)
				if s.act != nil {
					s.act(w, p)
				}
				w.killed(p, s.failpoint)
				t.Logf("%s after %v", s.failpoint, time.Since(began).Round(100*time.Millisecond))
			}
			last := w.start("")
			w.quiet(90 * time.Second)
			w.check()
			w.drain(last)
		})
	}
}

// relieve lets a life without failpoint take what the one before has received
// and not finished: a message received for the fourth time is held to be the cause
// of the crashes (intake.Config.QuarantineAfter), and put aside.
func (w *world) relieve() {
	waiting := func(receives int) bool {
		return slices.ContainsFunc(w.SQS.Messages(rig.Queue), func(m sqsfake.Message) bool { return m.Body != broken && m.Receives >= receives })
	}
	if !waiting(1) {
		return
	}
	p := w.start("")
	look := time.Now().Add(3 * time.Second)
	w.eventually("the queue is empty", 40*time.Second, func() bool {
		if time.Now().After(look) {
			w.reclaim()
			look = time.Now().Add(3 * time.Second)
		}
		return !waiting(0)
	})
	p.kill()
	w.crashed()
}

func sendBroken(w *world, _ *process) {
	w.unreadable = true
	w.Send(broken)
}

// update sends a finding alone and, once it is shown, again with a higher
// count, which makes its message be edited.
func update(w *world, _ *process) {
	w.send(alone, 1)
	w.eventually("the message to be edited is shown", 30*time.Second, func() bool { return len(w.Slack.Messages(w.Platform.ID)) > 0 })
	w.Send(document(w.t, alone, "", w.next-1, 40).body)
}

// refusePage makes PagerDuty refuse one page for good.
func refusePage(w *world, _ *process) {
	w.Pager.Fail(pagerdutyfake.Status(400).On(rig.RoutingKey).Only("trigger"))
	w.send(miner, 1)
}

// closeCase lets Omar close a paged case; the program may die meanwhile.
func closeCase(w *world, p *process) {
	w.eventually("a case was paged and is in the channel", 30*time.Second, func() bool {
		select {
		case <-p.gone:
			return true
		default:
			return w.closeOne(p)
		}
	})
}

// closeOne says whether a case is closed now.
func (w *world) closeOne(p *process) bool {
	omar := w.Slack.As(w.Omar.ID)
	incidents := w.incidents()
	for _, m := range w.Slack.Messages(w.Security.ID) {
		ref := refs.FindString(m.Text + string(m.Blocks))
		if got := incidents[ref]; len(got) != 1 || got[0].Status == pagerdutyfake.Resolved || w.closed[ref] || len(m.Buttons()) == 0 {
			continue
		}
		button := m.Buttons()[0]
		if button.Label != "Close…" && button.Label != ref {
			continue
		}
		g, err := omar.Click(m.Channel, m.TS, button.ActionID)
		if err != nil {
			continue
		}
		out, err := g.Wait(w.t.Context())
		if err != nil || !out.OK() {
			return false
		}
		w.eventually("the dialog is open", 5*time.Second, func() bool { return w.asks(w.Omar.ID, "reason") })
		values := map[string]string{}
		views := w.Slack.Views(w.Omar.ID)
		for _, f := range views[len(views)-1].Fields() {
			values[f.BlockID] = "A test of ours."
			if len(f.Options) > 0 {
				values[f.BlockID] = "benign"
			}
		}
		if g, err = omar.Submit("", values); err != nil {
			w.t.Fatalf("submit: %v", err)
		}
		out, err = g.Wait(w.t.Context())
		if err != nil || !out.OK() {
			// Committed, but not acknowledged: Omar has to look again.
			_, _ = omar.CloseView("")
			select {
			case <-p.gone:
			case <-time.After(20 * time.Second): // it was only slow: he tries again
				return false
			}
		}
		w.closed[ref] = true
		return true
	}
	return false
}

// timersRunOut makes the instant at which open cases are looked at again come
// now for a few; by itself it comes after ten minutes. A case that waits in a
// list not posted yet may be told once more on its own after that.
func timersRunOut(w *world, _ *process) {
	w.eventually("a case is open", 30*time.Second, func() bool {
		ids, _ := w.redis.Do("zrange", "{sb}:timers", 0, 2).([]any)
		for _, id := range ids {
			w.redis.Do("zadd", "{sb}:timers", "XX", 1, id)
		}
		return len(ids) > 0
	})
}
