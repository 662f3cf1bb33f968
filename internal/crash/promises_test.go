package crash_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

var refs = regexp.MustCompile(`SB-[0-9A-Z]+`)

// posts lists what the bot has said to everybody and in direct messages,
// threads excluded.
func (w *world) posts() []slackfake.Message {
	var out []slackfake.Message
	w.Slack.Look(func(st slackfake.State) {
		for _, c := range []string{w.Security.ID, w.Payments.ID, w.Platform.ID} {
			out = append(out, st.Messages(c)...)
		}
		for _, id := range w.ids {
			out = append(out, st.DM(id)...)
		}
	})
	return slices.DeleteFunc(out, func(m slackfake.Message) bool { return m.BotID == "" || m.ThreadTS != "" && m.ThreadTS != m.TS })
}

// incidents counts the incidents of each case, in all services.
func (w *world) incidents() map[string][]pagerdutyfake.Incident {
	out := map[string][]pagerdutyfake.Incident{}
	for _, i := range w.Pager.Snapshot().Incidents {
		ref := refs.FindString(i.Summary)
		out[ref] = append(out[ref], i)
	}
	return out
}

// missing says what is still to come until everything has had its effect.
func (w *world) missing() []string {
	var out []string
	for _, m := range w.SQS.Messages(rig.Queue) {
		if m.Body != broken {
			out = append(out, fmt.Sprintf("message %s is still in the queue (in flight: %v, receives: %d)", m.ID, m.InFlight, m.Receives))
		}
	}
	shown := map[string]bool{}
	for _, m := range w.posts() {
		for _, ref := range refs.FindAllString(m.Text+string(m.Blocks), -1) {
			shown[ref] = true
		}
	}
	if w.unreadable && !w.announced() {
		out = append(out, "nobody was told of the message that cannot be read")
	}
	incidents := w.incidents()
	for _, s := range w.all {
		if !shown[s.ref] {
			out = append(out, s.ref+" appears in no message")
		}
		if (s.kind == miner || s.kind == login) && len(incidents[s.ref]) == 0 {
			out = append(out, s.ref+" was not paged")
		}
	}
	for _, id := range w.ids {
		if n := len(w.unanswered(id)); n > 0 {
			out = append(out, fmt.Sprintf("%s still has %d questions", id, n))
		}
	}
	if n, _ := w.redis.Do("hlen", "{sb}:effects").(int64); n > 0 {
		out = append(out, fmt.Sprintf("%d effects are planned", n))
	}
	return out
}

// quiet waits until nothing is missing.
func (w *world) quiet(within time.Duration) {
	w.t.Helper()
	deadline, look := time.Now().Add(within*slowness), time.Now().Add(3*time.Second)
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		left := w.missing()
		if len(left) == 0 {
			return
		}
		if time.Now().After(look) {
			w.reclaim()
			look = time.Now().Add(3 * time.Second)
		}
		if time.Now().After(deadline) {
			w.t.Fatalf("after %v:\n%s\n%s", within, strings.Join(left[:min(len(left), 20)], "\n"), w.procs[len(w.procs)-1].tail())
		}
		<-tick.C
	}
}

// check holds the logs of the doubles against the promises.
func (w *world) check() {
	w.t.Helper()
	if doubles := w.Pager.Snapshot().Doubles(); len(doubles) > 0 {
		w.t.Errorf("paged twice: %v", doubles)
	}
	incidents := w.incidents()
	for _, s := range w.all {
		got := incidents[s.ref]
		delete(incidents, s.ref)
		switch paged := s.kind == miner || s.kind == login; {
		case !paged && len(got) > 0:
			w.t.Errorf("%s was paged, though nobody asked for it", s.ref)
		case paged && len(got) != 1:
			w.t.Errorf("%s has %d incidents, want 1", s.ref, len(got))
		case w.closed[s.ref] && got[0].Status != pagerdutyfake.Resolved:
			w.t.Errorf("%s was closed, but its incident is %s", s.ref, got[0].Status)
		case paged && !w.closed[s.ref] && got[0].Status == pagerdutyfake.Resolved:
			w.t.Errorf("%s is open, but its incident is resolved", s.ref)
		}
	}
	for ref := range incidents {
		w.t.Errorf("an incident for %q, which nobody knows", ref)
	}
	w.checkCopies()
	w.checkParked()
	for _, m := range w.SQS.DLQ(rig.Queue) {
		if m.Body != broken {
			w.t.Errorf("a finding went to the dead letters: %.80s", m.Body)
		}
	}
}

// checkCopies wants no message posted twice under its key: whoever posts again
// looks for the first one. A message that tells only what was told before, such
// as a list with what stood alone, is allowed once for each crash.
func (w *world) checkCopies() {
	w.t.Helper()
	keys, told := map[string]int{}, map[string]bool{}
	copies, repeats := 0, 0
	for _, m := range w.posts() {
		if key := m.Channel + string(m.Metadata); len(m.Metadata) > 0 {
			if keys[key]++; keys[key] > 1 {
				copies++
				w.t.Logf("seen twice: %s", key)
			}
		}
		if strings.Contains(m.Text, "PagerDuty") || strings.Contains(string(m.Blocks), "OP-") {
			continue // the fallback's own message, and what is done about a case
		}
		found, fresh := refs.FindAllString(m.Text+string(m.Blocks), -1), false
		for _, ref := range found {
			fresh = fresh || !told[m.Channel+ref]
			told[m.Channel+ref] = true
		}
		if len(found) > 0 && !fresh {
			repeats++
			w.t.Logf("tells nothing new: %s %.120s", m.Channel, m.Text)
		}
	}
	if copies > 0 || repeats > w.crashes {
		w.t.Errorf("%d messages posted twice, %d tell nothing new, after %d crashes", copies, repeats, w.crashes)
	}
	w.t.Logf("%d findings, %d incidents, %d posts, %d crashes, %d copies, %d repeats, %d clicks not acknowledged",
		len(w.all), len(w.Pager.Snapshot().Incidents), len(w.posts()), w.crashes, copies, repeats, w.unacknowledged())
}

// announced says whether the team knows of the message that cannot be read.
func (w *world) announced() bool {
	return slices.ContainsFunc(w.posts(), func(m slackfake.Message) bool { return strings.Contains(string(m.Blocks), "could not be used") })
}

// checkParked wants a message announced and kept, in the queue or the dead
// letters, if and only if one that cannot be read was sent.
func (w *world) checkParked() {
	w.t.Helper()
	kept := append(w.SQS.Messages(rig.Queue), w.SQS.DLQ(rig.Queue)...)
	if announced := w.announced(); announced != w.unreadable || len(kept) > 0 != w.unreadable {
		w.t.Errorf("announced: %v, kept: %d, sent: %v", announced, len(kept), w.unreadable)
	}
}
