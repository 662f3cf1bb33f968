package bot

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/thehive"
)

// attachOperation adds what an operation left behind: every artifact by its
// place and hash, since the bytes stay where they are kept, and the manifest as
// a file. What is refused does not keep the rest out; the first refusal is the
// error then.
func (b *Bot) attachOperation(ctx context.Context, to thehive.Record, id string) error {
	o, err := b.begin().loadOperation(ctx, id)
	if err != nil || o == nil {
		return err
	}
	files := make([]thehive.File, 0, len(o.Job.Manifest.Artifacts)+1)
	for _, a := range o.Job.Manifest.Artifacts {
		files = append(files, thehive.File{Name: a.Kind + " " + path.Base(a.URI), Size: a.Size, SHA256: a.SHA256, URI: a.URI, Note: a.Note})
	}
	manifest, err := manifestOf(o)
	if err != nil {
		return err
	}
	files = append(files, thehive.File{Name: strings.ToLower(o.Ref()) + "-" + string(o.Job.Action) + ".json", ContentType: "application/json", Size: int64(len(manifest)),
		Open: func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(manifest)), nil }})
	var first error
	for _, f := range files {
		_, err := b.hive.Attach(ctx, to, f)
		if err != nil && !hiveRefused(err) {
			return err
		}
		if first == nil {
			first = err
		}
	}
	return first
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
