package awsir_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/awsfake"
	"github.com/securitybot/securitybot/responders"
)

// twice does every step two times from what was stored before it, as after a
// crash just before the result was stored.
func (w *world) twice(j *responders.Job) *responders.Job {
	w.t.Helper()
	for range 200 {
		if _, _, err := w.step(j); err != nil {
			w.t.Fatalf("%s, phase %q: %v", j.Action, j.Phase, err)
		}
		next, p, err := w.step(j)
		if err != nil {
			w.t.Fatalf("%s, phase %q, the second time: %v", j.Action, j.Phase, err)
		}
		if j = next; p.Done {
			return j
		}
		w.pass(max(p.Again, time.Second))
	}
	w.t.Fatalf("%s does not end", j.Action)
	return nil
}

func TestEveryStepTwice(t *testing.T) {
	t.Parallel()
	for _, lag := range []int{0, 2} {
		w := newWorld(t)
		instance, targets := w.fleet()
		w.cloud.Lag(account, region, lag)
		before := w.picture(instance, targets)
		w.twice(w.job(responders.Snapshot, instance, "1"))
		w.twice(w.job(responders.Isolate, instance, "2"))
		w.isolated(instance)
		w.twice(w.job(responders.Release, instance, "3"))
		if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
			t.Errorf("after release\n%+v\nbefore isolation\n%+v", after, before)
		}
		if n, m := len(w.snapshots()), len(w.isolation()); n != 2 || m != 1 {
			t.Errorf("%d snapshots, %d isolation groups", n, m)
		}
	}
}

// After every single call that changes something the answer is lost, once or
// for as long as the connection is down, and the work is taken up again.
func TestEveryAnswerLostOnce(t *testing.T) {
	t.Parallel()
	lossless := newWorld(t)
	instance, _ := lossless.fleet()
	lossless.must(lossless.job(responders.Snapshot, instance, "1"))
	lossless.must(lossless.job(responders.Isolate, instance, "2"))
	lossless.must(lossless.job(responders.Release, instance, "3"))
	writes := len(lossless.cloud.Writes())
	if writes < 15 {
		t.Fatalf("only %d writes: is there nothing to lose?", writes)
	}
	for n := range writes {
		for kind, fault := range map[string]awsfake.Fault{"answer lost": awsfake.AnswerLost(), "call lost": awsfake.Dropped(), "broken": awsfake.Broken(), "busy": awsfake.Throttled()} {
			w := newWorld(t)
			instance, targets := w.fleet()
			before := w.picture(instance, targets)
			fault.Writes, fault.Skip, fault.Account = true, n, account
			w.cloud.Next("", "", 1, fault)
			name := fmt.Sprintf("%s, write %d", kind, n)
			w.must(w.job(responders.Snapshot, instance, "1"))
			w.must(w.job(responders.Isolate, instance, "2"))
			w.isolated(instance)
			w.must(w.job(responders.Release, instance, "3"))
			if after := w.picture(instance, targets); !reflect.DeepEqual(after, before) {
				t.Errorf("%s: after release\n%+v\nbefore isolation\n%+v", name, after, before)
			}
			w.locked()
			if s, g := len(w.snapshots()), len(w.isolation()); s != 2 || g != 1 {
				t.Errorf("%s: %d snapshots, %d isolation groups", name, s, g)
			}
		}
	}
}

// Random instances, random faults, random repetition: the groups are exactly
// as before, or the job says that they are not.
func TestRandomInstancesAndFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(24) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 7))
			w := newWorld(t)
			instance, targets := w.random(r)
			before := w.picture(instance, targets)
			w.storm(r, w.job(responders.Isolate, instance, "1"))
			w.isolated(instance)
			if r.IntN(3) == 0 {
				w.storm(r, w.job(responders.Isolate, instance, "2"))
			}
			w.storm(r, w.job(responders.Release, instance, "3"))
			after := w.picture(instance, targets)
			if !reflect.DeepEqual(after.Groups, before.Groups) {
				t.Errorf("after release\n%v\nbefore isolation\n%v", after.Groups, before.Groups)
			}
			if vpcs := 2; len(w.isolation()) > vpcs {
				t.Errorf("%d isolation groups", len(w.isolation()))
			}
			if keys := w.shelf.keys(); len(keys) != 0 {
				t.Errorf("records left: %v", keys)
			}
		})
	}
}

