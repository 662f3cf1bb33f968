package bot_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders"
)

// operationAccess lists people who must be kept away for other reasons than
// their role: guests, apps and strangers stay out even when they are named.
const operationAccess = `{responders: {users: [U0OMAR, U0SAM2, U0LENA]}, approvers: {users: [U0MEI, U0RITA, U0SAM, U0LIAM, U0LOCAL, U0GUS, U0ROBOT, U0FAR, U0GONE, U0NOBODY]}, admins: {users: [U0ADA]},
  limits: [{people: {users: [U0LENA, U0LIAM]}, accounts: ["444455556666"]}, {people: {users: [U0LOCAL]}, accounts: ["111122223333"]}, {people: {users: [U0LOCAL]}, accounts: ["444455556666"]}]}`

// The sentences of refusals.
const (
	sayMember    = "Only employees can do this"
	sayWorkspace = "Only people of this company's workspace"
	sayUnknown   = "could not check who you are"
	sayResponder = "Only the security responders"
	sayApprover  = "Only an approver can do this"
	saySubject   = "This is about you, so somebody else has to do it"
	sayAsker     = "You asked for this yourself"
	sayAccount   = "not one of those you look after"
)

// What people get when they may: a dialog, an operation that starts, an
// operation that is decided.
const (
	getsDialog  = "a dialog"
	getsStarted = "it starts"
	getsDecided = "it is decided"
	getsAnswer  = "an answer"
)

// persona is a kind of person: what they are told about each entry. Where
// nothing is said they may.
type persona struct {
	user  slackfake.User
	never string            // the refusal for everything
	told  map[string]string // by entry
}

// everybody are the personas. Rita has asked for what is to be decided; Sam is
// who it is about, and Sam2 is his second account.
func everybody(s *scene) map[string]persona {
	add := func(u slackfake.User) slackfake.User {
		u.Name = strings.ToLower(strings.TrimPrefix(u.ID, "U0"))
		if u.Email == "" {
			u.Email = u.Name + "@corp.example"
		}
		return s.Slack.AddUser(u)
	}
	about := map[string]string{"act button": saySubject, "act dialog": saySubject, "release button": saySubject, "release dialog": saySubject, "approve": saySubject}
	for _, a := range responders.Catalogue() {
		about["/ir "+string(a.ID)] = saySubject
	}
	also := map[string]string{"approve": sayApprover}
	for k, v := range about {
		if k != "approve" {
			also[k] = v
		}
	}
	account := map[string]string{"refuse": sayAccount, "/ir operations": getsAnswer}
	for k := range about {
		account[k] = sayAccount
	}
	lena := maps.Clone(account)
	lena["approve"] = sayApprover
	for _, u := range []slackfake.User{{ID: "U0RITA"}, {ID: "U0SAM", Email: "sam@corp.example"}} {
		add(u)
	}
	return map[string]persona{
		"stranger":                         {user: add(slackfake.User{ID: "U0FAR", Stranger: true, TeamID: "T0OTHER"}), never: sayWorkspace},
		"an approver's id of another team": {user: slackfake.User{ID: s.Mei.ID, TeamID: "T0OTHER"}, never: sayWorkspace},
		"guest":                            {user: s.Gus, never: sayMember},
		"app":                              {user: add(slackfake.User{ID: "U0ROBOT", Bot: true}), never: sayMember},
		"deactivated":                      {user: add(slackfake.User{ID: "U0GONE", Deleted: true}), never: sayMember},
		"nobody Slack knows":               {user: slackfake.User{ID: "U0NOBODY"}, never: sayUnknown},
		"employee":                         {user: s.Priya, never: sayResponder, told: map[string]string{"approve": sayApprover}},
		"the subject, an approver":         {user: slackfake.User{ID: "U0SAM"}, told: about},
		"the subject's second account":     {user: add(slackfake.User{ID: "U0SAM2", Email: "SAM@corp.example"}), told: also},
		"who asked":                        {user: slackfake.User{ID: "U0RITA"}, told: map[string]string{"approve": sayAsker}},
		"responder":                        {user: s.Omar, told: map[string]string{"approve": sayApprover}},
		"responder of another account":     {user: add(slackfake.User{ID: "U0LENA"}), told: lena},
		"approver of another account":      {user: add(slackfake.User{ID: "U0LIAM"}), told: account},
		"approver of this account too":     {user: add(slackfake.User{ID: "U0LOCAL"})},
		"approver":                         {user: s.Mei},
		"admin":                            {user: add(slackfake.User{ID: "U0ADA"})},
	}
}

