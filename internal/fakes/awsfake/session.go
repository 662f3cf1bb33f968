package awsfake

import (
	"fmt"
	"time"
)

// session is what a key stands for.
type session struct {
	secret, token string
	account       string
	arn           string
	role          string
	name          string
	identity      string
	policy        string // session policy, as given
	tags          map[string]string
	limits        []*policy // all of them must allow
	expires       time.Time
}

func (s *session) allows(n Need) bool {
	for _, p := range s.limits {
		if !p.allows(n) {
			return false
		}
	}
	return true
}

// Credentials are what a client signs with.
type Credentials struct {
	AccessKeyID     string
	SecretAccessKey string
	SessionToken    string
}

// User makes long-lived credentials of an account that may do everything.
func (c *Cloud) User(account, name string) Credentials {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.issue("AKIA", &session{account: account, arn: "arn:aws:iam::" + account + ":user/" + name})
}

// issue gives a session a key. The caller holds the lock.
func (c *Cloud) issue(prefix string, s *session) Credentials {
	c.issued++
	k := Credentials{AccessKeyID: fmt.Sprintf("%sEXAMPLE%09d", prefix, c.issued), SecretAccessKey: fmt.Sprintf("secret-%d", c.issued)}
	if prefix == "ASIA" {
		k.SessionToken = fmt.Sprintf("token-%d", c.issued)
	}
	s.secret, s.token = k.SecretAccessKey, k.SessionToken
	c.keys[k.AccessKeyID] = s
	return k
}

// Role is a role that can be assumed.
type Role struct {
	Account    string
	Name       string        // may have a path: "path/name"
	Trusts     []string      // accounts whose principals may assume it
	ExternalID string        // required when set
	Identity   bool          // a SourceIdentity is required
	Policy     string        // what it may do, as an IAM policy; everything when empty
	MaxSession time.Duration // an hour when zero
	policy     *policy
}

// ARN names the role.
func (r Role) ARN() string { return "arn:aws:iam::" + r.Account + ":role/" + r.Name }

// AddRole adds a role, or replaces it. It panics when the policy is not one.
func (c *Cloud) AddRole(r Role) {
	if r.Policy != "" {
		p, err := parsePolicy(r.Policy)
		if err != nil {
			panic("awsfake: " + err.Error())
		}
		r.policy = p
	}
	c.with(func() { c.roles[r.ARN()] = &r })
}
