package awsfake

import (
	"cmp"
	"maps"
	"slices"
)

func ec2Interfaces() map[string]operation {
	return map[string]operation{
		"DescribeNetworkInterfaces":       {run: describeInterfaces},
		"ModifyNetworkInterfaceAttribute": {write: true, run: modifyInterface, needs: needsInterface},
	}
}

// needsInterface asks for the interface and every group it is to get.
func needsInterface(c *Cloud, r *request) []Need {
	s := r.ec2(c)
	out := []Need{s.need(r.Op, "network-interface", r.str("NetworkInterfaceId"))}
	for _, g := range r.list("SecurityGroupId") {
		out = append(out, s.need(r.Op, "security-group", g))
	}
	return out
}

// maxGroups is how many groups an interface can have at most, when the quota
// is raised (Amazon VPC quotas).
const maxGroups = 16

type wireAttachment struct {
	ID       string `xml:"attachmentId"`
	Instance string `xml:"instanceId,omitempty"`
	Index    int    `xml:"deviceIndex"`
	Status   string `xml:"status"`
}

type wireAssociation struct {
	PublicIP string `xml:"publicIp"`
}

// wireAttached is an interface as DescribeInstances shows it.
type wireAttached struct {
	ID          string           `xml:"networkInterfaceId"`
	VPC         string           `xml:"vpcId"`
	Subnet      string           `xml:"subnetId"`
	Owner       string           `xml:"ownerId"`
	Kind        string           `xml:"interfaceType"`
	PrivateIP   string           `xml:"privateIpAddress,omitempty"`
	Status      string           `xml:"status"`
	Groups      []wireGroupID    `xml:"groupSet>item"`
	Attachment  *wireAttachment  `xml:"attachment"`
	Association *wireAssociation `xml:"association"`
	Operator    wireOperator     `xml:"operator"`
	IPv6        []wireIPv6       `xml:"ipv6AddressesSet>item"`
}

type wireIPv6 struct {
	Address string `xml:"ipv6Address"`
}

// wireInterface is an interface as DescribeNetworkInterfaces shows it.
type wireInterface struct {
	wireAttached
	Requester bool      `xml:"requesterManaged"`
	Tags      []wireTag `xml:"tagSet>item"`
}

// attached lists the interfaces of an instance that belong to EC2's view of
// it: branch interfaces hang on a trunk, not on the instance.
func (s *ec2State) attached(instance string) []*Interface {
	var out []*Interface
	for _, id := range slices.Sorted(maps.Keys(s.interfaces)) {
		if e := s.interfaces[id]; e.Instance == instance && e.Kind != "branch" {
			out = append(out, e)
		}
	}
	slices.SortStableFunc(out, func(a, b *Interface) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

func (s *ec2State) wireAttached(e *Interface) wireAttached {
	w := wireAttached{ID: e.ID, VPC: e.VPC, Subnet: e.Subnet, Owner: e.Owner, Kind: e.Kind, PrivateIP: e.PrivateIP, Status: "available", Operator: wireOperator{e.Operator != "", e.Operator}}
	groups := e.Groups
	if s.reorder {
		groups = slices.Sorted(slices.Values(groups))
	}
	for _, g := range groups {
		name := ""
		if x := s.groups[g]; x != nil {
			name = x.Name
		}
		w.Groups = append(w.Groups, wireGroupID{g, name})
	}
	if e.Attachment != "" {
		w.Status, w.Attachment = "in-use", &wireAttachment{ID: e.Attachment, Index: e.Index, Status: "attached"}
	}
	if e.IPv6 != "" {
		w.IPv6 = []wireIPv6{{e.IPv6}}
	}
	if e.PublicIP != "" {
		w.Association = &wireAssociation{e.PublicIP}
	}
	return w
}

func describeInterfaces(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	ids := r.list("NetworkInterfaceId")
	if err := wellFormed(ids, "InvalidNetworkInterfaceId.Malformed"); err != nil {
		return nil, err
	}
	found, err := selected(s, r, visible(r, s.interfaces, func(e *Interface) bool { return e.Hidden }), ids, "InvalidNetworkInterfaceID.NotFound", func(e *Interface) map[string][]string {
		return map[string][]string{"network-interface-id": {e.ID}, "attachment.instance-id": {e.Instance}, "vpc-id": {e.VPC}, "group-id": e.Groups,
			"addresses.private-ip-address": {e.PrivateIP}, "private-ip-address": {e.PrivateIP}, "association.public-ip": {e.PublicIP},
			"addresses.association.public-ip": {e.PublicIP}, "ipv6-addresses.ipv6-address": {e.IPv6}, "interface-type": {e.Kind}}
	}, func(e *Interface) map[string]string { return e.Tags })
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(r, found)
	if err != nil {
		return nil, err
	}
	var out struct {
		Interfaces []wireInterface `xml:"networkInterfaceSet>item"`
		Next       string          `xml:"nextToken,omitempty"`
	}
	out.Next = next
	for _, e := range page {
		w := wireInterface{s.wireAttached(e), e.Requester, wireTags(e.Tags)}
		if w.Attachment != nil {
			w.Attachment.Instance = e.Instance
		}
		out.Interfaces = append(out.Interfaces, w)
	}
	return out, nil
}

func modifyInterface(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	e := s.interfaces[r.str("NetworkInterfaceId")]
	if e == nil {
		return nil, refuse("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", r.str("NetworkInterfaceId"))
	}
	groups := r.list("SecurityGroupId")
	switch {
	case len(groups) == 0:
		return nil, refuse("InvalidParameterCombination", "No attribute was given")
	case len(groups) > maxGroups:
		return nil, refuse("SecurityGroupsPerInterfaceLimitExceeded", "at most %d groups", maxGroups)
	case e.Operator != "":
		return nil, refuse("OperationNotPermitted", "The network interface is managed by %s", e.Operator)
	case e.Requester, e.Owner != s.account:
		return nil, &apiError{403, "AuthFailure", "You do not have permission to access the specified resource."}
	}
	for _, g := range groups {
		x := s.groups[g]
		if x == nil {
			return nil, refuse("InvalidGroup.NotFound", "The security group '%s' does not exist", g)
		}
		if x.VPC != e.VPC {
			return nil, refuse("InvalidParameterValue", "You have specified two resources that belong to different networks.")
		}
	}
	e.Groups = groups
	return done{true}, nil
}
