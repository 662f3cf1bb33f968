package awsir

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/internal/failpoint"
	"github.com/securitybot/securitybot/responders"
)

func (releaseAction) plan(ctx context.Context, v *visit, p *responders.Plan) error {
	i, err := v.look(ctx)
	if err != nil {
		return err
	}
	v.facts(i, p)
	o, hash, ok, err := v.record(ctx)
	if err == nil && !ok {
		err = responders.Refuse("There is no record that the bot isolated this instance, so there is nothing to restore from.")
	}
	if err == nil {
		err = v.trusted(hash, i)
	}
	var todo []restoration
	var notes []string
	if err == nil {
		todo, notes, err = v.restorations(ctx, o, hash)
	}
	if err == nil {
		err = unrestorable(todo)
	}
	if errors.Is(err, responders.ErrRefused) {
		p.Refusal = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	p.Facts = append(p.Facts, responders.Fact{Label: "isolated by job", Value: o.Job}, responders.Fact{Label: "isolated at", Value: o.At.Format(time.RFC3339)})
	p.Warn = append(p.Warn, notes...)
	for _, r := range todo {
		p.Facts = append(p.Facts, responders.Fact{Label: "interface", Value: r.ID + ": " + strings.Join(r.Groups, ", ") + " → " + strings.Join(r.want, ", ")})
		if len(r.missing) > 0 {
			p.Warn = append(p.Warn, fmt.Sprintf("Interface %s cannot get back %s: no longer there. It gets the others.", r.ID, strings.Join(r.missing, ", ")))
		}
	}
	p.Steps = []string{fmt.Sprintf("give %d network interfaces their groups back, and read back", len(todo))}
	if len(o.Targets) > 0 {
		p.Steps = append(p.Steps, fmt.Sprintf("register it in %d target groups", len(byGroup(o.Targets))))
	}
	if len(o.Classic) > 0 {
		p.Steps = append(p.Steps, "register it in "+strings.Join(o.Classic, ", "))
	}
	if o.Scaling != nil {
		p.Steps = append(p.Steps, "take it out of standby in "+o.Scaling.Group)
	}
	p.Steps = append(p.Steps, "set its protection to what it was, remove our tags, remove the record")
	for _, r := range todo {
		c, err := v.write(ctx, v.mayChangeGroups([]nic{r.nic}, r.want)...)
		if err != nil {
			return err
		}
		_, err = c.ec2.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &r.ID, Groups: r.want, DryRun: aws.Bool(true)})
		if err := rehearse(err); err != nil {
			return err
		}
	}
	return nil
}

// register puts the instance back into its target groups, with the ports it
// had there. Registering twice is harmless.
func (v *visit) register(ctx context.Context, s releasing, o original) (responders.Progress, error) {
	for group, targets := range byGroup(o.Targets) {
		c, err := v.write(ctx, may([]string{group}, "elasticloadbalancing:RegisterTargets"))
		if err != nil {
			return responders.Progress{}, err
		}
		err = v.once("elasticloadbalancing:RegisterTargets", func() (middleware.Metadata, error) {
			out, err := c.elb.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: &group, Targets: targets})
			if err != nil {
				return middleware.Metadata{}, err
			}
			return out.ResultMetadata, nil
		})
		switch {
		case err != nil && !final(err):
			return responders.Progress{}, fmt.Errorf("register in %s: %w", group, err)
		case err != nil:
			v.still("It is not registered in %s again (%s).", group, errorCode(err))
		}
	}
	for _, name := range o.Classic {
		if err := v.registerClassic(ctx, name); err != nil {
			return responders.Progress{}, err
		}
	}
	failpoint.Hit("release.registered")
	return responders.Progress{}, enter(v.job, phaseInService, s)
}

