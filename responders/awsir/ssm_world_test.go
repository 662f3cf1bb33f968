package awsir

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/internal/awsrole"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

const (
	hostHub    = "111122223333"
	hostMember = "444455556666"
	hostRegion = "eu-west-1"
	hostID     = "i-0a1b2c3d4e5f60718"
	hostBucket = "evidence-corp-example"
	hostJob    = "01JABCDEFGHJKMNPQRSTVWXYZ0"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// hostWorld is one instance with an agent, an account of the responders with
// the evidence bucket, and an actor.
type hostWorld struct {
	t        *testing.T
	cloud    *awsfake.Cloud
	clock    *clock
	actor    *Actor
	evidence *Evidence
	records  *memRecords
	machine  *machine
}

// memRecords are Records in memory.
type memRecords struct {
	mu sync.Mutex
	m  map[string][]byte
}

func newHostWorld(t *testing.T) *hostWorld {
	t.Helper()
	w := &hostWorld{t: t, clock: &clock{at: time.Now().Truncate(time.Second)}, records: &memRecords{m: map[string][]byte{}}}
	w.cloud = awsfake.New(awsfake.WithNow(w.clock.now))
	t.Cleanup(w.cloud.Close)
	front := httptest.NewTLSServer(w.cloud) // addresses for hosts are https
	t.Cleanup(front.Close)
	w.machine = newMachine(t, front.Certificate())

	key := w.cloud.User(hostHub, "securitybot")
	hub := aws.Config{Region: hostRegion, BaseEndpoint: &w.cloud.URL, HTTPClient: &http.Client{},
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, "")}
	for _, role := range []responders.Role{responders.RoleRead, responders.RoleAcquire} {
		policy, err := responders.Policy(role, "aws") // what is deployed, and no more
		if err != nil {
			t.Fatal(err)
		}
		w.cloud.AddRole(awsfake.Role{Account: hostMember, Name: "ir-" + string(role), Trusts: []string{hostHub}, ExternalID: "ext", Identity: true, Policy: string(policy)})
	}
	w.cloud.AddBucket(awsfake.Bucket{Account: hostHub, Region: hostRegion, Name: hostBucket, Lock: true})
	w.cloud.AddInstance(hostMember, hostRegion, awsfake.Instance{ID: hostID, Architecture: "x86_64"})
	w.agent(awsfake.Agent{})
	for _, d := range documents(t) {
		w.cloud.AddDocument(hostMember, hostRegion, d.Name, d.VersionName, string(d.Content))
	}
	sessions, err := awsrole.New(hub, awsrole.Config{Roles: map[string]string{"read": "ir-read", "acquire": "ir-acquire"}, ExternalID: "ext", Now: w.clock.now})
	if err != nil {
		t.Fatal(err)
	}
	tls := hub.Copy()
	tls.BaseEndpoint, tls.HTTPClient = &front.URL, front.Client()
	tls.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
	if w.evidence, err = NewEvidence(EvidenceConfig{Bucket: hostBucket, LockMode: "GOVERNANCE", LockDays: 30}, tls, w.clock.now); err != nil {
		t.Fatal(err)
	}
	w.actor, err = New(Config{}, Deps{Sessions: sessions, Records: w.records, Evidence: w.evidence, Now: w.clock.now, Log: slog.New(slog.NewTextHandler(t.Output(), nil))})
	if err != nil {
		t.Fatal(err)
	}
	w.smallParts()
	return w
}

// smallParts makes uploads of several parts quick.
func (w *hostWorld) smallParts() {
	for _, id := range []responders.ID{responders.Memory, responders.TCPDump} {
		h := w.actor.actions[id].(host)
		h.kind.partBytes, h.kind.parts = 5<<20, 3
		w.actor.actions[id] = h
	}
}

// agent sets the instance's agent; it runs commands on the machine.
func (w *hostWorld) agent(a awsfake.Agent) {
	a.Instance = hostID
	if a.Run == nil {
		a.Run = w.machine.run
	}
	w.cloud.AddAgent(hostMember, hostRegion, a)
}

func (w *hostWorld) job(id responders.ID, args ...string) *responders.Job {
	w.t.Helper()
	row, _ := responders.Find(string(id))
	params, err := row.Parse(args)
	if err != nil {
		w.t.Fatal(err)
	}
	return &responders.Job{ID: hostJob, Action: id, Target: responders.Target{Account: hostMember, Region: hostRegion, Instance: hostID},
		Params: params, By: "U0000ANN", Identity: "ann@corp.example", Case: "SB-7"}
}

