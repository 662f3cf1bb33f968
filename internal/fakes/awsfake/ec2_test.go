package awsfake_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

const testVPC = "vpc-00000000000000001"

// inEC2 is a client of an account's own user.
func inEC2(c *awsfake.Cloud) *ec2.Client { return ec2.NewFromConfig(config(c, c.User(member, "u"))) }

func TestEC2ShowsWhatIsThere(t *testing.T) {
	t.Parallel()
	c := start(t)
	client := inEC2(c)
	web := c.AddGroup(member, region, awsfake.Group{Name: "web", Rules: []awsfake.Rule{awsfake.Open(), {Protocol: "tcp", From: 443, To: 443, CIDR6: "::/0"}}})
	id := c.AddInstance(member, region, awsfake.Instance{Groups: []string{web}, Tags: map[string]string{"Name": "<web> & more"}, Lifecycle: "spot", Profile: "arn:aws:iam::444455556666:instance-profile/x"})
	c.AddInterface(member, region, awsfake.Interface{Instance: id, Index: 1, Kind: "trunk", PublicIP: "198.51.100.7"})
	c.AddInterface(member, region, awsfake.Interface{Instance: id, Kind: "branch"})
	out, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil {
		t.Fatal(err)
	}
	i := out.Reservations[0].Instances[0]
	if *out.Reservations[0].OwnerId != member || *i.Tags[0].Value != "<web> & more" || i.State.Name != types.InstanceStateNameRunning || *i.State.Code != 16 ||
		len(i.NetworkInterfaces) != 2 || *i.NetworkInterfaces[0].Groups[0].GroupId != web || len(i.BlockDeviceMappings) != 1 || i.InstanceLifecycle != "spot" ||
		!strings.HasSuffix(*i.IamInstanceProfile.Arn, "/x") || i.LaunchTime.IsZero() {
		t.Errorf("instance %+v", i)
	}
	groups, err := client.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{GroupIds: []string{web}})
	if err != nil || len(groups.SecurityGroups) != 1 || len(groups.SecurityGroups[0].IpPermissions) != 1 || *groups.SecurityGroups[0].IpPermissions[0].FromPort != 443 ||
		len(groups.SecurityGroups[0].IpPermissionsEgress) != 1 {
		t.Errorf("groups %+v %v", groups, err)
	}
	if other, err := ec2.NewFromConfig(config(c, c.User(hub, "u"))).DescribeInstances(t.Context(), nil); err != nil || len(other.Reservations) != 0 {
		t.Errorf("another account sees %+v, %v", other, err)
	}
	c.Terminate(member, region, id)
	out, err = client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{id}})
	if err != nil || len(out.Reservations[0].Instances[0].NetworkInterfaces) != 0 || len(c.Volumes(member, region)) != 0 {
		t.Errorf("after its end %+v, %v", out, err)
	}
}

