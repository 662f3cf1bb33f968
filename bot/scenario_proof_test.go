package bot_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/duofake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// proofPolicy wants proof of every "yes".
const proofPolicy = "inquire: {mfa: true, timeout: 4h, on_yes: record, on_mfa_fail: page, on_timeout: page}"

// proving is a scene in which Ana has said "yes" to n questions, one after the
// other, and has the last push on her telephone.
func proving(t *testing.T, o rig.Options) (*scene, slackfake.Message) {
	t.Helper()
	if o.Policy == "" {
		o.Policy = policyFile(t, proofPolicy)
	}
	o.Proofs = "duo"
	s := begin(t, o)
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	return s, m
}

// push waits for the n-th push.
func (s *scene) push(n int) duofake.Push {
	s.t.Helper()
	if err := s.Duo.WaitFor(s.ctx, n); err != nil {
		s.t.Fatalf("%v\n%s", err, s.transcript())
	}
	return s.Duo.Pushes()[n-1]
}

// tap is what Ana does with a push.
func (s *scene) tap(p duofake.Push, what string) {
	s.t.Helper()
	if !s.Duo.Press(p.TxID, what) {
		s.t.Fatalf("the push is not on the telephone any more: %+v", p)
	}
}

// shows waits until a message says something.
func (s *scene) shows(m slackfake.Message, says ...string) {
	s.t.Helper()
	s.until("the message does not show "+strings.Join(says, ", "), func(st slackfake.State) bool {
		now, _ := st.Message(m.Ref())
		return containsAll(now.Text+string(now.Blocks), says)
	})
}

// pages asserts how often the team was called, once nothing is planned.
func (s *scene) pages(want int) {
	s.t.Helper()
	s.settled()
	if n := len(s.Pager.Snapshot().Incidents); n != want {
		s.t.Errorf("%d pages, want %d\n%s", n, want, s.transcript())
	}
}

func TestAYesWithAnApprovedPushCloses(t *testing.T) {
	t.Parallel()
	s, m := proving(t, rig.Options{})
	p := s.push(1)
	s.shows(m, "approve the request that is on your phone")
	if p.User != s.Ana.Email || !strings.HasPrefix(p.Info.Get("Question"), "SB-") || !strings.Contains(p.Info.Get("Confirm"), "Yes, this was me") {
		t.Errorf("the telephone shows %+v", p)
	}
	s.tap(p, "allow")
	s.shows(m, "You confirmed that it was you")
	s.pages(0)
	if n := len(s.Duo.Pushes()); n != 1 {
		t.Errorf("%d pushes, want 1", n)
	}
}

func TestAHighCaseIsNeverClosedByAProofAlone(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "duo"})
	high := rig.Ask(1)
	high.Severity = 7.5
	s.Send(high.SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	s.tap(s.push(1), "allow")
	s.shows(m, "takes a short second look")
	s.settled()
	lives, err := s.Bots[0].Lives(s.ctx, 5)
	if err != nil || len(lives) != 1 || strings.Contains(lives[0].Status, "closed") {
		t.Errorf("lives %+v %v", lives, err)
	}
}

func TestARefusedPushIsANo(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"deny", "fraud"} {
		s, m := proving(t, rig.Options{Policy: policyFile(t, strings.Replace(proofPolicy, "on_mfa_fail: page", "on_mfa_fail: ticket", 1))})
		s.tap(s.push(1), what)
		s.incidents("a refused push does not page", open(1))
		s.shows(m, "You refused the request for a second proof")
		s.pages(1)
	}
}

func TestAPushNobodyAnswersIsNotAYes(t *testing.T) {
	t.Parallel()
	s, m := proving(t, rig.Options{})
	s.push(1)
	s.Forward(duofake.PushTimeout + time.Second)
	s.incidents("a push that ran out does not page", open(1))
	s.shows(m, "did not arrive in time")
	if s.Duo.Press(s.Duo.Pushes()[0].TxID, "allow") {
		t.Error("the push is still there")
	}
	s.pages(1)
}

// Only a press is a proof: whoever Duo lets pass unasked has proved nothing.
func TestNobodyToPushToIsNotAYes(t *testing.T) {
	t.Parallel()
	for _, status := range []string{"allow", "deny", "enroll"} {
		s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "duo"})
		s.Duo.SetUser(duofake.User{Name: s.Ana.Email, Status: status})
		s.Send(rig.Ask(1).SNS())
		m := s.question(1)
		s.click(s.Ana, m, "Yes, this was me")
		s.incidents("a yes without a second proof does not page", open(1))
		s.shows(m, "could not find a second proof of yours")
		if n := len(s.Duo.Pushes()); n != 0 {
			t.Errorf("%s: %d pushes", status, n)
		}
	}
}

func TestAProviderThatIsDownRaisesAttention(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "duo"})
	s.Duo.Close()
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	s.shows(m, "One more step")
	s.Forward(time.Minute + time.Second)
	s.incidents("an outage of the provider does not page", open(1))
	s.shows(m, "Something on our side did not work")
	s.pages(1)
}

