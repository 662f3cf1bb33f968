package awsir

import (
	"errors"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

func TestHostsThatCannotBeReachedAreRefusedBeforeAnything(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		setup func(*hostWorld)
		says  string
	}{
		{"old agent", func(w *hostWorld) { w.agent(awsfake.Agent{Version: "3.3.2745.9"}) }, "too old"},
		{"older by a digit that sorts higher", func(w *hostWorld) { w.agent(awsfake.Agent{Version: "3.3.987.0"}) }, "too old"},
		{"no version", func(w *hostWorld) { w.agent(awsfake.Agent{Version: "next"}) }, "too old"},
		{"lost connection", func(w *hostWorld) { w.agent(awsfake.Agent{Ping: "ConnectionLost"}) }, "not online"},
		{"silent", func(w *hostWorld) { w.agent(awsfake.Agent{LastPing: time.Hour}) }, "last heard of 1h0m0s ago"},
		{"windows", func(w *hostWorld) { w.agent(awsfake.Agent{Platform: "Windows"}) }, "Linux only"},
		{"no agent", func(w *hostWorld) {
			w.cloud.AddInstance(hostMember, hostRegion, awsfake.Instance{ID: "i-0b1b2c3d4e5f60718"})
		}, "No SSM agent"},
		{"stopped", func(w *hostWorld) {
			w.cloud.EditInstance(hostMember, hostRegion, hostID, func(i *awsfake.Instance) { i.State = "stopped" })
		}, "is stopped"},
		{"protected", func(w *hostWorld) {
			w.cloud.EditInstance(hostMember, hostRegion, hostID, func(i *awsfake.Instance) { i.Tags = map[string]string{ProtectedTag: "true"} })
		}, ProtectedTag},
		{"managed", func(w *hostWorld) {
			w.cloud.EditInstance(hostMember, hostRegion, hostID, func(i *awsfake.Instance) { i.Operator = "eks.amazonaws.com" })
		}, "eks.amazonaws.com"},
		{"another document by our name", func(w *hostWorld) {
			d := documents(w.t)[responders.OSQuery]
			w.cloud.AddDocument(hostMember, hostRegion, d.Name, d.VersionName, strings.Replace(string(d.Content), "set -eu", "id", 1))
		}, "not ours"},
	} {
		w := newHostWorld(t)
		c.setup(w)
		j := w.job(responders.OSQuery)
		if c.name == "no agent" {
			j.Target.Instance = "i-0b1b2c3d4e5f60718"
		}
		p, err := w.actor.Plan(t.Context(), *j)
		refused := p.Refusal
		if errors.Is(err, responders.ErrRefused) {
			refused, err = err.Error(), nil
		}
		if err != nil || !strings.Contains(refused, c.says) {
			t.Errorf("%s: plan %q, %v", c.name, refused, err)
		}
		if err := w.run(j, false); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
		if n := len(w.cloud.Writes()); n != 0 {
			t.Errorf("%s: %d calls that change something", c.name, n)
		}
	}
}

func TestTheDocumentHasToBeDeployed(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	j := w.job(responders.OSQuery)
	j.Target.Region = "eu-central-1"
	w.cloud.AddInstance(hostMember, "eu-central-1", awsfake.Instance{ID: hostID})
	w.cloud.AddAgent(hostMember, "eu-central-1", awsfake.Agent{Instance: hostID})
	if err := w.run(j, false); !errors.Is(err, responders.ErrRefused) || !strings.Contains(err.Error(), "Deploy the documents") {
		t.Errorf("%v", err)
	}
}

// An older release's document stays usable beside a newer one: the version is
// found by its name, which is made from its hash.
func TestAnotherVersionOfTheDocumentDoesNotMatter(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.machine.tool("osqueryi", fakeOSQuery)
	d := documents(t)[responders.OSQuery]
	w.cloud.AddDocument(hostMember, hostRegion, d.Name, "v-0123456789abcdef", strings.Replace(string(d.Content), "set -eu", "set -e -u", 1))
	if err := w.run(w.job(responders.OSQuery), false); err != nil {
		t.Fatal(err)
	}
	if v := w.cloud.Commands(hostMember, hostRegion)[0].Version; v != "1" {
		t.Errorf("version %s was used", v)
	}
}

func TestVersionsAreComparedByNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[string]bool{"3.3.2746.0": true, "3.3.2746.1": true, "3.3.3572.0": true, "3.10.0.0": true, "4.0.0.0": true,
		"3.3.2745.9999": false, "3.2.9999.0": false, "3.3.999.0": false, "2.99.9999.9": false, "3.3.2746": false, "3.3.2746.0.1": false, "3.3.-1.0": false, "": false, "3.3.2746.x": false} {
		if newEnough(v) != want {
			t.Errorf("%q: %v", v, !want)
		}
	}
}

func TestHowSSMEndsCommandsIsToldInPlainWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status, details string
		kind            error
		says            string
	}{
		{"TimedOut", "DeliveryTimedOut", responders.ErrRefused, "could not be delivered"},
		{"Failed", "Undeliverable", responders.ErrRefused, "could not be delivered"},
		{"TimedOut", "ExecutionTimedOut", responders.ErrUnknown, "took too long"},
		{"Cancelled", "Cancelled", responders.ErrUnknown, "cancelled"},
		{"Cancelled", "Terminated", responders.ErrRefused, "before it reached the host"},
		{"Success", "Success", responders.ErrUnknown, "forged"},
	} {
		w := newHostWorld(t)
		w.agent(awsfake.Agent{Run: func(awsfake.Command) awsfake.Invocation {
			return awsfake.Invocation{Status: c.status, Details: c.details, Code: -1}
		}})
		err := w.run(w.job(responders.OSQuery), false)
		if !errors.Is(err, c.kind) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s, %s: %v", c.status, c.details, err)
		}
	}
}

