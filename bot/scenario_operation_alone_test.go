package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// glassAccess: Mei and Priya approve, Omar does not.
const glassAccess = "{responders: {users: [U0OMAR]}, approvers: {users: [U0MEI, U0PRIYA]}, break_glass: {allowed: true, after: 5m, per_day: 1}}"

const (
	nobody  = "Nobody else can be reached…"
	because = "Priya and Omar do not answer their phones, and it is mining right now."
)

// asks has somebody ask to isolate machine n, and returns the card.
func (s *scene) asks(u slackfake.User, n int) slackfake.Message {
	s.t.Helper()
	id := s.Machine(n)
	s.slash(u, "isolate "+id+" account="+rig.Account+" region="+rig.Region+" reason=it mines", s.Security.ID)
	return s.message(s.Security.ID, "Isolate", id, "Approve")
}

// TestActingAloneIsPossibleLoudAndListed: nobody approves, so Mei does it herself.
func TestActingAloneIsPossibleLoudAndListed(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: glassAccess})
	card := s.asks(s.Mei, 2)
	s.click(s.Mei, card, nobody)
	s.told(s.Mei, "Please give an approver a few minutes first")
	s.settled()
	s.Forward(5*time.Minute + time.Second)

	s.click(s.Priya, card, nobody)
	s.told(s.Priya, "Only whoever asked for it can do it alone")
	s.click(s.Omar, card, nobody)
	s.told(s.Omar, "Only an approver can do this")
	s.click(s.Mei, card, nobody)
	if out := s.try(s.Mei, map[string]string{"reason": "because"}); !strings.Contains(out.Errors["reason"], "why nobody else can approve it") {
		t.Fatalf("a reason of a word is taken: %+v", out)
	}
	if got := s.writes(); len(got) > 0 {
		t.Fatalf("AWS was changed: %v", got)
	}
	s.fillIn(s.Mei, map[string]string{"reason": because})

	// Loud: a page, a message of its own, the card.
	page := s.incidents("nobody is paged", open(1)).Open()[0]
	if !strings.Contains(page.Summary, "without a second person") || !strings.Contains(page.Summary, because) {
		t.Errorf("the page says %q", page.Summary)
	}
	s.message(s.Security.ID, "Somebody acted without a second person", s.Mei.ID, because)
	s.passed(card, "Done", "alone, without a second person", "Release…")

	// Listed.
	if out := s.slash(s.Omar, "breakglass", s.Security.ID); !containsAll(out.Reply.Text+string(out.Reply.Blocks), []string{s.Mei.ID, machineID(2), because}) {
		t.Errorf("the list says %s", out.Reply.Blocks)
	}
	marked := 0
	for _, r := range s.auditClean() {
		if r.Act == "act alone" && r.Actor == s.Mei.ID && r.Decision == "allowed" && r.Detail["reason"] == because && r.Detail["second_person"] == "none" {
			marked++
		}
	}
	if marked != 1 {
		t.Errorf("%d records in the audit log", marked)
	}

	// And not again today.
	other := s.asks(s.Mei, 3)
	s.settled()
	s.Forward(5*time.Minute + time.Second)
	s.click(s.Mei, other, nobody)
	s.told(s.Mei, "as often as one person may")
	s.settled()
	if n := len(s.Pager.Snapshot().Open()); n != 1 {
		t.Errorf("%d pages", n) // still open: a person has to look
	}
}

// TestNobodyActsAloneAboutThemselves, nor where it is not allowed.
func TestNobodyActsAloneAboutThemselves(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: glassAccess})
	card := s.asks(s.Mei, 2)
	s.settled()
	id, _, _ := strings.Cut(valueOf(card, "Approve"), ".")
	s.edit("r:"+id, func(doc map[string]any) { doc["su"] = map[string]any{"m": s.Mei.Email} })
	s.Forward(5*time.Minute + time.Second)
	for name, try := range map[string]func() string{
		"button": func() string {
			r, err := s.button(s.Mei, "operation.alone", valueOf(card, "Approve"))
			return got(r) + errText(err)
		},
		"dialog": func() string {
			r, err := s.form(s.Mei, "operation.alone", valueOf(card, "Approve"), map[string]string{"reason": because})
			return got(r) + errText(err)
		},
	} {
		if is := try(); !strings.Contains(is, saySubject) {
			t.Errorf("%s: %q", name, is)
		}
	}
	if writes := s.writes(); len(writes) > 0 || len(s.Pager.Snapshot().Incidents) > 0 {
		t.Errorf("something happened: %v", writes)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestActingAloneIsOffUnlessAllowed: there is no button, and the dialog refuses.
func TestActingAloneIsOffUnlessAllowed(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	card := s.asks(s.Mei, 2)
	if valueOf(card, nobody) != "" {
		t.Error("there is a button")
	}
	s.settled()
	s.Forward(5*time.Minute + time.Second)
	r, err := s.form(s.Mei, "operation.alone", valueOf(card, "Approve"), map[string]string{"reason": because})
	if err != nil || !strings.Contains(got(r), "not allowed here") || len(s.writes()) > 0 {
		t.Errorf("%v %q, %v", err, got(r), s.writes())
	}
}

// TestThePageAboutActingAloneFindsAWay when PagerDuty is down: it is tried on, and
// the other way is used as well.
func TestThePageAboutActingAloneFindsAWay(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: strings.Replace(glassAccess, "after: 5m", "after: 0s", 1)})
	s.Pager.Down(pagerdutyfake.Status(503).On(rig.RoutingKey))
	card := s.asks(s.Mei, 2)
	s.click(s.Mei, card, nobody)
	s.fillIn(s.Mei, map[string]string{"reason": because})
	s.message(s.Security.ID, "Somebody acted without a second person")
	s.incidents("no attempt is made", func(p pagerdutyfake.Snapshot) bool { return len(p.Calls) >= 1 })
	s.Forward(6 * time.Minute)
	s.incidents("no fallback after five minutes", open(1))
	s.message(s.Security.ID, "PagerDuty did not take this one", because)
	s.Pager.Up()
	s.Forward(6 * time.Minute)
	s.incidents("the primary is not tried on", open(2))
}
