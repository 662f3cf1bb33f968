package crash_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/findings"
)

type obj = map[string]any

// kind says what the built-in policy does with a finding.
type kind int

const (
	probe kind = iota // told to the payments team
	alone             // the same, to the platform team, which hears little else
	miner             // paged
	login             // asked, answered "no", then paged
)

// sent is a finding that was put into the queue.
type sent struct {
	kind kind
	ref  string
	body string
}

// broken is a message nobody can read.
const broken = `{"version":"0","detail-type":"GuardDuty Finding","detail":{"id":`

// document writes the n-th finding of a world. Count over 1 makes it an update.
func document(t testing.TB, k kind, who string, n, count int) sent {
	t.Helper()
	at := time.Now().UTC().Add(time.Duration(count) * time.Second).Format("2006-01-02T15:04:05.000Z")
	const account, region, detector = "111122223333", "eu-west-1", "1ab23cd45ef67ab89cd01ef23ab45cd6"
	id := fmt.Sprintf("%032x", 0xc0ffee00+n)
	typ, severity, resource, action := content(k, who, n)
	doc := obj{"version": "0", "id": id, "detail-type": "GuardDuty Finding", "source": "aws.guardduty", "account": account, "region": region, "time": at,
		"detail": obj{"schemaVersion": "2.0", "accountId": account, "region": region, "partition": "aws", "id": id, "type": typ, "severity": severity,
			"arn":       "arn:aws:guardduty:" + region + ":" + account + ":detector/" + detector + "/finding/" + id,
			"createdAt": at, "updatedAt": at, "title": typ, "description": "An example.", "resource": resource,
			"service": obj{"serviceName": "guardduty", "detectorId": detector, "action": action, "resourceRole": "TARGET",
				"eventFirstSeen": at, "eventLastSeen": at, "archived": false, "count": count}}}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	items := findings.Parse(raw)
	if len(items) != 1 || items[0].Finding == nil {
		t.Fatalf("the test's own finding is refused: %+v", items)
	}
	return sent{k, cases.RefOf(cases.IDOf(items[0].Finding.Key())), string(raw)}
}

func content(k kind, who string, n int) (typ string, severity float64, resource, action obj) {
	switch k {
	case miner:
		return "CryptoCurrency:EC2/BitcoinTool.B!DNS", 8, instance(n, "platform"),
			obj{"actionType": "DNS_REQUEST", "dnsRequestAction": obj{"domain": "pool.miner.example", "protocol": "UDP", "blocked": false}}
	case login:
		// Another address each time: the same one again would be the same act.
		return "Discovery:IAMUser/AnomalousBehavior", 5,
			obj{"resourceType": "AccessKey", "accessKeyDetails": obj{"accessKeyId": "ASIAIOSFODNN7EXAMPLE", "principalId": "AROAEXAMPLE:" + who, "userName": "Developer", "userType": "AssumedRole"}},
			obj{"actionType": "AWS_API_CALL", "awsApiCallAction": obj{"api": "ListUsers", "serviceName": "iam.amazonaws.com", "callerType": "Remote IP",
				"remoteIpDetails": remote(fmt.Sprintf("203.0.113.%d", n%254+1))}}
	}
	team := "payments"
	if k == alone {
		team = "platform"
	}
	return "Recon:EC2/PortProbeUnprotectedPort", 2, instance(n, team),
		obj{"actionType": "PORT_PROBE", "portProbeAction": obj{"blocked": false, "portProbeDetails": []any{
			obj{"localPortDetails": obj{"port": 8443, "portName": "Unknown"}, "remoteIpDetails": remote("192.0.2.99")}}}}
}

func remote(ip string) obj {
	return obj{"ipAddressV4": ip, "country": obj{"countryName": "Brazil"}, "organization": obj{"asn": "64500", "org": "Example Hosting"}}
}

func instance(n int, team string) obj {
	return obj{"resourceType": "Instance", "instanceDetails": obj{"instanceId": fmt.Sprintf("i-0%016x", n), "instanceType": "t3.medium", "instanceState": "running",
		"tags":              []any{obj{"key": "team", "value": team}},
		"networkInterfaces": []any{obj{"privateIpAddress": "10.0.1.17", "publicIp": "198.51.100.17", "vpcId": "vpc-0example"}}}}
}
