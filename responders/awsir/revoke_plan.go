package awsir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/securitybot/securitybot/responders"
)

func (revokeAction) plan(ctx context.Context, v *visit, p *responders.Plan) error {
	i, err := v.look(ctx)
	if err != nil {
		return err
	}
	v.facts(i, p)
	role, err := v.revocable(ctx, i)
	var r revocation
	var known bool
	if err == nil {
		r, _, known, err = v.revocation(ctx)
	}
	switch {
	case err == nil && known:
		if err = r.fits(role); err == nil {
			_, _, err = v.denial(ctx, r)
		}
		p.Warn = append(p.Warn, fmt.Sprintf("Its credentials were revoked before, or that was begun, by job %s at %s. What it got since is revoked, too.", r.Job, r.At.Format("2006-01-02 15:04 MST")))
	case err == nil:
		err = v.unclaimed(ctx, role)
	}
	if errors.Is(err, responders.ErrRefused) {
		p.Refusal = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	// IAM has no dry run; that the session is to be had is what can be tried.
	if _, err := v.write(ctx, may([]string{role.ARN}, "iam:PutRolePolicy")); err != nil {
		return err
	}
	others, err := v.sharers(ctx, role)
	if err != nil {
		return err
	}
	what := []responders.Fact{{Label: "role", Value: role.Name + ", " + role.ID}}
	p.Steps = []string{
		fmt.Sprintf("deny everything to the credentials that this instance has got of the role %s so far, by the policy %s within the role", role.Name, policyName(v.job.Target)),
		"read the policy back, twice",
	}
	p.Warn = append(p.Warn, "Programs on the instance that call AWS are refused until they get new credentials, which can take up to six hours; a restart of the instance is no certain way.",
		"The SSM agent is one of them: take evidence first. osquery, memory and tcpdump will not run until it has new credentials.")
	if len(others) > 0 {
		what = append(what, responders.Fact{Label: "others with the role", Value: shortList(others)})
		p.Warn = append(p.Warn, fmt.Sprintf("Other instances in %s with the same profile: %d. They are not touched: if one of them is taken over as well, revoke it, too.", v.job.Target.Region, len(others)))
	}
	p.Warn = append(p.Warn, stillUsable...)
	p.Facts = append(what, p.Facts...) // the first few are shown
	return nil
}

// sharers are the other instances in the region with the same instance profile,
// that have not ended.
func (v *visit) sharers(ctx context.Context, role instanceRole) ([]string, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	var out []string
	pages := ec2.NewDescribeInstancesPaginator(c.ec2, &ec2.DescribeInstancesInput{IncludeManagedResources: aws.Bool(true), Filters: []types.Filter{
		{Name: aws.String("iam-instance-profile.arn"), Values: []string{role.Profile}},
		{Name: aws.String("instance-state-name"), Values: []string{"pending", "running", "stopping", "stopped"}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for other instances with the role: %w", err)
		}
		for _, r := range page.Reservations {
			for _, i := range r.Instances {
				if id := aws.ToString(i.InstanceId); id != v.job.Target.Instance {
					out = append(out, id)
				}
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// shortList names the first few.
func shortList(ids []string) string {
	const shown = 10
	if len(ids) <= shown {
		return strings.Join(ids, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(ids[:shown], ", "), len(ids)-shown)
}

// unrevokeAction takes a revocation back, from its record alone: the instance
// may be gone.
type unrevokeAction struct{}

func (unrevokeAction) plan(ctx context.Context, v *visit, p *responders.Plan) error {
	r, _, ok, err := v.revocation(ctx)
	if err == nil && !ok {
		err = nothingRevoked(v.job.Target)
	}
	var before time.Time
	var there bool
	if err == nil {
		before, there, err = v.denial(ctx, r)
	}
	if errors.Is(err, responders.ErrRefused) {
		p.Refusal = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := v.write(ctx, may([]string{r.Role.ARN}, "iam:DeleteRolePolicy")); err != nil {
		return err
	}
	p.Facts = append(p.Facts, responders.Fact{Label: "role", Value: r.Role.Name + ", " + r.Role.ID}, responders.Fact{Label: "revoked by job", Value: r.Job}, responders.Fact{Label: "revoked at", Value: r.At.Format(time.RFC3339)})
	if there {
		p.Steps = append(p.Steps, fmt.Sprintf("delete the policy %s within the role %s, and look that it is gone", policyName(v.job.Target), r.Role.Name))
		p.Warn = append(p.Warn, fmt.Sprintf("Credentials that were taken from the instance before %s work again, unless they have expired. An instance's own expire after six hours or so.", before.Format("2006-01-02 15:04 MST")))
	} else {
		p.Warn = append(p.Warn, "The policy is not there any more: only the record is removed.")
	}
	p.Steps = append(p.Steps, "remove the record")
	return nil
}

func nothingRevoked(t responders.Target) error {
	return responders.Refuse("There is no record that the bot revoked credentials of %s, so there is nothing to take back. If it did, look at the role of the instance for the policy %s.", t.Instance, policyName(t))
}
