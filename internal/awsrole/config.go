package awsrole

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// Limits of AssumeRole (STS API reference).
const (
	MaxPolicy = 2048 // characters of a session policy
	lifetime  = 15 * time.Minute
	// margin is what a session from the cache still has to live: more than a
	// step takes.
	margin = 3 * time.Minute
	// maxCached bounds the cache; a busy bot has a few dozen sessions.
	maxCached = 512
)

// Config says how roles in other accounts are called.
type Config struct {
	// Roles has the name of the role, with its path if it has one, for each
	// purpose callers ask for, such as "read".
	Roles map[string]string
	// ExternalID is what the roles' trust policies ask for; empty when they
	// do not.
	ExternalID string
	// Own is the account whose role is not assumed: there the process's own
	// credentials are used as they are, without session policy and
	// SourceIdentity. Empty assumes a role in every account.
	Own string
	// MaxBackoff is the longest wait before a call that changes nothing is
	// tried again; zero is two seconds.
	MaxBackoff time.Duration
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

var (
	accountForm  = regexp.MustCompile(`^[0-9]{12}$`)
	roleForm     = regexp.MustCompile(`^([\w+=,.@-]+/)*[\w+=,.@-]{1,64}$`)
	externalForm = regexp.MustCompile(`^[\w+=,.@:/-]*$`)
	sessionForm  = regexp.MustCompile(`^[\w+=,.@-]{2,64}$`)
)

// check says what is wrong with a configuration.
func (c Config) check() error {
	if len(c.Roles) == 0 {
		return errors.New("no roles are named")
	}
	for purpose, name := range c.Roles {
		if !roleForm.MatchString(name) {
			return fmt.Errorf("the role for %s: %q is not a role name; give the name alone, not its ARN", purpose, name)
		}
	}
	if n := len(c.ExternalID); !externalForm.MatchString(c.ExternalID) || n == 1 || n > 1224 {
		return errors.New("the external id has characters in it that STS does not take, or is too short or too long")
	}
	if c.Own != "" && !accountForm.MatchString(c.Own) {
		return fmt.Errorf("the own account %q does not have 12 digits", c.Own)
	}
	return nil
}

// ErrNoRole means that no role is configured for the purpose of a session.
var ErrNoRole = errors.New("no role is configured for it")

// Request is what a session is for.
type Request struct {
	Account  string            // 12 digits
	Region   string            // that the configuration is for
	Role     string            // purpose, a key of Config.Roles
	Session  string            // RoleSessionName: the id of the job or case
	Identity string            // SourceIdentity: who asked; empty sends none
	Tags     map[string]string // session tags
	Policy   string            // session policy, at most MaxPolicy characters; empty is none
	// Acting is for calls that change something: then the client never repeats
	// a call by itself, because most of EC2's have no idempotency token.
	// Otherwise it tries up to three times.
	Acting bool
}

func (r Request) check(roles map[string]string) error {
	switch {
	case !accountForm.MatchString(r.Account):
		return fmt.Errorf("account %q does not have 12 digits", r.Account)
	case r.Region == "":
		return errors.New("no region is given")
	case roles[r.Role] == "":
		return fmt.Errorf("role %q: %w", r.Role, ErrNoRole)
	case !sessionForm.MatchString(r.Session):
		return fmt.Errorf("%q cannot be the name of a session", r.Session)
	case r.Identity != "" && !sessionForm.MatchString(r.Identity):
		return fmt.Errorf("%q cannot be a source identity", r.Identity)
	case len(r.Policy) > MaxPolicy:
		return fmt.Errorf("the session policy has %d characters; STS takes %d", len(r.Policy), MaxPolicy)
	}
	return nil
}

// Partition is the part of AWS a region is in, as in ARNs.
func Partition(region string) string {
	switch {
	case strings.HasPrefix(region, "cn-"):
		return "aws-cn"
	case strings.HasPrefix(region, "us-gov-"):
		return "aws-us-gov"
	}
	return "aws"
}
