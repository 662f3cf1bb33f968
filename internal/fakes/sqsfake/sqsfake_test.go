package sqsfake_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

func client(s *sqsfake.Server, more ...func(*sqs.Options)) *sqs.Client {
	return sqs.New(sqs.Options{
		Region:           "us-east-1",
		BaseEndpoint:     aws.String(s.URL),
		Credentials:      credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
		RetryMaxAttempts: 1,
	}, more...)
}

func start(t *testing.T, o sqsfake.QueueOptions) (*sqsfake.Server, *sqs.Client, *string) {
	t.Helper()
	s := sqsfake.New()
	t.Cleanup(s.Close)
	return s, client(s), aws.String(s.CreateQueue("q", o))
}

func receive(t *testing.T, c *sqs.Client, url *string, wait int32) []types.Message {
	t.Helper()
	out, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
		QueueUrl: url, MaxNumberOfMessages: 10, WaitTimeSeconds: wait,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Messages
}

func remove(t *testing.T, c *sqs.Client, url *string, handles ...string) *sqs.DeleteMessageBatchOutput {
	t.Helper()
	in := &sqs.DeleteMessageBatchInput{QueueUrl: url}
	for i, h := range handles {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: aws.String(h)})
	}
	out, err := c.DeleteMessageBatch(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func code(err error) string {
	var e smithy.APIError
	if errors.As(err, &e) {
		return e.ErrorCode()
	}
	return fmt.Sprint(err)
}

func TestMessageIsSentReceivedAndDeleted(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{})
	body := "a \"body\" <&> \u2028 ü\n"
	sent, err := c.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: url, MessageBody: &body})
	if err != nil {
		t.Fatal(err)
	}
	got := receive(t, c, url, 0)
	if len(got) != 1 || *got[0].Body != body || *got[0].MessageId != *sent.MessageId {
		t.Fatalf("received %+v", got)
	}
	if n := got[0].Attributes["ApproximateReceiveCount"]; n != "1" {
		t.Errorf("receive count is %q", n)
	}
	if got[0].Attributes["SentTimestamp"] == "" || got[0].Attributes["ApproximateFirstReceiveTimestamp"] == "" {
		t.Errorf("attributes are %v", got[0].Attributes)
	}
	if s.Depth("q") != 0 || s.InFlight("q") != 1 {
		t.Errorf("depth %d, in flight %d", s.Depth("q"), s.InFlight("q"))
	}
	if again := receive(t, c, url, 0); len(again) != 0 {
		t.Errorf("a message in flight was received")
	}
	if out := remove(t, c, url, *got[0].ReceiptHandle); len(out.Successful) != 1 {
		t.Errorf("delete: %+v", out)
	}
	if len(s.Messages("q")) != 0 || len(s.Deleted("q")) != 1 || s.Deleted("q")[0].Body != body {
		t.Errorf("left %v, deleted %v", s.Messages("q"), s.Deleted("q"))
	}
}

func TestLongPollWakesForAMessageAndEndsInTime(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{})
	got := make(chan int, 1)
	go func() { got <- len(receive(t, c, url, 20)) }()
	s.Send("q", "x", sqsfake.Delayed(20*time.Millisecond))
	if n := <-got; n != 1 {
		t.Fatalf("received %d", n)
	}
	go func() { got <- len(receive(t, c, url, 20)) }()
	for len(s.Calls("ReceiveMessage")) < 2 {
		s.Advance(20 * time.Second)
	}
	if n := <-got; n != 1 { // the visibility timeout has passed, too
		t.Fatalf("received %d", n)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !ok(); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("waited in vain")
		}
	}
}

func TestCancelledLongPollSwallowsNothing(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{})
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		var gone sync.WaitGroup
		for range 3 {
			gone.Go(func() {
				_, _ = c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 20})
			})
		}
		waitFor(t, func() bool { return s.Waiting("q") == 3 })
		cancel()
		gone.Wait()
		waitFor(t, func() bool { return s.Waiting("q") == 0 })
	}
	s.Send("q", "x")
	if got := receive(t, c, url, 5); len(got) != 1 {
		t.Fatalf("received %d", len(got))
	}
}

