package inquiries

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/proof"
)

// phone is a provider of second proofs.
type phone struct {
	started  int
	asked    proof.Request
	startErr error
	answers  []Result
	pollErr  error
}

func (p *phone) Start(_ context.Context, r proof.Request) (proof.Sent, error) {
	p.started++
	p.asked = r
	return proof.Sent{TxID: fmt.Sprintf("tx%d", p.started)}, p.startErr
}

func (p *phone) Poll(_ context.Context, s proof.Sent) (Result, error) {
	if s.TxID != "tx1" {
		return VerifyError, nil
	}
	if p.pollErr != nil {
		return "", p.pollErr
	}
	r := p.answers[0]
	p.answers = p.answers[1:]
	return r, nil
}

// drive verifies a "yes" until nothing is left to do, as the runtime does, and
// returns how it ended.
func drive(t *testing.T, v Verifier) (Inquiry, error) {
	t.Helper()
	q, _ := New("q", askOf(findings.Medium, withMFA), tuesday)
	now := tuesday.Add(time.Minute)
	q, effects, _ := do(t, q, now, prompt(), by(ana, Yes))
	if brief(effects) != "verify outcome" {
		t.Fatalf("yes: %s", brief(effects))
	}
	var failed error
	for {
		var ev Event
		var err error
		switch q.Stage() {
		case StageNone:
			return q, failed
		case StageBegin:
			q, _, _ = do(t, q, now, VerifyBegan{User: "ana"})
			if ev, err = Send(context.Background(), v, q); q.GivenUp(now) && err != nil {
				ev = Verified{VerifyOutage}
			}
		case StagePoll:
			ev, err = Poll(context.Background(), v, q)
		case StageLast:
			ev, err = Poll(context.Background(), v, q)
			q, _, _ = do(t, q, now, ev)
			return q, errors.Join(failed, err)
		}
		failed = errors.Join(failed, err)
		if ev != nil {
			q, _, _ = do(t, q, now, ev)
		}
		now = now.Add(30 * time.Second)
		q, _, _ = do(t, q, now, Clock{})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	failing := func(c proof.Class) error { return &proof.Failure{Op: "x", Class: c, Cause: broken} }
	for name, tc := range map[string]struct {
		v       *phone
		status  Status
		outcome Conclusion
		result  Result
		started int
		failed  bool
	}{
		"confirmed":          {&phone{answers: []Result{VerifyWaiting, VerifyWaiting, VerifyAllow}}, StatusVerified, OutcomeVerified, VerifyAllow, 1, false},
		"refused":            {&phone{answers: []Result{VerifyWaiting, VerifyDeny}}, StatusRefused, OutcomeRefused, VerifyDeny, 1, false},
		"reported":           {&phone{answers: []Result{VerifyFraud}}, StatusRefused, OutcomeRefused, VerifyFraud, 1, false},
		"no reaction":        {&phone{answers: []Result{VerifyTimeout, VerifyTimeout}}, StatusUnverified, OutcomeUnverified, VerifyTimeout, 1, false},
		"refused at the end": {&phone{answers: append(slicesOf(VerifyWaiting, 9), VerifyDeny)}, StatusRefused, OutcomeRefused, VerifyDeny, 1, false},
		"given at the end":   {&phone{answers: append(slicesOf(VerifyWaiting, 9), VerifyAllow)}, StatusUnverified, OutcomeUnverified, VerifyAllow, 1, false},
		"waits for ever":     {&phone{answers: slicesOf(VerifyWaiting, 50)}, StatusUnverified, OutcomeUnverified, VerifyTimeout, 1, false},
		"error":              {&phone{answers: []Result{VerifyError}}, StatusUnverified, OutcomeUnverified, VerifyError, 1, false},
		"an unknown result":  {&phone{answers: []Result{"maybe"}}, StatusUnverified, OutcomeUnverified, VerifyError, 1, false},
		"an empty result":    {&phone{answers: []Result{""}}, StatusUnverified, OutcomeUnverified, VerifyError, 1, false},
		"not enrolled":       {&phone{startErr: fmt.Errorf("x: %w", proof.ErrNotEnrolled)}, StatusUnverified, OutcomeUnverified, VerifyUnavailable, 1, true},
		"out of reach":       {&phone{startErr: failing(proof.Retry)}, StatusUnverified, OutcomeUnverified, VerifyOutage, 3, true},
		"sent, perhaps":      {&phone{startErr: failing(proof.Unclear)}, StatusUnverified, OutcomeUnverified, VerifyLost, 1, true},
		"not understood":     {&phone{startErr: broken}, StatusUnverified, OutcomeUnverified, VerifyLost, 1, true},
		"never possible":     {&phone{startErr: failing(proof.Permanent)}, StatusUnverified, OutcomeUnverified, VerifyError, 1, true},
		"cannot be followed": {&phone{pollErr: broken}, StatusUnverified, OutcomeUnverified, VerifyTimeout, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := drive(t, tc.v)
			if q.Status != tc.status || q.Decision.Outcome != tc.outcome || q.Proof.Result != tc.result || (err != nil) != tc.failed {
				t.Errorf("%s, decided %s, result %s, error %v", q.Status, q.Decision.Outcome, q.Proof.Result, err)
			}
			if tc.v.started != tc.started || tc.v.asked.User != "ana" || tc.v.asked.Ref != "SB-TEST2345" || !strings.Contains(tc.v.asked.Text, labelYes) {
				t.Errorf("started %d times with %+v", tc.v.started, tc.v.asked)
			}
		})
	}
}

