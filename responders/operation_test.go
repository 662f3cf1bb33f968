package responders_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

var t0 = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func job(action responders.ID) responders.Job {
	j := responders.Job{ID: "ABCDEFGHIJKLMNOPQRSTUVWXYZ", Action: action, By: "U0OMAR", Case: "SB-7F3K7QXA",
		Target: responders.Target{Account: "111122223333", Region: "eu-west-1", Instance: "i-0a1b2c3d4e5f60718"}}
	if action == responders.Isolate || action == responders.Release {
		j.Params = responders.Params{"reason": "it mines"}
	}
	return j
}

func kinds(effects []store.Effect) string {
	var out []string
	for _, e := range effects {
		out = append(out, e.Kind)
	}
	return strings.Join(out, " ")
}

// waiting is an isolation that waits for an approver.
func waiting(t *testing.T) *responders.Operation {
	t.Helper()
	o, effects := responders.Propose(job(responders.Isolate), responders.About{Subject: responders.Person{ChatID: "U0ANA", Email: "ana@corp.example"}, Channel: "C0SECURITY"}, t0)
	if got := kinds(effects); got != "operation.plan operation.show" {
		t.Fatal(got)
	}
	if got := kinds(o.Planned(responders.Plan{Steps: []string{"x"}}, t0)); got != "operation.show" || o.State != responders.Waiting {
		t.Fatal(got, o.State)
	}
	return o
}

func TestWhoMayApprove(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		by     responders.Person
		digest func(*responders.Operation) string
		after  time.Duration
		want   error
	}{
		"an approver":            {by: responders.Person{ChatID: "U0MEI", Email: "mei@corp.example"}},
		"who asked":              {by: responders.Person{ChatID: "U0OMAR"}, want: responders.ErrAsker},
		"nobody":                 {want: responders.ErrAsker},
		"the subject":            {by: responders.Person{ChatID: "U0ANA"}, want: responders.ErrSubject},
		"the subject's other id": {by: responders.Person{ChatID: "U0ANA2", Email: "Ana@corp.example"}, want: responders.ErrSubject},
		"too late":               {by: responders.Person{ChatID: "U0MEI"}, after: responders.ApprovalTime, want: responders.ErrTooLate},
		"just in time":           {by: responders.Person{ChatID: "U0MEI"}, after: responders.ApprovalTime - time.Millisecond},
		"for another thing":      {by: responders.Person{ChatID: "U0MEI"}, digest: func(*responders.Operation) string { return "0123456789abcdef0123456789abcdef" }, want: responders.ErrOther},
		"for nothing":            {by: responders.Person{ChatID: "U0MEI"}, digest: func(*responders.Operation) string { return "" }, want: responders.ErrOther},
		"for an edited target":   {by: responders.Person{ChatID: "U0MEI"}, digest: edited(func(j *responders.Job) { j.Target.Instance = "i-0ffffffffffffffff" }), want: responders.ErrOther},
		"for an edited account":  {by: responders.Person{ChatID: "U0MEI"}, digest: edited(func(j *responders.Job) { j.Target.Account = "444455556666" }), want: responders.ErrOther},
		"for another action":     {by: responders.Person{ChatID: "U0MEI"}, digest: edited(func(j *responders.Job) { j.Action = responders.Release }), want: responders.ErrOther},
		"for edited parameters":  {by: responders.Person{ChatID: "U0MEI"}, digest: edited(func(j *responders.Job) { j.Params = responders.Params{"reason": "other"} }), want: responders.ErrOther},
		"asked by somebody else": {by: responders.Person{ChatID: "U0MEI"}, digest: edited(func(j *responders.Job) { j.By = "U0EVE" }), want: responders.ErrOther},
		"for another request":    {by: responders.Person{ChatID: "U0MEI"}, digest: edited(func(j *responders.Job) { j.ID = "ZBCDEFGHIJKLMNOPQRSTUVWXYZ" }), want: responders.ErrOther},
		"fields must not blend":  {by: responders.Person{ChatID: "U0MEI"}, digest: edited(func(j *responders.Job) { j.By, j.Case = "U0OMARSB", "-7F3K7QXA" }), want: responders.ErrOther},
	} {
		o := waiting(t)
		digest := o.Job.Digest()
		if tc.digest != nil {
			digest = tc.digest(o)
		}
		effects, err := o.Approve(tc.by, digest, t0.Add(tc.after))
		if !errors.Is(err, tc.want) || (tc.want == nil) != (err == nil) {
			t.Errorf("%s: %v", name, err)
		}
		if runs := o.State == responders.Running && kinds(effects) == "operation.step operation.show"; runs != (tc.want == nil) {
			t.Errorf("%s: %s with %q", name, o.State, kinds(effects))
		}
		if (o.Authorised() == nil) != (tc.want == nil) {
			t.Errorf("%s: authorised: %v", name, o.Authorised())
		}
	}
}

// edited changes the stored job after the button was made; the button's digest
// is the old one.
func edited(change func(*responders.Job)) func(*responders.Operation) string {
	return func(o *responders.Operation) string {
		shown := o.Job.Digest()
		change(&o.Job)
		return shown
	}
}

