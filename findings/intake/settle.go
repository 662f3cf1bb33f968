package intake

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/securitybot/securitybot/internal/failpoint"
)

// linger is how long a handled message waits for others to be deleted with.
const linger = 50 * time.Millisecond

// deleter deletes handled messages, ten at a time.
type deleter struct {
	p *Poller

	mu      sync.Mutex
	pending []*inflight
	timer   *time.Timer // runs while something is pending
	closed  bool
	calls   sync.WaitGroup
}

// add takes messages that are handled; the context bounds the calls for them.
func (d *deleter) add(ctx context.Context, ms []*inflight) {
	ms = settle(ms)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return // it comes back, and is folded
	}
	d.pending = append(d.pending, ms...)
	for len(d.pending) >= batchSize {
		d.send(ctx, batchSize)
	}
	if len(d.pending) > 0 && d.timer == nil {
		d.timer = time.AfterFunc(linger, func() { d.flush(ctx) })
	}
}

func (d *deleter) flush(ctx context.Context) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	if len(d.pending) > 0 {
		d.send(ctx, len(d.pending))
	}
}

// send starts the deletion of the first n pending messages.
func (d *deleter) send(ctx context.Context, n int) {
	batch := slices.Clone(d.pending[:n])
	d.pending = append(d.pending[:0], d.pending[n:]...)
	d.calls.Go(func() { d.p.delete(ctx, batch) })
}

// close deletes what is pending and waits for all calls.
func (d *deleter) close(ctx context.Context) {
	d.mu.Lock()
	d.closed = true
	if d.timer != nil {
		d.timer.Stop()
	}
	if len(d.pending) > 0 {
		d.send(ctx, len(d.pending))
	}
	d.mu.Unlock()
	d.calls.Wait()
}

// delete retries what fails until it is gone, or its receipt is worth nothing.
func (p *Poller) delete(ctx context.Context, ms []*inflight) {
	defer p.hand.drop(ms...)
	left := ms
	for try := 1; ; try++ {
		failpoint.Hit("intake.before-delete")
		left = p.deleteOnce(ctx, left)
		failpoint.Hit("intake.after-delete")
		now := time.Now()
		left = slices.DeleteFunc(left, func(m *inflight) bool {
			if now.Before(m.until) {
				return false
			}
			p.log.Warn("handled message not deleted; it will come back", "message", m.id)
			return true
		})
		if len(left) == 0 || !sleep(ctx, backoff(200*time.Millisecond, 5*time.Second, try)) {
			return
		}
	}
}

// deleteOnce makes one call and returns what is to be tried again.
func (p *Poller) deleteOnce(ctx context.Context, ms []*inflight) []*inflight {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &p.cfg.QueueURL, Entries: make([]types.DeleteMessageBatchRequestEntry, len(ms))}
	for i, m := range ms {
		in.Entries[i] = types.DeleteMessageBatchRequestEntry{Id: entryID(i), ReceiptHandle: &m.handle}
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := p.sqs.DeleteMessageBatch(call, in, once)
	if err != nil {
		p.metrics.deleteFailures.Add(float64(len(ms)))
		p.failed("DeleteMessageBatch", err)
		return slices.Clone(ms)
	}
	gone := make(map[string]bool, len(ms))
	for _, ok := range out.Successful {
		gone[deref(ok.Id)] = true
	}
	for _, f := range out.Failed {
		p.log.Info("message not deleted", "code", deref(f.Code), "sender_fault", f.SenderFault)
		// A receipt that is refused stays so: the message has gone, or is
		// somebody else's by now.
		gone[deref(f.Id)] = f.SenderFault
	}
	var left []*inflight
	for i, m := range ms {
		if !gone[*entryID(i)] {
			left = append(left, m)
		}
	}
	p.metrics.deleteFailures.Add(float64(len(ms) - len(out.Successful)))
	return left
}

// leave ends our hold on settled messages: each becomes visible after its
// delay. A call that fails is made once more; after that the message comes
// back by itself when its visibility ends.
func (p *Poller) leave(ctx context.Context, ms []*inflight, delay func(*inflight) time.Duration) {
	defer p.hand.drop(ms...)
	for batch := range slices.Chunk(ms, batchSize) {
		if left := p.setVisibility(ctx, batch, delay); len(left) > 0 && sleep(ctx, backoff(200*time.Millisecond, time.Second, 1)) {
			p.setVisibility(ctx, left, delay)
		}
	}
	if len(ms) > 0 {
		failpoint.Hit("intake.left")
	}
}

// setVisibility makes one call for at most ten messages and returns those for
// which it should be made again.
func (p *Poller) setVisibility(ctx context.Context, ms []*inflight, d func(*inflight) time.Duration) []*inflight {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &p.cfg.QueueURL}
	for i, m := range ms {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: entryID(i), ReceiptHandle: &m.handle, VisibilityTimeout: seconds(d(m)),
		})
	}
	call, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	out, err := p.sqs.ChangeMessageVisibilityBatch(call, in, once)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil
	case err != nil:
		p.failed("ChangeMessageVisibilityBatch", err)
		return slices.Clone(ms)
	}
	var left []*inflight
	for _, f := range out.Failed {
		p.log.Info("visibility not changed", "code", deref(f.Code), "sender_fault", f.SenderFault)
		if i, err := strconv.Atoi(deref(f.Id)); err == nil && !f.SenderFault && i < len(ms) {
			left = append(left, ms[i])
		}
	}
	return left
}

// keep extends the visibility of a batch until stop is called, which returns
// when no extension is under way. It gives up after Config.MaxHold: a handler
// that has not answered by then may never do so, and another replica should
// have the messages.
func (p *Poller) keep(s scope, ms []*inflight) (stop func()) {
	ctx, cancel := context.WithTimeout(s.calls, p.cfg.MaxHold)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		every := p.cfg.Visibility / 3
		for sleep(ctx, every) {
			now := time.Now()
			mine := slices.DeleteFunc(slices.Clone(ms), func(m *inflight) bool { return m.settled.Load() })
			if len(mine) == 0 {
				return
			}
			if left := p.setVisibility(ctx, mine, func(*inflight) time.Duration { return p.cfg.Visibility }); len(left) > 0 {
				every = p.cfg.Visibility / 10
				continue
			}
			every = p.cfg.Visibility / 3
			p.metrics.extended.Add(float64(len(mine)))
			for _, m := range mine {
				m.extend(now.Add(p.cfg.Visibility))
			}
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// entryIDs avoids making the ten possible ids again and again.
const entryIDs = "0123456789"

func entryID(i int) *string {
	id := entryIDs[i : i+1]
	return &id
}
