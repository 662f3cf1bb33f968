package responders_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/responders"
)

// approved is an isolation that runs: Omar asked, Mei approved.
func approved(t *testing.T) *responders.Operation {
	t.Helper()
	o := waiting(t)
	if _, err := o.Approve(responders.Person{ChatID: "U0MEI", Email: "mei@corp.example"}, o.Job.Digest(), t0); err != nil {
		t.Fatal(err)
	}
	return o
}

// TestTheDigestCoversWhatWasAsked: every field that says what is done to what,
// and none that a step writes.
func TestTheDigestCoversWhatWasAsked(t *testing.T) {
	t.Parallel()
	base := job(responders.TCPDump)
	base.Params = responders.Params{"host": "192.0.2.1", "port": "443"}
	for name, c := range map[string]struct {
		change func(*responders.Job)
		same   bool
	}{
		"id":                        {change: func(j *responders.Job) { j.ID = "ZBCDEFGHIJKLMNOPQRSTUVWXYZ" }},
		"action":                    {change: func(j *responders.Job) { j.Action = responders.Memory }},
		"account":                   {change: func(j *responders.Job) { j.Target.Account = "444455556666" }},
		"region":                    {change: func(j *responders.Job) { j.Target.Region = "us-east-1" }},
		"instance":                  {change: func(j *responders.Job) { j.Target.Instance = "i-0ffffffffffffffff" }},
		"who asked":                 {change: func(j *responders.Job) { j.By = "U0EVE" }},
		"case":                      {change: func(j *responders.Job) { j.Case = "SB-AAAAAAAA" }},
		"a parameter's value":       {change: func(j *responders.Job) { j.Params = responders.Params{"host": "192.0.2.2", "port": "443"} }},
		"a parameter's name":        {change: func(j *responders.Job) { j.Params = responders.Params{"host": "192.0.2.1", "packets": "443"} }},
		"a parameter less":          {change: func(j *responders.Job) { j.Params = responders.Params{"host": "192.0.2.1"} }},
		"no parameters":             {change: func(j *responders.Job) { j.Params = nil }},
		"what a step noted":         {change: func(j *responders.Job) { j.Note(t0, "x") }, same: true},
		"where a step is":           {change: func(j *responders.Job) { j.Phase, j.State = "applied", []byte(`{}`) }, same: true},
		"as whom it runs":           {change: func(j *responders.Job) { j.Identity, j.Approver = "mei@corp.example", "U0MEI" }, same: true},
		"what was found on the way": {change: func(j *responders.Job) { j.Still, j.Manifest.Skipped = []string{"x"}, []string{"y"} }, same: true},
	} {
		j := base
		c.change(&j)
		if (j.Digest() == base.Digest()) != c.same {
			t.Errorf("%s: the digest is the same: %v", name, !c.same)
		}
	}
}

// TestAnOperationRunsAsWhoApprovedIt: AWS's own log names the approver; who has
// no name AWS takes leaves the one who asked.
func TestAnOperationRunsAsWhoApprovedIt(t *testing.T) {
	t.Parallel()
	for email, want := range map[string]string{"mei@corp.example": "mei@corp.example", "": "omar@corp.example", "o'neil@corp.example": "omar@corp.example"} {
		o := waiting(t)
		o.Job.Identity = "omar@corp.example"
		if _, err := o.Approve(responders.Person{ChatID: "U0MEI", Email: email}, o.Job.Digest(), t0); err != nil {
			t.Fatal(err)
		}
		if o.Job.Identity != want || o.Job.Approver != "U0MEI" || o.Decider != "U0MEI" || o.Job.Log[len(o.Job.Log)-1].What != "approved" {
			t.Errorf("%q: runs as %q, approved by %q and %q, log %v", email, o.Job.Identity, o.Job.Approver, o.Decider, o.Job.Log)
		}
	}
	o := approved(t)
	o.Job.Approver = "U0EVE" // the job and the operation must name the same
	if !errors.Is(o.Authorised(), responders.ErrRefused) {
		t.Error("it may act for another approver than the one who decided")
	}
	o = waiting(t)
	if _, err := o.Refuse("U0MEI", t0); err != nil || o.Decider != "U0MEI" || o.Why == "" {
		t.Errorf("refused by %q because %q, %v", o.Decider, o.Why, err)
	}
}

// TestNobodyWithoutAnAddressIsTakenForTheSubject: two unknown addresses are not
// the same person.
func TestNobodyWithoutAnAddressIsTakenForTheSubject(t *testing.T) {
	t.Parallel()
	o := waiting(t)
	o.Subject = responders.Person{}
	if _, err := o.Approve(responders.Person{ChatID: "U0MEI"}, o.Job.Digest(), t0); err != nil {
		t.Error(err)
	}
}

