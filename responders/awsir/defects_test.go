package awsir_test

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// What other tools for the same purpose are known to get wrong, one test each.

// An instance without an instance profile is put back on the network by a tool
// that takes the profile for granted.
func TestDefectNoInstanceProfile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{})
	done := w.must(w.job(responders.Isolate, instance, "1"))
	w.isolated(instance)
	if slices.ContainsFunc(done.Still, func(s string) bool { return strings.Contains(s, "Credentials of") }) {
		t.Errorf("says something of credentials: %q", done.Still)
	}
}

// Groups are set by interface: by instance, AWS refuses as soon as there are
// two, and each would get the same.
func TestDefectGroupsByInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	before := w.groups(instance)
	w.must(w.job(responders.Isolate, instance, "1"))
	w.must(w.job(responders.Release, instance, "2"))
	if after := w.groups(instance); !reflect.DeepEqual(after, before) {
		t.Errorf("after release %v, before %v", after, before)
	}
}

// Isolation never passes through a state that is more open, and an error never
// leads back: each interface goes from what it had straight to the isolation
// group.
func TestDefectOpenBeforeClosed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.Next("ec2", "ModifyNetworkInterfaceAttribute", 1, awsfake.Fault{Code: "OperationNotPermitted", Status: 400, Skip: 1})
	_, err := w.run(w.job(responders.Isolate, instance, "1"))
	if err == nil {
		t.Fatal("no error")
	}
	group := w.isolation()[0].ID
	calls := w.cloud.CallsOf("ec2", "ModifyNetworkInterfaceAttribute")
	if len(calls) < 2 {
		t.Fatalf("%d calls", len(calls))
	}
	for _, c := range calls {
		if c.Params["SecurityGroupId.1"] != group || c.Params["SecurityGroupId.2"] != "" {
			t.Errorf("an interface was given %v", c.Params)
		}
	}
	if n := len(w.cloud.CallsOf("ec2", "AuthorizeSecurityGroupEgress")) + len(w.cloud.CallsOf("ec2", "AuthorizeSecurityGroupIngress")); n != 0 {
		t.Errorf("%d rules were made", n)
	}
}

// A tool that revokes egress by value stays open in a default VPC, where a
// mismatch is no error.
func TestDefectEgressByValue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.cloud.AddVPC(account, region, vpc, awsfake.VPC{Default: true, IPv6: true})
	w.must(w.job(responders.Isolate, instance, "1"))
	w.isolated(instance)
	for _, c := range w.cloud.CallsOf("ec2", "RevokeSecurityGroupEgress") {
		if c.Params["SecurityGroupRuleId.1"] == "" || c.Params["SecurityGroupRuleId.2"] == "" {
			t.Errorf("revoked by %v", c.Params)
		}
	}
}

// Snapshots are tagged in the call that makes them; tags added afterwards are
// lost with the answer.
func TestDefectTagsAfterwards(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Snapshot, instance, "1"))
	if n := len(w.cloud.CallsOf("ec2", "CreateTags")); n != 0 {
		t.Errorf("%d calls to tag", n)
	}
	for _, x := range w.snapshots() {
		if x.Tags["securitybot:job"] == "" {
			t.Errorf("%s has tags %v", x.ID, x.Tags)
		}
	}
}

// Dry run changes nothing, for every action.
func TestDefectDryRunThatActs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Isolate, instance, "1"))
	w.cloud.Forget()
	keys := w.shelf.keys()
	for _, action := range []responders.ID{responders.Snapshot, responders.Isolate, responders.Release} {
		if _, err := w.actor.Plan(t.Context(), *w.job(action, instance, "2")); err != nil {
			t.Errorf("%s: %v", action, err)
		}
	}
	if n := len(w.cloud.Writes()); n != 0 || !slices.Equal(w.shelf.keys(), keys) {
		t.Errorf("%d writes, records %v", n, w.shelf.keys())
	}
}

// The roles cannot be used to take over the account: nothing on everything,
// nothing of IAM, no command of AWS's own.
func TestDefectRolesThatCanDoEverything(t *testing.T) {
	t.Parallel()
	for _, a := range responders.Catalogue() {
		for _, p := range a.Writes {
			if len(p.Resources) == 0 || slices.Contains(p.Resources, "*") {
				t.Errorf("%s: %v on everything", a.ID, p.Actions)
			}
			for _, action := range p.Actions {
				if strings.Contains(action, "*") || strings.HasPrefix(action, "iam:") || strings.HasPrefix(action, "sts:") {
					t.Errorf("%s: %s", a.ID, action)
				}
			}
		}
	}
	for _, p := range responders.Reads() {
		for _, action := range p.Actions {
			_, verb, _ := strings.Cut(action, ":")
			if !strings.HasPrefix(verb, "Describe") && !strings.HasPrefix(verb, "List") && !strings.HasPrefix(verb, "Get") && !strings.HasPrefix(verb, "Lookup") {
				t.Errorf("the read role may %s", action)
			}
		}
	}
}

