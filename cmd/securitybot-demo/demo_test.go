package main

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// world starts the demo without a browser; time is not in a hurry yet.
func world(t *testing.T) *demo {
	t.Helper()
	w, err := newWorld(t.Context(), rig.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w.Start(context.WithoutCancel(t.Context()))
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	if err := w.Slack.WaitFor(t.Context(), func(st slackfake.State) bool { return st.Open() > 0 }); err != nil {
		t.Fatal(err)
	}
	return newDemo(w)
}

func TestTheScriptIsPlayedToItsEnd(t *testing.T) {
	t.Parallel()
	d := world(t)
	var out bytes.Buffer
	if err := play(t.Context(), d.world, &out); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if !strings.Contains(out.String(), "That is all.") || d.world.Pager.Snapshot().Doubles() != nil {
		t.Errorf("doubles %v\n%s", d.world.Pager.Snapshot().Doubles(), out.String())
	}
}

// TestTimeRunsFasterForAWSOnly: while somebody has to approve, nothing moves.
func TestTimeRunsFasterForAWSOnly(t *testing.T) {
	t.Parallel()
	d := world(t)
	s := &script{ctx: t.Context(), world: d.world, demo: d, out: &bytes.Buffer{}}
	ask := func(what, title, machine, says, reason string) {
		t.Helper()
		if err := s.slash(d.world.Omar, d.world.Security.ID, what+" "+machine+" account="+account+" region="+region+reason); err != nil {
			t.Fatal(err)
		}
		m, err := s.message(d.world.Security.ID, title, machine)
		if err == nil {
			_, err = s.edited(m, says)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	ask("isolate", "Isolate", idOf(bastion), "Waits for an approver", " reason=x")
	for range 3 {
		d.hurryOnce(t.Context())
	}
	if skipped := d.world.Clock.Skipped(); skipped != 0 {
		t.Fatalf("time was moved on by %s while a person was waited for", skipped)
	}
	go d.hurry(t.Context())
	ask("snapshot", "Snapshot", idOf(ledger), "Done", "")
	if d.world.Clock.Skipped() == 0 {
		t.Error("AWS takes its real time")
	}
}

func TestFilesAreOfferedAndNeverShown(t *testing.T) {
	t.Parallel()
	d := world(t)
	s := &script{ctx: t.Context(), world: d.world, demo: d, out: &bytes.Buffer{}}
	go d.hurry(t.Context())
	if err := s.evidence(); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(d.handler())
	defer server.Close()
	for _, o := range d.evidence() {
		resp, err := http.Get(server.URL + "/api/file/bucket/" + o.Key)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		h := resp.Header
		if resp.StatusCode != http.StatusOK || !strings.HasPrefix(h.Get("Content-Disposition"), "attachment") || h.Get("Content-Type") != "application/octet-stream" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %s %v", o.Key, resp.Status, h)
		}
	}
	for _, path := range []string{"bucket/nothing", "chat/F0NOTHING", "hive/~1", "disk/etc/passwd"} {
		if resp, err := http.Get(server.URL + "/api/file/" + path); err != nil || resp.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %v %v", path, resp, err)
		}
	}
}

func TestWhatAGroupLetsThroughInPlainWords(t *testing.T) {
	t.Parallel()
	for want, rules := range map[string][]awsfake.Rule{
		"nothing in, nothing out":         nil,
		"nothing in, everything out":      {awsfake.Open()},
		"tcp 443 in, everything out":      {awsfake.Open(), {Protocol: "tcp", From: 443, To: 443}},
		"everything in, nothing out":      {{Protocol: "-1"}},
		"tcp 443 and more in, udp 53 out": {{Protocol: "tcp", From: 443}, {Protocol: "tcp", From: 80}, {Protocol: "udp", From: 53, Egress: true}},
	} {
		if got := saysOf(awsfake.Group{Rules: rules}); got != want {
			t.Errorf("%v: %q, want %q", rules, got, want)
		}
	}
}
