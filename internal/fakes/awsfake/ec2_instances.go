package awsfake

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func ec2Instances() map[string]operation {
	return map[string]operation{
		"DescribeInstances":         {run: describeInstances},
		"DescribeInstanceAttribute": {run: describeInstanceAttribute},
		"ModifyInstanceAttribute":   {write: true, run: modifyInstanceAttribute, needs: needsAttribute},
	}
}

// needsInstance asks for an action on the instance a request names.
func needsInstance(action string) func(*Cloud, *request) []Need {
	return func(c *Cloud, r *request) []Need {
		return []Need{r.ec2(c).need(action, "instance", r.str("InstanceId"))}
	}
}

// needsAttribute names the attribute that is set, as ec2:Attribute/… does.
func needsAttribute(c *Cloud, r *request) []Need {
	n := r.ec2(c).need("ModifyInstanceAttribute", "instance", r.str("InstanceId"))
	if r.has("UserData.Value") {
		n.Keys["ec2:Attribute/UserData"] = r.str("UserData.Value")
	}
	return []Need{n}
}

type wireState struct {
	Code int    `xml:"code"`
	Name string `xml:"name"`
}

var stateCodes = map[string]int{"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}

type wireGroupID struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

type wireOperator struct {
	Managed   bool   `xml:"managed"`
	Principal string `xml:"principal,omitempty"`
}

type wireInstance struct {
	ID              string          `xml:"instanceId"`
	Image           string          `xml:"imageId"`
	State           wireState       `xml:"instanceState"`
	Type            string          `xml:"instanceType"`
	Launched        time.Time       `xml:"launchTime"`
	Placement       string          `xml:"placement>availabilityZone"`
	Platform        string          `xml:"platform,omitempty"`
	PlatformDetails string          `xml:"platformDetails"`
	Architecture    string          `xml:"architecture"`
	Lifecycle       string          `xml:"instanceLifecycle,omitempty"`
	VPC             string          `xml:"vpcId,omitempty"`
	Subnet          string          `xml:"subnetId,omitempty"`
	PrivateIP       string          `xml:"privateIpAddress,omitempty"`
	PublicIP        string          `xml:"ipAddress,omitempty"`
	Root            string          `xml:"rootDeviceName"`
	Hibernation     bool            `xml:"hibernationOptions>configured"`
	Operator        wireOperator    `xml:"operator"`
	Enclave         bool            `xml:"enclaveOptions>enabled"`
	Metadata        wireMetadata    `xml:"metadataOptions"`
	Profile         *wireProfile    `xml:"iamInstanceProfile"`
	Tags            []wireTag       `xml:"tagSet>item"`
	Groups          []wireGroupID   `xml:"groupSet>item"`
	Devices         []wireDevice    `xml:"blockDeviceMapping>item"`
	Interfaces      []wireAttached  `xml:"networkInterfaceSet>item"`
	Secondary       []wireSecondary `xml:"secondaryInterfaceSet>item"`
}

type wireProfile struct {
	ARN string `xml:"arn"`
	ID  string `xml:"id"`
}

type wireDevice struct {
	Name   string `xml:"deviceName"`
	Volume string `xml:"ebs>volumeId"`
	Status string `xml:"ebs>status"`
	Delete bool   `xml:"ebs>deleteOnTermination"`
}

type wireSecondary struct {
	ID string `xml:"secondaryInterfaceId"`
}

type wireReservation struct {
	ID        string         `xml:"reservationId"`
	Owner     string         `xml:"ownerId"`
	Instances []wireInstance `xml:"instancesSet>item"`
}

func (s *ec2State) wireInstance(i *Instance) wireInstance {
	w := wireInstance{ID: i.ID, Image: i.Image, State: wireState{stateCodes[i.State], i.State}, Type: i.Type, Launched: i.Launched.UTC().Truncate(time.Second),
		Placement: s.region + "a", Platform: i.Platform, PlatformDetails: i.PlatformDetails, Architecture: i.Architecture, Lifecycle: i.Lifecycle, Root: "/dev/xvda",
		Hibernation: i.Hibernates, Operator: wireOperator{i.Operator != "", i.Operator}, Tags: wireTags(i.Tags),
		Enclave: i.Enclave, Metadata: wireMetadata{"applied", cmp.Or(i.Tokens, "optional"), cmp.Or(i.Hops, 1), "enabled"}}
	if i.State == "terminated" {
		return w
	}
	w.VPC, w.Subnet, w.PrivateIP = i.VPC, i.Subnet, i.PrivateIP
	if i.Profile != "" {
		w.Profile = &wireProfile{i.Profile, "AIPAEXAMPLE"}
	}
	for n := range i.Secondary {
		w.Secondary = append(w.Secondary, wireSecondary{fmt.Sprintf("seni-%017x", n+1)})
	}
	for _, e := range s.attached(i.ID) {
		a := s.wireAttached(e)
		w.Interfaces = append(w.Interfaces, a)
		if e.Index == 0 {
			w.Groups, w.PublicIP = a.Groups, e.PublicIP
		}
	}
	for _, v := range s.volumesOf(i.ID) {
		w.Devices = append(w.Devices, wireDevice{v.Device, v.ID, "attached", !v.Keep})
	}
	return w
}

func describeInstances(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	ids := r.list("InstanceId")
	if err := wellFormed(ids, "InvalidInstanceID.Malformed"); err != nil {
		return nil, err
	}
	found, err := selected(s, r, visible(r, s.instances, func(i *Instance) bool { return i.Hidden }), ids, "InvalidInstanceID.NotFound", func(i *Instance) map[string][]string {
		return map[string][]string{"instance-id": {i.ID}, "instance-state-name": {i.State}, "vpc-id": {i.VPC}, "private-ip-address": {i.PrivateIP}}
	}, func(i *Instance) map[string]string { return i.Tags })
	if err != nil {
		return nil, err
	}
	page, next, err := pageOf(r, found)
	if err != nil {
		return nil, err
	}
	var out struct {
		Reservations []wireReservation `xml:"reservationSet>item"`
		Next         string            `xml:"nextToken,omitempty"`
	}
	out.Next = next
	for _, i := range page {
		out.Reservations = append(out.Reservations, wireReservation{"r-" + strings.TrimPrefix(i.ID, "i-"), s.account, []wireInstance{s.wireInstance(i)}})
	}
	return out, nil
}

// live finds the instance a request names.
func (s *ec2State) live(r *request) (*Instance, error) {
	id := r.str("InstanceId")
	if err := wellFormed([]string{id}, "InvalidInstanceID.Malformed"); err != nil {
		return nil, err
	}
	i := s.instances[id]
	if i == nil {
		return nil, refuse("InvalidInstanceID.NotFound", "The instance ID '%s' does not exist", id)
	}
	return i, nil
}

func describeInstanceAttribute(c *Cloud, r *request) (any, error) {
	i, err := r.ec2(c).live(r)
	if err != nil {
		return nil, err
	}
	type value struct {
		Value string `xml:"value"`
	}
	var out struct {
		ID            string `xml:"instanceId"`
		NoTermination *value `xml:"disableApiTermination"`
		NoStop        *value `xml:"disableApiStop"`
		Shutdown      *value `xml:"instanceInitiatedShutdownBehavior"`
		UserData      *value `xml:"userData"`
	}
	out.ID = i.ID
	switch r.str("Attribute") {
	case "disableApiTermination":
		out.NoTermination = &value{fmt.Sprint(i.NoTermination)}
	case "disableApiStop":
		out.NoStop = &value{fmt.Sprint(i.NoStop)}
	case "instanceInitiatedShutdownBehavior":
		out.Shutdown = &value{i.Shutdown}
	case "userData":
		out.UserData = &value{base64.StdEncoding.EncodeToString([]byte(i.UserData))}
	default:
		return nil, refuse("InvalidParameterValue", "attribute %s is not known", r.str("Attribute"))
	}
	return out, nil
}

// modifyInstanceAttribute takes one attribute a call.
func modifyInstanceAttribute(c *Cloud, r *request) (any, error) {
	s := r.ec2(c)
	i, err := s.live(r)
	if err != nil {
		return nil, err
	}
	var given []string
	for _, name := range []string{"DisableApiTermination.Value", "DisableApiStop.Value", "InstanceInitiatedShutdownBehavior.Value"} {
		if r.has(name) {
			given = append(given, name)
		}
	}
	if n := r.count("BlockDeviceMapping"); n > 0 {
		given = append(given, "BlockDeviceMapping")
	}
	if len(r.list("GroupId")) > 0 {
		given = append(given, "GroupId")
	}
	switch {
	case len(given) != 1:
		return nil, refuse("InvalidParameterCombination", "Fields for multiple attribute types specified: %v", given)
	case i.Operator != "":
		return nil, refuse("OperationNotPermitted", "You do not have permission to modify the instance; it is managed by %s", i.Operator)
	case i.State == "terminated" || i.State == "shutting-down":
		return nil, refuse("IncorrectInstanceState", "The instance '%s' is not in a state from which it can be modified", i.ID)
	}
	return done{true}, s.setAttribute(r, i, given[0])
}

func (s *ec2State) setAttribute(r *request, i *Instance, name string) error {
	v := r.str(name)
	switch name {
	case "DisableApiTermination.Value":
		if i.Lifecycle == "spot" {
			return refuse("OperationNotPermitted", "You cannot enable termination protection for Spot Instances")
		}
		i.NoTermination = v == "true"
	case "DisableApiStop.Value":
		i.NoStop = v == "true"
	case "InstanceInitiatedShutdownBehavior.Value":
		if v != "stop" && v != "terminate" {
			return refuse("InvalidParameterValue", "Invalid value '%s' for InstanceInitiatedShutdownBehavior", v)
		}
		i.Shutdown = v
	case "GroupId":
		return refuse("InvalidInstanceID", "There are multiple interfaces attached to instance '%s'. Please specify an interface ID for the operation instead.", i.ID)
	case "BlockDeviceMapping":
		for n := range r.count("BlockDeviceMapping") {
			p := "BlockDeviceMapping." + strconv.Itoa(n+1)
			at := slices.IndexFunc(s.volumesOf(i.ID), func(v *Volume) bool { return v.Device == r.str(p+".DeviceName") })
			if at < 0 {
				return refuse("InvalidInstanceAttributeValue", "No device is currently mapped at %s", r.str(p+".DeviceName"))
			}
			s.volumesOf(i.ID)[at].Keep = r.str(p+".Ebs.DeleteOnTermination") == "false"
		}
	}
	return nil
}