// operationDoor is a way to an operation; try is given a machine of its own.
type operationDoor struct {
	name string
	may  string // what those get who may
	try  func(s *scene, u slackfake.User, machine int) (chat.Reply, error)
}

func operationDoors() []operationDoor {
	doors := []operationDoor{
		{"approve", getsDecided, onWaiting("operation.approve")},
		{"refuse", getsDecided, onWaiting("operation.refuse")},
		{"release button", getsDialog, func(s *scene, u slackfake.User, n int) (chat.Reply, error) {
			return s.button(u, "operation.release", s.finished(n))
		}},
		{"release dialog", getsStarted, func(s *scene, u slackfake.User, n int) (chat.Reply, error) {
			return s.form(u, "operation.release", s.finished(n), map[string]string{"reason": "it is clean"})
		}},
		{"act button", getsDialog, func(s *scene, u slackfake.User, n int) (chat.Reply, error) {
			return s.button(u, "case.act", caseAbout(n))
		}},
		{"act dialog", getsStarted, func(s *scene, u slackfake.User, n int) (chat.Reply, error) {
			return s.form(u, "case.act", caseAbout(n), map[string]string{"action": "snapshot"})
		}},
		{"/ir operations", getsAnswer, func(s *scene, u slackfake.User, _ int) (chat.Reply, error) { return s.types(u, "operations") }},
	}
	for _, a := range responders.Catalogue() {
		text := string(a.ID) + " %s"
		if a.Approval {
			text += " reason=it mines"
		}
		doors = append(doors, operationDoor{"/ir " + string(a.ID), getsStarted, func(s *scene, u slackfake.User, n int) (chat.Reply, error) {
			return s.types(u, fmt.Sprintf(text, machineID(n)))
		}})
	}
	return doors
}

func machineID(n int) string { return fmt.Sprintf("i-0%016x", n) }

// suspect is a finding about machine n that is a ticket and takes no evidence.
func suspect(n int) rig.Event {
	e := rig.Probe(n)
	e.Port = 3389
	return e
}

// caseAbout is the id of the case of suspect(n).
func caseAbout(n int) string {
	return cases.IDOf(findings.Parse([]byte(suspect(n).SNS()))[0].Finding.Key())
}

func (s *scene) button(u slackfake.User, action, value string) (chat.Reply, error) {
	return s.Bots[0].Action(s.ctx, chat.Action{EnvelopeID: action + value + u.ID, Action: action, Value: value, User: u.ID, Team: s.team(u), Channel: s.Security.ID})
}

func (s *scene) form(u slackfake.User, callback, private string, values map[string]string) (chat.Reply, error) {
	return s.Bots[0].Submit(s.ctx, chat.Submission{EnvelopeID: callback + private + u.ID, Callback: callback, Private: private, User: u.ID, Team: s.team(u), Values: values})
}

func (s *scene) types(u slackfake.User, text string) (chat.Reply, error) {
	return s.Bots[0].Command(s.ctx, chat.Command{EnvelopeID: text + u.ID, Name: "/ir", Text: text, User: u.ID, Team: s.team(u), Channel: s.Security.ID})
}

// waiting is an isolation of machine n that Rita has asked for.
func (s *scene) waiting(n int) *responders.Operation {
	s.t.Helper()
	if _, err := s.types(slackfake.User{ID: "U0RITA"}, "isolate "+machineID(n)+" reason=it mines"); err != nil {
		s.t.Fatal(err)
	}
	for s.ctx.Err() == nil {
		for _, o := range s.operations() {
			if o.Job.Target.Instance == machineID(n) && o.State == responders.Waiting {
				return o
			}
		}
		wait(s.ctx, 5*time.Millisecond)
	}
	s.t.Fatal("no operation waits")
	return nil
}

// finished is the id of an isolation of machine n that is done.
func (s *scene) finished(n int) string {
	o := s.waiting(n)
	s.edit("r:"+o.ID, func(doc map[string]any) { doc["st"] = "done" })
	return o.ID
}

func onWaiting(action string) func(*scene, slackfake.User, int) (chat.Reply, error) {
	return func(s *scene, u slackfake.User, n int) (chat.Reply, error) {
		o := s.waiting(n)
		reply, err := s.button(u, action, o.ID+"."+o.Job.Digest())
		if o = s.operation(machineID(n)); (o.State == responders.Waiting) == (reply.Message == nil) {
			s.t.Errorf("%s: told %q, and the request is %s", action, words(reply.Message), o.State)
		}
		return reply, err
	}
}

