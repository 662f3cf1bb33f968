package awsir

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/securitybot/securitybot/responders"
)

// look describes the instance of the job, in the account and region of the
// job. It refuses when it is not there.
func (v *visit) look(ctx context.Context) (types.Instance, error) {
	t := v.job.Target
	c, err := v.read(ctx)
	if err != nil {
		return types.Instance{}, err
	}
	out, err := c.ec2.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{t.Instance}, IncludeManagedResources: aws.Bool(true)})
	gone := responders.Refuse("There is no instance %s in account %s, region %s. Terminated instances disappear after about an hour.", t.Instance, t.Account, t.Region)
	if isCode(err, "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed") {
		return types.Instance{}, gone
	}
	if err != nil {
		return types.Instance{}, fmt.Errorf("describe the instance: %w", err)
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			if aws.ToString(i.InstanceId) != t.Instance {
				continue
			}
			if owner := aws.ToString(r.OwnerId); owner != t.Account {
				return i, responders.Refuse("The instance belongs to account %s, not to %s. Nothing was changed; check the configured roles.", owner, t.Account)
			}
			return i, nil
		}
	}
	return types.Instance{}, gone
}

// untouchable refuses an instance that nobody, or at least we, may change.
func untouchable(i types.Instance) error {
	if strings.EqualFold(tagOf(i.Tags, ProtectedTag), "true") {
		return responders.Refuse("The instance is protected by its tag %s. Its owner has to remove the tag first.", ProtectedTag)
	}
	if op := i.Operator; op != nil && aws.ToBool(op.Managed) {
		return responders.Refuse("The instance is managed by %s, and AWS lets nobody else change it. Act on the workload (for Kubernetes: cordon the node, isolate the pod) instead.", aws.ToString(op.Principal))
	}
	return nil
}

func tagOf(tags []types.Tag, key string) string {
	for _, t := range tags {
		if aws.ToString(t.Key) == key {
			return aws.ToString(t.Value)
		}
	}
	return ""
}

// facts shows and records what kind of instance it is.
func (v *visit) facts(i types.Instance, p *responders.Plan) {
	state := ""
	if i.State != nil {
		state = string(i.State.Name)
	}
	profile := ""
	if i.IamInstanceProfile != nil {
		profile = aws.ToString(i.IamInstanceProfile.Arn)
	}
	for _, f := range []responders.Fact{{Label: "name", Value: tagOf(i.Tags, "Name")}, {Label: "state", Value: state}, {Label: "type", Value: string(i.InstanceType)},
		{Label: "platform", Value: aws.ToString(i.PlatformDetails)}, {Label: "architecture", Value: string(i.Architecture)},
		{Label: "image", Value: aws.ToString(i.ImageId)}, {Label: "launched", Value: aws.ToTime(i.LaunchTime).UTC().Format("2006-01-02 15:04 UTC")},
		{Label: "network", Value: aws.ToString(i.VpcId)}, {Label: "lifecycle", Value: string(i.InstanceLifecycle)}, {Label: "instance profile", Value: profile}} {
		if f.Value == "" {
			continue
		}
		v.fact(f.Label, f.Value)
		if p != nil {
			p.Facts = append(p.Facts, f)
		}
	}
}

// nic is a network interface of the instance.
type nic struct {
	ID, VPC, Kind, Instance string
	Groups                  []string // in AWS's order
	Fixed                   string   // why its groups cannot be changed by us; empty when they can
}

// nics lists the network interfaces attached to the instance now, in order of
// ids.
func (v *visit) nics(ctx context.Context) ([]nic, error) {
	return v.interfaces(ctx, "attachment.instance-id", v.job.Target.Instance)
}

func (v *visit) interfaces(ctx context.Context, filter string, values ...string) ([]nic, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	var out []nic
	// Interfaces of AWS's services can be hidden by the account's settings. One
	// that is not seen would be taken for isolated.
	pages := ec2.NewDescribeNetworkInterfacesPaginator(c.ec2, &ec2.DescribeNetworkInterfacesInput{IncludeManagedResources: aws.Bool(true),
		Filters: []types.Filter{{Name: &filter, Values: values}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe network interfaces: %w", err)
		}
		for _, e := range page.NetworkInterfaces {
			n := nic{ID: aws.ToString(e.NetworkInterfaceId), VPC: aws.ToString(e.VpcId), Kind: string(e.InterfaceType)}
			if e.Attachment != nil {
				n.Instance = aws.ToString(e.Attachment.InstanceId)
			}
			for _, g := range e.Groups {
				n.Groups = append(n.Groups, aws.ToString(g.GroupId))
			}
			switch {
			case e.Operator != nil && aws.ToBool(e.Operator.Managed):
				n.Fixed = "it is managed by " + aws.ToString(e.Operator.Principal)
			case aws.ToBool(e.RequesterManaged):
				n.Fixed = "an AWS service manages it"
			case aws.ToString(e.OwnerId) != v.job.Target.Account:
				n.Fixed = "it belongs to account " + aws.ToString(e.OwnerId)
			}
			out = append(out, n)
		}
	}
	slices.SortFunc(out, func(a, b nic) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// volumes lists the volumes attached to the instance.
func (v *visit) volumes(ctx context.Context) ([]types.Volume, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	var out []types.Volume
	pages := ec2.NewDescribeVolumesPaginator(c.ec2, &ec2.DescribeVolumesInput{IncludeManagedResources: aws.Bool(true), Filters: []types.Filter{
		{Name: aws.String("attachment.instance-id"), Values: []string{v.job.Target.Instance}}}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe volumes: %w", err)
		}
		out = append(out, page.Volumes...)
	}
	return out, nil
}

// rehearse makes a call with DryRun set and says what AWS would object to.
func rehearse(err error) error {
	if isCode(err, "DryRunOperation") {
		return nil
	}
	if err == nil {
		return fmt.Errorf("AWS did not recognise the dry run")
	}
	return err
}
