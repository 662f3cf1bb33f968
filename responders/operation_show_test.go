package responders_test

import (
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// shows returns the effect that shows the operation.
func shows(t *testing.T, effects []store.Effect) store.Effect {
	t.Helper()
	for _, e := range effects {
		if e.Kind == responders.KindShow {
			return e
		}
	}
	t.Fatalf("nothing shows it: %v", effects)
	return store.Effect{}
}

// Progress waits for more of it, the end for nothing, and neither is lost or
// posted twice.
func TestProgressWaitsAndTheEndDoesNot(t *testing.T) {
	t.Parallel()
	o, effects := responders.Propose(job(responders.Snapshot), responders.About{Channel: "C0SECURITY"}, t0)
	first := shows(t, effects)
	if !first.Due.Equal(t0) || o.Early(first.ID) || o.Superseded(first.ID) {
		t.Errorf("the first message waits: %+v", first)
	}
	if e := shows(t, o.Planned(responders.Plan{}, t0)); !e.Due.Equal(t0) || e.ID != first.ID {
		t.Errorf("that it begins waits: %+v", e)
	}
	now := t0.Add(time.Minute)
	if e := shows(t, o.Stepped(o.Job, responders.Progress{}, now)); e.ID != first.ID || !e.Due.Equal(now.Add(responders.ShowGap)) {
		t.Errorf("progress is shown at once: %+v", e)
	}
	end := shows(t, o.Stepped(o.Job, responders.Progress{Done: true}, now))
	if end.ID == first.ID || !end.Due.Equal(now) {
		t.Errorf("the end waits for progress: %+v", end)
	}
	if !o.Early(end.ID) || o.Superseded(first.ID) {
		t.Error("before there is a message, the first effect posts it and the end waits")
	}
	o.Shown = responders.Ref{Channel: "C0SECURITY", TS: "1.2"}
	if o.Early(end.ID) || !o.Superseded(first.ID) || o.Superseded(end.ID) {
		t.Error("once there is a message, the end is shown and progress is not")
	}
	o.Finished(end.ID)
	if o.Superseded(first.ID) {
		t.Error("progress is left out although nothing shows the end")
	}
	if e := o.Tick(now); len(shows(t, e).ID) == 0 {
		t.Error("what the store lost is not planned again")
	}
}
