package portmap_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/findings/enrich"
	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders/portmap"
)

// world is an organization with one member account, in which a balancer on 443
// serves web on 8443.
type world struct {
	*awsfake.Cloud
	table *portmap.Table
	job   *portmap.Job
	nlb   string
	group string
	open  string // a security group open to everybody

	mu  sync.Mutex
	now time.Time
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) forward(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// reader opens sessions as the bot does.
type reader struct{ sessions *awsrole.Sessions }

func (r reader) Reader(ctx context.Context, account, region string) (aws.Config, error) {
	return r.sessions.Config(ctx, awsrole.Request{Account: account, Region: region, Role: "read", Session: "port-map"})
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{now: noon}
	w.Cloud = awsfake.New(awsfake.WithNow(w.clock))
	t.Cleanup(w.Close)
	w.AddTable(hub, region, table, "pk", "sk", "expires")
	w.member(t, here.Account)
	w.open = w.AddGroup(here.Account, region, awsfake.Group{Rules: []awsfake.Rule{awsfake.Open(), {Protocol: "tcp", From: 1, To: 65535, CIDR4: "0.0.0.0/0"}}})
	w.AddInstance(here.Account, region, awsfake.Instance{ID: web, Groups: []string{w.open}, PrivateIP: "10.0.0.5"})
	w.nlb = w.AddLoadBalancer(here.Account, region, awsfake.LoadBalancer{Name: "front"})
	w.group = w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "web", Port: 8443, VPC: "vpc-00000000000000001", HealthPort: "9999",
		Targets: []awsfake.Target{{ID: web}}})
	w.AddListener(here.Account, region, awsfake.Listener{Balancer: w.nlb, Port: 443, Forward: []string{w.group}})
	k := w.User(hub, "bot")
	hubConfig := aws.Config{Region: region, BaseEndpoint: &w.URL, HTTPClient: &http.Client{}, Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, "")}
	sessions, err := awsrole.New(hubConfig, awsrole.Config{Roles: map[string]string{"read": "ir-read"}, ExternalID: "ext-1", Now: w.clock})
	if err != nil {
		t.Fatal(err)
	}
	w.table = portmap.NewTable(client(w.URL, k), table, 0)
	w.job = &portmap.Job{Places: []portmap.Place{here}, Sessions: reader{sessions}, Shelf: w.table, Log: slog.New(slog.DiscardHandler), Now: w.clock, Retryer: quick}
	return w
}

// quick tries as often as a scan does, without its patience.
func quick() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff, o.RateLimiter = 8, time.Millisecond, noLimit{}
	})
}

type noLimit struct{}

func (noLimit) GetToken(context.Context, uint) (func() error, error) {
	return func() error { return nil }, nil
}
func (noLimit) AddTokens(uint) error { return nil }

// member lets the hub read in an account, and nothing else.
func (w *world) member(t *testing.T, account string) {
	t.Helper()
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": portmap.Permissions(), "Resource": "*"}}})
	if err != nil {
		t.Fatal(err)
	}
	w.AddRole(awsfake.Role{Account: account, Name: "ir-read", Trusts: []string{hub}, ExternalID: "ext-1", Policy: string(policy)})
}

func (w *world) run(t *testing.T) portmap.Report {
	t.Helper()
	r, err := w.job.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) ask(ports ...int) (portmap.Answer, error) {
	m := portmap.Map{Shelf: w.table, Now: w.clock}
	return m.Covers(context.Background(), portmap.Question{Place: here, Instance: web, Ports: ports})
}

func (w *world) wantCovered(t *testing.T, want bool, ports ...int) {
	t.Helper()
	if a, err := w.ask(ports...); err != nil || a.Covers != want {
		t.Errorf("ports %v: %+v %v, want covered: %v", ports, a, err, want)
	}
}