// TestHowOperationsEnd: the state, what is told to whom, and that the job is the
// one the step left.
func TestHowOperationsEnd(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		end   func(o *responders.Operation, j responders.Job) string
		state responders.State
		told  string
	}{
		"done": {func(o *responders.Operation, j responders.Job) string {
			return kinds(o.Stepped(j, responders.Progress{Done: true}, t0))
		}, responders.Done, "operation.show operation.record"},
		"one step": {func(o *responders.Operation, j responders.Job) string {
			return kinds(o.Stepped(j, responders.Progress{}, t0))
		}, responders.Running, "operation.step operation.show"},
		"refused by AWS": {func(o *responders.Operation, j responders.Job) string {
			return kinds(o.Stuck(j, responders.Refuse("it is protected"), t0))
		}, responders.Failed, "operation.show operation.record"},
		"outcome unknown": {func(o *responders.Operation, j responders.Job) string {
			return kinds(o.Stuck(j, responders.Doubt("look"), t0))
		}, responders.Unknown, "operation.show operation.record"},
		"an error of no kind": {func(o *responders.Operation, j responders.Job) string {
			return kinds(o.Stuck(j, errors.New("x"), t0))
		}, responders.Unknown, "operation.show operation.record"},
	} {
		o := approved(t)
		j := o.Job
		j.Phase = "as the step left it"
		if told := c.end(o, j); told != c.told || o.State != c.state || o.Job.Phase != j.Phase {
			t.Errorf("%s: %s, plans %q, phase %q", name, o.State, told, o.Job.Phase)
		}
		if o.IsOpen() == o.Ended.Equal(t0) {
			t.Errorf("%s: open %v, ended %v", name, o.IsOpen(), o.Ended)
		}
		before := *o
		if !o.IsOpen() {
			o.Stuck(responders.Job{}, errors.New("late"), t0)
			o.Stepped(responders.Job{}, responders.Progress{Done: true}, t0)
			o.Planned(responders.Plan{Refusal: "late"}, t0)
			if !reflect.DeepEqual(before, *o) {
				t.Errorf("%s: changed after its end", name)
			}
		}
	}
	// What ended before anything could be changed is shown, and recorded nowhere.
	for name, end := range map[string]func(o *responders.Operation) string{
		"refused": func(o *responders.Operation) string { e, _ := o.Refuse("U0MEI", t0); return kinds(e) },
		"expired": func(o *responders.Operation) string { return kinds(o.Tick(t0.Add(responders.ApprovalTime))) },
		"not possible": func(o *responders.Operation) string {
			o.State = responders.Planning
			return kinds(o.Planned(responders.Plan{Refusal: "protected"}, t0))
		},
	} {
		if told := end(waiting(t)); told != "operation.show" {
			t.Errorf("%s: plans %q", name, told)
		}
	}
}

// TestALostEffectIsPlannedAgain: what the store forgot comes back under the same
// id, until it is finished; then there is no timer any more.
func TestALostEffectIsPlannedAgain(t *testing.T) {
	t.Parallel()
	o := approved(t)
	o.Stepped(o.Job, responders.Progress{Done: true}, t0)
	now := t0.Add(time.Minute)
	if at := o.Timer(now); !at.After(now) {
		t.Fatalf("it is done with effects under way and looked at again %v", at)
	}
	var ids []string
	for _, e := range o.Tick(now) {
		if e.Doc != responders.DocID(o.ID) || e.Kind == "" || e.Lane == "" {
			t.Errorf("%+v", e)
		}
		ids = append(ids, strings.TrimPrefix(e.ID, o.ID+"/"))
	}
	slices.Sort(ids)
	if want := []string{"operation.plan", "operation.record", "operation.show", "operation.show/end", "operation.step/1"}; !slices.Equal(ids, want) {
		t.Fatalf("planned again: %v, want %v", ids, want)
	}
	for _, id := range ids {
		if o.Timer(now).IsZero() {
			t.Errorf("no timer, and %s is under way", id)
		}
		o.Finished(o.ID + "/" + id)
	}
	if !o.Timer(now).IsZero() || len(o.Tick(now)) != 0 || len(o.Pending) != 0 {
		t.Errorf("something is left: %v, %v", o.Timer(now), o.Pending)
	}
}

func TestStoredOperationsAreReadBack(t *testing.T) {
	t.Parallel()
	o := approved(t)
	o.Planned(responders.Plan{}, t0)
	body, err := o.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := responders.DecodeOperation(o.ID, body)
	if err != nil || back.ID != o.ID || back.Ref() != "OP-ABCDEFGH" || back.Authorised() != nil || len(back.Plan.Steps) != 1 || !back.Job.Started.Equal(t0) {
		t.Errorf("%+v, %v", back, err)
	}
	if o, err := responders.DecodeOperation("X", nil); o != nil || err != nil {
		t.Errorf("nothing is read as %v, %v", o, err)
	}
	if _, err := responders.DecodeOperation("X", []byte("{")); err == nil {
		t.Error("half an operation is read")
	}
	if _, unknown := responders.Propose(responders.Job{ID: "X", Action: "burn"}, responders.About{}, t0); len(unknown) != 2 {
		t.Error("an unknown action is not even planned")
	}
	odd, _ := responders.Propose(responders.Job{ID: "X", Action: "burn"}, responders.About{}, t0)
	if odd.Planned(responders.Plan{}, t0); odd.State != responders.Waiting {
		t.Errorf("an unknown action is %s without an approver", odd.State)
	}
}

