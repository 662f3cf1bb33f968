package awsfake

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// iamState is IAM in one account: it has no regions.
type iamState struct{ roles map[string]*InstanceRole }

// InstanceRole is an IAM role that instances have, with an instance profile of
// its own. Roles that sessions are opened of are Role.
type InstanceRole struct {
	Name     string
	ID       string            // made up when empty
	Path     string            // "/" when empty; /aws-service-role/… is a service's
	Profile  string            // name of the instance profile; the role's when empty
	Tags     map[string]string // of the role
	Policies map[string]string // inline, by name
}

// maxInline is the largest sum of a role's inline policies, in characters
// without white space (IAM user guide, "IAM and AWS STS quotas").
const maxInline = 10240

var policyNameForm = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)

// AddInstanceRole adds a role with its instance profile and returns the
// profile's ARN.
func (c *Cloud) AddInstanceRole(account string, r InstanceRole) string {
	var arn string
	c.with(func() {
		s := stateOf[iamState](c, account, "")
		if s.roles == nil {
			s.roles = map[string]*InstanceRole{}
		}
		if r.ID == "" {
			r.ID = "AROA" + strings.ToUpper(c.id("")[:17])
		}
		if r.Path == "" {
			r.Path = "/"
		}
		if r.Profile == "" {
			r.Profile = r.Name
		}
		r.Tags, r.Policies = maps.Clone(r.Tags), maps.Clone(r.Policies)
		if r.Policies == nil {
			r.Policies = map[string]string{}
		}
		s.roles[r.Name] = &r
		arn = "arn:aws:iam::" + account + ":instance-profile" + r.Path + r.Profile
	})
	return arn
}

// InstanceRole returns a role; the zero value when there is none.
func (c *Cloud) InstanceRole(account, name string) InstanceRole {
	var out InstanceRole
	c.with(func() {
		if r := stateOf[iamState](c, account, "").roles[name]; r != nil {
			out = *r
			out.Tags, out.Policies = maps.Clone(r.Tags), maps.Clone(r.Policies)
		}
	})
	return out
}

// EditInstanceRole changes a role; f must not keep what it is given.
func (c *Cloud) EditInstanceRole(account, name string, f func(*InstanceRole)) {
	c.with(func() {
		if r := stateOf[iamState](c, account, "").roles[name]; r != nil {
			f(r)
		}
	})
}

// RemoveInstanceRole deletes a role.
func (c *Cloud) RemoveInstanceRole(account, name string) {
	c.with(func() { delete(stateOf[iamState](c, account, "").roles, name) })
}

// Denied says whether the inline policies of a role deny everything to the
// credentials an instance got of it at a time.
func (c *Cloud) Denied(account, name, instance string, issued time.Time) bool {
	role := c.InstanceRole(account, name)
	n := Need{Action: "s3:GetObject", Resource: "arn:aws:s3:::any/object", Keys: map[string]string{
		"aws:userid": role.ID + ":" + instance, "aws:TokenIssueTime": issued.UTC().Format(time.RFC3339)}}
	for _, text := range role.Policies {
		p, err := parsePolicy(text)
		if err != nil {
			return false
		}
		if slices.ContainsFunc(p.statements, func(s statement) bool { return s.Effect == "Deny" && s.fits(n) }) {
			return true
		}
	}
	return false
}

func iamService() service {
	return service{protocol: awsQuery, xmlns: "https://iam.amazonaws.com/doc/2010-05-08/", ops: map[string]operation{
		"GetInstanceProfile": {run: getInstanceProfile, needs: needsProfile},
		"GetRole":            {run: getRole, needs: needsRole},
		"GetRolePolicy":      {run: getRolePolicy, needs: needsRole},
		"PutRolePolicy":      {write: true, run: putRolePolicy, needs: needsRole},
		"DeleteRolePolicy":   {write: true, run: deleteRolePolicy, needs: needsRole},
	}}
}

func (r *request) iam(c *Cloud) *iamState { return stateOf[iamState](c, r.Account, "") }

// globally gives a need the region that requests to IAM have (IAM user guide,
// "aws:RequestedRegion").
func globally(n Need) []Need {
	if n.Keys == nil {
		n.Keys = map[string]string{}
	}
	n.Keys["aws:RequestedRegion"] = "us-east-1"
	return []Need{n}
}

func needsRole(c *Cloud, r *request) []Need {
	n := Need{Action: "iam:" + r.Op, Resource: "arn:aws:iam::" + r.Account + ":role/" + r.str("RoleName"), Keys: map[string]string{}}
	if role := r.iam(c).roles[r.str("RoleName")]; role != nil {
		n.Resource = role.arn(r.Account)
		for k, v := range role.Tags {
			n.Keys["aws:ResourceTag/"+k], n.Keys["iam:ResourceTag/"+k] = v, v
		}
	}
	return globally(n)
}

