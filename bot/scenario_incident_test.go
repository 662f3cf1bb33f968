package bot_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot"
	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
)

// ir types a command until the client shows no error.
func (s *scene) ir(user slackfake.User, channel, text string) {
	s.t.Helper()
	for s.Slack.Snapshot(1).Connections == 0 && s.ctx.Err() == nil {
		wait(s.ctx, 5*time.Millisecond)
	}
	for s.ctx.Err() == nil {
		g, err := s.Slack.As(user.ID).Slash("/ir", text, channel)
		if err != nil {
			s.t.Fatal(err)
		}
		out, err := g.Wait(s.ctx)
		if err != nil {
			s.t.Fatal(err)
		}
		if out.OK() {
			return
		}
		s.t.Logf("/ir %s: %s", text, out.Trouble)
	}
	s.t.Fatalf("/ir %s is never acknowledged", text)
}

// fillIn waits for a dialog and submits it.
func (s *scene) fillIn(user slackfake.User, values map[string]string) {
	s.t.Helper()
	s.asked(user, values)
	g, err := s.Slack.As(user.ID).Submit("", values)
	if err != nil {
		s.t.Fatal(err)
	}
	if out, err := g.Wait(s.ctx); err != nil || !out.OK() || len(out.Errors) > 0 {
		s.t.Fatalf("the dialog is not taken: %v %s %v", err, out.Trouble, out.Errors)
	}
}

// room waits for the channel of an incident, with Omar in it, by what its name
// says.
func (s *scene) room(says string) slackfake.Channel {
	s.t.Helper()
	return s.roomWhen(says, func(c slackfake.Channel) bool { return slices.Contains(c.Members, s.Omar.ID) })
}

// roomWhen is room with another condition. What an incident needs is made at the
// same time and in no order, so the topic is always waited for.
func (s *scene) roomWhen(says string, cond func(slackfake.Channel) bool) slackfake.Channel {
	s.t.Helper()
	id := ""
	s.until("no channel named after "+says, func(st slackfake.State) bool {
		for _, c := range st.Channels() {
			if strings.Contains(c.Name, says) && strings.HasPrefix(c.Name, "inc-") && c.Topic != "" && cond(c) {
				id = c.ID
				return true
			}
		}
		return false
	})
	c, _ := s.Slack.Channel(id)
	return c
}

// summary waits until the pinned summary of a channel says all of it.
func (s *scene) summary(room string, says ...string) slackfake.Message {
	s.t.Helper()
	return s.message(room, append([]string{"Kept up to date"}, says...)...)
}

// auditClean checks the whole audit log.
func (s *scene) auditClean() []audit.Record {
	s.t.Helper()
	report, records, err := bot.VerifyAuditLog(s.ctx, s.Store, s.Clock.Now())
	if err != nil || len(report.Problems) > 0 {
		s.t.Errorf("the audit log: %v, %v", err, report.Problems)
	}
	return records
}

// withHive adds TheHive to a world.
func withHive(t *testing.T) (*thehivefake.Server, string) {
	t.Helper()
	const key = "thehive-example-key"
	h := thehivefake.New(thehivefake.WithKey(key, "securitybot@corp.example", "security"))
	t.Cleanup(h.Close)
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte(key), 0o600); err != nil {
		t.Fatal(err)
	}
	return h, "thehive: {url: " + h.URL + ", api_key: \"${file:" + file + "}\", organisation: security}\n"
}

