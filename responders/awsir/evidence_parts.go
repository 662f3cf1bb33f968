package awsir

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/securitybot/securitybot/responders"
)

// begin starts an upload in parts, or adopts the one of an earlier try.
func (e *Evidence) begin(ctx context.Context, j responders.Job, key string) (string, error) {
	old, err := e.s3.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &e.cfg.Bucket, Prefix: &key})
	if err != nil {
		return "", fmt.Errorf("look for uploads of %s: %w", key, err)
	}
	for _, u := range old.Uploads {
		if aws.ToString(u.Key) == key {
			return aws.ToString(u.UploadId), nil
		}
	}
	in := &s3.CreateMultipartUploadInput{Bucket: &e.cfg.Bucket, Key: &key, ContentType: aws.String("application/octet-stream"), Metadata: map[string]string{"job": j.ID},
		ObjectLockMode: types.ObjectLockMode(e.cfg.LockMode), ObjectLockRetainUntilDate: e.lockedUntil()}
	if e.cfg.KMSKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &e.cfg.KMSKey
	}
	out, err := e.s3.CreateMultipartUpload(ctx, in)
	if err != nil {
		return "", fmt.Errorf("begin the upload of %s: %w", key, err)
	}
	return aws.ToString(out.UploadId), nil
}

// partAddresses returns one address a line: each stores one part of one upload
// and nothing else.
func (e *Evidence) partAddresses(ctx context.Context, key, upload string, parts int, valid time.Duration) ([]byte, error) {
	var b bytes.Buffer
	for n := int32(1); n <= int32(parts); n++ { //nolint:gosec // at most 10,000
		r, err := e.sign.PresignUploadPart(ctx, &s3.UploadPartInput{Bucket: &e.cfg.Bucket, Key: &key, UploadId: &upload, PartNumber: &n}, s3.WithPresignExpires(valid))
		if err != nil {
			return nil, fmt.Errorf("sign an address: %w", err)
		}
		b.WriteString(r.URL + "\n")
	}
	return b.Bytes(), nil
}

// complete makes an object of the parts. It is done already when the object is
// there.
func (e *Evidence) complete(ctx context.Context, key, upload string, want receipt) (stored, error) {
	if o, there, err := e.stat(ctx, key); err != nil || there {
		return o, err
	}
	parts, size, err := e.parts(ctx, key, upload)
	if notThere(err) {
		return stored{}, responders.Doubt("The upload of %s has vanished. The command on the host ended well; look in the bucket for what became of it.", e.uri(key))
	}
	if err != nil {
		return stored{}, err
	}
	if len(parts) != want.Parts || size != want.Bytes {
		return stored{}, responders.Doubt("The host says that it stored %d bytes in %d parts; there are %d bytes in %d parts of %s. Nothing was put together; the parts are kept for a while.",
			want.Bytes, want.Parts, size, len(parts), e.uri(key))
	}
	_, err = e.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &e.cfg.Bucket, Key: &key, UploadId: &upload, IfNoneMatch: aws.String("*"),
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil && !isCode(err, "PreconditionFailed", "NoSuchUpload") {
		return stored{}, fmt.Errorf("put %s together: %w", key, err)
	}
	o, there, err := e.stat(ctx, key)
	if err == nil && !there {
		return o, fmt.Errorf("%s is not there yet", key)
	}
	return o, err
}

// parts lists what has been uploaded.
func (e *Evidence) parts(ctx context.Context, key, upload string) ([]types.CompletedPart, int64, error) {
	var out []types.CompletedPart
	size := int64(0)
	pages := s3.NewListPartsPaginator(e.s3, &s3.ListPartsInput{Bucket: &e.cfg.Bucket, Key: &key, UploadId: &upload})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, 0, fmt.Errorf("list the parts of %s: %w", key, err)
		}
		for _, p := range page.Parts {
			out = append(out, types.CompletedPart{ETag: p.ETag, PartNumber: p.PartNumber})
			size += aws.ToInt64(p.Size)
		}
	}
	return out, size, nil
}

// signedUntil is when the credentials that sign addresses expire: the addresses
// stop working then, whatever they say themselves (Amazon S3 user guide,
// "Download and upload objects with presigned URLs"). Zero when they do not
// expire, or do not say so.
func (e *Evidence) signedUntil(ctx context.Context) (time.Time, error) {
	provider := e.s3.Options().Credentials
	if provider == nil {
		return time.Time{}, nil
	}
	c, err := provider.Retrieve(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("get the credentials that sign addresses: %w", err)
	}
	if !c.CanExpire {
		return time.Time{}, nil
	}
	return c.Expires, nil
}
