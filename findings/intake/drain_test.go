package intake_test

import (
	"context"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

func TestIdleIntakeEndsAtOnceAndReceivesNoMore(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.start()
		r.after(5 * time.Second)
		if d := r.end(); d > time.Second {
			t.Errorf("took %v", d)
		}
		r.send(3)
		r.after(time.Hour)
		if n := len(r.sqs.Calls("")); n != 1 {
			t.Errorf("%d calls", n)
		}
		if r.sqs.Depth(queue) != 3 {
			t.Errorf("%d messages are visible", r.sqs.Depth(queue))
		}
	})
}

func TestWorkInHandIsFinished(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			time.Sleep(10 * time.Second)
			return all(batch, intake.Handled)
		})
		ids := r.send(5)
		r.start()
		r.after(time.Second)
		if d := r.end(); d < 9*time.Second || d > 10*time.Second {
			t.Errorf("took %v", d)
		}
		r.wantOnce(ids)
	})
}

func TestReceiveUnderWayAtTheEndIsNotWasted(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, func(c *intake.Config) { c.Workers = 1 }, func(t *testing.T, r *rig) {
		r.sqs.Inject(sqsfake.Fault{Delay: 100 * time.Millisecond})
		ids := r.send(10)
		r.start()
		r.after(50 * time.Millisecond)
		r.end()
		r.wantOnce(ids)
	})
}

func TestUnfinishedWorkIsHandedBackInTime(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		never := make(chan struct{})
		defer close(never)
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			<-never
			return all(batch, intake.Handled)
		})
		r.send(25)
		r.start()
		r.after(time.Second)
		if d := r.end(); d > 25*time.Second {
			t.Errorf("took %v", d)
		}
		if n := r.sqs.Depth(queue); n != 25 {
			t.Errorf("%d of 25 are visible", n)
		}
	})
}

func TestHandlerThatHeedsItsContextHandsBackAtOnce(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(func(ctx context.Context, batch []intake.Arrival) []intake.Outcome {
			<-ctx.Done()
			return all(batch, intake.Later)
		})
		r.send(5)
		r.start()
		r.after(time.Second)
		if d := r.end(); d > 20*time.Second {
			t.Errorf("took %v", d)
		}
		if n := r.sqs.Depth(queue); n != 5 {
			t.Errorf("%d of 5 are visible", n)
		}
	})
}

func TestHeldWorkIsHandedBackAtOnce(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(always(intake.Later))
		r.send(5)
		r.start()
		r.after(20 * time.Second)
		if d := r.end(); d > time.Second {
			t.Errorf("took %v", d)
		}
		if n := r.sqs.Depth(queue); n != 5 {
			t.Errorf("%d of 5 are visible", n)
		}
	})
}

func TestDrainEndsInTimeThoughTheQueueDoesNotAnswer(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		ids := r.send(5)
		r.sqs.Inject(sqsfake.Fault{Action: "DeleteMessageBatch", Delay: time.Hour})
		r.start()
		r.after(time.Second)
		if d := r.end(); d > 25*time.Second {
			t.Errorf("took %v", d)
		}
		if len(r.handler.ids()) != len(ids) || r.deleted() != 0 {
			t.Errorf("deleted %d", r.deleted())
		}
	})
}

func TestMessagesPassFromOneReplicaToTheNext(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		ids := r.send(300)
		r.sqs.Inject(sqsfake.Fault{Delay: 12 * time.Millisecond})
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			time.Sleep(50 * time.Millisecond)
			return all(batch, intake.Handled)
		})
		for range 3 {
			r.start()
			r.after(100 * time.Millisecond)
			r.end()
			if n := r.sqs.InFlight(queue); n != 0 {
				t.Fatalf("%d messages are hidden after the end", n)
			}
			r.poller = r.make(r.handler, r.parker, nil, nil)
		}
		r.start()
		r.after(10 * time.Second)
		r.wantOnce(ids)
	})
}
