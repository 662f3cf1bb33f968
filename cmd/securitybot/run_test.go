package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"github.com/securitybot/securitybot/internal/fakes/lookupfake"
	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/internal/rig"
)

const criticalFinding = `{"schemaVersion":"2.0","accountId":"111122223333","region":"eu-west-1","id":"f1",
"type":"UnauthorizedAccess:IAMUser/InstanceCredentialExfiltration.OutsideAWS","severity":8,
"createdAt":"2026-03-01T10:00:00Z","updatedAt":"2026-03-01T10:05:00Z","title":"t","description":"d",
"resource":{"resourceType":"AccessKey","accessKeyDetails":{"userName":"web","userType":"Role","principalId":"AROAEXAMPLE:i-0a1b2c3d4e5f60718"}},
"service":{"serviceName":"guardduty","detectorId":"d1","count":1}}`

// program is the real program as a process of its own.
type program struct {
	*exec.Cmd
	dir string // its working directory
	mu  sync.Mutex
	log bytes.Buffer
	out bytes.Buffer
}

// Write collects what the program says on standard error.
func (p *program) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.Write(b)
}

func (p *program) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.log.String()
}

// start runs the program with a configuration and nothing in its environment
// but what env names: no home, no place for temporary files.
func start(t *testing.T, config string, env ...string) *program {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "securitybot.yaml")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command(self, "run", "--config", file), dir: t.TempDir()}
	p.Args[0] = "securitybot" // see script_test.go: the test binary is the program under this name
	p.Env = append(env, "TMPDIR=/nonexistent", "HOME=/nonexistent")
	p.Dir, p.Stdout, p.Stderr = p.dir, &p.out, p
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill(); _ = p.Wait() })
	return p
}

// until waits for a condition, at most for a generous while.
func until(t *testing.T, p *program, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if done() {
			return
		}
		select {
		case <-t.Context().Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("%s: not within 30 s\n%s", what, p.said())
}

func get(url string) (int, string) {
	resp, err := http.Get(url)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// secretsManager serves one secret, at the wire.
func secretsManager(t *testing.T, value string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_ = json.NewEncoder(w).Encode(map[string]string{"SecretString": value})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func world(t *testing.T) (*rig.Rig, string) {
	t.Helper()
	redis := miniredis.RunT(t)
	r, err := rig.New(t.Context(), rig.Options{Redis: redis.Addr()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	text := r.Config(redis.Addr()) + "log: {level: debug}\n"
	return r, strings.Replace(text, `http: {addr: ""}`, "http: {addr: 127.0.0.1:0}", 1)
}

var listening = regexp.MustCompile(`msg="health and metrics" addr=(\S+)`)

// TestTheProgramFromStartToStop follows the real program: it starts with a
// secret from AWS, says when it is ready, pages, shows no secret and nothing
// about people, leaves no file behind and stops when told.
func TestTheProgramFromStartToStop(t *testing.T) {
	t.Parallel()
	r, text := world(t)
	const arn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:bot-AbCdEf"
	aws := secretsManager(t, `{"app":"`+r.Slack.AppToken+`"}`)
	text = strings.Replace(text, "${env:APP}", "${secretsmanager:"+arn+"#app}", 1)
	secrets := []string{r.Slack.AppToken, r.Slack.BotToken, rig.RoutingKey, rig.FallbackKey, rig.OnCallToken, lookupfake.VirusTotalKey, lookupfake.AbuseIPDBKey, "wJalrEXAMPLEKEY"}
	p := start(t, text, "BOT="+r.Slack.BotToken, "KEY="+rig.RoutingKey, "KEY2="+rig.FallbackKey, "ONCALL="+rig.OnCallToken, "VIRUSTOTAL="+lookupfake.VirusTotalKey, "ABUSEIPDB="+lookupfake.AbuseIPDBKey,
		"AWS_ENDPOINT_URL="+r.AWS.URL, "AWS_ENDPOINT_URL_SQS="+r.SQS.URL,
		"AWS_ENDPOINT_URL_SECRETS_MANAGER="+aws, "AWS_ACCESS_KEY_ID=AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrEXAMPLEKEY", "AWS_EC2_METADATA_DISABLED=true")
	var base string
	until(t, p, "ready", func() bool {
		if m := listening.FindStringSubmatch(p.said()); m != nil {
			base = "http://" + m[1]
		}
		code, _ := get(base + "/readyz")
		return code == http.StatusOK
	})
	r.Send(criticalFinding)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := r.Pager.WaitFor(ctx, func(s pagerdutyfake.Snapshot) bool { return len(s.Incidents) == 1 }); err != nil {
		t.Fatalf("no page: %v\n%s", err, p.said())
	}
	_, metrics := get(base + "/metrics")
	checkHTTP(t, base, metrics)
	stopped := time.Now()
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := p.Wait(); err != nil { // also when it took longer than 25 s
		t.Errorf("stopped with %v after %s\n%s", err, time.Since(stopped), p.said())
	}
	for _, secret := range secrets {
		for where, shown := range map[string]string{"log": p.said(), "output": p.out.String(), "metrics": metrics} {
			if strings.Contains(shown, secret) {
				t.Errorf("a secret shows in the %s", where)
			}
		}
	}
	if files, err := os.ReadDir(p.dir); err != nil || len(files) > 0 {
		t.Errorf("left behind: %v, %v", files, err)
	}
}

// checkHTTP looks at everything the program serves.
func checkHTTP(t *testing.T, base, metrics string) {
	t.Helper()
	for _, path := range []string{"/", "/debug/pprof/", "/debug/vars", "/config", "/metrics/../config"} {
		if code, body := get(base + path); code != http.StatusNotFound {
			t.Errorf("%s answers %d: %s", path, code, body)
		}
	}
	if code, body := get(base + "/healthz"); code != http.StatusOK || body != "ok\n" {
		t.Errorf("/healthz answers %d: %s", code, body)
	}
	if !strings.Contains(metrics, "securitybot_build_info") {
		t.Errorf("metrics without a version:\n%.300s", metrics)
	}
	for _, private := range []string{"corp.example", "111122223333", "U0ANA", "i-0a1b2c3d4e5f60718"} {
		if strings.Contains(metrics, private) {
			t.Errorf("metrics name %s", private)
		}
	}
	req, _ := http.NewRequest(http.MethodGet, base+"/healthz", nil)
	req.Header.Set("Origin", "https://evil.example")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if allowed := resp.Header.Values("Access-Control-Allow-Origin"); len(allowed) > 0 {
		t.Errorf("other sites may read: %v", allowed)
	}
}

func TestWithoutItsStoreTheProgramDoesNotStartAndTakesNothing(t *testing.T) {
	t.Parallel()
	r, text := world(t)
	r.Send(criticalFinding)
	text = regexp.MustCompile(`(?m)^redis: .*$`).ReplaceAllString(text, `redis: {addrs: ["127.0.0.1:1"], dial_timeout: 200ms}`)
	p := start(t, text, r.Setenv()...)
	err := p.Wait()
	if p.ProcessState.ExitCode() != exitNo || !strings.Contains(p.said(), "securitybot: open the store: ") {
		t.Errorf("ended with %v and\n%s", err, p.said())
	}
	if calls := r.SQS.Calls("ReceiveMessage"); len(calls) > 0 {
		t.Errorf("%d receives before the store was there", len(calls))
	}
	if slices.ContainsFunc([]string{r.Slack.AppToken, r.Slack.BotToken, rig.RoutingKey}, func(s string) bool { return strings.Contains(p.said(), s) }) {
		t.Error("a secret shows in the log")
	}
}
