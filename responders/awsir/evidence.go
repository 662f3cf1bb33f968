package awsir

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/securitybot/securitybot/responders"
)

// EvidenceConfig says where evidence goes: a bucket with versions in an account
// of the responders. Accounts under investigation need no right on it.
type EvidenceConfig struct {
	Bucket   string
	Region   string
	KMSKey   string // ARN; the bucket's default encryption when empty
	LockMode string // GOVERNANCE or COMPLIANCE; no Object Lock when empty
	LockDays int    // how long objects are locked
}

// Evidence is the store of evidence. It never overwrites: every object is
// created under the condition that there is none (If-None-Match, Amazon S3 User
// Guide, "conditional writes").
type Evidence struct {
	cfg  EvidenceConfig
	s3   *s3.Client
	sign *s3.PresignClient
	now  func() time.Time
}

var (
	bucketForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$`)
)

// NewEvidence returns the store. The credentials in c are those of the
// responders' account; addresses for hosts are signed with them, and stop
// working when they expire.
func NewEvidence(cfg EvidenceConfig, c aws.Config, now func() time.Time) (*Evidence, error) {
	switch {
	case !bucketForm.MatchString(cfg.Bucket):
		return nil, fmt.Errorf("evidence: %q is not the name of a bucket", cfg.Bucket)
	case cfg.LockMode != "" && (cfg.LockMode != "GOVERNANCE" && cfg.LockMode != "COMPLIANCE" || cfg.LockDays < 1):
		return nil, errors.New("evidence: the lock mode is GOVERNANCE or COMPLIANCE, with a number of days")
	}
	client := s3.NewFromConfig(c, func(o *s3.Options) {
		if cfg.Region != "" {
			o.Region = cfg.Region
		}
		o.UsePathStyle = o.BaseEndpoint != nil                                     // endpoints of one's own rarely know buckets as names
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenSupported // S3 wants one under Object Lock
	})
	// A checksum in an address would be that of an empty body.
	sign := s3.NewPresignClient(s3.New(client.Options(), func(o *s3.Options) {
		o.UsePathStyle = o.BaseEndpoint != nil // endpoints of one's own rarely know buckets as names
		o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	}))
	return &Evidence{cfg: cfg, s3: client, sign: sign, now: now}, nil
}

// folder is where the objects of a case are.
func folder(j responders.Job) string {
	if nameForm.MatchString(j.Case) {
		return "cases/" + j.Case + "/"
	}
	return "cases/none/"
}

// key names an object of a job.
func (e *Evidence) key(j responders.Job, name string) string { return folder(j) + j.ID + "/" + name }

// uri is how artifacts name an object.
func (e *Evidence) uri(key string) string { return "s3://" + e.cfg.Bucket + "/" + key }

// create stores an object unless there is one; it says whether it did.
func (e *Evidence) create(ctx context.Context, key, contentType string, body []byte, meta map[string]string) (bool, error) {
	in := e.unlocked(key, body)
	in.ContentType, in.Metadata = &contentType, meta
	in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockMode(e.cfg.LockMode), e.lockedUntil()
	_, err := e.s3.PutObject(ctx, in)
	switch {
	case isCode(err, "PreconditionFailed"):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("store %s: %w", key, err)
	}
	return true, nil
}

// unlocked is the request that creates an object without a lock.
func (e *Evidence) unlocked(key string, body []byte) *s3.PutObjectInput {
	in := &s3.PutObjectInput{Bucket: &e.cfg.Bucket, Key: &key, Body: bytes.NewReader(body), IfNoneMatch: aws.String("*"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256}
	if e.cfg.KMSKey != "" {
		in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, &e.cfg.KMSKey
	}
	return in
}

func (e *Evidence) lockedUntil() *time.Time {
	if e.cfg.LockMode == "" {
		return nil
	}
	until := e.now().UTC().Truncate(time.Second).AddDate(0, 0, e.cfg.LockDays)
	return &until
}

// lock protects an object that a host created: an address for one upload
// cannot carry a lock without the host knowing of it.
func (e *Evidence) lock(ctx context.Context, key string, o stored) error {
	if e.cfg.LockMode == "" {
		return nil
	}
	in := &s3.PutObjectRetentionInput{Bucket: &e.cfg.Bucket, Key: &key,
		Retention: &types.ObjectLockRetention{Mode: types.ObjectLockRetentionMode(e.cfg.LockMode), RetainUntilDate: e.lockedUntil()}}
	if o.Version != "" {
		in.VersionId = &o.Version
	}
	if _, err := e.s3.PutObjectRetention(ctx, in); err != nil {
		return fmt.Errorf("lock %s: %w", key, err)
	}
	return nil
}

// putAddress returns an address that creates one object, once.
func (e *Evidence) putAddress(ctx context.Context, key, contentType string, valid time.Duration) (string, error) {
	in := &s3.PutObjectInput{Bucket: &e.cfg.Bucket, Key: &key, ContentType: &contentType, IfNoneMatch: aws.String("*")}
	r, err := e.sign.PresignPutObject(ctx, in, s3.WithPresignExpires(valid))
	return address(r, err)
}

// getAddress returns an address that reads one object.
func (e *Evidence) getAddress(ctx context.Context, bucket, key string, valid time.Duration) (string, error) {
	r, err := e.sign.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key}, s3.WithPresignExpires(valid))
	return address(r, err)
}

func address(r *v4.PresignedHTTPRequest, err error) (string, error) {
	if err != nil {
		return "", fmt.Errorf("sign an address: %w", err)
	}
	return r.URL, nil
}

// stored is an object that is there.
type stored struct {
	Size    int64
	Version string
	Meta    map[string]string
}

// stat looks an object up; false is "there is none".
func (e *Evidence) stat(ctx context.Context, key string) (stored, bool, error) {
	out, err := e.s3.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &e.cfg.Bucket, Key: &key})
	if notThere(err) {
		return stored{}, false, nil
	}
	if err != nil {
		return stored{}, false, fmt.Errorf("look up %s: %w", key, err)
	}
	return stored{aws.ToInt64(out.ContentLength), aws.ToString(out.VersionId), out.Metadata}, true, nil
}

// read returns a small object, at most limit bytes of it.
func (e *Evidence) read(ctx context.Context, key string, limit int64) ([]byte, error) {
	out, err := e.s3.GetObject(ctx, &s3.GetObjectInput{Bucket: &e.cfg.Bucket, Key: &key})
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	defer out.Body.Close()
	body, err := io.ReadAll(io.LimitReader(out.Body, limit))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return body, nil
}

// reading is how far an object has been read back. It goes on after a crash.
type reading struct {
	At    int64  `json:"at"`
	State []byte `json:"state,omitempty"` // of the hash
}

// slice is how much of an object is read back at a time, in bytes.
const slice = 64 << 20

// readBack hashes the next slice of what is stored, and returns the hash of
// all of it after the last one. S3's own digests of multipart uploads are not
// those of the object.
func (e *Evidence) readBack(ctx context.Context, key string, o stored, r *reading) (string, error) {
	h := sha256.New()
	if len(r.State) > 0 {
		if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(r.State); err != nil {
			return "", fmt.Errorf("go on reading %s: %w", key, err)
		}
	}
	if r.At < o.Size {
		in := &s3.GetObjectInput{Bucket: &e.cfg.Bucket, Key: &key, Range: aws.String(fmt.Sprintf("bytes=%d-%d", r.At, min(r.At+slice, o.Size)-1))}
		if o.Version != "" {
			in.VersionId = &o.Version
		}
		out, err := e.s3.GetObject(ctx, in)
		if err != nil {
			return "", fmt.Errorf("read back %s: %w", key, err)
		}
		defer out.Body.Close()
		n, err := io.Copy(h, out.Body)
		if err != nil {
			return "", fmt.Errorf("read back %s: %w", key, err)
		}
		r.At += n
	}
	if r.At >= o.Size {
		return hex.EncodeToString(h.Sum(nil)), nil
	}
	state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		return "", fmt.Errorf("read back %s: %w", key, err)
	}
	r.State = state
	return "", nil
}

// notThere says whether S3 answered that there is no such object.
func notThere(err error) bool {
	var r interface{ HTTPStatusCode() int }
	return errors.As(err, &r) && r.HTTPStatusCode() == http.StatusNotFound
}
