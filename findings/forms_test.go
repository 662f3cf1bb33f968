package findings

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		panic(err)
	}
	return t
}

// probe is what every form of the port probe sample must give.
func probe() *Finding {
	remote := func(ip string) Remote {
		return Remote{IP: netip.MustParseAddr(ip), City: "Bergen", Country: "Norway", ASN: "64496", Org: "ExampleNet"}
	}
	return &Finding{
		Kind: KindFinding, Source: "guardduty", ID: "0ac2a7bcd9d9a2b1c3d4e5f6a7b8c9d0",
		ARN:  "arn:aws:guardduty:eu-west-1:111122223333:detector/5b22539a9d8246393e3e09787f03dd46/finding/0ac2a7bcd9d9a2b1c3d4e5f6a7b8c9d0",
		Type: "Recon:EC2/PortProbeUnprotectedPort", Account: "111122223333", Region: "eu-west-1", Partition: "aws",
		Detector: "5b22539a9d8246393e3e09787f03dd46", Severity: 2,
		Title:       "Something was seen on i-0a1b2c3d4e5f60718.",
		Description: "Something was seen on EC2 instance i-0a1b2c3d4e5f60718 and this text says more about it.",
		CreatedAt:   at("2026-09-14T07:05:12.004Z"), UpdatedAt: at("2026-09-14T08:05:12.004Z"),
		FirstSeen: at("2026-09-14T07:00:00Z"), LastSeen: at("2026-09-14T07:59:58Z"), Count: 7,
		ResourceType: "Instance", Role: "TARGET",
		Instance: Instance{
			ID: "i-0a1b2c3d4e5f60718", State: "running", ImageID: "ami-0a1b2c3d4e5f60718", Type: "m6i.large", VPC: "vpc-0a1b2c3d",
			PublicIPs: []string{"203.0.113.15", "2001:db8::15"}, PrivateIPs: []string{"10.1.2.3", "10.1.2.4"},
			ProfileARN: "arn:aws:iam::111122223333:instance-profile/web",
		},
		Resources: []string{"i-0a1b2c3d4e5f60718"},
		Tags: []Tag{
			{Key: "owner", Value: "payments"},
			{Key: "Name", Value: "web-1"},
			{Key: "env", Value: "prod"},
			{Key: "cost-center", Value: "4711"},
			{Key: "aws:autoscaling:groupName", Value: "web-prod"},
		},
		Action: "PORT_PROBE", ThreatList: "ProofPoint, Example", LocalPorts: []int{22, 9200},
		Remote: []Remote{remote("198.51.100.7"), remote("198.51.100.8")},
	}
}

var asIs = []cmp.Option{cmp.Comparer(func(a, b netip.Addr) bool { return a == b })}

func TestPortProbeInEveryEnvelope(t *testing.T) {
	t.Parallel()
	event := sample(t, "portprobe.eventbridge.json")
	notification := sample(t, "portprobe.sns.json")
	again := encode(t, map[string]any{"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:t", "Message": string(notification)})
	forms := map[string]struct {
		body []byte
		form string
	}{
		"bare":                  {sample(t, "portprobe.json"), "api"},
		"bare in a list":        {append(append([]byte("["), sample(t, "portprobe.json")...), ']'), "api"},
		"event":                 {event, "eventbridge"},
		"SNS":                   {notification, "sns"},
		"SNS in SNS":            {again, "sns"},
		"SQS batch":             {encode(t, map[string]any{"Records": []any{map[string]any{"messageId": "1", "body": string(notification)}}}), "sns"},
		"SQS raw delivery":      {encode(t, map[string]any{"Records": []any{map[string]any{"messageId": "1", "body": string(event)}}}), "eventbridge"},
		"ReceiveMessage":        {encode(t, map[string]any{"Messages": []any{map[string]any{"MessageId": "1", "Body": string(notification)}}}), "sns"},
		"one SQS message":       {encode(t, map[string]any{"MessageId": "1", "ReceiptHandle": "r", "Body": string(notification)}), "sns"},
		"Lambda from SNS":       {append(append([]byte(`{"Records":[{"EventSource":"aws:sns","Sns":`), notification...), `}]}`...), "sns"},
		"Sns object alone":      {append(append([]byte(`{"EventSource":"aws:sns","Sns":`), notification...), '}'), "sns"},
		"text of a document":    {encode(t, string(event)), "eventbridge"},
		"findings, lower case":  {append(append([]byte(`{"findings":[`), sample(t, "portprobe.json")...), `]}`...), "api"},
		"with byte order mark":  {append([]byte("\xEF\xBB\xBF"), event...), "eventbridge"},
		"UTF-16 little-endian":  {utf16File(event, binary.LittleEndian), "eventbridge"},
		"UTF-16 big-endian":     {utf16File(event, binary.BigEndian), "eventbridge"},
		"Splunk":                {sample(t, "splunk.json"), "eventbridge"},
		"Elastic":               {sample(t, "elastic.json"), "siem"},
		"payload of a record":   {append(append([]byte(`{"source":"x","payload":`), event...), '}'), "siem"},
		"message object in SNS": {append(append([]byte(`{"Type":"Notification","TopicArn":"arn:aws:sns:eu-west-1:111122223333:t","Message":`), event...), '}'), "sns"},
	}
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := only(t, form.body)
			if diff := cmp.Diff(probe(), got, append(asIs, cmpopts.IgnoreFields(Finding{}, "Envelope"))...); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			// A log tool is the outermost form only where nothing inside has a name.
			if name != "Splunk" && got.Envelope.Form != form.form {
				t.Errorf("form %q, want %q", got.Envelope.Form, form.form)
			}
		})
	}
}

