package bot_test

import (
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/fakes/slackfake"
	"github.com/securitybot/securitybot/internal/rig"
	"github.com/securitybot/securitybot/responders"
)

const (
	prod    = "111122223333" // the account findings are about
	nearby  = "eu-west-1"
	webHost = "i-00000000000000001" // rig.Probe(1)'s instance
)

// balanced is a world in which a balancer on 443 serves webHost on 8443. The host
// has no address of its own that the internet reaches, and the reading role may
// do what iam-policy says and no more.
func balanced(t *testing.T, more ...func(*awsfake.Cloud)) rig.Options {
	t.Helper()
	policy, err := responders.Policy(responders.RoleRead, "aws")
	if err != nil {
		t.Fatal(err)
	}
	return rig.Options{Extra: "nlb_map: {regions: [eu-west-1]}\n", Prepare: func(r *rig.Rig) {
		r.ReadRole(string(policy))
		c := r.AWS
		open := c.AddGroup(prod, nearby, awsfake.Group{Rules: []awsfake.Rule{{Protocol: "tcp", From: 0, To: 65535, CIDR4: "0.0.0.0/0"}}})
		c.AddInstance(prod, nearby, awsfake.Instance{ID: webHost, Groups: []string{open}, PrivateIP: "10.0.1.17"})
		nlb := c.AddLoadBalancer(prod, nearby, awsfake.LoadBalancer{Name: "front"})
		group := c.AddTargetGroup(prod, nearby, awsfake.TargetGroup{Name: "web", Port: 8443, Targets: []awsfake.Target{{ID: webHost}}, VPC: "vpc-00000000000000001"})
		c.AddListener(prod, nearby, awsfake.Listener{Balancer: nlb, Port: 443, Forward: []string{group}})
		for _, f := range more {
			f(c)
		}
	}}
}

// beginBalanced starts the bot and waits for its first scan.
func beginBalanced(t *testing.T, more ...func(*awsfake.Cloud)) *scene {
	t.Helper()
	s := begin(t, balanced(t, more...))
	s.scanned(1)
	return s
}

// scanned waits for the n-th scan to be published.
func (s *scene) scanned(n int64) {
	s.t.Helper()
	for s.ctx.Err() == nil {
		docs, err := s.Store.Load(s.ctx, "n:"+prod+"/"+nearby)
		if err == nil && docs[0].Version >= n {
			return
		}
		wait(s.ctx, 5*time.Millisecond)
	}
	s.t.Fatalf("scan %d is never published", n)
}

// theCase waits until the bot is at rest and returns the case of a probe.
func (s *scene) theCase() cases.Case {
	s.t.Helper()
	s.settled()
	docs, err := s.Store.Find(s.ctx, "c:", 0)
	if err != nil || len(docs) != 1 {
		s.t.Fatalf("%d cases, %v", len(docs), err)
	}
	c, err := cases.Decode(strings.TrimPrefix(docs[0].ID, "c:"), docs[0].Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// The first lesson of false positives: a network load balancer keeps the
// client's address, so every scanner of the internet seems to reach the host.
func TestLessonProbesOfAPortBehindABalancerAreNotTold(t *testing.T) {
	t.Parallel()
	s := beginBalanced(t)
	s.Send(rig.Probe(1).SNS())
	if c := s.theCase(); c.Outcome != cases.Suppressed {
		t.Errorf("the case is %s: %s\n%s", c.Status, c.Outcome, s.transcript())
	}
	if text := s.transcript(); text != "" {
		t.Errorf("somebody was told:\n%s", text)
	}
}

// Every doubt about the map raises attention.
func TestProbesAreToldWhenTheMapDoesNotExplainThem(t *testing.T) {
	t.Parallel()
	also := func(ports ...int) func(*rig.Event) { return func(e *rig.Event) { e.Ports = ports } }
	for name, tc := range map[string]struct {
		cloud func(*awsfake.Cloud)
		after func(*scene)
		event func(*rig.Event)
	}{
		"a second web port is not behind the balancer": {event: also(8080)},
		"a port that is no web port":                   {event: also(22)},
		"the host is public as well": {cloud: func(c *awsfake.Cloud) {
			c.EditInterface(prod, nearby, c.Interfaces(prod, nearby, webHost)[0].ID, func(e *awsfake.Interface) { e.PublicIP = "198.51.100.17" })
		}},
		"another host": {event: func(e *rig.Event) { e.Instance = "i-00000000000000002" }},
		"the scan fails": {cloud: func(c *awsfake.Cloud) {
			c.Next("elasticloadbalancing", "DescribeTargetHealth", -1, awsfake.Denied())
		}},
		"the map is stale": {after: func(s *scene) {
			s.AWS.Next("elasticloadbalancing", "", -1, awsfake.Hang())
			s.Forward(46 * time.Minute)
		}},
		"the role is gone": {cloud: func(c *awsfake.Cloud) {
			c.AddRole(awsfake.Role{Account: prod, Name: "securitybot-read", Trusts: []string{"444455556666"}})
		}},
		"the severity is high": {event: func(e *rig.Event) { e.Severity = 8 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := tc.cloud
			if cloud == nil {
				cloud = func(*awsfake.Cloud) {}
			}
			s := beginBalanced(t, cloud)
			if tc.after != nil {
				tc.after(s)
			}
			e := rig.Probe(1)
			e.At = s.Clock.Now()
			if tc.event != nil {
				tc.event(&e)
			}
			s.Send(e.SNS())
			s.settled()
			s.until("nobody is told", func(st slackfake.State) bool {
				return len(st.Messages(s.Payments.ID))+len(st.Messages(s.Security.ID)) > 0
			})
		})
	}
}

func TestASuppressedProbeIsJudgedAgainWhenItChanges(t *testing.T) {
	t.Parallel()
	s := beginBalanced(t)
	e := rig.Probe(1)
	s.Send(e.SNS())
	if c := s.theCase(); c.Outcome != cases.Suppressed {
		t.Fatalf("the case is %s: %s", c.Status, c.Outcome)
	}
	e.Count, e.At = 2, time.Now().Add(time.Minute)
	s.Send(e.SNS())
	if c := s.theCase(); c.Outcome != cases.Suppressed || c.Count != 2 {
		t.Fatalf("after more of the same the case is %s: %s, seen %d times", c.Status, c.Outcome, c.Count)
	}
	e.Count, e.At, e.Ports = 3, time.Now().Add(2*time.Minute), []int{22}
	s.Send(e.SNS())
	s.message(s.Payments.ID, webHost)
}

func TestWithoutAMapProbesAreTold(t *testing.T) {
	t.Parallel()
	s := begin(t, rig.Options{})
	s.Send(rig.Probe(1).SNS())
	s.message(s.Payments.ID, webHost)
}