func needsProfile(c *Cloud, r *request) []Need {
	n := Need{Action: "iam:" + r.Op, Resource: "arn:aws:iam::" + r.Account + ":instance-profile/" + r.str("InstanceProfileName")}
	for _, role := range r.iam(c).roles {
		if role.Profile == r.str("InstanceProfileName") {
			n.Resource = "arn:aws:iam::" + r.Account + ":instance-profile" + role.Path + role.Profile
		}
	}
	return globally(n)
}

func (r *InstanceRole) arn(account string) string {
	return "arn:aws:iam::" + account + ":role" + r.Path + r.Name
}

type wireRole struct {
	Path     string
	RoleName string
	RoleId   string
	Arn      string
	Tags     []wireIAMTag `xml:"Tags>member,omitempty"`
}

type wireIAMTag struct{ Key, Value string }

func (r *InstanceRole) wire(account string) wireRole {
	return wireRole{Path: r.Path, RoleName: r.Name, RoleId: r.ID, Arn: r.arn(account)}
}

func noSuch(what, name string) *apiError {
	return &apiError{http.StatusNotFound, "NoSuchEntity", what + " " + name + " cannot be found."}
}

func getInstanceProfile(c *Cloud, r *request) (any, error) {
	for _, role := range r.iam(c).roles {
		if role.Profile != r.str("InstanceProfileName") {
			continue
		}
		var out struct {
			InstanceProfile struct {
				InstanceProfileName, Path, Arn string
				Roles                          []wireRole `xml:"Roles>member"`
			}
		}
		p := &out.InstanceProfile
		p.InstanceProfileName, p.Path, p.Arn = role.Profile, role.Path, "arn:aws:iam::"+r.Account+":instance-profile"+role.Path+role.Profile
		p.Roles = []wireRole{role.wire(r.Account)} // without tags, as IAM
		return out, nil
	}
	return nil, noSuch("Instance Profile", r.str("InstanceProfileName"))
}

// role finds the role a request names.
func (r *request) role(c *Cloud) (*InstanceRole, error) {
	role := r.iam(c).roles[r.str("RoleName")]
	if role == nil {
		return nil, noSuch("The role with name", r.str("RoleName"))
	}
	return role, nil
}

func getRole(c *Cloud, r *request) (any, error) {
	role, err := r.role(c)
	if err != nil {
		return nil, err
	}
	w := role.wire(r.Account)
	for _, k := range slices.Sorted(maps.Keys(role.Tags)) {
		w.Tags = append(w.Tags, wireIAMTag{k, role.Tags[k]})
	}
	return struct{ Role wireRole }{w}, nil
}

// getRolePolicy shows an inline policy, URL-encoded as IAM does.
func getRolePolicy(c *Cloud, r *request) (any, error) {
	role, err := r.role(c)
	if err != nil {
		return nil, err
	}
	text, there := role.Policies[r.str("PolicyName")]
	if !there {
		return nil, noSuch("The role policy with name", r.str("PolicyName"))
	}
	return struct{ RoleName, PolicyName, PolicyDocument string }{role.Name, r.str("PolicyName"), strings.ReplaceAll(url.QueryEscape(text), "+", "%20")}, nil
}

// modifiable refuses roles that only a service changes.
func (r *request) modifiable(c *Cloud) (*InstanceRole, error) {
	role, err := r.role(c)
	if err == nil && strings.HasPrefix(role.Path, "/aws-service-role/") {
		return nil, refuse("UnmodifiableEntity", "Cannot perform the operation on the protected role '%s'", role.Name)
	}
	return role, err
}

func putRolePolicy(c *Cloud, r *request) (any, error) {
	role, err := r.modifiable(c)
	if err != nil {
		return nil, err
	}
	name, text := r.str("PolicyName"), r.str("PolicyDocument")
	if !policyNameForm.MatchString(name) {
		return nil, refuse("ValidationError", "The specified value for policyName is invalid.")
	}
	if _, err := parsePolicy(text); err != nil {
		return nil, refuse("MalformedPolicyDocument", "%s", err.Error())
	}
	all := maps.Clone(role.Policies)
	all[name] = text
	size := 0
	for _, p := range all {
		size += len(strings.Join(strings.Fields(p), ""))
	}
	if size > maxInline {
		return nil, &apiError{http.StatusConflict, "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role " + role.Name}
	}
	role.Policies = all
	return nil, nil
}

func deleteRolePolicy(c *Cloud, r *request) (any, error) {
	role, err := r.modifiable(c)
	if err != nil {
		return nil, err
	}
	if _, there := role.Policies[r.str("PolicyName")]; !there {
		return nil, noSuch("The role policy with name", r.str("PolicyName"))
	}
	delete(role.Policies, r.str("PolicyName"))
	return nil, nil
}
