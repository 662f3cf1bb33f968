package crash_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/securitybot/securitybot/internal/audit"
	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/internal/rig"
)

// isolation returns the ids of isolation groups by network.
func (w *world) isolation() map[string][]string {
	out := map[string][]string{}
	for _, g := range w.AWS.Groups(rig.Account, rig.Region) {
		if g.Tags["securitybot:isolation"] != "" {
			out[g.VPC] = append(out[g.VPC], g.ID)
		}
	}
	return out
}

// open lists the interfaces that have any group other than an isolation group.
func (m *machine) open() []string {
	ours := m.w.isolation()
	var out []string
	for _, e := range m.w.AWS.Interfaces(rig.Account, rig.Region, m.id) {
		if len(e.Groups) != 1 || !slices.Contains(ours[e.VPC], e.Groups[0]) {
			out = append(out, e.ID)
		}
	}
	return out
}

// holds looks at what must be true at any instant: nothing is changed before it
// was approved, and no isolation group is there twice.
func (m *machine) holds(failpoint string) {
	m.w.t.Helper()
	for vpc, groups := range m.w.isolation() {
		if len(groups) > 1 {
			m.w.t.Errorf("at %s: %d isolation groups in %s", failpoint, len(groups), vpc)
		}
	}
	if slices.Contains([]string{"snapshot.intended", "snapshot.created", "instance.described", "operation.asked", "operation.planned", "operation.shown", "operation.decided", "operation.step", "isolate.recorded"}, failpoint) {
		if now := m.now(); !reflect.DeepEqual(now, m.before) {
			m.w.t.Errorf("at %s the machine is changed:\n%+v\nbefore\n%+v", failpoint, now, m.before)
		}
	}
}

// isolated wants every interface to have the isolation group of its network and
// nothing else, and the machine protected and out of service.
func (m *machine) isolated() {
	m.w.t.Helper()
	if open := m.open(); len(open) > 0 {
		m.w.t.Errorf("not isolated: %v of %v", open, m.w.AWS.GroupsOf(rig.Account, rig.Region, m.id))
	}
	for vpc, groups := range m.w.isolation() {
		if len(groups) != 1 {
			m.w.t.Errorf("%d isolation groups in %s", len(groups), vpc)
		}
	}
	for _, g := range m.w.AWS.Groups(rig.Account, rig.Region) {
		if g.Tags["securitybot:isolation"] != "" && len(g.Rules) > 0 {
			m.w.t.Errorf("isolation group %s has rules", g.ID)
		}
	}
	now := m.now()
	if !now.Instance.NoTermination || now.Member != "Standby" || len(now.Targets) != 0 || now.Desired != m.before.Desired-1 {
		m.w.t.Errorf("it is isolated, but: %+v", now)
	}
}

// released wants everything to be as it was, and nothing of ours left.
func (m *machine) released() {
	m.w.t.Helper()
	if now := m.now(); !reflect.DeepEqual(now, m.before) {
		m.w.t.Errorf("after release\n%+v\nbefore isolation\n%+v", now, m.before)
	}
	if left, _ := m.w.redis.Do("keys", "{sb}:d:n:isolat*").([]any); len(left) > 0 {
		m.w.t.Errorf("records left: %v", left)
	}
}

// ended waits until these operations are done, and holds what they left behind
// against the promises.
func (m *machine) ended(titles ...string) {
	w := m.w
	w.t.Helper()
	for _, title := range titles {
		w.eventually(title+" is done", 60*time.Second, func() bool { return len(w.said(title+" "+m.id, "Done")) > 0 })
		if n := len(w.said(title + " " + m.id)); n != 1 {
			w.t.Errorf("%s has %d messages", title, n)
		}
	}
	w.eventually("nothing is planned any more", 30*time.Second, func() bool { n, _ := w.redis.Do("hlen", "{sb}:effects").(int64); return n == 0 })
	m.threads(titles)
	m.audited(titles)
	if calls := w.applied("CreateSnapshots"); calls != 1 && slices.Contains(titles, "Snapshot") {
		w.t.Errorf("AWS was made to copy the volumes %d times", calls)
	}
	if calls := w.applied("CreateSecurityGroup"); calls != len(w.isolation()) {
		w.t.Errorf("%d groups were made for %d networks", calls, len(w.isolation()))
	}
}

// applied counts the calls of an operation that had an effect.
func (w *world) applied(op string) int {
	return len(slices.DeleteFunc(w.AWS.CallsOf("ec2", op), func(c awsfake.Call) bool { return !c.Applied || c.DryRun }))
}

// threads wants each end to be told once under the case.
func (m *machine) threads(titles []string) {
	m.w.t.Helper()
	lines := map[string]int{}
	for _, x := range m.w.Slack.Messages(m.w.Security.ID) {
		if x.ThreadTS != "" && x.ThreadTS != x.TS {
			lines[x.Text]++
		}
	}
	ends := 0
	for line, n := range lines {
		if n != 1 {
			m.w.t.Errorf("told %d times under the case: %s", n, line)
		}
		if strings.Contains(line, m.id+": done") {
			ends++
		}
	}
	if ends != len(titles) {
		m.w.t.Errorf("%d ends are told under the case, want %d: %v", ends, len(titles), lines)
	}
}

// audited wants the audit log to be whole, with one request, at most one
// approval and one end of each operation.
func (m *machine) audited(titles []string) {
	w := m.w
	w.t.Helper()
	run := func(args ...string) []byte {
		cmd := exec.Command(w.binary, append(args, "--config", w.file("securitybot.yaml"))...)
		cmd.Env = w.environ()
		var errs bytes.Buffer
		cmd.Stderr = &errs
		out, err := cmd.Output()
		if err != nil {
			w.t.Fatalf("%v: %v\n%s%s", args, err, out, errs.Bytes())
		}
		return out
	}
	run("audit", "verify")
	asked, approved, ended := map[string]int{}, map[string]int{}, map[string]int{}
	lines := bufio.NewScanner(bytes.NewReader(run("audit", "export")))
	for lines.Scan() {
		var r audit.Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			w.t.Fatalf("%s: %v", lines.Bytes(), err)
		}
		switch op := r.Detail["operation"]; {
		case op == "" || r.Decision != audit.Allowed || !strings.Contains(r.Object, m.id):
		case r.Act == "approve":
			approved[op]++
		case r.Actor == audit.System:
			ended[op]++
			if !strings.HasPrefix(r.Result, "done") {
				w.t.Errorf("it ended otherwise: %+v", r)
			}
		default:
			asked[op]++
		}
	}
	want := len(slices.DeleteFunc(slices.Clone(titles), func(s string) bool { return s != "Isolate" && s != "Release" }))
	if len(asked) != len(titles) || len(approved) != want || len(ended) != len(titles) {
		w.t.Errorf("on record: asked %v, approved %v, ended %v; want %d, %d, %d", asked, approved, ended, len(titles), want, len(titles))
	}
	for _, m := range []map[string]int{asked, approved, ended} {
		for op, n := range m {
			if n != 1 {
				w.t.Errorf("%d records of the same thing about %s", n, op)
			}
		}
	}
}
