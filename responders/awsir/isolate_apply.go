package awsir

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// maxRounds is how often interfaces or groups may change under our hands
// before a person has to look.
const maxRounds = 6

// settle is how long after a clean verification the second one follows.
const settle = 5 * time.Second

// apply gives every interface its VPC's isolation group and nothing else: by
// interface, because the same change by instance fails as soon as there are
// two (EC2 API reference, ModifyInstanceAttribute). One that fails does not
// keep the others open.
func (v *visit) apply(ctx context.Context, s isolation, o original) (responders.Progress, error) {
	nics, err := v.nics(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	c, err := v.write(ctx, v.mayChangeGroups(nics, slices.Sorted(maps.Values(s.Groups)))...)
	if err != nil {
		return responders.Progress{}, err
	}
	s.Fixed = map[string]string{}
	var unclear []error
	for _, n := range nics {
		group := s.Groups[n.VPC]
		switch {
		case n.Fixed != "":
			s.Fixed[n.ID] = n.Fixed
			continue
		case group == "":
			return responders.Progress{}, enter(v.job, phaseGroup, s) // in a VPC seen for the first time
		case isolated(n, s):
			continue
		}
		if err := v.keepOriginal(ctx, n, s, o); err != nil {
			unclear = append(unclear, err)
			continue
		}
		err := v.setGroups(ctx, c, n.ID, []string{group})
		failpoint.Hit("isolate.interface")
		switch {
		case isCode(err, "InvalidNetworkInterfaceID.NotFound"): // detached meanwhile
		case isCode(err, "InvalidGroup.NotFound"):
			return responders.Progress{Again: time.Second}, enter(v.job, phaseGroup, s)
		case final(err):
			s.Fixed[n.ID] = "AWS refused (" + errorCode(err) + ")"
		case err != nil:
			unclear = append(unclear, fmt.Errorf("isolate %s: %w", n.ID, err))
		}
	}
	if len(unclear) > 0 {
		return responders.Progress{}, errors.Join(unclear...)
	}
	failpoint.Hit("isolate.applied")
	return responders.Progress{}, enter(v.job, phaseVerify, s)
}

// isolated says whether an interface has the isolation group alone.
func isolated(n nic, s isolation) bool {
	return len(n.Groups) == 1 && n.Groups[0] == s.Groups[n.VPC]
}

// setGroups replaces the groups of an interface.
func (v *visit) setGroups(ctx context.Context, c *clients, nic string, groups []string) error {
	return v.once("ec2:ModifyNetworkInterfaceAttribute", func() (middleware.Metadata, error) {
		out, err := c.ec2.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &nic, Groups: groups})
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
}

// keepOriginal makes sure that what an interface has now is on record before
// it is changed. An interface attached since the record was made gets a record
// of its own. Our own group is never recorded as an original.
func (v *visit) keepOriginal(ctx context.Context, n nic, s isolation, o original) error {
	if _, known := o.wiring(n.ID); known {
		return nil
	}
	ours, err := v.groupsBy(ctx, "group-id", n.Groups...)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(ours, func(g types.SecurityGroup) bool { return tagOf(g.Tags, isolationTag) != "" }) {
		v.still("Interface %s was attached with an isolation group; which groups it should have is not known.", n.ID)
		return nil
	}
	body, _, err := seal(wiring{n.ID, n.VPC, n.Groups})
	if err != nil {
		return err
	}
	if err := v.actor.deps.Records.Put(ctx, lateKey(v.job.Target, s.Record, n.ID), body); err != nil && !errors.Is(err, ErrExists) {
		return fmt.Errorf("store the groups of %s: %w", n.ID, err)
	}
	v.note("interface %s was attached meanwhile; its groups are recorded", n.ID)
	return nil
}

// verify reads everything back, twice some seconds apart: every interface that
// is attached now, and that the isolation groups still have no rule.
func (v *visit) verify(ctx context.Context, s isolation, o original, i types.Instance) (responders.Progress, error) {
	nics, err := v.nics(ctx)
	if err != nil {
		return responders.Progress{}, err
	}
	back := ""
	for vpc, group := range s.Groups {
		empty, err := v.empty(ctx, group)
		if err != nil {
			return responders.Progress{}, err
		}
		if !empty {
			v.skip(fmt.Sprintf("Somebody gave the isolation group %s of %s a rule, or deleted it, while the instance was being isolated.", group, vpc))
			back = phaseGroup
		}
	}
	for _, n := range nics {
		if s.Fixed[n.ID] == "" && !isolated(n, s) && back == "" {
			back = phaseApply
		}
	}
	if back != "" {
		if s.Rounds++; s.Rounds > maxRounds {
			return responders.Progress{}, responders.Doubt("The isolation does not hold: groups or interfaces of %s are changed again and again by somebody else (a deployment tool, or the attacker). Look at CloudTrail for ModifyNetworkInterfaceAttribute and AuthorizeSecurityGroup*, and stop the instance if need be.", v.job.Target.Instance)
		}
		s.Quiet = false
		return responders.Progress{Again: time.Second}, enter(v.job, back, s)
	}
	if !s.Quiet {
		s.Quiet = true
		return responders.Progress{Again: settle}, enter(v.job, phaseVerify, s)
	}
	failpoint.Hit("isolate.verified")
	return v.isolatedNow(ctx, s, o, i, nics)
}

// empty says whether a group is there and has no rule in either direction.
func (v *visit) empty(ctx context.Context, group string) (bool, error) {
	found, err := v.groupsBy(ctx, "group-id", group)
	if err != nil {
		return false, err
	}
	rules, err := v.rules(ctx, group)
	if err != nil {
		return false, err
	}
	return len(found) == 1 && len(rules) == 0 && len(found[0].IpPermissions) == 0 && len(found[0].IpPermissionsEgress) == 0, nil
}

// isolatedNow writes the result: what is isolated, and what still works.
func (v *visit) isolatedNow(ctx context.Context, s isolation, o original, i types.Instance, nics []nic) (responders.Progress, error) {
	after := original{Version: recordVersion, Job: v.job.ID, Target: v.job.Target, At: v.now}
	for _, n := range nics {
		after.Interfaces = append(after.Interfaces, wiring{n.ID, n.VPC, n.Groups})
	}
	if o.Scaling != nil {
		var err error
		if after.Scaling, err = v.scaling(ctx); err == nil && after.Scaling != nil && !strings.HasSuffix(after.Scaling.State, "Standby") {
			v.still("Auto Scaling may replace and terminate it: in %s it is %s, not in standby.", after.Scaling.Group, after.Scaling.State)
		}
	}
	v.job.Manifest.After = asJSON(after)
	for _, line := range possible(i, nics) {
		v.job.Still = add(v.job.Still, line)
	}
	if len(s.Fixed) > 0 {
		var open []string
		for _, id := range slices.Sorted(maps.Keys(s.Fixed)) {
			open = append(open, id+": "+s.Fixed[id])
		}
		for _, line := range open {
			v.still("NOT isolated: interface %s.", line)
		}
		if len(open) == len(nics) {
			return responders.Progress{}, responders.Doubt("NOT isolated: none of the %d network interfaces could be changed (%s). Use a network ACL of the subnet, or stop the instance.", len(nics), strings.Join(open, "; "))
		}
		return responders.Progress{}, responders.Doubt("Only partly isolated: %d of %d network interfaces could not be changed (%s). The others are isolated and stay so. Use a network ACL of the subnet, or stop the instance.", len(open), len(nics), strings.Join(open, "; "))
	}
	v.note("on %s the isolation group stands alone, read back twice", everyInterface(len(nics)))
	return responders.Progress{Done: true}, enter(v.job, phaseDone, s)
}

// possible is what a security group without rules does not prevent (VPC user
// guide, "Security group connection tracking"; "Security groups" on the
// Route 53 Resolver).
func possible(i types.Instance, nics []nic) []string {
	out := []string{
		"Connections that were open may go on until they end or time out (up to 5 days idle), those through a NAT gateway or load balancer in particular. A network ACL or a stop ends them.",
		"DNS through the network's own resolver still works, and can carry data out.",
		"Instance metadata, time and DHCP services of AWS can still be reached from the instance.",
	}
	if i.IamInstanceProfile != nil {
		out = append(out, "Credentials of "+aws.ToString(i.IamInstanceProfile.Arn)+" that were taken from it stay valid until they expire, and can be used from elsewhere. The action revoke denies them.")
	}
	if n := len(i.SecondaryInterfaces); n > 0 {
		out = append(out, fmt.Sprintf("It has %d interfaces in secondary networks; those have no security groups.", n))
	}
	for _, n := range nics {
		if n.Kind == "trunk" {
			out = append(out, "Pods with security groups of their own are on branch interfaces of "+n.ID+" and are not isolated.")
		}
	}
	return out
}
