package rig

import (
	"encoding/json"
	"fmt"
	"time"
)

// The documents scenarios send, as SNS delivers them.

const (
	account  = "111122223333"
	region   = "eu-west-1"
	detector = "1ab23cd45ef67ab89cd01ef23ab45cd6"
)

type object = map[string]any

// Event describes a finding to send. Zero fields have a usable meaning.
type Event struct {
	ID       string // 32 hex digits; made from N when empty
	N        int
	Type     string
	Severity float64
	At       time.Time // updatedAt
	Count    int
	IP       string // the other end
	Session  string // AccessKey findings: who
	Instance string
	Team     string // value of the tag "team"
	Tags     map[string]string
	Port     int
	Ports    []int // probed as well
	Domain   string
}

// Ask is an IAM finding about Ana.
func Ask(n int) Event {
	return Event{N: n, Type: "Discovery:IAMUser/AnomalousBehavior", Severity: 5, Session: "ana@corp.example", IP: fmt.Sprintf("203.0.113.%d", n%250+1)}
}

// Probe is a port probe of a machine of the payments team.
func Probe(n int) Event {
	return Event{N: n, Type: "Recon:EC2/PortProbeUnprotectedPort", Severity: 2, Instance: fmt.Sprintf("i-0%016x", n), Team: "payments", Port: 8443, IP: "192.0.2.99"}
}

// Miner is a finding that pages.
func Miner(n int) Event {
	return Event{N: n, Type: "CryptoCurrency:EC2/BitcoinTool.B!DNS", Severity: 8, Instance: fmt.Sprintf("i-0%016x", n), Team: "platform", Domain: "pool.miner.example"}
}

// SNS returns the event in its EventBridge and SNS envelopes.
func (e Event) SNS() string {
	inner, _ := json.Marshal(e.bridge()) // our own maps
	out, _ := json.Marshal(object{"Type": "Notification", "MessageId": fmt.Sprintf("m-%d-%d", e.N, e.Count), "TopicArn": "arn:aws:sns:" + region + ":" + account + ":guardduty",
		"Message": string(inner), "Timestamp": stamp(e.at()), "SignatureVersion": "1", "Signature": "RVhBTVBMRQ=="})
	return string(out)
}

func (e Event) at() time.Time {
	if e.At.IsZero() {
		return time.Now()
	}
	return e.At
}

// id is the finding's id in GuardDuty.
func (e Event) id() string {
	if e.ID != "" {
		return e.ID
	}
	return fmt.Sprintf("%032x", e.N+1)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

func (e Event) bridge() object {
	id, at := e.id(), stamp(e.at())
	detail := object{"schemaVersion": "2.0", "accountId": account, "region": region, "partition": "aws", "id": id, "type": e.Type, "severity": e.Severity,
		"arn":       "arn:aws:guardduty:" + region + ":" + account + ":detector/" + detector + "/finding/" + id,
		"createdAt": at, "updatedAt": at, "title": e.Type, "description": "An example.", "resource": e.resource(),
		"service": object{"serviceName": "guardduty", "detectorId": detector, "action": e.action(), "resourceRole": "TARGET", "eventFirstSeen": at, "eventLastSeen": at, "archived": false, "count": max(e.Count, 1)}}
	return object{"version": "0", "id": "e-" + id, "detail-type": "GuardDuty Finding", "source": "aws.guardduty", "account": account, "region": region, "time": at, "resources": []any{}, "detail": detail}
}

func (e Event) resource() object {
	if e.Session != "" {
		return object{"resourceType": "AccessKey", "accessKeyDetails": object{"accessKeyId": "ASIAIOSFODNN7EXAMPLE", "principalId": "AROAEXAMPLE:" + e.Session, "userName": "AWSReservedSSO_Developer", "userType": "AssumedRole"}}
	}
	tags := []any{}
	if e.Team != "" {
		tags = append(tags, object{"key": "team", "value": e.Team})
	}
	for k, v := range e.Tags {
		tags = append(tags, object{"key": k, "value": v})
	}
	return object{"resourceType": "Instance", "instanceDetails": object{"instanceId": e.Instance, "instanceState": "running", "tags": tags,
		"networkInterfaces": []any{object{"privateIpAddress": "10.0.1.17", "publicIp": "198.51.100.17"}}}}
}

func (e Event) action() object {
	remote := object{"ipAddressV4": e.IP, "city": object{"cityName": "São Paulo"}, "country": object{"countryName": "Brazil"}, "organization": object{"asn": "64500", "org": "Example Hosting"}}
	switch {
	case e.Session != "":
		return object{"actionType": "AWS_API_CALL", "awsApiCallAction": object{"api": "ListUsers", "serviceName": "iam.amazonaws.com", "callerType": "Remote IP", "remoteIpDetails": remote}}
	case e.Domain != "":
		return object{"actionType": "DNS_REQUEST", "dnsRequestAction": object{"domain": e.Domain, "protocol": "UDP", "blocked": false}}
	}
	probes := []any{}
	for _, port := range append([]int{e.Port}, e.Ports...) {
		probes = append(probes, object{"localPortDetails": object{"port": port, "portName": "Unknown"}, "remoteIpDetails": remote})
	}
	return object{"actionType": "PORT_PROBE", "portProbeAction": object{"blocked": false, "portProbeDetails": probes}}
}
