package intake

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/securitybot/securitybot/findings"
)

// Config says where from and what to accept. Zero values mean the default.
type Config struct {
	QueueURL string // of a standard queue
	Region   string // of the queue, for NewClient

	Workers        int           // most receive calls at the same time; 4
	MaxInHand      int           // most messages received and not settled; 500
	MaxBytesInHand int64         // no further receive above it; 64 MiB
	Visibility     time.Duration // of a message in hand, extended each third of it; 30 s
	Wait           time.Duration // long poll, at most 20 s; 20 s
	MaxHold        time.Duration // how long a handler may take; 2 min, or Visibility if that is longer
	Drain          time.Duration // at most, from the end of Run's context to its return; 25 s
	UnhealthyAfter time.Duration // of failure without a break; 5 min
	// QuarantineAfter is how often a message is parsed and handled before it
	// is parked unseen; 3. Keep the queue's maxReceiveCount well above it.
	QuarantineAfter int

	// Accounts, Regions and Topics are what is accepted; an empty list
	// accepts all. A finding's own account and region and those of the event
	// around it must be on the list: add the administrator's account, and
	// with Topics the ARN of GuardDuty's announcements, if you take them.
	Accounts []string
	Regions  []string
	Topics   []string // SNS topic ARNs
	// VerifySNS accepts only notifications with a good SNS signature.
	VerifySNS bool
	// AllowRaw accepts messages without an SNS envelope (raw delivery,
	// EventBridge straight to the queue) though VerifySNS is on or Topics is
	// not empty. They carry neither signature nor topic.
	AllowRaw bool

	// Parse replaces findings.Parse.
	Parse func(body []byte) []findings.Item
	// CertRoots replaces the system's roots for SNS certificates and for the
	// host they come from; CertDial replaces the dialler. Both are for tests.
	CertRoots *x509.CertPool
	CertDial  func(ctx context.Context, network, addr string) (net.Conn, error)
}

func (c Config) withDefaults() Config {
	def(&c.Workers, 4)
	def(&c.MaxInHand, 500)
	def(&c.MaxBytesInHand, 64<<20)
	def(&c.Visibility, 30*time.Second)
	def(&c.Wait, 20*time.Second)
	def(&c.MaxHold, max(2*time.Minute, c.Visibility))
	def(&c.Drain, 25*time.Second)
	def(&c.UnhealthyAfter, 5*time.Minute)
	def(&c.QuarantineAfter, 3)
	if c.Parse == nil {
		c.Parse = findings.Parse
	}
	return c
}

func def[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// Validate returns every mistake, joined.
func (c Config) Validate() error {
	c = c.withDefaults()
	var errs []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			errs = append(errs, fmt.Errorf("intake: "+format, args...))
		}
	}
	u, err := url.Parse(c.QueueURL)
	ok := err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(u.Path) > 1 && u.User == nil
	check(ok, "the queue URL must look like https://sqs.REGION.amazonaws.com/ACCOUNT/NAME")
	check(!strings.HasSuffix(c.QueueURL, ".fifo"), "FIFO queues are not supported: their order is not kept, and they stop behind a message that is parked")
	check(c.Workers >= 1 && c.Workers <= 64, "workers must be 1 to 64")
	check(c.MaxInHand >= batchSize && c.MaxInHand <= 100_000, "messages in hand must be %d to 100000", batchSize)
	check(c.MaxBytesInHand >= 1<<20, "bytes in hand must be at least 1 MiB")
	check(c.Visibility >= time.Second && c.Visibility <= 11*time.Hour, "visibility must be 1 s to 11 h")
	check(c.Wait > 0 && c.Wait <= 20*time.Second, "wait must be at most 20 s")
	check(c.MaxHold >= c.Visibility && c.MaxHold <= 11*time.Hour, "the longest hold must be at least the visibility, and below SQS's 12 h")
	check(c.Drain >= time.Second, "drain must be at least 1 s")
	check(c.UnhealthyAfter >= c.Wait, "a queue cannot be called unhealthy sooner than one long poll takes")
	check(c.QuarantineAfter >= 1, "quarantine must allow at least one attempt")
	for _, a := range c.Accounts {
		check(len(a) == 12 && strings.Trim(a, "0123456789") == "", "account %q is not 12 digits; quote it in YAML", a)
	}
	for _, r := range c.Regions {
		check(validRegion(r), "region %q is not a region's name", r)
	}
	for _, t := range c.Topics {
		_, err := parseTopic(t)
		check(err == nil, "topic %q: %v", t, err)
	}
	return errors.Join(errs...)
}

// Warnings says what is accepted without a check, in plain sentences.
func (c Config) Warnings() []string {
	var out []string
	for _, w := range []struct {
		on   bool
		text string
	}{
		{len(c.Accounts) == 0, "intake.accounts is empty: findings of every account are accepted"},
		{len(c.Regions) == 0, "intake.regions is empty: findings of every region are accepted"},
		{len(c.Topics) == 0, "intake.topics is empty: messages of every SNS topic are accepted, and messages of none"},
		{!c.VerifySNS, "intake.verify_sns is off: who may send is decided by the queue's policy alone"},
		{c.VerifySNS && c.AllowRaw, "intake.allow_raw is on: a message without an SNS envelope is accepted unsigned, although verify_sns is on"},
		{len(c.Topics) > 0 && c.AllowRaw, "intake.allow_raw is on: a message without an SNS envelope is accepted, although topics are listed"},
		{strings.HasPrefix(c.QueueURL, "http://"), "the queue URL is not https"},
	} {
		if w.on {
			out = append(out, w.text)
		}
	}
	return out
}
