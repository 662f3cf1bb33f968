package intake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

func containsAll(s string, parts ...string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// laterFor answers Later for findings whose id begins with prefix.
func laterFor(prefix string) func(context.Context, []intake.Arrival) []intake.Outcome {
	return func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
		out := all(batch, intake.Handled)
		for i, a := range batch {
			if strings.HasPrefix(a.Items[0].Finding.ID, prefix) {
				out[i] = intake.Later
			}
		}
		return out
	}
}

func TestBatchThatMustWaitIsHeldAndOfferedAgain(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(always(intake.Later))
		r.send(10)
		r.start()
		r.after(40 * time.Second)
		r.handler.answer(nil)
		r.after(16 * time.Second)
		if r.deleted() != 10 {
			t.Errorf("deleted %d within 16 s after the handler was back", r.deleted())
		}
		for _, a := range r.handler.seen() {
			if a.ReceiveCount != 1 {
				t.Errorf("received %d times", a.ReceiveCount)
			}
		}
	})
}

func TestOneMessageOfABatchThatMustWaitIsHandedBackForLongerEachTime(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, func(c *intake.Config) { c.MaxHold, c.Visibility = 30*time.Second, 20*time.Second }, func(t *testing.T, r *rig) {
		r.handler.answer(laterFor("slow"))
		r.sqs.Send(queue, event("slow"))
		r.sqs.Send(queue, event("quick"))
		r.start()
		r.after(2 * time.Second)
		if r.deleted() != 1 {
			t.Fatalf("deleted %d", r.deleted())
		}
		want := []time.Duration{10 * time.Second, 30 * time.Second, 90 * time.Second, 270 * time.Second, 10 * time.Minute, 10 * time.Minute}
		r.after(40 * time.Minute)
		var got []time.Duration
		for _, c := range r.sqs.Calls("ChangeMessageVisibilityBatch") {
			if d := c.Visibility[0]; d != 20*time.Second { // that is an extension
				got = append(got, d)
			}
		}
		if len(got) < len(want) {
			t.Fatalf("hidden for %v", got)
		}
		for i, w := range want {
			if g := got[i]; g > w || g < w*3/4 {
				t.Errorf("hidden for %v, want about %v", g, w)
			}
		}
		if n := len(r.parker.parked()); n != 0 {
			t.Errorf("parked %d", n)
		}
		if err := r.poller.Healthy(); err != nil {
			t.Error(err)
		}
		r.handler.answer(nil)
		r.after(11 * time.Minute)
		if r.deleted() != 2 {
			t.Errorf("deleted %d", r.deleted())
		}
	})
}

func TestMessagesThatAlwaysMustWaitDoNotKeepTheOthersWaiting(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(laterFor("bad"))
		for i := range 2 {
			r.sqs.Send(queue, event(fmt.Sprint("bad-", i)))
		}
		r.start()
		r.after(30 * time.Second)
		for i := range 20 {
			r.sqs.Send(queue, event(fmt.Sprint("good-", i)))
			r.after(time.Second)
			if r.deleted() != i+1 {
				t.Fatalf("finding %d was not handled within a second", i)
			}
		}
	})
}

func TestOutageOfTheHandlerCostsNeitherMessagesNorReceives(t *testing.T) {
	o := sqsfake.QueueOptions{MaxReceive: 20, DLQ: "dead"}
	bubble(t, o, nil, func(t *testing.T, r *rig) {
		r.handler.answer(always(intake.Later))
		r.send(400)
		r.start()
		r.after(6 * time.Minute)
		if err := r.poller.Healthy(); err == nil || !strings.Contains(err.Error(), "hand on") {
			t.Errorf("in the outage: %v", err)
		}
		if r.deleted() != 0 {
			t.Fatalf("deleted %d", r.deleted())
		}
		before := len(r.sqs.Calls("ReceiveMessage"))
		r.after(54 * time.Minute)
		if n := len(r.sqs.Calls("ReceiveMessage")) - before; n > 4*54+1 {
			t.Errorf("%d receives in 54 minutes", n)
		}
		most := 0
		for _, m := range r.sqs.Messages(queue) {
			most = max(most, m.Receives)
		}
		if most > 8 || len(r.sqs.DLQ(queue)) != 0 {
			t.Errorf("a message was received %d times, %d are dead", most, len(r.sqs.DLQ(queue)))
		}
		r.handler.answer(nil)
		r.after(15 * time.Second)
		if n := r.deleted(); n < 200 {
			t.Errorf("only %d were handled within 15 s after it", n)
		}
		r.after(10 * time.Minute)
		if r.deleted() != 400 || len(r.parker.parked()) != 0 {
			t.Errorf("deleted %d, parked %d", r.deleted(), len(r.parker.parked()))
		}
		if err := r.poller.Healthy(); err != nil {
			t.Error(err)
		}
	})
}

func TestOutageInAQuietQueueLastsTwoHoursWithoutLoss(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{MaxReceive: 20, DLQ: "dead"}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(always(intake.Later))
		r.send(2)
		r.start()
		r.after(2 * time.Hour)
		if n := len(r.sqs.DLQ(queue)) + len(r.parker.parked()); n != 0 {
			t.Fatalf("%d dead or parked", n)
		}
		r.handler.answer(nil)
		r.after(11 * time.Minute)
		if r.deleted() != 2 {
			t.Errorf("deleted %d", r.deleted())
		}
	})
}

func TestWrongAnswersOfTheHandlerMeanLater(t *testing.T) {
	for name, answer := range map[string]func([]intake.Arrival) []intake.Outcome{
		"none":        func([]intake.Arrival) []intake.Outcome { return nil },
		"too few":     func(b []intake.Arrival) []intake.Outcome { return all(b, intake.Handled)[1:] },
		"zero values": func(b []intake.Arrival) []intake.Outcome { return all(b, 0) },
		"unknown":     func(b []intake.Arrival) []intake.Outcome { return all(b, 7) },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
				r.handler.answer(func(_ context.Context, b []intake.Arrival) []intake.Outcome { return answer(b) })
				r.send(5)
				r.start()
				r.after(10 * time.Second)
				if r.deleted() != 0 {
					t.Errorf("deleted %d", r.deleted())
				}
				r.handler.answer(nil)
				r.after(time.Minute)
				if r.deleted() != 5 {
					t.Errorf("deleted %d", r.deleted())
				}
			})
		})
	}
}

func TestReceivesByOthersInAnOutageAreNotHeldAgainstAMessage(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{Visibility: time.Second}, nil, func(t *testing.T, r *rig) {
		r.sqs.Send(queue, event("unlucky"))
		for range 5 {
			r.crash()
		}
		r.handler.answer(always(intake.Later))
		r.sqs.Redeliver(queue, r.sqs.Messages(queue)[0].ID)
		url := r.sqs.QueueURL(queue)
		out, err := r.client().ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &url, VisibilityTimeout: 10})
		if err != nil || len(out.Messages) != 1 { // hidden until the outage is known
			t.Fatal(out, err)
		}
		r.send(4)
		r.start()
		r.after(5 * time.Minute)
		r.handler.answer(nil)
		r.after(15 * time.Minute)
		if n := len(r.parker.parked()); n != 0 || r.deleted() != 5 {
			t.Errorf("parked %d, deleted %d", n, r.deleted())
		}
	})
}
