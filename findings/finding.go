package findings

import (
	"net/netip"
	"time"
)

// Finding is one thing that arrived and wants attention, in our own words,
// whatever envelope and casing it came in. Everything in it is outside text:
// show it only through internal/message values.
//
// A CloudTrail call that weakens GuardDuty, a coverage event, a scan result
// and a GuardDuty announcement become findings too, with a Source and Type of
// our own (see Kind), so that all of them take the same line.
type Finding struct {
	Kind   Kind   `json:"kind"`
	Source string `json:"source"` // guardduty, cloudtrail, securityhub, ocsf, siem, announcement
	ID     string `json:"id"`     // GuardDuty's id; 1..256 bytes
	ARN    string `json:"arn,omitempty"`
	Type   string `json:"type"` // at most 256 bytes; no fixed list

	Account   string  `json:"account"` // owner of the finding, not of the envelope; 12 digits, or empty
	Region    string  `json:"region"`  // of the detector (from the ARN when there is one)
	Partition string  `json:"partition,omitempty"`
	Detector  string  `json:"detector,omitempty"`
	Severity  float64 `json:"severity"` // 0..10

	Title       string    `json:"title,omitempty"`
	Description string    `json:"description,omitempty"`
	CreatedAt   time.Time `json:"created_at,omitzero"`
	UpdatedAt   time.Time `json:"updated_at,omitzero"`
	FirstSeen   time.Time `json:"first_seen,omitzero"`
	LastSeen    time.Time `json:"last_seen,omitzero"`
	Count       int       `json:"count"`
	Archived    bool      `json:"archived,omitempty"`
	Sample      bool      `json:"sample,omitempty"`
	Unlisted    bool      `json:"unlisted,omitempty"` // the type is not in the catalogue

	ResourceType string    `json:"resource_type,omitempty"`
	Role         string    `json:"role,omitempty"` // ACTOR, TARGET or empty
	Principal    Principal `json:"principal,omitzero"`
	Instance     Instance  `json:"instance,omitzero"`
	Resources    []string  `json:"resources,omitempty"` // names or ARNs of what is concerned, at most 20
	Tags         []Tag     `json:"tags,omitempty"`      // of the resource, at most 50

	Action     string   `json:"action,omitempty"`    // AWS_API_CALL, PORT_PROBE, NETWORK_CONNECTION, DNS_REQUEST, ...
	Direction  string   `json:"direction,omitempty"` // INBOUND, OUTBOUND, UNKNOWN
	API        string   `json:"api,omitempty"`       // service:Operation for API calls, comma separated when several
	ErrorCode  string   `json:"error_code,omitempty"`
	Domain     string   `json:"domain,omitempty"`
	Blocked    bool     `json:"blocked,omitempty"`
	UserAgent  string   `json:"user_agent,omitempty"`
	ThreatList string   `json:"threat_list,omitempty"`
	Remote     []Remote `json:"remote,omitempty"` // the other ends, at most 50
	LocalPorts []int    `json:"local_ports,omitempty"`
	RequestURI string   `json:"request_uri,omitempty"` // of a Kubernetes API call
	Process    string   `json:"process,omitempty"`     // path or name of the process seen by Runtime Monitoring
	Feature    string   `json:"feature,omitempty"`     // GuardDuty plan: RuntimeMonitoring, ...
	Sequence   string   `json:"sequence,omitempty"`    // ARN of the attack sequence this belongs to

	Envelope Envelope `json:"envelope,omitzero"`
}

// Kind says what a document was before it became a Finding.
type Kind string

// The kinds of document.
const (
	KindFinding      Kind = "finding"
	KindTamper       Kind = "tamper"       // CloudTrail call about GuardDuty; Type is Tamper:GuardDuty/<EventName> or Audit:GuardDuty/<EventName> when harmless
	KindCoverage     Kind = "coverage"     // runtime protection lost or back; Type is Coverage:Runtime/Unhealthy or /Healthy
	KindScan         Kind = "scan"         // malware scan result or resource status; Type is Scan:<...>
	KindDrill        Kind = "drill"        // made up by an operator to try the way of a page; never parsed
	KindAnnouncement Kind = "announcement" // GuardDuty's announcements topic; Type is Announcement:GuardDuty/<type>
)

// Principal is whose credentials were used, as GuardDuty says it. Session is a
// hint about the person, never proof: whoever assumes a role chooses it.
type Principal struct {
	Type        string `json:"type,omitempty"` // Root, IAMUser, AssumedRole, Role, FederatedUser, AWSAccount, AWSService, Kubernetes, Database
	ID          string `json:"id,omitempty"`
	Name        string `json:"name,omitempty"`    // IAM user name, or role name
	Session     string `json:"session,omitempty"` // what follows the first colon of the principal id
	AccessKeyID string `json:"access_key_id,omitempty"`
}

// Instance is the EC2 instance concerned, as it was at detection time.
type Instance struct {
	ID         string   `json:"id,omitempty"`
	State      string   `json:"state,omitempty"`
	ImageID    string   `json:"image_id,omitempty"`
	Type       string   `json:"type,omitempty"`
	VPC        string   `json:"vpc,omitempty"`
	PublicIPs  []string `json:"public_ips,omitempty"`
	PrivateIPs []string `json:"private_ips,omitempty"`
	ProfileARN string   `json:"profile_arn,omitempty"`
}

// Tag is one resource tag: free text written by anybody who may tag.
type Tag struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// Remote is one other end of what was seen.
type Remote struct {
	IP      netip.Addr `json:"ip,omitzero"`
	Port    int        `json:"port,omitempty"`
	City    string     `json:"city,omitempty"`
	Country string     `json:"country,omitempty"`
	ASN     string     `json:"asn,omitempty"`
	Org     string     `json:"org,omitempty"`
	Account string     `json:"account,omitempty"` // calling AWS account, for API calls
}

// Envelope is how a finding reached us.
type Envelope struct {
	Form      string    `json:"form,omitempty"` // sns, eventbridge, api, securityhub, ocsf, siem, cloudtrail, announcement: the outermost that has a name
	Account   string    `json:"account,omitempty"`
	Region    string    `json:"region,omitempty"`
	EventID   string    `json:"event_id,omitempty"`
	Topic     string    `json:"topic,omitempty"` // SNS topic ARN
	Time      time.Time `json:"time,omitzero"`
	ActorName string    `json:"actor_name,omitempty"` // who made the call, for KindTamper
}

// Level is the name of a severity band.
type Level string

// The severity bands, as GuardDuty names them.
const (
	Low      Level = "low"
	Medium   Level = "medium"
	High     Level = "high"
	Critical Level = "critical"
)

// LevelOf returns the band of a severity: critical from 9.0, high from 7.0,
// medium from 4.0, low below (GuardDuty user guide, "Severity levels").
func LevelOf(severity float64) Level {
	switch {
	case severity >= 9:
		return Critical
	case severity >= 7:
		return High
	case severity >= 4:
		return Medium
	}
	return Low
}

// Group is one of the five families that policy and owners think in.
type Group string

// The groups. GroupOther holds whatever is in none of the first four.
const (
	GroupPortProbe   Group = "portprobe"
	GroupIAM         Group = "iam"
	GroupIAMCritical Group = "iam-critical"
	GroupEC2         Group = "ec2"
	GroupOther       Group = "other"
)
