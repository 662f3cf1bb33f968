package findings

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Each case is one way in which real findings differ from the documented ones.
func TestShapesOfRealFindings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sample string
		set    map[string]any
		ok     func(f *Finding) bool
	}{
		"delegated administrator": {"portprobe.eventbridge.json", map[string]any{"account": "999988887777"}, func(f *Finding) bool {
			return f.Account == "111122223333" && f.Envelope.Account == "999988887777"
		}},
		"owner unreadable: not the administrator's": {"portprobe.eventbridge.json", map[string]any{"account": "999988887777", "detail.accountId": "CHILD", "detail.arn": drop}, func(f *Finding) bool {
			return f.Account == ""
		}},
		"owner absent: the envelope's": {"portprobe.eventbridge.json", map[string]any{"detail.accountId": drop, "detail.arn": drop}, func(f *Finding) bool {
			return f.Account == "111122223333"
		}},
		"no detail-type and source": {
			"portprobe.eventbridge.json", map[string]any{"detail-type": drop, "source": drop},
			func(f *Finding) bool {
				return f.ID == probe().ID
			},
		},
		"three Regions": {"createuser.json", map[string]any{"region": "us-east-1", "arn": "arn:aws:guardduty:ap-south-1:111122223333:detector/other/finding/x"}, func(f *Finding) bool {
			return f.Region == "ap-south-1" && f.Detector == "other"
		}},
		"probes null": {
			"portprobe.json", map[string]any{"service.action.portProbeAction.portProbeDetails": nil},
			func(f *Finding) bool {
				return len(f.LocalPorts) == 0 && f.Action == "PORT_PROBE"
			},
		},
		"probes empty": {
			"portprobe.json", map[string]any{"service.action.portProbeAction.portProbeDetails": []any{}},
			func(f *Finding) bool {
				return f.RemoteIP() == netip.Addr{}
			},
		},
		"probe blocked": {
			"portprobe.json", map[string]any{"service.action.portProbeAction.blocked": "True"},
			func(f *Finding) bool {
				return f.Blocked
			},
		},
		"probe as a connection": {"ssh.json", map[string]any{"type": "Recon:EC2/PortProbeUnprotectedPort", "service.additionalInfo": map[string]any{"additionalPorts": []any{22, "443"}}}, func(f *Finding) bool {
			return cmp.Equal(f.Ports(), []int{22, 443})
		}},
		"tags null": {
			"portprobe.json", map[string]any{"resource.instanceDetails.tags": nil},
			func(f *Finding) bool {
				return f.Tags == nil
			},
		},
		"tags value first": {
			"kubernetes.json", nil,
			func(f *Finding) bool {
				return cmp.Equal(f.Tags, []Tag{{Key: "team", Value: "platform"}})
			},
		},
		"tags as an object": {
			"portprobe.json", map[string]any{"resource.instanceDetails.tags": map[string]any{"owner": "x"}},
			func(f *Finding) bool {
				return cmp.Equal(f.Tags, []Tag{{Key: "owner", Value: "x"}})
			},
		},
		"tag without key": {
			"portprobe.json", map[string]any{
				"resource.instanceDetails.tags": []any{map[string]any{"key": "", "value": "v"}, "x", nil},
			},
			func(f *Finding) bool {
				return cmp.Equal(f.Tags, []Tag{{Value: "v"}})
			},
		},
		"no instance details": {
			"portprobe.json", map[string]any{"resource.instanceDetails": drop},
			func(f *Finding) bool {
				return f.ResourceType == "Instance" && cmp.Equal(f.Instance, Instance{})
			},
		},
		"no interfaces": {
			"portprobe.json", map[string]any{"resource.instanceDetails.networkInterfaces": []any{}},
			func(f *Finding) bool {
				return f.Instance.ID != "" && f.Instance.PublicIPs == nil
			},
		},
		"terminated": {
			"portprobe.json", map[string]any{"resource.instanceDetails.instanceState": "Terminated"},
			func(f *Finding) bool {
				return f.Instance.State == "terminated"
			},
		},
		"epoch launch time": {
			"portprobe.json", map[string]any{"resource.instanceDetails.launchTime": 1481719450000},
			func(f *Finding) bool {
				return f.Instance.ID != ""
			},
		},
		"instance on a key": {"createuser.json", map[string]any{"resource.instanceDetails": map[string]any{"instanceId": "i-1"}}, func(f *Finding) bool {
			return f.ResourceType == "AccessKey" && GroupOf(f) == GroupIAM && f.Instance.ID == "i-1"
		}},
		"no resource type": {
			"createuser.json", map[string]any{
				"resource.resourceType":    drop,
				"resource.instanceDetails": map[string]any{"instanceId": "i-1"},
			},
			func(f *Finding) bool {
				return f.ResourceType == "AccessKey"
			},
		},
		"other spelling": {
			"portprobe.json", map[string]any{"resource.resourceType": "EC2_INSTANCE"},
			func(f *Finding) bool {
				return f.ResourceType == "Instance"
			},
		},
		"asn a number": {
			"ssh.json", map[string]any{
				"service.action.networkConnectionAction.remoteIpDetails.organization.asn": 64496,
			},
			func(f *Finding) bool {
				return f.Remote[0].ASN == "64496"
			},
		},
		"place empty": {
			"ssh.json", map[string]any{
				"service.action.networkConnectionAction.remoteIpDetails.organization": map[string]any{},
				"service.action.networkConnectionAction.remoteIpDetails.city":         map[string]any{"cityName": ""},
				"service.action.networkConnectionAction.remoteIpDetails.country":      nil,
			},
			func(f *Finding) bool {
				return f.Remote[0] == Remote{IP: f.RemoteIP(), Port: 51000}
			},
		},
		"country a text": {
			"ssh.json", map[string]any{"service.action.networkConnectionAction.remoteIpDetails.country": "NO"},
			func(f *Finding) bool {
				return f.Remote[0].Country == "NO"
			},
		},
		"IPv6 only": {
			"ssh.json", map[string]any{
				"service.action.networkConnectionAction.remoteIpDetails.ipAddressV4": "",
				"service.action.networkConnectionAction.remoteIpDetails.ipAddressV6": "2001:db8::1",
			},
			func(f *Finding) bool {
				return f.RemoteIP().String() == "2001:db8::1"
			},
		},
		"IPv4 in IPv6": {
			"ssh.json", map[string]any{
				"service.action.networkConnectionAction.remoteIpDetails.ipAddressV4": "::ffff:192.0.2.1",
			},
			func(f *Finding) bool {
				return f.RemoteIP().String() == "192.0.2.1"
			},
		},
		"no address": {
			"ssh.json", map[string]any{
				"service.action.networkConnectionAction.remoteIpDetails.ipAddressV4": "1337.1337.1337.1337",
			},
			func(f *Finding) bool {
				return !f.RemoteIP().IsValid() && f.Remote[0].Org == "ExampleNet"
			},
		},
		"0.0.0.0": {
			"ssh.json", map[string]any{
				"service.action.networkConnectionAction.remoteIpDetails.ipAddressV4": "0.0.0.0",
			},
			func(f *Finding) bool {
				return !f.RemoteIP().IsValid()
			},
		},
		"private address": {
			"ssh.json", map[string]any{
				"service.action.networkConnectionAction.remoteIpDetails.ipAddressV4": "10.9.9.9",
			},
			func(f *Finding) bool {
				return f.RemoteIP().String() == "10.9.9.9"
			},
		},
		"remote next to action": {
			"ssh.json", map[string]any{
				"service.action":          drop,
				"service.remoteIpDetails": map[string]any{"ipAddressV4": "192.0.2.7"},
			},
			func(f *Finding) bool {
				return f.RemoteIP().String() == "192.0.2.7"
			},
		},
		"remote without kind": {
			"ssh.json", map[string]any{
				"service.action": map[string]any{"remoteIpDetails": map[string]any{"ipAddressV4": "192.0.2.8"}},
			},
			func(f *Finding) bool {
				return f.RemoteIP().String() == "192.0.2.8"
			},
		},
		"evidence null": {
			"ssh.json", nil,
			func(f *Finding) bool {
				return f.ThreatList == ""
			},
		},
		"sample in the object": {
			"dns.json", map[string]any{"service.additionalInfo": map[string]any{"sample": true}},
			func(f *Finding) bool {
				return f.Sample
			},
		},
		"sample in the text": {
			"dns.json", map[string]any{
				"service.additionalInfo": map[string]any{"value": `{"sample":true,"threatListName":"L"}`, "type": "default"},
			},
			func(f *Finding) bool {
				return f.Sample && f.ThreatList == "L"
			},
		},
		"sample a text": {
			"dns.json", map[string]any{"service.additionalInfo": map[string]any{"sample": "True"}},
			func(f *Finding) bool {
				return f.Sample
			},
		},
		"info a text": {
			"dns.json", map[string]any{"service.additionalInfo": `{"sample":true}`},
			func(f *Finding) bool {
				return f.Sample
			},
		},
		"info broken": {
			"dns.json", map[string]any{
				"service.additionalInfo": map[string]any{"value": `{"sample":tr`, "type": "default"},
			},
			func(f *Finding) bool {
				return !f.Sample && f.Domain != ""
			},
		},
		"sample by instance": {
			"dns.json", map[string]any{"resource.instanceDetails.instanceId": "i-99999999"},
			func(f *Finding) bool {
				return f.Sample
			},
		},
		"sample by title": {
			"dns.json", map[string]any{"title": "[SAMPLE] x"},
			func(f *Finding) bool {
				return f.Sample
			},
		},
		"sample by key": {
			"createuser.json", map[string]any{"resource.accessKeyDetails.accessKeyId": "GeneratedFindingAccessKeyId"},
			func(f *Finding) bool {
				return f.Sample
			},
		},
		"chosen name is no sample": {
			"createuser.json", map[string]any{
				"resource.accessKeyDetails.userName":        "GeneratedFindingUserName",
				"service.action.awsApiCallAction.userAgent": "[SAMPLE]",
			},
			func(f *Finding) bool {
				return !f.Sample
			},
		},
		"caller is a service": {"createuser.json", map[string]any{"service.action.awsApiCallAction.remoteIpDetails": drop, "service.action.awsApiCallAction.domainDetails": map[string]any{"domain": "cloudformation.amazonaws.com"}}, func(f *Finding) bool {
			return f.Domain == "cloudformation.amazonaws.com" && !f.RemoteIP().IsValid()
		}},
		"failed call": {"stoplogging.json", map[string]any{"service.action.awsApiCallAction.errorCode": "AccessDenied"}, func(f *Finding) bool {
			return f.ErrorCode == "AccessDenied" && strings.Contains(f.TellSentence(), "to try to")
		}},
		"other account": {
			"s3.json", nil,
			func(f *Finding) bool {
				return f.Remote[0].Account == "444455556666" && f.RemoteIP().IsValid()
			},
		},
		"two buckets": {"s3.json", nil, func(f *Finding) bool {
			return cmp.Equal(f.Resources, []string{"arn:aws:s3:::reports", "arn:aws:s3:::backups"}) && f.Tags[0].Value == "data"
		}},
		"our host attacks": {"ssh.json", map[string]any{"service.resourceRole": "ACTOR", "service.action.networkConnectionAction.connectionDirection": "OUTBOUND"}, func(f *Finding) bool {
			return f.Role == "ACTOR" && cmp.Equal(f.Ports(), []int{51000}) && cmp.Equal(f.RemotePorts(), []int{51000})
		}},
		"incoming": {
			"ssh.json", nil,
			func(f *Finding) bool {
				return cmp.Equal(f.Ports(), []int{22})
			},
		},
		"unknown action": {"ssh.json", map[string]any{"service.action": map[string]any{"actionType": "NEW_ACTION", "newAction": map[string]any{"a": "b"}}}, func(f *Finding) bool {
			return f.Action == "NEW_ACTION"
		}},
		"attack sequence": {"sequence.json", nil, func(f *Finding) bool {
			return f.Principal.Session == "jane.doe@example.com" && f.RemoteIP().String() == "198.51.100.50" && f.Remote[0].ASN == "64496" && f.Remote[0].Port == 443 &&
				f.API == "cloudtrail:DeleteTrail,iam:AttachRolePolicy" && f.Instance.ID == "i-0a1b2c3d4e5f60718" && f.Tags[0].Value == "payments" && f.CauseKey() == ""
		}},
		"part of a sequence": {
			"dns.json", map[string]any{"associatedAttackSequenceArn": "arn:s"},
			func(f *Finding) bool {
				return f.Sequence == "arn:s"
			},
		},
		"unusual behaviour": {"createuser.json", map[string]any{"service.additionalInfo": map[string]any{
			"userAgent": map[string]any{"fullUserAgent": "aws-cli/9"}, "anomalies": map[string]any{"anomalousAPIs": "iam:[CreateUser:success , PutRolePolicy:AccessDenied] , ec2:[RunInstances:success"}}, "service.action.awsApiCallAction.userAgent": drop}, func(f *Finding) bool {
			return f.API == "iam:CreateUser,iam:PutRolePolicy,ec2:RunInstances" && f.UserAgent == "aws-cli/9"
		}},
		"runtime": {"runtime.json", nil, func(f *Finding) bool {
			return f.Process == "/usr/bin/nc" && f.Feature == "RuntimeMonitoring" && GroupOf(f) == GroupEC2
		}},
		"kubernetes": {"kubernetes.json", nil, func(f *Finding) bool {
			return f.Principal == Principal{Type: "Kubernetes", Name: "system:anonymous", Session: "dev"} && f.API == "kubernetes:get" && f.RequestURI == "/version" && len(f.Remote) == 1
		}},
		"RDS a list": {"runtime.json", map[string]any{"resource": map[string]any{"resourceType": "DBInstance", "rdsDbInstanceDetails": []any{map[string]any{"dbInstanceIdentifier": "db-1"}}, "rdsDbUserDetails": map[string]any{"user": "app"}}}, func(f *Finding) bool {
			return f.ResourceType == "RDSDBInstance" && f.Resources[0] == "db-1" && f.Principal == Principal{Type: "Database", Name: "app"}
		}},
		"DNS": {
			"dns.json", nil,
			func(f *Finding) bool {
				return f.Domain == "bad.example.com" && f.Blocked && f.Action == "DNS_REQUEST"
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if f := only(t, with(t, c.sample, c.set)); !c.ok(f) {
				t.Errorf("%+v", f)
			}
		})
	}
}

