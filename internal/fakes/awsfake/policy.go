package awsfake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Need is one thing that policies must allow for a call.
type Need struct {
	Action   string            // such as ec2:CreateSnapshots
	Resource string            // ARN; empty when the fake does not know it: then a statement for any resource fits
	Keys     map[string]string // condition keys of the request, such as aws:RequestTag/case
}

// in adds the condition keys that every request has.
func (n Need) in(q *request) Need {
	keys := map[string]string{"aws:RequestedRegion": q.Region, "aws:PrincipalAccount": q.Account, "aws:SourceIdentity": q.Identity}
	for k, v := range n.Keys {
		keys[k] = v
	}
	for k, v := range q.Tags {
		keys["aws:PrincipalTag/"+k] = v
	}
	n.Keys = keys
	return n
}

// policy is a parsed IAM policy.
type policy struct {
	statements []statement
}

type statement struct {
	Sid       string
	Effect    string
	Action    list
	Resource  list
	Condition map[string]map[string]list
}

// list is one string or several.
type list []string

// UnmarshalJSON reads a string or an array of strings.
func (l *list) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(l))
}

// operators are the condition operators that the fake knows.
var operators = []string{"StringEquals", "StringNotEquals", "StringLike", "StringNotLike", "ArnEquals", "ArnLike", "Bool", "Null", "DateLessThan"}

// parsePolicy reads a policy and refuses what the fake does not understand.
func parsePolicy(text string) (*policy, error) {
	var doc struct {
		Version   string
		ID        string `json:"Id"`
		Statement []statement
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("the policy is not one: %w", err)
	}
	if doc.Version != "2012-10-17" || len(doc.Statement) == 0 {
		return nil, fmt.Errorf("the policy has no statements or not version 2012-10-17")
	}
	for _, s := range doc.Statement {
		if s.Effect != "Allow" && s.Effect != "Deny" || len(s.Action) == 0 || len(s.Resource) == 0 {
			return nil, fmt.Errorf("a statement lacks effect, action or resource")
		}
		for op := range s.Condition {
			base := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(op, "ForAllValues:"), "ForAnyValue:"), "IfExists")
			if !slices.Contains(operators, base) {
				return nil, fmt.Errorf("condition operator %s is not known here", op)
			}
		}
	}
	return &policy{doc.Statement}, nil
}

// Allows says whether an IAM policy allows a need. It is the rule that calls
// are judged by.
func Allows(policyJSON string, n Need) (bool, error) {
	p, err := parsePolicy(policyJSON)
	if err != nil {
		return false, err
	}
	return p.allows(n), nil
}

// allows is IAM's rule for one policy: some statement allows, none denies.
func (p *policy) allows(n Need) bool {
	yes := false
	for _, s := range p.statements {
		if !s.fits(n) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		yes = true
	}
	return yes
}

func (s statement) fits(n Need) bool {
	action := slices.ContainsFunc(s.Action, func(a string) bool { return like(strings.ToLower(a), strings.ToLower(n.Action)) })
	resource := slices.ContainsFunc(s.Resource, func(r string) bool { return like(r, n.Resource) })
	if n.Resource == "" && s.Effect == "Allow" {
		resource = true
	}
	if !action || !resource {
		return false
	}
	for op, keys := range s.Condition {
		for key, want := range keys {
			if !holds(op, key, want, n.Keys) {
				return false
			}
		}
	}
	return true
}

// holds evaluates one condition. A key that a request does not have fails,
// except for the negated operators, IfExists and ForAllValues.
func holds(op, key string, want list, keys map[string]string) bool {
	have, ok := lookup(keys, key)
	base, ifExists := strings.CutSuffix(op, "IfExists")
	base, forAll := strings.CutPrefix(base, "ForAllValues:")
	base, _ = strings.CutPrefix(base, "ForAnyValue:")
	if base == "Null" {
		return slices.Contains(want, fmt.Sprint(!ok))
	}
	negated := strings.Contains(base, "Not")
	if !ok {
		return negated || ifExists || forAll
	}
	match := slices.ContainsFunc(want, func(w string) bool {
		switch base {
		case "StringEquals", "StringNotEquals":
			return w == have
		case "Bool":
			return strings.EqualFold(w, have)
		case "DateLessThan":
			limit, err := time.Parse(time.RFC3339, w)
			at, err2 := time.Parse(time.RFC3339, have)
			return err == nil && err2 == nil && at.Before(limit)
		}
		return like(w, have)
	})
	return match != negated
}

// lookup finds a condition key; their names are not case sensitive.
func lookup(keys map[string]string, key string) (string, bool) {
	for k, v := range keys {
		if strings.EqualFold(k, key) && v != "" {
			return v, true
		}
	}
	return "", false
}

// like matches IAM's wildcards: * is any text, ? one character.
func like(pattern, s string) bool {
	if pattern == "" {
		return s == ""
	}
	if pattern[0] == '*' {
		for i := 0; i <= len(s); i++ {
			if like(pattern[1:], s[i:]) {
				return true
			}
		}
		return false
	}
	return s != "" && (pattern[0] == '?' || pattern[0] == s[0]) && like(pattern[1:], s[1:])
}