func utf16File(b []byte, order binary.AppendByteOrder) []byte {
	out := order.AppendUint16(nil, 0xFEFF)
	for _, u := range utf16.Encode([]rune(string(b))) {
		out = order.AppendUint16(out, u)
	}
	return out
}

func TestEnvelopeIsKept(t *testing.T) {
	t.Parallel()
	want := Envelope{
		Form: "sns", Account: "111122223333", Region: "eu-west-1", EventID: "4d60156a-ecee-788b-2828-eccee5991b5b",
		Topic: "arn:aws:sns:eu-west-1:111122223333:guardduty-findings", Time: at("2026-09-14T08:05:30Z"),
	}
	if diff := cmp.Diff(want, only(t, sample(t, "portprobe.sns.json")).Envelope); diff != "" {
		t.Error(diff)
	}
}

func TestPascalCaseList(t *testing.T) {
	t.Parallel()
	items := Parse(sample(t, "findings.pascal.json"))
	if len(items) != 3 {
		t.Fatalf("%d items", len(items))
	}
	lower := []string{"portprobe.json", "dns.json", "stoplogging.json"}
	for i, item := range items {
		checkItem(t, item)
		if diff := cmp.Diff(only(t, sample(t, lower[i])), item.Finding, asIs...); diff != "" {
			t.Errorf("the casing makes a difference (-camel +Pascal)\n%s", diff)
		}
	}
}

func TestSecurityHub(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"securityhub.json", "securityhub.eventbridge.json"} {
		got := only(t, sample(t, name))
		want := probe()
		want.Source, want.ThreatList = "securityhub", "ProofPoint"
		want.Tags = []Tag{{Key: "owner", Value: "payments"}, {Key: "Name", Value: "web-1"}, {Key: "name", Value: "again"}}
		want.Remote = []Remote{{IP: netip.MustParseAddr("198.51.100.7")}, {IP: netip.MustParseAddr("198.51.100.8")}}
		want.Resources = []string{"arn:aws:ec2:eu-west-1:111122223333:instance/i-0a1b2c3d4e5f60718"}
		want.Instance.State, want.Instance.PublicIPs, want.Instance.PrivateIPs = "", []string{"203.0.113.15"}, []string{"10.1.2.3"}
		if diff := cmp.Diff(want, got, append(asIs, cmpopts.IgnoreFields(Finding{}, "Envelope"))...); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
		if got.Envelope.Form != "securityhub" || got.Key() != probe().Key() {
			t.Errorf("form %q, key %q", got.Envelope.Form, got.Key())
		}
	}
}

