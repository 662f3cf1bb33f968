package intake_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

// TestUnusableBodies goes through what may lie in a queue.
func TestUnusableBodies(t *testing.T) {
	deep := strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000)
	good := event("f1")
	for name, body := range map[string]string{
		"a blank":                  " ",
		"not JSON":                 "hello",
		"null":                     "null",
		"an empty list":            "[]",
		"an empty string":          `""`,
		"a number":                 "0",
		"truncated":                good[:len(good)/2],
		"a repeated key":           strings.Replace(good, `"severity":2`, `"severity":2,"severity":8`, 1),
		"too deep":                 deep,
		"a string of nearly 1 MiB": `{"x":"` + strings.Repeat("y", 1<<20-100) + `"}`,
		"no id":                    `{"accountId":"111122223333","region":"eu-west-1","type":"Recon:EC2/PortProbeUnprotectedPort","severity":2}`,
		"an id of 10 KB":           strings.Replace(good, `"id":"f1"`, `"id":"`+strings.Repeat("i", 10<<10)+`"`, 1),
		"severity 99":              strings.Replace(good, `"severity":2`, `"severity":99`, 1),
		"severity 1e400":           strings.Replace(good, `"severity":2`, `"severity":1e400`, 1),
		"another source":           strings.ReplaceAll(good, `"source":"aws.guardduty"`, `"source":"aws.health"`),
		"a subscription":           `{"Type":"SubscriptionConfirmation","MessageId":"m","Token":"t","TopicArn":"arn:aws:sns:eu-west-1:111122223333:findings","Message":"You have chosen","SubscribeURL":"https://sns.eu-west-1.amazonaws.com/?x","Timestamp":"2026-03-01T12:00:00.000Z"}`,
		"an S3 test event":         `{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`,
		"a test from the console":  "hello from the console",
	} {
		t.Run(name, func(t *testing.T) {
			o := sqsfake.QueueOptions{MaxReceive: 20, DLQ: "dead"}
			bubble(t, o, nil, func(t *testing.T, r *rig) {
				id := r.sqs.Send(queue, body)
				r.start()
				r.after(time.Second)
				parked := r.parker.parked()
				if len(parked) != 1 {
					t.Fatalf("parked %d, offered %d", len(parked), len(r.handler.seen()))
				}
				p := parked[0]
				if p.Kind != intake.KindRefused || p.Reason == "" || p.MessageID != id || p.Queue != r.sqs.QueueURL(queue) || p.At.IsZero() {
					t.Errorf("parked %+v", p)
				}
				if want := body[:min(len(body), 4096)]; string(p.Body) != want {
					t.Errorf("kept %d bytes of the body", len(p.Body))
				}
				r.wantMetric("parked_total{refused}", 1)
				r.wantMetric("in_hand", 0)
				r.after(15 * time.Minute) // for the dead-letter queue
				if len(r.parker.parked()) != 1 || len(r.handler.seen()) != 0 || r.deleted() != 0 {
					t.Errorf("parked %d times, offered %d times, deleted %d", len(r.parker.parked()), len(r.handler.seen()), r.deleted())
				}
				if dead := r.sqs.DLQ(queue); len(dead) != 1 || dead[0].ID != id || dead[0].Body != body {
					t.Errorf("%d dead letters", len(dead))
				}
				r.wantMetric("left_total", 19)
			})
		})
	}
}

func TestParkedMessageDoesNotSpinWhereThereIsNoDeadLetterQueue(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.sqs.Send(queue, "hello")
		r.start()
		r.after(24 * time.Hour)
		if n := r.sqs.Messages(queue)[0].Receives; n > 60 {
			t.Errorf("received %d times in a day", n)
		}
		if n := len(r.parker.parked()); n != 1 {
			t.Errorf("parked %d times", n)
		}
	})
}

func TestUnusableMessagesDoNotDelayTheOthers(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		for range 9 {
			r.sqs.Send(queue, "hello")
		}
		r.sqs.Send(queue, event("f1"))
		slow := &slowParker{}
		r.poller = r.make(r.handler, slow, nil, nil)
		r.start()
		r.after(time.Second)
		if r.deleted() != 1 {
			t.Error("the usable message waits for the unusable ones")
		}
	})
}

type slowParker struct{}

func (*slowParker) Park(ctx context.Context, _ intake.Parked) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestMessageWithUnusablePartsIsHandledAndParked(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{MaxReceive: 20, DLQ: "dead"}, nil, func(t *testing.T, r *rig) {
		r.sqs.Send(queue, event("f1")+"\n{\"broken\":7}\n"+event("f2")+"\n{\"other\":1}\n")
		r.start()
		r.after(20 * time.Minute)
		seen := r.handler.seen()
		if len(seen) != 1 || len(seen[0].Items) != 2 || seen[0].Items[0].Finding.ID != "f1" || seen[0].Items[1].Finding.ID != "f2" {
			t.Fatalf("offered %+v", seen)
		}
		parked := r.parker.parked()
		if len(parked) != 1 || !containsAll(parked[0].Reason, "line 2", "line 4") || string(parked[0].Body) != `{"broken":7}` {
			t.Errorf("parked %+v", parked)
		}
		if r.deleted() != 0 || len(r.sqs.DLQ(queue)) != 1 {
			t.Errorf("deleted %d, dead %d", r.deleted(), len(r.sqs.DLQ(queue)))
		}
		r.wantMetric("handled_total", 1)
	})
}