func (w *world) wantUnavailable(t *testing.T, because string) {
	t.Helper()
	if a, err := w.ask(8443); !errors.Is(err, enrich.ErrUnavailable) || !strings.Contains(err.Error(), because) {
		t.Errorf("%+v %v, want unavailable because %q", a, err, because)
	}
}

func TestAScanMakesAMap(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.wantUnavailable(t, "never been scanned")
	if r := w.run(t); r.Complete != 1 || r.Entries != 1 || len(r.Failed) != 0 {
		t.Errorf("%+v", r)
	}
	w.wantCovered(t, true, 8443)
	w.wantCovered(t, false, 8443, 22)
	w.wantCovered(t, false, 9999) // where health checks go
	for _, c := range w.Writes() {
		if c.Service != "dynamodb" {
			t.Errorf("a scan wrote: %s %s", c.Service, c.Op)
		}
	}
}

func TestAScanFollowsWhatIsBehindABalancer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const second = "i-0aaaaaaaaaaaaaaa2"
	w.AddInstance(here.Account, region, awsfake.Instance{ID: second, PrivateIP: "10.0.0.6"})
	alb := w.AddLoadBalancer(here.Account, region, awsfake.LoadBalancer{Name: "inner", Type: "application", Scheme: "internal"})
	byIP := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "ip", Type: "ip", Port: 80, VPC: "vpc-00000000000000001",
		Targets: []awsfake.Target{{ID: "10.0.0.6"}, {ID: "10.9.9.9"}, {ID: "10.0.0.5", State: "unused"}}})
	kept := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "kept", Type: "ip", Port: 80, KeepsIP: "true", VPC: "vpc-00000000000000001", Targets: []awsfake.Target{{ID: "10.0.0.6", Port: 8081}}})
	toALB := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "alb", Type: "alb", Port: 80, Targets: []awsfake.Target{{ID: alb}}})
	inner := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "inner", Protocol: "HTTP", Port: 8082, Targets: []awsfake.Target{{ID: second}}})
	idle := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "idle", Port: 8083, Targets: []awsfake.Target{{ID: second}}})
	w.AddListener(here.Account, region, awsfake.Listener{Balancer: w.nlb, Port: 80, Forward: []string{byIP, kept, idle}, Weights: []int{1, 1, 0}})
	w.AddListener(here.Account, region, awsfake.Listener{Balancer: w.nlb, Port: 81, Forward: []string{toALB}})
	w.AddListener(here.Account, region, awsfake.Listener{Balancer: alb, Port: 80, Protocol: "HTTP", Forward: []string{inner}})
	w.run(t)
	m := portmap.Map{Shelf: w.table, Now: w.clock}
	for port, want := range map[int]string{80: "hides", 8081: "", 8082: "hides", 8083: "no target"} {
		a, err := m.Covers(t.Context(), portmap.Question{Place: here, Instance: second, Ports: []int{port}})
		if err != nil || a.Covers != (want == "") || !strings.Contains(a.Why, want) {
			t.Errorf("port %d: %+v %v, want %q", port, a, err, want)
		}
	}
}

func TestAllPagesAreRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 400 { // they come before and after the ones that matter
		w.AddLoadBalancer(here.Account, region, awsfake.LoadBalancer{Name: fmt.Sprint("app", i), Type: "application"})
		w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: fmt.Sprint("tg", i), Port: 80})
	}
	late := w.AddLoadBalancer(here.Account, region, awsfake.LoadBalancer{Name: "late"})
	group := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "late", Port: 9000, Targets: []awsfake.Target{{ID: web}}})
	for port := range 400 {
		w.AddListener(here.Account, region, awsfake.Listener{Balancer: late, Port: 1000 + port, Forward: []string{w.group}})
	}
	w.AddListener(here.Account, region, awsfake.Listener{Balancer: late, Port: 443, Forward: []string{group}})
	for range 1000 { // interfaces, the public one behind all others
		w.AddInterface(here.Account, region, awsfake.Interface{})
	}
	w.run(t)
	w.wantCovered(t, true, 8443, 9000)
	if n := len(w.CallsOf("elasticloadbalancing", "DescribeListeners")); n != 3 {
		t.Errorf("%d calls for the listeners of two network load balancers, one with two pages", n)
	}
	w.AddInterface(here.Account, region, awsfake.Interface{Instance: web, PublicIP: "198.51.100.7", Groups: []string{w.open}, Index: 1})
	w.forward(time.Minute)
	w.run(t)
	w.wantCovered(t, false, 9000)
}

