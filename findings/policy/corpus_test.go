package policy_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/policy"
)

// samples are findings as they come over the wire, one a line.
const samples = `{"schemaVersion":"2.0","accountId":"111122223333","region":"eu-west-1","id":"a1","arn":"arn:aws:guardduty:eu-west-1:111122223333:detector/d1/finding/a1","type":"Recon:EC2/PortProbeUnprotectedPort","severity":2,"resource":{"resourceType":"Instance","instanceDetails":{"instanceId":"i-0abc1234def567890","instanceState":"running"}},"service":{"count":1,"resourceRole":"TARGET","action":{"actionType":"PORT_PROBE","portProbeAction":{"portProbeDetails":[{"localPortDetails":{"port":443},"remoteIpDetails":{"ipAddressV4":"198.51.100.7"}}]}}}}
{"schemaVersion":"2.0","accountId":"111122223333","region":"eu-west-1","id":"a2","arn":"arn:aws:guardduty:eu-west-1:111122223333:detector/d1/finding/a2","type":"Stealth:IAMUser/CloudTrailLoggingDisabled","severity":2,"resource":{"resourceType":"AccessKey","accessKeyDetails":{"principalId":"AROAEXAMPLE:ana@corp.example","userName":"AWSReservedSSO_Admin_0123456789abcdef","userType":"AssumedRole"}},"service":{"count":1,"action":{"actionType":"AWS_API_CALL","awsApiCallAction":{"api":"StopLogging","serviceName":"cloudtrail.amazonaws.com","callerType":"Remote IP","remoteIpDetails":{"ipAddressV4":"198.51.100.7"}}}}}
{"schemaVersion":"2.0","accountId":"111122223333","region":"eu-west-1","id":"a3","arn":"arn:aws:guardduty:eu-west-1:111122223333:detector/d1/finding/a3","type":"Backdoor:EC2/C&CActivity.B!DNS","severity":8,"resource":{"resourceType":"Instance","instanceDetails":{"instanceId":"i-0abc1234def567890"}},"service":{"count":1,"resourceRole":"ACTOR","additionalInfo":{"sample":true},"action":{"actionType":"DNS_REQUEST","dnsRequestAction":{"domain":"evil.example.net"}}}}`

// TestWireFindingsGetASettledDecision runs what findings.Parse makes of real
// documents through the default policy. A file of more documents may be named
// by SECURITYBOT_CORPUS, one JSON object a line with the document under "doc".
func TestWireFindingsGetASettledDecision(t *testing.T) {
	t.Parallel()
	p := defaultPolicy(t)
	steps := map[string]policy.Step{}
	check := func(doc []byte) {
		for _, item := range findings.Parse(doc) {
			if item.Err != nil {
				continue
			}
			d := settle(t, p, *item.Finding, nil)
			steps[item.Finding.ID] = d.Step
			if item.Finding.Sample && d.Step.Compare(policy.Notify) > 0 {
				t.Errorf("sample %s: %s", item.Finding.Type, d.Step)
			}
			if f := item.Finding; f.Severity >= 7 && !f.Sample && !f.Archived && f.ErrorCode == "" && d.Step != policy.Page {
				t.Errorf("%s with severity %v: only %s by %s", f.Type, f.Severity, d.Step, d.Rule)
			}
			if d.Step == policy.Suppress || len(d.Reasons) == 0 || d.Steps[len(d.Steps)-1] != d.Step {
				t.Errorf("%s: %+v", item.Finding.Type, d)
			}
		}
	}
	for line := range strings.Lines(samples) {
		check([]byte(line))
	}
	for id, want := range map[string]policy.Step{"a1": policy.Notify, "a2": policy.Page, "a3": policy.Record} {
		if steps[id] != want {
			t.Errorf("%s: %q, want %s", id, steps[id], want)
		}
	}
	name := os.Getenv("SECURITYBOT_CORPUS")
	if name == "" {
		return
	}
	file, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(file)) {
		var record struct {
			Doc json.RawMessage `json:"doc"`
		}
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatal(err)
		}
		check(record.Doc)
	}
	t.Logf("%d findings decided", len(steps))
}
