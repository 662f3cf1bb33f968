package awsfake

import (
	"slices"
	"time"
)

// Call is one call as it was received and answered.
type Call struct {
	At        time.Time
	Service   string // as in the signature: ec2, sts, elasticloadbalancing…
	Op        string
	Account   string // of the credentials; empty when they are not known
	Region    string
	Key       string // access key id
	Role      string // name of the assumed role; empty for an account's own key
	Session   string // RoleSessionName
	Identity  string // SourceIdentity
	Policy    string // session policy
	Tags      map[string]string
	Presigned bool

	Params map[string]string // query protocols
	Body   string            // JSON protocols

	RequestID string
	Write     bool // an operation that changes something, and not a dry run
	DryRun    bool
	Needs     []Need // what it takes in a policy
	Status    int    // HTTP status answered; 0 when no answer was given
	Code      string // error code answered, "dropped" or "hung" without an answer
	Applied   bool   // whether it took effect (a lost answer does)
}

// Calls returns the calls so far, in the order in which they were taken.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// CallsOf returns the calls of an operation; an empty name stands for any.
func (c *Cloud) CallsOf(service, op string) []Call {
	return slices.DeleteFunc(c.Calls(), func(x Call) bool {
		return service != "" && x.Service != service || op != "" && x.Op != op
	})
}

// Writes returns the calls of operations that change something, whether or not
// they succeeded, without those to STS: a session changes nothing.
func (c *Cloud) Writes() []Call {
	return slices.DeleteFunc(c.Calls(), func(x Call) bool { return !x.Write || x.Service == "sts" })
}

// Forget empties the call log.
func (c *Cloud) Forget() { c.with(func() { c.calls = nil }) }