func TestSecurityHubTypes(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"TTPs/Discovery/Recon:EC2-PortProbeUnprotectedPort":                                   "Recon:EC2/PortProbeUnprotectedPort",
		"TTPs/DefenseEvasion/EC2:Unusual-DNS-Resolver":                                        "DefenseEvasion:EC2/UnusualDNSResolver",
		"TTPs/Credential Access/IAMUser-AnomalousBehavior":                                    "CredentialAccess:IAMUser/AnomalousBehavior",
		"Software and Configuration Checks/Backdoor:EC2.C&CActivity.B":                        "Backdoor:EC2/C&CActivity.B",
		"TTPs/Command and Control/Backdoor:EC2-C&CActivity.B!DNS":                             "Backdoor:EC2/C&CActivity.B!DNS",
		"TTPs/Command and Control/UnauthorizedAccess:EC2-MaliciousIPCaller.Custom":            "UnauthorizedAccess:EC2/MaliciousIPCaller.Custom",
		"TTPs/Impact/Impact:EC2-BrandNew.Thing":                                               "Impact:EC2/BrandNew.Thing",
		"Unusual Behaviors/User/UnauthorizedAccess:IAMUser-ConsoleLogin":                      "UnauthorizedAccess:IAMUser/ConsoleLogin",
		"Effects/Data Exfiltration/UnauthorizedAccess:IAMUser-InstanceCredentialExfiltration": "UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration",
	} {
		if got := fromASFFType([]string{in}); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestSecurityHubVariants(t *testing.T) {
	t.Parallel()
	doubled := bytes.Replace(sample(t, "securityhub.json"), []byte(`"UpdatedAt"`), []byte(`"updatedAt": "2020-01-01T00:00:00Z", "UpdatedAt"`), 1)
	if f := only(t, doubled); !f.UpdatedAt.Equal(probe().UpdatedAt) {
		t.Errorf("updated at %v: a collector's own key counted", f.UpdatedAt)
	}
	f := only(t, with(t, "securityhub.json", map[string]any{"Severity": map[string]any{"Normalized": 80}, "RecordState": "ARCHIVED", "Sample": true}))
	if f.Severity != 8 || !f.Archived || !f.Sample {
		t.Errorf("severity %v, archived %v, sample %v", f.Severity, f.Archived, f.Sample)
	}
	if f := only(t, with(t, "securityhub.json", map[string]any{"Severity": map[string]any{"Label": "HIGH"}})); f.Severity != 8 {
		t.Errorf("severity %v", f.Severity)
	}
	refusal(t, with(t, "securityhub.json", map[string]any{"Id": "arn:aws:inspector2:eu-west-1:111122223333:finding/1", "ProductArn": "arn:aws:securityhub:eu-west-1::product/aws/inspector"}))
	old := with(t, "securityhub.json", map[string]any{"ProductFields": map[string]any{
		"action/actionType": "AWS_API_CALL", "action/awsApiCallAction/api": "ConsoleLogin", "action/awsApiCallAction/serviceName": "signin.amazonaws.com",
		"additionalInfo": `{"sample":true}`, "count": "3", "aws/securityhub/ProductName": "GuardDuty",
	}, "Resources": []any{map[string]any{
		"Type": "AwsIamAccessKey", "Id": "AWS::IAM::AccessKey:null", "Details": map[string]any{"AwsIamAccessKey": map[string]any{"UserName": "jane"}},
	}}})
	if f := only(t, old); f.Principal != (Principal{Name: "jane"}) || f.API != "signin:ConsoleLogin" || f.Count != 3 || !f.Sample {
		t.Errorf("API %q, count %d, sample %v", f.API, f.Count, f.Sample)
	}
}

func TestOCSF(t *testing.T) {
	t.Parallel()
	got := only(t, sample(t, "ocsf.json"))
	want := only(t, sample(t, "root.json"))
	if got.Key() != want.Key() || got.Type != want.Type || got.Severity != want.Severity || got.API != want.API ||
		got.Principal != want.Principal || got.RemoteIP() != want.RemoteIP() || !got.UpdatedAt.Equal(want.UpdatedAt) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	if got.Envelope.Form != "ocsf" || got.Source != "ocsf" || got.ResourceType != "AccessKey" {
		t.Errorf("%+v", got)
	}
	refusal(t, with(t, "ocsf.json", map[string]any{"class_uid": 4001}))
	refusal(t, with(t, "ocsf.json", map[string]any{"metadata": map[string]any{"product": map[string]any{"name": "Inspector"}}, "finding_info": map[string]any{"uid": "x", "types": []string{"a"}}}))
	out := with(t, "ocsf.json", map[string]any{"evidences": []any{map[string]any{
		"connection_info": map[string]any{"direction": "Outbound"}, "src_endpoint": map[string]any{"ip": "10.1.2.3", "port": 50000},
		"dst_endpoint": map[string]any{"ip": "198.51.100.9", "port": 3333},
	}}})
	if f := only(t, out); f.RemoteIP().String() != "198.51.100.9" || !cmp.Equal(f.RemotePorts(), []int{3333}) || !cmp.Equal(f.LocalPorts, []int{50000}) {
		t.Errorf("remote %v, local ports %v", f.Remote, f.LocalPorts)
	}
}

func TestLogToolRewrites(t *testing.T) {
	t.Parallel()
	want := only(t, sample(t, "ssh.json"))
	for name, account := range map[string]string{"mozdef.json": "111122223333", "athena.json": "011122223333", "insights.json": "011122223333", "panther.json": "111122223333"} {
		got := only(t, sample(t, name))
		if got.ID != want.ID || got.Type != want.Type || got.Severity != 2 || got.Count != 7 || got.Account != account || got.Region != "eu-west-1" ||
			got.RemoteIP() != want.RemoteIP() || !cmp.Equal(got.LocalPorts, want.LocalPorts) || got.Direction != "INBOUND" ||
			got.Instance.ID != want.Instance.ID || !got.UpdatedAt.Equal(want.UpdatedAt) || got.ResourceType != "Instance" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	athena := only(t, sample(t, "athena.json"))
	if !cmp.Equal(athena.Tags, []Tag{{Key: "owner", Value: "payments"}}) || !cmp.Equal(athena.Instance.PublicIPs, []string{"203.0.113.15"}) {
		t.Errorf("tags %v, addresses %v", athena.Tags, athena.Instance.PublicIPs)
	}
	half := only(t, with(t, "ssh.json", map[string]any{"service_count": "9", "resource_instancedetails_instanceid": "i-2", "resource": drop}))
	if half.Count != 9 || half.Instance.ID != "i-2" || half.RemoteIP() != want.RemoteIP() {
		t.Errorf("half flattened: %+v", half)
	}
	flat := only(t, sample(t, "flat.json"))
	if flat.Severity != 2 || flat.Type != "Policy:IAMUser/RootCredentialUsage" || !flat.UpdatedAt.Equal(at("2026-09-14T08:05:12Z")) {
		t.Errorf("%+v", flat)
	}
}