func TestPrincipals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kind, id, user string
		want           Principal
		name           string
	}{
		{"AssumedRole", "AROA1:jane.doe@example.com", "AWSReservedSSO_Admin_0123456789abcdef", Principal{Type: "AssumedRole", Session: "jane.doe@example.com"}, "jane.doe@example.com"},
		{"ASSUMED_ROLE", "AROA1:i-0123", "web", Principal{Type: "AssumedRole", Session: "i-0123"}, "i-0123"},
		{"Role", "AROA1:GitHub:Actions", "ci", Principal{Type: "Role", Session: "GitHub:Actions"}, "GitHub:Actions"},
		{"IAMUser", "AIDA1", "jane", Principal{Type: "IAMUser"}, "jane"},
		{"IAM_USER", "AIDA1:odd", "jane", Principal{Type: "IAMUser"}, "jane"},
		{"Root", "111122223333", "Root", Principal{Type: "Root"}, "Root"},
		{"FederatedUser", "111122223333:jane", "jane", Principal{Type: "FederatedUser", Session: "jane"}, "jane"},
		{"AWSService", "", "", Principal{Type: "AWSService"}, ""},
		{"Alien", "X", "", Principal{Type: "Alien"}, "X"},
	} {
		c.want.ID, c.want.Name, c.want.AccessKeyID = c.id, c.user, "K"
		got := principal(c.kind, c.id, c.user, "K")
		if got != c.want {
			t.Errorf("%+v, want %+v", got, c.want)
		}
		if f := (&Finding{Principal: got}); f.PrincipalName() != c.name {
			t.Errorf("%+v is called %q", got, f.PrincipalName())
		}
	}
}

