package awsir_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// kills are lives of the program: one that isolates and one that releases, each
// killed with SIGKILL at a failpoint and then resumed from its journal.
var kills = []struct{ isolate, release string }{
	{"isolate.recorded", "release.interface"}, {"isolate.marked", "release.interface:2"}, {"isolate.protected", "release.restored"},
	{"isolate.standby", "release.registered"}, {"isolate.deregistered", "release.inservice"}, {"isolate.grouped", "release.unprotected"},
	{"isolate.interface", "release.unmarked"}, {"isolate.interface:2", "release.forgotten"}, {"isolate.applied", "aws-ir.step:3"},
	{"isolate.verified", "aws-ir.stepped:3"},
}

var snapshotKills = []string{"snapshot.created", "snapshot.locked", "snapshot.locked:2", "instance.described"}

// excused are the failpoints at which no program is killed here, with the
// reason.
var excused = map[string]string{
	"snapshot.intended": "what follows is a minute of waiting; TestSnapshotsThatWereNotMadeAreMadeLater does it by its own clock",
	"host.announced":    "commands on hosts: killed during each call by the test of cmd/aws-ir",
	"host.sent":         "as above",
	"host.completed":    "as above",
}

// program builds aws-ir with failpoints.
func program(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "aws-ir")
	if out, err := exec.Command("go", "build", "-tags", "failpoints", "-o", path, "../../cmd/aws-ir").CombinedOutput(); err != nil {
		t.Fatalf("build aws-ir: %v\n%s", err, out)
	}
	return path
}

var jobLine = regexp.MustCompile(`(?m)^job ([0-9A-Z]{26})$`)

// shell is a directory with a configuration, from which aws-ir is run.
type shell struct {
	program, dir string
	env          []string
}

func (w *world) shell(program string) shell {
	w.t.Helper()
	s := shell{program: program, dir: w.t.TempDir()}
	config := "roles: {read: securitybot-read, acquire: securitybot-acquire, contain: securitybot-contain, release: securitybot-release}\n" +
		"external_id: ext-1\nevidence: {bucket: evidence-corp-example, region: " + region + "}\nsnapshot_lock: {mode: governance, days: 30}\n"
	if err := os.WriteFile(filepath.Join(s.dir, "aws-ir.yaml"), []byte(config), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.cloud.AddBucket(awsfake.Bucket{Account: hubAccount, Region: region, Name: "evidence-corp-example"})
	k := w.cloud.User(hubAccount, "ann")
	none := filepath.Join(s.dir, "none")
	s.env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "USER=ann", "AWS_ACCESS_KEY_ID=" + k.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + k.SecretAccessKey,
		"AWS_REGION=" + region, "AWS_ENDPOINT_URL=" + w.cloud.URL, "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=" + none, "AWS_SHARED_CREDENTIALS_FILE=" + none}
	return s
}

// killed runs an action until the failpoint and goes on from the journal.
func (s shell) killed(failpoint string, args ...string) error {
	cmd := exec.Command(s.program, append(args, "--account", account, "--region", region, "--yes", "--case", "SB-7")...)
	cmd.Dir, cmd.Env = s.dir, append(slices.Clone(s.env), "SECURITYBOT_FAILPOINT="+failpoint)
	out, _ := cmd.CombinedOutput()
	if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("%s: the program was not killed: %v\n%s", failpoint, cmd.ProcessState, out)
	}
	job := jobLine.FindSubmatch(out)
	if job == nil {
		return fmt.Errorf("%s: no job is named\n%s", failpoint, out)
	}
	cmd = exec.Command(s.program, "resume", string(job[1]))
	cmd.Dir, cmd.Env = s.dir, s.env
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: resume: %w\n%s", failpoint, err, out)
	}
	return nil
}

func TestSIGKILLAtEveryFailpoint(t *testing.T) {
	t.Parallel()
	aws := program(t)
	var wg sync.WaitGroup // most of the time is waiting: all at once
	for _, k := range kills {
		w := newWorld(t)
		w.at = time.Now() // the program has no other clock
		instance, targets := w.fleet()
		before := w.picture(instance, targets)
		s := w.shell(aws)
		wg.Go(func() {
			if err := s.killed(k.isolate, "run", "isolate", instance, "reason=test", "--approver", "bob"); err != nil {
				t.Error(err)
				return
			}
			w.isolated(instance)
			if err := s.killed(k.release, "run", "release", instance, "reason=test", "--approver", "bob"); err != nil {
				t.Error(err)
				return
			}
			if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
				t.Errorf("%s, %s: after release\n%+v\nbefore isolation\n%+v", k.isolate, k.release, after, before)
			}
			if n := len(w.isolation()); n != 1 {
				t.Errorf("%s: %d isolation groups", k.isolate, n)
			}
		})
	}
	for _, failpoint := range snapshotKills {
		w := newWorld(t)
		w.at = time.Now() // the program has no other clock
		instance, _ := w.fleet()
		s := w.shell(aws)
		wg.Go(func() {
			if err := s.killed(failpoint, "run", string(responders.Snapshot), instance); err != nil {
				t.Error(err)
			}
			if n := len(w.snapshots()); n != 2 {
				t.Errorf("%s: %d snapshots", failpoint, n)
			}
			w.locked()
		})
	}
	wg.Wait()
}

func TestEveryFailpointIsWalked(t *testing.T) {
	t.Parallel()
	walked := map[string]bool{}
	for _, k := range kills {
		for _, f := range []string{k.isolate, k.release} {
			name, _, _ := strings.Cut(f, ":")
			walked[name] = true
		}
	}
	for _, f := range append(slices.Collect(maps.Keys(excused)), snapshotKills...) {
		name, _, _ := strings.Cut(f, ":")
		walked[name] = true
	}
	exist := map[string]bool{}
	for _, pattern := range []string{"*.go", "../../cmd/aws-ir/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasSuffix(f, "_test.go") {
				continue
			}
			for _, m := range regexp.MustCompile(`failpoint\.Hit\("([^"]+)"\)`).FindAllSubmatch(text, -1) {
				exist[string(m[1])] = true
			}
		}
	}
	if !maps.Equal(walked, exist) {
		t.Errorf("walked %v\nin the code %v", slices.Sorted(maps.Keys(walked)), slices.Sorted(maps.Keys(exist)))
	}
}
