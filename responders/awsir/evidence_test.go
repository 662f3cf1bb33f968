package awsir

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

func caseJob(id string) responders.Job {
	return responders.Job{ID: id, Action: responders.OSQuery, Case: "SB-7", By: "ann", Phase: phaseManifest, State: json.RawMessage(`{"secret":"address"}`),
		Manifest: responders.Manifest{Facts: map[string]string{"b": "<2>", "a": "1"}}}
}

func TestManifestsFormAChain(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	ids := []string{"01JAAAAAAAAA", "01JBBBBBBBBB", "01JCCCCCCCCC"}
	for _, id := range ids {
		first, err := w.evidence.SaveManifest(t.Context(), caseJob(id))
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.evidence.SaveManifest(t.Context(), caseJob(id))
		if err != nil || again.URI != first.URI || again.SHA256 != first.SHA256 {
			t.Errorf("%s was stored twice: %v %+v %+v", id, err, first, again)
		}
	}
	if n, err := w.evidence.CheckChain(t.Context(), "SB-7"); n != 3 || err != nil {
		t.Errorf("%d %v", n, err)
	}
	o := w.cloud.Objects(hostBucket)["cases/SB-7/manifests/00000002.json"]
	if !strings.Contains(string(o.Body), `"facts":{"a":"1","b":"<2>"}`) || strings.Contains(string(o.Body), "secret") || o.LockMode != "GOVERNANCE" {
		t.Errorf("%s, lock %q", o.Body, o.LockMode)
	}
}

func TestAChangedChainIsNoticed(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(*hostWorld){
		"edited": func(w *hostWorld) {
			w.cloud.Tamper(hostBucket, "cases/SB-7/manifests/00000002.json", func(b []byte) []byte { return bytes.Replace(b, []byte("ann"), []byte("ben"), 1) })
		},
		"first edited": func(w *hostWorld) {
			w.cloud.Tamper(hostBucket, "cases/SB-7/manifests/00000001.json", func(b []byte) []byte { return append(b, ' ') })
		},
		"replaced by nothing": func(w *hostWorld) {
			w.cloud.Tamper(hostBucket, "cases/SB-7/manifests/00000002.json", func([]byte) []byte { return nil })
		},
		"swapped": func(w *hostWorld) {
			all := w.cloud.Objects(hostBucket)
			one, two := all["cases/SB-7/manifests/00000001.json"].Body, all["cases/SB-7/manifests/00000002.json"].Body
			w.cloud.Tamper(hostBucket, "cases/SB-7/manifests/00000001.json", func([]byte) []byte { return two })
			w.cloud.Tamper(hostBucket, "cases/SB-7/manifests/00000002.json", func([]byte) []byte { return one })
		},
	} {
		w := newHostWorld(t)
		for _, id := range []string{"01JAAAAAAAAA", "01JBBBBBBBBB", "01JCCCCCCCCC"} {
			if _, err := w.evidence.SaveManifest(t.Context(), caseJob(id)); err != nil {
				t.Fatal(err)
			}
		}
		damage(w)
		if _, err := w.evidence.CheckChain(t.Context(), "SB-7"); err == nil {
			t.Errorf("%s: not noticed", name)
		}
	}
}

