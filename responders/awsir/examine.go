package awsir

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Reasons for which a document of ours cannot be run.
var (
	ErrDocumentMissing = errors.New("it is not there in the version of this release")
	ErrDocumentChanged = errors.New("its content is not ours: the hash is different")
)

// CheckDocument says whether a document is there, in our version, with our
// hash. The configuration is that of the read role in the account and region.
func CheckDocument(ctx context.Context, cfg aws.Config, d Document) error {
	_, err := documentThere(ctx, cfg, d)
	return err
}

// documentThere returns the number of our version of a document, after
// comparing its hash: the account it is in may be the attacker's.
func documentThere(ctx context.Context, cfg aws.Config, d Document) (version string, err error) {
	out, err := ssm.NewFromConfig(cfg).DescribeDocument(ctx, &ssm.DescribeDocumentInput{Name: &d.Name, VersionName: &d.VersionName})
	if isCode(err, "InvalidDocument", "InvalidDocumentVersion") {
		return "", ErrDocumentMissing
	}
	if err != nil {
		return "", fmt.Errorf("look at the document: %w", err)
	}
	if out.Document == nil || out.Document.HashType != types.DocumentHashTypeSha256 || aws.ToString(out.Document.Hash) != d.SHA256 {
		return "", ErrDocumentChanged
	}
	return aws.ToString(out.Document.DocumentVersion), nil
}

// Vault is what a bucket says of how it keeps what is in it.
type Vault struct {
	Versions bool // overwritten and deleted objects are kept
	Lock     bool // objects can be locked
}

// Vault asks the bucket how it keeps evidence.
func (e *Evidence) Vault(ctx context.Context) (Vault, error) {
	v, err := e.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &e.cfg.Bucket})
	if err != nil {
		return Vault{}, fmt.Errorf("look at versioning: %w", err)
	}
	out := Vault{Versions: v.Status == s3types.BucketVersioningStatusEnabled}
	l, err := e.s3.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: &e.cfg.Bucket})
	switch {
	case isCode(err, "ObjectLockConfigurationNotFoundError"):
		return out, nil
	case err != nil:
		return Vault{}, fmt.Errorf("look at Object Lock: %w", err)
	}
	out.Lock = l.ObjectLockConfiguration != nil && l.ObjectLockConfiguration.ObjectLockEnabled == s3types.ObjectLockEnabledEnabled
	return out, nil
}
