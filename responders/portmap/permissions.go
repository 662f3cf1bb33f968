package portmap

// Permissions lists the IAM actions that a scan needs in each account, on all
// resources: none of them can be limited to some.
func Permissions() []string {
	return []string{
		"ec2:DescribeNetworkInterfaces",
		"ec2:DescribeSecurityGroups",
		"elasticloadbalancing:DescribeListeners",
		"elasticloadbalancing:DescribeLoadBalancers",
		"elasticloadbalancing:DescribeTargetGroupAttributes",
		"elasticloadbalancing:DescribeTargetGroups",
		"elasticloadbalancing:DescribeTargetHealth",
	}
}

// TablePermissions lists the IAM actions that a shelf in a table needs on it.
func TablePermissions() []string {
	return []string{"dynamodb:BatchWriteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"}
}
