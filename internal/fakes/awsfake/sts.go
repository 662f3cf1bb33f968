package awsfake

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of AssumeRole (STS API reference).
const (
	maxSessionPolicy = 2048 // characters
	minSession       = 900 * time.Second
	maxChained       = time.Hour
)

var (
	sessionForm  = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
	externalForm = regexp.MustCompile(`^[\w+=,.@:/-]{2,}$`) // at most 1,224
)

func stsService() service {
	return service{protocol: awsQuery, xmlns: "https://sts.amazonaws.com/doc/2011-06-15/", ops: map[string]operation{
		"AssumeRole": {write: true, run: assumeRole, needs: func(_ *Cloud, r *request) []Need {
			return []Need{{Action: "sts:AssumeRole", Resource: r.str("RoleArn")}}
		}},
		"GetCallerIdentity": {run: callerIdentity, needs: func(*Cloud, *request) []Need { return nil }},
	}}
}

func callerIdentity(_ *Cloud, r *request) (any, error) {
	return struct{ Arn, UserId, Account string }{r.session.arn, "AIDAEXAMPLE", r.Account}, nil
}

// assumed is the answer to AssumeRole.
type assumed struct {
	Credentials struct {
		AccessKeyId, SecretAccessKey, SessionToken string
		Expiration                                 time.Time
	}
	AssumedRoleUser  struct{ AssumedRoleId, Arn string }
	PackedPolicySize int    `xml:"PackedPolicySize"`
	SourceIdentity   string `xml:"SourceIdentity,omitempty"`
}

func assumeRole(c *Cloud, r *request) (any, error) {
	duration, err := assumeForm(r)
	if err != nil {
		return nil, err
	}
	role := c.roles[r.str("RoleArn")]
	if role == nil || !slices.Contains(role.Trusts, r.Account) || role.ExternalID != "" && role.ExternalID != r.str("ExternalId") ||
		role.Identity && r.str("SourceIdentity") == "" || r.Identity != "" && r.str("SourceIdentity") != "" && r.Identity != r.str("SourceIdentity") {
		return nil, awsQuery.denied("User: " + r.session.arn + " is not authorized to perform: sts:AssumeRole on resource: " + r.str("RoleArn"))
	}
	longest := role.MaxSession
	if longest == 0 {
		longest = time.Hour
	}
	if r.Role != "" && duration > maxChained {
		return nil, refuse("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	}
	if duration > longest {
		return nil, refuse("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	s, err := newSession(c, r, role, duration)
	if err != nil {
		return nil, err
	}
	k := c.issue("ASIA", s)
	var out assumed
	out.Credentials.AccessKeyId, out.Credentials.SecretAccessKey, out.Credentials.SessionToken = k.AccessKeyID, k.SecretAccessKey, k.SessionToken
	out.Credentials.Expiration = s.expires
	out.AssumedRoleUser.Arn, out.AssumedRoleUser.AssumedRoleId = s.arn, "AROAEXAMPLE:"+s.name
	out.PackedPolicySize, out.SourceIdentity = len(s.policy)*100/maxSessionPolicy, s.identity
	return out, nil
}

// newSession is a session of a role as AssumeRole's parameters want it.
func newSession(c *Cloud, r *request, role *Role, duration time.Duration) (*session, error) {
	s := &session{account: role.Account, role: role.Name, name: r.str("RoleSessionName"), identity: r.str("SourceIdentity"), policy: r.str("Policy"),
		tags: map[string]string{}, expires: c.Now().Add(duration).Truncate(time.Second)}
	if s.identity == "" {
		s.identity = r.Identity // survives role chaining
	}
	name := role.Name[strings.LastIndex(role.Name, "/")+1:]
	s.arn = "arn:aws:sts::" + role.Account + ":assumed-role/" + name + "/" + s.name
	for i := range r.count("Tags.member") {
		n := "Tags.member." + strconv.Itoa(i+1)
		s.tags[r.str(n+".Key")] = r.str(n + ".Value")
	}
	if role.policy != nil {
		s.limits = append(s.limits, role.policy)
	}
	if s.policy != "" {
		p, err := parsePolicy(s.policy)
		if err != nil {
			return nil, refuse("MalformedPolicyDocument", "%s", err.Error())
		}
		s.limits = append(s.limits, p)
	}
	return s, nil
}

// assumeForm checks the form of AssumeRole's parameters.
func assumeForm(r *request) (time.Duration, error) {
	for name, form := range map[string]*regexp.Regexp{"RoleSessionName": sessionForm, "SourceIdentity": sessionForm, "ExternalId": externalForm} {
		if v := r.str(name); (r.has(name) || name == "RoleSessionName") && !form.MatchString(v) {
			return 0, refuse("ValidationError", "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint", v, name)
		}
	}
	if strings.HasPrefix(r.str("SourceIdentity"), "aws:") {
		return 0, refuse("ValidationError", "SourceIdentity must not begin with aws:")
	}
	if len(r.str("Policy")) > maxSessionPolicy {
		return 0, refuse("ValidationError", "Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to %d", maxSessionPolicy)
	}
	seconds := 3600
	if r.has("DurationSeconds") {
		n, err := strconv.Atoi(r.str("DurationSeconds"))
		if err != nil {
			return 0, refuse("ValidationError", "DurationSeconds is not a number")
		}
		seconds = n
	}
	d := time.Duration(seconds) * time.Second
	if d < minSession || d > 12*time.Hour {
		return 0, refuse("ValidationError", "Value '%d' at 'durationSeconds' failed to satisfy constraint", seconds)
	}
	return d, nil
}