func TestMessageWithUnusablePartsIsNotParkedBeforeTheRestIsHandled(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.handler.answer(always(intake.Later))
		r.sqs.Send(queue, event("f1")+"\n{\"other\":1}")
		r.start()
		r.after(5 * time.Minute)
		if n := len(r.parker.parked()); n != 0 {
			t.Errorf("parked %d, so the rest would be forgotten", n)
		}
		r.handler.answer(nil)
		r.after(15 * time.Minute)
		if len(r.parker.parked()) != 1 {
			t.Errorf("parked %d", len(r.parker.parked()))
		}
	})
}

func TestWhatCannotBeParkedIsParkedLater(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.parker.set(errors.New("store is down"))
		r.sqs.Send(queue, "hello")
		r.start()
		r.after(time.Minute)
		r.wantMetric("parked_total{refused}", 0)
		r.parker.set(nil)
		r.after(10 * time.Minute)
		if n := len(r.parker.parked()); n != 1 {
			t.Errorf("parked %d", n)
		}
	})
}

func TestMessageReceivedTooOftenIsParkedUnread(t *testing.T) {
	var read []string
	bubble(t, sqsfake.QueueOptions{Visibility: time.Second}, func(c *intake.Config) {
		c.Workers = 1
		c.Parse = func(b []byte) []findings.Item {
			read = append(read, string(b))
			return findings.Parse(b)
		}
	}, func(t *testing.T, r *rig) {
		r.sqs.Send(queue, event("f1"))
		for range 3 { // processes that ended without a word
			r.crash()
		}
		r.sqs.Send(queue, event("f2"))
		r.start()
		r.after(time.Second)
		if len(read) != 1 || !strings.Contains(read[0], "f2") || !slices.Equal(r.handler.ids(), []string{"f2"}) {
			t.Errorf("read %d, offered %v", len(read), r.handler.ids())
		}
		parked := r.parker.parked()
		if len(parked) != 1 || parked[0].Kind != intake.KindOften || !strings.Contains(parked[0].Reason, "4 times") || !strings.Contains(string(parked[0].Body), "f1") {
			t.Errorf("parked %+v", parked)
		}
		r.wantMetric("parked_total{often}", 1)
	})
}

func TestThirdAttemptIsStillMade(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{Visibility: time.Second}, nil, func(t *testing.T, r *rig) {
		r.sqs.Send(queue, event("f1"))
		for range 2 {
			r.crash()
		}
		r.start()
		r.after(time.Second)
		if r.deleted() != 1 {
			t.Errorf("deleted %d", r.deleted())
		}
	})
}

func TestManyReceivesInAShortTimeAreCopies(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{Visibility: time.Second}, nil, func(t *testing.T, r *rig) {
		r.sqs.Send(queue, event("f1"))
		for range 8 {
			r.receive()
			r.after(time.Second)
		}
		r.start()
		r.after(time.Second)
		if r.deleted() != 1 || len(r.parker.parked()) != 0 {
			t.Errorf("deleted %d, parked %+v", r.deleted(), r.parker.parked())
		}
	})
}

func TestPanicInParseIsContained(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, func(c *intake.Config) {
		c.Parse = func(b []byte) []findings.Item {
			if string(b) == "boom" {
				panic("hostile")
			}
			return findings.Parse(b)
		}
	}, func(t *testing.T, r *rig) {
		r.sqs.Send(queue, "boom")
		r.send(9)
		r.start()
		r.after(time.Second)
		if r.deleted() != 9 {
			t.Errorf("deleted %d", r.deleted())
		}
		if p := r.parker.parked(); len(p) != 1 || p[0].Kind != intake.KindPanic {
			t.Errorf("parked %+v", p)
		}
		r.wantMetric("panics_total", 1)
	})
}

func TestPanicInTheHandlerHitsOnlyTheMessageThatCausesIt(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		attempts := 0
		r.handler.answer(func(_ context.Context, batch []intake.Arrival) []intake.Outcome {
			for _, a := range batch {
				if a.Items[0].Finding.ID == "boom" {
					if len(batch) == 1 {
						attempts++
					}
					panic("handler bug")
				}
			}
			return all(batch, intake.Handled)
		})
		r.send(5)
		r.sqs.Send(queue, event("boom"))
		r.start()
		r.after(time.Second)
		if r.deleted() != 5 {
			t.Errorf("deleted %d", r.deleted())
		}
		if p := r.parker.parked(); len(p) != 1 || p[0].Kind != intake.KindPanic || !strings.Contains(string(p[0].Body), "boom") {
			t.Errorf("parked %+v", p)
		}
		r.after(2 * time.Hour)
		if attempts != 3 {
			t.Errorf("%d attempts", attempts)
		}
		p := r.parker.parked()
		if last := p[len(p)-1]; len(p) != 4 || last.Kind != intake.KindOften {
			t.Errorf("parked %d times, last %+v", len(p), last)
		}
		if !strings.Contains(r.log.String(), "handler bug") {
			t.Error("the panic is not in the log")
		}
	})
}