func TestEC2Refuses(t *testing.T) {
	t.Parallel()
	c := start(t)
	client := inEC2(c)
	id := c.AddInstance(member, region, awsfake.Instance{})
	spot := c.AddInstance(member, region, awsfake.Instance{Lifecycle: "spot"})
	managed := c.AddInstance(member, region, awsfake.Instance{Operator: "eks.amazonaws.com"})
	eni := c.Interfaces(member, region, id)[0].ID
	fixed := c.AddInterface(member, region, awsfake.Interface{Instance: id, Requester: true})
	far := c.AddGroup(member, region, awsfake.Group{VPC: "vpc-00000000000000002"})
	near := c.AddGroup(member, region, awsfake.Group{Name: "near"})
	yes := &types.AttributeBooleanValue{Value: aws.Bool(true)}
	modify := func(in *ec2.ModifyInstanceAttributeInput) func(context.Context) error {
		return func(ctx context.Context) error { _, err := client.ModifyInstanceAttribute(ctx, in); return err }
	}
	groups := func(nic string, ids ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			_, err := client.ModifyNetworkInterfaceAttribute(ctx, &ec2.ModifyNetworkInterfaceAttributeInput{NetworkInterfaceId: &nic, Groups: ids})
			return err
		}
	}
	for want, do := range map[string]func(context.Context) error{
		"InvalidInstanceID.NotFound": func(ctx context.Context) error {
			_, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}})
			return err
		},
		"InvalidInstanceID.Malformed": func(ctx context.Context) error {
			_, err := client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{"i-zz"}})
			return err
		},
		"InvalidParameterValue": func(ctx context.Context) error {
			_, err := client.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{Filters: []types.Filter{{Name: aws.String("odd"), Values: []string{"x"}}}})
			return err
		},
		"InvalidParameterCombination":        modify(&ec2.ModifyInstanceAttributeInput{InstanceId: &id, DisableApiStop: yes, DisableApiTermination: yes}),
		"InvalidInstanceID":                  modify(&ec2.ModifyInstanceAttributeInput{InstanceId: &id, Groups: []string{near}}),
		"OperationNotPermitted":              modify(&ec2.ModifyInstanceAttributeInput{InstanceId: &spot, DisableApiTermination: yes}),
		"OperationNotPermitted ":             modify(&ec2.ModifyInstanceAttributeInput{InstanceId: &managed, DisableApiStop: yes}),
		"InvalidGroup.NotFound":              groups(eni, "sg-0123456789abcdef0"),
		"InvalidParameterValue ":             groups(eni, far),
		"AuthFailure":                        groups(fixed, near),
		"InvalidNetworkInterfaceID.NotFound": groups("eni-0123456789abcdef0", near),
		"InvalidGroup.Duplicate": func(ctx context.Context) error {
			_, err := client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{GroupName: aws.String("near"), Description: aws.String("x"), VpcId: aws.String(testVPC)})
			return err
		},
		"InvalidPermission.NotFound": func(ctx context.Context) error {
			_, err := client.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &near, IpPermissions: []types.IpPermission{{IpProtocol: aws.String("-1")}}})
			return err
		},
		"DryRunOperation": func(ctx context.Context) error {
			_, err := client.CreateSnapshots(ctx, &ec2.CreateSnapshotsInput{DryRun: aws.Bool(true), InstanceSpecification: &types.InstanceSpecification{InstanceId: &id}})
			return err
		},
		"InvalidID": func(ctx context.Context) error {
			_, err := client.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id, "i-0123456789abcdef0"}, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}})
			return err
		},
		"InvalidAction": func(ctx context.Context) error {
			_, err := client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id}})
			return err
		},
	} {
		if got := code(do(t.Context())); got != strings.TrimSpace(want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if tags := c.Instance(member, region, id).Tags; len(tags) != 0 {
		t.Errorf("a call that was refused set %v", tags)
	}
	for _, call := range c.Writes() {
		if call.Applied {
			t.Errorf("%s took effect", call.Op)
		}
	}
}

func TestANewGroupIsOpenUntilItsRulesAreRevokedByID(t *testing.T) {
	t.Parallel()
	c := start(t)
	client := inEC2(c)
	c.AddVPC(member, region, testVPC, awsfake.VPC{Default: true, IPv6: true})
	made, err := client.CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{GroupName: aws.String("x"), Description: aws.String("x"), VpcId: aws.String(testVPC),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroup, Tags: []types.Tag{{Key: aws.String("job"), Value: aws.String("1")}}}}})
	if err != nil {
		t.Fatal(err)
	}
	rules := func() []types.SecurityGroupRule {
		out, err := client.DescribeSecurityGroupRules(t.Context(), &ec2.DescribeSecurityGroupRulesInput{Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{*made.GroupId}}}})
		if err != nil {
			t.Fatal(err)
		}
		return out.SecurityGroupRules
	}
	if got := rules(); len(got) != 2 || !*got[0].IsEgress {
		t.Fatalf("rules %+v", got)
	}
	byValue, err := client.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: made.GroupId, IpPermissions: []types.IpPermission{{IpProtocol: aws.String("-1")}}})
	if err != nil || len(byValue.UnknownIpPermissions) != 1 || len(rules()) != 2 {
		t.Errorf("by value in a default VPC: %+v, %v", byValue, err)
	}
	var ids []string
	for _, r := range rules() {
		ids = append(ids, *r.SecurityGroupRuleId)
	}
	if _, err := client.RevokeSecurityGroupEgress(t.Context(), &ec2.RevokeSecurityGroupEgressInput{GroupId: made.GroupId, SecurityGroupRuleIds: ids}); err != nil || len(rules()) != 0 {
		t.Errorf("by id: %v, %v", rules(), err)
	}
	if g := c.Groups(member, region)[0]; g.Tags["job"] != "1" {
		t.Errorf("group %+v", g)
	}
}