func TestACommandThatRunsForeverEndsInDoubt(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.cloud.AddAgent(hostMember, hostRegion, awsfake.Agent{Instance: hostID})
	j := w.job(responders.OSQuery)
	w.until(j, phaseWait)
	w.cloud.SetInvocation(hostMember, hostRegion, w.cloud.Commands(hostMember, hostRegion)[0].ID, awsfake.Invocation{Status: "Delayed"})
	if p, err := w.actor.Step(t.Context(), j); err != nil || p.Done || p.Again == 0 {
		t.Errorf("%+v %v", p, err)
	}
	if !strings.Contains(string(mustJSON(t, j.Log)), "has not taken the command yet") {
		t.Errorf("the log does not say that the agent is late: %v", j.Log)
	}
	w.clock.pass(2 * time.Hour)
	if _, err := w.actor.Step(t.Context(), j); !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), "longer than it may take") {
		t.Errorf("%v", err)
	}
}

func TestForgedReceiptsAreFoundOut(t *testing.T) {
	t.Parallel()
	good := strings.Repeat("0", 64)
	for _, c := range []struct{ name, stdout, says string }{
		{"for another job", `{"securitybot":1,"job":"01JOTHERJOB","reason":"ok","bytes":5,"parts":1,"sha256":"` + good + `"}`, "not from our script"},
		{"a reason of its own", `{"securitybot":1,"job":"` + hostJob + `","reason":"<!channel>","bytes":5,"parts":1,"sha256":"` + good + `"}`, "not from our script"},
		{"less than nothing", `{"securitybot":1,"job":"` + hostJob + `","reason":"ok","bytes":-5,"parts":1,"sha256":"` + good + `"}`, "not from our script"},
		{"nothing stored", `{"securitybot":1,"job":"` + hostJob + `","reason":"ok","bytes":0,"parts":0,"sha256":""}`, "stored nothing"},
		{"not there", `{"securitybot":1,"job":"` + hostJob + `","reason":"ok","bytes":5,"parts":1,"sha256":"` + good + `"}`, "is not there"},
	} {
		w := newHostWorld(t)
		w.agent(awsfake.Agent{Run: func(awsfake.Command) awsfake.Invocation {
			return awsfake.Invocation{Status: "Success", Stdout: c.stdout}
		}})
		if err := w.run(w.job(responders.OSQuery), false); !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// What is stored is what counts: its hash is in the record, and the person is told.
func TestEvidenceThatIsNotWhatTheHostHashedIsKeptAndDoubted(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.machine.tool("osqueryi", fakeOSQuery)
	j := w.job(responders.OSQuery)
	w.until(j, phaseWait)
	key := "cases/SB-7/" + hostJob + "/osquery.json"
	<-w.machine.idle
	w.cloud.Tamper(hostBucket, key, func(b []byte) []byte { b[0] = 'X'; return b })
	err := w.run(j, false)
	if !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), "other bytes") {
		t.Errorf("%v", err)
	}
	a := j.Manifest.Artifacts
	if len(a) != 3 || a[0].SHA256 != sum(w.cloud.Objects(hostBucket)[key].Body) || a[0].Note == "" {
		t.Errorf("%+v", a)
	}
}

// The host says that it stored more, or in other parts, than there is.
func TestPartsThatAreNotThereEndInDoubt(t *testing.T) {
	t.Parallel()
	for name, claim := range map[string]string{"bytes": `"bytes":8,"parts":1`, "parts": `"bytes":7,"parts":2`} {
		w := newHostWorld(t)
		w.machine.tool("avml", "printf 1234567")
		w.agent(awsfake.Agent{Run: func(c awsfake.Command) awsfake.Invocation {
			out := w.machine.run(c)
			out.Stdout = strings.Replace(out.Stdout, `"bytes":7,"parts":1`, claim, 1)
			return out
		}})
		if err := w.run(w.job(responders.Memory), false); !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), "Nothing was put together") {
			t.Errorf("%s: %v", name, err)
		}
		if _, there := w.cloud.Objects(hostBucket)["cases/SB-7/"+hostJob+"/memory.lime"]; there {
			t.Errorf("%s: parts were put together", name)
		}
	}
}

// Whoever reads the address on the host cannot change what was stored.
func TestTheAddressOnTheHostWorksOnce(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.machine.tool("osqueryi", fakeOSQuery)
	if err := w.run(w.job(responders.OSQuery), false); err != nil {
		t.Fatal(err)
	}
	url := w.cloud.Commands(hostMember, hostRegion)[0].Parameters["put"]
	for _, header := range []string{"", "If-None-Match: *", "If-None-Match: x"} {
		args := []string{"-s", "--cacert", w.machine.ca, "-o", "/dev/null", "-w", "%{http_code}", "-X", "PUT", "-d", "forged", "-H", "Content-Type: application/json", url}
		if header != "" {
			args = append(args, "-H", header)
		}
		out, err := exec.Command("curl", args...).Output() //nolint:gosec // as the host does
		if err != nil || (string(out) != "412" && string(out) != "403") {
			t.Errorf("with %q: %s, %v", header, out, err)
		}
	}
	if v := w.cloud.Versions(hostBucket, "cases/SB-7/"+hostJob+"/osquery.json"); len(v) != 1 {
		t.Errorf("%d versions", len(v))
	}
}
