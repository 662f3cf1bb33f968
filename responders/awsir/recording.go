package awsir

import (
	"context"

	"github.com/securitybot/securitybot/responders"
)

// Recorder is an Actor that adds the manifest of every finished job to the
// chain of its case in the evidence store. Actions on the host do so
// themselves.
type Recorder struct {
	*Actor
	evidence *Evidence
}

// NewRecorder returns a Recorder.
func NewRecorder(a *Actor, e *Evidence) Recorder { return Recorder{a, e} }

// Step is Actor.Step. When the manifest cannot be stored the job has not
// ended: its last step is repeated, which changes nothing, and tries again.
func (r Recorder) Step(ctx context.Context, j *responders.Job) (responders.Progress, error) {
	p, err := r.Actor.Step(ctx, j)
	if row, known := responders.Find(string(j.Action)); err != nil || !p.Done || !known || row.OnHost {
		return p, err
	}
	a, err := r.evidence.SaveManifest(ctx, *j)
	if err != nil {
		return responders.Progress{}, err
	}
	j.Manifest.Artifacts = append(j.Manifest.Artifacts, a)
	return p, nil
}