// Jobs of one case that end at the same moment each get a place in the chain.
func TestManifestsOfOneMomentDoNotOverwriteEachOther(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	var wg sync.WaitGroup
	for _, id := range []string{"01JAAAAAAAAA", "01JBBBBBBBBB", "01JCCCCCCCCC", "01JDDDDDDDDD"} {
		wg.Go(func() {
			if _, err := w.evidence.SaveManifest(t.Context(), caseJob(id)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n, err := w.evidence.CheckChain(t.Context(), "SB-7"); n != 4 || err != nil {
		t.Errorf("%d manifests, %v", n, err)
	}
	for i := 1; i <= 4; i++ {
		if v := w.cloud.Versions(hostBucket, chainKey(caseJob("x"), i)); len(v) != 1 {
			t.Errorf("manifest %d has %d versions", i, len(v))
		}
	}
}

func TestReadingBackGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	body := bytes.Repeat([]byte("0123456789abcdef"), slice/16)
	body = append(body, []byte("and the rest")...)
	if _, err := w.evidence.create(t.Context(), "cases/none/x", "text/plain", body[:slice/2], nil); err != nil {
		t.Fatal(err)
	}
	w.cloud.Tamper(hostBucket, "cases/none/x", func([]byte) []byte { return body }) // larger than a request to the double
	o, _, err := w.evidence.stat(t.Context(), "cases/none/x")
	if err != nil || o.Size != int64(len(body)) {
		t.Fatal(o, err)
	}
	var r reading
	steps, got := 0, ""
	for got == "" && steps < 5 {
		stored := mustJSON(t, r)
		r = reading{}
		if err := json.Unmarshal(stored, &r); err != nil {
			t.Fatal(err)
		}
		if got, err = w.evidence.readBack(t.Context(), "cases/none/x", o, &r); err != nil {
			t.Fatal(err)
		}
		steps++
	}
	if got != sum(body) || steps != 2 {
		t.Errorf("%s after %d steps, want %s", got, steps, sum(body))
	}
}

func TestRecordsInTheBucketAreNeverOverwritten(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	r, ctx := w.evidence.Records(), t.Context()
	if _, there, err := r.Get(ctx, "isolate/a"); there || err != nil {
		t.Errorf("%v %v", there, err)
	}
	if err := r.Put(ctx, "isolate/a", []byte("one")); err != nil {
		t.Fatal(err)
	}
	if err := r.Put(ctx, "isolate/a", []byte("two")); !errors.Is(err, ErrExists) {
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
	if _, there, err := r.Get(ctx, "isolate/a"); there || err != nil {
		t.Errorf("deleted: %v %v", there, err)
	}
	if err := r.Put(ctx, "isolate/a", []byte("three")); err != nil {
		t.Error(err)
	}
	w.cloud.Next("s3", "PutObject", 1, awsfake.Broken())
	if err := r.Put(ctx, "isolate/b", nil); err == nil || errors.Is(err, ErrExists) {
		t.Errorf("a failure: %v", err)
	}
}

func TestEvidenceConfigIsChecked(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]EvidenceConfig{
		"not the name of a bucket": {Bucket: "Evidence!"},
		"lock mode":                {Bucket: "evidence", LockMode: "FOREVER", LockDays: 3},
		"number of days":           {Bucket: "evidence", LockMode: "COMPLIANCE"},
	} {
		if _, err := NewEvidence(c, aws.Config{}, time.Now); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v", c, err)
		}
	}
}

// A case's name comes from elsewhere: it must not lead out of its folder.
func TestNamesOfCasesStayInTheirFolder(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"SB-7": "cases/SB-7/", "": "cases/none/", "../x": "cases/none/", "a/b": "cases/none/", ".": "cases/none/", strings.Repeat("a", 90): "cases/none/"} {
		if got := folder(responders.Job{Case: name}); got != want {
			t.Errorf("%q: %s", name, got)
		}
	}
}

// Only evidence of cases is opened, whatever a stored name says.
func TestOpenEvidence(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	a, err := w.evidence.SaveManifest(t.Context(), caseJob("01JAAAAAAAAA"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.evidence.Open(t.Context(), a.URI)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if body, err := io.ReadAll(r); err != nil || hash(body) != a.SHA256 {
		t.Errorf("%s %v", body, err)
	}
	if _, err := w.evidence.create(t.Context(), "records/secret", "text/plain", []byte("x"), nil); err != nil {
		t.Fatal(err)
	}
	w.cloud.Forget()
	for _, uri := range []string{"s3://" + hostBucket + "/records/secret", "s3://other-bucket/cases/SB-7/a", "s3://" + hostBucket + "x/cases/a", "https://192.0.2.1/a", ""} {
		if _, err := w.evidence.Open(t.Context(), uri); !errors.Is(err, ErrNoEvidence) {
			t.Errorf("%s: %v", uri, err)
		}
	}
	if n := len(w.cloud.CallsOf("s3", "GetObject")); n != 0 {
		t.Errorf("%d of them were asked for", n)
	}
	if _, err := w.evidence.Open(t.Context(), "s3://"+hostBucket+"/cases/SB-7/none"); !errors.Is(err, ErrNoEvidence) {
		t.Errorf("gone: %v", err)
	}
	w.cloud.Next("s3", "GetObject", -1, awsfake.Denied())
	if _, err := w.evidence.Open(t.Context(), a.URI); err == nil || errors.Is(err, ErrNoEvidence) {
		t.Errorf("denied: %v", err)
	}
}

// With a key of one's own, everything the store writes is encrypted with it.
func TestEvidenceIsEncryptedWithTheConfiguredKey(t *testing.T) {
	t.Parallel()
	w := newHostWorld(t)
	w.evidence.cfg.KMSKey = "arn:aws:kms:eu-west-1:111122223333:key/1"
	j := *w.job(responders.Memory)
	if _, err := w.evidence.SaveManifest(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	if err := w.evidence.Records().Put(t.Context(), "isolation/x", []byte("{}")); err != nil {
		t.Fatal(err)
	}
	objects := w.cloud.Objects(hostBucket)
	if len(objects) != 2 {
		t.Errorf("%d objects", len(objects))
	}
	for key, o := range objects {
		if o.SSE != "aws:kms" {
			t.Errorf("%s is encrypted by %q", key, o.SSE)
		}
	}
}
