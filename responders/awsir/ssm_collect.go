package awsir

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// collect makes the evidence complete in the store.
func (h host) collect(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	var err error
	if h.kind.partBytes > 0 {
		s.Stored, err = h.evidence.complete(ctx, h.key(v), s.Upload, s.Receipt)
		failpoint.Hit("host.completed")
	} else {
		s.Stored, err = h.present(ctx, v, s)
	}
	if err != nil {
		return responders.Progress{}, err
	}
	if s.Stored.Size != s.Receipt.Bytes {
		s.Doubt = fmt.Sprintf("The host says that it stored %d bytes; there are %d.", s.Receipt.Bytes, s.Stored.Size)
	}
	return h.next(v, phaseReadBack, s)
}

// present looks for the object the host put.
func (h host) present(ctx context.Context, v *visit, s hostState) (stored, error) {
	o, there, err := h.evidence.stat(ctx, h.key(v))
	if err == nil && there {
		err = h.evidence.lock(ctx, h.key(v), o)
	}
	if err == nil && !there {
		return o, responders.Doubt("The host says that it stored the result, but %s is not there. Treat the host's answers as forged.", h.evidence.uri(h.key(v)))
	}
	return o, err
}

// readTime is for how long one step reads back.
const readTime = 8 * time.Second

// readBack hashes what is stored and compares it with what the host hashed.
// One step reads for a few seconds; the hash goes on where it was.
func (h host) readBack(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	for end := v.now.Add(readTime); ; {
		sum, err := h.evidence.readBack(ctx, h.key(v), s.Stored, &s.Reading)
		if err != nil {
			return responders.Progress{}, err
		}
		if sum != "" {
			return h.hashed(v, s, sum)
		}
		if !v.actor.deps.Now().Before(end) {
			return h.again(v, s, 0)
		}
	}
}

// hashed records the artifact. The hash is of what is stored: that is what
// others can check.
func (h host) hashed(v *visit, s hostState, sum string) (responders.Progress, error) {
	a := responders.Artifact{Kind: h.kind.artifact, URI: h.evidence.uri(h.key(v)), Size: s.Stored.Size, SHA256: sum, Note: reasons[s.Receipt.Reason].text, At: v.now}
	if a.Note != "" {
		v.skip("the rest of " + h.kind.artifact + ": " + a.Note)
	}
	if sum != s.Receipt.SHA256 && s.Doubt == "" {
		s.Doubt = fmt.Sprintf("The host hashed other bytes (%s) than were stored (%s).", s.Receipt.SHA256, sum)
	}
	if s.Doubt != "" {
		a.Note = s.Doubt
	}
	if s.Stored.Version != "" {
		v.fact("version of "+h.kind.file, s.Stored.Version)
	}
	v.job.Manifest.Artifacts = slices.Insert(v.job.Manifest.Artifacts, 0, a) // before the description
	s.Reading = reading{}
	return h.next(v, phaseManifest, s)
}

// manifest stores the record of the job, and ends it.
func (h host) manifest(ctx context.Context, v *visit, s hostState) (responders.Progress, error) {
	if !s.Saved {
		a, err := h.evidence.SaveManifest(ctx, *v.job)
		if err != nil {
			return responders.Progress{}, err
		}
		s.Saved = true
		v.job.Manifest.Artifacts = append(v.job.Manifest.Artifacts, a)
		if s.Doubt != "" {
			return h.again(v, s, 0)
		}
	}
	if s.Doubt != "" {
		return responders.Progress{}, responders.Doubt("%s What is stored is kept and recorded; do not rely on it alone.", s.Doubt)
	}
	v.note("evidence and manifest are stored")
	if err := enter(v.job, phaseDone, s); err != nil {
		return responders.Progress{}, err
	}
	return responders.Progress{Done: true}, nil
}