// run steps a job to its end. Between steps the job is stored and read again;
// twice repeats every step from what was stored before it.
func (w *hostWorld) run(j *responders.Job, twice bool) error {
	w.t.Helper()
	deadline := time.Now().Add(60 * time.Second)
	for time.Now().Before(deadline) {
		before := mustJSON(w.t, j)
		p, err := w.actor.Step(w.t.Context(), j)
		if err == nil && twice {
			*j = responders.Job{}
			if err := json.Unmarshal(before, j); err != nil {
				w.t.Fatal(err)
			}
			p, err = w.actor.Step(w.t.Context(), j)
		}
		if err != nil || p.Done {
			return err
		}
		stored := mustJSON(w.t, j)
		*j = responders.Job{}
		if err := json.Unmarshal(stored, j); err != nil {
			w.t.Fatal(err)
		}
		w.clock.pass(p.Again)
		if j.Phase == phaseWait {
			w.machine.settle(200 * time.Millisecond)
		}
	}
	w.t.Fatalf("the job does not end; phase %q", j.Phase)
	return nil
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// machine runs documents as the agent does: the script in a file, parameters
// in the environment, with tools of the test first in the path.
type machine struct {
	t     *testing.T
	bin   string // tools of the host
	ca    string
	shell string
	edit  func(script string) string // what differs on this host
	idle  chan struct{}
}

func newMachine(t *testing.T, cert *x509.Certificate) *machine {
	t.Helper()
	m := &machine{t: t, bin: t.TempDir(), shell: "sh", idle: make(chan struct{}, 64), edit: func(s string) string { return s }}
	if cert != nil {
		m.ca = filepath.Join(t.TempDir(), "ca.pem")
		body := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
		if err := os.WriteFile(m.ca, body, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Kernel files as on a host that can be dumped.
	kcore := filepath.Join(t.TempDir(), "kcore")
	if err := os.WriteFile(kcore, []byte("core"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.edit = func(s string) string {
		s = strings.ReplaceAll(s, "/sys/kernel/security/lockdown", "/nonexistent")
		return strings.ReplaceAll(s, "/proc/kcore", kcore)
	}
	return m
}

// tool puts a program on the host.
func (m *machine) tool(name, script string) {
	m.t.Helper()
	if err := os.WriteFile(filepath.Join(m.bin, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil { //nolint:gosec // a program
		m.t.Fatal(err)
	}
}

// settle waits until a command ends, or for a while.
func (m *machine) settle(d time.Duration) {
	select {
	case <-m.idle:
	case <-time.After(d):
	}
}

// run runs a command of SSM.
func (m *machine) run(c awsfake.Command) awsfake.Invocation {
	defer func() { m.idle <- struct{}{} }()
	return m.script(c.Content, c.Parameters)
}

// script runs the document with parameters.
func (m *machine) script(content string, params map[string]string) awsfake.Invocation {
	var doc ssmDocument
	if err := json.Unmarshal([]byte(content), &doc); err != nil {
		return awsfake.Invocation{Status: "Failed", Code: 1, Stderr: err.Error()}
	}
	file := filepath.Join(m.t.TempDir(), "_script.sh")
	text := m.edit(strings.Join(doc.MainSteps[0].Inputs.RunCommand, "\n"))
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil { //nolint:gosec // a program
		return awsfake.Invocation{Status: "Failed", Code: 1, Stderr: err.Error()}
	}
	cmd := exec.Command(m.shell, file) //nolint:gosec // as the agent does
	cmd.Dir = m.t.TempDir()
	cmd.Env = []string{"PATH=" + m.bin + ":/usr/bin:/bin", "CURL_CA_BUNDLE=" + m.ca, "HOME=/"}
	for name, v := range params {
		cmd.Env = append(cmd.Env, "SSM_"+name+"="+v)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	i := awsfake.Invocation{Status: "Success", Stdout: out.String(), Stderr: errs.String(), Code: cmd.ProcessState.ExitCode()}
	if err != nil {
		i.Status = "Failed"
	}
	return i
}

// Get implements Records.
func (r *memRecords) Get(_ context.Context, key string) ([]byte, bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.m[key]
	return b, ok, nil
}

// Put implements Records.
func (r *memRecords) Put(_ context.Context, key string, body []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.m[key]; ok {
		return ErrExists
	}
	r.m[key] = body
	return nil
}

// Delete implements Records.
func (r *memRecords) Delete(_ context.Context, key string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.m, key)
	return nil
}
