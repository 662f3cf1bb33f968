package intake

import (
	"context"
	"errors"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
)

const (
	batchSize   = 10               // what SQS allows
	callTimeout = 10 * time.Second // beyond the long poll
	extraWait   = time.Second      // long poll of the loops beyond the first
	// lastGrace is how long a receive goes on after the end of the run: a
	// busy queue answers within it, and what a cancelled call had already
	// taken would be hidden from everybody until its visibility ends.
	lastGrace = 300 * time.Millisecond
)

// loop receives batch after batch. The first loop runs to the end; the others
// end when there is no longer enough for all of them.
func (p *Poller) loop(s scope, first bool) {
	failures, short := 0, 0
	for {
		ask, wait := batchSize, p.cfg.Wait
		switch active, ok := p.outage.wait(s.run); {
		case !ok || active && !first:
			return
		case active:
			ask = 1
		}
		if !first {
			wait = extraWait
		}
		if !p.hand.reserve(s.run, ask) {
			return
		}
		got, err := p.receive(s, ask, wait)
		p.hand.fill(ask, got)
		switch {
		case err != nil && s.run.Err() != nil:
			return
		case err != nil:
			failures++
			if p.failed("ReceiveMessage", err); !first || !sleep(s.run, backoff(500*time.Millisecond, 30*time.Second, failures)) {
				return
			}
			continue
		}
		failures = 0
		p.dispatch(s, got)
		if len(got) == batchSize {
			short = 0
			p.widen(s)
		} else if short++; !first && (len(got) == 0 || short > 1) {
			return
		}
	}
}

// widen starts one more loop, unless there are enough.
func (p *Poller) widen(s scope) {
	select {
	case p.extra <- struct{}{}:
		p.loops.Go(func() {
			defer func() { <-p.extra }()
			p.loop(s, false)
		})
	default:
	}
}

// dispatch starts work on a batch.
func (p *Poller) dispatch(s scope, got []*inflight) {
	if len(got) > 0 {
		p.batches.Go(func() { p.work(s, got) })
	}
}

// receive makes one call.
func (p *Poller) receive(s scope, ask int, wait time.Duration) ([]*inflight, error) {
	call, cancel := context.WithTimeout(s.calls, wait+callTimeout)
	defer cancel()
	stop := context.AfterFunc(s.run, func() {
		if sleep(call, lastGrace) {
			cancel()
		}
	})
	defer stop()
	out, err := p.sqs.ReceiveMessage(call, &sqs.ReceiveMessageInput{
		QueueUrl:            &p.cfg.QueueURL,
		MaxNumberOfMessages: int32(ask),
		WaitTimeSeconds:     seconds(wait),
		VisibilityTimeout:   seconds(p.cfg.Visibility),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount,
			types.MessageSystemAttributeNameSentTimestamp,
		},
	}, once)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	p.health.received(now)
	got := make([]*inflight, len(out.Messages))
	oldest := time.Duration(0)
	for i, m := range out.Messages {
		got[i] = newInflight(m, now, p.cfg.Visibility)
		oldest = max(oldest, now.Sub(got[i].sent))
	}
	p.metrics.received.Add(float64(len(got)))
	p.metrics.oldest.Set(oldest.Seconds())
	return got, nil
}

// failed counts and logs a call that failed as a whole.
func (p *Poller) failed(call string, err error) {
	class := classify(err)
	p.metrics.errors.WithLabelValues(call).Inc()
	p.log.Warn("call to the queue failed", "call", call, "class", class, "error", err)
	if call == "ReceiveMessage" {
		p.health.failed(class)
	}
}

// classify names an error in a word: the service's code where there is one.
func classify(err error) string {
	var api smithy.APIError
	switch {
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	}
	return "no answer"
}

func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func attribute(m types.Message, name types.MessageSystemAttributeName, missing int64) int64 {
	n, err := strconv.ParseInt(m.Attributes[string(name)], 10, 64)
	if err != nil {
		return missing
	}
	return n
}
