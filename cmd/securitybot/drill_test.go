package main

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/store"
)

// drills runs a drill and returns its hops.
func (h *hospital) drills(t *testing.T, args ...string) (int, map[string]drillLine, string) {
	t.Helper()
	code, out, errs := h.command(t, append([]string{"drill", "--confirm", "--format", "json"}, args...)...)
	steps := map[string]drillLine{}
	for line := range strings.Lines(out) {
		var l drillLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		steps[l.Step] = l
	}
	return code, steps, errs
}

// opened returns the documents that are open in the store.
func (h *hospital) opened(t *testing.T) []string {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Addrs: []string{h.redis.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ids, err := s.OpenDocs(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

// running starts the program on the world and waits until it is ready.
func (h *hospital) running(t *testing.T) *program {
	t.Helper()
	h.replace(`http: {addr: ""}`, "http: {addr: 127.0.0.1:0}")
	p := start(t, h.config, h.Setenv()...)
	until(t, p, "ready", func() bool {
		m := listening.FindStringSubmatch(p.said())
		if m == nil {
			return false
		}
		code, _ := get("http://" + m[1] + "/readyz")
		return code == http.StatusOK
	})
	return p
}

func TestADrillGoesTheWayOfAPage(t *testing.T) {
	t.Parallel()
	h := newHospital(t)
	h.running(t)
	code, steps, errs := h.drills(t)
	if code != 0 || errs != "" {
		t.Fatalf("exit code %d: %+v %s", code, steps, errs)
	}
	for _, step := range []string{"stored", "page", "message", "resolved"} {
		if s, there := steps[step]; !there || !s.OK || s.AfterMS > 60_000 {
			t.Errorf("%s: %+v", step, s)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := h.Pager.WaitFor(ctx, func(s pagerdutyfake.Snapshot) bool { return len(s.Incidents) == 1 && len(s.Open()) == 0 }); err != nil {
		t.Error("the page is still open")
	}
	if i := h.Pager.Snapshot().Incidents[0]; !strings.HasPrefix(i.Summary, "DRILL ") {
		t.Errorf("the page says %q", i.Summary)
	}
	if ids := h.opened(t); len(ids) > 0 {
		t.Errorf("open: %v", ids)
	}
	if n := len(h.AWS.Writes()) + len(h.Hive.Snapshot().Alerts); n > 0 {
		t.Errorf("%d acts elsewhere", n)
	}
}

func TestADrillThatNobodyTakesFailsAndLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	h := newHospital(t)
	if code, steps, errs := h.drills(t, "--patience", "1s"); code != exitNo || len(steps) > 0 || !strings.Contains(errs, "no bot has run") {
		t.Errorf("on an empty store: %d, %+v, %s", code, steps, errs)
	}
	if keys := h.redis.Keys(); len(keys) > 0 {
		t.Errorf("written: %v", keys)
	}
	h.opened(t) // which a bot that has run has done too
	code, steps, _ := h.drills(t, "--patience", "1s")
	if code != exitNo || steps["page"].OK || !strings.Contains(steps["page"].Says, "a bot is running") {
		t.Errorf("%d, %+v", code, steps)
	}
	if ids := h.opened(t); len(ids) > 0 {
		t.Errorf("open: %v", ids)
	}
	if n := len(h.Pager.Calls()); n > 0 {
		t.Errorf("%d events", n)
	}
}

func TestADrillShowsAKeyThatPagesNobody(t *testing.T) {
	t.Parallel()
	h := newHospital(t)
	h.Pager.Down(pagerdutyfake.Status(http.StatusBadRequest))
	h.running(t)
	code, steps, _ := h.drills(t, "--patience", "20s")
	if s := steps["page"]; code != exitNo || s.OK || !strings.Contains(s.Says, "routing_key") {
		t.Errorf("%d, %+v", code, steps)
	}
}

func TestADrillWantsToBeConfirmed(t *testing.T) {
	t.Parallel()
	h := newHospital(t)
	code, out, errs := h.command(t, "drill")
	if code != exitUsage || out != "" || !strings.Contains(errs, "tell them first") {
		t.Errorf("%d\n%s\n%s", code, out, errs)
	}
	if code, _, errs = h.command(t, "drill", "--confirm", "--patience", "0s"); code != exitUsage || !strings.Contains(errs, "between 1s and 1h") {
		t.Errorf("%d %s", code, errs)
	}
	if n := len(h.Slack.Calls("")) + len(h.Pager.Calls()) + len(h.redis.Keys()); n > 0 {
		t.Errorf("%d traces of a drill that nobody confirmed", n)
	}
}