// Whoever steals a role cannot use it to take the protection off an instance,
// to wipe its tags (a call that names none removes all), or to leave a program
// on it that runs when it starts.
func TestDefectRolesThatUndoProtection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{State: "stopped", Tags: map[string]string{"securitybot:protected": "false", "owner": "web"}})
	before := w.cloud.Instance(account, region, instance)
	as := func(role responders.Role) *ec2.Client {
		c, err := w.sessions(w.roles, "").Config(t.Context(), awsrole.Request{Account: account, Region: region, Role: string(role), Session: "stolen", Identity: "ann@corp.example", Acting: true})
		if err != nil {
			t.Fatal(err)
		}
		return ec2.NewFromConfig(c)
	}
	tag := []types.Tag{{Key: aws.String("securitybot:protected"), Value: aws.String("no")}}
	foreign := []types.Tag{{Key: aws.String("owner")}}
	program := &ec2.ModifyInstanceAttributeInput{InstanceId: &instance, UserData: &types.SecureBlobAttributeValue{Value: []byte("#!/bin/sh")}}
	for what, call := range map[string]func() error{
		"all tags": func() error {
			_, err := as(responders.RoleRelease).DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{instance}})
			return err
		},
		"protection": func() error {
			_, err := as(responders.RoleRelease).DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{instance}, Tags: tag[:1]})
			return err
		},
		"others' tags": func() error {
			_, err := as(responders.RoleRelease).DeleteTags(t.Context(), &ec2.DeleteTagsInput{Resources: []string{instance}, Tags: foreign})
			return err
		},
		"other protection": func() error {
			_, err := as(responders.RoleContain).CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{instance}, Tags: tag})
			return err
		},
		"user data": func() error {
			_, err := as(responders.RoleContain).ModifyInstanceAttribute(t.Context(), program)
			return err
		},
		"user data again": func() error {
			_, err := as(responders.RoleRelease).ModifyInstanceAttribute(t.Context(), program)
			return err
		},
	} {
		var api smithy.APIError
		if err := call(); !errors.As(err, &api) || api.ErrorCode() != "UnauthorizedOperation" {
			t.Errorf("%s: %v", what, err)
		}
	}
	if after := w.cloud.Instance(account, region, instance); !reflect.DeepEqual(after, before) {
		t.Errorf("%+v\nbefore %+v", after, before)
	}
}

// elsewhere is what the read role may do for other packages.
var elsewhere = map[string]string{
	"guardduty:GetFindings": "responders/guardduty", "guardduty:ListFindings": "responders/guardduty", "guardduty:ListDetectors": "responders/guardduty",
	"guardduty:GetDetector": "responders/guardduty", "cloudtrail:LookupEvents": "responders/trail", "ec2:DescribeAddresses": "responders/inventory",
	"ec2:GetConsoleOutput":                               "describe.go, where there is an evidence store",
	"elasticloadbalancing:DescribeListeners":             "responders/portmap",
	"elasticloadbalancing:DescribeTargetGroupAttributes": "responders/portmap",
}

// What the three actions use is granted (all worlds run under roles made from
// the catalogue), and what is granted is used.
func TestNothingIsGrantedThatIsNotUsed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.must(w.job(responders.Snapshot, instance, "1"))
	w.must(w.job(responders.Isolate, instance, "2"))
	w.must(w.job(responders.Release, instance, "3"))
	used := map[string]map[string]bool{}
	for _, c := range w.cloud.Calls() {
		for _, n := range c.Needs {
			if used[c.Role] == nil {
				used[c.Role] = map[string]bool{}
			}
			used[c.Role][n.Action] = true
		}
	}
	granted := func(role responders.Role, list []responders.Permission) {
		for _, p := range list {
			for _, action := range p.Actions {
				if !used["securitybot-"+string(role)][action] && elsewhere[action] == "" {
					t.Errorf("%s may %s and never does", role, action)
				}
			}
		}
	}
	granted(responders.RoleRead, responders.Reads())
	for _, id := range []responders.ID{responders.Snapshot, responders.Isolate, responders.Release} {
		a, _ := responders.Find(string(id))
		granted(a.Role, a.Writes)
	}
}