// inService takes the instance out of standby if we put it there.
func (v *visit) inService(ctx context.Context, s releasing, o original) (responders.Progress, error) {
	if o.Scaling != nil && o.Scaling.State == "InService" {
		now, err := v.scaling(ctx)
		if err != nil {
			return responders.Progress{}, err
		}
		switch {
		case now == nil:
			v.still("It is no longer in the Auto Scaling group %s.", o.Scaling.Group)
		case now.State == "EnteringStandby":
			return responders.Progress{Again: 10 * time.Second}, nil
		case now.State == "Standby":
			if err := v.exitStandby(ctx, now.Group); err != nil {
				if !final(err) {
					return responders.Progress{}, err
				}
				v.still("It stays in standby in %s (%s). Take it out by hand.", now.Group, errorCode(err))
				break
			}
			return responders.Progress{Again: time.Second}, nil // seen in the next step
		}
	}
	failpoint.Hit("release.inservice")
	return responders.Progress{}, enter(v.job, phaseUnprotect, s)
}

func (v *visit) exitStandby(ctx context.Context, group string) error {
	c, err := v.write(ctx, may([]string{v.scalingARN(group)}, "autoscaling:ExitStandby"))
	if err != nil {
		return err
	}
	return v.once("autoscaling:ExitStandby", func() (middleware.Metadata, error) {
		out, err := c.asg.ExitStandby(ctx, &autoscaling.ExitStandbyInput{AutoScalingGroupName: &group, InstanceIds: []string{v.job.Target.Instance}})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
}

// unprotect sets protection to what it was: to the recorded values, not to
// defaults.
func (v *visit) unprotect(ctx context.Context, s releasing, o original, i types.Instance) (responders.Progress, error) {
	if o.Protection != nil {
		now, err := v.protections(ctx, i)
		if err != nil {
			return responders.Progress{}, err
		}
		want := *o.Protection
		want.Delete = map[string]bool{}
		for device, d := range o.Protection.Delete {
			if _, there := now.Delete[device]; there {
				want.Delete[device] = d
			}
		}
		c, err := v.write(ctx, v.mayProtect()...)
		if err != nil {
			return responders.Progress{}, err
		}
		for name, err := range v.setProtection(ctx, c, *now, want) {
			if !final(err) {
				return responders.Progress{}, fmt.Errorf("restore %s: %w", name, err)
			}
			v.still("%s was not set back (%s).", name, errorCode(err))
		}
	}
	failpoint.Hit("release.unprotected")
	return responders.Progress{}, enter(v.job, phaseUnmark, s)
}

// unmark removes our tags, whatever their values.
func (v *visit) unmark(ctx context.Context, s releasing) (responders.Progress, error) {
	nics, err := v.nics(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	ids := []string{v.job.Target.Instance}
	for _, n := range nics {
		ids = append(ids, n.ID)
	}
	tags := []types.Tag{{Key: aws.String(jobTag)}, {Key: aws.String(recordTag)}}
	for _, k := range []string{"", "-2", "-3"} {
		tags = append(tags, types.Tag{Key: aws.String(originalTag + k)})
	}
	c, err := v.write(ctx, v.mayTag("DeleteTags")...)
	if err != nil {
		return responders.Progress{}, err
	}
	if err := v.try("ec2:DeleteTags", func() (middleware.Metadata, error) {
		out, err := c.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: ids, Tags: tags})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	}); err != nil {
		v.skip("Our tags were not removed (" + errorCode(err) + ").")
	}
	failpoint.Hit("release.unmarked")
	return responders.Progress{}, enter(v.job, phaseForget, s)
}

// forget removes the records: last, so that a release that was broken off can
// start again. A record made since, by another isolation, stays.
func (v *visit) forget(ctx context.Context, s releasing, mine bool) (responders.Progress, error) {
	nics, err := v.nics(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	for _, n := range nics {
		if err := v.actor.deps.Records.Delete(ctx, lateKey(v.job.Target, s.Record, n.ID)); err != nil {
			return responders.Progress{}, fmt.Errorf("remove the record of %s: %w", n.ID, err)
		}
	}
	if mine {
		if err := v.actor.deps.Records.Delete(ctx, recordKey(v.job.Target)); err != nil {
			return responders.Progress{}, fmt.Errorf("remove the record: %w", err)
		}
	}
	failpoint.Hit("release.forgotten")
	v.note("released; the record is removed")
	return responders.Progress{Done: true}, enter(v.job, phaseDone, releasing{})
}
