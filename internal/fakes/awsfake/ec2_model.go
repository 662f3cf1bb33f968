package awsfake

import (
	"maps"
	"slices"
	"time"
)

// Instance is an EC2 instance. Zero fields get sensible values when it is
// added: running, an amd64 Linux, with one interface and one volume unless
// Bare.
type Instance struct {
	ID, State, Type, Image    string
	Platform, PlatformDetails string
	Architecture, Lifecycle   string // Lifecycle is "spot" or empty
	VPC, Subnet, PrivateIP    string
	Profile                   string // ARN of the instance profile
	Launched                  time.Time
	Tags                      map[string]string
	Operator                  string // who manages it for AWS, such as eks.amazonaws.com; it cannot be changed then
	NoTermination, NoStop     bool
	Shutdown                  string // instanceInitiatedShutdownBehavior: stop or terminate
	InstanceStore, Hibernates bool
	Groups                    []string // of the first interface
	Hidden                    bool     // shown only to those who ask for managed resources too
	Secondary                 int      // interfaces in secondary networks
	Bare                      bool     // gets neither interface nor volume
	Enclave                   bool     // runs Nitro Enclaves
	UserData                  string
	Console                   string // what its console has shown
	Xen                       bool   // of a generation whose latest console output cannot be had
	Tokens                    string // of the metadata service: optional or required
	Hops                      int    // of the metadata service's answers
}

// Interface is a network interface.
type Interface struct {
	ID, Instance, Attachment string
	Index                    int
	VPC, Subnet              string
	Groups                   []string
	PrivateIP, PublicIP      string
	IPv6                     string
	Kind                     string // interface, trunk, branch, efa…
	Operator                 string
	Requester                bool
	Hidden                   bool // shown only to those who ask for managed resources too
	Owner                    string
	Tags                     map[string]string
}

// Group is a security group with its rules.
type Group struct {
	ID, Name, VPC, About string
	Tags                 map[string]string
	Rules                []Rule
}

// Rule is one rule of a group. From and To are ports; Protocol "-1" is all.
type Rule struct {
	ID, Protocol, CIDR4, CIDR6, Source string
	From, To                           int
	Egress                             bool
}

// Open is the default egress rule of a new group.
func Open() Rule { return Rule{Protocol: "-1", CIDR4: "0.0.0.0/0", Egress: true, From: -1, To: -1} }

// Volume is an EBS volume.
type Volume struct {
	ID, Instance, Device string
	Size                 int // GiB
	Encrypted            bool
	KMSKey               string
	Keep                 bool // not deleted with the instance
	Root                 bool
	Tags                 map[string]string
}

// Snapshot is an EBS snapshot.
type Snapshot struct {
	ID, Volume, About string
	Size              int
	Encrypted         bool
	State, Message    string // pending, completed, error
	Started           time.Time
	Tags              map[string]string
	LockMode          string // governance or compliance; empty when it is not locked
	LockDays          int
}

// VPC has what matters here of a VPC.
type VPC struct {
	Default bool // revoking a rule that is not there is no error
	IPv6    bool // new groups get a second egress rule
}

// AddVPC declares a VPC; those that are not declared have neither property.
func (c *Cloud) AddVPC(account, region, id string, v VPC) {
	c.with(func() { c.ec2(account, region).vpcs[id] = v })
}

// AddInstance starts an instance and returns its id.
func (c *Cloud) AddInstance(account, region string, i Instance) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.broadcast()
	s := c.ec2(account, region)
	set(&i.ID, c.id("i-"))
	set(&i.State, "running")
	set(&i.Type, "t3.small")
	set(&i.Image, "ami-00000000000000001")
	set(&i.PlatformDetails, "Linux/UNIX")
	set(&i.Architecture, "x86_64")
	set(&i.VPC, "vpc-00000000000000001")
	set(&i.Subnet, "subnet-00000000000000001")
	set(&i.PrivateIP, "192.0.2.10")
	set(&i.Shutdown, "stop")
	if i.Launched.IsZero() {
		i.Launched = c.Now().Add(-24 * time.Hour)
	}
	i.Tags = orEmpty(i.Tags)
	s.instances[i.ID] = &i
	if !i.Bare {
		c.addInterface(s, Interface{Instance: i.ID, VPC: i.VPC, Subnet: i.Subnet, Groups: i.Groups, PrivateIP: i.PrivateIP, Owner: account})
		c.addVolume(s, Volume{Instance: i.ID, Device: "/dev/xvda", Size: 8, Root: true})
	}
	return i.ID
}

// AddInterface makes an interface, attached when it names an instance, and
// returns its id.
func (c *Cloud) AddInterface(account, region string, e Interface) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.broadcast()
	if e.Owner == "" {
		e.Owner = account
	}
	return c.addInterface(c.ec2(account, region), e)
}

func (c *Cloud) addInterface(s *ec2State, e Interface) string {
	set(&e.ID, c.id("eni-"))
	set(&e.Kind, "interface")
	set(&e.VPC, "vpc-00000000000000001")
	if e.Instance != "" {
		set(&e.Attachment, c.id("eni-attach-"))
	}
	if len(e.Groups) == 0 {
		e.Groups = []string{c.defaultGroup(s, e.VPC)}
	}
	e.Groups, e.Tags = slices.Clone(e.Groups), orEmpty(e.Tags)
	s.interfaces[e.ID] = &e
	return e.ID
}

// defaultGroup is the group called default of a VPC.
func (c *Cloud) defaultGroup(s *ec2State, vpc string) string {
	for id, g := range s.groups {
		if g.VPC == vpc && g.Name == "default" {
			return id
		}
	}
	return c.addGroup(s, Group{Name: "default", VPC: vpc, Rules: []Rule{Open()}})
}

// AddGroup makes a security group with exactly these rules, and returns its id.
func (c *Cloud) AddGroup(account, region string, g Group) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.broadcast()
	return c.addGroup(c.ec2(account, region), g)
}

func (c *Cloud) addGroup(s *ec2State, g Group) string {
	set(&g.ID, c.id("sg-"))
	set(&g.VPC, "vpc-00000000000000001")
	set(&g.Name, g.ID)
	set(&g.About, g.Name)
	g.Tags, g.Rules = orEmpty(g.Tags), slices.Clone(g.Rules)
	for i := range g.Rules {
		set(&g.Rules[i].ID, c.id("sgr-"))
	}
	s.groups[g.ID] = &g
	return g.ID
}

// AddVolume makes a volume and returns its id.
func (c *Cloud) AddVolume(account, region string, v Volume) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	defer c.broadcast()
	return c.addVolume(c.ec2(account, region), v)
}

func (c *Cloud) addVolume(s *ec2State, v Volume) string {
	set(&v.ID, c.id("vol-"))
	set(&v.Device, "/dev/sdf")
	if v.Size == 0 {
		v.Size = 8
	}
	v.Tags = orEmpty(v.Tags)
	s.volumes[v.ID] = &v
	return v.ID
}

func set(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

func orEmpty(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return maps.Clone(m)
}
