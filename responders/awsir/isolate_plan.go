package awsir

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/securitybot/securitybot/responders"
)

func (isolateAction) plan(ctx context.Context, v *visit, p *responders.Plan) error {
	i, err := v.look(ctx)
	if err != nil {
		return err
	}
	v.facts(i, p)
	err = isolable(i)
	var o original
	var gaps []string
	again := false
	if err == nil {
		var known bool
		if o, _, known, err = v.record(ctx); err == nil && known {
			again = true
			p.Warn = append(p.Warn, fmt.Sprintf("It was isolated, or that was begun, by job %s at %s. The groups recorded then stay the ones that release restores.", o.Job, o.At.Format("2006-01-02 15:04 MST")))
		} else if err == nil {
			o, gaps, err = v.survey(ctx, i)
		}
	}
	if errors.Is(err, responders.ErrRefused) {
		p.Refusal = err.Error()
		return nil
	}
	if err != nil {
		return err
	}
	nics, err := v.nics(ctx)
	if err != nil {
		return err
	}
	v.planIsolation(p, i, o, nics)
	p.Warn = append(p.Warn, gaps...)
	if again {
		return nil
	}
	return v.rehearseIsolation(ctx, nics)
}

// planIsolation says what will be done with what was found.
func (v *visit) planIsolation(p *responders.Plan, i types.Instance, o original, nics []nic) {
	about := p.Facts // of the instance; what is at stake comes first, because only the first few are shown
	p.Facts = nil
	fact := func(label, format string, args ...any) {
		p.Facts = append(p.Facts, responders.Fact{Label: label, Value: fmt.Sprintf(format, args...)})
	}
	p.Steps = append(p.Steps, "record what is there: groups, load balancers, Auto Scaling, protection", "protect the instance against termination, and its volumes with it")
	if o.Scaling != nil {
		fact("Auto Scaling", "%s, %s", o.Scaling.Group, o.Scaling.State)
		p.Steps = append(p.Steps, "put it in standby in its Auto Scaling group")
	}
	for _, r := range o.Targets {
		fact("target of", "%s, port %d", r.Group, r.Port)
	}
	if len(o.Targets) > 0 {
		p.Steps = append(p.Steps, "take it out of its target groups")
	}
	if len(o.Classic) > 0 {
		fact("classic load balancers", "%s", strings.Join(o.Classic, ", "))
		p.Steps = append(p.Steps, "take it out of its classic load balancers")
	}
	for _, n := range nics {
		fact("interface", "%s: %s", n.ID, strings.Join(n.Groups, ", "))
		if n.Fixed != "" {
			p.Warn = append(p.Warn, fmt.Sprintf("Interface %s cannot be isolated: %s.", n.ID, n.Fixed))
		}
	}
	p.Steps = append(p.Steps, "give "+everyInterface(len(nics))+" a security group without rules, and nothing else", "read everything back")
	p.Warn = append(p.Warn, "Take evidence first: osquery, memory and tcpdump need the network.")
	p.Warn = append(p.Warn, possible(i, nics)...)
	p.Facts = append(p.Facts, about...)
}

// rehearseIsolation asks AWS whether the changes would be allowed.
func (v *visit) rehearseIsolation(ctx context.Context, nics []nic) error {
	yes := aws.Bool(true)
	for _, n := range nics {
		if n.Fixed != "" {
			continue
		}
		statements := append(v.mayChangeGroups([]nic{n}, n.Groups), v.mayMakeGroup(n.VPC)...)
		c, err := v.write(ctx, append(statements, v.mayProtect()...)...)
		if err != nil {
			return err
		}
		_, err = c.ec2.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &n.ID, Groups: n.Groups, DryRun: yes})
		if err := rehearse(err); err != nil {
			return err
		}
		tags := v.tags()
		tags[isolationTag] = "v1"
		_, err = c.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String(v.groupName()), VpcId: &n.VPC, DryRun: yes,
			Description:       aws.String("No rules: isolates instances under investigation"),
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroup, Tags: asTags(tags)}}})
		if err := rehearse(err); err != nil {
			return err
		}
		_, err = c.ec2.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{InstanceId: &v.job.Target.Instance, DryRun: yes,
			DisableApiTermination: &types.AttributeBooleanValue{Value: yes}})
		return rehearse(err)
	}
	return nil
}

// everyInterface names all network interfaces of an instance by their number.
func everyInterface(n int) string {
	switch n {
	case 1:
		return "its one network interface"
	case 2:
		return "both network interfaces"
	}
	return fmt.Sprintf("all %d network interfaces", n)
}
