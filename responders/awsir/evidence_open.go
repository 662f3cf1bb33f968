package awsir

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// The kinds of evidence.
const (
	KindSnapshot    = "snapshot"
	KindOSQuery     = "osquery"
	KindMemory      = "memory"
	KindPackets     = "pcap"
	KindDescription = "description" // what AWS says of the instance
	KindConsole     = "console"     // what its console has shown
	KindManifest    = "manifest"
)

// ErrNoEvidence means that a piece of evidence is not in the store.
var ErrNoEvidence = errors.New("it is not in the evidence store")

// Open reads a piece of evidence by the name that artifacts have for it
// (s3://…). Nothing but evidence of cases in this bucket is opened: the name
// may come from a stored job.
func (e *Evidence) Open(ctx context.Context, uri string) (io.ReadCloser, error) {
	key, ours := strings.CutPrefix(uri, e.uri(""))
	if !ours || !strings.HasPrefix(key, "cases/") {
		return nil, fmt.Errorf("%s: %w", uri, ErrNoEvidence)
	}
	out, err := e.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &e.cfg.Bucket, Key: &key})
	switch {
	case notThere(err):
		return nil, fmt.Errorf("%s: %w", uri, ErrNoEvidence)
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", uri, err)
	}
	return out.Body, nil
}
