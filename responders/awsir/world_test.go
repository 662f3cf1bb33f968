package awsir_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

const (
	hubAccount = "111122223333"
	account    = "444455556666"
	region     = "eu-west-1"
	vpc        = "vpc-00000000000000001"
)

// shelf is Records in memory, with a fault to order.
type shelf struct {
	mu   sync.Mutex
	docs map[string][]byte
	puts []string
}

func (s *shelf) Get(_ context.Context, key string) ([]byte, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.docs[key]
	return slices.Clone(b), ok, nil
}

func (s *shelf) Put(_ context.Context, key string, body []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.docs[key]; ok {
		return awsir.ErrExists
	}
	s.docs[key] = slices.Clone(body)
	s.puts = append(s.puts, key)
	return nil
}

func (s *shelf) Delete(_ context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.docs, key)
	return nil
}

func (s *shelf) keys() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.docs))
}

// world is a member account with roles as the catalogue grants them, and an
// actor in the hub account.
type world struct {
	t     *testing.T
	cloud *awsfake.Cloud
	shelf *shelf
	actor *awsir.Actor

	roles map[string]string
	limit time.Duration // of a step; zero is the default
	lock  awsir.SnapshotLock

	mu sync.Mutex
	at time.Time
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.at
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.at = w.at.Add(d)
}

