package bot_test

import (
	"archive/zip"
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/fakes/thehivefake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/responders"
)

// evidence lets Omar take evidence from the machine of a paged case while
// TheHive is away, and returns when it is done and only the record is missing.
func (s *scene) evidence(action responders.ID) {
	s.t.Helper()
	s.until("the bot does not connect", func(st slackfake.State) bool { return len(st.Connections()) > 0 })
	id := s.Machine(1)
	s.AWS.EditInstance(rig.Account, rig.Region, id, func(i *awsfake.Instance) { i.Console = "Linux version 6.1\n" })
	s.Send(rig.Miner(1).SNS())
	card := s.message(s.Security.ID, "digital money")
	s.Hive.Down(thehivefake.Status(503))
	s.orders(s.Omar, card, action)
	s.passed(s.message(s.Security.ID, id, "Asked by", "Evidence"), "Done")
	s.Forward(2 * time.Hour) // an outage
}

// kept lets TheHive come back, with faults, and waits until its case is as wanted.
func (s *scene) kept(what string, cond func(k thehivefake.Case) bool, faults ...thehivefake.Failure) thehivefake.Case {
	s.t.Helper()
	s.Hive.Up(faults...)
	holds := func(h thehivefake.Snapshot) bool { return len(h.Cases) == 1 && cond(h.Cases[0]) }
	s.eventually(what+"\n"+hiveTranscript(s.Hive.Snapshot()), func() bool { s.Forward(10 * time.Second); return holds(s.Hive.Snapshot()) })
	s.settled()
	return s.Hive.Snapshot().Cases[0]
}

func attachment(k thehivefake.Case, part string) *thehivefake.Attachment {
	i := slices.IndexFunc(k.Attachments, func(a thehivefake.Attachment) bool { return strings.Contains(a.Name, part) })
	if i < 0 {
		return nil
	}
	return &k.Attachments[i]
}

// saysOf counts observables about the evidence bucket whose message has a text.
func saysOf(k thehivefake.Case, text string) (n int) {
	for _, o := range k.Observables {
		if strings.HasPrefix(o.Data, "s3://"+rig.Bucket+"/") && strings.Contains(o.Message, text) {
			n++
		}
	}
	return n
}

// TestEvidenceIsUploadedOnce: after an outage, whatever is lost on the way.
func TestEvidenceIsUploadedOnce(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true, Policy: pageAlways(t)})
	s.evidence(responders.OSQuery)
	s.AWS.Next("s3", "GetObject", 2, awsfake.Broken())
	k := s.kept("the results arrive", func(k thehivefake.Case) bool { return attachment(k, "osquery-op-") != nil && len(k.Attachments) >= 5 },
		thehivefake.AnswerLost().Only("attach"), thehivefake.Status(500).Only("attach"))
	if a := attachment(k, "osquery-op-"); !bytes.Contains(a.Data, []byte("xmrig")) || a.ContentType != "application/json" {
		t.Errorf("%s %s", a.ContentType, a.Data)
	}
	if a := attachment(k, "manifest-00000001.json"); a == nil || !bytes.Contains(a.Data, []byte(`"number":1`)) {
		t.Error("the manifest is not there")
	}
	if a := attachment(k, "description-op-"); a == nil || !bytes.Contains(a.Data, []byte(`"MetadataOptions"`)) || a.ContentType != "application/json" {
		t.Error("what AWS says of the instance is not there")
	}
	if a := attachment(k, "console-op-"); a == nil || string(a.Data) != "Linux version 6.1\n" || a.ContentType != "text/plain" {
		t.Error("what the console has shown is not there")
	}
	if len(k.Attachments) != 5 || saysOf(k, "attached as") != 4 {
		t.Errorf("%d files, %d places with a file", len(k.Attachments), saysOf(k, "attached as"))
	}
}

// TestPacketsAreUploadedUnderAPassword: they may be what an attacker sent.
func TestPacketsAreUploadedUnderAPassword(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{Records: true, Policy: pageAlways(t)})
	s.evidence(responders.TCPDump)
	k := s.kept("the packets arrive", func(k thehivefake.Case) bool { return attachment(k, ".pcap.zip") != nil && len(k.Attachments) >= 3 })
	a := attachment(k, ".pcap.zip")
	r, err := zip.NewReader(bytes.NewReader(a.Data), int64(len(a.Data)))
	if err != nil || len(r.File) != 1 || r.File[0].Flags&1 == 0 || bytes.Contains(a.Data, []byte("evidence evidence")) {
		t.Errorf("%v", err)
	}
}

// TestWhatIsNotUploadedHasItsPlaceAndTheReason: changed, gone, refused, or not
// wanted there.
func TestWhatIsNotUploadedHasItsPlaceAndTheReason(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		action responders.ID
		spoil  func(*scene)
		faults []thehivefake.Failure
		want   string
	}{
		"changed in the store": {responders.OSQuery, func(s *scene) {
			for key := range s.AWS.Objects(rig.Bucket) {
				if strings.HasSuffix(key, "osquery.json") {
					s.AWS.Tamper(rig.Bucket, key, func(b []byte) []byte { return append(b, ' ') })
				}
			}
		}, nil, "another hash than was recorded"},
		"no right to read": {responders.OSQuery, func(s *scene) { s.AWS.Next("s3", "GetObject", -1, awsfake.Denied()) }, nil, "could not be read"},
		"refused":          {responders.OSQuery, func(*scene) {}, []thehivefake.Failure{thehivefake.Status(413).Only("attach")}, "TheHive refused the file"},
		"memory":           {responders.Memory, func(*scene) {}, nil, "memory holds everybody's secrets"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, rig.Options{Records: true, Policy: pageAlways(t)})
			s.evidence(c.action)
			c.spoil(s)
			k := s.kept("the record arrives", func(k thehivefake.Case) bool { return attachment(k, "op-") != nil && saysOf(k, c.want) > 0 }, c.faults...)
			if attachment(k, "osquery-op") != nil || attachment(k, ".lime") != nil {
				t.Errorf("it was uploaded")
			}
		})
	}
}
