package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"
)

// load is a stream of findings as SNS delivers them, with what a right bot
// makes of it.
type load struct {
	bodies   []string
	distinct int
	pages    int
}

// mixed is the ordinary load: share of updates, spread over groups of types;
// a tenth of the distinct findings is serious enough to page.
func mixed(events int, updates float64, seed uint64) load {
	r := rand.New(rand.NewPCG(seed, 7))
	l := load{distinct: int(float64(events) * (1 - updates))}
	start := time.Now().Add(-time.Hour)
	count := make([]int, l.distinct)
	order := make([]int, 0, events)
	for i := range l.distinct {
		order = append(order, i)
	}
	for len(order) < events {
		order = append(order, r.IntN(l.distinct))
	}
	// Updates come after what they update, otherwise anywhere.
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	for _, n := range order {
		count[n]++
		l.bodies = append(l.bodies, body(n, seed, count[n], start.Add(time.Duration(count[n])*time.Minute)))
	}
	for n := range l.distinct {
		if pages(n) {
			l.pages++
		}
	}
	return l
}

func pages(n int) bool { return n%4 == 0 }

// body is one SNS envelope around one EventBridge event of about 3.9 KB.
func body(n int, seed uint64, count int, updated time.Time) string {
	id := fmt.Sprintf("%016x%016x", seed, n)
	account := fmt.Sprintf("%012d", 111122220000+n%40)
	at := updated.UTC().Format("2006-01-02T15:04:05.000Z")
	detail := map[string]any{
		"schemaVersion": "2.0", "accountId": account, "region": "eu-west-1", "partition": "aws", "id": id,
		"arn":       "arn:aws:guardduty:eu-west-1:" + account + ":detector/1ab23cd45ef67ab89cd01ef23ab45cd6/finding/" + id,
		"createdAt": at, "updatedAt": at, "title": "An example finding of the benchmark", "description": "An example finding of the benchmark, with a description of ordinary length so that its size is right.",
		"resource": resource(n), "service": service(n, count, at),
	}
	switch {
	case pages(n):
		detail["type"], detail["severity"] = "CryptoCurrency:EC2/BitcoinTool.B!DNS", 8
	case n%4 == 1:
		detail["type"], detail["severity"] = "Recon:EC2/PortProbeUnprotectedPort", 2
	case n%4 == 2:
		detail["type"], detail["severity"] = "UnauthorizedAccess:EC2/SSHBruteForce", 2
	default:
		detail["type"], detail["severity"] = "Recon:EC2/Portscan", 5
	}
	event, _ := json.Marshal(map[string]any{"version": "0", "id": fmt.Sprintf("e%d-%d", n, count), "detail-type": "GuardDuty Finding", "source": "aws.guardduty",
		"account": account, "region": "eu-west-1", "time": at, "resources": []any{}, "detail": detail})
	out, _ := json.Marshal(map[string]any{"Type": "Notification", "MessageId": fmt.Sprintf("m%d-%d", n, count), "TopicArn": "arn:aws:sns:eu-west-1:111122223333:guardduty",
		"Message": string(event), "Timestamp": at, "SignatureVersion": "1", "Signature": "RVhBTVBMRQ=="})
	return string(out)
}

func resource(n int) map[string]any {
	var groups, tags []any
	for i := range 4 {
		groups = append(groups, map[string]any{"groupId": fmt.Sprintf("sg-0%015x", n+i), "groupName": fmt.Sprintf("group-%d", i)})
		tags = append(tags, map[string]any{"key": fmt.Sprintf("tag-%d", i), "value": fmt.Sprintf("a value of ordinary length %d", n)})
	}
	tags = append(tags, map[string]any{"key": "team", "value": fmt.Sprintf("team-%d", n%4)})
	nic := map[string]any{"networkInterfaceId": fmt.Sprintf("eni-0%015x", n), "privateDnsName": "ip-10-0-1-17.eu-west-1.compute.internal", "privateIpAddress": "10.0.1.17",
		"privateIpAddresses": []any{map[string]any{"privateDnsName": "ip-10-0-1-17.eu-west-1.compute.internal", "privateIpAddress": "10.0.1.17"}},
		"subnetId":           "subnet-0abcdef0123456789", "vpcId": "vpc-0abcdef0123456789", "securityGroups": groups, "publicDnsName": "ec2-198-51-100-17.compute.example", "publicIp": "198.51.100.17", "ipv6Addresses": []any{}}
	return map[string]any{"resourceType": "Instance", "instanceDetails": map[string]any{"instanceId": fmt.Sprintf("i-0%016x", n), "instanceType": "m5.xlarge", "instanceState": "running",
		"launchTime": "2025-08-02T02:05:06.000Z", "availabilityZone": "eu-west-1a", "imageId": "ami-0abcdef1234567890", "imageDescription": "an image of ordinary age", "tags": tags,
		"networkInterfaces": []any{nic}, "iamInstanceProfile": map[string]any{"arn": "arn:aws:iam::111122223333:instance-profile/web", "id": "AIPAEXAMPLEEXAMPLE"}, "productCodes": []any{}}}
}

func service(n, count int, at string) map[string]any {
	remote := map[string]any{"ipAddressV4": fmt.Sprintf("203.0.113.%d", n%250+1), "organization": map[string]any{"asn": "64500", "asnOrg": "Example Hosting", "isp": "Example Hosting", "org": "Example Hosting"},
		"country": map[string]any{"countryName": "Netherlands"}, "city": map[string]any{"cityName": "Utrecht"}, "geoLocation": map[string]any{"lat": 52.09, "lon": 5.12}}
	action := map[string]any{"actionType": "NETWORK_CONNECTION", "networkConnectionAction": map[string]any{"connectionDirection": "INBOUND", "protocol": "TCP", "blocked": false,
		"localPortDetails": map[string]any{"port": 22, "portName": "SSH"}, "remotePortDetails": map[string]any{"port": 44120, "portName": "Unknown"}, "remoteIpDetails": remote}}
	switch {
	case pages(n):
		action = map[string]any{"actionType": "DNS_REQUEST", "dnsRequestAction": map[string]any{"domain": "pool.miner.example", "protocol": "UDP", "blocked": false}}
	case n%4 == 1:
		action = map[string]any{"actionType": "PORT_PROBE", "portProbeAction": map[string]any{"blocked": false, "portProbeDetails": []any{map[string]any{
			"localPortDetails": map[string]any{"port": 22, "portName": "SSH"}, "remoteIpDetails": remote}}}}
	}
	return map[string]any{"serviceName": "guardduty", "detectorId": "1ab23cd45ef67ab89cd01ef23ab45cd6", "action": action, "resourceRole": "TARGET", "archived": false, "count": count,
		"eventFirstSeen": at, "eventLastSeen": at, "additionalInfo": map[string]any{"value": `{"threatListName":"ProofPoint"}`, "type": "default"}, "featureName": "FlowLogs",
		"evidence": map[string]any{"threatIntelligenceDetails": []any{map[string]any{"threatListName": "Example", "threatNames": []any{"example"}}}}}
}