// operation is the isolation of a machine that Rita asked for.
func (s *scene) operation(instance string) *responders.Operation {
	for _, o := range s.operations() {
		if o.Job.Target.Instance == instance && o.Job.By == "U0RITA" {
			return o
		}
	}
	s.t.Fatal("the operation is gone")
	return nil
}

// operations lists all there are.
func (s *scene) operations() []*responders.Operation {
	docs, err := s.Store.Find(s.ctx, "r:", 0)
	for err != nil { // a machine that is busy may take longer than the store is waited for
		if s.ctx.Err() != nil {
			s.t.Fatal(err)
		}
		docs, err = s.Store.Find(s.ctx, "r:", 0)
	}
	var out []*responders.Operation
	for _, d := range docs {
		if o, err := responders.DecodeOperation(strings.TrimPrefix(d.ID, "r:"), d.Body); err == nil && o != nil {
			out = append(out, o)
		}
	}
	return out
}

// edit changes a stored document that is open, however busy it is.
func (s *scene) edit(id string, change func(map[string]any)) {
	s.t.Helper()
	for n := 0; s.ctx.Err() == nil; n++ {
		docs, err := s.Store.Load(s.ctx, id)
		var doc map[string]any
		if err != nil || json.Unmarshal(docs[0].Body, &doc) != nil {
			s.t.Fatalf("%s: %v %s", id, err, docs[0].Body)
		}
		change(doc)
		body, err := json.Marshal(doc)
		if err != nil {
			s.t.Fatal(err)
		}
		err = s.Store.Commit(s.ctx, store.Commit{Op: fmt.Sprintf("e%03d%s", n, id[len(id)-7:]), Writes: []store.Write{{ID: id, IfVersion: docs[0].Version, Body: body, Open: true, Timer: s.Clock.Now().Add(time.Hour)}}})[0]
		if err == nil {
			return
		}
		if !errors.Is(err, store.ErrConflict) {
			s.t.Fatal(err)
		}
	}
}

// got says what somebody got from an entry.
func got(r chat.Reply) string {
	text := words(r.Message)
	switch {
	case r.Modal != nil:
		return getsDialog
	case r.Errors != nil:
		return fmt.Sprint(r.Errors)
	case r.Message == nil:
		return getsDecided
	case strings.Contains(text, " first and show in "):
		return getsStarted
	case strings.Contains(text, "Under way on instances"), strings.Contains(text, "Nothing is under way"):
		return getsAnswer
	}
	return text
}

// TestEveryWayToAnOperationForEveryKindOfPerson: each person tries each way, on
// a machine of its own that a case about Sam names.
func TestEveryWayToAnOperationForEveryKindOfPerson(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Access: operationAccess})
	doors, people := operationDoors(), everybody(s)
	for n := range len(doors) * len(people) {
		s.Machine(n)
		s.Send(suspect(n).SNS())
	}
	for s.ctx.Err() == nil && s.SQS.Depth(rig.Queue)+s.SQS.InFlight(rig.Queue) > 0 {
		wait(s.ctx, 5*time.Millisecond)
	}
	for i, name := range slices.Sorted(maps.Keys(people)) {
		for j, d := range doors {
			s.tryDoor(name, people[name], d, i*len(doors)+j)
		}
	}
	for _, c := range s.AWS.Writes() {
		for name, p := range people {
			if p.never != "" && c.Identity == p.user.Email && c.Identity != "" {
				t.Errorf("%s changed AWS: %s", name, c.Op)
			}
		}
	}
}

func (s *scene) tryDoor(name string, p persona, d operationDoor, machine int) {
	s.t.Helper()
	s.edit("c:"+caseAbout(machine), func(doc map[string]any) {
		doc["em"] = map[string]any{"known": true, "email": "sam@corp.example", "chat_id": "U0SAM"}
	})
	want := cmp.Or(p.told[d.name], p.never, d.may)
	reply, err := d.try(s, p.user, machine)
	if is := got(reply); err != nil || !strings.Contains(is, want) {
		s.t.Errorf("%s, %s: %q (%v), want %q", name, d.name, is, err, want)
	}
	started := slices.ContainsFunc(s.operations(), func(o *responders.Operation) bool {
		return o.Job.Target.Instance == machineID(machine) && o.Job.By == p.user.ID
	})
	if p.user.ID != "U0RITA" && started != (want == getsStarted) {
		s.t.Errorf("%s, %s: an operation is there: %v", name, d.name, started)
	}
}
