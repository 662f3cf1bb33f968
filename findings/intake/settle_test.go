package intake_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

// once checks that every finding was offered exactly once and deleted.
func (r *rig) wantOnce(ids []string) {
	r.t.Helper()
	got := r.handler.ids()
	slices.Sort(got)
	if !slices.Equal(got, ids) || r.deleted() != len(ids) || len(r.sqs.Messages(queue)) != 0 {
		r.t.Errorf("offered %d times, deleted %d, left %d, want each of %d once", len(got), r.deleted(), len(r.sqs.Messages(queue)), len(ids))
	}
}

func TestDeletesThatFailAreRetriedWithoutRedelivery(t *testing.T) {
	odd := func(i int) bool { return i%2 == 1 }
	for name, fault := range map[string]sqsfake.Fault{
		"part of a batch":        {Times: 2, Code: "InternalError", Entries: odd},
		"server error":           {Times: 3, Code: "ServiceUnavailable", Status: 503},
		"throttled":              {Times: 3, Code: "RequestThrottled"},
		"expired credentials":    {Times: 3, Code: "ExpiredTokenException", Status: 403},
		"connection lost before": {Times: 2, Drop: true},
		"answer lost":            {Times: 2, LoseAnswer: true},
		"slow beyond patience":   {Times: 1, Delay: 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
				fault.Action = "DeleteMessageBatch"
				r.sqs.Inject(fault)
				ids := r.send(10)
				r.start()
				r.after(2 * time.Minute)
				r.wantOnce(ids)
				if r.metric("delete_failures_total") == 0 {
					t.Error("no failure counted")
				}
				if n := len(r.sqs.Calls("DeleteMessageBatch")); n > 6 {
					t.Errorf("%d calls", n)
				}
			})
		})
	}
}

func TestStaleReceiptIsTolerated(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.sqs.Inject(sqsfake.Fault{Action: "DeleteMessageBatch", Times: 1, Code: "ReceiptHandleIsInvalid", SenderFault: true, Entries: func(i int) bool { return i == 0 }})
		r.send(10)
		r.start()
		r.after(10 * time.Second)
		if calls := r.sqs.Calls("DeleteMessageBatch"); len(calls) != 1 {
			t.Fatalf("a refused receipt was tried %d times", len(calls))
		}
		r.after(time.Minute) // it comes back, is offered again, and goes
		if len(r.handler.ids()) != 11 || r.deleted() != 10 {
			t.Errorf("offered %d, deleted %d", len(r.handler.ids()), r.deleted())
		}
	})
}

func TestDeletionThatNeverWorksEndsWithTheReceipt(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		remove := r.sqs.Inject(sqsfake.Fault{Action: "DeleteMessageBatch", Code: "AccessDenied", Status: 403})
		r.send(3)
		r.start()
		r.after(10 * time.Minute)
		if n := len(r.handler.ids()); n < 30 || n > 3*20 {
			t.Errorf("offered %d times in ten minutes", n)
		}
		if n := len(r.parker.parked()); n != 0 {
			t.Errorf("%d handled messages were parked", n)
		}
		if n := r.metric("in_hand"); n > 6 {
			t.Errorf("%v in hand, though three receipts at most are good", n)
		}
		remove()
		r.after(time.Minute)
		if r.deleted() != 3 {
			t.Errorf("deleted %d", r.deleted())
		}
		r.wantMetric("in_hand", 0)
	})
}

func TestVisibilityIsExtendedWhileTheHandlerWorks(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			time.Sleep(100 * time.Second)
			return all(batch, intake.Handled)
		})
		ids := r.send(7)
		r.start()
		r.after(110 * time.Second)
		r.wantOnce(ids)
		extensions := r.sqs.Calls("ChangeMessageVisibilityBatch")
		if len(extensions) != 9 && len(extensions) != 10 {
			t.Errorf("%d extensions in 100 s", len(extensions))
		}
		deleted := r.sqs.Calls("DeleteMessageBatch")[0]
		for _, c := range extensions {
			if c.Entries != 7 || c.Visibility[0] != 30*time.Second || !c.At.Before(deleted.At) {
				t.Errorf("extension %+v", c)
			}
		}
	})
}

func TestExtensionThatFailsIsRepeatedInTime(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.sqs.Inject(sqsfake.Fault{Action: "ChangeMessageVisibilityBatch", Times: 3, Code: "ServiceUnavailable", Status: 503})
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			time.Sleep(50 * time.Second)
			return all(batch, intake.Handled)
		})
		ids := r.send(3)
		r.start()
		r.after(time.Minute)
		r.wantOnce(ids)
	})
}