func TestAnIncidentFromOpenToClose(t *testing.T) {
	t.Parallel()
	hive, extra := withHive(t)
	s := begin(t, rig.Options{Extra: extra})

	// Omar is in the security channel and opens one; Ana is needed.
	s.ir(s.Omar, s.Security.ID, "open high Laptop of the CFO is stolen <@"+s.Ana.ID+"|ana>")
	s.told(s.Omar, "is open, and the people on call are being paged")

	room := s.roomWhen("laptop-of-the-cfo-is-stolen", func(c slackfake.Channel) bool {
		return len(c.Members) == 3 && len(c.Pins) == 1 && c.Topic != "" && c.Purpose != ""
	})
	if room.Kind != slackfake.Private {
		t.Errorf("the channel is %s", room.Kind)
	}
	if !strings.Contains(room.Topic, "High · Laptop of the CFO is stolen") || !strings.Contains(room.Purpose, "/ir help") {
		t.Errorf("topic %q, purpose %q", room.Topic, room.Purpose)
	}
	for _, u := range []string{s.Omar.ID, s.Ana.ID, s.Slack.BotUser} {
		if !slices.Contains(room.Members, u) {
			t.Errorf("%s is not a member of %v", u, room.Members)
		}
	}
	page := s.incidents("nobody is paged", open(1))
	if i := page.Incidents[0]; i.Severity != "critical" || !strings.Contains(i.Summary, "Laptop of the CFO is stolen") {
		t.Errorf("the page says %q, %s", i.Summary, i.Severity)
	}
	s.until("no document", func(st slackfake.State) bool { _, ok := st.Canvas(room.ID); return ok })
	first := s.summary(room.ID, "Nobody leads yet", "paged", "in the canvas of this channel", "TheHive")
	if room.Pins[0] != first.TS {
		t.Error("something else than the summary is pinned")
	}

	// They work in it.
	s.click(s.Omar, first, "I take the lead")
	s.summary(room.ID, "led by")
	s.ir(s.Omar, room.ID, "severity critical")
	s.summary(room.ID, "Critical")
	s.ir(s.Omar, room.ID, "note decision: wipe it by remote *now*")
	s.message(room.ID, "decided:", "wipe it by remote")
	s.click(s.Omar, first, "Add a note…")
	s.fillIn(s.Omar, map[string]string{"kind": "task", "text": "Tell the insurer"})
	s.message(room.ID, "to do:", "Tell the insurer")
	s.ir(s.Omar, room.ID, "invite "+s.Mei.Email)
	s.roomWhen("laptop", func(c slackfake.Channel) bool { return slices.Contains(c.Members, s.Mei.ID) })
	s.ir(s.Omar, room.ID, "page the disk was not encrypted")
	s.incidents("a second page", open(2))
	s.ir(s.Omar, s.Security.ID, "list")
	s.told(s.Omar, "Open incidents")

	// It is over.
	s.ir(s.Omar, room.ID, "close")
	s.fillIn(s.Omar, map[string]string{"reason": "Found in a taxi; nobody had logged in."})
	done := s.roomWhen("laptop", func(c slackfake.Channel) bool { return c.Archived })
	s.incidents("the pages are not resolved", open(0))
	s.settled()

	files := s.Slack.Files(done.ID)
	if len(files) != 2 || !strings.HasSuffix(files[0].Name, "-timeline.md") || !strings.HasSuffix(files[1].Name, "-timeline.json") {
		t.Fatalf("files %+v", files)
	}
	for _, want := range []string{"Laptop of the CFO is stolen", "Omar Haddad", "wipe it by remote", "Tell the insurer", "the people on call were paged", "Found in a taxi"} {
		if !strings.Contains(string(files[0].Content), want) {
			t.Errorf("the timeline does not say %q:\n%s", want, files[0].Content)
		}
	}
	var out struct{ Status, Reason string }
	if err := json.Unmarshal(files[1].Content, &out); err != nil || out.Status != "closed" || out.Reason != "Found in a taxi; nobody had logged in." {
		t.Errorf("JSON: %+v %v", out, err)
	}
	last := s.summary(done.ID, "Closed by")
	if len(last.Buttons()) != 0 {
		t.Error("the summary of a closed incident still has buttons")
	}
	s.recordedOnce(hive)
	s.incidentAudit("open an incident", "name an incident's lead", "change an incident's severity", "write into an incident's record", "invite into an incident", "page for an incident", "close an incident")
	if s.Pager.Snapshot().Doubles() != nil {
		t.Error("a page came twice")
	}
}

