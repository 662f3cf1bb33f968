package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
)

func TestPlanChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code, out, errs := w.run(target("plan", "osquery", instance, "set=users")...)
	if code != 0 || !strings.Contains(out, "run the osquery set users") || !strings.Contains(out, "3.3.3572.0") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if n := len(w.cloud.Writes()); n != 0 {
		t.Errorf("%d calls that change something", n)
	}
}

func TestRunWantsYes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code, out, errs := w.run(target("run", "osquery", instance)...)
	if code != 1 || !strings.Contains(errs, "--yes") || !strings.Contains(out, "run the osquery set") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	if n := len(w.cloud.Writes()); n != 0 {
		t.Errorf("%d calls that change something", n)
	}
}

func TestRunToTheEndAndVerify(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	code, out, errs := w.run(target("run", "osquery", instance, "--yes", "--case", "SB-7")...)
	if code != 0 || !strings.HasSuffix(out, "done\n") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	id := jobLine.FindStringSubmatch(out)
	if id == nil {
		t.Fatal("no job is named: " + out)
	}
	if o := w.cloud.Objects(bucket)["cases/SB-7/"+id[1]+"/osquery.json"]; string(o.Body) != answers {
		t.Errorf("stored %q", o.Body)
	}
	for _, c := range w.cloud.CallsOf("ssm", "") {
		if c.Identity != "ann" || c.Session != id[1] {
			t.Errorf("%s ran as %q in session %q", c.Op, c.Identity, c.Session)
		}
	}
	if code, out, errs := w.run("verify", "SB-7"); code != 0 || !strings.Contains(out, "1 manifests") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	// A job that has ended is not done again.
	if code, _, errs := w.run("resume", id[1]); code != 0 || len(w.cloud.Commands(member, region)) != 1 {
		t.Errorf("exit %d %s", code, errs)
	}
}

func TestMistakesOfPeopleAreAnswered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"no command", nil, 2, "no command is given"},
		{"a typo", []string{"rum"}, 2, `no command "rum"`},
		{"no instance", target("run", "snapshot"), 2, "an action and an instance are needed"},
		{"no action of ours", target("run", "erase", instance), 2, "snapshot"},
		{"not an instance", target("plan", "osquery", "web-1"), 2, "is not an instance id"},
		{"no account", []string{"plan", "osquery", instance, "--region", region}, 2, "--account"},
		{"free SQL", target("plan", "osquery", instance, "set=select * from curl"), 2, "set is one of"},
		{"an unknown parameter", target("plan", "osquery", instance, "sql=1"), 2, "is not a parameter"},
		{"a shell in the filter", target("plan", "tcpdump", instance, "host=$(id)"), 2, "host is an address"},
		{"no config", target("plan", "osquery", instance, "--config", "none.yaml"), 2, "no configuration file"},
		{"no second person", target("run", "isolate", instance, "reason=test", "--yes"), 1, "needs a second person"},
		{"the same person", target("run", "isolate", instance, "reason=test", "--yes", "--approver", "ANN"), 1, "cannot approve it alone"},
		{"no such job", []string{"resume", "01JAAAAAAAAAAAAAAAAAAAAAAA"}, 2, "there is no job"},
		{"not a job", []string{"resume", "../../etc/passwd"}, 2, "is not the id of a job"},
		{"serve to the world", []string{"serve", "--addr", "0.0.0.0:0"}, 2, "AWS_IR_TOKEN"},
	} {
		code, out, errs := w.run(c.args...)
		if code != c.code || !strings.Contains(errs, c.says) || out != "" {
			t.Errorf("%s: exit %d, want %d\n%s%s", c.name, code, c.code, out, errs)
		}
	}
	if n := len(w.cloud.Calls()); n != 0 {
		t.Errorf("%d calls to AWS", n)
	}
}

func TestConfigMistakes(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		"roles: {read: a, acquire: b, contain: c}":                              "roles.release is missing",
		configText + "colour: red":                                              "colour",
		configText + "settle: soon":                                             "settle is a time",
		configText + "tools: {avml/x86_64: {bucket: b, key: k, sha256: abc}}":   "64 hex digits",
		configText + "tools: {nc/x86_64: {bucket: b, key: k, sha256: abc}}":     "avml, osqueryi or tcpdump",
		strings.Replace(configText, "evidence-corp-example", "No Bucket", 1):    "not the name of a bucket",
		strings.Replace(configText, "region: eu", "lock_mode: LOCKED, r: e", 1): "",
	} {
		w := newWorld(t)
		w.write("aws-ir.yaml", []byte(text))
		if code, _, errs := w.run(target("plan", "osquery", instance)...); code == 0 || !strings.Contains(errs, says) {
			t.Errorf("%s\nexit %d: %s", text, code, errs)
		}
	}
}

