package bot_test

import (
	"strings"
	"testing"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// closes sends the dialog that closes a case, filled in.
func (s *scene) closes(u slackfake.User, caseID, envelope string) chat.Reply {
	s.t.Helper()
	reply, err := s.Bots[0].Submit(s.ctx, chat.Submission{EnvelopeID: envelope, Callback: "case.close", Private: caseID, User: u.ID, Team: s.team(u),
		Values: map[string]string{"outcome": "benign", "reason": "It was me, nothing to see."}})
	if err != nil {
		s.t.Fatal(err)
	}
	return reply
}

func (s *scene) caseNow(id string) cases.Case {
	s.t.Helper()
	docs, err := s.Store.Load(s.ctx, cases.DocID(id))
	if err != nil {
		s.t.Fatal(err)
	}
	c, err := cases.Decode(id, docs[0].Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// TestWhoCannotCloseACase: the whole dialog, filled in properly, sent past what
// the client shows. The case stays open, and so does the page; what was tried
// is in the audit log. Who may closes it once.
func TestWhoCannotCloseACase(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: `{responders: {users: [U0OMAR, U0SAM, U0SAM2, U0LENA, U0GUS, U0FAR]}, limits: [{people: {users: [U0LENA]}, accounts: ["444455556666"]}]}`})
	body := rig.Miner(2).SNS()
	id := cases.IDOf(findings.Parse([]byte(body))[0].Finding.Key())
	s.Send(body)
	s.message(s.Security.ID, "digital money")
	s.incidents("it is not paged", open(1))
	s.edit("c:"+id, func(doc map[string]any) {
		doc["em"] = map[string]any{"known": true, "email": "sam@corp.example", "chat_id": "U0SAM"}
	})
	for _, p := range []struct {
		user slackfake.User
		told string
	}{
		{s.Slack.AddUser(slackfake.User{ID: "U0SAM", Name: "sam", Email: "sam@corp.example"}), saySubject},
		{s.Slack.AddUser(slackfake.User{ID: "U0SAM2", Name: "sam2", Email: "Sam@Corp.example"}), saySubject},
		{s.Slack.AddUser(slackfake.User{ID: "U0LENA", Name: "lena", Email: "lena@corp.example"}), sayAccount},
		{s.Priya, sayResponder},
		{s.Gus, sayMember},
		{s.Slack.AddUser(slackfake.User{ID: "U0FAR", Name: "far", Stranger: true, TeamID: "T0OTHER"}), sayWorkspace},
		{slackfake.User{ID: s.Omar.ID, TeamID: "T0OTHER"}, sayWorkspace},
	} {
		if got := words(s.closes(p.user, id, "by"+p.user.ID+p.user.TeamID).Message); !strings.Contains(got, p.told) {
			t.Errorf("%s is told %q, want %q", p.user.ID, got, p.told)
		}
		if reply, err := s.button(p.user, "case.close", id); err != nil || reply.Modal != nil || !strings.Contains(words(reply.Message), p.told) {
			t.Errorf("%s gets a dialog: %v %q", p.user.ID, err, words(reply.Message))
		}
		if c := s.caseNow(id); !c.IsOpen() || len(s.Pager.Snapshot().Open()) != 1 {
			t.Fatalf("%s closed it: %s", p.user.ID, c.Status)
		}
	}
	s.settled()

	if got := s.closes(s.Omar, id, "omar"); got.Message != nil {
		t.Fatalf("Omar is told %q", words(got.Message))
	}
	s.incidents("the page is not resolved", open(0))
	for _, again := range []string{"omar again", "omar"} {
		if got := words(s.closes(s.Omar, id, again).Message); again == "omar again" && !strings.Contains(got, "already closed") {
			t.Errorf("the second time Omar is told %q", got)
		}
	}
	if reply, err := s.button(s.Omar, "case.close", id); err != nil || reply.Modal != nil || !strings.Contains(words(reply.Message), "already closed") {
		t.Errorf("the button of a closed case: %v %q", err, words(reply.Message))
	}
	s.settled()
	s.closedOnce(id)
}

// closedOnce checks the audit log: one closing, and the refusals of those with a
// right that is nearly enough.
func (s *scene) closedOnce(id string) {
	s.t.Helper()
	s.eventually("the refusals are in the audit log", func() bool {
		report, records, err := bot.VerifyAuditLog(s.ctx, s.Store, s.Clock.Now())
		if err != nil || len(report.Problems) > 0 {
			s.t.Fatal(err, report.Problems)
		}
		closed, refused := 0, map[string]bool{}
		for _, r := range records {
			if r.Act != "close a case" {
				continue
			}
			if r.Decision == "allowed" {
				closed++
			} else {
				refused[r.Actor+" "+r.Result] = true
			}
		}
		if closed != 1 {
			s.t.Fatalf("%d closings are recorded", closed)
		}
		return refused["U0SAM subject"] && refused["U0SAM2 subject"] && refused["U0LENA account"] && refused["U0GUS role"]
	})
}

// TestAVerdictNeedsAnOutcomeAndAReason: both are asked for again.
func TestAVerdictNeedsAnOutcomeAndAReason(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	body := rig.Miner(2).SNS()
	id := cases.IDOf(findings.Parse([]byte(body))[0].Finding.Key())
	s.Send(body)
	s.message(s.Security.ID, "digital money")
	for field, values := range map[string]map[string]string{
		"reason":  {"outcome": "benign", "reason": " \n\t "},
		"outcome": {"outcome": "open", "reason": "A sentence."},
	} {
		reply, err := s.form(s.Omar, "case.close", id, values)
		if err != nil || reply.Errors[field] == "" || reply.Message != nil {
			t.Errorf("%s: %v %v %q", field, err, reply.Errors, words(reply.Message))
		}
	}
	if c := s.caseNow(id); !c.IsOpen() {
		t.Errorf("it is %s", c.Status)
	}
}

// TestACaseNobodyKnowsIsNotClosed: whatever the dialog carries.
func TestACaseNobodyKnowsIsNotClosed(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	for _, id := range []string{"", "AAAAAAAAAAAAAAAAAAAAAAAAAA", "c:x", "../../x", "*", strings.Repeat("A", 3000), "\x00"} {
		if got := words(s.closes(s.Omar, id, "e"+id[:min(len(id), 9)]).Message); !strings.Contains(got, "do not know this case") {
			t.Errorf("%.20q: Omar is told %q", id, got)
		}
	}
	if docs, err := s.Store.Find(s.ctx, "c:", 0); err != nil || len(docs) != 0 {
		t.Errorf("%v: %d cases came to be", err, len(docs))
	}
}
