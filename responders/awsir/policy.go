package awsir

import (
	"encoding/json"
	"strings"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
)

// statement is one of an IAM policy.
type statement struct {
	Effect    string
	Action    []string
	Resource  any
	Condition map[string]map[string]string `json:",omitempty"`
}

// sessionPolicy narrows a session to some statements in one region. IAM has no
// regions: its requests are all made to that of the partition.
func sessionPolicy(region string, may []responders.Permission) string {
	var doc struct {
		Version   string
		Statement []statement
	}
	doc.Version = "2012-10-17"
	for _, p := range may {
		s := statement{Effect: "Allow", Action: p.Actions, Resource: "*", Condition: map[string]map[string]string{}}
		if !strings.HasPrefix(p.Actions[0], "iam:") {
			s.Condition["StringEquals"] = map[string]string{"aws:RequestedRegion": region}
		}
		if len(p.Resources) > 0 {
			s.Resource = p.Resources
		}
		for op, keys := range p.Condition {
			if s.Condition[op] == nil {
				s.Condition[op] = map[string]string{}
			}
			for k, v := range keys {
				s.Condition[op][k] = v
			}
		}
		doc.Statement = append(doc.Statement, s)
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic("awsir: " + err.Error()) // strings only
	}
	return string(b)
}

// fits says whether a session may have these statements: STS bounds the text.
func fits(region string, may []responders.Permission) bool {
	return len(sessionPolicy(region, may)) <= awsrole.MaxPolicy
}

// arn names a resource of EC2 in the job's account and region, such as
// v.arn("instance", id).
func (v *visit) arn(kind, id string) string {
	account := v.job.Target.Account
	if kind == "snapshot" {
		account = "" // snapshots have no account in their names
	}
	return "arn:" + awsrole.Partition(v.job.Target.Region) + ":ec2:" + v.job.Target.Region + ":" + account + ":" + kind + "/" + id
}