func TestPanicInTheParkerIsContained(t *testing.T) {
	bubble(t, sqsfake.QueueOptions{}, nil, func(t *testing.T, r *rig) {
		r.poller = r.make(r.handler, panickyParker{}, nil, nil)
		r.sqs.Send(queue, "hello")
		r.sqs.Send(queue, event("f1"))
		r.start()
		r.after(10 * time.Second)
		if r.deleted() != 1 || len(r.sqs.Messages(queue)) != 1 {
			t.Errorf("deleted %d", r.deleted())
		}
	})
}

type panickyParker struct{}

func (panickyParker) Park(context.Context, intake.Parked) error { panic("parker bug") }

func TestOnlyListedPlacesAreTaken(t *testing.T) {
	swap := func(old, new string) func(string) string {
		return func(s string) string { return strings.Replace(s, old, new, 1) }
	}
	accounts := func(c *intake.Config) { c.Accounts = []string{"111122223333"} }
	regions := func(c *intake.Config) { c.Regions = []string{"eu-west-1"} }
	topics := func(c *intake.Config) { c.Topics = []string{"arn:aws:sns:eu-west-1:111122223333:findings"} }
	wrapped := func(s string) string {
		return fmt.Sprintf(`{"Type":"Notification","MessageId":"m","TopicArn":"arn:aws:sns:eu-west-1:111122223333:findings","Message":%q,"Timestamp":"2026-03-01T12:00:00.000Z"}`, s)
	}
	for name, row := range map[string]struct {
		config func(*intake.Config)
		change func(string) string
		kind   string // parked as; empty when taken
	}{
		"a listed account":               {accounts, swap("", ""), ""},
		"another account in the finding": {accounts, swap(`"accountId":"111122223333"`, `"accountId":"444455556666"`), intake.KindAccount},
		"another account in the event":   {accounts, swap(`"account":"111122223333"`, `"account":"444455556666"`), intake.KindAccount},
		"no account": {accounts, func(s string) string {
			return strings.ReplaceAll(strings.ReplaceAll(s, `"accountId":"111122223333",`, ""), "111122223333", "")
		}, intake.KindAccount},
		"a listed region":               {regions, swap("", ""), ""},
		"another region in the finding": {regions, func(s string) string { return strings.ReplaceAll(s, "guardduty:eu-west-1", "guardduty:us-gov-west-1") }, intake.KindRegion},
		"another region in the event":   {regions, swap(`"region":"eu-west-1","resources"`, `"region":"cn-north-1","resources"`), intake.KindRegion},
		"no region": {regions, func(s string) string {
			s = strings.ReplaceAll(s, `"region":"eu-west-1",`, "")
			return strings.ReplaceAll(s, "arn:aws:guardduty:eu-west-1:111122223333:detector/d0/finding/f1", "")
		}, intake.KindRegion},
		"a listed topic":                    {topics, wrapped, ""},
		"another topic":                     {topics, func(s string) string { return strings.Replace(wrapped(s), "3333:findings", "3333:other", 1) }, intake.KindTopic},
		"no topic":                          {topics, swap("", ""), intake.KindTopic},
		"no topic, allowed":                 {func(c *intake.Config) { topics(c); c.AllowRaw = true }, swap("", ""), ""},
		"nothing listed":                    {nil, swap(`"accountId":"111122223333"`, `"accountId":"444455556666"`), ""},
		"no SNS envelope though one is due": {func(c *intake.Config) { c.VerifySNS = true }, swap("", ""), intake.KindUnsigned},
		"no SNS envelope, allowed":          {func(c *intake.Config) { c.VerifySNS, c.AllowRaw = true, true }, swap("", ""), ""},
		"an SNS envelope without signature": {func(c *intake.Config) { c.VerifySNS, c.AllowRaw = true, true }, wrapped, intake.KindSignature},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, sqsfake.QueueOptions{}, row.config, func(t *testing.T, r *rig) {
				r.sqs.Send(queue, row.change(event("f1")))
				r.start()
				r.after(time.Second)
				got := ""
				for _, p := range r.parker.parked() {
					got += p.Kind
				}
				if got != row.kind || (row.kind == "") != (r.deleted() == 1) {
					t.Errorf("parked %q (%+v), deleted %d; want %q", got, r.parker.parked(), r.deleted(), row.kind)
				}
			})
		})
	}
}
