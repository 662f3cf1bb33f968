package portmap

import (
	"net/netip"
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// What the APIs answer in more than one place, or in none.

func TestWhatAnInterfaceSays(t *testing.T) {
	t.Parallel()
	of := func(ip string) *types.NetworkInterfaceAssociation {
		return &types.NetworkInterfaceAssociation{PublicIp: &ip}
	}
	n := interfaceOf(types.NetworkInterface{NetworkInterfaceId: aws.String("eni-1"), PrivateIpAddress: aws.String("10.0.0.5"), Association: of("198.51.100.7"),
		PrivateIpAddresses: []types.NetworkInterfacePrivateIpAddress{{PrivateIpAddress: aws.String("10.0.0.5"), Association: of("198.51.100.7")},
			{PrivateIpAddress: aws.String("10.0.0.6"), Association: of("198.51.100.8")}, {PrivateIpAddress: aws.String("10.0.0.7")}},
		Ipv6Addresses: []types.NetworkInterfaceIpv6Address{{Ipv6Address: aws.String("2001:db8::5")}}})
	addresses := func(all ...string) (out []netip.Addr) {
		for _, a := range all {
			out = append(out, netip.MustParseAddr(a))
		}
		return out
	}
	if !slices.Equal(n.Private, addresses("10.0.0.5", "10.0.0.6", "10.0.0.7")) || !slices.Equal(n.Public, addresses("198.51.100.7", "198.51.100.8", "2001:db8::5")) {
		t.Errorf("%+v", n)
	}
	if alone := interfaceOf(types.NetworkInterface{Association: of("198.51.100.7")}); !slices.Equal(alone.Public, addresses("198.51.100.7")) {
		t.Errorf("%+v", alone)
	}
}

func TestWhatAGroupSays(t *testing.T) {
	t.Parallel()
	g := groupOf(types.SecurityGroup{IpPermissions: []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(81),
		IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}, {CidrIp: aws.String("anywhere")}}, Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("fc00::/7")}},
		PrefixListIds: []types.PrefixListId{{PrefixListId: aws.String("pl-1")}}, UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: aws.String("sg-1")}}}}})
	want := SecurityGroup{Ingress: []Rule{{Protocol: "tcp", From: 80, To: 81, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), {}, netip.MustParsePrefix("fc00::/7")}, Lists: []string{"pl-1"}}}}
	if !reflect.DeepEqual(g, want) {
		t.Errorf("%+v", g)
	}
	if g.Ingress[0].Lists = nil; !g.admits(80, TCP) {
		t.Error("a network that cannot be read is taken for one of ours")
	}
}

func TestWhereAListenerForwardsTo(t *testing.T) {
	t.Parallel()
	to := func(arn string, weight *int32) elb.TargetGroupTuple {
		return elb.TargetGroupTuple{TargetGroupArn: &arn, Weight: weight}
	}
	forward := elb.ActionTypeEnumForward
	for name, c := range map[string]struct {
		actions []elb.Action
		want    []string
	}{
		"nowhere":                       {nil, nil},
		"named in the action":           {[]elb.Action{{Type: forward, TargetGroupArn: aws.String("a")}}, []string{"a"}},
		"named in an empty list too":    {[]elb.Action{{Type: forward, TargetGroupArn: aws.String("a"), ForwardConfig: &elb.ForwardActionConfig{}}}, []string{"a"}},
		"a list goes before the action": {[]elb.Action{{Type: forward, TargetGroupArn: aws.String("a"), ForwardConfig: &elb.ForwardActionConfig{TargetGroups: []elb.TargetGroupTuple{to("a", aws.Int32(0)), to("b", aws.Int32(1)), to("c", nil)}}}}, []string{"b", "c"}},
		"twice":                         {[]elb.Action{{Type: forward, ForwardConfig: &elb.ForwardActionConfig{TargetGroups: []elb.TargetGroupTuple{to("a", nil), to("a", nil)}}}}, []string{"a"}},
		"a redirection":                 {[]elb.Action{{Type: elb.ActionTypeEnumRedirect, TargetGroupArn: aws.String("a")}}, nil},
		"without a name":                {[]elb.Action{{Type: forward}}, nil},
	} {
		if got := forwardsTo(elb.Listener{DefaultActions: c.actions}); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