// rolePolicy is the policy of a role: what the catalogue says its actions need.
func rolePolicy(role responders.Role) string {
	type statement struct {
		Effect    string
		Action    []string
		Resource  []string
		Condition map[string]map[string]string `json:",omitempty"`
	}
	var doc struct {
		Version   string
		Statement []statement
	}
	doc.Version = "2012-10-17"
	add := func(list []responders.Permission) {
		for _, p := range list {
			resources := p.Resources
			if len(resources) == 0 {
				resources = []string{"*"}
			}
			doc.Statement = append(doc.Statement, statement{"Allow", p.Actions, resources, p.Condition})
		}
	}
	if role == responders.RoleRead {
		add(responders.Reads())
	}
	for _, a := range responders.Catalogue() {
		if a.Role == role {
			add(a.Writes)
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, lock: awsir.SnapshotLock{Mode: "governance", Days: 30}, shelf: &shelf{docs: map[string][]byte{}}, at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	w.cloud = awsfake.New(awsfake.WithNow(w.now))
	t.Cleanup(w.cloud.Close)
	roles := map[string]string{}
	for _, r := range responders.Roles {
		roles[string(r)] = "securitybot-" + string(r)
		w.cloud.AddRole(awsfake.Role{Account: account, Name: roles[string(r)], Trusts: []string{hubAccount}, ExternalID: "ext-1", Identity: true, Policy: rolePolicy(r)})
	}
	w.roles = roles
	w.actor = w.newActor(roles, "")
	return w
}

func (w *world) newActor(roles map[string]string, own string) *awsir.Actor {
	w.t.Helper()
	return w.actorOf(w.sessions(roles, own))
}

// actorWith is an actor whose sessions are tampered with.
func (w *world) actorWith(tamper func(awsir.Sessions) awsir.Sessions) *awsir.Actor {
	w.t.Helper()
	return w.actorOf(tamper(w.sessions(w.roles, "")))
}

func (w *world) sessions(roles map[string]string, own string) awsir.Sessions {
	w.t.Helper()
	k := w.cloud.User(hubAccount, "bot")
	s, err := awsrole.New(aws.Config{Region: region, BaseEndpoint: &w.cloud.URL, HTTPClient: &http.Client{},
		Credentials: credentials.NewStaticCredentialsProvider(k.AccessKeyID, k.SecretAccessKey, "")},
		awsrole.Config{Roles: roles, ExternalID: "ext-1", Own: own, Now: w.now, MaxBackoff: time.Millisecond})
	if err != nil {
		w.t.Fatal(err)
	}
	return s
}

func (w *world) actorOf(s awsir.Sessions) *awsir.Actor {
	w.t.Helper()
	a, err := awsir.New(awsir.Config{StepTime: w.limit, Lock: w.lock}, awsir.Deps{Sessions: s, Records: w.shelf, Now: w.now, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	return a
}

// job is a job as the bot makes it; n makes its id.
func (w *world) job(action responders.ID, instance, n string) *responders.Job {
	j := &responders.Job{ID: "JOB000000000" + n, Action: action, Target: responders.Target{Account: account, Region: region, Instance: instance},
		By: "U1", Identity: "ann@corp.example", Approver: "U2", Case: "SB-1"}
	if a, _ := responders.Find(string(action)); len(a.Params) > 0 && a.Params[0].Name == "reason" {
		j.Params = responders.Params{"reason": "beacon to 203.0.113.9"}
	}
	return j
}

// again is a job after it was stored and read.
func again(t *testing.T, j *responders.Job) *responders.Job {
	t.Helper()
	b, err := json.Marshal(j)
	if err != nil {
		t.Fatal(err)
	}
	out := &responders.Job{}
	if err := json.Unmarshal(b, out); err != nil {
		t.Fatal(err)
	}
	return out
}

// step does one step. The stored job changes only when there was no error, as
// after a crash.
func (w *world) step(j *responders.Job) (*responders.Job, responders.Progress, error) {
	w.t.Helper()
	next := again(w.t, j)
	p, err := w.actor.Step(w.t.Context(), next)
	if err != nil && !ends(err) {
		return j, p, err
	}
	return again(w.t, next), p, err
}

// ends says whether an error ends a job.
func ends(err error) bool {
	return errors.Is(err, responders.ErrRefused) || errors.Is(err, responders.ErrUnknown)
}

// run steps until the job ends, letting time pass as asked, and returns the
// last error. Errors that are worth trying again are, up to a limit.
func (w *world) run(j *responders.Job) (*responders.Job, error) {
	w.t.Helper()
	for range 200 {
		next, p, err := w.step(j)
		if ends(err) {
			return next, err
		}
		j = next
		if err == nil && p.Done {
			return j, nil
		}
		w.pass(max(p.Again, time.Second))
	}
	w.t.Fatalf("job %s does not end; it is in phase %q", j.Action, j.Phase)
	return nil, nil
}

func (w *world) must(j *responders.Job) *responders.Job {
	w.t.Helper()
	out, err := w.run(j)
	if err != nil {
		w.t.Fatalf("%s: %v", j.Action, err)
	}
	return out
}

func (w *world) groups(instance string) map[string][]string {
	return w.cloud.GroupsOf(account, region, instance)
}

// isolation are the isolation groups there are.
func (w *world) isolation() []awsfake.Group {
	return slices.DeleteFunc(w.cloud.Groups(account, region), func(g awsfake.Group) bool { return g.Tags["securitybot:isolation"] == "" })
}

// isolated fails unless every interface has one empty group of ours.
func (w *world) isolated(instance string) {
	w.t.Helper()
	empty := map[string]bool{}
	for _, g := range w.isolation() {
		empty[g.ID] = len(g.Rules) == 0
	}
	for id, groups := range w.groups(instance) {
		if len(groups) != 1 || !empty[groups[0]] {
			w.t.Errorf("%s has %v, not an empty isolation group", id, groups)
		}
	}
}

// contains fails unless some line has the text.
func contains(t *testing.T, lines []string, text string) {
	t.Helper()
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, text) }) {
		t.Errorf("no line says %q: %q", text, lines)
	}
}

// fleet is an instance with two interfaces in different groups, a data volume,
// a place in an Auto Scaling group and in two target groups.
func (w *world) fleet() (instance string, targets []string) {
	web := w.cloud.AddGroup(account, region, awsfake.Group{ID: "sg-0000000000000aaaa", Name: "web", Rules: []awsfake.Rule{awsfake.Open()}})
	ssh := w.cloud.AddGroup(account, region, awsfake.Group{ID: "sg-00000000000000bbb", Name: "ssh", Rules: []awsfake.Rule{awsfake.Open()}})
	instance = w.cloud.AddInstance(account, region, awsfake.Instance{Groups: []string{web, ssh}, Shutdown: "terminate", Profile: "arn:aws:iam::444455556666:instance-profile/path/web"})
	w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: 1, Groups: []string{ssh}, PrivateIP: "192.0.2.11"})
	w.cloud.AddVolume(account, region, awsfake.Volume{Instance: instance, Device: "/dev/sdf", Keep: true, Encrypted: true})
	other := w.cloud.AddInstance(account, region, awsfake.Instance{Groups: []string{web}, PrivateIP: "192.0.2.20"})
	w.cloud.AddScalingGroup(account, region, awsfake.ScalingGroup{Name: "web", Min: 1, Desired: 2}, instance, other)
	targets = []string{
		w.cloud.AddTargetGroup(account, region, awsfake.TargetGroup{Name: "by-id", Port: 80, VPC: vpc, Targets: []awsfake.Target{{ID: instance, Port: 8080}, {ID: instance, Port: 8081}, {ID: other}}}),
		w.cloud.AddTargetGroup(account, region, awsfake.TargetGroup{Name: "by-ip", Type: "ip", Port: 443, VPC: vpc, Targets: []awsfake.Target{{ID: "192.0.2.11", Port: 443}}}),
		w.cloud.AddTargetGroup(account, region, awsfake.TargetGroup{Name: "elsewhere", Port: 80, VPC: vpc, Targets: []awsfake.Target{{ID: other}}}),
	}
	w.cloud.AddClassicBalancer(account, region, "old-web", vpc, other, instance)
	w.cloud.AddClassicBalancer(account, region, "older", vpc, other)
	return instance, targets
}
