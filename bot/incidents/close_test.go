package incidents

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/store"
)

func TestCloseExportsThenArchives(t *testing.T) {
	t.Parallel()
	c := ready(t)
	got, cancel, err := c.Close(omar, "keys rotated, nothing else touched", time.Minute, t0)
	if err != nil || len(cancel) != 0 {
		t.Fatal(err, cancel)
	}
	if steps(got) != "edit record say" {
		t.Fatalf("effects %q", steps(got))
	}
	if more := c.Did(only(t, got, StepSay).ID, t0); more != nil {
		t.Fatalf("before the summary shows the end: %q", steps(more))
	}
	export := only(t, c.Edited(only(t, got, StepEdit).ID, c.Looks(), t0), StepExport)
	archive := only(t, c.TimelineExported(export.ID, t0), StepArchive)
	if more := c.ChannelArchived(archive.ID, t0); more != nil {
		t.Fatalf("after the archive: %q", steps(more))
	}
	if more := c.Recorded(only(t, got, StepRecord).ID, t0); more != nil || c.Live() || !c.Timer(t0).IsZero() {
		t.Fatalf("%q, live %v, timer %v", steps(more), c.Live(), c.Timer(t0))
	}
}

func TestCloseNeedsAReason(t *testing.T) {
	t.Parallel()
	c := ready(t)
	_, _, err := c.Close(omar, " ", time.Minute, t0)
	refused(t, err, "why it can be closed")
	if !c.IsOpen() {
		t.Error("closed without a reason")
	}
}

func TestCloseCancelsAndResolvesPages(t *testing.T) {
	t.Parallel()
	c, effects := started(t, opening(), rules())
	page := only(t, effects, StepPage)
	got, cancel, err := c.Close(ana, "false alarm", time.Minute, t0)
	if err != nil || !slices.Contains(cancel, page.ID) {
		t.Fatalf("%v, cancel %v", err, cancel)
	}
	if steps(got) != "resolve resolve" || got[1].Due != t0.Add(time.Minute) || got[0].Lane != store.LanePage {
		t.Errorf("a page in flight is not resolved afterwards: %+v", got)
	}
	if !c.Pages[0].Resolved {
		t.Error("a page that arrives now would not be recognised as called off")
	}
	if more := c.PageSent(page.ID, t0); more != nil {
		t.Errorf("a cancelled page reports: %q", steps(more))
	}
	if _, key, ok := c.PageOf(got[1].ID); !ok || key != "securitybot/"+idA+"/1" {
		t.Errorf("the late resolve is for %q", key)
	}
}

func TestClosedBeforeTheChannelWasMade(t *testing.T) {
	t.Parallel()
	c, effects := started(t, opening(), rules())
	if _, cancel, err := c.Close(ana, "false alarm", time.Minute, t0); err != nil || slices.ContainsFunc(cancel, func(id string) bool { return strings.Contains(id, "/channel/") }) {
		t.Fatalf("%v; a channel that may exist must not be forgotten: %v", err, cancel)
	}
	if !c.Live() {
		t.Fatal("nobody watches the channel")
	}
	got := c.ChannelMade(only(t, effects, StepChannel).ID, "C0INC", t0)
	if steps(got) != "export" {
		t.Fatalf("%q", steps(got))
	}
	if more := c.HiveMade(only(t, effects, StepHive).ID, Record{ID: "~1"}, t0); steps(more) != "record" {
		t.Errorf("the late case in TheHive gets %q", steps(more))
	}
	if more := c.TimelineExported(got[0].ID, t0); steps(more) != "archive" {
		t.Errorf("%q", steps(more))
	}
}

func TestWithoutAnExportTheChannelStays(t *testing.T) {
	t.Parallel()
	c := ready(t)
	w := newWorld(c)
	got, _, err := c.Close(omar, "done", time.Minute, t0)
	if err != nil {
		t.Fatal(err)
	}
	w.plan(got)
	for !strings.Contains(strings.Join(w.order, " "), "/export") {
		w.next(w.order[0], t0)
	}
	id := w.order[slices.IndexFunc(w.order, func(id string) bool { return strings.HasSuffix(id, "/export") })]
	out := c.Failed(id, "missing_scope", t0)
	w.drop(id)
	w.plan(out)
	if steps(out) != "tell" || c.ToTell() != omar {
		t.Fatalf("%q tells %s", steps(out), c.ToTell())
	}
	w.drain(t, t0)
	if w.archived[c.Channel] || c.Archived {
		t.Fatal("the channel is archived without its timeline")
	}
	again, _, err := c.Close(zoe, "", time.Minute, t0)
	if err != nil || steps(again) != "export" || again[0].ID != id {
		t.Fatalf("closing again: %v %q", err, steps(again))
	}
	w.plan(again)
	w.drain(t, t0)
	if !c.Archived || c.ClosedBy != omar || c.Reason != "done" {
		t.Errorf("%+v", c)
	}
	_, _, err = c.Close(zoe, "again", time.Minute, t0)
	refused(t, err, "reopen it")
}

func TestAfterTheEndEverythingIsRefused(t *testing.T) {
	t.Parallel()
	c := ready(t)
	if _, _, err := c.Close(omar, "done", time.Minute, t0); err != nil {
		t.Fatal(err)
	}
	for name, act := range map[string]func() ([]store.Effect, error){
		"severity": func() ([]store.Effect, error) { return c.SetSeverity(omar, findings.Low, rules(), t0) },
		"lead":     func() ([]store.Effect, error) { return c.SetLead(omar, zoe, t0) },
		"invite":   func() ([]store.Effect, error) { return c.Invite(omar, []string{zoe}, nil, t0) },
		"note":     func() ([]store.Effect, error) { return c.Note(omar, KindNote, "x", t0) },
		"evidence": func() ([]store.Effect, error) { return c.Evidence("", "snapshot taken", "x", t0) },
		"page":     func() ([]store.Effect, error) { return c.PageOnCall(omar, "x", t0) },
		"link":     func() ([]store.Effect, error) { return c.Link(omar, caseA, t0) },
		"retry":    func() ([]store.Effect, error) { return c.Retry(omar, t0) },
	} {
		if got, err := act(); err == nil || got != nil {
			t.Errorf("%s: %v %q", name, err, steps(got))
		} else {
			refused(t, err, "INC-7F3KQX is closed")
		}
	}
	unknown := &Incident{ID: idA}
	_, err := unknown.Note(omar, KindNote, "x", t0)
	refused(t, err, "no such incident")
	_, _, err = unknown.Close(omar, "x", time.Minute, t0)
	refused(t, err, "no such incident")
}

func TestAFailureWhileArchivingDoesNotEditTheChannel(t *testing.T) {
	t.Parallel()
	c := ready(t)
	w := newWorld(c)
	got, _, err := c.Close(omar, "done", time.Minute, t0)
	if err != nil {
		t.Fatal(err)
	}
	record := only(t, got, StepRecord)
	w.plan(got)
	w.drop(record.ID)
	for len(w.order) > 0 && !strings.HasSuffix(w.order[0], "/archive") {
		w.next(w.order[0], t0)
	}
	if out := c.Failed(record.ID, "down", t0); steps(out) != "tell" {
		t.Errorf("while the archive is under way: %q", steps(out))
	}
	if got := c.refresh(t0); got != nil {
		t.Errorf("an edit is planned behind the archive: %q", steps(got))
	}
}