func TestAnInstanceThatIsAlsoPublicIsNotCovered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	eni := w.Interfaces(here.Account, region, web)[0].ID
	w.EditInterface(here.Account, region, eni, func(e *awsfake.Interface) { e.PublicIP = "198.51.100.7" })
	w.run(t)
	w.wantCovered(t, false, 8443)
	w.EditGroup(here.Account, region, w.open, func(g *awsfake.Group) {
		g.Rules = []awsfake.Rule{{Protocol: "tcp", From: 8443, To: 8443, CIDR4: "10.0.0.0/8"}, {Protocol: "tcp", From: 8443, To: 8443, Source: w.open}, {Protocol: "tcp", From: 22, To: 22, CIDR4: "0.0.0.0/0"}}
	})
	w.forward(time.Minute)
	w.run(t)
	w.wantCovered(t, true, 8443)
	w.EditInterface(here.Account, region, eni, func(e *awsfake.Interface) { e.PublicIP, e.IPv6 = "", "2001:db8::5" })
	w.EditGroup(here.Account, region, w.open, func(g *awsfake.Group) {
		g.Rules = []awsfake.Rule{{Protocol: "tcp", From: 8443, To: 8443, CIDR6: "::/0"}}
	})
	w.forward(time.Minute)
	w.run(t)
	w.wantCovered(t, false, 8443)
}

func TestAMapGrowsOld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(t)
	w.forward(45 * time.Minute)
	w.wantCovered(t, true, 8443)
	w.forward(time.Second)
	w.wantUnavailable(t, "old")
}

func TestEveryCallOfAScanMatters(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"DescribeLoadBalancers", "DescribeTargetGroups", "DescribeListeners", "DescribeTargetGroupAttributes", "DescribeTargetHealth", "DescribeNetworkInterfaces", "DescribeSecurityGroups"} {
		t.Run(op, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			eni := w.Interfaces(here.Account, region, web)[0].ID
			w.EditInterface(here.Account, region, eni, func(e *awsfake.Interface) { e.PublicIP = "198.51.100.7" })
			w.EditGroup(here.Account, region, w.open, func(g *awsfake.Group) { g.Rules = nil })
			w.run(t)
			w.wantCovered(t, true, 8443)
			w.forward(time.Minute)
			w.Next("", op, -1, awsfake.Denied())
			r, err := w.job.Run(t.Context())
			if err == nil || r.Complete != 0 || len(r.Failed) != 1 {
				t.Errorf("%+v %v", r, err)
			}
			w.wantUnavailable(t, "not complete: AWS answered")
			w.Calm()
			w.forward(time.Minute)
			w.run(t)
			w.wantCovered(t, true, 8443)
		})
	}
}

func TestAScanIsPatientWithAServiceThatThrottles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Next("elasticloadbalancing", "DescribeTargetHealth", 5, awsfake.Throttled())
	w.Next("ec2", "DescribeNetworkInterfaces", 5, awsfake.Throttled())
	w.run(t)
	w.wantCovered(t, true, 8443)
}

