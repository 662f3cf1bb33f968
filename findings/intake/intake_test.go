package intake_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

func TestFindingIsHandedOnAndThenDeleted(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		id := r.sqs.Send(queue, event("f1"), sqsfake.Aged(90*time.Second))
		sent := r.sqs.Now().Add(-90 * time.Second)
		r.start()
		r.after(time.Second)
		got := r.handler.seen()
		if len(got) != 1 {
			t.Fatalf("handed on %d", len(got))
		}
		a := got[0]
		if a.MessageID != id || a.ReceiveCount != 1 || a.Queue != r.sqs.QueueURL(queue) || a.SentAt.Sub(sent).Abs() > time.Second {
			t.Errorf("arrival is %+v", a)
		}
		if len(a.Items) != 1 || a.Items[0].Finding.ID != "f1" {
			t.Errorf("items are %+v", a.Items)
		}
		if r.deleted() != 1 || len(r.sqs.Messages(queue)) != 0 {
			t.Errorf("deleted %d", r.deleted())
		}
		for name, want := range map[string]float64{"received_total": 1, "handled_total": 1, "later_total": 0, "in_hand": 0, "delete_failures_total": 0, "parked_total{refused}": 0} {
			r.wantMetric(name, want)
		}
		if err := r.poller.Healthy(); err != nil {
			t.Error(err)
		}
	})
}

func TestNothingIsDeletedBeforeItIsHandled(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		durable := make(chan struct{})
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			<-durable
			return all(batch, intake.Handled)
		})
		r.send(3)
		r.start()
		r.after(time.Minute)
		if r.deleted() != 0 {
			t.Fatal("deleted before it was durable")
		}
		r.wantMetric("in_hand", 3)
		close(durable)
		r.after(time.Second)
		if r.deleted() != 3 {
			t.Errorf("deleted %d", r.deleted())
		}
	})
}

func TestEmptyQueueIsAskedByOneLongPoll(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.start()
		for range 10 {
			r.after(time.Minute)
			if n := r.sqs.Waiting(queue); n != 1 {
				t.Fatalf("%d long polls open", n)
			}
		}
		if n := len(r.sqs.Calls("")); n > 30 {
			t.Errorf("%d calls in ten minutes", n)
		}
		for _, c := range r.sqs.Calls("") {
			if c.Action != "ReceiveMessage" || c.Wait != 20*time.Second || c.Entries != 10 {
				t.Errorf("call %+v", c)
			}
		}
	})
}

// overlap returns the most calls that were under way at once.
func overlap(calls []sqsfake.Call) int {
	most := 0
	for _, a := range calls {
		n := 0
		for _, b := range calls {
			if !b.At.After(a.At) && b.At.Add(b.Took).After(a.At) {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

func TestLoopsAreAddedWhileBatchesComeBackFullAndNoLonger(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, func(c *intake.Config) { c.Workers = 3 }, func(t *testing.T, r *rig) {
		r.sqs.Inject(sqsfake.Fault{Delay: 12 * time.Millisecond})
		ids := r.send(500)
		r.start()
		r.after(time.Minute)
		if n := r.sqs.Waiting(queue); n != 1 {
			t.Errorf("%d long polls open afterwards", n)
		}
		if n := overlap(r.sqs.Calls("ReceiveMessage")); n != 3 {
			t.Errorf("at most %d receives at once, want 3", n)
		}
		got := r.handler.ids()
		if slices.Sort(got); !slices.Equal(got, ids) {
			t.Errorf("handed on %d of %d", len(got), len(ids))
		}
		deletes := r.sqs.Calls("DeleteMessageBatch")
		if len(deletes) != 50 || r.deleted() != 500 {
			t.Errorf("%d calls deleted %d", len(deletes), r.deleted())
		}
		before := len(r.sqs.Calls("ReceiveMessage"))
		r.after(time.Minute)
		if n := len(r.sqs.Calls("ReceiveMessage")) - before; n > 3 {
			t.Errorf("%d calls a minute afterwards", n)
		}
	})
}

func TestDeletesOfSeveralBatchesAreMadeTogether(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.start()
		r.after(time.Second)
		for range 6 { // each wakes the long poll alone
			r.send(1)
			r.after(5 * time.Millisecond)
		}
		r.after(time.Second)
		if n := len(r.sqs.Calls("DeleteMessageBatch")); n != 1 || r.deleted() != 6 {
			t.Errorf("%d calls deleted %d", n, r.deleted())
		}
	})
}

func TestMessagesInHandAreBoundedAndSlowBatchesDoNotStopTheRest(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, func(c *intake.Config) { c.MaxInHand = 40; c.MaxHold = 10 * time.Minute }, func(t *testing.T, r *rig) {
		free := make(chan struct{})
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			if slices.ContainsFunc(batch, func(a intake.Arrival) bool { return a.Items[0].Finding.ID < "finding-0030" }) {
				<-free
			}
			return all(batch, intake.Handled)
		})
		r.send(30)
		r.start()
		r.after(time.Second)
		r.wantMetric("in_hand", 30)
		for i := range 200 {
			r.sqs.Send(queue, event(fmt.Sprintf("later-%03d", i)))
		}
		r.after(time.Second)
		if n := r.deleted(); n != 200 {
			t.Errorf("slow batches let only %d others through", n)
		}
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			<-free
			return all(batch, intake.Handled)
		})
		r.send(100)
		r.after(time.Minute)
		if n := r.sqs.InFlight(queue); n != 40 {
			t.Errorf("%d in flight, want 40", n)
		}
		close(free)
		r.after(time.Minute)
		if n := r.deleted(); n != 330 {
			t.Errorf("deleted %d", n)
		}
	})
}

func TestBytesInHandAreBounded(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, func(c *intake.Config) { c.MaxBytesInHand = 1 << 20; c.Workers = 1 }, func(t *testing.T, r *rig) {
		free := make(chan struct{})
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			<-free
			return all(batch, intake.Handled)
		})
		big := strings.Repeat(" ", 900<<10)
		for i := range 40 {
			r.sqs.Send(queue, event(fmt.Sprint("big-", i))+big)
		}
		r.start()
		r.after(10 * time.Second)
		if n := r.sqs.InFlight(queue); n != 10 {
			t.Errorf("%d in flight, want the one batch", n)
		}
		close(free)
		r.after(10 * time.Second)
		if r.deleted() != 40 {
			t.Errorf("deleted %d", r.deleted())
		}
	})
}

func TestRunIsForOnce(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		if r.poller.Healthy() == nil {
			t.Error("healthy before it runs")
		}
		r.start()
		r.after(time.Second)
		if err := r.poller.Run(context.Background()); err == nil {
			t.Error("ran twice")
		}
		r.end()
		if r.poller.Healthy() == nil {
			t.Error("healthy after it ran")
		}
	})
}

func TestAnEarlierCopyOfTheSameMessageDoesNoHarm(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{DuplicateEvery: 1, Shuffle: 3}, nil, func(t *testing.T, r *rig) {
		ids := r.send(50)
		r.start()
		r.after(100 * time.Millisecond)
		r.sqs.CreateQueue(queue, sqsfake.QueueOptions{})
		r.after(time.Minute)
		got := r.handler.ids()
		if len(got) <= len(ids) {
			t.Fatalf("no duplicates: %d", len(got))
		}
		slices.Sort(got)
		if got = slices.Compact(got); !slices.Equal(got, ids) || r.deleted() != 50 {
			t.Errorf("handed on %d different, deleted %d", len(got), r.deleted())
		}
		if n := len(r.parker.parked()); n != 0 {
			t.Errorf("parked %d", n)
		}
	})
}
