package awsir

import "github.com/securitybot/securitybot/responders"

// The statements below are the session policies of single steps: less than
// what the role may do (responders.Catalogue), for the resources at hand.

func may(resources []string, actions ...string) responders.Permission {
	return responders.Permission{Actions: actions, Resources: resources}
}

// mayChangeGroups allows to set groups on these interfaces. When there are too
// many to be named, the session is for all interfaces of the region.
func (v *visit) mayChangeGroups(nics []nic, groups []string) []responders.Permission {
	var names, sets []string
	for _, n := range nics {
		names = append(names, v.arn("network-interface", n.ID))
	}
	for _, g := range groups {
		sets = append(sets, v.arn("security-group", g))
	}
	exact := []responders.Permission{may(append(names, sets...), "ec2:ModifyNetworkInterfaceAttribute")}
	if fits(v.job.Target.Region, exact) {
		return exact
	}
	return []responders.Permission{may([]string{v.arn("network-interface", "*"), v.arn("security-group", "*")}, "ec2:ModifyNetworkInterfaceAttribute")}
}

// mayTag allows to set or remove our tags on the instance and on interfaces.
func (v *visit) mayTag(action string) []responders.Permission {
	p := may([]string{v.arn("instance", v.job.Target.Instance), v.arn("network-interface", "*")}, "ec2:"+action)
	p.Condition = map[string]map[string]string{"ForAllValues:StringLike": {"aws:TagKeys": "securitybot:*"}, "Null": {"aws:TagKeys": "false"}}
	return []responders.Permission{p}
}

func (v *visit) mayProtect() []responders.Permission {
	return []responders.Permission{may([]string{v.arn("instance", v.job.Target.Instance)}, "ec2:ModifyInstanceAttribute")}
}

// mayMakeGroup allows to make an isolation group in a VPC and to take its
// rules away.
func (v *visit) mayMakeGroup(vpc string) []responders.Permission {
	group := v.arn("security-group", "*")
	tags := may([]string{group}, "ec2:CreateTags")
	tags.Condition = map[string]map[string]string{"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup"}}
	revoke := may([]string{group}, "ec2:RevokeSecurityGroupEgress")
	revoke.Condition = map[string]map[string]string{"StringEquals": {"aws:ResourceTag/" + jobTag: v.job.ID}}
	made := may([]string{group}, "ec2:CreateSecurityGroup")
	made.Condition = map[string]map[string]string{"StringEquals": {"aws:RequestTag/" + jobTag: v.job.ID}}
	return []responders.Permission{may([]string{v.arn("vpc", vpc)}, "ec2:CreateSecurityGroup"), made, tags, revoke}
}

// maySnapshot allows to copy the volumes of the instance, tagged with the job.
func (v *visit) maySnapshot(volumes []string) []responders.Permission {
	var names []string
	for _, id := range volumes {
		names = append(names, v.arn("volume", id))
	}
	if len(names) > 12 {
		names = []string{v.arn("volume", "*")} // the session policy would be too long
	}
	made := may([]string{v.arn("snapshot", "*")}, "ec2:CreateSnapshots")
	made.Condition = map[string]map[string]string{"StringEquals": {"aws:RequestTag/" + jobTag: v.job.ID}}
	tags := may([]string{v.arn("snapshot", "*")}, "ec2:CreateTags")
	tags.Condition = map[string]map[string]string{"StringEquals": {"ec2:CreateAction": "CreateSnapshots"}}
	return []responders.Permission{may(append(names, v.arn("instance", v.job.Target.Instance)), "ec2:CreateSnapshots"), made, tags}
}
