package bot_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// matrixActs are the columns of the matrix.
var matrixActs = []string{"answer a question", "read a question", "read a case", "use the command", "use the responders' commands", "run an incident", "end an incident",
	"look up an indicator", "close a case", "take evidence", "ask to contain", "decide a request", "withdraw a request", "administer the bot"}

// matrix says, for each kind of person, why they may not do each act about an
// instance of account 111122223333, with Sam concerned and Rita having asked. It
// is written down on its own: what the program says must be the same.
var matrix = map[string]string{
	//                                  answer read-q case cmd   respond incid  end     lookup close   collect contain decide  withdr admin
	"stranger":                         "team   team   team team  team    team   team    team   team    team    team    team    team   team",
	"an approver's id of another team": "team   team   team team  team    team   team    team   team    team    team    team    team   team",
	"guest":                            "-      -      role role  role    role   role    role   role    role    role    role    role   role",
	"app":                              "-      -      role role  role    role   role    role   role    role    role    role    role   role",
	"deactivated":                      "-      -      role role  role    role   role    role   role    role    role    role    role   role",
	"nobody Slack knows":               "-      -      lookup lookup lookup lookup lookup lookup lookup lookup lookup lookup lookup lookup",
	"employee":                         "-      -      -    -     role    role   role    role   role    role    role    role    role   role",
	"the subject, an approver":         "-      -      -    -     -       -      subject -      subject subject subject subject -      role",
	"the subject's second account":     "-      -      -    -     -       -      subject -      subject subject subject role    -      role",
	"who asked":                        "-      -      -    -     -       -      -       -      -       -       -       asker   -      role",
	"responder":                        "-      -      -    -     -       -      -       -      -       -       -       role    -      role",
	"responder of another account":     "-      -      account account account account account account account account account account account account",
	"approver of another account":      "-      -      account account account account account account account account account account account account",
	"approver of this account too":     "-      -      -    -     -       -      -       -      -       -       -       -       -      role",
	"approver":                         "-      -      -    -     -       -      -       -      -       -       -       -       -      role",
	"admin":                            "-      -      -    -     -       -      -       -      -       -       -       -       -      -",
}

// TestTheMatrixOfWhoMayDoWhat asks the one function that decides.
func TestTheMatrixOfWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{Access: operationAccess})
	people, b := everybody(s), s.Bots[0]
	if !slices.Equal(slices.Sorted(maps.Keys(people)), slices.Sorted(maps.Keys(matrix))) {
		t.Fatal("the matrix and the personas differ")
	}
	acts := slices.Clone(matrixActs)
	for _, a := range bot.Acts() {
		if !slices.Contains(acts, a) {
			t.Errorf("%q is in no column", a)
		}
	}
	for name, row := range matrix {
		want := strings.Fields(row)
		if len(want) != len(acts) {
			t.Fatalf("%s has %d columns", name, len(want))
		}
		u := people[name].user
		for i, a := range acts {
			if name == "nobody Slack knows" && i%5 > 1 {
				continue // Slack takes only so many questions a minute
			}
			if got := b.Weigh(s.ctx, u.ID, s.team(u), a, "111122223333", "U0SAM", "sam@corp.example", "U0RITA"); got != strings.Trim(want[i], "-") {
				t.Errorf("%s, %s: %q, want %q", name, a, got, want[i])
			}
		}
		if got := b.Weigh(s.ctx, u.ID, s.team(u), "burn the bot", "", "", "", ""); got != "act" {
			t.Errorf("%s may do what is not listed: %q", name, got)
		}
	}
}

// TestLimitsAreAboutAccounts: people with limits do what is about no account,
// and an envelope without a team is judged by who sent it.
func TestLimitsAreAboutAccounts(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{Access: operationAccess})
	people := everybody(s)
	for _, c := range []struct{ name, team, act, account, want string }{
		{"responder of another account", s.Slack.TeamID, "use the responders' commands", "", ""},
		{"responder of another account", s.Slack.TeamID, "take evidence", "444455556666", ""},
		{"responder of another account", s.Slack.TeamID, "take evidence", "111122223333", "account"},
		{"approver of another account", s.Slack.TeamID, "decide a request", "444455556666", ""},
		{"approver of this account too", s.Slack.TeamID, "decide a request", "777788889999", "account"},
		{"admin", s.Slack.TeamID, "decide a request", "777788889999", ""},
		{"approver", "", "decide a request", "111122223333", ""},
		{"stranger", "", "decide a request", "111122223333", "role"},
		{"stranger", "", "read a case", "111122223333", "role"},
		{"guest", "", "use the command", "", "role"},
	} {
		if got := s.Bots[0].Weigh(s.ctx, people[c.name].user.ID, c.team, c.act, c.account, "", "", ""); got != c.want {
			t.Errorf("%s, team %q, %s in %q: %q, want %q", c.name, c.team, c.act, c.account, got, c.want)
		}
	}
}

