package inquiries

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
)

// phone is a provider of second proofs.
type phone struct {
	started  int
	prompt   string
	startErr error
	answers  []Result
	pollErr  error
}

func (p *phone) Start(_ context.Context, _ Person, prompt string) (string, error) {
	p.started++
	p.prompt = prompt
	return fmt.Sprintf("tx%d", p.started), p.startErr
}

func (p *phone) Poll(_ context.Context, txid string) (Result, error) {
	if txid != "tx1" {
		return VerifyError, nil
	}
	if p.pollErr != nil {
		return "", p.pollErr
	}
	r := p.answers[0]
	p.answers = p.answers[1:]
	return r, nil
}

// drive verifies a "yes" until the waiting is over, and returns how it ended.
func drive(t *testing.T, v Verifier) (Inquiry, error) {
	t.Helper()
	q, _ := New("q", askOf(findings.Medium, withMFA), tuesday)
	now := tuesday.Add(time.Minute)
	q, effects, _ := do(t, q, now, prompt(), by(ana, Yes))
	if brief(effects) != "verify outcome" {
		t.Fatalf("yes: %s", brief(effects))
	}
	var failed error
	for q.Status == StatusVerifying {
		ev, err := Verify(context.Background(), v, q)
		failed = errors.Join(failed, err)
		if ev == nil {
			now = now.Add(30 * time.Second)
			ev = Clock{}
		}
		q, _, _ = do(t, q, now, ev)
	}
	return q, failed
}

func TestVerify(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		v       Verifier
		status  Status
		outcome Conclusion
		result  Result
		failed  bool
	}{
		"nobody can prove":   {nil, StatusUnverified, OutcomeUnverified, VerifyUnavailable, false},
		"confirmed":          {&phone{answers: []Result{VerifyWaiting, VerifyWaiting, VerifyAllow}}, StatusVerified, OutcomeVerified, VerifyAllow, false},
		"refused":            {&phone{answers: []Result{VerifyWaiting, VerifyDeny}}, StatusRefused, OutcomeRefused, VerifyDeny, false},
		"reported":           {&phone{answers: []Result{VerifyFraud}}, StatusRefused, OutcomeRefused, VerifyFraud, false},
		"no reaction":        {&phone{answers: []Result{VerifyTimeout}}, StatusUnverified, OutcomeUnverified, VerifyTimeout, false},
		"waits for ever":     {&phone{answers: slicesOf(VerifyWaiting, 50)}, StatusUnverified, OutcomeUnverified, VerifyTimeout, false},
		"error":              {&phone{answers: []Result{VerifyError}}, StatusUnverified, OutcomeUnverified, VerifyError, false},
		"an unknown result":  {&phone{answers: []Result{"maybe"}}, StatusUnverified, OutcomeUnverified, VerifyError, false},
		"an empty result":    {&phone{answers: []Result{""}}, StatusUnverified, OutcomeUnverified, VerifyError, false},
		"not enrolled":       {&phone{startErr: fmt.Errorf("x: %w", ErrNotEnrolled)}, StatusUnverified, OutcomeUnverified, VerifyUnavailable, false},
		"cannot be started":  {&phone{startErr: broken}, StatusUnverified, OutcomeUnverified, VerifyTimeout, true},
		"cannot be followed": {&phone{pollErr: broken}, StatusUnverified, OutcomeUnverified, VerifyTimeout, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, err := drive(t, tc.v)
			if q.Status != tc.status || q.Decision.Outcome != tc.outcome || q.Proof.Result != tc.result || (err != nil) != tc.failed {
				t.Errorf("%s, decided %s, result %s, error %v", q.Status, q.Decision.Outcome, q.Proof.Result, err)
			}
			if err != nil && !errors.Is(err, broken) {
				t.Errorf("error %v does not wrap its cause", err)
			}
			if p, ok := tc.v.(*phone); ok && tc.failed == false && (p.started != 1 || !strings.Contains(p.prompt, "SB-TEST2345")) {
				t.Errorf("started %d times with %q", p.started, p.prompt)
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

// Nothing is asked for when nothing is to be proved any more.
func TestVerifyOnlyWhileWaiting(t *testing.T) {
	t.Parallel()
	for _, s := range allStatuses {
		q, _ := build(t, s)
		p := &phone{answers: []Result{VerifyAllow}}
		ev, err := Verify(context.Background(), p, q)
		if waiting := s == StatusVerifying; err != nil || (ev != nil) != waiting || (p.started == 1) != waiting {
			t.Errorf("%s: %v %v, started %d", s, ev, err, p.started)
		}
	}
}

// The first transaction stays: a second one would be a second push.
func TestTransactionIsKept(t *testing.T) {
	t.Parallel()
	q, now := build(t, StatusVerifying)
	q, effects, _ := do(t, q, now, VerifyStarted{"tx1"}, VerifyStarted{"tx2"})
	if q.Proof.TxID != "tx1" || len(effects) > 0 {
		t.Errorf("transaction %q, %s", q.Proof.TxID, brief(effects))
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
