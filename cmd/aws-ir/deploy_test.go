package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

var update = flag.Bool("update", false, "write the generated files of deploy/aws-ir")

const deployDir = "../../deploy/aws-ir"

// generated compares a file of deploy with what this version makes.
func generated(t *testing.T, name string, want []byte) {
	t.Helper()
	file := filepath.Join(deployDir, name)
	if *update {
		if err := os.WriteFile(file, want, 0o644); err != nil { //nolint:gosec // it is public
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s is not what this version makes (%v); run: go test ./cmd/aws-ir -update", name, err)
	}
}

func TestDeployedDocumentsAndPoliciesAreOfThisVersion(t *testing.T) {
	t.Parallel()
	all, err := awsir.Documents()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all {
		generated(t, "documents/"+d.Name+".json", d.Content)
	}
	if files, _ := filepath.Glob(filepath.Join(deployDir, "documents", "*")); len(files) != len(all) {
		t.Errorf("deployed: %v", files)
	}
	for _, role := range responders.Roles {
		policy, err := responders.Policy(role, "aws")
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := json.Indent(&b, policy, "", "  "); err != nil {
			t.Fatal(err)
		}
		b.WriteByte('\n')
		generated(t, "policies/"+string(role)+".json", b.Bytes())
	}
}

func TestExampleConfigIsTaken(t *testing.T) {
	t.Parallel()
	s, err := readSettings(filepath.Join(deployDir, "aws-ir.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Evidence.LockDays != 365 || s.Roles["release"] == "" {
		t.Errorf("%+v", s)
	}
	text, err := os.ReadFile(filepath.Join(deployDir, "aws-ir.example.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var keys map[string]any
	if err := yaml.Unmarshal(text, &keys); err != nil || len(keys) < 4 {
		t.Errorf("%v %v", keys, err)
	}
	for _, key := range []string{"own_account", "kms_key", "settle"} {
		if !strings.Contains(string(text), "# "+key+":") {
			t.Errorf("%s is not in the example", key)
		}
	}
}

// machine is what the test reads of the state machine.
type machine struct {
	StartAt string
	States  map[string]struct {
		Type, Next, Default, SecondsPath string
		Parameters                       struct {
			Payload map[string]any
		}
		ResultSelector map[string]string
		Choices        []struct{ Variable, StringEquals, Next string }
	}
}

// TestStateMachineRunsAJob plays the state machine with the function.
func TestStateMachineRunsAJob(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(deployDir, "state-machine.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m machine
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	gone := testJob(newID())
	gone.Target.Instance = "i-0ffffffffffffffff"
	for want, j := range map[string]responders.Job{"Done": testJob(newID()), "Refused": gone} {
		w := newWorld(t)
		if got := m.play(t, w.function(), j); got != want {
			t.Errorf("it ends in %s, want %s", got, want)
		}
	}
}

// play returns the name of the last state.
func (m machine) play(t *testing.T, f *function, j responders.Job) string {
	t.Helper()
	state := map[string]any{"job": through[any](t, j)}
	at := m.StartAt
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		s, ok := m.States[at]
		if !ok {
			t.Fatalf("there is no state %q", at)
		}
		switch s.Type {
		case "Task":
			e := map[string]any{}
			for k, v := range s.Parameters.Payload {
				if name, isPath := strings.CutSuffix(k, ".$"); isPath {
					e[name] = state[strings.TrimPrefix(v.(string), "$.")]
				} else {
					e[k] = v
				}
			}
			a, err := f.handle(t.Context(), through[event](t, e))
			if err != nil {
				t.Fatal(err)
			}
			payload := through[map[string]any](t, a)
			state = map[string]any{}
			for k, path := range s.ResultSelector {
				state[strings.TrimSuffix(k, ".$")] = payload[strings.TrimPrefix(path, "$.Payload.")]
			}
			at = s.Next
		case "Choice":
			next := s.Default
			for _, c := range s.Choices {
				if state[strings.TrimPrefix(c.Variable, "$.")] == c.StringEquals {
					next = c.Next
					break
				}
			}
			at = next
		case "Wait":
			if _, ok := state[strings.TrimPrefix(s.SecondsPath, "$.")].(float64); !ok {
				t.Fatalf("how long to wait is not a number: %v", state)
			}
			at = s.Next
		default:
			return at
		}
	}
	t.Fatal("it does not end")
	return ""
}

// TestEvidencePolicyFits compares what the hub's own role may do on the bucket
// with what a run of all actions on the host calls.
func TestEvidencePolicyFits(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(deployDir, "evidence-policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	policy := strings.NewReplacer("${partition}", "aws", "${bucket}", bucket).Replace(string(text))
	w := newWorld(t)
	sys := w.inProcess()
	m := machine{}
	raw, _ := os.ReadFile(filepath.Join(deployDir, "state-machine.json"))
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	m.play(t, w.function(), testJob(newID()))
	memory := testJob(newID())
	memory.Action, memory.Params = responders.Memory, responders.Params{"minutes": "5"}
	w.cloud.AddAgent(member, region, awsfake.Agent{Instance: instance, Run: w.answerParts})
	if end := m.play(t, w.function(), memory); end != "Done" {
		t.Errorf("memory ends in %s", end)
	}
	if _, err := sys.evidence.CheckChain(t.Context(), "SB-7"); err != nil {
		t.Error(err)
	}
	if err := sys.evidence.Records().Delete(t.Context(), "command/none-1"); err != nil {
		t.Error(err)
	}
	if v, err := sys.evidence.Vault(t.Context()); err != nil || !v.Versions {
		t.Errorf("%+v, %v", v, err)
	}
	used := map[string]bool{}
	for _, c := range w.cloud.CallsOf("s3", "") {
		for _, n := range c.Needs {
			used[n.Action] = true
			if yes, err := awsfake.Allows(policy, n); err != nil || !yes {
				t.Errorf("%s on %s is called and not allowed (%v)", n.Action, n.Resource, err)
			}
		}
	}
	// Granted and not seen by the double: it does not tell versions apart in
	// permissions, and these runs lock nothing.
	explained := []string{"s3:GetObjectVersion", "s3:PutObjectRetention"}
	for _, action := range regexp.MustCompile(`s3:[A-Za-z]+`).FindAllString(policy, -1) {
		if !used[action] && !slices.Contains(explained, action) {
			t.Errorf("%s is granted and never used", action)
		}
	}
}
