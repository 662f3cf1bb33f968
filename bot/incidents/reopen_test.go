package incidents

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
)

const month = 30 * 24 * time.Hour

// over is an incident that was closed, with its channel archived.
func over(t *testing.T) (*Incident, *world) {
	t.Helper()
	c := ready(t)
	w := newWorld(c)
	effects, _, err := c.Close(omar, "done", time.Minute, t0)
	if err != nil {
		t.Fatal(err)
	}
	w.plan(effects)
	w.drain(t, t0)
	if !c.Archived {
		t.Fatalf("not archived: %+v", c)
	}
	return c, w
}

func TestReopeningIsRefused(t *testing.T) {
	t.Parallel()
	r := rules()
	c := ready(t)
	_, err := c.Reopen(zoe, "more", r, month, t0)
	refused(t, err, "open already")
	_, err = (&Incident{}).Reopen(zoe, "more", r, month, t0)
	refused(t, err, "no such incident")
	c, _ = over(t)
	_, err = c.Reopen(zoe, " ", r, month, t0)
	refused(t, err, "why there is more to do")
	_, err = c.Reopen(zoe, "more", r, month, t0.Add(month+time.Second))
	refused(t, err, "for 30 days")
	if c.IsOpen() || len(c.Pending) > 0 || c.Gen != 1 {
		t.Errorf("something was changed: %+v", c)
	}
	c = ready(t)
	if _, _, err := c.Close(omar, "done", time.Minute, t0); err != nil {
		t.Fatal(err)
	}
	_, err = c.Reopen(zoe, "more", r, month, t0)
	refused(t, err, "still being closed")
}

func TestReopeningPagesAsOpeningDoes(t *testing.T) {
	t.Parallel()
	for level, pages := range map[findings.Level]int{findings.High: 1, findings.Low: 0} {
		c, w := over(t)
		c.Severity = level
		effects, err := c.Reopen(zoe, "more", rules(), month, t0)
		if err != nil {
			t.Fatal(err)
		}
		w.plan(effects)
		w.drain(t, t0)
		if len(w.pages) != pages || !c.IsOpen() || c.ClosedBy != "" || c.Archived || c.Summary.TS == "" {
			t.Errorf("%s: pages %v, %+v", level, w.pages, c)
		}
	}
}

// An outage of TheHive at the end does not leave its case closed while people
// work on, nor open after they have stopped.
func TestTheHiveFollowsInOrder(t *testing.T) {
	t.Parallel()
	c := ready(t)
	effects, _, err := c.Close(omar, "done", time.Minute, t0)
	if err != nil {
		t.Fatal(err)
	}
	record := only(t, effects, StepRecord)
	w := newWorld(c)
	for _, e := range effects {
		if e.ID != record.ID {
			w.plan(append(effects[:0:0], e))
		}
	}
	w.drain(t, t0)
	again, err := c.Reopen(zoe, "more", rules(), month, t0)
	if err != nil || strings.Contains(steps(again), StepRehive) {
		t.Fatalf("the case is opened before it is closed: %v %s", err, steps(again))
	}
	rehive := only(t, c.Recorded(record.ID, t0), StepRehive)
	w.plan(again)
	w.drain(t, t0)
	end, _, err := c.Close(omar, "done", time.Minute, t0)
	if err != nil || strings.Contains(steps(end), StepRecord) {
		t.Fatalf("the case is closed before it is opened: %v %s", err, steps(end))
	}
	only(t, c.Rehived(rehive.ID, t0), StepRecord)
}

func TestALateRepeatOfAnEarlierLifeChangesNothing(t *testing.T) {
	t.Parallel()
	c, w := over(t)
	effects, err := c.Reopen(zoe, "more", rules(), month, t0)
	if err != nil {
		t.Fatal(err)
	}
	w.plan(effects)
	w.drain(t, t0)
	if got := c.ChannelArchived(c.ID+"/1/"+StepArchive, t0); len(got) > 0 || c.Archived {
		t.Errorf("archived by a report of before: %v", got)
	}
}
