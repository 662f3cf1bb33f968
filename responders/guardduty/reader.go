package guardduty

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	gd "github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
)

// Limits of the API (GuardDuty API reference, ListFindings and GetFindings).
const (
	pageSize = 50 // ids in one answer, and findings in one question
	maxPages = 200
)

// maxAnswer bounds one answer with findings: fifty of the largest kind are
// about 2 MB.
const maxAnswer = 32 << 20

// ErrNoDetector says that GuardDuty is not set up in a place.
var ErrNoDetector = errors.New("GuardDuty has no detector there")

// ErrSuspended says that GuardDuty is set up and switched off.
var ErrSuspended = errors.New("GuardDuty is switched off there")

// ErrTooMany says that a place has more findings than are read at once; those
// updated last were read.
var ErrTooMany = fmt.Errorf("there are more than %d findings", maxPages*pageSize)

// Place is GuardDuty in one account and region. A delegated administrator's
// holds the findings of its members too.
type Place struct{ Account, Region string }

func (p Place) String() string { return p.Account + " " + p.Region }

// Reader reads what GuardDuty itself has.
type Reader struct{ sessions Sessions }

// NewReader returns a Reader. It uses the read role.
func NewReader(s Sessions) *Reader { return &Reader{s} }

func (r *Reader) client(ctx context.Context, p Place) (*gd.Client, error) {
	cfg, err := r.sessions.Config(ctx, awsrole.Request{Account: p.Account, Region: p.Region, Role: string(responders.RoleRead), Session: "securitybot-sweep"})
	if err != nil {
		return nil, err
	}
	return gd.NewFromConfig(cfg), nil
}

// Detector returns the id of the detector of a place: ErrNoDetector without
// one, ErrSuspended when it is off. There is at most one an account and region.
func (r *Reader) Detector(ctx context.Context, p Place) (string, error) {
	c, err := r.client(ctx, p)
	if err != nil {
		return "", err
	}
	return detectorOf(ctx, c)
}

func detectorOf(ctx context.Context, c *gd.Client) (string, error) {
	all, err := c.ListDetectors(ctx, &gd.ListDetectorsInput{})
	if err != nil {
		return "", fmt.Errorf("list detectors: %w", err)
	}
	if len(all.DetectorIds) == 0 {
		return "", ErrNoDetector
	}
	id := all.DetectorIds[0]
	d, err := c.GetDetector(ctx, &gd.GetDetectorInput{DetectorId: &id})
	if err != nil {
		return "", fmt.Errorf("look at the detector: %w", err)
	}
	if d.Status != types.DetectorStatusEnabled {
		return id, ErrSuspended
	}
	return id, nil
}

// Since gives use every finding of a place that is not archived and was
// updated since then, those updated last first, in batches of at most fifty.
// What cannot be used comes as an Item with the reason. It stops at the first
// error, that of use included. ErrTooMany comes after the last batch.
func (r *Reader) Since(ctx context.Context, p Place, since time.Time, use func([]findings.Item) error) error {
	c, err := r.client(ctx, p)
	if err != nil {
		return err
	}
	id, err := detectorOf(ctx, c)
	if err != nil {
		return err
	}
	in := &gd.ListFindingsInput{DetectorId: &id, MaxResults: aws.Int32(pageSize),
		SortCriteria: &types.SortCriteria{AttributeName: aws.String("updatedAt"), OrderBy: types.OrderByDesc},
		FindingCriteria: &types.FindingCriteria{Criterion: map[string]types.Condition{
			"updatedAt":        {GreaterThanOrEqual: aws.Int64(since.UnixMilli())},
			"service.archived": {Equals: []string{strconv.FormatBool(false)}},
		}}}
	for range maxPages {
		page, err := c.ListFindings(ctx, in)
		if err != nil {
			return fmt.Errorf("list findings: %w", err)
		}
		if len(page.FindingIds) > 0 {
			items, err := get(ctx, c, id, page.FindingIds)
			if err != nil {
				return err
			}
			if err := use(items); err != nil {
				return err
			}
		}
		if in.NextToken = page.NextToken; aws.ToString(in.NextToken) == "" {
			return nil
		}
	}
	return ErrTooMany
}

// get reads findings as GuardDuty writes them. The SDK's structures would lose
// what is newer than the SDK.
func get(ctx context.Context, c *gd.Client, detector string, ids []string) ([]findings.Item, error) {
	var raw []byte
	_, err := c.GetFindings(ctx, &gd.GetFindingsInput{DetectorId: &detector, FindingIds: ids}, func(o *gd.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error { return s.Deserialize.Add(keepBody(&raw), middleware.After) })
	})
	if err != nil {
		return nil, fmt.Errorf("get findings: %w", err)
	}
	var items []findings.Item
	err = findings.ParseStream(bytes.NewReader(raw), func(i findings.Item) bool {
		items = append(items, i)
		return true
	})
	if err != nil {
		return nil, fmt.Errorf("read findings: %w", err)
	}
	return items, nil
}

// keepBody keeps the body of the last answer.
func keepBody(into *[]byte) middleware.DeserializeMiddleware {
	return middleware.DeserializeMiddlewareFunc("KeepBody", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		resp, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return out, meta, err
		}
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		_ = resp.Body.Close()
		if err != nil {
			return out, meta, fmt.Errorf("read the answer: %w", err)
		}
		*into, resp.Body = body, io.NopCloser(bytes.NewReader(body))
		return out, meta, nil
	})
}
