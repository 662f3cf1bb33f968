package config

import (
	"regexp"
	"time"
)

// AWSIR is what the bot may do in AWS. Without accounts it does nothing there.
type AWSIR struct {
	Accounts   []string `yaml:"accounts"`    // 12 digits each; nothing is done in others
	Regions    []string `yaml:"regions"`     // empty for all
	OwnAccount string   `yaml:"own_account"` // the account whose role is not assumed, because the bot runs with it
	ExternalID string   `yaml:"external_id"` // that the roles' trust policies ask for
	Roles      AWSRoles `yaml:"roles"`
	Evidence   Evidence `yaml:"evidence"`
	// SnapshotLock keeps snapshots from being deleted.
	SnapshotLock SnapshotLock `yaml:"snapshot_lock"`
	// Tools are programs that are brought to hosts which lack them, by name and
	// architecture, such as avml/x86_64.
	Tools map[string]Tool `yaml:"tools"`
	// CollectPerHour is how many operations policy may start in one account in an
	// hour. What people ask for does not count.
	CollectPerHour int `yaml:"collect_per_hour"`
	// CollectAgainAfter is for how long policy does not take evidence of a kind
	// again from an instance it has it of.
	CollectAgainAfter time.Duration `yaml:"collect_again_after"`
}

// AWSRoles are the names of the roles in each account, with their path.
type AWSRoles struct {
	Read    string `yaml:"read"`
	Acquire string `yaml:"acquire"`
	Contain string `yaml:"contain"`
	Release string `yaml:"release"`
	// Revoke may put policies into roles that allow it; empty leaves revoke out.
	Revoke string `yaml:"revoke"`
}

// Evidence is the bucket that evidence goes to, in an account of the
// responders.
type Evidence struct {
	Bucket   string `yaml:"bucket"`
	Region   string `yaml:"region"`
	KMSKey   string `yaml:"kms_key"`   // ARN; empty is the bucket's own encryption
	LockMode string `yaml:"lock_mode"` // GOVERNANCE or COMPLIANCE; empty is no Object Lock
	LockDays int    `yaml:"lock_days"`
}

// SnapshotLock is how snapshots are locked, from when they are made.
type SnapshotLock struct {
	Mode string `yaml:"mode"` // governance or compliance; empty locks nothing
	Days int    `yaml:"days"`
}

// Tool is a program in a bucket that the hosts can read. It runs only when its
// hash is this one.
type Tool struct {
	Bucket string `yaml:"bucket"`
	Key    string `yaml:"key"`
	SHA256 string `yaml:"sha256"` // 64 hex digits
}

// Enabled says whether anything may be done in AWS.
func (a AWSIR) Enabled() bool { return len(a.Accounts) > 0 }

var (
	awsRegion  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)
	roleName   = regexp.MustCompile(`^([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	toolName   = regexp.MustCompile(`^(avml|osqueryi|tcpdump)/(x86_64|arm64)$`)
	sumHex     = regexp.MustCompile(`^[0-9a-f]{64}$`)
	keyARN     = regexp.MustCompile(`^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[A-Za-z0-9/_-]+$`)
)

func (d *document) checkAWSIR(a AWSIR) {
	d.each("aws_ir.accounts", a.Accounts, accountID, "an account id of 12 digits in quotes")
	d.each("aws_ir.regions", a.Regions, awsRegion, "a region such as eu-west-1")
	if a.OwnAccount != "" && !accountID.MatchString(a.OwnAccount) && !d.failed("aws_ir.own_account") {
		d.wrong("aws_ir.own_account", "aws_ir.own_account is an account id of 12 digits in quotes, not %s", show(a.OwnAccount))
	}
	for path, name := range map[string]string{"read": a.Roles.Read, "acquire": a.Roles.Acquire, "contain": a.Roles.Contain, "release": a.Roles.Release} {
		if path = "aws_ir.roles." + path; !roleName.MatchString(name) && !d.failed(path) {
			d.wrong(path, "%s is the name of a role, not its ARN, not %s", path, show(name))
		}
	}
	if path := "aws_ir.roles.revoke"; a.Roles.Revoke != "" && !roleName.MatchString(a.Roles.Revoke) && !d.failed(path) {
		d.wrong(path, "%s is the name of a role, not its ARN, not %s", path, show(a.Roles.Revoke))
	}
	between(d, "aws_ir.collect_per_hour", a.CollectPerHour, 0, 1000)
	d.span("aws_ir.collect_again_after", a.CollectAgainAfter, 0, 24*time.Hour)
	for name, t := range a.Tools {
		path := "aws_ir.tools." + name
		if d.failed(path) {
			continue
		}
		switch {
		case !toolName.MatchString(name):
			d.wrong(path, "%s is not a tool: those are avml, osqueryi and tcpdump, with /x86_64 or /arm64", show(name))
		case !bucketName.MatchString(t.Bucket) || t.Key == "" || !sumHex.MatchString(t.SHA256):
			d.wrong(path, "%s needs a bucket, a key and a sha256 of 64 hex digits", path)
		}
	}
	d.checkEvidence(a.Evidence)
	if l := a.SnapshotLock; l != (SnapshotLock{}) {
		d.oneOf("aws_ir.snapshot_lock.mode", l.Mode, "governance", "compliance")
		between(d, "aws_ir.snapshot_lock.days", l.Days, 1, 36500)
	}
	if a.Enabled() && a.Evidence.Bucket == "" && !d.failed("aws_ir.evidence") {
		d.warn("aws_ir.accounts", "aws_ir.evidence.bucket is not set, so osquery, memory and tcpdump have nowhere to put what they find and are refused")
	}
}

func (d *document) checkEvidence(e Evidence) {
	if e.Bucket != "" && !bucketName.MatchString(e.Bucket) && !d.failed("aws_ir.evidence.bucket") {
		d.wrong("aws_ir.evidence.bucket", "aws_ir.evidence.bucket is the name of a bucket, not %s", show(e.Bucket))
	}
	if e.Region != "" && !awsRegion.MatchString(e.Region) && !d.failed("aws_ir.evidence.region") {
		d.wrong("aws_ir.evidence.region", "aws_ir.evidence.region is a region such as eu-west-1, not %s", show(e.Region))
	}
	if e.KMSKey != "" && !keyARN.MatchString(e.KMSKey) && !d.failed("aws_ir.evidence.kms_key") {
		d.wrong("aws_ir.evidence.kms_key", "aws_ir.evidence.kms_key is the ARN of a key, not %s", show(e.KMSKey))
	}
	if e.LockMode != "" {
		d.oneOf("aws_ir.evidence.lock_mode", e.LockMode, "GOVERNANCE", "COMPLIANCE")
		between(d, "aws_ir.evidence.lock_days", e.LockDays, 1, 36500)
	}
}
