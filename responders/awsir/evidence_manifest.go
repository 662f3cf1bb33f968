package awsir

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/securitybot/securitybot/responders"
)

// link is one manifest of a case. It contains the hash of the one before, so
// that none can be changed or taken out unnoticed.
type link struct {
	Version  int                 `json:"version"`
	Number   int                 `json:"number"`
	Previous string              `json:"previous"` // SHA-256 of the manifest before, hex; empty for the first
	Written  time.Time           `json:"written"`
	Job      responders.Job      `json:"job"` // without its state
	Manifest responders.Manifest `json:"manifest"`
}

const (
	maxManifest  = 1 << 20 // bytes
	recentLinks  = 5       // how many of the last manifests are searched for a job's own
	maxContested = 8       // how often another job may come first
)

// SaveManifest adds the manifest of a job to the chain of its case and returns
// it as an artifact. A repetition finds the one that is there.
func (e *Evidence) SaveManifest(ctx context.Context, j responders.Job) (responders.Artifact, error) {
	for range maxContested {
		keys, err := e.chain(ctx, j)
		if err != nil {
			return responders.Artifact{}, err
		}
		if a, found, err := e.own(ctx, j, keys); err != nil || found {
			return a, err
		}
		body, err := e.next(ctx, j, keys)
		if err != nil {
			return responders.Artifact{}, err
		}
		key := chainKey(j, len(keys)+1)
		created, err := e.create(ctx, key, "application/json", body, map[string]string{"job": j.ID})
		if err != nil {
			return responders.Artifact{}, err
		}
		if created {
			return e.artifact(key, body), nil
		}
	}
	return responders.Artifact{}, fmt.Errorf("store the manifest of %s: others were faster %d times", j.ID, maxContested)
}

func chainKey(j responders.Job, n int) string {
	return fmt.Sprintf("%smanifests/%08d.json", folder(j), n)
}

func (e *Evidence) artifact(key string, body []byte) responders.Artifact {
	return responders.Artifact{Kind: KindManifest, URI: e.uri(key), Size: int64(len(body)), SHA256: hash(body), At: e.now().UTC()}
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// chain lists the manifests of a case, oldest first.
func (e *Evidence) chain(ctx context.Context, j responders.Job) ([]string, error) {
	var out []string
	pages := s3.NewListObjectsV2Paginator(e.s3, &s3.ListObjectsV2Input{Bucket: &e.cfg.Bucket, Prefix: aws.String(folder(j) + "manifests/")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list manifests: %w", err)
		}
		for _, o := range page.Contents {
			out = append(out, aws.ToString(o.Key))
		}
	}
	return out, nil
}

// own looks for a manifest of this job among the last ones.
func (e *Evidence) own(ctx context.Context, j responders.Job, keys []string) (responders.Artifact, bool, error) {
	for _, key := range keys[max(0, len(keys)-recentLinks):] {
		o, there, err := e.stat(ctx, key)
		if err != nil {
			return responders.Artifact{}, false, err
		}
		if there && o.Meta["job"] == j.ID {
			body, err := e.read(ctx, key, maxManifest)
			return e.artifact(key, body), true, err
		}
	}
	return responders.Artifact{}, false, nil
}

// next writes the manifest that follows the last one. The form is canonical:
// fixed order, sorted names, no spaces.
func (e *Evidence) next(ctx context.Context, j responders.Job, keys []string) ([]byte, error) {
	l := link{Version: 1, Number: len(keys) + 1, Written: e.now().UTC().Truncate(time.Second), Job: j, Manifest: j.Manifest}
	l.Job.Manifest, l.Job.State, l.Job.Phase = responders.Manifest{}, nil, ""
	if len(keys) > 0 {
		before, err := e.read(ctx, keys[len(keys)-1], maxManifest)
		if err != nil {
			return nil, err
		}
		l.Previous = hash(before)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return nil, fmt.Errorf("write manifest: %w", err)
	}
	return b.Bytes(), nil
}

// CheckChain reads all manifests of a case and says how many there are. The
// error names the first one that does not follow from those before it.
func (e *Evidence) CheckChain(ctx context.Context, caseID string) (int, error) {
	keys, err := e.chain(ctx, responders.Job{Case: caseID})
	if err != nil {
		return 0, err
	}
	previous := ""
	for i, key := range keys {
		body, err := e.read(ctx, key, maxManifest)
		if err != nil {
			return i, err
		}
		var l link
		switch err := json.Unmarshal(body, &l); {
		case err != nil:
			return i, fmt.Errorf("%s is not a manifest: %w", e.uri(key), err)
		case !strings.HasSuffix(key, fmt.Sprintf("/%08d.json", i+1)) || l.Number != i+1:
			return i, fmt.Errorf("manifest %d of %s is missing", i+1, caseID)
		case l.Previous != previous:
			return i, fmt.Errorf("%s does not follow from the manifest before it: one of the two was changed", e.uri(key))
		}
		previous = hash(body)
	}
	return len(keys), nil
}