func TestVisibilityTimeoutBringsAMessageBackAndStalesItsReceipt(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{Visibility: time.Minute})
	s.Send("q", "x")
	first := receive(t, c, url, 0)[0]
	s.Advance(time.Minute)
	second := receive(t, c, url, 0)
	if len(second) != 1 || second[0].Attributes["ApproximateReceiveCount"] != "2" {
		t.Fatalf("received %+v", second)
	}
	if out := remove(t, c, url, *first.ReceiptHandle); len(out.Successful) != 1 {
		t.Errorf("a stale receipt: %+v", out)
	}
	if len(s.Messages("q")) != 1 {
		t.Error("a stale receipt deleted the message")
	}
	_, err := c.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: url, ReceiptHandle: first.ReceiptHandle, VisibilityTimeout: 5})
	if code(err) != "AWS.SimpleQueueService.MessageNotInflight" {
		t.Errorf("change with a stale receipt: %v", err)
	}
	remove(t, c, url, *second[0].ReceiptHandle)
	if len(s.Messages("q")) != 0 {
		t.Error("not deleted")
	}
}

func TestChangeVisibilityExtendsAndHandsBack(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{Visibility: time.Minute})
	s.Send("q", "x")
	m := receive(t, c, url, 0)[0]
	change := func(seconds int32) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
		return c.ChangeMessageVisibilityBatch(t.Context(), &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: url,
			Entries: []types.ChangeMessageVisibilityBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: m.ReceiptHandle, VisibilityTimeout: seconds}}})
	}
	if _, err := change(300); err != nil {
		t.Fatal(err)
	}
	s.Advance(4 * time.Minute)
	if len(receive(t, c, url, 0)) != 0 {
		t.Fatal("visible though extended")
	}
	if out, err := change(12 * 3600); err != nil || len(out.Failed) != 1 || *out.Failed[0].Code != "InvalidParameterValue" {
		t.Errorf("beyond 12 hours: %+v %v", out, err)
	}
	if _, err := change(0); err != nil {
		t.Fatal(err)
	}
	if len(receive(t, c, url, 0)) != 1 {
		t.Error("not handed back")
	}
	calls := s.Calls("ChangeMessageVisibilityBatch")
	if len(calls) != 3 || !slices.Equal(calls[0].Visibility, []time.Duration{5 * time.Minute}) || calls[1].Failed != 1 {
		t.Errorf("recorded %+v", calls)
	}
}

func TestMessageReceivedTooOftenGoesToTheDeadLetterQueue(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{Visibility: time.Second, MaxReceive: 2, DLQ: "dead"})
	id := s.Send("q", "x")
	for range 2 {
		if len(receive(t, c, url, 0)) != 1 {
			t.Fatal("not received")
		}
		s.Advance(time.Second)
	}
	if len(receive(t, c, url, 0)) != 0 {
		t.Error("received a third time")
	}
	if dead := s.DLQ("q"); len(dead) != 1 || dead[0].ID != id {
		t.Errorf("dead letters: %+v", dead)
	}
}

