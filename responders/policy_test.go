package responders_test

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/responders"
)

type policyDoc struct {
	Version   string
	Statement []struct {
		Sid, Effect      string
		Action, Resource []string
		Condition        map[string]map[string]string
	}
}

func policyOf(t *testing.T, role responders.Role, partition string) policyDoc {
	t.Helper()
	text, err := responders.Policy(role, partition)
	if err != nil {
		t.Fatal(err)
	}
	var doc policyDoc
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	return doc
}

// What must never be in a role, whoever edits the catalogue.
var forbidden = regexp.MustCompile(`(?i)^(\*|[a-z0-9-]+:\*|iam:.*|sts:.*|kms:.*|s3:.*|ssm:(Put|Get)Parameter.*|ssm:StartSession|ssm:.*Automation.*|ssm:(Create|Update|Delete|Modify).*|ec2:(Terminate|Stop|Run|Reboot|Start).*|ec2:Delete(Snapshot|Volume|SecurityGroup).*|ec2:AuthorizeSecurityGroup.*)$`)

// Whoever may put policies into a role may give it every right. One role of its
// own may, and only into roles whose owners allow it.
var inline = map[string]responders.Role{"iam:PutRolePolicy": responders.RoleRevoke, "iam:DeleteRolePolicy": responders.RoleRevoke}

// looksAtRoles is what the read role may read of IAM.
var looksAtRoles = []string{"iam:GetInstanceProfile", "iam:GetRole", "iam:GetRolePolicy"}

func TestRolesStayNarrow(t *testing.T) {
	t.Parallel()
	for _, role := range responders.Roles {
		doc := policyOf(t, role, "aws")
		sids := map[string]bool{}
		for _, s := range doc.Statement {
			if s.Effect != "Allow" || sids[s.Sid] {
				t.Errorf("%s: statement %+v", role, s)
			}
			sids[s.Sid] = true
			for _, a := range s.Action {
				_, verb, _ := strings.Cut(a, ":")
				reads := strings.HasPrefix(verb, "Describe") || strings.HasPrefix(verb, "List") || strings.HasPrefix(verb, "Get") || verb == "LookupEvents"
				if inline[a] == role && len(s.Resource) == 1 && strings.HasPrefix(s.Resource[0], "arn:aws:iam::*:role/") && s.Condition["StringEquals"]["aws:ResourceTag/securitybot:revocable"] == "true" {
					continue
				}
				if forbidden.MatchString(a) && !slices.Contains(looksAtRoles, a) || reads != (role == responders.RoleRead) {
					t.Errorf("%s may %s", role, a)
				}
				if !reads && slices.Contains(s.Resource, "*") {
					t.Errorf("%s may %s on everything", role, a)
				}
				if a == "ssm:SendCommand" {
					for _, r := range s.Resource {
						document := strings.HasPrefix(r, "arn:aws:ssm:*:*:document/securitybot-") && !strings.HasSuffix(r, "*")
						instance := r == "arn:aws:ec2:*:*:instance/*" && s.Condition["StringNotEquals"]["ssm:resourceTag/securitybot:protected"] == "true"
						if !document && !instance {
							t.Errorf("%s may send commands by %s, condition %v", role, r, s.Condition)
						}
					}
				}
			}
		}
	}
}

func TestPoliciesFitTheirPartition(t *testing.T) {
	t.Parallel()
	for _, partition := range responders.Partitions {
		for _, role := range responders.Roles {
			for _, s := range policyOf(t, role, partition).Statement {
				for _, r := range s.Resource {
					if r != "*" && !strings.HasPrefix(r, "arn:"+partition+":") {
						t.Errorf("%s in %s: %s", role, partition, r)
					}
				}
			}
		}
	}
	if _, err := responders.Policy(responders.RoleRead, "aws-moon"); err == nil {
		t.Error("a partition that does not exist was taken")
	}
	if _, err := responders.Policy("root", "aws"); err == nil {
		t.Error("a role that does not exist was taken")
	}
}
