package awsir

import (
	"context"
	"fmt"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// scaling returns the instance's place in an Auto Scaling group, or nil.
func (v *visit) scaling(ctx context.Context) (*membership, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	out, err := c.asg.DescribeAutoScalingInstances(ctx, &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: []string{v.job.Target.Instance}})
	if err != nil {
		return nil, fmt.Errorf("describe the Auto Scaling membership: %w", err)
	}
	for _, m := range out.AutoScalingInstances {
		if aws.ToString(m.InstanceId) == v.job.Target.Instance {
			return &membership{Group: aws.ToString(m.AutoScalingGroupName), State: aws.ToString(m.LifecycleState)}, nil
		}
	}
	return nil, nil
}

// maxTargetGroups bounds how many target groups of a VPC are looked at: there
// is one call for each.
const maxTargetGroups = 300

// registrations finds the target groups that send traffic to the instance, by
// its id or one of its addresses. There is no look-up by target: all target
// groups of its VPCs are asked.
func (v *visit) registrations(ctx context.Context, i types.Instance) ([]registration, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	mine, vpcs := map[string]bool{v.job.Target.Instance: true}, map[string]bool{aws.ToString(i.VpcId): true}
	for _, n := range i.NetworkInterfaces {
		vpcs[aws.ToString(n.VpcId)] = true
		mine[aws.ToString(n.PrivateIpAddress)] = true
		for _, a := range n.PrivateIpAddresses {
			mine[aws.ToString(a.PrivateIpAddress)] = true
		}
		for _, a := range n.Ipv6Addresses {
			mine[aws.ToString(a.Ipv6Address)] = true
		}
	}
	delete(mine, "")
	var groups []string
	pages := elb.NewDescribeTargetGroupsPaginator(c.elb, &elb.DescribeTargetGroupsInput{})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("describe target groups: %w", err)
		}
		for _, g := range page.TargetGroups {
			if vpcs[aws.ToString(g.VpcId)] && (g.TargetType == elbtypes.TargetTypeEnumInstance || g.TargetType == elbtypes.TargetTypeEnumIp) {
				groups = append(groups, aws.ToString(g.TargetGroupArn))
			}
		}
	}
	if len(groups) > maxTargetGroups {
		return nil, tooMany(fmt.Sprintf("%d target groups are in the network, and at most %d are looked at", len(groups), maxTargetGroups))
	}
	return registered(ctx, c, groups, mine)
}

// registered asks target groups, eight at a time, in their order.
func registered(ctx context.Context, c *clients, groups []string, mine map[string]bool) ([]registration, error) {
	found, errs := make([][]registration, len(groups)), make([]error, len(groups))
	var wg sync.WaitGroup
	slots := make(chan struct{}, 8)
	for at, arn := range groups {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			found[at], errs[at] = targetsIn(ctx, c, arn, mine)
		})
	}
	wg.Wait()
	var out []registration
	for at := range groups {
		if errs[at] != nil {
			return nil, errs[at]
		}
		out = append(out, found[at]...)
	}
	return out, nil
}

func targetsIn(ctx context.Context, c *clients, arn string, mine map[string]bool) ([]registration, error) {
	out, err := c.elb.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &arn})
	if isCode(err, "TargetGroupNotFound") {
		return nil, nil // deleted meanwhile
	}
	if err != nil {
		return nil, fmt.Errorf("describe the targets of %s: %w", arn, err)
	}
	var found []registration
	for _, d := range out.TargetHealthDescriptions {
		if d.Target == nil || !mine[aws.ToString(d.Target.Id)] || d.TargetHealth != nil && d.TargetHealth.State == elbtypes.TargetHealthStateEnumDraining {
			continue
		}
		found = append(found, registration{Group: arn, ID: aws.ToString(d.Target.Id), Port: aws.ToInt32(d.Target.Port)})
	}
	return found, nil
}

// protections reads what keeps the instance from being deleted.
func (v *visit) protections(ctx context.Context, i types.Instance) (*protection, error) {
	c, err := v.read(ctx)
	if err != nil {
		return nil, err
	}
	p := &protection{Delete: map[string]bool{}, Spot: i.InstanceLifecycle == types.InstanceLifecycleTypeSpot}
	for _, name := range []types.InstanceAttributeName{types.InstanceAttributeNameDisableApiTermination, types.InstanceAttributeNameDisableApiStop,
		types.InstanceAttributeNameInstanceInitiatedShutdownBehavior} {
		out, err := c.ec2.DescribeInstanceAttribute(ctx, &ec2.DescribeInstanceAttributeInput{InstanceId: &v.job.Target.Instance, Attribute: name})
		if err != nil {
			return nil, fmt.Errorf("describe %s: %w", name, err)
		}
		switch {
		case out.DisableApiTermination != nil:
			p.NoTermination = aws.ToBool(out.DisableApiTermination.Value)
		case out.DisableApiStop != nil:
			p.NoStop = aws.ToBool(out.DisableApiStop.Value)
		case out.InstanceInitiatedShutdownBehavior != nil:
			p.Shutdown = aws.ToString(out.InstanceInitiatedShutdownBehavior.Value)
		}
	}
	for _, d := range i.BlockDeviceMappings {
		if d.Ebs != nil {
			p.Delete[aws.ToString(d.DeviceName)] = aws.ToBool(d.Ebs.DeleteOnTermination)
		}
	}
	return p, nil
}
