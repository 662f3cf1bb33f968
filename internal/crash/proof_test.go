package crash_test

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// proofDeaths are where the program dies while a "yes" is proved: before the
// push is sent, after it, and once its transaction is stored.
var proofDeaths = []struct {
	failpoint string
	pushes    int
	pages     int
}{
	{"verify.begun", 0, 1}, {"verify.sent", 1, 1}, {"verify.started", 1, 0},
}

const proofPolicy = `version: 1
rules:
  - {id: ask, on: "*:IAMUser/*", when: employee.known, then: inquire, inquire: {mfa: true, timeout: 4h, on_yes: record, on_mfa_fail: page}}
  - {id: default, then: notify}
`

// TestSIGKILLWhileAYesIsProved: the person never gets a second push. Where
// nobody knows whether the first was sent, a human decides; a stored one is
// followed to its end.
func TestSIGKILLWhileAYesIsProved(t *testing.T) {
	t.Parallel()
	for _, d := range proofDeaths {
		t.Run(d.failpoint, func(t *testing.T) {
			t.Parallel()
			path := t.TempDir() + "/policy.yaml"
			if err := os.WriteFile(path, []byte(proofPolicy), 0o600); err != nil {
				t.Fatal(err)
			}
			w := newWorldOf(t, rig.Options{NoEvidence: true, Proofs: "duo", Policy: path})
			first := w.start(d.failpoint)
			w.send(login, 1) // the first finding is about Ana
			w.eventually("the question is there", 30*time.Second, func() bool { return len(w.Slack.DM(w.Ana.ID)) > 0 })
			w.yes(first)
			w.killed(first, d.failpoint)
			next := w.start("")
			if d.pages == 0 {
				w.Duo.Press(w.Duo.Pushes()[0].TxID, "allow")
			}
			w.eventually("the person is told how it ended", 60*time.Second, func() bool {
				m := w.Slack.DM(w.Ana.ID)[0]
				return strings.Contains(m.Text, "Thank you") || strings.Contains(m.Text, "could not be confirmed")
			})
			w.eventually("the pages are sent", 30*time.Second, func() bool { return len(w.Pager.Snapshot().Incidents) >= d.pages })
			if pushes, pages := len(w.Duo.Pushes()), len(w.Pager.Snapshot().Incidents); pushes != d.pushes || pages != d.pages {
				t.Errorf("%d pushes and %d pages, want %d and %d", pushes, pages, d.pushes, d.pages)
			}
			w.drain(next)
		})
	}
}

// yes lets Ana answer, until it is acknowledged or the program is gone.
func (w *world) yes(p *process) {
	w.eventually("the yes is taken", 30*time.Second, func() bool {
		m := w.Slack.DM(w.Ana.ID)[0]
		if !slices.ContainsFunc(m.Buttons(), func(b slackfake.Button) bool { return b.ActionID == inquiries.ActionYes }) {
			return true
		}
		g, err := w.Slack.As(w.Ana.ID).Click(m.Channel, m.TS, inquiries.ActionYes)
		if err != nil {
			return false
		}
		out, err := g.Wait(w.t.Context())
		select {
		case <-p.gone:
			return true
		default:
			return err == nil && out.OK()
		}
	})
}
