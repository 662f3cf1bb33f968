package awsir

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// told is what a test reads of a description.
type told struct {
	Version  int
	Target   responders.Target
	Instance struct {
		InstanceId      string
		ImageId         string
		MetadataOptions struct {
			HttpTokens              string
			HttpPutResponseHopLimit int
		}
		SecurityGroups []struct{ GroupId string }
		EnaSupport     *bool
		KernelId       *string
	}
	UserData *struct {
		SHA256 string
		Bytes  int
	} `json:"user_data"`
	Missing []string
}

const secret = "#!/bin/sh\nexport DB_PASSWORD=hunter2\n"

func (w *hostWorld) speaks(change func(*awsfake.Instance)) {
	w.machine.tool("osqueryi", fakeOSQuery)
	w.cloud.EditInstance(hostMember, hostRegion, hostID, func(i *awsfake.Instance) {
		i.UserData, i.Console, i.Tokens, i.Hops = secret, "[    0.000000] Linux version 6.1\nci-info: ok\n", "optional", 2
		if change != nil {
			change(i)
		}
	})
}

// described returns what is stored, the artifacts of it, and the console.
func (w *hostWorld) described(j *responders.Job) (d told, of []responders.Artifact, console string) {
	w.t.Helper()
	objects := w.cloud.Objects(hostBucket)
	for _, a := range j.Manifest.Artifacts {
		o, there := objects[strings.TrimPrefix(a.URI, "s3://"+hostBucket+"/")]
		if a.Kind != KindDescription && a.Kind != KindConsole {
			continue
		}
		of = append(of, a)
		if !there || a.SHA256 != sum(o.Body) || a.Size != int64(len(o.Body)) || o.LockMode != "GOVERNANCE" {
			w.t.Errorf("%+v is not what is stored (%v, lock %q)", a, there, o.LockMode)
		}
		if a.Kind == KindConsole {
			console = string(o.Body)
		} else if err := json.Unmarshal(o.Body, &d); err != nil {
			w.t.Fatal(err)
		}
		if strings.Contains(string(o.Body), "hunter2") {
			w.t.Errorf("%s holds what is in the user data", a.URI)
		}
	}
	return d, of, console
}

// With a snapshot and with osquery, whatever is repeated.
func TestWhatAWSSaysOfTheInstanceIsKept(t *testing.T) {
	t.Parallel()
	for _, action := range []responders.ID{responders.Snapshot, responders.OSQuery} {
		for _, twice := range []bool{false, true} {
			w := newHostWorld(t)
			w.speaks(nil)
			j := w.job(action)
			p, err := w.actor.Plan(t.Context(), *j)
			if err != nil || !slices.Contains(p.Steps, describes) {
				t.Errorf("plan %q, %v", p.Steps, err)
			}
			if err := w.run(j, twice); err != nil {
				t.Fatal(action, err, j.Log)
			}
			d, of, console := w.described(j)
			if len(of) != 2 || of[0].Kind != KindDescription || of[1].Kind != KindConsole || !strings.HasPrefix(of[1].Note, "as of 20") && !twice {
				t.Errorf("%s: artifacts %+v", action, of)
			}
			i := d.Instance
			if d.Version != 1 || d.Target != j.Target || i.InstanceId != hostID || i.ImageId == "" || i.MetadataOptions.HttpTokens != "optional" || i.MetadataOptions.HttpPutResponseHopLimit != 2 ||
				len(i.SecurityGroups) == 0 || i.KernelId != nil || len(d.Missing) != 0 {
				t.Errorf("%s: %+v", action, d)
			}
			if d.UserData == nil || d.UserData.SHA256 != sum([]byte(secret)) || d.UserData.Bytes != len(secret) {
				t.Errorf("%s: user data %+v", action, d.UserData)
			}
			if console != "[    0.000000] Linux version 6.1\nci-info: ok\n" {
				t.Errorf("%s: console %q", action, console)
			}
			for _, c := range w.cloud.CallsOf("ec2", "GetConsoleOutput") {
				if c.Role != "ir-read" {
					t.Errorf("the console was read under %s", c.Role)
				}
			}
			if first := j.Manifest.Artifacts[0].Kind; first == KindDescription {
				t.Errorf("%s: the description is before what was asked for", action)
			}
		}
	}
}

