package responders

// protectedTag on an instance, set to "true", keeps everybody's hands off it.
const protectedTag = "securitybot:protected"

// Reads lists what the read role may do in every account: describe, and
// nothing else. EC2, Auto Scaling, Elastic Load Balancing and CloudTrail's
// event history know no restriction of these to single resources.
func Reads() []Permission {
	return []Permission{
		// Policy acts on what GuardDuty confirms; the sweep reads its list; doctor looks whether it is on.
		{Actions: []string{"guardduty:GetFindings", "guardduty:ListFindings", "guardduty:ListDetectors", "guardduty:GetDetector"}},
		{Actions: []string{"ec2:DescribeInstances", "ec2:DescribeInstanceAttribute", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
			"ec2:DescribeSecurityGroupRules", "ec2:DescribeVolumes", "ec2:DescribeSnapshots", "ec2:DescribeLockedSnapshots", "ec2:DescribeAddresses"}},
		{Actions: []string{"ec2:GetConsoleOutput"}, Resources: []string{ec2("instance")}},
		{Actions: []string{"autoscaling:DescribeAutoScalingInstances"}},
		{Actions: []string{"elasticloadbalancing:DescribeTargetGroups", "elasticloadbalancing:DescribeTargetHealth", "elasticloadbalancing:DescribeLoadBalancers",
			"elasticloadbalancing:DescribeListeners", "elasticloadbalancing:DescribeTargetGroupAttributes"}},
		{Actions: []string{"cloudtrail:LookupEvents"}},
	}
}

func ec2(kind string) string { return "arn:aws:ec2:*:*:" + kind + "/*" }

// when is a condition with one operator and one key.
func when(operator, key, value string) map[string]map[string]string {
	return map[string]map[string]string{operator: {key: value}}
}

// unprotected holds for instances without the tag that protects them.
func unprotected() map[string]map[string]string {
	return when("StringNotEquals", "aws:ResourceTag/"+protectedTag, "true")
}

// ourTags holds for calls that set or remove tags of ours and no others, and
// not the one that protects. Without the last line it would hold for a call
// that names no tag, and such a call removes all of them (EC2 API reference,
// DeleteTags; IAM user guide, "Multivalued context keys").
func ourTags() map[string]map[string]string {
	return map[string]map[string]string{
		"ForAllValues:StringLike":      {"aws:TagKeys": "securitybot:*"},
		"ForAllValues:StringNotEquals": {"aws:TagKeys": protectedTag},
		"Null":                         {"aws:TagKeys": "false"},
	}
}

// noUserData keeps ModifyInstanceAttribute from being used to leave a program
// on an instance, which runs as root when it starts.
func noUserData(c map[string]map[string]string) map[string]map[string]string {
	if c == nil {
		c = map[string]map[string]string{}
	}
	c["Null"] = map[string]string{"ec2:Attribute/UserData": "true"}
	return c
}

// snapshotWrites: copies of volumes, tagged with the job as they are made.
func snapshotWrites() []Permission {
	return []Permission{
		{Actions: []string{"ec2:CreateSnapshots"}, Resources: []string{ec2("instance")}, Condition: unprotected()},
		{Actions: []string{"ec2:CreateSnapshots"}, Resources: []string{ec2("volume")}},
		{Actions: []string{"ec2:CreateSnapshots"}, Resources: []string{"arn:aws:ec2:*::snapshot/*"}, Condition: when("Null", "aws:RequestTag/securitybot:job", "false")},
		{Actions: []string{"ec2:CreateTags"}, Resources: []string{"arn:aws:ec2:*::snapshot/*"}, Condition: when("StringEquals", "ec2:CreateAction", "CreateSnapshots")},
		{Actions: []string{"ec2:LockSnapshot"}, Resources: []string{"arn:aws:ec2:*::snapshot/*"}, Condition: when("Null", "aws:ResourceTag/securitybot:job", "false")},
	}
}

// isolateWrites: groups of interfaces, a group of its own and only that one's
// rules, protection flags, standby, deregistration.
func isolateWrites() []Permission {
	return []Permission{
		{Actions: []string{"ec2:ModifyNetworkInterfaceAttribute"}, Resources: []string{ec2("network-interface"), ec2("security-group")}},
		{Actions: []string{"ec2:ModifyInstanceAttribute"}, Resources: []string{ec2("instance")}, Condition: noUserData(unprotected())},
		{Actions: []string{"ec2:CreateSecurityGroup"}, Resources: []string{ec2("vpc")}},
		{Actions: []string{"ec2:CreateSecurityGroup"}, Resources: []string{ec2("security-group")}, Condition: when("Null", "aws:RequestTag/securitybot:isolation", "false")},
		{Actions: []string{"ec2:CreateTags"}, Resources: []string{ec2("security-group")}, Condition: when("StringEquals", "ec2:CreateAction", "CreateSecurityGroup")},
		{Actions: []string{"ec2:RevokeSecurityGroupEgress"}, Resources: []string{ec2("security-group")}, Condition: when("Null", "aws:ResourceTag/securitybot:isolation", "false")},
		{Actions: []string{"ec2:CreateTags"}, Resources: []string{ec2("instance"), ec2("network-interface")}, Condition: ourTags()},
		{Actions: []string{"autoscaling:EnterStandby"}, Resources: []string{"arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*"}},
		{Actions: []string{"elasticloadbalancing:DeregisterTargets"}, Resources: []string{"arn:aws:elasticloadbalancing:*:*:targetgroup/*"}},
		{Actions: []string{"elasticloadbalancing:DeregisterInstancesFromLoadBalancer"}, Resources: []string{"arn:aws:elasticloadbalancing:*:*:loadbalancer/*"}},
	}
}

// releaseWrites undoes what isolate does. The groups an interface had can be
// any of the account's.
func releaseWrites() []Permission {
	return []Permission{
		{Actions: []string{"ec2:ModifyNetworkInterfaceAttribute"}, Resources: []string{ec2("network-interface"), ec2("security-group")}},
		{Actions: []string{"ec2:ModifyInstanceAttribute"}, Resources: []string{ec2("instance")}, Condition: noUserData(nil)},
		{Actions: []string{"ec2:DeleteTags"}, Resources: []string{ec2("instance"), ec2("network-interface")}, Condition: ourTags()},
		{Actions: []string{"autoscaling:ExitStandby"}, Resources: []string{"arn:aws:autoscaling:*:*:autoScalingGroup:*:autoScalingGroupName/*"}},
		{Actions: []string{"elasticloadbalancing:RegisterTargets"}, Resources: []string{"arn:aws:elasticloadbalancing:*:*:targetgroup/*"}},
		{Actions: []string{"elasticloadbalancing:RegisterInstancesWithLoadBalancer"}, Resources: []string{"arn:aws:elasticloadbalancing:*:*:loadbalancer/*"}},
	}
}
