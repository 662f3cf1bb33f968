package portmap

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// filterValues is how many values one filter takes (Amazon EC2 API reference,
// "Filtering your resources").
const filterValues = 200

// readNetwork adds the interfaces of the VPCs that have targets, those that the
// targets have in other VPCs, and the security groups of what is public.
func readNetwork(ctx context.Context, cfg aws.Config, v *View) error {
	c := ec2.NewFromConfig(cfg)
	vpcs := map[string]bool{}
	for _, g := range v.TargetGroups {
		if g.VPC != "" {
			vpcs[g.VPC] = true
		}
	}
	if err := v.readInterfaces(ctx, c, "vpc-id", vpcs); err != nil {
		return err
	}
	// An instance can have interfaces in several VPCs (EC2 user guide, "Multi-VPC
	// ENI attachments"), and be reached through any of them.
	if err := v.readInterfaces(ctx, c, "attachment.instance-id", v.targets()); err != nil {
		return err
	}
	ids := map[string]bool{}
	for _, n := range v.Interfaces {
		if n.Instance == "" || len(n.Public) == 0 {
			continue // nobody reaches it directly
		}
		for _, id := range n.Groups {
			ids[id] = true
		}
	}
	return v.readGroups(ctx, c, ids)
}

// targets are the instances that are targets, by id or by address.
func (v *View) targets() map[string]bool {
	x, out := indexOf(v.Interfaces), map[string]bool{}
	for _, g := range v.TargetGroups {
		for _, t := range g.Targets {
			switch g.Type {
			case "instance":
				out[t.ID] = true
			case "ip":
				out[x.holder(g.VPC, t.ID)] = true
			}
		}
	}
	delete(out, "")
	return out
}

// readInterfaces adds interfaces that are not there yet. Those that an AWS
// service manages can be hidden by the account's settings; they carry traffic
// like all others.
func (v *View) readInterfaces(ctx context.Context, c *ec2.Client, filter string, values map[string]bool) error {
	have := map[string]bool{}
	for _, n := range v.Interfaces {
		have[n.ID] = true
	}
	for chunk := range slices.Chunk(sorted(values), filterValues) {
		pages := ec2.NewDescribeNetworkInterfacesPaginator(c, &ec2.DescribeNetworkInterfacesInput{IncludeManagedResources: aws.Bool(true),
			Filters: []types.Filter{{Name: &filter, Values: chunk}}, MaxResults: aws.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("describe network interfaces: %w", err)
			}
			for _, n := range page.NetworkInterfaces {
				if !have[aws.ToString(n.NetworkInterfaceId)] {
					v.Interfaces = append(v.Interfaces, interfaceOf(n))
				}
			}
		}
	}
	return nil
}

func (v *View) readGroups(ctx context.Context, c *ec2.Client, ids map[string]bool) error {
	for chunk := range slices.Chunk(sorted(ids), filterValues) {
		pages := ec2.NewDescribeSecurityGroupsPaginator(c, &ec2.DescribeSecurityGroupsInput{
			Filters: []types.Filter{{Name: aws.String("group-id"), Values: chunk}}, MaxResults: aws.Int32(1000)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return fmt.Errorf("describe security groups: %w", err)
			}
			for _, g := range page.SecurityGroups {
				v.Groups[aws.ToString(g.GroupId)] = groupOf(g)
			}
		}
	}
	return nil
}

func sorted(set map[string]bool) []string {
	out := make([]string, 0, len(set))
	for k := range set {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func interfaceOf(n types.NetworkInterface) Interface {
	i := Interface{ID: aws.ToString(n.NetworkInterfaceId), VPC: aws.ToString(n.VpcId)}
	if n.Attachment != nil {
		i.Instance = aws.ToString(n.Attachment.InstanceId)
	}
	for _, g := range n.Groups {
		i.Groups = append(i.Groups, aws.ToString(g.GroupId))
	}
	add := func(to *[]netip.Addr, s *string) {
		if a, err := netip.ParseAddr(aws.ToString(s)); err == nil && !slices.Contains(*to, a) {
			*to = append(*to, a)
		}
	}
	add(&i.Private, n.PrivateIpAddress)
	if n.Association != nil {
		add(&i.Public, n.Association.PublicIp)
	}
	for _, p := range n.PrivateIpAddresses {
		add(&i.Private, p.PrivateIpAddress)
		if p.Association != nil {
			add(&i.Public, p.Association.PublicIp)
		}
	}
	for _, p := range n.Ipv6Addresses {
		add(&i.Public, p.Ipv6Address)
	}
	return i
}

func groupOf(g types.SecurityGroup) SecurityGroup {
	var out SecurityGroup
	for _, p := range g.IpPermissions {
		r := Rule{Protocol: aws.ToString(p.IpProtocol), From: int(aws.ToInt32(p.FromPort)), To: int(aws.ToInt32(p.ToPort))}
		for _, n := range p.IpRanges {
			r.Networks = append(r.Networks, network(aws.ToString(n.CidrIp)))
		}
		for _, n := range p.Ipv6Ranges {
			r.Networks = append(r.Networks, network(aws.ToString(n.CidrIpv6)))
		}
		for _, l := range p.PrefixListIds {
			r.Lists = append(r.Lists, aws.ToString(l.PrefixListId))
		}
		out.Ingress = append(out.Ingress, r)
	}
	return out
}

// network reads a network; what is none counts as the whole internet.
func network(s string) netip.Prefix {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