func TestSnapshotsTakeTheirTimeAndFailTogether(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := start(t, awsfake.WithNow(func() time.Time { return now }))
	client := inEC2(c)
	id := c.AddInstance(member, region, awsfake.Instance{})
	data := c.AddVolume(member, region, awsfake.Volume{Instance: id, Tags: map[string]string{"own": "1"}})
	c.SlowSnapshots(member, region, time.Hour)
	c.Lag(member, region, 1)
	create := func() (*ec2.CreateSnapshotsOutput, error) {
		return client.CreateSnapshots(t.Context(), &ec2.CreateSnapshotsInput{InstanceSpecification: &types.InstanceSpecification{InstanceId: &id}, CopyTagsFromSource: types.CopyTagsFromSourceVolume})
	}
	states := func() (out []string) {
		got, err := client.DescribeSnapshots(t.Context(), &ec2.DescribeSnapshotsInput{Filters: []types.Filter{{Name: aws.String("volume-id"), Values: []string{data}}}})
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got.Snapshots {
			out = append(out, string(s.State)+" "+aws.ToString(s.StateMessage))
		}
		return out
	}
	first, err := create()
	if err != nil || len(first.Snapshots) != 2 {
		t.Fatal(first, err)
	}
	if got := states(); len(got) != 0 {
		t.Errorf("seen at once: %v", got)
	}
	if got := states(); len(got) != 1 || got[0] != "pending " {
		t.Errorf("pending: %v", got)
	}
	now = now.Add(time.Hour)
	if got := states(); len(got) != 1 || got[0] != "completed " {
		t.Errorf("an hour later: %v", got)
	}
	c.Lag(member, region, 0)
	c.FailSnapshots(member, region, data, "no key")
	for range 5 {
		if _, err := create(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := create(); code(err) != "ConcurrentSnapshotLimitExceeded" {
		t.Errorf("the sixth at a time: %v", err)
	}
	now = now.Add(time.Hour)
	if got := states(); len(got) != 6 || got[1] != "error no key" {
		t.Errorf("failed: %v", got)
	}
	failed := 0
	for _, s := range c.Snapshots(member, region) {
		if s.State == "error" {
			failed++
		}
		if s.Volume == data && s.Tags["own"] != "1" {
			t.Errorf("tags %v", s.Tags)
		}
	}
	if failed != 10 {
		t.Errorf("%d failed; all of a set do", failed)
	}
}

func TestPagesAreCutAsAsked(t *testing.T) {
	t.Parallel()
	c := start(t)
	for range 12 {
		c.AddInstance(member, region, awsfake.Instance{Bare: true})
	}
	seen := 0
	pages := ec2.NewDescribeInstancesPaginator(inEC2(c), &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		seen += len(page.Reservations)
	}
	if n := len(c.CallsOf("ec2", "DescribeInstances")); seen != 12 || n != 3 {
		t.Errorf("%d instances in %d calls", seen, n)
	}
}
