package awsir

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// until steps a job up to a phase.
func (w *hostWorld) until(j *responders.Job, phase string) {
	w.t.Helper()
	for range 20 {
		if j.Phase == phase {
			return
		}
		p, err := w.actor.Step(w.t.Context(), j)
		if err != nil {
			w.t.Fatal(err)
		}
		w.clock.pass(p.Again)
	}
	w.t.Fatalf("phase %q was not reached, but %q", phase, j.Phase)
}

func TestACommandIsSentOnceWhateverGoesWrong(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		faults func(*hostWorld)
		want   int // commands
	}{
		{"the answer is lost", func(w *hostWorld) { w.cloud.Next("ssm", "SendCommand", 1, awsfake.AnswerLost()) }, 1},
		{"the answer is lost and the command shows late", func(w *hostWorld) {
			w.cloud.CommandLag(hostMember, hostRegion, 4)
			w.cloud.Next("ssm", "SendCommand", 1, awsfake.AnswerLost())
		}, 1},
		{"the request is lost", func(w *hostWorld) { w.cloud.Next("ssm", "SendCommand", 1, awsfake.Dropped()) }, 1},
		{"SSM fails", func(w *hostWorld) { w.cloud.Next("ssm", "SendCommand", 1, awsfake.Broken()) }, 1},
		{"too many requests", func(w *hostWorld) { w.cloud.Next("ssm", "SendCommand", 2, awsfake.Throttled()) }, 1},
		{"the command shows late", func(w *hostWorld) { w.cloud.CommandLag(hostMember, hostRegion, 3) }, 1},
		{"no session for it at first", func(w *hostWorld) {
			f := awsfake.Broken()
			f.Skip = 1
			w.cloud.Next("sts", "AssumeRole", 3, f)
		}, 1},
	} {
		w := newHostWorld(t)
		w.machine.tool("osqueryi", fakeOSQuery)
		c.faults(w)
		j := w.job(responders.OSQuery)
		err := w.run(j, false)
		for range 5 { // errors that are worth trying again
			if err == nil || errors.Is(err, responders.ErrRefused) || errors.Is(err, responders.ErrUnknown) {
				break
			}
			err = w.run(j, false)
		}
		if n := len(w.cloud.Commands(hostMember, hostRegion)); err != nil || n != c.want {
			t.Errorf("%s: %d commands, %v; log %v", c.name, n, err, j.Log)
		}
	}
}

// A crash after the call and before the job was stored: the step is repeated
// with the old job, at once or later, with the command visible or not.
func TestARepeatedSendAdoptsTheCommand(t *testing.T) {
	t.Parallel()
	for _, lag := range []int{0, 1, 5} {
		for _, wait := range []time.Duration{0, 10 * time.Second, 10 * time.Minute} {
			w := newHostWorld(t)
			w.machine.tool("osqueryi", fakeOSQuery)
			j := w.job(responders.OSQuery)
			w.until(j, phaseSend)
			w.cloud.CommandLag(hostMember, hostRegion, lag)
			old := *j
			if _, err := w.actor.Step(t.Context(), &old); err != nil {
				t.Fatal(err)
			}
			w.clock.pass(wait)
			if wait > time.Minute {
				w.cloud.CommandLag(hostMember, hostRegion, 0)
			}
			err := w.run(j, false)
			n := len(w.cloud.Commands(hostMember, hostRegion))
			// Ten minutes later a command that still does not show counts as not accepted.
			if wait > time.Minute && lag > 0 {
				if n < 1 || n > 2 || err != nil {
					t.Errorf("lag %d, %s: %d commands, %v", lag, wait, n, err)
				}
				continue
			}
			if n != 1 || err != nil {
				t.Errorf("lag %d, %s: %d commands, %v; log %v", lag, wait, n, err, j.Log)
			}
		}
	}
}

func TestACommandThatNeverShowsEndsInDoubt(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.cloud.Next("ssm", "SendCommand", -1, awsfake.Dropped())
	j := w.job(responders.OSQuery)
	err := w.run(j, false)
	if !errors.Is(err, responders.ErrUnknown) || !strings.Contains(err.Error(), hostJob) {
		t.Errorf("%v", err)
	}
	if n := len(w.cloud.CallsOf("ssm", "SendCommand")); n != maxSends {
		t.Errorf("sent %d times", n)
	}
}

