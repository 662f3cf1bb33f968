package bot

import (
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/store"
)

func TestACommitWakesWhoHasWork(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	effect := func(lane store.Lane, due time.Time) store.Commit {
		return store.Commit{Plan: []store.Effect{{Lane: lane, Due: due}}}
	}
	timer := func(at time.Time) store.Commit { return store.Commit{Writes: []store.Write{{Timer: at}}} }
	for name, c := range map[string]struct {
		commit store.Commit
		woken  string
	}{
		"a page now":        {effect(store.LanePage, now), string(store.LanePage)},
		"a notice now":      {effect(store.LaneNotify, now.Add(-time.Second)), string(store.LaneNotify)},
		"an edit later":     {effect(store.LaneNotify, now.Add(time.Second)), ""},
		"a timer now":       {timer(now), "timers"},
		"a timer later":     {timer(now.Add(time.Hour)), ""},
		"no timer":          {timer(time.Time{}), ""},
		"an effect is done": {store.Commit{Done: []store.Done{{ID: "x", Fence: 1}}}, ""},
	} {
		var b Bot
		b.wakeFor([]store.Commit{c.commit}, now)
		for _, loop := range []string{"timers", string(store.LanePage), string(store.LaneInquiry), string(store.LaneNotify), string(store.LaneRecord), string(store.LaneAct)} {
			if woken := len(b.wakes.rest(loop)) > 0; woken != (loop == c.woken) {
				t.Errorf("%s: %s woken: %v", name, loop, woken)
			}
		}
	}
}