func TestStandardQueueMayDeliverTwiceInAnyOrder(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{DuplicateEvery: 2, Shuffle: 7})
	var sent, got []string
	for i := range 8 {
		sent = append(sent, s.Send("q", fmt.Sprint(i)))
	}
	seen := map[string]int{}
	var handles []string
	for range 6 {
		for _, m := range receive(t, c, url, 0) {
			seen[*m.MessageId]++
			got = append(got, *m.MessageId)
			handles = append(handles, *m.ReceiptHandle)
		}
	}
	if len(seen) != 8 || len(got) <= 8 {
		t.Errorf("%d different messages, %d deliveries", len(seen), len(got))
	}
	if slices.Equal(got[:8], sent) {
		t.Error("in order")
	}
	for _, h := range handles { // every receipt is good, the first deletes
		remove(t, c, url, h)
	}
	if len(s.Messages("q")) != 0 || len(s.Deleted("q")) != 8 {
		t.Errorf("left %d, deleted %d", len(s.Messages("q")), len(s.Deleted("q")))
	}
	s.CreateQueue("q", sqsfake.QueueOptions{})
	if !s.Redeliver("q", sent[3]) || s.Redeliver("q", "unknown") {
		t.Error("redeliver")
	}
	for len(receive(t, c, url, 0)) > 0 {
		if s.Deleted("q")[0].ID == sent[3] {
			break
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{})
	s.Send("q", "x")
	long := strings.Repeat("x", sqsfake.MaxSize+1)
	entries := func(n int, id string) []types.DeleteMessageBatchRequestEntry {
		out := []types.DeleteMessageBatchRequestEntry{}
		for i := range n {
			out = append(out, types.DeleteMessageBatchRequestEntry{Id: aws.String(strings.ReplaceAll(id, "#", fmt.Sprint(i))), ReceiptHandle: aws.String("AQEB/q/1/1")})
		}
		return out
	}
	for _, row := range []struct {
		name, want string
		call       func(ctx context.Context) error
	}{
		{"unknown queue", "AWS.SimpleQueueService.NonExistentQueue", func(ctx context.Context) error {
			_, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: aws.String(s.URL + "/111122223333/none")})
			return err
		}},
		{"eleven messages", "InvalidParameterValue", func(ctx context.Context) error {
			_, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 11})
			return err
		}},
		{"a long poll of 21 s", "InvalidParameterValue", func(ctx context.Context) error {
			_, err := c.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url, WaitTimeSeconds: 21})
			return err
		}},
		{"a body over 1 MiB", "InvalidParameterValue", func(ctx context.Context) error {
			_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: &long})
			return err
		}},
		{"a batch over 1 MiB", "AWS.SimpleQueueService.BatchRequestTooLong", func(ctx context.Context) error {
			half := aws.String(long[:sqsfake.MaxSize/2+1])
			_, err := c.SendMessageBatch(ctx, &sqs.SendMessageBatchInput{QueueUrl: url, Entries: []types.SendMessageBatchRequestEntry{{Id: aws.String("a"), MessageBody: half}, {Id: aws.String("b"), MessageBody: half}}})
			return err
		}},
		{"a control character", "InvalidMessageContents", func(ctx context.Context) error {
			_, err := c.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: url, MessageBody: aws.String("\x01")})
			return err
		}},
		{"an empty batch", "AWS.SimpleQueueService.EmptyBatchRequest", func(ctx context.Context) error {
			_, err := c.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: entries(0, "")})
			return err
		}},
		{"eleven entries", "AWS.SimpleQueueService.TooManyEntriesInBatchRequest", func(ctx context.Context) error {
			_, err := c.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: entries(11, "e#")})
			return err
		}},
		{"an id twice", "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", func(ctx context.Context) error {
			_, err := c.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: entries(2, "same")})
			return err
		}},
		{"an id with a slash", "AWS.SimpleQueueService.InvalidBatchEntryId", func(ctx context.Context) error {
			_, err := c.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: url, Entries: entries(1, "a/#")})
			return err
		}},
		{"a junk receipt", "ReceiptHandleIsInvalid", func(ctx context.Context) error {
			_, err := c.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: aws.String("junk")})
			return err
		}},
		{"an unsigned call", "MissingAuthenticationToken", func(ctx context.Context) error {
			_, err := client(s, func(o *sqs.Options) { o.Credentials = aws.AnonymousCredentials{} }).ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: url})
			return err
		}},
		{"an operation that is not built", "InvalidAction", func(ctx context.Context) error {
			_, err := c.ListQueues(ctx, &sqs.ListQueuesInput{})
			return err
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if err := row.call(t.Context()); code(err) != row.want {
				t.Errorf("got %v, want %s", err, row.want)
			}
		})
	}
	m := receive(t, c, url, 0)[0]
	out := remove(t, c, url, "junk", *m.ReceiptHandle)
	if len(out.Failed) != 1 || *out.Failed[0].Code != "ReceiptHandleIsInvalid" || !out.Failed[0].SenderFault || len(out.Successful) != 1 {
		t.Errorf("a batch with a junk receipt: %+v", out)
	}
}

