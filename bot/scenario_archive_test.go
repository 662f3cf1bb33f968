package bot_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/securitybot/securitybot/bot/archive"
	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings/policy"
	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/internal/store"
)

// beginArchived begins with an archive and its directory.
func beginArchived(t *testing.T, o rig.Options) (*scene, string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o.Extra += "archive: {dir: " + dir + "}\n"
	return begin(t, o), dir
}

// archive reads everything that was kept; nothing may be unreadable.
func (s *scene) archive(dir string) []archive.Line {
	s.t.Helper()
	files, err := archive.Files([]string{dir})
	if err != nil {
		s.t.Fatal(err)
	}
	var out []archive.Line
	tally, err := archive.Read(files, func(l *archive.Line) archive.Line { return *l }, func(l archive.Line) { out = append(out, l) })
	if err != nil || tally.Skipped() > 0 {
		s.t.Fatalf("%v, left out: %+v", err, tally.LeftOut)
	}
	return out
}

// story says in short what a case's lines tell, in order of time.
func story(lines []archive.Line, caseID string) []string {
	lines = slices.DeleteFunc(slices.Clone(lines), func(l archive.Line) bool { return l.CaseID != caseID })
	slices.SortStableFunc(lines, func(a, b archive.Line) int { return strings.Compare(order(a), order(b)) })
	var out []string
	for _, l := range lines {
		words := []string{string(l.Kind)}
		switch {
		case l.Decision != nil:
			words = append(words, l.Decision.Rule, string(l.Decision.Step))
		case l.Question != nil:
			words = append(words, l.Question.Result, string(l.Question.Step))
		case l.Page != nil:
			words = append(words, l.Page.Why)
		default:
			words = append(words, l.Outcome)
		}
		out = append(out, strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	}
	return out
}

// order is the time and, of one commit, the order in which lines were planned.
func order(l archive.Line) string {
	parts := strings.Split(l.ID, "/")
	n := "000"
	if last := parts[len(parts)-1]; last != cases.KindArchive {
		n = strings.Repeat("0", 3-len(last)) + last
	}
	return parts[1] + " " + n
}

// TestTheArchiveTellsWhatBecameOfAFinding: from the decision to the verdict, one
// line each. What was decided can be decided again from its line.
func TestTheArchiveTellsWhatBecameOfAFinding(t *testing.T) {
	t.Parallel()
	s, dir := beginArchived(t, rig.Options{})
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	value := m.Buttons()[0].Value
	s.click(s.Ana, m, "No, this wasn't me")
	s.incidents("a no does not page", open(1))
	s.settled()
	lives, err := s.Bots[0].Lives(s.ctx, 1)
	if err != nil || len(lives) != 1 {
		t.Fatalf("%+v %v", lives, err)
	}
	id := s.archive(dir)[0].CaseID
	if got := s.closes(s.Omar, id, "omar"); got.Message != nil {
		t.Fatalf("Omar is told %q", words(got.Message))
	}
	s.settled()

	lines := s.archive(dir)
	want := []string{"decided iam-ask inquire", "asked", "answered no page", "paged the employee says that it was not them", "closed benign"}
	got := story(lines, id)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s", diff)
	}
	s.decidesAgain(lines)
	for _, l := range lines {
		if l.Question != nil && (l.Question.ID == "" || l.Question.ID == value || l.Question.AskedAt.IsZero()) {
			t.Errorf("question %+v", l.Question)
		}
	}
	body, err := os.ReadFile(s.months(dir)[0])
	if err != nil || strings.Contains(string(body), value) || strings.Contains(string(body), rig.RoutingKey) {
		t.Errorf("the archive has the value of a button or a key in it (%v)", err)
	}
	if info, err := os.Stat(s.months(dir)[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

// decidesAgain asks the policy again about every decision.
func (s *scene) decidesAgain(lines []archive.Line) {
	s.t.Helper()
	p, err := policy.Default()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, l := range lines {
		if l.Kind != archive.Decided {
			continue
		}
		d := p.Decide(l.Input())
		if len(d.Needs) > 0 || d.Rule != l.Decision.Rule || d.Step != l.Decision.Step || d.Degraded != l.Decision.Degraded || d.Digest != l.Decision.Digest {
			s.t.Errorf("%s was decided %s by %s, and is now %s by %s (needs %v)", l.Finding.Type, l.Decision.Step, l.Decision.Rule, d.Step, d.Rule, d.Needs)
		}
	}
}

func (s *scene) months(dir string) []string {
	names, err := archive.Files([]string{dir})
	if err != nil {
		s.t.Fatal(err)
	}
	return names
}

// TestWhatLookUpsSaidIsInTheArchive: facts from AWS, and what no rule asked for
// but the configuration knows.
func TestWhatLookUpsSaidIsInTheArchive(t *testing.T) {
	t.Parallel()
	s, dir := beginArchived(t, rig.Options{})
	s.Send(rig.Probe(1).SNS())
	s.Send(rig.Miner(2).SNS())
	s.incidents("the miner does not page", open(1))
	s.eventually("both are decided", func() bool { return archived(t, dir) == 2 })
	s.settled()
	lines := s.archive(dir)
	s.decidesAgain(lines)
	for _, l := range lines {
		if l.Kind != archive.Decided {
			continue
		}
		if l.Facts.Owner == nil || l.Facts.Network == nil || l.Facts.Employee == nil {
			t.Errorf("%s: what the configuration knows is not kept: %+v", l.Finding.Type, l.Facts)
		}
		if l.Finding.Instance.ID == rig.Probe(1).Instance && l.Facts.Resource == nil && l.Unavailable["resource"] == "" {
			t.Errorf("the port map's answer is not kept: %+v %v", l.Facts, l.Unavailable)
		}
	}
}

// TestALateNoIsInTheArchive: nothing is rewritten, each is a line.
func TestALateNoIsInTheArchive(t *testing.T) {
	t.Parallel()
	s, dir := beginArchived(t, rig.Options{Policy: policyFile(t, "inquire: {mfa: false, timeout: 4h, on_yes: record, on_timeout: page}")})
	s.Send(rig.Ask(1).SNS())
	m := s.question(1)
	s.click(s.Ana, m, "Yes, this was me")
	s.until("the outcome is not shown", func(st slackfake.State) bool {
		now, _ := st.Message(m.Ref())
		return !now.EditedAt.IsZero()
	})
	s.settled()
	before, err := os.ReadFile(s.months(dir)[0])
	if err != nil {
		t.Fatal(err)
	}
	now, _ := s.Slack.Message(m.Ref())
	s.click(s.Ana, now, now.Buttons()[0].Label)
	s.incidents("a late no does not page", open(1))
	s.settled()
	after, err := os.ReadFile(s.months(dir)[0])
	if err != nil || !strings.HasPrefix(string(after), string(before)) {
		t.Errorf("the archive was rewritten (%v)", err)
	}
	lines := s.archive(dir)
	want := []string{"decided ask inquire", "asked", "answered yes record", "closed confirmed", "answered no page", "paged the employee says, after the question was settled otherwise, that it was not them"}
	if diff := cmp.Diff(want, story(lines, lines[0].CaseID)); diff != "" {
		t.Error(diff)
	}
}

// TestNobodyToAskIsInTheArchive, and so is a page that PagerDuty does not take.
func TestNobodyToAskIsInTheArchive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte("version: 1\nrules:\n  - {id: ask, on: \"*:IAMUser/*\", then: inquire, inquire: {on_timeout: page}}\n  - {id: default, then: notify}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s, dir := beginArchived(t, rig.Options{Policy: path})
	s.Pager.Down(pagerdutyfake.Status(400).On(rig.RoutingKey))
	e := rig.Ask(1)
	e.Session = "nobody-known"
	s.Send(e.SNS())
	s.incidents("nobody is paged", open(1))
	s.settled()
	lines := s.archive(dir)
	want := []string{"decided ask inquire", "not_asked page", "paged nobody could be asked: nothing tells whose credentials these are", "page_refused"}
	got := story(lines, lines[0].CaseID)
	for i := range got {
		if i < len(want) && strings.HasPrefix(got[i], want[i]) {
			got[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestATornLineDoesNotTakeTheNextWithIt: what a crash left is ended first.
func TestATornLineDoesNotTakeTheNextWithIt(t *testing.T) {
	t.Parallel()
	s, dir := beginArchived(t, rig.Options{})
	s.Send(rig.Probe(1).SNS())
	s.eventually("the first is decided", func() bool { return archived(t, dir) == 1 })
	s.settled()
	name := s.months(dir)[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(whole, whole[:50]...), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Send(rig.Probe(2).SNS())
	s.eventually("the second is decided", func() bool { return archived(t, dir) == 2 })
	s.settled()
	n := 0
	tally, err := archive.Read(s.months(dir), func(l *archive.Line) string { return l.ID }, func(string) { n++ })
	if err != nil || n != 2 || tally.Skipped() != 1 {
		t.Errorf("%d lines, %+v %v", n, tally, err)
	}
}

// TestAnOlderReplicaPlansALineWithoutText: the case tells what it still knows.
func TestAnOlderReplicaPlansALineWithoutText(t *testing.T) {
	t.Parallel()
	s, dir := beginArchived(t, rig.Options{})
	s.Send(rig.Miner(1).SNS())
	s.incidents("the miner does not page", open(1))
	s.settled()
	id := s.archive(dir)[0].CaseID
	now := s.Clock.Now()
	errs := s.Store.Commit(s.ctx, store.Commit{Op: "older", Plan: []store.Effect{{ID: id + "/9/archive", Lane: store.LaneRecord, Kind: cases.KindArchive, Doc: cases.DocID(id), Planned: now, Due: now}}})
	if errs[0] != nil {
		t.Fatal(errs[0])
	}
	s.eventually("it is written", func() bool { return archived(t, dir) == 2 })
	s.settled()
	lines := slices.DeleteFunc(s.archive(dir), func(l archive.Line) bool { return l.Kind != archive.Decided })
	if last := lines[1]; last.ID != id+"/9/archive" || last.Decision.Rule != lines[0].Decision.Rule || last.Finding.Type != lines[0].Finding.Type {
		t.Errorf("%+v", last)
	}
}

// TestWithoutAnArchiveNothingIsWritten, not even where the process stands.
func TestWithoutAnArchiveNothingIsWritten(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Ask(1).SNS())
	s.click(s.Ana, s.question(1), "No, this wasn't me")
	s.incidents("a no does not page", open(1))
	s.settled()
	if found, err := filepath.Glob("findings-*.ndjson"); err != nil || len(found) > 0 {
		t.Errorf("%v %v", found, err)
	}
}
