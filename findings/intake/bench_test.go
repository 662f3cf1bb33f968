package intake_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/fakes/sqsfake"
)

type counter struct {
	n    atomic.Int64
	want int64
	done chan struct{}
}

func (c *counter) HandleArrivals(_ context.Context, batch []intake.Arrival) []intake.Outcome {
	if c.n.Add(int64(len(batch))) == c.want {
		close(c.done)
	}
	return all(batch, intake.Handled)
}

// BenchmarkIntake takes one message an iteration from the SQS fake through
// parsing and a handler that does nothing, until it is deleted.
func BenchmarkIntake(b *testing.B) {
	for _, latency := range []time.Duration{time.Millisecond, 12 * time.Millisecond} {
		b.Run(latency.String(), func(b *testing.B) {
			s := sqsfake.New(sqsfake.WithLatency(latency))
			defer s.Close()
			cfg := intake.Config{QueueURL: s.QueueURL(queue), Workers: 8}
			for i := range b.N {
				s.Send(queue, event(fmt.Sprint("finding-", i)))
			}
			client := cfg.NewClient(aws.Config{Region: "eu-west-1", BaseEndpoint: &s.URL, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", "")})
			h := &counter{want: int64(b.N), done: make(chan struct{})}
			poller, err := intake.New(cfg, client, h, &parker{}, nil, nil)
			if err != nil {
				b.Fatal(err)
			}
			ctx, cancel := context.WithCancel(b.Context())
			ended := make(chan error, 1)
			b.ReportAllocs()
			b.ResetTimer()
			go func() { ended <- poller.Run(ctx) }()
			<-h.done
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
			cancel()
			<-ended
			if n := len(s.Messages(queue)); n > 0 {
				b.Errorf("%d of %d are left", n, b.N)
			}
		})
	}
}