// A push of which nobody knows whether it was sent is not sent again.
func TestAPushIsSentAtMostOnce(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "duo"})
	s.Duo.Fail("/auth/v2/auth", 0)
	s.Send(rig.Ask(1).SNS())
	s.click(s.Ana, s.question(1), "Yes, this was me")
	s.incidents("a lost answer does not page", open(1))
	s.pages(1)
	if n := len(s.Duo.Pushes()); n != 1 {
		t.Errorf("%d pushes, want 1", n)
	}
}

func TestAPushThatWasCertainlyNotSentIsTriedAgain(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "duo"})
	s.Duo.Fail("/auth/v2/preauth", 503)
	s.Duo.Fail("/auth/v2/auth", 429)
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	s.shows(m, "One more step")
	for range 4 { // the waits between attempts
		s.Forward(6 * time.Second)
	}
	s.tap(s.push(1), "allow")
	s.shows(m, "You confirmed that it was you")
	s.pages(0)
}

func TestARestartFollowsTheSamePush(t *testing.T) {
	t.Parallel()
	s, m := proving(t, rig.Options{Replica: 2})
	p := s.push(1)
	s.shows(m, "approve the request that is on your phone")
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.tap(p, "allow")
	s.shows(m, "You confirmed that it was you")
	s.pages(0)
	if n := len(s.Duo.Pushes()); n != 1 {
		t.Errorf("%d pushes, want 1", n)
	}
}

// Nobody is worn down with pushes: after three in an hour a "yes" goes to the
// security team without one. An hour later there may be one again.
func TestAPersonGetsFewPushes(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "duo"})
	yes := func(n int) slackfake.Message {
		s.Send(rig.Ask(n).SNS())
		m := s.question(1) // those answered are no questions any more
		s.click(s.Ana, m, "Yes, this was me")
		return m
	}
	for n := 1; n <= 3; n++ {
		m := yes(n)
		s.tap(s.push(n), "allow")
		s.shows(m, "You confirmed that it was you")
	}
	m := yes(4)
	s.incidents("the fourth yes does not page", open(1))
	s.shows(m, "we did not send another one")
	s.message(s.Security.ID, "so many requests for a second proof")
	if n := len(s.Duo.Pushes()); n != 3 {
		t.Fatalf("%d pushes, want 3", n)
	}
	s.Forward(time.Hour)
	m = yes(5)
	s.tap(s.push(4), "allow")
	s.shows(m, "You confirmed that it was you")
	s.pages(1)
}

// One push at a time: the second waits for the first.
func TestPushesComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	rules := "version: 1\nrules:\n"
	for _, kind := range []string{"Discovery", "Recon"} {
		rules += "  - {id: ask-" + strings.ToLower(kind) + ", on: \"" + kind + ":IAMUser/*\", when: employee.known, then: inquire, " + proofPolicy + "}\n"
	}
	if err := os.WriteFile(path, []byte(rules+"  - {id: default, then: notify}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := begin(t, rig.Options{Policy: path, Proofs: "duo"})
	other := rig.Ask(2)
	other.Type = "Recon:IAMUser/MaliciousIPCaller"
	s.Send(rig.Ask(1).SNS(), other.SNS())
	second := s.question(2)
	first := s.question(1)
	s.click(s.Ana, first, "Yes, this was me")
	p := s.push(1)
	s.shows(first, "approve the request that is on your phone")
	s.click(s.Ana, second, "Yes, this was me")
	s.shows(second, "We are about to ask you")
	if n := len(s.Duo.Pushes()); n != 1 {
		t.Fatalf("%d pushes at a time", n)
	}
	s.tap(p, "allow")
	s.shows(first, "You confirmed that it was you")
	s.Forward(3 * time.Second)
	s.tap(s.push(2), "allow")
	s.shows(second, "You confirmed that it was you")
	s.pages(0)
}

// A "no" after a "yes" counts at once, push or not.
func TestANoWhileAPushIsOpen(t *testing.T) {
	t.Parallel()
	s, m := proving(t, rig.Options{})
	p := s.push(1)
	s.shows(m, "approve the request that is on your phone")
	now, _ := s.Slack.Message(m.Ref())
	s.click(s.Ana, now, "No, this wasn't me")
	s.incidents("a no does not page", open(1))
	s.Duo.Press(p.TxID, "allow")
	s.pages(1)
}

// syncBuffer is a log that is written and read at the same time.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Neither secrets nor transactions are in the log.
func TestProofsLeaveNoSecretsInTheLog(t *testing.T) {
	t.Parallel()
	log := &syncBuffer{}
	s := begin(t, rig.Options{Policy: policyFile(t, proofPolicy), Proofs: "duo", Log: log})
	s.Duo.Fail("/auth/v2/preauth", 401, 503)
	s.Send(rig.Ask(1).SNS())
	s.click(s.Ana, s.question(1), "Yes, this was me")
	s.incidents("a refused key does not page", open(1))
	if text := log.String(); strings.Contains(text, rig.ProofSecret) || strings.Contains(text, s.Ana.Email) || !strings.Contains(text, "duo preauth (permanent, HTTP 401)") {
		t.Errorf("the log:\n%s", text)
	}
}