// TestKilledAnywhereAndResumed kills the process with SIGKILL while AWS works
// on one of its calls, which then takes effect, and goes on from the journal.
func TestKilledAnywhereAndResumed(t *testing.T) {
	t.Parallel()
	for _, at := range []struct {
		service, op string
		skip        int
	}{
		{"ec2", "DescribeInstances", 1}, {"ec2", "DescribeInstances", 2}, {"ssm", "ListCommands", 0}, {"ssm", "SendCommand", 0},
		{"ssm", "GetCommandInvocation", 0}, {"s3", "HeadObject", 0}, {"s3", "GetObject", 0}, {"s3", "PutObject", 1},
	} {
		t.Run(at.service+" "+at.op, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			cmd, out := w.command(target("run", "osquery", instance, "--yes", "--case", "SB-7")...)
			f := awsfake.Meanwhile(func() { _ = cmd.Process.Signal(syscall.SIGKILL) })
			f.Skip = at.skip
			w.cloud.Next(at.service, at.op, 1, f)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait()
			if s, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || s.Signal() != syscall.SIGKILL {
				t.Fatalf("the process was not killed: %v\n%s%s", cmd.ProcessState, out.out.String(), out.errs.String())
			}
			id := jobLine.FindStringSubmatch(out.out.String())
			if id == nil {
				t.Fatalf("no job is named:\n%s%s", out.out.String(), out.errs.String())
			}
			code, text, errs := w.run("resume", id[1])
			if code != 0 {
				t.Fatalf("exit %d\n%s%s", code, text, errs)
			}
			if n := len(w.cloud.Commands(member, region)); n != 1 {
				t.Errorf("%d commands were sent", n)
			}
			objects := w.cloud.Objects(bucket)
			if string(objects["cases/SB-7/"+id[1]+"/osquery.json"].Body) != answers || objects["cases/SB-7/manifests/00000001.json"].Body == nil {
				t.Errorf("objects: %v", objects)
			}
			if _, twice := objects["cases/SB-7/manifests/00000002.json"]; twice {
				t.Error("there are two manifests")
			}
		})
	}
}

func TestTwoProcessesDoNotShareAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	j, err := openJournal(filepath.Join(w.dir, "aws-ir-jobs"))
	if err != nil {
		t.Fatal(err)
	}
	id := newID()
	body, _ := json.Marshal(page{State: running, Job: testJob(id)})
	if err := os.WriteFile(j.file(id), body, 0o600); err != nil {
		t.Fatal(err)
	}
	release, err := j.lock(id)
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := w.run("resume", id); code != 1 || !strings.Contains(errs, "another process") {
		t.Errorf("exit %d: %s", code, errs)
	}
	release()
	if code, out, errs := w.run("resume", id); code != 0 {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

func TestIsolateAndReleaseByTwoPeople(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := w.cloud.GroupsOf(member, region, instance)
	code, out, errs := w.run(target("run", "isolate", instance, "--yes", "--by", "ann", "--approver", "ben", "--case", "SB-7", "reason=beacon", "to", "203.0.113.9")...)
	if code != 0 || !strings.Contains(out, "still possible: ") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if now := w.cloud.GroupsOf(member, region, instance); reflect.DeepEqual(now, before) {
		t.Errorf("the groups are still %v", now)
	}
	code, out, errs = w.run(target("run", "release", instance, "--yes", "--by", "ben", "--approver", "ann", "--case", "SB-7", "reason=clean")...)
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if now := w.cloud.GroupsOf(member, region, instance); !reflect.DeepEqual(now, before) {
		t.Errorf("groups %v, want %v", now, before)
	}
	if code, out, errs := w.run("verify", "SB-7"); code != 0 || !strings.Contains(out, "2 manifests") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}

// A manifest that cannot be stored at first is stored later, once.
func TestTheManifestIsStoredInTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cloud.Next("s3", "PutObject", 4, awsfake.Broken()) // the client tries three times
	code, out, errs := w.run(target("run", "isolate", instance, "--yes", "--by", "ann", "--approver", "ben", "--case", "SB-7", "reason=beacon")...)
	if code != 0 || !strings.Contains(errs, "trying again") {
		t.Fatalf("exit %d\n%s%s", code, out, errs)
	}
	if code, out, errs := w.run("verify", "SB-7"); code != 0 || !strings.Contains(out, "1 manifests") {
		t.Errorf("exit %d: %s%s", code, out, errs)
	}
}
