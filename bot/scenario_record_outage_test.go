package bot_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/responders/thehive"
)

// lockedLog is a log that may be read while it is written.
type lockedLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedLog) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.b.String(), s)
}

func TestAHiveThatHangsKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := begin(t, rig.Options{Records: true, Policy: pageAlways(t), Extra: "archive: {dir: " + dir + "}\n"})
	s.Hive.Down(thehivefake.Hang())
	for n := range 10 {
		s.Send(rig.Miner(n + 1).SNS())
	}
	s.recorded("nothing hangs", func(h thehivefake.Snapshot) bool { return len(h.Calls) > 0 })
	began := time.Now()
	s.Send(rig.Miner(11).SNS(), rig.Miner(12).SNS())
	s.incidents("pages wait for TheHive", open(12))
	s.eventually("the archive, in the same lane, has all", func() bool { return archived(t, dir) == 12 })
	// Three at once, and one for each time-out of a quarter of a minute after that.
	took, calls := time.Since(began), len(s.Hive.Snapshot().Calls)
	t.Logf("%d calls hang after %s", calls, took)
	if calls > 4+int(took/(15*time.Second)) {
		t.Errorf("%d calls of TheHive took %s", calls, took)
	}
	s.Hive.Close() // ends what hangs
}

// pageAlways is a policy that pages about everything and takes no evidence.
func pageAlways(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("version: 1\nrules:\n  - id: default\n    then: page\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// archived counts the decisions in the archive.
func archived(t *testing.T, dir string) int {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		n += bytes.Count(body, []byte(`"kind":"decided"`))
	}
	return n
}

func TestARefusedAlertIsGivenUpWithOneLineInTheLog(t *testing.T) {
	t.Parallel()
	log := &lockedLog{}
	s := begin(t, rig.Options{Records: true, Log: log})
	s.Hive.Down(thehivefake.Status(400).Only("createAlert"))
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.recorded("nothing is tried", func(h thehivefake.Snapshot) bool { return len(h.Calls) > 0 })
	s.settled()
	calls := len(s.Hive.Snapshot().Calls)
	s.click(s.Ana, m, "No, this wasn't me")
	s.incidents("a no does not page", open(1))
	s.settled()
	if more := len(s.Hive.Snapshot().Calls) - calls; more != 0 {
		t.Errorf("it was tried on, %d calls", more)
	}
	if n := log.count("TheHive does not have a part of a record"); n != 1 {
		t.Errorf("%d lines in the log, want one", n)
	}
	lives, err := s.Bots[0].Lives(s.ctx, 1)
	if err != nil || len(lives) != 1 {
		t.Fatal(err)
	}
	said := false
	for _, e := range lives[0].Timeline {
		said = said || strings.Contains(e.What, "TheHive keeps no record of this")
	}
	if !said {
		t.Errorf("the timeline does not say so: %+v", lives[0].Timeline)
	}
	if log.count(rig.HiveKey) != 0 {
		t.Error("the key is in the log")
	}
}

func TestAnObservableTheHiveRefusesDoesNotCostTheAlert(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true})
	s.Hive.Fail(thehivefake.Status(400).Only("createAlert"), thehivefake.Status(400).Only("observable"))
	s.Send(rig.Ask(1).SNS())
	s.recorded("no alert", func(h thehivefake.Snapshot) bool {
		return len(h.Alerts) == 1 && len(h.Alerts[0].Observables) >= 1 && len(h.Alerts[0].Comments) == 1
	})
}

func TestATemplateThatIsGoneDoesNotCostTheCase(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true})
	s.Hive.Fail(thehivefake.Status(400).Only("promote"))
	s.Send(rig.Miner(1).SNS())
	if k := s.hiveCase("The team was paged"); k.Template != "" {
		t.Errorf("template %q", k.Template)
	}
	s.Send(rig.Miner(2).SNS())
	s.recorded("the template is not used", func(h thehivefake.Snapshot) bool { return len(h.Cases) == 2 && h.Cases[1].Template == rig.CaseTemplate })
}

