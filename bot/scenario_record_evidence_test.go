package bot_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/chat"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/responders"
)

// orders chooses an action in the dialog of a case's message.
func (s *scene) orders(user slackfake.User, m slackfake.Message, action responders.ID) {
	s.t.Helper()
	s.click(user, m, "Act…")
	s.fillIn(user, map[string]string{"action": string(action), "reason": "it mines"})
}

// snapshotted lets Omar take a snapshot of the machine of a paged case, and
// waits for its record.
func (s *scene) snapshotted() thehivefake.Snapshot {
	s.t.Helper()
	s.until("the bot does not connect", func(st slackfake.State) bool { return len(st.Connections()) > 0 })
	s.Machine(1)
	s.Send(rig.Miner(1).SNS())
	s.orders(s.Omar, s.message(s.Security.ID, "digital money"), responders.Snapshot)
	files := func(h thehivefake.Snapshot) bool {
		return len(h.Cases) == 1 && slices.ContainsFunc(h.Cases[0].Attachments, func(a thehivefake.Attachment) bool { return strings.Contains(a.Name, "snapshot") })
	}
	for range 40 {
		s.Forward(time.Minute)
		if s.rests() && files(s.Hive.Snapshot()) {
			break
		}
	}
	return s.recorded("the manifest does not arrive", files)
}

func TestOneRefusedArtifactDoesNotKeepTheRestOut(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true, Policy: pageAlways(t)})
	s.Hive.Fail(thehivefake.Status(400).Only("observable"))
	h := s.snapshotted()
	n := 0
	for _, o := range h.Cases[0].Observables {
		if strings.Contains(o.Data, ":snapshot/") {
			n++
		}
	}
	if want := len(s.AWS.Snapshots(rig.Account, rig.Region)) - 1; n != want || want < 1 {
		t.Errorf("%d snapshots are recorded, want %d", n, want)
	}
}

func TestAnOperationAboutAnOwnersCaseMakesItMatter(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true, Policy: policyFile(t, "inquire: {timeout: 4h, on_timeout: page}")})
	s.Slack.Next("chat.postMessage", -1, slackfake.Status(503)) // so that the case is still open
	id := s.Machine(1)
	s.Send(rig.Probe(1).SNS())
	for s.ctx.Err() == nil {
		if lives, err := s.Bots[0].Lives(s.ctx, 1); err == nil && len(lives) == 1 {
			break
		}
		wait(s.ctx, 10*time.Millisecond)
	}
	if n := len(s.Hive.Snapshot().Alerts); n != 0 {
		t.Fatal("what owners are told has an alert")
	}
	if _, err := s.Bots[0].Command(s.ctx, chat.Command{Name: "/ir", Text: "snapshot " + id, User: s.Omar.ID, Team: s.team(s.Omar), EnvelopeID: "e1"}); err != nil {
		t.Fatal(err)
	}
	s.recorded("the operation is not in a record", func(h thehivefake.Snapshot) bool {
		return len(h.Alerts) == 1 && says(h.Alerts[0].Comments, "asked to snapshot") == 1
	})
	s.Slack.ClearFaults()
}

func TestWhatAnOperationLeftBehindArrivesInTheHive(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true, Policy: pageAlways(t)})
	s.Hive.Fail(thehivefake.AnswerLost().Only("attach"))
	h := s.snapshotted()
	k := h.Cases[0]
	if len(k.Attachments) != 3 {
		t.Errorf("%d files, want the operation's, what AWS says of the instance, and the manifest of the chain", len(k.Attachments))
	}
	snaps := s.AWS.Snapshots(rig.Account, rig.Region)
	if len(snaps) < 2 {
		t.Fatalf("%d snapshots, want one of each volume", len(snaps))
	}
	for _, snap := range snaps {
		if !slices.ContainsFunc(k.Observables, func(o thehivefake.Observable) bool { return strings.HasSuffix(o.Data, snap.ID) }) {
			t.Errorf("%s is not an observable: %+v", snap.ID, k.Observables)
		}
	}
	at := slices.IndexFunc(k.Attachments, func(a thehivefake.Attachment) bool { return strings.Contains(a.Name, "snapshot") })
	var got struct {
		Format   string `json:"format"`
		State    string `json:"state"`
		By       string `json:"asked_by"`
		Target   responders.Target
		Manifest responders.Manifest `json:"manifest"`
	}
	if err := json.Unmarshal(k.Attachments[at].Data, &got); err != nil {
		t.Fatal(err)
	}
	if got.Format != "securitybot/operation/1" || got.State != "done" || got.By != s.Omar.ID || got.Target.Account != rig.Account || len(got.Manifest.Artifacts) < 2 {
		t.Errorf("manifest: %s", k.Attachments[at].Data)
	}
	if says(k.Comments, "asked to snapshot") != 1 || says(k.Comments, "snapshot of i-", "done") != 1 {
		t.Errorf("comments:\n%s", hiveTranscript(h))
	}
}

func TestHostileTextStaysTextInTheHive(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true})
	e := rig.Ask(1)
	e.Severity = 8.5
	e.Session = "ana@corp.example [click](https://evil.example) <img src=x onerror=alert(1)> `record x/1`"
	s.Send(e.SNS())
	h := s.recorded("no alert", func(h thehivefake.Snapshot) bool { return len(h.Alerts) == 1 && h.Alerts[0].Description != "" })
	s.settled()
	h = s.Hive.Snapshot()
	texts := []string{h.Alerts[0].Title, h.Alerts[0].Description}
	for _, c := range h.Alerts[0].Comments {
		texts = append(texts, c.Message)
	}
	for _, k := range h.Cases {
		texts = append(texts, k.Title, k.Description)
		for _, c := range k.Comments {
			texts = append(texts, c.Message)
		}
	}
	seen := false
	for _, text := range texts {
		seen = seen || strings.Contains(text, "onerror")
		for _, bad := range []string{"<img", "](https", "https://evil", "evil.example", "`record x/1`"} {
			if strings.Contains(text, bad) {
				t.Errorf("%q stands in %s", bad, text)
			}
		}
	}
	if !seen {
		t.Errorf("the text is nowhere, so nothing was tested:\n%s\n%s", strings.Join(texts, "\n"), s.transcript())
	}
	if !slices.ContainsFunc(h.Alerts[0].Observables, func(o thehivefake.Observable) bool { return strings.Contains(o.Data, "<img src=x") }) {
		t.Error("the observable is not what was found, letter for letter")
	}
}
