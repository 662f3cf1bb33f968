package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
	"github.com/securitybot/securitybot/responders/thehive"
)

const (
	// evidencePatience is how long the evidence store is asked for the bytes of a
	// piece of evidence; the rest of the case's record waits behind it.
	evidencePatience = time.Hour
	// evidenceStint is after how long an attempt begins no other upload.
	evidenceStint = 8 * time.Second
)

// attachOperation adds what an operation left behind: every artifact by its
// place and hash, its bytes where TheHive is to have them, and the manifest as a
// file. What is refused does not keep the rest out; the first refusal is the
// error then.
func (b *Bot) attachOperation(ctx context.Context, to thehive.Record, line cases.Line) error {
	o, err := b.begin().loadOperation(ctx, line.Operation)
	if err != nil || o == nil {
		return err
	}
	manifest, err := manifestOf(o)
	if err != nil {
		return err
	}
	var first error
	keep := func(err error) error {
		if err != nil && !hiveRefused(err) {
			return err
		}
		if first == nil {
			first = err
		}
		return nil
	}
	began := time.Now()
	for _, a := range o.Job.Manifest.Artifacts {
		if time.Since(began) > evidenceStint { // those that are there are passed quickly the next time
			return &later{why: "others have their turn"}
		}
		if err := keep(b.attachArtifact(ctx, to, o, a, b.clock.Now().Sub(line.At) > evidencePatience)); err != nil {
			return err
		}
	}
	_, err = b.hive.Attach(ctx, to, thehive.File{Name: strings.ToLower(o.Ref()) + "-" + string(o.Job.Action) + ".json", ContentType: "application/json", Size: int64(len(manifest)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(manifest)), nil }})
	if err := keep(err); err != nil {
		return err
	}
	return first
}

// attachArtifact records a piece of evidence. Bytes that cannot be had do not
// keep its place and its hash out; late says that they were waited for.
func (b *Bot) attachArtifact(ctx context.Context, to thehive.Record, o *responders.Operation, a responders.Artifact, late bool) error {
	f := b.fileOf(o, a)
	if f.Open != nil {
		select {
		case b.uploads <- struct{}{}: // one at a time: each is in memory as a whole
			defer func() { <-b.uploads }()
		case <-ctx.Done():
			return ctx.Err()
		}
		got, err := b.hive.Attach(ctx, to, f)
		switch {
		case err == nil && got.Name != "":
			f.Why = ""
			f.Note = strings.TrimPrefix(f.Note+"; attached as "+got.Name, "; ")
		case err == nil:
			return nil // its place is recorded
		case errors.Is(err, thehive.ErrOtherBytes):
			b.log.Error("a piece of evidence is not what was recorded: somebody changed it in the store", "artifact", a.URI, "sha256", a.SHA256)
			f.Why = "WARNING: what is in the evidence store now has another hash than was recorded. Somebody changed it; look for the version that has this hash"
		case errors.Is(err, thehive.ErrUnreadable) && (errors.Is(err, awsir.ErrNoEvidence) || late):
			b.log.Error("a piece of evidence could not be read, so TheHive has its place and hash only", "artifact", a.URI, "error", err)
			f.Why = "it could not be read from the evidence store"
		case hiveRefused(err):
			b.log.Error("TheHive does not take a piece of evidence, so it has its place and hash only", "artifact", a.URI, "error", err)
			f.Why = "TheHive refused the file"
		default:
			return err
		}
	}
	return b.hive.Place(ctx, to, f)
}

// uploaded are the kinds of evidence whose bytes TheHive gets.
var uploaded = []string{awsir.KindOSQuery, awsir.KindPackets, awsir.KindDescription, awsir.KindConsole, awsir.KindManifest}

// fileOf describes a piece of evidence. Memory holds everybody's secrets and
// snapshots are no files: those stay where they are.
func (b *Bot) fileOf(o *responders.Operation, a responders.Artifact) thehive.File {
	name := a.Kind + "-" + strings.ToLower(o.Ref()) + path.Ext(a.URI)
	if a.Kind == awsir.KindManifest || a.Kind == awsir.KindSnapshot {
		name = a.Kind + "-" + path.Base(a.URI) // unique in the case
	}
	f := thehive.File{Name: name, Size: a.Size, SHA256: a.SHA256, URI: a.URI, Note: a.Note}
	switch {
	case a.Kind == awsir.KindMemory:
		f.Why = "memory holds everybody's secrets"
	case !slices.Contains(uploaded, a.Kind):
	case b.acting.Evidence == nil:
		f.Why = "no evidence store is configured"
	case b.cfg.UploadMiB == 0:
		f.Why = "thehive.upload_mib is 0"
	default:
		f.Harmful = a.Kind == awsir.KindPackets
		f.Open = func(ctx context.Context) (io.ReadCloser, error) { return b.acting.Evidence.Open(ctx, a.URI) }
		switch a.Kind {
		case awsir.KindPackets:
		case awsir.KindConsole:
			f.ContentType = "text/plain"
		default:
			f.ContentType = "application/json"
		}
	}
	return f
}

// operationRecord is the file about an operation: what was asked for, by whom,
// what was done and what is left of it. Its format is named in it.
type operationRecord struct {
	Format    string               `json:"format"`
	Operation string               `json:"operation"`
	Digest    string               `json:"digest,omitempty"` // of what was approved
	Action    responders.ID        `json:"action"`
	Target    responders.Target    `json:"target"`
	Params    responders.Params    `json:"params,omitempty"`
	By        string               `json:"asked_by"`
	Approver  string               `json:"approved_by,omitempty"`
	Case      string               `json:"case,omitempty"`
	Incident  string               `json:"incident,omitempty"`
	Finding   string               `json:"finding,omitempty"`
	Asked     time.Time            `json:"asked"`
	Ended     time.Time            `json:"ended"`
	State     responders.State     `json:"state"`
	Why       string               `json:"why,omitempty"`
	Log       []responders.Entry   `json:"log,omitempty"`
	Still     []string             `json:"still_possible,omitempty"`
	Manifest  *responders.Manifest `json:"manifest"`
}

// manifestOf is the same bytes on every try, because an operation that has ended
// does not change.
func manifestOf(o *responders.Operation) ([]byte, error) {
	j := &o.Job
	body, err := json.MarshalIndent(operationRecord{Format: "securitybot/operation/1", Operation: o.ID, Digest: o.Digest, Action: j.Action, Target: j.Target, Params: j.Params,
		By: j.By, Approver: j.Approver, Case: j.Case, Incident: j.Incident, Finding: j.Finding, Asked: o.Asked.UTC(), Ended: o.Ended.UTC(), State: o.State, Why: o.Why,
		Log: j.Log, Still: j.Still, Manifest: &j.Manifest}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest of %s: %w", o.Ref(), err)
	}
	return append(body, '\n'), nil
}
