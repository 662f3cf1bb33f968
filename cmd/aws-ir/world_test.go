package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"aws-ir": main})
}

const (
	hub      = "111122223333"
	member   = "444455556666"
	region   = "eu-west-1"
	instance = "i-0a1b2c3d4e5f60718"
	bucket   = "evidence-corp-example"
	answers  = `{"set":"triage","queries":[]}`
)

const configText = `
roles: {read: ir-read, acquire: ir-acquire, contain: ir-contain, release: ir-release}
external_id: ext-1
evidence: {bucket: evidence-corp-example, region: eu-west-1}
`

// world is a cloud with one instance, and a directory to run aws-ir in.
type world struct {
	t     *testing.T
	cloud *awsfake.Cloud
	front *httptest.Server
	dir   string
	env   []string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, cloud: awsfake.New(), dir: t.TempDir()}
	t.Cleanup(w.cloud.Close)
	w.front = httptest.NewTLSServer(w.cloud)
	t.Cleanup(w.front.Close)
	for _, role := range responders.Roles {
		policy, err := responders.Policy(role, "aws") // what is deployed, and no more
		if err != nil {
			t.Fatal(err)
		}
		w.cloud.AddRole(awsfake.Role{Account: member, Name: "ir-" + string(role), Trusts: []string{hub}, ExternalID: "ext-1", Identity: true, Policy: string(policy)})
	}
	w.cloud.AddBucket(awsfake.Bucket{Account: hub, Region: region, Name: bucket})
	w.cloud.AddInstance(member, region, awsfake.Instance{ID: instance, Architecture: "x86_64"})
	w.cloud.AddAgent(member, region, awsfake.Agent{Instance: instance, Run: w.answer})
	all, err := awsir.Documents()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		w.cloud.AddDocument(member, region, d.Name, d.VersionName, string(d.Content))
	}
	ca := w.write("ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.front.Certificate().Raw}))
	w.write("aws-ir.yaml", []byte(configText))
	key := w.cloud.User(hub, "ann")
	w.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "USER=ann", "AWS_ACCESS_KEY_ID=" + key.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + key.SecretAccessKey,
		"AWS_REGION=" + region, "AWS_ENDPOINT_URL=" + w.cloud.URL, "AWS_ENDPOINT_URL_S3=" + w.front.URL, "AWS_CA_BUNDLE=" + ca,
		"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + filepath.Join(w.dir, "none"), "AWS_SHARED_CREDENTIALS_FILE=" + filepath.Join(w.dir, "none")}
	return w
}

func (w *world) write(name string, body []byte) string {
	w.t.Helper()
	file := filepath.Join(w.dir, name)
	if err := os.WriteFile(file, body, 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// answer is a host that does what the osquery document does.
func (w *world) answer(c awsfake.Command) awsfake.Invocation {
	r, err := http.NewRequest(http.MethodPut, c.Parameters["put"], strings.NewReader(answers))
	if err != nil {
		return awsfake.Invocation{Status: "Failed", Code: 1, Stderr: err.Error()}
	}
	r.Header.Set("If-None-Match", "*")
	r.Header.Set("Content-Type", "application/json")
	resp, err := w.front.Client().Do(r)
	if err != nil || resp.StatusCode != http.StatusOK {
		return awsfake.Invocation{Status: "Failed", Code: 1, Stderr: fmt.Sprint(err, resp)}
	}
	resp.Body.Close()
	sum := sha256.Sum256([]byte(answers))
	return awsfake.Invocation{Status: "Success", Stdout: fmt.Sprintf(`{"securitybot":1,"job":"%s","reason":"ok","bytes":%d,"parts":1,"sha256":"%s","tool_exit":0,"tool_sha256":""}`,
		c.Parameters["job"], len(answers), hex.EncodeToString(sum[:]))}
}

// command is aws-ir about to be started.
func (w *world) command(args ...string) (*exec.Cmd, *output) {
	cmd := exec.Command("aws-ir", args...)
	cmd.Dir, cmd.Env = w.dir, w.env
	out := &output{}
	cmd.Stdout, cmd.Stderr = &out.out, &out.errs
	return cmd, out
}

type output struct{ out, errs safeBuffer }

// run runs aws-ir and returns its exit code and what it printed.
func (w *world) run(args ...string) (int, string, string) {
	w.t.Helper()
	cmd, out := w.command(args...)
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.out.String(), out.errs.String()
}

// target are the flags that name the instance's place.
func target(args ...string) []string { return append(args, "--account", member, "--region", region) }

var jobLine = regexp.MustCompile(`(?m)^job ([0-9A-Z]{26})$`)

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// answerParts is a host that stores three bytes as the only part.
func (w *world) answerParts(c awsfake.Command) awsfake.Invocation {
	failed := func(err error) awsfake.Invocation {
		return awsfake.Invocation{Status: "Failed", Code: 1, Stderr: fmt.Sprint(err)}
	}
	resp, err := w.front.Client().Get(c.Parameters["parts"])
	if err != nil {
		return failed(err)
	}
	defer resp.Body.Close()
	var list bytes.Buffer
	if _, err := list.ReadFrom(resp.Body); err != nil {
		return failed(err)
	}
	first, _, _ := strings.Cut(list.String(), "\n")
	r, err := http.NewRequest(http.MethodPut, first, strings.NewReader("ram"))
	if err != nil {
		return failed(err)
	}
	put, err := w.front.Client().Do(r)
	if err != nil || put.StatusCode != http.StatusOK {
		return failed(fmt.Errorf("%v %v", err, put))
	}
	put.Body.Close()
	sum := sha256.Sum256([]byte("ram"))
	return awsfake.Invocation{Status: "Success", Stdout: fmt.Sprintf(`{"securitybot":1,"job":"%s","reason":"ok","bytes":3,"parts":1,"sha256":"%s","tool_exit":0,"tool_sha256":""}`,
		c.Parameters["job"], hex.EncodeToString(sum[:]))}
}