func TestAnApprovalIsUsedOnce(t *testing.T) {
	t.Parallel()
	o := waiting(t)
	digest := o.Job.Digest()
	if _, err := o.Approve(responders.Person{ChatID: "U0MEI"}, digest, t0); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Approve(responders.Person{ChatID: "U0MEI"}, digest, t0); !errors.Is(err, responders.ErrNotWaiting) {
		t.Error(err)
	}
	if _, err := o.Refuse("U0EVE", t0); !errors.Is(err, responders.ErrNotWaiting) {
		t.Error(err)
	}
	o.Stepped(o.Job, responders.Progress{Done: true}, t0)
	if _, err := o.Approve(responders.Person{ChatID: "U0MEI"}, digest, t0); !errors.Is(err, responders.ErrNotWaiting) || o.State != responders.Done {
		t.Error(err, o.State)
	}
	if o.Authorised() == nil {
		t.Error("a finished operation may still act")
	}
}

func TestWhatRunsIsWhatWasApproved(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*responders.Operation){
		"another target":     func(o *responders.Operation) { o.Job.Target.Instance = "i-0ffffffffffffffff" },
		"another parameter":  func(o *responders.Operation) { o.Job.Params["reason"] = "x" },
		"no approver":        func(o *responders.Operation) { o.Decider, o.Job.Approver = "", "" },
		"approved by asker":  func(o *responders.Operation) { o.Decider, o.Job.Approver = o.Job.By, o.Job.By },
		"no digest":          func(o *responders.Operation) { o.Digest = "" },
		"set to running":     func(o *responders.Operation) { *o = *waiting(t); o.State = responders.Running },
		"an unknown action":  func(o *responders.Operation) { o.Job.Action = "burn"; o.Digest = o.Job.Digest() },
		"a malformed target": func(o *responders.Operation) { o.Job.Target.Region = "x"; o.Digest = o.Job.Digest() },
		"odd parameters":     func(o *responders.Operation) { o.Job.Params["shell"] = "id"; o.Digest = o.Job.Digest() },
	} {
		o := waiting(t)
		if _, err := o.Approve(responders.Person{ChatID: "U0MEI"}, o.Job.Digest(), t0); err != nil {
			t.Fatal(err)
		}
		change(o)
		if err := o.Authorised(); !errors.Is(err, responders.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSilenceIsNotConsent(t *testing.T) {
	t.Parallel()
	o := waiting(t)
	if at := o.Timer(t0); !at.Equal(t0.Add(responders.ApprovalTime)) {
		t.Fatal(at)
	}
	o.Tick(t0.Add(responders.ApprovalTime - 1))
	if o.State != responders.Waiting {
		t.Fatal("it ended early")
	}
	o.Tick(t0.Add(responders.ApprovalTime))
	if o.State != responders.Expired || o.IsOpen() {
		t.Fatal(o.State)
	}
}

func TestEvidenceNeedsNoApprover(t *testing.T) {
	t.Parallel()
	o, _ := responders.Propose(job(responders.Snapshot), responders.About{}, t0)
	if o.Authorised() == nil {
		t.Error("it may act before its plan is known")
	}
	if got := kinds(o.Planned(responders.Plan{}, t0)); got != "operation.step operation.show" || o.Authorised() != nil {
		t.Fatal(got, o.Authorised())
	}
	o.Stuck(o.Job, responders.Doubt("nobody knows"), t0)
	if o.State != responders.Unknown || o.Why != "nobody knows" {
		t.Fatal(o.State, o.Why)
	}
}

func TestARefusedPlanNeverActs(t *testing.T) {
	t.Parallel()
	o, _ := responders.Propose(job(responders.Snapshot), responders.About{}, t0)
	o.Planned(responders.Plan{Refusal: "it is protected"}, t0)
	if o.State != responders.Failed || o.Why != "it is protected" || o.Authorised() == nil {
		t.Fatal(o.State, o.Why)
	}
}

// TestAnySchedule plays events in any order and looks at what must always hold.
func TestAnySchedule(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		action := responders.Catalogue()[rnd.IntN(6)].ID
		o, planned := responders.Propose(job(action), responders.About{Subject: responders.Person{ChatID: "U0ANA"}}, t0)
		now, approved := t0, false
		for range 25 {
			now = now.Add(time.Duration(rnd.IntN(400)) * time.Second)
			before := o.State
			open := o.IsOpen()
			var effects []store.Effect
			switch rnd.IntN(7) {
			case 0:
				effects = o.Planned(responders.Plan{}, now)
			case 1:
				who := []string{"U0MEI", "U0OMAR", "U0ANA", ""}[rnd.IntN(4)]
				var err error
				if effects, err = o.Approve(responders.Person{ChatID: who}, o.Job.Digest(), now); err == nil {
					if approved || who != "U0MEI" {
						t.Fatalf("seed %d: approved by %q, before: %v", seed, who, approved)
					}
					approved = true
				}
			case 2:
				effects, _ = o.Refuse("U0MEI", now)
			case 3:
				effects = o.Stepped(o.Job, responders.Progress{Done: rnd.IntN(3) == 0}, now)
			case 4:
				effects = o.Stuck(o.Job, errors.New("x"), now)
			case 5:
				effects = o.Tick(now)
			case 6:
				if len(planned) > 0 {
					i := rnd.IntN(len(planned))
					o.Finished(planned[i].ID)
					planned = slices.Delete(planned, i, i+1)
				}
			}
			planned = append(planned, effects...)
			body, err := o.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if o, err = responders.DecodeOperation(o.ID, body); err != nil {
				t.Fatal(err)
			}
			if !open && o.State != before {
				t.Fatalf("seed %d: %s became %s", seed, before, o.State)
			}
			if o.IsOpen() && o.Timer(now).IsZero() {
				t.Fatalf("seed %d: %s without a timer", seed, o.State)
			}
			if a, _ := responders.Find(string(action)); o.Authorised() == nil && a.Approval && !approved {
				t.Fatalf("seed %d: %s acts without approval", seed, action)
			}
		}
	}
}