func TestALogKeepsItsFirstLine(t *testing.T) {
	t.Parallel()
	var j responders.Job
	for i := range 100 {
		j.Note(t0, "line %d", i)
	}
	if len(j.Log) != 60 || j.Log[0].What != "line 0" || j.Log[1].What != "line 41" || j.Log[59].What != "line 99" {
		t.Errorf("%d lines, %v", len(j.Log), j.Log)
	}
}

func TestParametersAtTheirLimits(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		"tcpdump seconds=1": true, "tcpdump seconds=600": true, "tcpdump seconds=0": false, "tcpdump seconds=601": false,
		"memory minutes=5": true, "memory minutes=180": true, "memory minutes=4": false, "memory minutes=181": false,
		"isolate reason=" + strings.Repeat("ü", 300): true, "isolate reason=" + strings.Repeat("ü", 301): false,
		"isolate reason=\xff": false, "isolate reason=a\u0007b": false, "isolate reason=a\u200bb": false,
	} {
		action, args, _ := strings.Cut(text, " ")
		if _, err := parse(t, action, args); (err == nil) != ok {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	a, _ := responders.Find("isolate")
	if err := a.Check(responders.Params{}); err == nil || !strings.Contains(err.Error(), "reason is missing") {
		t.Errorf("a stored isolation without a reason: %v", err)
	}
	if err := a.Check(responders.Params{"reason": "two  spaces"}); err == nil {
		t.Error("a reason that is not canonical is accepted")
	}
	if got, _ := parse(t, "isolate", "reason=a", "", "  b\tc "); got["reason"] != "a b c" {
		t.Errorf("%q", got["reason"])
	}
	for n, want := range map[int]int{40: 40, 41: 41, 500: 41} { // 40 characters and the mark
		if _, err := parse(t, "tcpdump", "port="+strings.Repeat("ü", n)); strings.Count(err.Error(), "ü")+strings.Count(err.Error(), "…") != want {
			t.Errorf("%d: %v", n, err)
		}
	}
}

func TestHowParametersAreNamed(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]string{
		"snapshot": "none", "osquery": "set=triage|processes|network|persistence|users|containers", "memory": "minutes=5…180", "isolate": "reason=…",
		"tcpdump": "host=ADDRESS port=1…65535 proto=tcp|udp|icmp seconds=1…600 packets=1…1000000 megabytes=1…1000",
	} {
		if a, _ := responders.Find(id); a.Usage() != want {
			t.Errorf("%s: %q", id, a.Usage())
		}
	}
}

// TestAPolicyGrantsWhatTheCatalogueNames: no more, no less, and everything once.
func TestAPolicyGrantsWhatTheCatalogueNames(t *testing.T) {
	t.Parallel()
	for _, role := range responders.Roles {
		want := responders.Permissions(role)
		for i, p := range want {
			if slices.ContainsFunc(want[i+1:], func(q responders.Permission) bool { return reflect.DeepEqual(p, q) }) {
				t.Errorf("%s: %v is there twice", role, p.Actions)
			}
		}
		doc := policyOf(t, role, "aws")
		if len(doc.Statement) != len(want) {
			t.Fatalf("%s: %d statements, want %d", role, len(doc.Statement), len(want))
		}
		for i, s := range doc.Statement {
			resources := want[i].Resources
			if len(resources) == 0 {
				resources = []string{"*"}
			}
			if !slices.Equal(s.Action, want[i].Actions) || !slices.Equal(s.Resource, resources) || fmt.Sprint(s.Condition) != fmt.Sprint(want[i].Condition) {
				t.Errorf("%s: %+v, want %+v", role, s, want[i])
			}
		}
		if text, _ := responders.Policy(role, "aws"); len(text) > 6144 || strings.Contains(string(text), `\u003`) {
			t.Errorf("%s: %d characters: %.200s", role, len(text), text)
		}
	}
	for _, a := range responders.Catalogue() {
		for _, p := range a.Writes {
			if !slices.ContainsFunc(responders.Permissions(a.Role), func(q responders.Permission) bool { return reflect.DeepEqual(p, q) }) {
				t.Errorf("%s needs %v, which its role may not", a.ID, p.Actions)
			}
		}
	}
}