// recordedOnce checks the incident's case in TheHive.
func (s *scene) recordedOnce(hive *thehivefake.Server) {
	s.t.Helper()
	var k thehivefake.Case
	err := hive.WaitFor(s.ctx, func(sn thehivefake.Snapshot) bool {
		if len(sn.Cases) == 1 {
			k = sn.Cases[0]
		}
		return k.Stage == "Closed"
	})
	if err != nil || len(k.Attachments) != 2 || len(k.Comments) != 1 || !strings.Contains(k.Title, "Laptop of the CFO") {
		s.t.Errorf("TheHive has %+v, %v", k, err)
	}
}

// incidentAudit checks that all acts are in the audit log, which is whole.
func (s *scene) incidentAudit(acts ...string) {
	s.t.Helper()
	var have []string
	for _, r := range s.auditClean() {
		have = append(have, r.Act)
	}
	for _, act := range acts {
		if !slices.Contains(have, act) {
			s.t.Errorf("%q is not in the audit log: %v", act, have)
		}
	}
}

func TestAnIncidentFromTheButtonOfACase(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Miner(1).SNS())
	m := s.message(s.Security.ID, "digital money")
	s.incidents("the case pages", open(1))
	s.settled() // a line goes into a thread only when the message above it is known
	s.click(s.Omar, m, "Open incident…")
	s.fillIn(s.Omar, map[string]string{"title": "Mining on the build machines", "people": s.Priya.ID + "," + s.Gus.ID})
	room := s.room("mining-on-the-build-machines")
	s.summary(room.ID, "SB-", "Not here", "a guest")
	s.message(s.Security.ID, "was opened about this")

	// The case has paged already: nobody is called twice for the same thing.
	s.settled()
	if n := len(s.Pager.Snapshot().Incidents); n != 1 {
		t.Errorf("%d pages", n)
	}
	// Whoever presses it again is shown the way.
	s.click(s.Omar, m, "Open incident…")
	s.told(s.Omar, "is being worked in")
	if c, _ := s.Slack.Channel(room.ID); slices.Contains(c.Members, s.Gus.ID) || !slices.Contains(c.Members, s.Priya.ID) {
		t.Errorf("members %v", c.Members)
	}
	// What is done to its instance is shown and recorded there.
	id := s.Machine(1)
	s.ir(s.Omar, room.ID, "snapshot "+id)
	s.message(room.ID, "Snapshot", id)
	s.message(room.ID, "asked for snapshot", "done", "snap-")
}

func TestADayWithoutAWordIsAskedAbout(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.ir(s.Omar, s.Security.ID, "open low Odd mail")
	room := s.roomWhen("odd-mail", func(c slackfake.Channel) bool { return len(c.Pins) == 1 })
	s.settled()
	s.Forward(25 * time.Hour)
	m := s.message(room.ID, "nothing has been recorded here for a day")
	s.click(s.Omar, m, "Close…")
	s.fillIn(s.Omar, map[string]string{"reason": "It was a newsletter."})
	s.roomWhen("odd-mail", func(c slackfake.Channel) bool { return c.Archived })
}

func TestCommandsFindTheirIncident(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.ir(s.Omar, s.Security.ID, "status")
	s.told(s.Omar, "No incident is open")
	s.ir(s.Omar, s.Security.ID, "open low Odd mail")
	room := s.room("odd-mail")
	s.ir(s.Omar, s.Security.ID, "note it is spam")
	s.told(s.Omar, "this channel is none")
	s.ir(s.Omar, s.Security.ID, "severity INC-AAAAAA high")
	s.told(s.Omar, "There is no incident")
	s.ir(s.Omar, s.Security.ID, "oncall")
	s.told(s.Omar, "Omar Haddad")
	s.ir(s.Omar, room.ID, "lead @priya")
	s.fillIn(s.Omar, map[string]string{"lead": s.Priya.ID})
	s.summary(room.ID, "led by", s.Priya.ID)
	s.ir(s.Omar, room.ID, "close SB-7F3K9QXA it was nothing")
	s.told(s.Omar, "This command ends incidents")
}
