package awsir

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// isolationGroups sees to it that each VPC of the instance has a group without
// a single rule, and goes on when all have. A step makes one group, or strips
// one.
func (v *visit) isolationGroups(ctx context.Context, s isolation) (responders.Progress, error) {
	nics, err := v.nics(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	s.Groups = map[string]string{}
	for _, n := range nics {
		if n.Fixed != "" || s.Groups[n.VPC] != "" {
			continue
		}
		id, err := v.isolationGroup(ctx, n.VPC)
		if err != nil {
			return responders.Progress{}, err
		}
		if id == "" {
			return responders.Progress{Again: time.Second}, nil // made or stripped: look again
		}
		s.Groups[n.VPC] = id
	}
	failpoint.Hit("isolate.grouped")
	return responders.Progress{}, enter(v.job, phaseApply, s)
}

// isolationGroup finds the isolation group of a VPC, or does one thing towards
// having one and returns "". A group is used only if it is seen to be empty in
// both directions: whoever controls the account can plant one that is not,
// under any name and tag.
func (v *visit) isolationGroup(ctx context.Context, vpc string) (string, error) {
	found, err := v.groups(ctx, types.Filter{Name: aws.String("tag-key"), Values: []string{isolationTag}}, types.Filter{Name: aws.String("vpc-id"), Values: []string{vpc}})
	if err != nil {
		return "", err
	}
	for _, g := range found {
		rules, err := v.rules(ctx, aws.ToString(g.GroupId))
		if err != nil {
			return "", err
		}
		if len(rules) == 0 && len(g.IpPermissions) == 0 && len(g.IpPermissionsEgress) == 0 {
			return aws.ToString(g.GroupId), nil
		}
	}
	for _, g := range found {
		if tagOf(g.Tags, jobTag) == v.job.ID && aws.ToString(g.GroupName) == v.groupName() {
			return "", v.strip(ctx, g)
		}
		v.skip(fmt.Sprintf("Group %s has our tag but also has rules; it was not used. Find out who made it.", aws.ToString(g.GroupId)))
	}
	return "", v.makeGroup(ctx, vpc)
}

// groupName is the name of the group a job makes. Names are unique in a VPC,
// so a call that is repeated does not make a second one.
func (v *visit) groupName() string { return "securitybot-isolation-" + strings.ToLower(v.job.ID) }

func (v *visit) rules(ctx context.Context, group string) ([]types.SecurityGroupRule, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	var out []types.SecurityGroupRule
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(c.ec2, &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{group}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe the rules of %s: %w", group, err)
		}
		out = append(out, page.SecurityGroupRules...)
	}
	return out, nil
}

func (v *visit) makeGroup(ctx context.Context, vpc string) error {
	c, err := v.write(ctx, v.mayMakeGroup(vpc)...)
	if err != nil {
		return err
	}
	tags := v.tags()
	tags[isolationTag] = "v1"
	err = v.once("ec2:CreateSecurityGroup", func() (middleware.Metadata, error) {
		out, err := c.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String(v.groupName()), VpcId: &vpc,
			Description:       aws.String("No rules: isolates instances under investigation"),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroup, Tags: asTags(tags)}}})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
	if isCode(err, "InvalidGroup.Duplicate") {
		return v.duplicate(ctx, vpc)
	}
	if final(err) && !denied(err) {
		return responders.Refuse("AWS did not make a security group for the isolation (%s). If the quota of groups is used up, delete some or raise it, and ask again. The instance keeps its groups.", errorCode(err))
	}
	if err != nil {
		return fmt.Errorf("create the isolation group: %w", err)
	}
	return nil
}

// duplicate is for a group of our name that a look by tags did not show:
// either it is ours and not visible yet, or somebody else's without our tags.
func (v *visit) duplicate(ctx context.Context, vpc string) error {
	found, err := v.groups(ctx, types.Filter{Name: aws.String("group-name"), Values: []string{v.groupName()}}, types.Filter{Name: aws.String("vpc-id"), Values: []string{vpc}})
	if err != nil {
		return err
	}
	if len(found) > 0 && tagOf(found[0].Tags, isolationTag) == "" {
		return responders.Refuse("Somebody has made a security group named %s (%s). Delete it and ask again; find out who made it. The instance keeps its groups.", v.groupName(), aws.ToString(found[0].GroupId))
	}
	return nil
}

// strip takes the default rules out of a group that this job made: by id,
// because by value a mismatch is no error in a default VPC (EC2 API reference,
// RevokeSecurityGroupEgress).
func (v *visit) strip(ctx context.Context, g types.SecurityGroup) error {
	rules, err := v.rules(ctx, aws.ToString(g.GroupId))
	if err != nil {
		return err
	}
	if slices.ContainsFunc(rules, func(r types.SecurityGroupRule) bool { return !aws.ToBool(r.IsEgress) }) {
		return responders.Refuse("The isolation group %s that this job made has been given a rule that lets traffic in. Somebody in the account works against us: delete the group, find out who did it, and ask again. The instance keeps its groups.", aws.ToString(g.GroupId))
	}
	var ids []string
	for _, r := range rules {
		ids = append(ids, aws.ToString(r.SecurityGroupRuleId))
	}
	if len(ids) == 0 {
		return nil // the two views differ: look again
	}
	c, err := v.write(ctx, v.mayMakeGroup(aws.ToString(g.VpcId))...)
	if err != nil {
		return err
	}
	err = v.once("ec2:RevokeSecurityGroupEgress", func() (middleware.Metadata, error) {
		out, err := c.ec2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: g.GroupId, SecurityGroupRuleIds: ids})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
	if err != nil && !isCode(err, "InvalidSecurityGroupRuleId.NotFound") {
		return fmt.Errorf("empty the isolation group: %w", err)
	}
	return nil
}
