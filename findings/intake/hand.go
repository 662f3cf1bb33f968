package intake

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// inflight is one message in hand.
type inflight struct {
	id, handle, body string
	receives         int
	sent             time.Time
	taken            time.Time // when it was received
	until            time.Time // end of its visibility, as far as we know
	settled          atomic.Bool
}

// settle reports whether the caller is the first who decides about m.
func (m *inflight) settle() bool { return m.settled.CompareAndSwap(false, true) }

// extend notes a new end of the visibility. It is called by nobody else while
// the batch is kept, and not any more once it is settled.
func (m *inflight) extend(until time.Time) { m.until = until }

// hand counts what is in hand, and keeps it within bounds.
type hand struct {
	maxCount int
	maxBytes int64

	mu       sync.Mutex
	reserved int // slots taken, by messages and by receives under way
	bytes    int64
	held     map[*inflight]struct{}
	freed    chan struct{} // closed and replaced when something was freed
}

func newHand(maxCount int, maxBytes int64) *hand {
	return &hand{maxCount: maxCount, maxBytes: maxBytes, held: map[*inflight]struct{}{}, freed: make(chan struct{})}
}

// reserve waits for n free slots; false when ctx ended first.
func (h *hand) reserve(ctx context.Context, n int) bool {
	for {
		h.mu.Lock()
		if h.reserved+n <= h.maxCount && h.bytes < h.maxBytes {
			h.reserved += n
			h.mu.Unlock()
			return true
		}
		freed := h.freed
		h.mu.Unlock()
		select {
		case <-freed:
		case <-ctx.Done():
			return false
		}
	}
}

// fill turns n reserved slots into messages, and frees the rest of them.
func (h *hand) fill(n int, got []*inflight) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, m := range got {
		h.held[m] = struct{}{}
		h.bytes += int64(len(m.body))
	}
	h.free(n - len(got))
}

// drop ends the time of messages in hand.
func (h *hand) drop(ms ...*inflight) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, m := range ms {
		if _, ok := h.held[m]; ok {
			delete(h.held, m)
			h.bytes -= int64(len(m.body))
			n++
		}
	}
	h.free(n)
}

func (h *hand) free(n int) {
	if n > 0 {
		h.reserved -= n
		close(h.freed)
		h.freed = make(chan struct{})
	}
}

// unsettled returns what nobody has decided about, and takes the decision.
func (h *hand) unsettled() []*inflight {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []*inflight
	for m := range h.held {
		if m.settle() {
			out = append(out, m)
		}
	}
	return out
}

// count returns the messages in hand, and when the oldest was received.
func (h *hand) count() (n int, oldest time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for m := range h.held {
		if oldest.IsZero() || m.taken.Before(oldest) {
			oldest = m.taken
		}
	}
	return len(h.held), oldest
}

// newInflight reads a message as the SDK gives it.
func newInflight(m types.Message, now time.Time, visibility time.Duration) *inflight {
	return &inflight{
		// Cloned: ids are remembered long, and would keep the whole answer of SQS.
		id: strings.Clone(deref(m.MessageId)), handle: deref(m.ReceiptHandle), body: deref(m.Body),
		receives: int(attribute(m, types.MessageSystemAttributeNameApproximateReceiveCount, 1)),
		sent:     time.UnixMilli(attribute(m, types.MessageSystemAttributeNameSentTimestamp, now.UnixMilli())).UTC(),
		taken:    now, until: now.Add(visibility),
	}
}