func TestAnAccountThatCannotBeReadSpoilsOnlyItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := portmap.Place{Account: "777788889999", Region: region} // has no role for us
	w.job.Places = append(w.job.Places, other)
	r, err := w.job.Run(t.Context())
	if err == nil || r.Complete != 1 || len(r.Failed) != 1 || !strings.HasPrefix(r.Failed[0], other.String()) {
		t.Errorf("%+v %v", r, err)
	}
	w.wantCovered(t, true, 8443)
	c, known, _ := look(t, w.table, other, web)
	if !known || c.Failure != "AWS answered AccessDenied" {
		t.Errorf("%v %+v", known, c)
	}
}

func TestWhatIsDeletedMeanwhileIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		op   string
		gone func(*world, string, string)
	}{
		"balancer":                        {"DescribeListeners", func(w *world, nlb, _ string) { w.RemoveLoadBalancer(here.Account, region, nlb) }},
		"target group, before attributes": {"DescribeTargetGroupAttributes", func(w *world, _, tg string) { w.RemoveTargetGroup(here.Account, region, tg) }},
		"target group, before its health": {"DescribeTargetHealth", func(w *world, _, tg string) { w.RemoveTargetGroup(here.Account, region, tg) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			nlb := w.AddLoadBalancer(here.Account, region, awsfake.LoadBalancer{Name: "second"})
			group := w.AddTargetGroup(here.Account, region, awsfake.TargetGroup{Name: "second", Port: 9000, Targets: []awsfake.Target{{ID: web}}})
			w.AddListener(here.Account, region, awsfake.Listener{Balancer: nlb, Port: 443, Forward: []string{group}})
			f := awsfake.Meanwhile(func() { tc.gone(w, nlb, group) })
			f.Skip = 1 // the first is the other balancer's
			w.Next("elasticloadbalancing", tc.op, 1, f)
			w.run(t)
			w.wantCovered(t, true, 8443)
			w.wantCovered(t, false, 9000)
		})
	}
}

func TestAScanThatIsStoppedSaysNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.run(t)
	w.forward(44 * time.Minute)
	ctx, cancel := context.WithCancel(t.Context())
	stop := awsfake.Hang()
	stop.Do = cancel
	w.Next("elasticloadbalancing", "DescribeTargetHealth", 1, stop)
	if _, err := w.job.Run(ctx); err == nil {
		t.Error("complete")
	}
	w.wantCovered(t, true, 8443) // by the map that was there
	w.forward(2 * time.Minute)
	w.wantUnavailable(t, "old") // which does not become younger
}

func TestAPlaceHasItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.job.Timeout = 50 * time.Millisecond
	w.Next("ec2", "", -1, awsfake.Hang())
	if _, err := w.job.Run(t.Context()); err == nil {
		t.Error("complete")
	}
	w.wantUnavailable(t, "took too long")
}

func TestReplicasTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 3 {
		group.Go(func() { w.job.Loop(ctx, 15*time.Minute) })
	}
	claims := func(n int) func([]awsfake.Call) bool {
		return func(all []awsfake.Call) bool {
			return len(slices.DeleteFunc(slices.Clone(all), func(c awsfake.Call) bool { return c.Op != "PutItem" || !strings.Contains(c.Body, `"claim"`) })) >= n
		}
	}
	if err := w.WaitFor(ctx, claims(3)); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { _, err := w.ask(8443); return err == nil })
	cancel()
	group.Wait()
	if n := len(w.CallsOf("elasticloadbalancing", "DescribeLoadBalancers")); n != 1 {
		t.Errorf("three replicas scanned %d times", n)
	}
	w.forward(15 * time.Minute)
	ctx, cancel = context.WithCancel(t.Context())
	var again error
	group.Go(func() {
		defer cancel()
		limit, done := context.WithTimeout(ctx, 20*time.Second)
		defer done()
		again = w.WaitFor(limit, func([]awsfake.Call) bool { return len(w.CallsOf("elasticloadbalancing", "DescribeLoadBalancers")) == 2 })
	})
	w.job.Loop(ctx, 15*time.Minute)
	if group.Wait(); again != nil {
		t.Errorf("nobody scanned in the next round: %v", again)
	}
}
