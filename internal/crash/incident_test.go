package crash_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
)

// incidentDeaths are where the program dies while an incident is opened, or
// closed.
var incidentDeaths = []struct {
	failpoint string
	closing   bool
}{
	{"incident.opened", false}, {"incident.channel.done", false}, {"incident.summary.done", false}, {"incident.invite.done", false},
	{"incident.document.done", false}, {"incident.page.done", false},
	{"incident.changed", true}, {"incident.export.done", true}, {"incident.archive.done", true}, {"incident.resolve.done", true},
}

// TestSIGKILLAtTheStepsOfAnIncident: whatever was committed is finished by the
// next start: one channel with everybody in it, one page, one end. The files of a
// timeline may be there twice when it dies between sharing and noting them.
func TestSIGKILLAtTheStepsOfAnIncident(t *testing.T) {
	t.Parallel()
	for _, d := range incidentDeaths {
		t.Run(d.failpoint, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			first := w.start(map[bool]string{false: d.failpoint}[d.closing])
			w.command(first, "open high Odd mail", w.Security.ID)
			if d.closing {
				w.eventually("the incident is open", 30*time.Second, w.working)
				first.kill()
				w.crashed()
				first = w.start(d.failpoint)
				w.command(first, "close it was a test", w.rooms()[0].ID)
			}
			w.killed(first, d.failpoint)
			w.outlived()
			next := w.start("")
			if !d.closing {
				w.eventually("the incident is open", 45*time.Second, w.working)
				w.command(next, "close it was a test", w.rooms()[0].ID)
			}
			w.eventually("the incident is over", 45*time.Second, w.over)
			if d.failpoint != "incident.export.done" && len(w.Slack.Files(w.rooms()[0].ID)) != 2 {
				t.Errorf("files %+v", w.Slack.Files(w.rooms()[0].ID))
			}
			if p := w.Pager.Snapshot(); len(w.rooms()) != 1 || len(p.Incidents) != 1 {
				t.Errorf("%d channels, %d pages", len(w.rooms()), len(p.Incidents))
			}
			w.eventually("it runs", 30*time.Second, func() bool { return w.Slack.Snapshot(1).Connections > 0 })
			w.drain(next)
		})
	}
}

// command lets Omar type a command until a process has received it. Without a
// connection Slack says at once that it did not work.
func (w *world) command(p *process, text, channel string) {
	w.eventually("/ir "+text+" is received", 30*time.Second, func() bool {
		g, err := w.Slack.As(w.Omar.ID).Slash("/ir", text, channel)
		if err != nil {
			w.t.Fatal(err)
		}
		out, err := g.Wait(w.t.Context())
		if err != nil || out.OK() {
			return true
		}
		select {
		case <-p.gone:
			return true
		default:
			return false
		}
	})
}

// rooms are the channels of incidents.
func (w *world) rooms() (out []slackfake.Channel) {
	w.Slack.Look(func(st slackfake.State) {
		out = slices.DeleteFunc(st.Channels(), func(c slackfake.Channel) bool { return !strings.HasPrefix(c.Name, "inc-") })
	})
	return out
}

// working says whether everything an incident is opened with is there.
func (w *world) working() bool {
	rooms := w.rooms()
	if len(rooms) == 0 {
		return false
	}
	_, document := w.Slack.Canvas(rooms[0].ID)
	return document && len(rooms[0].Pins) == 1 && slices.Contains(rooms[0].Members, w.Omar.ID) && rooms[0].Topic != "" && len(w.Pager.Snapshot().Open()) == 1
}

// over says whether an incident has come to its end.
func (w *world) over() bool {
	rooms := w.rooms()
	return rooms[0].Archived && len(w.Slack.Files(rooms[0].ID)) >= 2 && len(w.Pager.Snapshot().Open()) == 0
}
