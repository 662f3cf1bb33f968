package awsir

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// bring configures a tool that is brought to the host.
func (w *hostWorld) bring(action responders.ID, name, script, sha string) {
	w.t.Helper()
	if _, err := w.evidence.create(w.t.Context(), "tools/"+name, "application/octet-stream", []byte(script), nil); err != nil {
		w.t.Fatal(err)
	}
	h := w.actor.actions[action].(host)
	h.tools = Tools{name + "/x86_64": {Bucket: hostBucket, Key: "tools/" + name, SHA256: sha}}
	w.actor.actions[action] = h
}

func TestAToolThatIsBroughtIsCheckedAndRun(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	script := "#!/bin/sh\necho brought\n"
	w.bring(responders.Memory, "avml", script, sum([]byte(script)))
	w.machine.tool("avml", "echo the host has its own")
	j := w.job(responders.Memory)
	if err := w.run(j, false); err != nil {
		t.Fatal(err, j.Log)
	}
	if o := w.cloud.Objects(hostBucket)["cases/SB-7/"+hostJob+"/memory.lime"]; string(o.Body) != "brought\n" {
		t.Errorf("%q", o.Body)
	}
	if got := j.Manifest.Facts["tool sha256"]; got != sum([]byte(script)) {
		t.Errorf("the manifest names the tool %s", got)
	}
}

func TestAToolWithAnotherHashIsNotRun(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	mark := filepath.Join(t.TempDir(), "mark")
	w.bring(responders.Memory, "avml", "#!/bin/sh\ntouch "+mark+"\n", strings.Repeat("0", 64))
	err := w.run(w.job(responders.Memory), false)
	if !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "hash") {
		t.Error(err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("it was run")
	}
}

func TestAToolForAnotherArchitectureIsNotBrought(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	script := "#!/bin/sh\necho brought\n"
	w.bring(responders.Memory, "avml", script, sum([]byte(script)))
	w.cloud.EditInstance(hostMember, hostRegion, hostID, func(i *awsfake.Instance) { i.Architecture = "arm64" })
	if err := w.run(w.job(responders.Memory), false); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "not on the host") {
		t.Error(err)
	}
}

// The host tries again when S3 fails, and takes "it is there already" for the
// answer that was lost.
func TestUploadsSurviveFailures(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]func(*hostWorld){
		"a part fails":              func(w *hostWorld) { w.cloud.Next("s3", "UploadPart", 1, awsfake.Broken()) },
		"a part's answer is lost":   func(w *hostWorld) { w.cloud.Next("s3", "UploadPart", 1, awsfake.AnswerLost()) },
		"the list fails":            func(w *hostWorld) { w.cloud.Next("s3", "GetObject", 1, awsfake.Broken()) },
		"putting together is lost":  func(w *hostWorld) { w.cloud.Next("s3", "CompleteMultipartUpload", 1, awsfake.AnswerLost()) },
		"putting together fails":    func(w *hostWorld) { w.cloud.Next("s3", "CompleteMultipartUpload", 1, awsfake.Broken()) },
		"beginning is lost":         func(w *hostWorld) { w.cloud.Next("s3", "CreateMultipartUpload", 1, awsfake.AnswerLost()) },
		"reading back breaks off":   func(w *hostWorld) { f := awsfake.Dropped(); f.Skip = 1; w.cloud.Next("s3", "GetObject", 1, f) },
		"the manifest's answer too": func(w *hostWorld) { f := awsfake.AnswerLost(); f.Skip = 1; w.cloud.Next("s3", "PutObject", 1, f) },
	} {
		w := newHostWorld(t)
		w.machine.tool("avml", "head -c 6000000 /dev/zero")
		order(w)
		j := w.job(responders.Memory)
		err := w.run(j, false)
		for range 4 {
			if err == nil || errors.Is(err, responders.ErrRefused) || errors.Is(err, responders.ErrUnknown) {
				break
			}
			err = w.run(j, false)
		}
		if err != nil || len(j.Manifest.Artifacts) != 2 || j.Manifest.Artifacts[0].Size != 6_000_000 {
			t.Errorf("%s: %v %+v; log %v", name, err, j.Manifest.Artifacts, j.Log)
		}
		if n := len(w.cloud.Commands(hostMember, hostRegion)); n != 1 {
			t.Errorf("%s: %d commands", name, n)
		}
		if left := w.cloud.Uploads(hostBucket); len(left) != 0 {
			t.Errorf("%s: uploads left: %v", name, left)
		}
		if _, twice := w.cloud.Objects(hostBucket)["cases/SB-7/manifests/00000002.json"]; twice {
			t.Errorf("%s: two manifests", name)
		}
	}
}

func TestAnAnswerThatIsThereAlreadyCounts(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.machine.tool("osqueryi", fakeOSQuery)
	w.cloud.Next("s3", "PutObject", 1, awsfake.AnswerLost())
	j := w.job(responders.OSQuery)
	if err := w.run(j, false); err != nil {
		t.Error(err, j.Log)
	}
	if v := w.cloud.Versions(hostBucket, "cases/SB-7/"+hostJob+"/osquery.json"); len(v) != 1 {
		t.Errorf("%d versions", len(v))
	}
}

// Nothing is left behind on the host, whatever happens, and the addresses are
// in no list of processes.
func TestTheHostIsLeftAsItWas(t *testing.T) {
	t.Parallel()
	for name, tool := range map[string]string{"well": "echo x", "badly": "exit 7", "killed": "kill -9 $$"} {
		w := newHostWorld(t)
		seen := filepath.Join(t.TempDir(), "seen")
		w.machine.tool("avml", `echo "${0%/*}" >/dev/null; `+tool)
		w.machine.tool("mktemp", `d=$(/usr/bin/mktemp "$@"); printf '%s\n' "$d" >>`+seen+`; printf '%s\n' "$d"`)
		w.machine.tool("curl", `printf '%s ' "$@" >>`+seen+`.args; exec /usr/bin/curl "$@"`)
		_ = w.run(w.job(responders.Memory), false)
		dirs, err := os.ReadFile(seen)
		if err != nil {
			t.Fatal(name, err)
		}
		for d := range strings.FieldsSeq(string(dirs)) {
			if _, err := os.Stat(d); err == nil {
				t.Errorf("%s: %s is left", name, d)
			}
		}
		if args, err := os.ReadFile(seen + ".args"); err != nil || strings.Contains(string(args), "X-Amz") {
			t.Errorf("%s: curl was called with %s (%v)", name, args, err)
		}
	}
}