// What an earlier try has stored is the evidence, though AWS says something
// else by now.
func TestADescriptionIsStoredOnce(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.speaks(nil)
	j := w.job(responders.OSQuery)
	for j.Phase != phaseDescribe {
		if _, err := w.actor.Step(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	crashed := w.job(responders.OSQuery)
	if err := json.Unmarshal(mustJSON(t, j), crashed); err != nil {
		t.Fatal(err)
	}
	if _, err := w.actor.Step(t.Context(), crashed); err != nil {
		t.Fatal(err)
	}
	w.speaks(func(i *awsfake.Instance) { i.Console, i.Hops = "wiped", 64 })
	if err := w.run(j, false); err != nil {
		t.Fatal(err, j.Log)
	}
	if d, of, console := w.described(j); len(of) != 2 || d.Instance.MetadataOptions.HttpPutResponseHopLimit != 2 || strings.Contains(console, "wiped") {
		t.Errorf("%+v %+v %q", of, d, console)
	}
}

// What AWS does not tell, and a store that does not take it, hold nothing up
// and are said.
func TestADescriptionHoldsNothingUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		setup func(*hostWorld)
		kinds []string // kept
		says  string   // among what was skipped; empty is nothing
	}{
		"an older generation":      {func(w *hostWorld) { w.speaks(func(i *awsfake.Instance) { i.Xen = true }) }, []string{KindDescription, KindConsole}, ""},
		"nothing on the console":   {func(w *hostWorld) { w.speaks(func(i *awsfake.Instance) { i.Console = "" }) }, []string{KindDescription}, ""},
		"no user data":             {func(w *hostWorld) { w.speaks(func(i *awsfake.Instance) { i.UserData = "" }) }, []string{KindDescription, KindConsole}, ""},
		"the role is an older one": {func(w *hostWorld) { w.cloud.Next("ec2", "GetConsoleOutput", -1, awsfake.Denied()) }, []string{KindDescription}, "console output: UnauthorizedOperation"},
		"no right to read it":      {func(w *hostWorld) { w.cloud.Next("ec2", "DescribeInstanceAttribute", -1, awsfake.Denied()) }, []string{KindDescription, KindConsole}, "user data: UnauthorizedOperation"},
		"the store is busy":        {func(w *hostWorld) { w.cloud.Next("s3", "PutObject", 2, awsfake.Broken()) }, []string{KindDescription, KindConsole}, ""},
		"the store takes nothing":  {func(w *hostWorld) { w.cloud.Next("s3", "PutObject", maxDescribe, awsfake.Denied()) }, nil, "was not kept as evidence (AccessDenied)"},
		"the instance is gone":     {nil, nil, "was not kept as evidence: There is no instance"},
	} {
		w := newHostWorld(t)
		w.speaks(nil)
		j := w.job(responders.Snapshot)
		for j.Phase != "describe" {
			if _, err := w.actor.Step(t.Context(), j); err != nil {
				t.Fatal(name, err)
			}
		}
		if c.setup == nil {
			w.cloud.Terminate(hostMember, hostRegion, hostID)
			w.cloud.Next("ec2", "DescribeInstances", -1, awsfake.Error("InvalidInstanceID.NotFound", "gone"))
		} else {
			c.setup(w)
		}
		if err := w.run(j, false); err != nil {
			t.Errorf("%s: %v, log %v", name, err, j.Log)
			continue
		}
		_, of, _ := w.described(j)
		var kinds []string
		for _, a := range of {
			kinds = append(kinds, a.Kind)
		}
		if !slices.Equal(kinds, c.kinds) || len(j.Manifest.Artifacts)-len(of) != 1 {
			t.Errorf("%s: kept %v, artifacts %+v", name, kinds, j.Manifest.Artifacts)
		}
		said := slices.DeleteFunc(slices.Clone(j.Manifest.Skipped), func(s string) bool { return !strings.Contains(s, "ept as evidence") })
		if (c.says == "") != (len(said) == 0) || !strings.Contains(strings.Join(said, "\n"), c.says) {
			t.Errorf("%s: it says %q, want %q", name, said, c.says)
		}
	}
}

// A dump that cannot be complete is said to be so before it is made.
func TestWhatADumpMayMissIsSaidBefore(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	warns := func(action responders.ID, text string, args ...string) bool {
		p, err := w.actor.Plan(t.Context(), *w.job(action, args...))
		if err != nil || p.Refusal != "" {
			t.Errorf("%v %q", err, p.Refusal)
		}
		return slices.ContainsFunc(p.Warn, func(s string) bool { return strings.Contains(s, text) })
	}
	if warns(responders.Memory, "Enclaves") || warns(responders.Memory, "expire") {
		t.Error("it warns without a reason")
	}
	w.cloud.EditInstance(hostMember, hostRegion, hostID, func(i *awsfake.Instance) { i.Enclave = true })
	if !warns(responders.Memory, "Enclaves") || warns(responders.OSQuery, "Enclaves") {
		t.Error("enclaves are not spoken of, or too much")
	}
	// The bot's credentials expire in half an hour.
	ends := w.clock.now().Add(30*time.Minute + time.Second)
	key := w.cloud.User(hostHub, "securitybot")
	client := w.evidence.s3.Options().Copy()
	cfg := aws.Config{Region: hostRegion, BaseEndpoint: client.BaseEndpoint, HTTPClient: client.HTTPClient, Credentials: credentials.StaticCredentialsProvider{
		Value: aws.Credentials{AccessKeyID: key.AccessKeyID, SecretAccessKey: key.SecretAccessKey, CanExpire: true, Expires: ends}}}
	e, err := NewEvidence(w.evidence.cfg, cfg, w.clock.now)
	if err != nil {
		t.Fatal(err)
	}
	for id, p := range hostPerformers(e, nil) {
		w.actor.actions[id] = p
	}
	text := "expire at " + ends.UTC().Format("15:04 MST")
	for _, c := range []struct {
		action responders.ID
		arg    string
		warns  bool
	}{{responders.Memory, "minutes=20", false}, {responders.Memory, "minutes=21", true}, {responders.OSQuery, "set=triage", false},
		{responders.TCPDump, "seconds=600", false}} {
		if warns(c.action, text, c.arg) != c.warns {
			t.Errorf("%s %s: warns %v, want %v", c.action, c.arg, !c.warns, c.warns)
		}
	}
	w.clock.pass(11 * time.Minute)
	if !warns(responders.OSQuery, text) || !warns(responders.TCPDump, text) {
		t.Error("nineteen minutes are taken for enough")
	}
}