// random makes an instance with up to 15 interfaces in one or two networks and
// up to 16 groups each.
func (w *world) random(r *rand.Rand) (string, []string) {
	var groups [2][]string
	vpcs := [2]string{vpc, "vpc-00000000000000002"}
	for n := range vpcs {
		w.cloud.AddVPC(account, region, vpcs[n], awsfake.VPC{Default: r.IntN(2) == 0, IPv6: r.IntN(2) == 0})
		for range 16 {
			groups[n] = append(groups[n], w.cloud.AddGroup(account, region, awsfake.Group{VPC: vpcs[n], Rules: []awsfake.Rule{awsfake.Open()}}))
		}
	}
	some := func(n int) []string {
		out := slices.Clone(groups[n])
		r.Shuffle(len(out), func(i, j int) { out[i], out[j] = out[j], out[i] })
		return out[:1+r.IntN(16)]
	}
	instance := w.cloud.AddInstance(account, region, awsfake.Instance{Groups: some(0)})
	for i := range r.IntN(15) {
		n := r.IntN(2)
		w.cloud.AddInterface(account, region, awsfake.Interface{Instance: instance, Index: i + 1, VPC: vpcs[n], Groups: some(n), Kind: []string{"interface", "efa", "trunk"}[r.IntN(3)]})
	}
	if r.IntN(2) == 0 {
		w.cloud.AddScalingGroup(account, region, awsfake.ScalingGroup{Name: "web", Min: r.IntN(2), Desired: 1}, instance)
	}
	w.cloud.Lag(account, region, r.IntN(4))
	return instance, nil
}

// storm runs a job while calls fail in every way and steps are repeated.
func (w *world) storm(r *rand.Rand, j *responders.Job) {
	w.t.Helper()
	faults := []awsfake.Fault{awsfake.AnswerLost(), awsfake.Dropped(), awsfake.Broken(), awsfake.Throttled()}
	for range 400 {
		w.cloud.Calm()
		if r.IntN(2) == 0 {
			f := faults[r.IntN(len(faults))]
			f.Skip = r.IntN(12)
			w.cloud.Next("", "", 1+r.IntN(4), f)
		}
		next, p, err := w.step(j)
		if ends(err) {
			w.t.Fatalf("%s, phase %q: %v", j.Action, j.Phase, err)
		}
		if err == nil && p.Done {
			w.cloud.Calm()
			return
		}
		if r.IntN(4) > 0 { // else the result was not stored
			j = next
		}
		w.pass(max(p.Again, time.Second))
	}
	w.t.Fatalf("%s does not end; it is in phase %q", j.Action, j.Phase)
}

// A step ends within its time even when nobody answers.
func TestAStepEndsWhenAWSHangs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	instance, _ := w.fleet()
	w.limit = 100 * time.Millisecond
	w.actor = w.newActor(w.roles, "")
	w.cloud.Next("", "", -1, awsfake.Hang())
	began := time.Now()
	_, err := w.actor.Step(t.Context(), w.job(responders.Isolate, instance, "1"))
	if err == nil || errors.Is(err, responders.ErrRefused) || errors.Is(err, responders.ErrUnknown) {
		t.Errorf("%v", err)
	}
	t.Logf("it took %s", time.Since(began)) // without the limit it would not end
}

// Every failpoint in the code is in the package's description, and the other
// way round.
func TestFailpointsAreListed(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`\b(isolate|release|snapshot|instance)\.[a-z]+\b`)
	listed := slices.Sorted(slices.Values(name.FindAllString(strings.ReplaceAll(string(doc), "internal/awsrole", ""), -1)))
	var used []string
	files, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if strings.HasSuffix(f.Name(), "_test.go") || !strings.HasSuffix(f.Name(), ".go") {
			continue
		}
		text, err := os.ReadFile(f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`failpoint\.Hit\("((?:isolate|release|snapshot|instance)\.[a-z]+)"\)`).FindAllStringSubmatch(string(text), -1) {
			used = append(used, m[1])
		}
	}
	slices.Sort(used)
	if used = slices.Compact(used); !slices.Equal(listed, used) {
		t.Errorf("listed %v\nused   %v", listed, used)
	}
}
