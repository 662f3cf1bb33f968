package awsfake_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

func TestStandby(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := start(t, awsfake.WithNow(func() time.Time { return now }))
	client := autoscaling.NewFromConfig(config(c, c.User(member, "u")))
	c.AddScalingGroup(member, region, awsfake.ScalingGroup{Name: "g", Min: 1, Desired: 1}, "i-0123456789abcdef0")
	c.SlowStandby(member, region, time.Minute)
	ids := []string{"i-0123456789abcdef0"}
	enter := func(fewer bool) error {
		_, err := client.EnterStandby(t.Context(), &autoscaling.EnterStandbyInput{AutoScalingGroupName: aws.String("g"), InstanceIds: ids, ShouldDecrementDesiredCapacity: &fewer})
		return err
	}
	exit := func() error {
		_, err := client.ExitStandby(t.Context(), &autoscaling.ExitStandbyInput{AutoScalingGroupName: aws.String("g"), InstanceIds: ids})
		return err
	}
	state := func() string {
		out, err := client.DescribeAutoScalingInstances(t.Context(), &autoscaling.DescribeAutoScalingInstancesInput{InstanceIds: ids})
		if err != nil || len(out.AutoScalingInstances) != 1 {
			t.Fatal(out, err)
		}
		return *out.AutoScalingInstances[0].LifecycleState
	}
	if err := enter(true); code(err) != "ValidationError" {
		t.Errorf("below the minimum: %v", err)
	}
	if err := enter(false); err != nil || state() != "EnteringStandby" {
		t.Errorf("%s, %v", state(), err)
	}
	if err := exit(); code(err) != "ValidationError" {
		t.Errorf("while entering: %v", err)
	}
	now = now.Add(time.Minute)
	if err := enter(false); code(err) != "ValidationError" || state() != "Standby" {
		t.Errorf("twice: %v", err)
	}
	if err := exit(); err != nil || state() != "Pending" || c.ScalingGroup(member, region, "g").Desired != 2 {
		t.Errorf("%s, %v", state(), err)
	}
	now = now.Add(time.Minute)
	if state() != "InService" {
		t.Errorf("%s", state())
	}
}

func TestTargetsDrainAndComeBack(t *testing.T) {
	t.Parallel()
	c := start(t)
	client := elb.NewFromConfig(config(c, c.User(member, "u")))
	arn := c.AddTargetGroup(member, region, awsfake.TargetGroup{Name: "g", Port: 80, Targets: []awsfake.Target{{ID: "i-1", Port: 8080}, {ID: "i-1"}}})
	one := []elbtypes.TargetDescription{{Id: aws.String("i-1"), Port: aws.Int32(8080)}}
	if _, err := client.DeregisterTargets(t.Context(), &elb.DeregisterTargetsInput{TargetGroupArn: &arn, Targets: one}); err != nil {
		t.Fatal(err)
	}
	got := c.Targets(member, region, arn)
	if got[0].State != "draining" || got[1].State == "draining" {
		t.Errorf("targets %+v", got)
	}
	if _, err := client.DeregisterTargets(t.Context(), &elb.DeregisterTargetsInput{TargetGroupArn: &arn, Targets: []elbtypes.TargetDescription{{Id: aws.String("i-2")}}}); err != nil {
		t.Errorf("one that is not registered: %v", err)
	}
	for range 2 {
		if _, err := client.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: &arn, Targets: one}); err != nil {
			t.Fatal(err)
		}
	}
	if got := c.Targets(member, region, arn); len(got) != 2 || got[0].State != "healthy" {
		t.Errorf("targets %+v", got)
	}
	gone := arn + "0"
	if _, err := client.RegisterTargets(t.Context(), &elb.RegisterTargetsInput{TargetGroupArn: &gone, Targets: one}); code(err) != "TargetGroupNotFound" {
		t.Errorf("no such group: %v", err)
	}
}

// A policy is asked about every resource of a call, with its tags and those of
// the request.
func TestPoliciesAreAskedAboutEveryResource(t *testing.T) {
	t.Parallel()
	c := start(t)
	id := c.AddInstance(member, region, awsfake.Instance{Tags: map[string]string{"owner": "ann"}})
	const policy = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"ec2:CreateSnapshots","Resource":["arn:aws:ec2:*:*:instance/*","arn:aws:ec2:*:*:volume/*"]},
		{"Effect":"Allow","Action":"ec2:CreateSnapshots","Resource":"arn:aws:ec2:*::snapshot/*","Condition":{"StringEquals":{"aws:RequestTag/job":"1"}}},
		{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/owner":"bob"}}},
		{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"StringEquals":{"ec2:CreateAction":"CreateSnapshots"}}}]}`
	c.AddRole(awsfake.Role{Account: member, Name: "ir-read", Trusts: []string{hub}, Policy: policy})
	k, err := assume(t, c, c.User(hub, "bot"), nil)
	if err != nil {
		t.Fatal(err)
	}
	client := ec2.NewFromConfig(config(c, k))
	snapshot := func(job string) error {
		_, err := client.CreateSnapshots(t.Context(), &ec2.CreateSnapshotsInput{InstanceSpecification: &types.InstanceSpecification{InstanceId: &id},
			TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSnapshot, Tags: []types.Tag{{Key: aws.String("job"), Value: &job}}}}})
		return err
	}
	if err := snapshot("1"); err != nil {
		t.Errorf("as allowed: %v", err)
	}
	if err := snapshot("2"); code(err) != "UnauthorizedOperation" {
		t.Errorf("with another tag: %v", err)
	}
	_, err = client.CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("job"), Value: aws.String("1")}}})
	if code(err) != "UnauthorizedOperation" {
		t.Errorf("tags by themselves: %v", err)
	}
	c.EditInstance(member, region, id, func(i *awsfake.Instance) { i.Tags = map[string]string{"owner": "bob"} })
	if err := snapshot("1"); code(err) != "UnauthorizedOperation" {
		t.Errorf("denied by a tag of the instance: %v", err)
	}
}