// TestBrokenRecordCostsOneRecord is about batches: SQS, files, lists.
func TestBrokenRecordCostsOneRecord(t *testing.T) {
	t.Parallel()
	good := string(sample(t, "portprobe.sns.json"))
	items := Parse(encode(t, map[string]any{"Records": []any{
		map[string]any{"body": good}, map[string]any{"body": good[:500]}, map[string]any{"body": string(sample(t, "s3test.json"))},
		map[string]any{"body": "hello"}, nil, map[string]any{"body": good},
	}}))
	var ok, bad int
	for _, i := range items {
		checkItem(t, i)
		if i.Err != nil {
			bad++
		} else {
			ok++
		}
	}
	if ok != 2 || bad != 4 {
		t.Errorf("%d findings, %d refusals", ok, bad)
	}
}

func TestSixtySignals(t *testing.T) {
	t.Parallel()
	signals := make([]any, 60)
	for i := range signals {
		signals[i] = map[string]any{"uid": strings.Repeat("u", 100), "type": "FINDING", "severity": 5.0, "createdAt": 1789340000.5, "resourceUids": []any{"a", "b"}}
	}
	f := only(t, with(t, "sequence.json", map[string]any{"service.detection.sequence.signals": signals}))
	if f.Principal.Type != "AssumedRole" {
		t.Errorf("%+v", f)
	}
}
