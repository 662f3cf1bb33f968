package awsir

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

// The phases here make isolation better but are not isolation: what fails is
// tried twice, said, and does not hold up the rest.

// change makes one call that changes something and writes it down.
type change func() (middleware.Metadata, error)

// once makes a change.
func (v *visit) once(op string, do change) error {
	meta, err := do()
	v.did(op, meta, err)
	return err
}

// try makes a change that may be repeated, a second time when the first was
// not clearly refused.
func (v *visit) try(op string, do change) error {
	err := v.once(op, do)
	if err != nil && !final(err) {
		err = v.once(op, do)
	}
	return err
}

// still says what remains possible or was not done.
func (v *visit) still(format string, args ...any) {
	v.job.Still = add(v.job.Still, fmt.Sprintf(format, args...))
}

// maxTagValue is the length of a tag's value (EC2 user guide, "Tag
// restrictions"); sixteen groups do not fit in one.
const maxTagValue = 256

// originalTags are the groups of an interface as tags, in order.
func originalTags(groups []string) []types.Tag {
	var lines []string
	for _, g := range groups {
		if n := len(lines); n > 0 && len(lines[n-1])+1+len(g) <= maxTagValue {
			lines[n-1] += " " + g
			continue
		}
		lines = append(lines, g)
	}
	var out []types.Tag
	for n, line := range lines {
		key := originalTag
		if n > 0 {
			key = fmt.Sprintf("%s-%d", originalTag, n+1)
		}
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(line)})
	}
	return out
}

// mark writes the originals and the record's hash into tags: a second place,
// for people, in case the record is lost.
func (v *visit) mark(ctx context.Context, s isolation, o original) (responders.Progress, error) {
	c, err := v.write(ctx, v.mayTag("CreateTags")...)
	if err != nil {
		return responders.Progress{}, err
	}
	tag := func(id string, tags []types.Tag) {
		err := v.try("ec2:CreateTags", func() (middleware.Metadata, error) {
			out, err := c.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: tags})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		})
		if err != nil {
			v.skip(fmt.Sprintf("%s was not tagged with what was before (%s).", id, errorCode(err)))
		}
	}
	tag(v.job.Target.Instance, []types.Tag{{Key: aws.String(jobTag), Value: &v.job.ID}, {Key: aws.String(recordTag), Value: &s.Record}})
	for _, w := range o.Interfaces {
		tag(w.ID, originalTags(w.Groups))
	}
	failpoint.Hit("isolate.marked")
	return responders.Progress{}, enter(v.job, phaseProtect, s)
}

// protect keeps the instance and its volumes from being deleted. One call sets
// one attribute (EC2 API reference, ModifyInstanceAttribute).
func (v *visit) protect(ctx context.Context, s isolation, o original) (responders.Progress, error) {
	if o.Protection != nil {
		c, err := v.write(ctx, v.mayProtect()...)
		if err != nil {
			return responders.Progress{}, err
		}
		want := *o.Protection
		want.NoTermination, want.NoStop, want.Shutdown, want.Delete = true, true, "stop", map[string]bool{}
		for device := range o.Protection.Delete {
			want.Delete[device] = false
		}
		for name, err := range v.setProtection(ctx, c, *o.Protection, want) {
			v.still("It may still be deleted: %s could not be set (%s).", name, errorCode(err))
		}
		if want.Spot {
			v.still("It is a Spot instance: it cannot be protected, and AWS may take it back with two minutes' notice.")
		}
		v.note("protected against termination; its volumes survive it")
	}
	failpoint.Hit("isolate.protected")
	return responders.Progress{}, enter(v.job, phaseStandby, s)
}

// setProtection changes what differs between two states, one attribute a call,
// and returns what failed.
func (v *visit) setProtection(ctx context.Context, c *clients, from, to protection) map[string]error {
	failed := map[string]error{}
	modify := func(name string, in *ec2.ModifyInstanceAttributeInput) {
		in.InstanceId = &v.job.Target.Instance
		if err := v.try("ec2:ModifyInstanceAttribute", func() (middleware.Metadata, error) {
			out, err := c.ec2.ModifyInstanceAttribute(ctx, in)
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		}); err != nil {
			failed[name] = err
		}
	}
	// Termination protection cannot be set on Spot instances (EC2 API reference).
	if from.NoTermination != to.NoTermination && !to.Spot {
		modify("termination protection", &ec2.ModifyInstanceAttributeInput{DisableApiTermination: &types.AttributeBooleanValue{Value: &to.NoTermination}})
	}
	if from.NoStop != to.NoStop && !to.Spot {
		modify("stop protection", &ec2.ModifyInstanceAttributeInput{DisableApiStop: &types.AttributeBooleanValue{Value: &to.NoStop}})
	}
	if from.Shutdown != to.Shutdown && to.Shutdown != "" {
		modify("shutdown behaviour", &ec2.ModifyInstanceAttributeInput{InstanceInitiatedShutdownBehavior: &types.AttributeValue{Value: &to.Shutdown}})
	}
	for _, device := range slices.Sorted(maps.Keys(to.Delete)) {
		if from.Delete[device] == to.Delete[device] {
			continue
		}
		modify("the volume at "+device, &ec2.ModifyInstanceAttributeInput{BlockDeviceMappings: []types.InstanceBlockDeviceMappingSpecification{
			{DeviceName: aws.String(device), Ebs: &types.EbsInstanceBlockDeviceSpecification{DeleteOnTermination: aws.Bool(to.Delete[device])}}}})
	}
	return failed
}

