package bot_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/inquiries"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/message"
	"github.com/securitybot/securitybot/internal/rig"
)

// entry is a way into the bot; it reports what the person got: "dialog",
// "refused", "answered" or "errors".
type entry struct {
	name string
	try  func(s *scene, u slackfake.User, caseID, inquiry string) (chat.Reply, error)
}

func press(action string, ofInquiry bool) func(*scene, slackfake.User, string, string) (chat.Reply, error) {
	return func(s *scene, u slackfake.User, caseID, inquiry string) (chat.Reply, error) {
		value := caseID
		if ofInquiry {
			value = inquiry
		}
		return s.Bots[0].Action(s.ctx, chat.Action{EnvelopeID: action + u.ID, Action: action, Value: value, User: u.ID, Team: s.team(u)})
	}
}

func (s *scene) team(u slackfake.User) string {
	if u.TeamID != "" {
		return u.TeamID
	}
	return s.Slack.TeamID
}

var entries = []entry{
	{"answer yes", press(inquiries.ActionYes, true)},
	{"answer no", press(inquiries.ActionNo, true)},
	{"question details", press(inquiries.ActionDetails, true)},
	{"case details", press("case.details", false)},
	{"close button", press("case.close", false)},
	{"unknown button", press("case.burn", false)},
	{"close dialog", func(s *scene, u slackfake.User, caseID, _ string) (chat.Reply, error) {
		return s.Bots[0].Submit(s.ctx, chat.Submission{EnvelopeID: "s" + u.ID, Callback: "case.close", Private: caseID, User: u.ID, Team: s.team(u), Values: map[string]string{"outcome": "nonsense", "reason": "x"}})
	}},
	{"unknown dialog", func(s *scene, u slackfake.User, caseID, _ string) (chat.Reply, error) {
		return s.Bots[0].Submit(s.ctx, chat.Submission{EnvelopeID: "t" + u.ID, Callback: "burn", Private: caseID, User: u.ID, Team: s.team(u)})
	}},
	{"/ir list", func(s *scene, u slackfake.User, _, _ string) (chat.Reply, error) {
		return s.Bots[0].Command(s.ctx, chat.Command{Name: "/ir", Text: "list", User: u.ID, Team: s.team(u)})
	}},
	{"open incident button", press("incident.open", false)},
	{"note button", pressIncident("incident.note")},
	{"lead button", pressIncident("incident.lead")},
	{"end button", pressIncident("incident.close")},
	{"open dialog", submit("incident.open", nil)},
	{"note dialog", submit("incident.note", nil)},
	{"lead dialog", submit("incident.lead", nil)},
	{"invite dialog", submit("incident.invite", nil)},
	{"end dialog", submit("incident.close", nil)},
	{"reopen dialog", submit("incident.reopen", nil)},
	{"/ir reopen", typed("reopen INC-AAAAAA more")},
	{"/ir open", typed("open")},
	{"/ir open title", typed("open low Something")},
	{"/ir status", typed("status INC-AAAAAA")},
	{"/ir severity", typed("severity INC-AAAAAA high")},
	{"/ir lead", typed("lead INC-AAAAAA me")},
	{"/ir invite", typed("invite INC-AAAAAA oncall")},
	{"/ir page", typed("page INC-AAAAAA help")},
	{"/ir note", typed("note INC-AAAAAA text")},
	{"/ir close", typed("close INC-AAAAAA over")},
	{"/ir oncall", typed("oncall")},
	{"/ir ip", func(s *scene, u slackfake.User, _, _ string) (chat.Reply, error) {
		return s.Bots[0].Command(s.ctx, chat.Command{Name: "/ir", Text: "ip 169.254.1.1", User: u.ID, Team: s.team(u)})
	}},
	{"loud look-up", press("lookup.loud", false)},
	{"look-up of a case", press("lookup.case", false)},
	{"look-up dialog", func(s *scene, u slackfake.User, _, _ string) (chat.Reply, error) {
		return s.Bots[0].Submit(s.ctx, chat.Submission{EnvelopeID: "l" + u.ID, Callback: "lookup.ask", User: u.ID, Team: s.team(u), Values: map[string]string{"what": "nonsense"}})
	}},
	{"/ir help", func(s *scene, u slackfake.User, _, _ string) (chat.Reply, error) {
		return s.Bots[0].Command(s.ctx, chat.Command{Name: "/ir", Text: "help", User: u.ID, Team: s.team(u)})
	}},
}

// pressIncident presses a button of an incident that is not there.
func pressIncident(action string) func(*scene, slackfake.User, string, string) (chat.Reply, error) {
	return func(s *scene, u slackfake.User, _, _ string) (chat.Reply, error) {
		return s.Bots[0].Action(s.ctx, chat.Action{EnvelopeID: action + u.ID, Action: action, Value: "AAAAAAAAAAAAAAAA", User: u.ID, Team: s.team(u)})
	}
}

