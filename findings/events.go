package findings

import (
	"strings"

	"github.com/go-json-experiment/json"
)

// wireCoverage is the detail of "GuardDuty Runtime Protection Healthy" and
// "… Unhealthy" (GuardDuty user guide, coverage of Runtime Monitoring).
type wireCoverage struct {
	Account   acct    `json:"accountId"`
	Previous  text    `json:"previousStatus"`
	Current   text    `json:"currentStatus"`
	Issue     text    `json:"issue"`
	UpdatedAt instant `json:"lastUpdatedAt"`
	Resource  maybe[struct {
		Type text `json:"resourceType"`
		EKS  maybe[struct {
			Name text `json:"clusterName"`
		}] `json:"eksClusterDetails"`
		ECS maybe[struct {
			Name    text `json:"clusterName"`
			Fargate maybe[struct {
				Issues texts `json:"issues"`
			}] `json:"fargateDetails"`
		}] `json:"ecsClusterDetails"`
		EC2 maybe[struct {
			ID      text `json:"instanceId"`
			Type    text `json:"instanceType"`
			Cluster text `json:"clusterArn"`
		}] `json:"ec2InstanceDetails"`
	}] `json:"resourceDetails"`
}

// coverage turns a change of runtime protection into a finding. The id names
// the resource, not the event: "healthy again" is an update of "unhealthy".
func coverage(kind string, raw []byte, line int, env Envelope) []Item {
	var c wireCoverage
	if err := json.Unmarshal(raw, &c, foldCase); err != nil {
		return refused(line, explain(err))
	}
	r := c.Resource.v
	f := &Finding{
		Kind: KindCoverage, Source: "guardduty", Type: "Coverage:Runtime/Healthy", Severity: 1,
		Title: "Runtime protection is back", Description: clip(string(c.Issue), maxText), Count: 1,
		UpdatedAt: c.UpdatedAt.Time, ResourceType: resourceType(string(r.Type)), Feature: "RuntimeMonitoring", Envelope: env,
	}
	if strings.EqualFold(string(c.Current), "Unhealthy") || c.Current == "" && strings.Contains(kind, "unhealthy") {
		f.Type, f.Severity, f.Title = "Coverage:Runtime/Unhealthy", 5, "Runtime protection was lost"
	}
	if f.Description == "" && len(r.ECS.v.Fargate.v.Issues) > 0 {
		f.Description = clip(r.ECS.v.Fargate.v.Issues[0], maxText)
	}
	eventPlace(f, c.Account, env)
	name := first(r.EC2.v.ID, r.EKS.v.Name, r.ECS.v.Name)
	f.addResource(name)
	f.addResource(r.EC2.v.Cluster)
	if r.EC2.ok {
		f.Instance = Instance{ID: clip(string(r.EC2.v.ID), 128), Type: clip(string(r.EC2.v.Type), 64)}
	}
	if name != "" && len(name) <= 200 && clean(string(name)) {
		f.ID = "runtime/" + clip(strings.ToLower(f.ResourceType), 32) + "/" + string(name)
	}
	if f.ID == "" || !clean(f.ID) {
		f.ID = first(env.EventID, digest(raw))
	}
	return []Item{{Line: line, Finding: f}}
}

// eventPlace settles account and Region of an event of GuardDuty's own.
func eventPlace(f *Finding, account acct, env Envelope) {
	f.Account, f.Region = accountID(string(account)), env.Region
	if account == "" {
		f.Account = env.Account
	}
	f.Partition = partitionOf(f.Region)
	if f.UpdatedAt.IsZero() {
		f.UpdatedAt = env.Time
	}
	f.CreatedAt, f.FirstSeen, f.LastSeen = f.UpdatedAt, f.UpdatedAt, f.UpdatedAt
}

// wireScan is the detail of the Malware Protection events.
type wireScan struct {
	Account acct `json:"accountId"`
	Status  text `json:"scanStatus"`
	Type    text `json:"resourceType"`
	Reason  text `json:"statusReason"`
	State   text `json:"resourceStatus"`
	Object  maybe[struct {
		Bucket text `json:"bucketName"`
		Key    text `json:"objectKey"`
	}] `json:"s3ObjectDetails"`
	Bucket maybe[struct {
		Name text `json:"bucketName"`
	}] `json:"s3BucketDetails"`
	Result maybe[struct {
		Status  text `json:"scanResultStatus"`
		Threats many[struct {
			Name text `json:"name"`
		}] `json:"threats"`
	}] `json:"scanResultDetails"`
}

// scan turns a malware scan result, or a change in the state of scanning, into
// a finding. Only found malware is severe; a scan that did not happen is a gap.
func scan(kind string, raw []byte, line int, env Envelope) []Item {
	var s wireScan
	if err := json.Unmarshal(raw, &s, foldCase); err != nil {
		return refused(line, explain(err))
	}
	f := &Finding{
		Kind: KindScan, Source: "guardduty", ID: first(env.EventID, digest(raw)), Count: 1,
		ResourceType: resourceType(string(s.Type)), Feature: "MalwareProtection", Envelope: env,
	}
	f.Type, f.Severity, f.Title = scanVerdict(kind, string(first(s.Result.v.Status, s.Status, s.State)))
	eventPlace(f, s.Account, env)
	if o := s.Object.v; s.Object.ok {
		f.addResource("arn:" + text(first(f.Partition, "aws")) + ":s3:::" + o.Bucket + "/" + o.Key)
	}
	f.addResource(s.Bucket.v.Name)
	var threats []string
	for _, t := range s.Result.v.Threats[:min(len(s.Result.v.Threats), 5)] {
		threats = append(threats, string(t.Name))
	}
	f.Description = clip(strings.Join(threats, ", "), maxText)
	if f.Description == "" {
		f.Description = clip(string(s.Reason), maxText)
	}
	return []Item{{Line: line, Finding: f}}
}

func scanVerdict(kind, status string) (typ string, severity float64, title string) {
	if strings.Contains(kind, "resource status") {
		switch {
		case strings.HasSuffix(kind, "active") || squash(status) == "active":
			return "Scan:Protection/Active", 1, "Malware scanning works"
		case strings.HasSuffix(kind, "warning") || squash(status) == "warning":
			return "Scan:Protection/Warning", 4, "Malware scanning works in part"
		}
		return "Scan:Protection/Error", 5, "Malware scanning does not work"
	}
	if strings.Contains(kind, "post scan action") {
		return "Scan:Protection/TaggingFailed", 4, "A scanned object could not be tagged"
	}
	switch squash(status) {
	case "threatsfound":
		return "Scan:S3/ThreatsFound", 8, "Malware was found"
	case "nothreatsfound":
		return "Scan:S3/NoThreatsFound", 1, "A scan found nothing"
	case "unsupported":
		return "Scan:S3/Unsupported", 2, "A file could not be scanned: its kind or size is not supported"
	case "accessdenied":
		return "Scan:S3/AccessDenied", 4, "A file could not be scanned: access was denied"
	case "failed", "skipped":
		return "Scan:S3/Failed", 4, "A file could not be scanned"
	}
	return "Scan:S3/Unknown", 4, "A scan ended in a way that is not known here"
}
