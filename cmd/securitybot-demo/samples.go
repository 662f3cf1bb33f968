package main

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/securitybot/securitybot/internal/rig"
)

// sample is one card of the gallery: what a company might see in a week, as
// AWS would deliver it.
type sample struct {
	ID    string `json:"id"`
	Title string `json:"title"`
	About string `json:"about"`
	Level string `json:"level"`
	// Command is typed instead of sent.
	Command string `json:"command,omitempty"`
	build   func(now time.Time, fixed string) []string
	known   func(id string) rig.Event // what GuardDuty answers when it is asked; nil: nothing
}

const (
	account  = "111122223333"
	region   = "eu-west-1"
	detector = "1ab23cd45ef67ab89cd01ef23ab45cd6"
	miner    = "CryptoCurrency:EC2/BitcoinTool.B!DNS"
)

type obj = map[string]any

// samples is the gallery, in the order of the story.
var samples = []sample{
	{ID: "ana", Title: "Ana's access, far away", Level: "medium",
		About: "Ana's AWS access listed IAM users from an address in São Paulo. Ana is asked whether it was her.",
		build: one(func(now time.Time, id string) obj {
			return finding(now, id, "Discovery:IAMUser/AnomalousBehavior", 5, access("AROAEXAMPLE:ana@corp.example", "AWSReservedSSO_Developer"), apiCall("ListUsers", "iam.amazonaws.com", saoPaulo(id)))
		})},
	{ID: "probe", Title: "Somebody knocks at port 22", Level: "low",
		About: "A server of the payments team can be reached from the internet. The team is told in its channel.",
		build: one(func(now time.Time, id string) obj {
			return finding(now, id, "Recon:EC2/PortProbeUnprotectedPort", 2, instance(idOf(bastion), tag("team", "payments"), tag("Name", "pay-bastion")), probe(22))
		})},
	{ID: "probe-again", Title: "… and knocks again", Level: "low",
		About: "The same finding with a higher count: no second message, the first one is brought up to date.",
		build: fixed("probe", 40, func(now time.Time, id string) obj {
			return finding(now, id, "Recon:EC2/PortProbeUnprotectedPort", 2, instance(idOf(bastion), tag("team", "payments"), tag("Name", "pay-bastion")), probe(22))
		})},
	{ID: "miner", Title: "A server is mining", Level: "high",
		About: "A machine looks up names that are only used for mining. The team is paged, and evidence is taken by itself: snapshots and osquery.",
		known: func(id string) rig.Event {
			return rig.Event{ID: id, Type: miner, Severity: 8, Instance: idOf(builder)}
		},
		build: one(func(now time.Time, id string) obj {
			return finding(now, id, miner, 8, instance(idOf(builder), tag("team", "platform"), tag("Name", "build-7")), dns(mining))
		})},
	{ID: "forged", Title: "A finding GuardDuty does not know", Level: "high",
		About: "Somebody wrote it into the queue to make us touch the ledger. People are paged, but nothing is done to the machine.",
		build: one(func(now time.Time, id string) obj {
			return finding(now, id, miner, 8, instance(idOf(ledger), tag("team", "payments"), tag("Name", "ledger-db")), dns(mining))
		})},
	{ID: "trail", Title: "The audit log was switched off", Level: "low",
		About: "AWS calls this low. The policy does not: whoever stops CloudTrail wants not to be seen.",
		build: one(func(now time.Time, id string) obj {
			return finding(now, id, "Stealth:IAMUser/CloudTrailLoggingDisabled", 2, access("AIDAEXAMPLE", "deploy-bot"), apiCall("StopLogging", "cloudtrail.amazonaws.com", saoPaulo(id)))
		})},
	{ID: "tamper", Title: "GuardDuty itself is deleted", Level: "high",
		About: "A CloudTrail call, not a finding: the detector is gone, so nothing else will report it.",
		build: one(func(now time.Time, id string) obj { return tamper(now, id) })},
	{ID: "hostile", Title: "A finding that tries to shout", Level: "low",
		About: "Its tags were written by an attacker: @channel, a disguised link, text that runs backwards. Look at what arrives.",
		build: one(func(now time.Time, id string) obj {
			return finding(now, id, "Recon:EC2/PortProbeUnprotectedPort", 2,
				instance("i-0123456789abcdef0", tag("team", "payments"), tag("owner", "<!channel> *urgent* <https://evil.example|https://console.aws.amazon.com> \u202etxt.exe `x` ana@corp.example")), probe(3389))
		})},
	{ID: "storm", Title: "Forty at once", Level: "low",
		About: "Forty machines behind a new scanner. They arrive as a few lists instead of forty messages; none is dropped.",
		build: storm},
	{ID: "broken", Title: "A message nobody can read", Level: "low",
		About: "Half a JSON document. It is put aside with the reason and left for the dead-letter queue.",
		build: func(time.Time, string) []string {
			return []string{`{"version":"0","detail-type":"GuardDuty Finding","detail":{"id":`}
		}},
	{ID: "news", Title: "GuardDuty announces a type", Level: "low",
		About: "From AWS's announcement topic.",
		build: one(func(now time.Time, id string) obj {
			return obj{"version": "1", "type": "NEW_FINDINGS", "findingDetails": []any{obj{"link": "https://docs.aws.amazon.com//guardduty/latest/ug/guardduty_finding-types-active.html",
				"findingType": "UnauthorizedAccess:EC2/ExampleNewType", "findingDescription": "A new type that older rules do not know."}}}
		})},
}

// one wraps a document builder in the SNS envelope, with a new id each time.
func one(build func(now time.Time, id string) obj) func(time.Time, string) []string {
	return func(now time.Time, fixed string) []string {
		if fixed == "" {
			fixed = newID()
		}
		return []string{sns(now, build(now, fixed))}
	}
}