func submit(callback string, values map[string]string) func(*scene, slackfake.User, string, string) (chat.Reply, error) {
	return func(s *scene, u slackfake.User, _, _ string) (chat.Reply, error) {
		return s.Bots[0].Submit(s.ctx, chat.Submission{EnvelopeID: "d" + callback + u.ID, Callback: callback, Private: "AAAAAAAAAAAAAAAA", User: u.ID, Team: s.team(u), Values: values})
	}
}

func typed(text string) func(*scene, slackfake.User, string, string) (chat.Reply, error) {
	return func(s *scene, u slackfake.User, _, _ string) (chat.Reply, error) {
		return s.Bots[0].Command(s.ctx, chat.Command{EnvelopeID: text + u.ID, Name: "/ir", Text: text, User: u.ID, Team: s.team(u)})
	}
}

// allowed says what each kind of person gets from each entry; what is not
// listed is refused.
var allowed = map[string]map[string]string{
	"colleague": {"case details": "dialog", "/ir help": "answered"},
	"subject":   {"case details": "dialog", "/ir help": "answered", "question details": "dialog"},
	"responder": {"case details": "dialog", "/ir help": "answered", "close button": "dialog", "close dialog": "errors", "/ir list": "answered",
		"open incident button": "dialog", "note button": "answered", "lead button": "answered", "end button": "answered",
		"open dialog": "errors", "note dialog": "errors", "lead dialog": "errors", "invite dialog": "errors", "end dialog": "errors", "reopen dialog": "errors", "/ir reopen": "answered",
		"/ir open": "dialog", "/ir open title": "answered", "/ir status": "answered", "/ir severity": "answered", "/ir lead": "answered",
		"/ir invite": "answered", "/ir page": "answered", "/ir note": "answered", "/ir close": "answered", "/ir oncall": "answered",
		"/ir ip": "answered", "loud look-up": "answered", "look-up of a case": "silent", "look-up dialog": "errors"},
}

func TestEveryEntryForEveryKindOfPerson(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	people := map[string]slackfake.User{
		"colleague": s.Priya, "subject": s.Ana, "responder": s.Omar, "guest": s.Gus,
		"robot":       s.Slack.AddUser(slackfake.User{ID: "U0ROBOT", Name: "robot", Bot: true}),
		"stranger":    s.Slack.AddUser(slackfake.User{ID: "U0FAR", Name: "far", Stranger: true, TeamID: "T0OTHER"}),
		"deactivated": s.Slack.AddUser(slackfake.User{ID: "U0GONE", Name: "gone", Deleted: true}),
		"unknown":     {ID: "U0NOBODY"},
		"foreign":     {ID: s.Omar.ID, TeamID: "T0OTHER"}, // a responder's id with another company's team
	}
	s.Send(rig.Ask(1).SNS(), rig.Miner(2).SNS())
	inquiry := s.question(1).Buttons()[0].Value
	caseID := ""
	for _, b := range s.message(s.Security.ID, "digital money").Buttons() {
		caseID = b.Value
	}
	s.settled()
	for kind, u := range people {
		for _, e := range entries {
			if kind == "subject" && strings.HasPrefix(e.name, "answer") {
				continue // that is what the question is for
			}
			reply, err := e.try(s, u, caseID, inquiry)
			want := allowed[kind][e.name]
			if want == "" {
				want = "refused"
			}
			if got := outcome(reply); err != nil || got != want {
				t.Errorf("%s, %s: %s (%v), want %s: %s", kind, e.name, got, err, want, words(reply.Message))
			}
		}
	}
	s.settled()
	if p := s.Pager.Snapshot(); len(p.Incidents) != 1 || len(p.Open()) != 1 {
		t.Errorf("something changed: %d incidents, %d open", len(p.Incidents), len(p.Open()))
	}
	if n := len(s.question(1).Buttons()); n < 3 {
		t.Error("somebody else's answer changed the question")
	}
}

// refusals are how the bot says no; every other message is an answer.
var refusals = []string{"Only ", "for somebody else", "is for ", "another version", "could not check", "does nothing any more", "not something the bot lets"}

func outcome(r chat.Reply) string {
	switch {
	case r.Modal != nil:
		return "dialog"
	case r.Errors != nil:
		return "errors"
	case r.Message == nil:
		return "silent"
	}
	text := words(r.Message)
	for _, no := range refusals {
		if strings.Contains(text, no) && !strings.Contains(text, "Only you see") {
			return "refused"
		}
	}
	return "answered"
}

func words(m *message.Message) string {
	if m == nil {
		return ""
	}
	var b strings.Builder
	for _, p := range m.Parts {
		for _, s := range p.Text {
			fmt.Fprint(&b, s.S)
		}
	}
	return b.String()
}