// standby takes the instance out of its Auto Scaling group's hands, which
// would find it unhealthy and terminate it: termination protection does not
// stop Auto Scaling (EC2 user guide, "Terminate instances").
func (v *visit) standby(ctx context.Context, s isolation, o original) (responders.Progress, error) {
	if o.Scaling != nil && o.Scaling.State == "InService" {
		if err := v.enterStandby(ctx, o.Scaling.Group); err != nil {
			v.still("Auto Scaling may replace and terminate it: it could not be put in standby (%s). Suspend ReplaceUnhealthy of %s.", errorCode(err), o.Scaling.Group)
		}
	}
	failpoint.Hit("isolate.standby")
	return responders.Progress{}, enter(v.job, phaseDeregister, s)
}

func (v *visit) enterStandby(ctx context.Context, group string) error {
	c, err := v.write(ctx, may([]string{v.scalingARN(group)}, "autoscaling:EnterStandby"))
	if err != nil {
		return err
	}
	// Without a replacement first: leaving standby raises the desired capacity,
	// so this is what can be undone exactly. At the group's minimum AWS refuses
	// it, and there is a replacement.
	for _, fewer := range []bool{true, false} {
		for range 2 {
			now, err := v.scaling(ctx)
			if err != nil {
				return err
			}
			if now == nil || now.State != "InService" {
				return nil
			}
			err = v.once("autoscaling:EnterStandby", func() (middleware.Metadata, error) {
				out, err := c.asg.EnterStandby(ctx, &autoscaling.EnterStandbyInput{AutoScalingGroupName: &group, InstanceIds: []string{v.job.Target.Instance}, ShouldDecrementDesiredCapacity: &fewer})
				if err != nil {
					return middleware.Metadata{}, err
				}
				return out.ResultMetadata, nil
			})
			if err == nil {
				if !fewer {
					v.note("%s is at its smallest size and starts a replacement", group)
				}
				return nil
			}
			if isCode(err, "ValidationError") && fewer {
				break
			}
			if final(err) {
				return err
			}
		}
	}
	return fmt.Errorf("it is still in service")
}

func (v *visit) scalingARN(group string) string {
	arn := v.arn("", "")
	prefix, _, _ := strings.Cut(arn, ":ec2:")
	return prefix + ":autoscaling:" + v.job.Target.Region + ":" + v.job.Target.Account + ":autoScalingGroup:*:autoScalingGroupName/" + group
}

// deregister takes the instance out of target groups: new requests go
// elsewhere at once, open connections drain.
func (v *visit) deregister(ctx context.Context, s isolation, o original) (responders.Progress, error) {
	for group, targets := range byGroup(o.Targets) {
		c, err := v.write(ctx, may([]string{group}, "elasticloadbalancing:DeregisterTargets"))
		if err != nil {
			return responders.Progress{}, err
		}
		if err := v.try("elasticloadbalancing:DeregisterTargets", func() (middleware.Metadata, error) {
			out, err := c.elb.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: &group, Targets: targets})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		}); err != nil && !isCode(err, "TargetGroupNotFound") {
			v.still("It is still registered in %s (%s).", group, errorCode(err))
		}
	}
	for _, name := range o.Classic {
		if err := v.deregisterClassic(ctx, name); err != nil {
			return responders.Progress{}, err
		}
	}
	failpoint.Hit("isolate.deregistered")
	return responders.Progress{}, enter(v.job, phaseGroup, s)
}

// byGroup sorts registrations by target group.
func byGroup(all []registration) map[string][]elbtypes.TargetDescription {
	out := map[string][]elbtypes.TargetDescription{}
	for _, r := range all {
		out[r.Group] = append(out[r.Group], elbtypes.TargetDescription{Id: aws.String(r.ID), Port: aws.Int32(r.Port)})
	}
	return out
}
