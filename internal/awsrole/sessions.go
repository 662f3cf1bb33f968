package awsrole

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
)

// Sessions hands out sessions. It is safe for concurrent use.
type Sessions struct {
	hub    aws.Config
	config Config
	sts    *sts.Client

	mu    sync.Mutex
	cache map[[sha256.Size]byte]*entry
}

// entry is one session, and the lock under which it is got.
type entry struct {
	mu   sync.Mutex
	keys aws.Credentials
}

// New returns what hands out sessions. The hub's configuration brings the
// credentials the process runs under, the region whose STS is asked, the HTTP
// client and the endpoints.
func New(hub aws.Config, c Config) (*Sessions, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("roles in accounts: %w", err)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.MaxBackoff == 0 {
		c.MaxBackoff = 2 * time.Second
	}
	c.Roles = maps.Clone(c.Roles)
	s := &Sessions{hub: hub, config: c, cache: map[[sha256.Size]byte]*entry{}}
	s.sts = sts.NewFromConfig(hub, func(o *sts.Options) { o.Retryer = s.patient() })
	return s, nil
}

// patient tries three times within a few seconds: for calls that change
// nothing.
func (s *Sessions) patient() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, s.config.MaxBackoff })
}

// Config returns the configuration for clients in an account and region. It is
// good for the calls of one step, at most three minutes; its credentials do
// not renew themselves. An *Error says that there is no session.
func (s *Sessions) Config(ctx context.Context, r Request) (aws.Config, error) {
	if err := r.check(s.config.Roles); err != nil {
		return aws.Config{}, fmt.Errorf("session: %w", err)
	}
	c := s.hub.Copy()
	c.Region = r.Region
	c.Retryer = s.patient
	if r.Acting {
		c.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	}
	if r.Account == s.config.Own {
		return c, nil
	}
	keys, err := s.session(ctx, r)
	if err != nil {
		return aws.Config{}, err
	}
	c.Credentials = credentials.StaticCredentialsProvider{Value: keys}
	return c, nil
}

// session returns a session from the cache, or a new one.
func (s *Sessions) session(ctx context.Context, r Request) (aws.Credentials, error) {
	e := s.entry(r)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.keys.AccessKeyID != "" && s.config.Now().Add(margin).Before(e.keys.Expires) {
		return e.keys, nil
	}
	name := s.config.Roles[r.Role]
	in := &sts.AssumeRoleInput{RoleArn: aws.String("arn:" + Partition(r.Region) + ":iam::" + r.Account + ":role/" + name), RoleSessionName: &r.Session,
		DurationSeconds: aws.Int32(int32(lifetime / time.Second)), ExternalId: text(s.config.ExternalID), SourceIdentity: text(r.Identity), Policy: text(r.Policy)}
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		in.Tags = append(in.Tags, types.Tag{Key: &k, Value: aws.String(r.Tags[k])})
	}
	out, err := s.sts.AssumeRole(ctx, in)
	if err != nil {
		return aws.Credentials{}, failed(r.Account, name, err)
	}
	k := out.Credentials
	if k == nil {
		return aws.Credentials{}, failed(r.Account, name, fmt.Errorf("the answer has no credentials"))
	}
	e.keys = aws.Credentials{AccessKeyID: aws.ToString(k.AccessKeyId), SecretAccessKey: aws.ToString(k.SecretAccessKey),
		SessionToken: aws.ToString(k.SessionToken), CanExpire: true, Expires: aws.ToTime(k.Expiration), AccountID: r.Account, Source: "awsrole"}
	return e.keys, nil
}

// entry finds the place of a session in the cache. Region and Acting do not
// count: a session is good in all regions.
func (s *Sessions) entry(r Request) *entry {
	r.Acting = false
	r.Region = Partition(r.Region)
	b, err := json.Marshal(r)
	if err != nil {
		panic("awsrole: " + err.Error()) // strings only
	}
	key := sha256.Sum256(b)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.cache[key]
	if e == nil {
		if len(s.cache) >= maxCached {
			clear(s.cache) // sessions in use stay with those who use them
		}
		e = &entry{}
		s.cache[key] = e
	}
	return e
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
