package guardduty

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	gd "github.com/aws/aws-sdk-go-v2/service/guardduty"
	"github.com/aws/aws-sdk-go-v2/service/guardduty/types"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
)

// Sessions gives configurations for clients in accounts.
type Sessions interface {
	Config(context.Context, awsrole.Request) (aws.Config, error)
}

// Confirmer asks GuardDuty in the account of the finding, under the read role.
type Confirmer struct{ sessions Sessions }

// New returns a Confirmer.
func New(s Sessions) *Confirmer { return &Confirmer{sessions: s} }

// Confirm says whether GuardDuty has this finding, with this type, for this
// account and this instance. An error means that it could not be asked now; a
// finding without detector or id, and a detector of somebody else, are no.
func (c *Confirmer) Confirm(ctx context.Context, f *findings.Finding) (bool, error) {
	if f.Detector == "" || f.ID == "" || f.Account == "" || f.Region == "" || f.Instance.ID == "" {
		return false, nil
	}
	cfg, err := c.sessions.Config(ctx, awsrole.Request{Account: f.Account, Region: f.Region, Role: string(responders.RoleRead), Session: "securitybot-confirm"})
	if err != nil {
		return false, fmt.Errorf("confirm finding: %w", err)
	}
	out, err := gd.NewFromConfig(cfg).GetFindings(ctx, &gd.GetFindingsInput{DetectorId: &f.Detector, FindingIds: []string{f.ID}})
	var bad *types.BadRequestException
	if errors.As(err, &bad) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("confirm finding: %w", err)
	}
	for _, have := range out.Findings {
		if matches(have, f) {
			return true, nil
		}
	}
	return false, nil
}

func matches(have types.Finding, f *findings.Finding) bool {
	if aws.ToString(have.Id) != f.ID || aws.ToString(have.AccountId) != f.Account || aws.ToString(have.Type) != f.Type {
		return false
	}
	r := have.Resource
	return r != nil && r.InstanceDetails != nil && aws.ToString(r.InstanceDetails.InstanceId) == f.Instance.ID
}