func TestALateNoAfterAYesIsANewAlert(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true, Policy: policyFile(t, "inquire: {mfa: false, timeout: 4h, on_yes: record, on_timeout: page}")})
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	s.recorded("a yes does not end the alert", func(h thehivefake.Snapshot) bool {
		return len(h.Alerts) == 1 && h.Alerts[0].Status == "Ignored" && says(h.Alerts[0].Comments, "the person it concerns said") == 1
	})
	s.until("the outcome is not shown", func(st slackfake.State) bool {
		now, _ := st.Message(m.Ref())
		return !now.EditedAt.IsZero()
	})
	now, _ := s.Slack.Message(m.Ref())
	s.click(s.Ana, now, now.Buttons()[0].Label)
	s.incidents("a late no does not page", open(1))
	s.recorded("a late no is not a case of its own", func(h thehivefake.Snapshot) bool {
		return len(h.Alerts) == 2 && len(h.Cases) == 1 && says(h.Cases[0].Comments, "that it was not them") == 1 && h.Cases[0].Stage == "New"
	})
}

func TestAnAlertAPersonPromotedGetsTheRestAsACase(t *testing.T) {
	t.Parallel()
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("version: 1\nrules:\n  - id: default\n    then: ticket\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := begin(t, rig.Options{Records: true, Policy: policy})
	s.Send(rig.Miner(1).SNS())
	m := s.message(s.Security.ID, "digital money")
	s.recorded("no alert", func(h thehivefake.Snapshot) bool { return len(h.Alerts) == 1 && len(h.Alerts[0].Comments) == 1 })
	person, err := thehive.New(thehive.Config{URL: s.Hive.URL, APIKey: rig.HiveKey})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := person.Promote(s.ctx, thehive.Record{Kind: thehive.AlertRecord, ID: s.Hive.Snapshot().Alerts[0].ID}, ""); err != nil {
		t.Fatal(err)
	}
	s.verdict(m, "true_positive", "it mines")
	s.hiveCase("Closed by", "it mines")
	s.recorded("the case stays open", func(h thehivefake.Snapshot) bool { return h.Cases[0].Status == "TruePositive" })
}

func TestAfterTwoWeeksALineIsGivenUpAndTheNextIsTried(t *testing.T) {
	t.Parallel()
	log := &lockedLog{}
	s := begin(t, rig.Options{Records: true, Log: log, Policy: pageAlways(t)})
	s.Hive.Down(thehivefake.Status(503))
	s.Send(rig.Miner(1).SNS())
	m := s.message(s.Security.ID, "digital money")
	s.recorded("nothing is tried", func(h thehivefake.Snapshot) bool { return len(h.Calls) > 0 })
	s.Forward(14*24*time.Hour - time.Hour)
	calls := len(s.Hive.Snapshot().Calls)
	s.recorded("it is not tried to the end", func(h thehivefake.Snapshot) bool { return len(h.Calls) > calls })
	s.Forward(10 * time.Minute)
	s.recorded("it is not tried on", func(h thehivefake.Snapshot) bool { return len(h.Calls) > calls+1 })
	if n := log.count("TheHive does not have a part of a record"); n != 0 {
		t.Errorf("given up early: %d", n)
	}
	s.verdict(m, "benign", "found it myself")
	s.Forward(2 * time.Hour)
	for s.ctx.Err() == nil && log.count("TheHive does not have a part of a record") < 3 {
		s.Forward(10 * time.Minute)
		wait(s.ctx, 50*time.Millisecond)
	}
	s.Hive.Up()
	for s.ctx.Err() == nil && !s.rests() {
		s.Forward(5 * time.Minute)
	}
	s.recorded("what is younger is lost too", func(h thehivefake.Snapshot) bool {
		return len(h.Alerts) == 1 && (says(h.Alerts[0].Comments, "found it myself") == 1 || len(h.Cases) == 1 && says(h.Cases[0].Comments, "found it myself") == 1)
	})
}

func TestWithoutTheHiveNothingIsPlanned(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Miner(1).SNS())
	s.incidents("no page", open(1))
	s.settled()
	docs, err := s.Store.Find(s.ctx, "c:", 10)
	if err != nil || len(docs) != 1 {
		t.Fatalf("%d cases, %v", len(docs), err)
	}
	if strings.Contains(string(docs[0].Body), `"rc":`) {
		t.Errorf("the case has a record: %s", docs[0].Body)
	}
}