func TestQueuesAreMadeAndDescribedThroughTheAPI(t *testing.T) {
	t.Parallel()
	s := sqsfake.New()
	t.Cleanup(s.Close)
	c := client(s)
	made, err := c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("main"), Attributes: map[string]string{
		"VisibilityTimeout": "7", "RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:dead","maxReceiveCount":"3"}`,
	}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("main")})
	if err != nil || *found.QueueUrl != *made.QueueUrl {
		t.Fatalf("%v %v", found, err)
	}
	_, err = c.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("main"), Attributes: map[string]string{"VisibilityTimeout": "8"}})
	if code(err) != "QueueAlreadyExists" {
		t.Errorf("made twice: %v", err)
	}
	s.Send("main", "x", sqsfake.Delayed(time.Hour))
	s.Send("main", "y", sqsfake.Aged(time.Hour))
	all, err := c.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: found.QueueUrl, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}
	for k, want := range map[string]string{
		"VisibilityTimeout": "7", "ApproximateNumberOfMessages": "1", "ApproximateNumberOfMessagesDelayed": "1",
		"RedrivePolicy": `{"deadLetterTargetArn":"arn:aws:sqs:us-east-1:111122223333:dead","maxReceiveCount":3}`,
	} {
		if all.Attributes[k] != want {
			t.Errorf("%s is %q, want %q", k, all.Attributes[k], want)
		}
	}
	if _, err := c.PurgeQueue(t.Context(), &sqs.PurgeQueueInput{QueueUrl: found.QueueUrl}); err != nil || len(s.Messages("main")) != 0 {
		t.Errorf("purge: %v", err)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	s, c, url := start(t, sqsfake.QueueOptions{})
	ask := func() error {
		_, err := c.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
		return err
	}
	for _, row := range []struct {
		fault sqsfake.Fault
		want  string
	}{
		{sqsfake.Unavailable("ReceiveMessage"), "ServiceUnavailable"},
		{sqsfake.Throttled(""), "RequestThrottled"},
		{sqsfake.Expired("ReceiveMessage"), "ExpiredTokenException"},
	} {
		row.fault.Times, row.fault.Skip = 2, 1
		s.Inject(row.fault)
		var got []string
		for range 4 {
			got = append(got, code(ask()))
		}
		if want := []string{"<nil>", row.want, row.want, "<nil>"}; !slices.Equal(got, want) {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	remove1 := s.Inject(sqsfake.Fault{Action: "ReceiveMessage", Drop: true})
	if ask() == nil {
		t.Error("a dropped call was answered")
	}
	remove1()
	for range 10 {
		s.Send("q", "x")
	}
	got := receive(t, c, url, 0)
	s.Inject(sqsfake.Fault{Action: "DeleteMessageBatch", Times: 1, Code: "InternalError", Entries: func(i int) bool { return i%2 == 1 }})
	if out := remove(t, c, url, *got[0].ReceiptHandle, *got[1].ReceiptHandle); len(out.Successful) != 1 || len(out.Failed) != 1 || *out.Failed[0].Id != "1" {
		t.Errorf("a fault for part of a batch: %+v", out)
	}
	s.Inject(sqsfake.Fault{Action: "DeleteMessage", Times: 1, LoseAnswer: true})
	if _, err := c.DeleteMessage(t.Context(), &sqs.DeleteMessageInput{QueueUrl: url, ReceiptHandle: got[2].ReceiptHandle}); err == nil {
		t.Error("the answer was not lost")
	}
	if n := len(s.Deleted("q")); n != 2 {
		t.Errorf("deleted %d", n)
	}
	s.Inject(sqsfake.Fault{Action: "ReceiveMessage", Times: 1, Delay: 30 * time.Millisecond})
	begin := time.Now()
	if err := ask(); err != nil || time.Since(begin) < 30*time.Millisecond {
		t.Errorf("slow call: %v after %v", err, time.Since(begin))
	}
}

func TestTransportNeedsNoNetwork(t *testing.T) {
	t.Parallel()
	s := sqsfake.NewLocal()
	defer s.Close()
	c := client(s, func(o *sqs.Options) { o.HTTPClient = doer{s.Transport()} })
	url := aws.String(s.QueueURL("q"))
	s.Send("q", "x")
	if got := receive(t, c, url, 1); len(got) != 1 {
		t.Fatalf("received %d", len(got))
	}
	s.Inject(sqsfake.Fault{Drop: true, Times: 1})
	if _, err := c.GetQueueUrl(t.Context(), &sqs.GetQueueUrlInput{QueueName: aws.String("q")}); err == nil {
		t.Error("a dropped call was answered")
	}
	s.SetNow(time.Date(2040, 1, 2, 3, 4, 5, 0, time.UTC))
	if s.Now().Year() != 2040 || len(receive(t, c, url, 0)) != 1 {
		t.Error("the clock was not set")
	}
}
