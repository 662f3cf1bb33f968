package intake

import (
	"fmt"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/securitybot/securitybot/findings"
)

func someJobs(ids ...string) (out []*job) {
	for _, id := range ids {
		out = append(out, &job{m: &inflight{id: id}})
	}
	return out
}

func TestOutageNeedsDifferentMessagesAndNoSuccess(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for name, row := range map[string]struct {
		do   func(o *outage)
		want bool
	}{
		"nothing":      {func(*outage) {}, false},
		"two messages": {func(o *outage) { o.failed(someJobs("a", "b"), now) }, false},
		"one three times": {func(o *outage) {
			o.failed(someJobs("a"), now)
			o.failed(someJobs("a"), now)
			o.failed(someJobs("a"), now)
		}, false},
		"three messages":  {func(o *outage) { o.failed(someJobs("a", "b"), now); o.failed(someJobs("c"), now) }, true},
		"success between": {func(o *outage) { o.failed(someJobs("a", "b"), now); o.over(now); o.failed(someJobs("c"), now) }, false},
		"success after":   {func(o *outage) { o.failed(someJobs("a", "b", "c"), now); o.over(now) }, false},
	} {
		o := newOutage()
		row.do(o)
		if got := !o.began().IsZero(); got != row.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestNothingIsDeletedAfterTheEnd(t *testing.T) {
	t.Parallel()
	d := &deleter{} // without a poller: a call would panic
	d.close(t.Context())
	d.add(t.Context(), []*inflight{{id: "a"}})
	if len(d.pending) != 0 || d.timer != nil {
		t.Error("taken after the end")
	}
}

func TestMemoryKeepsTheLatest(t *testing.T) {
	t.Parallel()
	m := newMemory(100)
	m.excuse("x")
	for i := range 1000 {
		m.excuse("x")
		m.park(fmt.Sprint(i))
		if len(m.young)+len(m.old) > 200 {
			t.Fatal("grows without bound")
		}
	}
	if n := m.get("x"); n.excused != 1001 || n.parked {
		t.Errorf("%+v", n)
	}
	if !m.get("999").parked || !m.get("901").parked || m.get("1").parked {
		t.Error("kept the wrong ones")
	}
	m.blame("x")
	if m.get("x").excused != 1000 {
		t.Error("not blamed")
	}
}

func TestDelaysStayWithinTheirBounds(t *testing.T) {
	t.Parallel()
	for n := range 100 {
		for name, row := range map[string]struct{ d, least, most time.Duration }{
			"backoff": {backoff(time.Second, time.Minute, n), 750 * time.Millisecond, time.Minute},
			"later":   {laterDelay(n), 7500 * time.Millisecond, 10 * time.Minute},
			"parked":  {parkedDelay(n), 22500 * time.Millisecond, time.Hour},
		} {
			if row.d < row.least || row.d > row.most {
				t.Errorf("%s %d: %v", name, n, row.d)
			}
		}
	}
	if jitter(0) != 0 {
		t.Error("jitter of nothing")
	}
}

// FuzzOpen feeds bodies to everything that reads one: nothing may panic, and
// every body is handed on, parked, or both.
func FuzzOpen(f *testing.F) {
	for _, s := range []string{"", "hello", "[]", `{"Type":"Notification","TopicArn":"x","Message":"{}"}`, `{"detail-type":"GuardDuty Finding","source":"aws.guardduty","detail":{"id":"a","type":"A:B/C","severity":8}}`, "{}\n{}", "\ufeff{}", strings.Repeat("[", 100)} {
		f.Add(s, true)
		f.Add(s, false)
	}
	plain, err := New(Config{QueueURL: "http://127.0.0.1:1/1/q", Topics: []string{testTopic}, Parse: findings.Parse}, neverSQS{}, neverHandler{}, neverParker{}, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	strict, err := New(Config{QueueURL: "http://127.0.0.1:1/1/q", VerifySNS: true, Accounts: []string{"111122223333"}, Regions: []string{"eu-west-1"}}, neverSQS{}, neverHandler{}, neverParker{}, nil, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body string, verify bool) {
		p := plain
		if verify {
			p = strict
			if strings.Contains(body, "SimpleNotificationService-") {
				return // it would be fetched
			}
		}
		j := &job{m: &inflight{id: "m", body: body}}
		if err := p.open(t.Context(), j); err != nil {
			t.Fatal(err)
		}
		if len(j.arrival.Items) == 0 && j.parked.Kind == "" {
			t.Error("neither handed on nor parked")
		}
		if len(j.parked.Body) > keptBody || j.parked.Kind == KindPanic {
			t.Errorf("parked %+v", j.parked)
		}
		for _, it := range j.arrival.Items {
			if it.Finding == nil || it.Err != nil {
				t.Error("an unusable item was handed on")
			}
		}
	})
}

// TestWhatIsRememberedKeepsNoBatch: the client cuts all texts of an answer out of
// one piece of memory.
func TestWhatIsRememberedKeepsNoBatch(t *testing.T) {
	t.Parallel()
	answer := "m1 and the other forty kilobytes"
	id := answer[:2]
	if m := newInflight(types.Message{MessageId: &id}, time.Now(), time.Minute); unsafe.StringData(m.id) == unsafe.StringData(answer) {
		t.Error("the id keeps the answer it came in")
	}
}
