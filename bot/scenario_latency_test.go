package bot_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/redistest"
	"github.com/securitybot/securitybot/internal/rig"
)

// TestManyPeopleSayNoAtOnce: every "no" pages, on a real Redis, while many people
// answer at once. The way from acknowledgement to page is logged (P5: p99 at most
// 10 s); how long it takes depends on the machine.
func TestManyPeopleSayNoAtOnce(t *testing.T) {
	t.Parallel()
	const people = 60
	server := redistest.Start(t)
	s := begin(t, rig.Options{Redis: server.Addr})
	for n := range people {
		name := fmt.Sprintf("p%d", n)
		s.Slack.AddUser(slackfake.User{ID: fmt.Sprintf("U0PERSON%d", n), Name: name, Email: name + "@corp.example"})
		e := rig.Ask(n)
		e.Session = name + "@corp.example"
		s.Send(e.SNS())
	}
	var mu sync.Mutex
	var clicks sync.WaitGroup
	acked := map[string]time.Time{} // by the case's reference
	for n := range people {
		clicks.Go(func() {
			id := fmt.Sprintf("U0PERSON%d", n)
			m, err := s.Slack.Expect(s.ctx, s.Slack.DMChannel(id), func(m slackfake.Message) bool { return strings.Contains(string(m.Blocks), "Was this you?") })
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.insists(id, m, "No, this wasn't me"); err != nil {
				t.Error(err)
				return
			}
			at := strings.Index(m.Text, "SB-")
			mu.Lock()
			acked[m.Text[at:at+11]] = time.Now()
			mu.Unlock()
		})
	}
	clicks.Wait()
	p := s.incidents("not every no pages", open(people))
	if len(p.Doubles()) > 0 || len(p.Incidents) != people {
		t.Errorf("%d incidents, doubles %v", len(p.Incidents), p.Doubles())
	}
	took := latencies(p, acked)
	if len(took) != people {
		t.Fatalf("%d of %d pages name their case", len(took), people)
	}
	t.Logf("ack → page: median %s, p99 %s", took[len(took)/2], took[len(took)-1])
}

// latencies are the times from acknowledgement to page, shortest first; a page
// that was faster than the acknowledgement counts as zero.
func latencies(p pagerdutyfake.Snapshot, acked map[string]time.Time) []time.Duration {
	var out []time.Duration
	for _, i := range p.Incidents {
		for ref, at := range acked {
			if strings.Contains(i.Summary, ref) {
				out = append(out, max(0, i.Created.Sub(at)))
			}
		}
	}
	slices.Sort(out)
	return out
}
