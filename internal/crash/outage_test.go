package crash_test

import (
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// deleted is how many messages were handled.
func (w *world) deleted() int { return len(w.SQS.Deleted(rig.Queue)) }

func TestRedisKilledAndRestarted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.start("")
	w.mix(100)
	w.eventually("work is under way", 30*time.Second, func() bool {
		return w.deleted() >= 30 && len(w.Pager.Snapshot().Incidents) > 0 && w.questions() >= 3
	})
	w.redis.Kill()
	w.answer()
	w.mix(50)
	sendBroken(w, p)
	w.eventually("clicks are refused while the store is away", 20*time.Second, func() bool { return w.unacknowledged() >= 3 })
	clicks := w.clicks()
	w.redis.Restart()
	if clicks > 0 {
		t.Errorf("%d clicks were acknowledged while the store was away", clicks)
	}
	w.mix(50)
	w.eventually("clicks are taken again", 20*time.Second, func() bool { return w.clicks() > 0 })
	w.redis.Restart() // in the midst of the others
	w.quiet(90 * time.Second)
	w.check()
	w.drain(p)
}

func TestReplicas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask, page := w.send(login, 1)[0], w.send(miner, 1)[0]
	for range 49 {
		w.Send(ask.body, page.body)
	}
	procs := []*process{w.start(""), w.start(""), w.start("")}
	asked := func() []slackfake.Message { return w.Slack.DM(w.Ana.ID) }
	w.eventually("all copies are handled, one question and one page are out", 60*time.Second, func() bool {
		return w.deleted() == 100 && len(asked()) > 0 && len(w.Pager.Snapshot().Incidents) > 0
	})
	w.eventually("nothing more is planned", 30*time.Second, func() bool { n, _ := w.redis.Do("hlen", "{sb}:effects").(int64); return n == 0 })
	if n := len(asked()); n != 1 {
		t.Errorf("Ana was asked %d times", n)
	}
	if i := w.Pager.Snapshot(); len(i.Incidents) != 1 || i.Incidents[0].Triggers != 1 {
		t.Errorf("paged: %+v", i.Incidents)
	}
	w.answer()
	w.mix(100)
	w.eventually("work is under way", 30*time.Second, func() bool { return w.deleted() >= 120 })
	procs[0].kill()
	w.crashed()
	w.quiet(90 * time.Second)
	w.check()
	w.drain(procs[1])
	w.drain(procs[2])
}

func TestDrain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.answer()
	p := w.start("")
	w.mix(200)
	w.eventually("work is under way", 30*time.Second, func() bool { return w.deleted() >= 20 })
	w.drain(p)
	if left := w.missing(); len(left) == 0 {
		t.Error("everything was done before SIGTERM: nothing was tested")
	}
	p = w.start("")
	w.quiet(90 * time.Second)
	w.check()
	w.drain(p)
}