func TestHandlerThatNeverComesBackLosesItsMessages(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		never := make(chan struct{})
		r.handler.answer(func(ctx context.Context, batch []intake.Arrival) []intake.Outcome {
			if len(r.handler.seen()) > 1 {
				return all(batch, intake.Handled)
			}
			<-never
			return all(batch, intake.Handled)
		})
		r.send(1)
		r.start()
		r.after(2*time.Minute + 15*time.Second) // MaxHold, less than what is left of the visibility
		if n := len(r.handler.seen()); n != 1 {
			t.Fatalf("offered %d times", n)
		}
		r.after(time.Minute)
		if n := len(r.handler.seen()); n != 2 || r.deleted() != 1 {
			t.Errorf("offered %d times, deleted %d", n, r.deleted())
		}
		if err := r.poller.Healthy(); err == nil {
			t.Error("healthy with a handler that is stuck")
		}
		close(never) // too late: it is deleted already, which does no harm
		r.after(time.Minute)
		if err := r.poller.Healthy(); err != nil {
			t.Error(err)
		}
	})
}

func TestLostLeaseIsHandledTwiceAndDeletedOnce(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, func(c *intake.Config) { c.Visibility = 2 * time.Second }, func(t *testing.T, r *rig) {
		r.sqs.Inject(sqsfake.Fault{Action: "ChangeMessageVisibilityBatch", Times: 10, Drop: true})
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			if batch[0].ReceiveCount == 1 {
				time.Sleep(5 * time.Second)
			}
			return all(batch, intake.Handled)
		})
		r.send(1)
		r.start()
		r.after(20 * time.Second)
		if n := len(r.handler.seen()); n != 2 || r.deleted() != 1 || len(r.parker.parked()) != 0 {
			t.Errorf("offered %d times, deleted %d", n, r.deleted())
		}
	})
}

func TestQueueErrorsAreRiddenOutAndTold(t *testing.T) {
	for name, fault := range map[string]sqsfake.Fault{
		"ServiceUnavailable":    sqsfake.Unavailable(""),
		"RequestThrottled":      sqsfake.Throttled(""),
		"ExpiredTokenException": sqsfake.Expired(""),
		"no answer":             {Drop: true},
		"timeout":               {Delay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
				remove := r.sqs.Inject(fault)
				ids := r.send(5)
				r.start()
				r.after(4 * time.Minute)
				if err := r.poller.Healthy(); err != nil {
					t.Errorf("after four minutes: %v", err)
				}
				r.after(2 * time.Minute)
				err := r.poller.Healthy()
				if err == nil || !containsAll(err.Error(), "not received since", name) {
					t.Errorf("after six minutes: %v", err)
				}
				if n := len(r.sqs.Calls("ReceiveMessage")); n < 6 || n > 30 {
					t.Errorf("%d attempts in six minutes", n)
				}
				if n := r.metric("call_errors_total{ReceiveMessage}"); n < 6 {
					t.Errorf("%v errors counted", n)
				}
				remove()
				r.after(time.Minute)
				if err := r.poller.Healthy(); err != nil {
					t.Error(err)
				}
				r.wantOnce(ids)
			})
		})
	}
}

func TestNoSecretIsLogged(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.sqs.Inject(sqsfake.Expired(""))
		r.start()
		r.after(time.Minute)
		r.end()
		if log := r.log.String(); !containsAll(log, "ExpiredTokenException") || containsAll(log, "AKIDEXAMPLE") || containsAll(log, "Signature=") {
			t.Errorf("log:\n%s", log)
		}
	})
}

func TestExtensionsEndBeforeAnythingIsSettled(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.poller = r.make(r.handler, &slowParker{}, nil, nil) // takes ten seconds
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			time.Sleep(5 * time.Second)
			return all(batch, intake.Handled)
		})
		r.sqs.Send(queue, event("f1")+"\n{\"other\":1}")
		r.start()
		r.after(14 * time.Second)
		if n := len(r.sqs.Calls("ChangeMessageVisibilityBatch")); n != 0 {
			t.Errorf("%d extensions of a message that was handled", n)
		}
	})
}

func TestHandingBackIsTriedTwice(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(always(intake.Later))
		r.send(5)
		r.start()
		r.after(time.Second)
		r.sqs.Inject(sqsfake.Fault{Action: "ChangeMessageVisibilityBatch", Times: 1, Code: "ServiceUnavailable", Status: 503})
		r.end()
		if n := r.sqs.Depth(queue); n != 5 {
			t.Errorf("%d of 5 are visible", n)
		}
	})
}
