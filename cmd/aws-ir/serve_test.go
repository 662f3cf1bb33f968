package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/goccy/go-yaml"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
	"github.com/securitybot/securitybot/responders/awsir"
)

func testJob(id string) responders.Job {
	return responders.Job{ID: id, Action: responders.OSQuery, Target: responders.Target{Account: member, Region: region, Instance: instance},
		Params: responders.Params{"set": "triage"}, By: "ann", Case: "SB-7"}
}

// inProcess is the system of a world in the test's own process, with records
// in the evidence bucket as in a function.
func (w *world) inProcess() *system {
	w.t.Helper()
	var s settings
	if err := yaml.Unmarshal([]byte(configText), &s); err != nil {
		w.t.Fatal(err)
	}
	key := w.cloud.User(hub, "function")
	cfg := aws.Config{Region: region, BaseEndpoint: &w.front.URL, HTTPClient: w.front.Client(),
		Credentials: credentials.NewStaticCredentialsProvider(key.AccessKeyID, key.SecretAccessKey, "")}
	sys, err := s.assemble(cfg, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		w.t.Fatal(err)
	}
	return sys
}

func (w *world) function() *function {
	sys := w.inProcess()
	return &function{open: func(context.Context) (actor, error) { return sys.actor, nil }}
}

// through passes a value as Lambda and Step Functions do: as JSON.
func through[T any](t *testing.T, v any) T {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out T
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestTheFunctionStepsToTheEnd(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	f := w.function()
	e := event{Op: "plan", Job: testJob(newID())}
	got, err := f.handle(t.Context(), e)
	if err != nil || got.Done || got.Plan == nil || len(got.Plan.Steps) == 0 || len(w.cloud.Writes()) != 0 {
		t.Fatalf("plan: %+v, %v", got, err)
	}
	waited := 0
	deadline := time.Now().Add(30 * time.Second)
	for !got.Done && time.Now().Before(deadline) {
		e = through[event](t, event{Op: "step", Job: got.Job})
		if got, err = f.handle(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		waited = max(waited, got.WaitSeconds)
	}
	if got.State != done || waited < 3 || len(got.Job.Manifest.Artifacts) != 3 {
		t.Errorf("%+v after waits of up to %ds", got, waited)
	}
	if n := len(w.cloud.Commands(member, region)); n != 1 {
		t.Errorf("%d commands", n)
	}
}

func TestTheFunctionSaysWhyItEnds(t *testing.T) {
	t.Parallel()
	gone := testJob(newID())
	gone.Target.Instance = "i-0ffffffffffffffff"
	isolate := func(by, approver string) responders.Job {
		j := testJob(newID())
		j.Action, j.Params, j.By, j.Approver = responders.Isolate, responders.Params{"reason": "test"}, by, approver
		return j
	}
	nobody := testJob(newID())
	nobody.By = " "
	for _, c := range []struct {
		name string
		e    event
		says string
	}{
		{"no such instance", event{Op: "step", Job: gone}, "no instance"},
		{"no such operation", event{Op: "erase", Job: testJob(newID())}, "not an operation"},
		{"nobody approved", event{Op: "step", Job: isolate("ann", "")}, "second person"},
		{"approved alone", event{Op: "step", Job: isolate("ann", "Ann ")}, "cannot approve it alone"},
		{"asked by nobody", event{Op: "step", Job: nobody}, "nobody is named"},
	} {
		w := newWorld(t)
		got, err := w.function().handle(t.Context(), c.e)
		if err != nil || got.State != refused || !got.Done || !strings.Contains(got.Message, c.says) {
			t.Errorf("%s: %+v, %v", c.name, got, err)
		}
		if n := len(w.cloud.Writes()); n != 0 {
			t.Errorf("%s: %d calls that change something", c.name, n)
		}
	}
}

func TestTheFunctionFailsWhenItIsWorthTryingAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cloud.Next("ec2", "DescribeInstances", -1, awsfake.Broken())
	if got, err := w.function().handle(t.Context(), event{Op: "step", Job: testJob(newID())}); err == nil || got.State != "" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTheFunctionSaysWhenNobodyKnows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.cloud.AddAgent(member, region, awsfake.Agent{Instance: instance, Run: func(awsfake.Command) awsfake.Invocation {
		return awsfake.Invocation{Status: "Success", Stdout: "all is well, believe me"}
	}})
	f, got := w.function(), answer{Job: testJob(newID())}
	for deadline := time.Now().Add(30 * time.Second); !got.Done && time.Now().Before(deadline); {
		var err error
		if got, err = f.handle(t.Context(), event{Op: "step", Job: got.Job}); err != nil {
			t.Fatal(err)
		}
	}
	if got.State != unknown || !strings.Contains(got.Message, "forged") {
		t.Errorf("%+v", got)
	}
}

func post(h http.Handler, path, token, host string, body any) *httptest.ResponseRecorder {
	b, _ := json.Marshal(body)
	r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(b))
	r.Host = host
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestServeKeepsTheJournalAndTheDoor(t *testing.T) {
	t.Parallel()
	pages, err := openJournal(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	token := strings.Repeat("k", minToken)
	w := newWorld(t)
	h := newAPI(w.inProcess().actor, pages, token)
	j := testJob("01JAAAAAAA")
	for _, c := range []struct {
		name, path, token, host string
		body                    any
		status                  int
	}{
		{"no token", "/v1/step", "", "127.0.0.1:8181", event{Job: j}, 401},
		{"wrong token", "/v1/step", token + "x", "127.0.0.1:8181", event{Job: j}, 401},
		{"another name", "/v1/step", token, "rebound.example.com:8181", event{Job: j}, 403},
		{"not an event", "/v1/step", token, "127.0.0.1:8181", map[string]string{"command": "id"}, 400},
		{"another operation", "/v1/plan", token, "127.0.0.1:8181", event{Op: "step", Job: j}, 400},
		{"an id that is a path", "/v1/step", token, "127.0.0.1:8181", event{Job: testJob("../../etc")}, 400},
	} {
		if w := post(h, c.path, c.token, c.host, c.body); w.Code != c.status {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
	}
	if _, err := pages.read(j.ID); err == nil || len(w.cloud.Calls()) != 0 {
		t.Errorf("a refused request left a job (%v) or made %d calls", err, len(w.cloud.Calls()))
	}
	res := post(h, "/v1/step", token, "127.0.0.1:8181", event{Job: j})
	var got answer
	if err := json.Unmarshal(res.Body.Bytes(), &got); err != nil || res.Code != 200 || got.Job.Phase != "describe" {
		t.Errorf("%d %s", res.Code, res.Body)
	}
	if p, err := pages.read(j.ID); err != nil || p.Job.Phase != "describe" || p.State != running {
		t.Errorf("journal: %+v, %v", p, err)
	}
	r := httptest.NewRequest(http.MethodGet, "/v1/jobs/"+j.ID, nil)
	r.Host = "127.0.0.1:8181"
	r.Header.Set("Authorization", "Bearer "+token)
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), `"describe"`) {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

func TestRecordsOnFilesAreNeverOverwritten(t *testing.T) {
	t.Parallel()
	r := fileRecords{t.TempDir()}
	ctx := t.Context()
	if _, there, err := r.Get(ctx, "isolate/a"); there || err != nil {
		t.Errorf("%v %v", there, err)
	}
	if err := r.Put(ctx, "isolate/a", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := r.Put(ctx, "isolate/a", []byte("two")); !errors.Is(err, awsir.ErrExists) {
		t.Errorf("the second: %v", err)
	}
	if b, there, err := r.Get(ctx, "isolate/a"); string(b) != "one" || !there || err != nil {
		t.Errorf("%q %v %v", b, there, err)
	}
	for range 2 {
		if err := r.Delete(ctx, "isolate/a"); err != nil {
			t.Error(err)
		}
	}
	if err := r.Put(ctx, "isolate/a", []byte("three")); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "../x", "a//b", "/a", "a b"} {
		if err := r.Put(ctx, bad, nil); err == nil || errors.Is(err, awsir.ErrExists) {
			t.Errorf("%q was taken: %v", bad, err)
		}
	}
}