func TestTheCommandIsPinnedAndNamesOneInstance(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.machine.tool("osqueryi", fakeOSQuery)
	j := w.job(responders.OSQuery)
	if err := w.run(j, false); err != nil {
		t.Fatal(err)
	}
	calls := w.cloud.CallsOf("ssm", "SendCommand")
	d := documents(t)[responders.OSQuery]
	for _, want := range []string{`"DocumentHash":"` + d.SHA256 + `"`, `"DocumentHashType":"Sha256"`, `"DocumentVersion":"1"`, `"DocumentName":"securitybot-osquery"`,
		`"InstanceIds":["` + hostID + `"]`, `"Comment":"securitybot job ` + hostJob + `"`, `"TimeoutSeconds":600`} {
		if len(calls) != 1 || !strings.Contains(calls[0].Body, want) {
			t.Errorf("%s is not in %s", want, calls[0].Body)
		}
	}
	if strings.Contains(calls[0].Body, "Targets") {
		t.Error("the command has targets")
	}
	// The session can do this and nothing else, and names the person.
	if calls[0].Identity != "ann@corp.example" || calls[0].Role != "ir-acquire" {
		t.Errorf("%+v", calls[0])
	}
	for _, n := range []awsfake.Need{
		{Action: "ssm:SendCommand", Resource: "arn:aws:ssm:" + hostRegion + ":" + hostMember + ":document/AWS-RunShellScript"},
		{Action: "ssm:SendCommand", Resource: "arn:aws:ssm:" + hostRegion + ":" + hostMember + ":document/securitybot-memory"},
		{Action: "ssm:SendCommand", Resource: "arn:aws:ec2:" + hostRegion + ":" + hostMember + ":instance/i-0ffffffffffffffff"},
		{Action: "ec2:CreateSnapshots", Resource: "arn:aws:ec2:" + hostRegion + ":" + hostMember + ":instance/" + hostID},
	} {
		n.Keys = map[string]string{"aws:RequestedRegion": hostRegion}
		if yes, err := awsfake.Allows(calls[0].Policy, n); yes || err != nil {
			t.Errorf("the session may %s on %s (%v)", n.Action, n.Resource, err)
		}
	}
}

// Whatever the three actions call is in the deployed roles, because the world
// runs under them; and what is in the roles is called.
func TestPermissionsAreUsed(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, id := range []responders.ID{responders.OSQuery, responders.Memory, responders.TCPDump} {
		w := newHostWorld(t)
		w.machine.tool("osqueryi", fakeOSQuery)
		w.machine.tool("avml", "echo memory")
		w.machine.tool("tcpdump", "echo packets")
		if err := w.run(w.job(id), false); err != nil {
			t.Fatal(id, err)
		}
		for _, c := range w.cloud.Calls() {
			for _, n := range c.Needs {
				if c.Account == hostMember {
					used[n.Action+" "+n.Resource] = true
					used[n.Action] = true
				}
			}
		}
	}
	granted := responders.HostReads()
	for _, id := range []responders.ID{responders.OSQuery, responders.Memory, responders.TCPDump} {
		row, _ := responders.Find(string(id))
		granted = append(granted, row.Writes...)
	}
	for _, p := range granted {
		for _, a := range p.Actions {
			if !used[a] {
				t.Errorf("%s is granted and never used", a)
			}
			for _, r := range p.Resources {
				full := strings.NewReplacer(":*:*:", ":"+hostRegion+":"+hostMember+":", "instance/*", "instance/"+hostID).Replace(r)
				if !used[a+" "+full] {
					t.Errorf("%s on %s is granted and never used", a, r)
				}
			}
		}
	}
	writes := slices.DeleteFunc(responders.Permissions(responders.RoleAcquire), func(p responders.Permission) bool {
		return !slices.Contains(p.Actions, "ssm:SendCommand")
	})
	if len(writes) != 4 { // three documents and the instances
		t.Errorf("%d statements about SendCommand: %v", len(writes), writes)
	}
}