func slicesOf(r Result, n int) []Result {
	out := make([]Result, n)
	for i := range out {
		out[i] = r
	}
	return out
}

// Nothing is asked for when nothing is to be proved, and what was begun and not
// reported is never sent again.
func TestStages(t *testing.T) {
	t.Parallel()
	for _, s := range allStatuses {
		q, _ := build(t, s)
		if want := s == StatusVerifying; (q.Stage() == StageBegin) != want || !want && q.Stage() != StageNone {
			t.Errorf("%s: stage %d", s, q.Stage())
		}
	}
	q, now := build(t, StatusVerifying)
	q, _, r := do(t, q, now, VerifyBegan{User: "ana"})
	if q.Stage() != StageLost || !r.Counted {
		t.Errorf("begun: stage %d, counted %v", q.Stage(), r.Counted)
	}
	if again, _, r := do(t, q, now.Add(time.Second), VerifyBegan{User: "other"}); r.Counted || again.Proof.User != "ana" {
		t.Error("begun twice")
	}
	if held, _, _ := do(t, q, now, VerifyHeld{}); held.Stage() != StageBegin {
		t.Errorf("held: stage %d", held.Stage())
	}
	q, _, _ = do(t, q, now, VerifyStarted{proof.Sent{TxID: "tx1"}}, VerifyHeld{})
	if q.Stage() != StagePoll {
		t.Errorf("sent: stage %d", q.Stage())
	}
	if late, _, _ := do(t, q, q.Proof.By, Clock{}); late.Stage() != StageLast {
		t.Errorf("time over: stage %d", late.Stage())
	}
}

// The first transaction stays: a second one would be a second push.
func TestTransactionIsKept(t *testing.T) {
	t.Parallel()
	q, now := build(t, StatusVerifying)
	q, effects, _ := do(t, q, now, VerifyStarted{proof.Sent{TxID: "tx1"}}, VerifyStarted{proof.Sent{TxID: "tx2", Number: "42"}})
	if q.Proof.TxID != "tx1" || q.Proof.Number != "" || len(effects) > 0 {
		t.Errorf("transaction %+v, %s", q.Proof, brief(effects))
	}
}

// What only the person asked may know is shown at once and kept no longer than
// it is needed, however the waiting ends.
func TestNumberAndLinkAreForgotten(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]Event{
		"allowed": Verified{VerifyAllow}, "refused": Verified{VerifyDeny}, "failed": Verified{VerifyError}, "no": by(ana, No), "closed": Withdrawn{"done"},
	} {
		q, now := build(t, StatusVerifying)
		q, effects, _ := do(t, q, now, VerifyStarted{proof.Sent{TxID: "tx1", Number: "42", Link: "https://sb.corp.example/x", Key: "k"}})
		q, _, _ = do(t, q, now, SignedIn{"s"})
		if brief(effects) != "outcome" || q.Proof.Number != "42" {
			t.Errorf("%s: shown %s, %+v", name, brief(effects), q.Proof)
		}
		q, _, _ = do(t, q, now, end)
		if p := q.Proof; p.Number+p.Link+p.Key != "" || len(p.Used) > 0 {
			t.Errorf("%s: kept %+v", name, p)
		}
	}
}

// A sign-in counts once, and only while the proof is waited for.
func TestSignInsCountOnce(t *testing.T) {
	t.Parallel()
	q, now := build(t, StatusVerifying)
	q, _, first := do(t, q, now, SignedIn{"s1"})
	_, _, again := do(t, q, now, SignedIn{"s1"})
	_, _, none := do(t, q, now, SignedIn{""})
	_, _, late := do(t, q, q.Proof.By, SignedIn{"s2"})
	if !first.Counted || again.Counted || none.Counted || late.Counted {
		t.Errorf("first %v, again %v, none %v, late %v", first.Counted, again.Counted, none.Counted, late.Counted)
	}
	for i := range 20 {
		q, _, again = do(t, q, now, SignedIn{fmt.Sprint("n", i)})
	}
	if again.Counted || len(q.Proof.Used) != maxSignIns {
		t.Errorf("%d sign-ins taken", len(q.Proof.Used))
	}
	if _, effects, _ := do(t, q, now, StrangeSignIn{}); brief(effects) != "tell" {
		t.Errorf("somebody else's sign-in: %s", brief(effects))
	}
}

// The proof has its own absolute deadline.
func TestProofTime(t *testing.T) {
	t.Parallel()
	q, now := build(t, StatusVerifying)
	if want := now.Add(VerifyWait); !q.Next().Equal(want) {
		t.Fatalf("next %v, want %v", q.Next(), want)
	}
	if next, _, _ := do(t, q, now.Add(VerifyWait-1), Clock{}); next.Status != StatusVerifying {
		t.Error("ended too early")
	}
	if next, _, _ := do(t, q, now.Add(VerifyWait-1), Verified{VerifyAllow}); next.Status != StatusVerified {
		t.Error("a proof in time was not taken")
	}
	if next, _, _ := do(t, q, now.Add(VerifyWait), Verified{VerifyAllow}); next.Status != StatusUnverified {
		t.Error("a late proof was taken")
	}
}