// TestPeopleAreComparedAsPersons: by id, by address, by addresses that belong
// together; who cannot be compared counts as the same, or is refused.
func TestPeopleAreComparedAsPersons(t *testing.T) {
	t.Parallel()
	s := online(t, rig.Options{Access: "{responders: {users: [U0OMAR, U0OMAR2, U0MEI, U0NOMAIL]}, approvers: {users: [U0OMAR2, U0MEI, U0NOMAIL]}}"})
	s.Slack.AddUser(slackfake.User{ID: "U0OMAR2", Name: "omar2", Email: "Omar.Admin@corp.example"})
	s.Slack.AddUser(slackfake.User{ID: "U0NOMAIL", Name: "nomail"})
	b, team := s.Bots[0], s.Slack.TeamID
	const closing, deciding = "close a case", "decide a request"
	for _, c := range []struct {
		name, user, act, subjectID, subjectEmail, asker, want string
	}{
		{"the subject by id", "U0MEI", closing, "U0MEI", "", "", "subject"},
		{"the subject by address", "U0MEI", closing, "", "mei@corp.example", "", "subject"},
		{"the subject by address in another case", "U0MEI", closing, "", "MEI@Corp.Example", "", "subject"},
		{"the subject's other address", "U0OMAR2", closing, "", "omar@corp.example", "", "subject"},
		{"the subject's other account", "U0OMAR2", closing, "U0OMAR", "", "", "subject"},
		{"the subject's other account, by both", "U0OMAR2", closing, "U0OMAR", "omar@corp.example", "", "subject"},
		{"the subject by id, without an address", "U0NOMAIL", closing, "U0NOMAIL", "", "", "subject"},
		{"the subject by address, with an id nobody can look up", "U0MEI", closing, "U0UNKNOWN", "mei@corp.example", "", "subject"},
		{"somebody else's address", "U0MEI", closing, "", "omar@corp.example", "", ""},
		{"nobody is concerned", "U0MEI", closing, "", "", "", ""},
		{"a subject nobody can look up", "U0MEI", closing, "U0UNKNOWN", "", "", "lookup"},
		{"somebody without an address", "U0NOMAIL", closing, "", "omar@corp.example", "", ""},
		{"the subject has no address", "U0MEI", closing, "U0NOMAIL", "", "", ""},
		{"who asked", "U0MEI", deciding, "", "", "U0MEI", "asker"},
		{"who asked, by another account", "U0OMAR2", deciding, "", "", "U0OMAR", "asker"},
		{"asked by somebody nobody can look up", "U0MEI", deciding, "", "", "U0UNKNOWN", "asker"},
		{"asked by policy", "U0MEI", deciding, "", "", "policy", "asker"},
		{"asked by somebody else", "U0MEI", deciding, "", "", "U0OMAR", ""},
		{"asked by nobody", "U0MEI", deciding, "", "", "", ""},
		{"without a user", "", closing, "", "", "", "act"},
	} {
		if got := b.Weigh(s.ctx, c.user, team, c.act, "", c.subjectID, c.subjectEmail, c.asker); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestWithoutTheDirectoryNobodyIsPrivileged: when Slack cannot say who somebody
// is or who belongs to a group, a "no" still gets through and nothing else.
func TestWithoutTheDirectoryNobodyIsPrivileged(t *testing.T) {
	t.Parallel()
	const people = "responders: {users: [U0MEI]}, approvers: {users: [U0MEI]}"
	for name, c := range map[string]struct{ method, access string }{
		"users":            {"users.info", "{" + people + "}"},
		"groups of roles":  {"usergroups.users.list", "{admins: {groups: [S0ONCALL]}, " + people + "}"},
		"groups of limits": {"usergroups.users.list", "{" + people + ", limits: [{people: {groups: [S0ONCALL]}, accounts: [\"444455556666\"]}]}"},
	} {
		method := c.method
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := online(t, rig.Options{Access: c.access})
			s.Slack.Next(method, -1, slackfake.NotOK("internal_error"))
			for a, want := range map[string]string{"answer a question": "", "read a question": "", "close a case": "lookup", "decide a request": "lookup"} {
				if got := s.Bots[0].Weigh(s.ctx, "U0MEI", s.Slack.TeamID, a, "111122223333", "", "", ""); got != want {
					t.Errorf("%s: %q, want %q", a, got, want)
				}
			}
		})
	}
}