// fixed is for updates: the id of the latest finding of the other card.
func fixed(_ string, count int, build func(now time.Time, id string) obj) func(time.Time, string) []string {
	return func(now time.Time, id string) []string {
		if id == "" {
			id = newID()
		}
		doc := build(now, id)
		doc["detail"].(obj)["service"].(obj)["count"] = count
		return []string{sns(now, doc)}
	}
}

func storm(now time.Time, _ string) []string {
	var out []string
	for i := range 40 {
		doc := finding(now, newID(), "Recon:EC2/PortProbeUnprotectedPort", 2, instance(fmt.Sprintf("i-0%016x", 0xabc000+i), tag("team", "payments")), probe(8443))
		out = append(out, sns(now, doc))
	}
	return out
}

func newID() string {
	var raw [16]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

// sns is how SNS delivers to SQS without raw delivery.
func sns(now time.Time, doc obj) string {
	inner, err := json.Marshal(doc)
	if err != nil {
		panic(err) // our own maps
	}
	body, err := json.Marshal(obj{"Type": "Notification", "MessageId": newID(), "TopicArn": "arn:aws:sns:" + region + ":" + account + ":guardduty",
		"Message": string(inner), "Timestamp": now.UTC().Format("2006-01-02T15:04:05.000Z"), "SignatureVersion": "1", "Signature": "RVhBTVBMRQ==",
		"SigningCertURL": "https://sns." + region + ".amazonaws.com/SimpleNotificationService-0000000000000000000000.pem"})
	if err != nil {
		panic(err)
	}
	return string(body)
}

// finding is an EventBridge event as GuardDuty sends it.
func finding(now time.Time, id, typ string, severity float64, resource, action obj) obj {
	at := now.UTC().Format("2006-01-02T15:04:05.000Z")
	return obj{"version": "0", "id": newID(), "detail-type": "GuardDuty Finding", "source": "aws.guardduty", "account": account, "region": region, "time": at, "resources": []any{},
		"detail": obj{"schemaVersion": "2.0", "accountId": account, "region": region, "partition": "aws", "id": id, "type": typ, "severity": severity,
			"arn":       "arn:aws:guardduty:" + region + ":" + account + ":detector/" + detector + "/finding/" + id,
			"createdAt": at, "updatedAt": at, "title": typ, "description": "An example made by the demo.", "resource": resource,
			"service": obj{"serviceName": "guardduty", "detectorId": detector, "action": action, "resourceRole": "TARGET", "eventFirstSeen": at, "eventLastSeen": at, "archived": false, "count": 1}}}
}

func access(principal, user string) obj {
	typ := "AssumedRole"
	if user == "deploy-bot" {
		typ = "IAMUser"
	}
	return obj{"resourceType": "AccessKey", "accessKeyDetails": obj{"accessKeyId": "ASIAIOSFODNN7EXAMPLE", "principalId": principal, "userName": user, "userType": typ}}
}

func instance(id string, tags ...any) obj {
	return obj{"resourceType": "Instance", "instanceDetails": obj{"instanceId": id, "instanceType": "t3.medium", "instanceState": "running", "availabilityZone": region + "a",
		"imageId": "ami-0abcdef1234567890", "tags": tags, "networkInterfaces": []any{obj{"privateIpAddress": "10.0.1.17", "publicIp": "198.51.100.17", "vpcId": "vpc-0example", "subnetId": "subnet-0example"}}}}
}

func tag(key, value string) any { return obj{"key": key, "value": value} }

func saoPaulo(id string) obj {
	return obj{"ipAddressV4": farAway(id), "city": obj{"cityName": "São Paulo"}, "country": obj{"countryName": "Brazil"}, "organization": obj{"asn": "64500", "org": "Example Hosting"}}
}

func apiCall(api, service string, remote obj) obj {
	return obj{"actionType": "AWS_API_CALL", "awsApiCallAction": obj{"api": api, "serviceName": service, "callerType": "Remote IP", "remoteIpDetails": remote}}
}

func probe(port int) obj {
	return obj{"actionType": "PORT_PROBE", "portProbeAction": obj{"blocked": false, "portProbeDetails": []any{obj{"localPortDetails": obj{"port": port, "portName": "Unknown"},
		"remoteIpDetails": obj{"ipAddressV4": "192.0.2.99", "city": obj{"cityName": "Utrecht"}, "country": obj{"countryName": "Netherlands"}, "organization": obj{"asn": "64501", "org": "Example Scanner"}}}}}}
}

func dns(domain string) obj {
	return obj{"actionType": "DNS_REQUEST", "dnsRequestAction": obj{"domain": domain, "protocol": "UDP", "blocked": false}}
}

func tamper(now time.Time, id string) obj {
	return obj{"version": "0", "id": id, "detail-type": "AWS API Call via CloudTrail", "source": "aws.guardduty", "account": account, "region": region, "time": now.UTC().Format(time.RFC3339),
		"detail": obj{"eventVersion": "1.09", "eventSource": "guardduty.amazonaws.com", "eventName": "DeleteDetector", "awsRegion": region, "eventID": id, "eventTime": now.UTC().Format(time.RFC3339),
			"recipientAccountId": account, "sourceIPAddress": "203.0.113.50", "userAgent": "aws-cli/2.15", "requestParameters": obj{"detectorId": detector},
			"userIdentity": obj{"type": "IAMUser", "userName": "deploy-bot", "principalId": "AIDAEXAMPLE", "accountId": account, "arn": "arn:aws:iam::" + account + ":user/deploy-bot"}}}
}
