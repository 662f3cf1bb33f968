package awsir

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/autoscaling"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	classic "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/responders"
)

// visit is one plan or step under way.
type visit struct {
	actor  *Actor
	job    *responders.Job
	action responders.Action
	now    time.Time

	reads *clients
}

// clients are the services an action talks to, under one session.
type clients struct {
	config  aws.Config
	ec2     *ec2.Client
	asg     *autoscaling.Client
	elb     *elb.Client
	classic *classic.Client
}

func newClients(c aws.Config) *clients {
	return &clients{config: c, ec2: ec2.NewFromConfig(c), asg: autoscaling.NewFromConfig(c), elb: elb.NewFromConfig(c), classic: classic.NewFromConfig(c)}
}

// session is a request for the job's session under a role.
func (v *visit) session(role responders.Role) awsrole.Request {
	t := v.job.Target
	return awsrole.Request{Account: t.Account, Region: t.Region, Role: string(role), Session: v.job.ID,
		Identity: cmp.Or(v.job.Identity, responders.IdentityOf(v.job.By), "securitybot")}
}

// read returns clients that may only look.
func (v *visit) read(ctx context.Context) (*clients, error) {
	if v.reads != nil {
		return v.reads, nil
	}
	c, err := v.actor.deps.Sessions.Config(ctx, v.session(responders.RoleRead))
	if err != nil {
		return nil, err
	}
	v.reads = newClients(c)
	return v.reads, nil
}

// write returns clients that may change what the statements say, and nothing
// else. It makes sure that they are for the account of the target: a mistake
// in a role's name or in the own account must not act elsewhere.
func (v *visit) write(ctx context.Context, may ...responders.Permission) (*clients, error) {
	r := v.session(v.action.Role)
	r.Acting, r.Policy = true, sessionPolicy(v.job.Target.Region, may)
	c, err := v.actor.deps.Sessions.Config(ctx, r)
	if err != nil {
		return nil, err
	}
	me, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, nil)
	if err != nil {
		return nil, err
	}
	if got := aws.ToString(me.Account); got != v.job.Target.Account {
		return nil, responders.Refuse("The credentials are for account %s, the instance is in %s. Nothing was changed; check the configured roles.", got, v.job.Target.Account)
	}
	return newClients(c), nil
}

// maxCalls bounds the calls in a manifest.
const maxCalls = 200

// did writes a call that changes something into the manifest.
func (v *visit) did(op string, meta middleware.Metadata, err error) {
	c := responders.Call{Op: op, At: v.actor.deps.Now().UTC(), Error: errorCode(err)}
	c.RequestID, _ = awsmiddleware.GetRequestIDMetadata(meta)
	if err != nil {
		c.RequestID = requestID(err)
	}
	if m := &v.job.Manifest; len(m.Calls) < maxCalls {
		m.Calls = append(m.Calls, c)
	}
}

// note writes a line into the job's log.
func (v *visit) note(format string, args ...any) { v.job.Note(v.now, format, args...) }

// skip says in the manifest what was left out, and why; once.
func (v *visit) skip(why string) {
	v.job.Manifest.Skipped = add(v.job.Manifest.Skipped, why)
}

// fact adds a line about the instance to the manifest.
func (v *visit) fact(name, value string) {
	if v.job.Manifest.Facts == nil {
		v.job.Manifest.Facts = map[string]string{}
	}
	if value != "" {
		v.job.Manifest.Facts[name] = value
	}
}

// tags are what everything we make carries.
func (v *visit) tags() map[string]string {
	t := map[string]string{jobTag: v.job.ID}
	if v.job.Case != "" {
		t[caseTag] = v.job.Case
	}
	return t
}

// asTags writes tags in order of keys.
func asTags(m map[string]string) []types.Tag {
	var out []types.Tag
	for k, t := range m {
		out = append(out, types.Tag{Key: aws.String(k), Value: aws.String(t)})
	}
	slices.SortFunc(out, func(a, b types.Tag) int { return strings.Compare(*a.Key, *b.Key) })
	return out
}

// asJSON is for the manifest.
func asJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

// add appends a line unless it is there.
func add(list []string, line string) []string {
	for _, l := range list {
		if l == line {
			return list
		}
	}
	return append(list, line)
}
