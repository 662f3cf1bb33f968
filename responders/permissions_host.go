package responders

// Names of documents are fixed, so that a role can be limited to them: a role
// that may send any document may run anything as root on every instance.
func documentARN(action ID) string { return "arn:aws:ssm:*:*:document/securitybot-" + string(action) }

// hostWrites: the document of one action, on instances that are not protected.
func hostWrites(action ID) []Permission {
	return []Permission{
		{Actions: []string{"ssm:SendCommand"}, Resources: []string{documentARN(action)}},
		{Actions: []string{"ssm:SendCommand"}, Resources: []string{"arn:aws:ec2:*:*:instance/*"},
			Condition: map[string]map[string]string{"StringNotEquals": {"ssm:resourceTag/securitybot:protected": "true"}}},
	}
}

// HostReads lists what the read role needs for actions on the host. SSM knows
// no restriction of the first three to single resources.
func HostReads() []Permission {
	return []Permission{
		{Actions: []string{"ssm:DescribeInstanceInformation", "ssm:ListCommands", "ssm:GetCommandInvocation"}},
		{Actions: []string{"ssm:DescribeDocument"}, Resources: []string{documentARN(OSQuery), documentARN(Memory), documentARN(TCPDump)}},
	}
}
