package awsir

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/securitybot/securitybot/responders"
)

// revocation is the record of what was put where.
type revocation struct {
	Version int               `json:"version"`
	Job     string            `json:"job"`
	Case    string            `json:"case,omitempty"`
	Target  responders.Target `json:"target"`
	At      time.Time         `json:"at"`
	Role    instanceRole      `json:"role"`
}

// instanceRole is the IAM role that an instance has.
type instanceRole struct {
	Name    string `json:"name"`
	ID      string `json:"id"` // AROA…; another role of the same name has another
	ARN     string `json:"arn"`
	Profile string `json:"profile"` // ARN of the instance profile
}

// revocationKey is where the record of an instance is kept.
func revocationKey(t responders.Target) string {
	return "revocation/" + t.Account + "/" + t.Region + "/" + t.Instance
}

// policyName is the name of the policy within the role.
func policyName(t responders.Target) string { return "securitybot-revoked-" + t.Instance }

// document denies everything to credentials of one instance that were issued
// before a time. The user id of an instance's credentials is that of the role
// and the instance (IAM user guide, "Where you can use policy variables",
// principal key values).
func (r revocation) document(before time.Time) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"SecurityBotRevoked","Effect":"Deny","Action":"*","Resource":"*",`+
		`"Condition":{"DateLessThan":{"aws:TokenIssueTime":"%s"},"StringEquals":{"aws:userid":"%s:%s"}}}]}`, before.UTC().Format(time.RFC3339), r.Role.ID, r.Target.Instance)
}

var (
	beforeForm = regexp.MustCompile(`"aws:TokenIssueTime":"([0-9TZ:-]{20})"`)
	roleIDForm = regexp.MustCompile(`^AROA[A-Z0-9]{12,}$`)
)

// fits refuses when the record is about another role than the instance has now.
func (r revocation) fits(role instanceRole) error {
	if r.Role.ID == role.ID {
		return nil
	}
	return responders.Refuse("Credentials of this instance were revoked before, when it had the role %s (%s); now it has %s (%s). Nothing was changed. Take that revocation back first, when what it denies has expired.", r.Role.Name, r.Role.ID, role.Name, role.ID)
}

// revocation reads the record of the job's instance; false means that there is
// none.
func (v *visit) revocation(ctx context.Context) (r revocation, hash string, ok bool, err error) {
	body, ok, err := v.actor.deps.Records.Get(ctx, revocationKey(v.job.Target))
	if err != nil {
		return r, "", false, fmt.Errorf("read the record of the revocation: %w", err)
	}
	if !ok {
		return r, "", false, nil
	}
	if hash, err = unseal(body, &r); err != nil || r.Version != recordVersion || r.Target != v.job.Target {
		return r, "", false, responders.Refuse("The record of the revocation is damaged, was changed, or is of another version. Nothing was changed. Look at the role of the instance for the policy %s.", policyName(v.job.Target))
	}
	return r, hash, true, nil
}

// roleOf finds the role of an instance by its profile: the names of the two
// differ, and either can have a path.
func (v *visit) roleOf(ctx context.Context, i types.Instance) (instanceRole, error) {
	if i.IamInstanceProfile == nil {
		return instanceRole{}, responders.Refuse("The instance has no role, so there is nothing to revoke. Keys that lie on its disk are another matter: look for them with osquery.")
	}
	profile := aws.ToString(i.IamInstanceProfile.Arn)
	name := profile[strings.LastIndexByte(profile, '/')+1:]
	c, err := v.read(ctx)
	if err != nil {
		return instanceRole{}, err
	}
	client := iam.NewFromConfig(c.config)
	p, err := client.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	if isCode(err, "NoSuchEntity") || err == nil && (p.InstanceProfile == nil || aws.ToString(p.InstanceProfile.Arn) != profile || len(p.InstanceProfile.Roles) != 1) {
		return instanceRole{}, responders.Refuse("The instance profile %s of the instance is not there any more, or has no role. Look at CloudTrail for DeleteInstanceProfile and RemoveRoleFromInstanceProfile.", name)
	}
	if err != nil {
		return instanceRole{}, fmt.Errorf("look at the instance profile: %w", err)
	}
	out, err := client.GetRole(ctx, &iam.GetRoleInput{RoleName: p.InstanceProfile.Roles[0].RoleName})
	if err != nil {
		return instanceRole{}, fmt.Errorf("look at the role: %w", err)
	}
	role := instanceRole{Name: aws.ToString(out.Role.RoleName), ID: aws.ToString(out.Role.RoleId), ARN: aws.ToString(out.Role.Arn), Profile: profile}
	if !roleIDForm.MatchString(role.ID) {
		return role, fmt.Errorf("%q is not the id of a role", role.ID)
	}
	for _, t := range out.Role.Tags {
		if aws.ToString(t.Key) == responders.RevocableTag && aws.ToString(t.Value) == "true" {
			return role, nil
		}
	}
	return role, responders.Refuse("The role %s may not be changed by the bot. Whoever owns it can allow it with the tag %s = true. Or do it by hand: IAM console, the role, “Revoke active sessions”, which hits every instance that has the role.", role.Name, responders.RevocableTag)
}

// inline reads the policy of our name within a role; false means that there is
// none, or no role.
func (v *visit) inline(ctx context.Context, role, name string) (string, bool, error) {
	c, err := v.read(ctx)
	if err != nil {
		return "", false, err
	}
	out, err := iam.NewFromConfig(c.config).GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
	if isCode(err, "NoSuchEntity") {
		return "", false, nil
	}
	if err != nil {
		return "", false, fmt.Errorf("look at the policy of the role: %w", err)
	}
	text, err := url.PathUnescape(aws.ToString(out.PolicyDocument)) // encoded as in RFC 3986 (IAM API reference)
	if err != nil {
		return "", false, fmt.Errorf("read the policy of the role: %w", err)
	}
	return text, true, nil
}

// denial reads our policy and says which credentials it denies. One that says
// anything else than ours do is refused.
func (v *visit) denial(ctx context.Context, r revocation) (before time.Time, there bool, err error) {
	text, there, err := v.inline(ctx, r.Role.Name, policyName(v.job.Target))
	if err != nil || !there {
		return before, false, err
	}
	if m := beforeForm.FindStringSubmatch(text); m != nil {
		before, err = time.Parse(time.RFC3339, m[1])
		if err == nil && text == r.document(before) {
			return before, true, nil
		}
	}
	return before, true, responders.Refuse("The policy %s of the role %s does not say what the bot put there: somebody changed it. It was left as it is. Look at CloudTrail for PutRolePolicy, and mend it by hand.", policyName(v.job.Target), r.Role.Name)
}

// unclaimed refuses when there is a policy of our name and no record of it: to
// overwrite it could not be undone.
func (v *visit) unclaimed(ctx context.Context, role instanceRole) error {
	_, there, err := v.inline(ctx, role.Name, policyName(v.job.Target))
	if err != nil || !there {
		return err
	}
	return responders.Refuse("The role %s has a policy %s already, and there is no record of it. Find out who put it there; delete it by hand, and ask again.", role.Name, policyName(v.job.Target))
}
