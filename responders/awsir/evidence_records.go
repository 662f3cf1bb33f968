package awsir

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

const (
	recordsFolder = "records/"
	maxRecord     = 4 << 20 // bytes
)

// bucketRecords are Records in the evidence bucket. A deleted record stays
// behind as an old version.
type bucketRecords struct{ e *Evidence }

// Records returns records kept beside the evidence, for where there is no
// other store: in functions.
func (e *Evidence) Records() Records { return bucketRecords{e} }

// Get implements Records.
func (r bucketRecords) Get(ctx context.Context, key string) ([]byte, bool, error) {
	body, err := r.e.read(ctx, recordsFolder+key, maxRecord)
	if notThere(err) {
		return nil, false, nil
	}
	return body, err == nil, err
}

// Put implements Records.
func (r bucketRecords) Put(ctx context.Context, key string, body []byte) error {
	// Not locked: a lock would outlast what the record is for.
	_, err := r.e.s3.PutObject(ctx, r.e.unlocked(recordsFolder+key, body))
	switch {
	case isCode(err, "PreconditionFailed"):
		return ErrExists
	case err != nil:
		return fmt.Errorf("store the record %s: %w", key, err)
	}
	return nil
}

// Delete implements Records.
func (r bucketRecords) Delete(ctx context.Context, key string) error {
	_, err := r.e.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &r.e.cfg.Bucket, Key: aws.String(recordsFolder + key)})
	if err != nil {
		return fmt.Errorf("delete the record %s: %w", key, err)
	}
	return nil
}
