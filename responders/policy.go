package responders

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// Partitions are the parts of AWS that policies can be written for.
var Partitions = []string{"aws", "aws-cn", "aws-us-gov"}

// Permissions returns what a role has to be allowed: what the actions of the
// catalogue that run under it change, or everything they read.
func Permissions(role Role) []Permission {
	if role == RoleRead {
		return append(Reads(), HostReads()...)
	}
	var out []Permission
	for _, a := range Catalogue() {
		if a.Role != role {
			continue
		}
		for _, p := range a.Writes {
			if !slices.ContainsFunc(out, func(q Permission) bool { return reflect.DeepEqual(p, q) }) {
				out = append(out, p)
			}
		}
	}
	return out
}

// policyStatement is one of an IAM policy, in the order people read it.
type policyStatement struct {
	Sid       string
	Effect    string
	Action    []string
	Resource  []string
	Condition map[string]map[string]string `json:",omitempty"`
}

// maxPolicy is the largest managed policy, in characters without white space
// (IAM User Guide, "IAM and AWS STS quotas").
const maxPolicy = 6144

// Policy writes the IAM policy of a role in a partition of AWS, in one line.
func Policy(role Role, partition string) ([]byte, error) {
	if !slices.Contains(Partitions, partition) {
		return nil, fmt.Errorf("%q is not a partition of AWS; those are %s", partition, strings.Join(Partitions, ", "))
	}
	doc := struct {
		Version   string
		Statement []policyStatement
	}{Version: "2012-10-17"}
	for i, p := range Permissions(role) {
		s := policyStatement{Sid: fmt.Sprintf("SecurityBot%s%02d", strings.ToUpper(string(role[:1]))+string(role[1:]), i+1), Effect: "Allow", Action: p.Actions, Resource: []string{"*"}, Condition: p.Condition}
		if len(p.Resources) > 0 {
			s.Resource = nil
			for _, r := range p.Resources {
				s.Resource = append(s.Resource, strings.Replace(r, "arn:aws:", "arn:"+partition+":", 1))
			}
		}
		doc.Statement = append(doc.Statement, s)
	}
	if len(doc.Statement) == 0 {
		return nil, fmt.Errorf("there is no role %q", string(role))
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("write policy: %w", err)
	}
	if b.Len() > maxPolicy {
		return nil, fmt.Errorf("the policy of %s has %d characters, more than IAM takes (%d)", role, b.Len(), maxPolicy)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
