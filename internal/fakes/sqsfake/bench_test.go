package sqsfake_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

type doer struct{ http.RoundTripper }

func (d doer) Do(r *http.Request) (*http.Response, error) { return d.RoundTrip(r) }

// BenchmarkReceiveAndDelete measures the fake and the SDK together, one
// message an iteration, in batches of ten.
func BenchmarkReceiveAndDelete(b *testing.B) {
	s := sqsfake.New()
	defer s.Close()
	c := client(s)
	url := aws.String(s.QueueURL("q"))
	body := strings.Repeat(`{"k":"v"},`, 390)
	for range b.N + 1000 {
		s.Send("q", body)
	}
	b.SetParallelism(4)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for n := 0; pb.Next(); n++ {
			if n%10 != 0 {
				continue
			}
			out, err := c.ReceiveMessage(b.Context(), &sqs.ReceiveMessageInput{QueueUrl: url, MaxNumberOfMessages: 10})
			if err != nil || len(out.Messages) == 0 {
				b.Errorf("%v %v", out, err)
				return
			}
			in := &sqs.DeleteMessageBatchInput{QueueUrl: url}
			for _, m := range out.Messages {
				in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: m.MessageId, ReceiptHandle: m.ReceiptHandle})
			}
			if _, err := c.DeleteMessageBatch(b.Context(), in); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
}
