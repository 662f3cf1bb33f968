package main

import (
	"context"

	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

// recording is an actor that adds the manifest of every finished job to the
// chain of its case. Actions on the host do so themselves.
type recording struct {
	*awsir.Actor
	evidence *awsir.Evidence
}

// Step implements actor. When the manifest cannot be stored the job has not
// ended: its last step is repeated, which changes nothing, and tries again.
func (r recording) Step(ctx context.Context, j *responders.Job) (responders.Progress, error) {
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
