package awsfake

import (
	"regexp"
	"slices"
)

func ec2Groups() map[string]operation {
	return map[string]operation{
		"DescribeSecurityGroups":     {run: describeGroups},
		"DescribeSecurityGroupRules": {run: describeRules},
		"CreateSecurityGroup": {write: true, run: createGroup, needs: func(c *Cloud, r *request) []Need {
			s := r.ec2(c)
			return append(s.made(r, r.Op, "security-group"), s.need(r.Op, "vpc", r.str("VpcId")))
		}},
		"RevokeSecurityGroupEgress": {write: true, run: revokeEgress, needs: func(c *Cloud, r *request) []Need {
			return []Need{r.ec2(c).need(r.Op, "security-group", r.str("GroupId"))}
		}},
	}
}

// What the name and description of a group may consist of (EC2 API reference,
// CreateSecurityGroup).
var groupText = regexp.MustCompile(`^[a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]{1,255}$`)

type wireRange struct {
	CIDR string `xml:"cidrIp"`
}

type wireRange6 struct {
	CIDR string `xml:"cidrIpv6"`
}

type wirePair struct {
	Group string `xml:"groupId"`
}

type wirePermission struct {
	Protocol string       `xml:"ipProtocol"`
	From     *int         `xml:"fromPort"`
	To       *int         `xml:"toPort"`
	Ranges   []wireRange  `xml:"ipRanges>item"`
	Ranges6  []wireRange6 `xml:"ipv6Ranges>item"`
	Groups   []wirePair   `xml:"groups>item"`
}

func (x Rule) wire() wirePermission {
	w := wirePermission{Protocol: x.Protocol}
	if x.Protocol != "-1" {
		w.From, w.To = &x.From, &x.To
	}
	if x.CIDR4 != "" {
		w.Ranges = []wireRange{{x.CIDR4}}
	}
	if x.CIDR6 != "" {
		w.Ranges6 = []wireRange6{{x.CIDR6}}
	}
	if x.Source != "" {
		w.Groups = []wirePair{{x.Source}}
	}
	return w
}

type wireGroup struct {
	ID      string           `xml:"groupId"`
	Name    string           `xml:"groupName"`
	About   string           `xml:"groupDescription"`
	VPC     string           `xml:"vpcId"`
	Owner   string           `xml:"ownerId"`
	Ingress []wirePermission `xml:"ipPermissions>item"`
	Egress  []wirePermission `xml:"ipPermissionsEgress>item"`
	Tags    []wireTag        `xml:"tagSet>item"`
}

func describeGroups(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	found, err := selected(s, r, s.groups, r.list("GroupId"), "InvalidGroup.NotFound", func(g *Group) map[string][]string {
		return map[string][]string{"group-id": {g.ID}, "group-name": {g.Name}, "vpc-id": {g.VPC}}
	}, func(g *Group) map[string]string { return g.Tags })
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(r, found)
	if err != nil {
		return nil, err
	}
	var out struct {
		Groups []wireGroup `xml:"securityGroupInfo>item"`
		Next   string      `xml:"nextToken,omitempty"`
	}
	out.Next = next
	for _, g := range page {
		w := wireGroup{ID: g.ID, Name: g.Name, About: g.About, VPC: g.VPC, Owner: s.account, Tags: wireTags(g.Tags)}
		for _, x := range g.Rules {
			if x.Egress {
				w.Egress = append(w.Egress, x.wire())
			} else {
				w.Ingress = append(w.Ingress, x.wire())
			}
		}
		out.Groups = append(out.Groups, w)
	}
	return out, nil
}

type wireRule struct {
	ID       string    `xml:"securityGroupRuleId"`
	Group    string    `xml:"groupId"`
	Owner    string    `xml:"groupOwnerId"`
	Egress   bool      `xml:"isEgress"`
	Protocol string    `xml:"ipProtocol"`
	From     int       `xml:"fromPort"`
	To       int       `xml:"toPort"`
	CIDR4    string    `xml:"cidrIpv4,omitempty"`
	CIDR6    string    `xml:"cidrIpv6,omitempty"`
	Source   *wirePair `xml:"referencedGroupInfo"`
}

func describeRules(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	var all []wireRule
	for _, g := range sorted(s.groups) {
		ok, err := matches(r.filters(), map[string][]string{"group-id": {g.ID}}, nil)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		for _, x := range g.Rules {
			w := wireRule{x.ID, g.ID, s.account, x.Egress, x.Protocol, x.From, x.To, x.CIDR4, x.CIDR6, nil}
			if x.Source != "" {
				w.Source = &wirePair{x.Source}
			}
			all = append(all, w)
		}
	}
	page, next, err := pageOf(r, all)
	if err != nil {
		return nil, err
	}
	return struct {
		Rules []wireRule `xml:"securityGroupRuleSet>item"`
		Next  string     `xml:"nextToken,omitempty"`
	}{page, next}, nil
}

func createGroup(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	name, about, vpc := r.str("GroupName"), r.str("GroupDescription"), r.str("VpcId")
	if !groupText.MatchString(name) || !groupText.MatchString(about) || len(name) > 2 && name[:3] == "sg-" {
		return nil, refuse("InvalidParameterValue", "Invalid group name or description")
	}
	for _, g := range s.groups {
		if g.Name == name && g.VPC == vpc {
			return nil, refuse("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, vpc)
		}
	}
	rules := []Rule{Open()}
	if s.vpcs[vpc].IPv6 {
		rules = append(rules, Rule{Protocol: "-1", CIDR6: "::/0", Egress: true, From: -1, To: -1})
	}
	tags := r.specTags("security-group")
	id := c.addGroup(s, Group{Name: name, About: about, VPC: vpc, Tags: tags, Rules: rules})
	s.hide(id)
	return struct {
		ID   string    `xml:"groupId"`
		Tags []wireTag `xml:"tagSet>item"`
	}{id, wireTags(tags)}, nil
}

// revokeEgress takes rules away by id. By value, a rule that is not there is
// an error, but not in a default VPC: there the answer only mentions it.
func revokeEgress(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	g := s.groups[r.str("GroupId")]
	if g == nil {
		return nil, refuse("InvalidGroup.NotFound", "The security group '%s' does not exist", r.str("GroupId"))
	}
	ids := r.list("SecurityGroupRuleId")
	if len(ids) == 0 {
		if s.vpcs[g.VPC].Default {
			return struct {
				Return  bool             `xml:"return"`
				Unknown []wirePermission `xml:"unknownIpPermissionSet>item"`
			}{true, []wirePermission{{Protocol: "-1"}}}, nil
		}
		return nil, refuse("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
	}
	for _, id := range ids {
		if !slices.ContainsFunc(g.Rules, func(x Rule) bool { return x.ID == id && x.Egress }) {
			return nil, refuse("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
		}
	}
	g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), func(x Rule) bool { return slices.Contains(ids, x.ID) })
	return done{true}, nil
}
