package intake

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// health remembers what Healthy is asked about.
type health struct {
	after time.Duration // of failure
	stuck time.Duration // of one message in hand

	mu      sync.Mutex
	began   bool
	ended   bool
	good    time.Time // latest receive that succeeded, or the start
	failing string    // class of the latest error; empty after a success
}

func newHealth(cfg Config) *health {
	return &health{after: cfg.UnhealthyAfter, stuck: cfg.MaxHold + cfg.Visibility}
}

func (h *health) begin(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.began {
		return false
	}
	h.began, h.good = true, now
	return true
}

func (h *health) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended = true
}

func (h *health) received(now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.good, h.failing = now, ""
}

func (h *health) failed(class string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.failing = class
}

func (h *health) check(now time.Time, o *outage, in *hand) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case !h.began:
		return errors.New("intake is not running")
	case h.ended:
		return errors.New("intake has stopped")
	case h.failing != "" && now.Sub(h.good) >= h.after:
		return fmt.Errorf("intake has not received since %s: %s", h.good.UTC().Format(time.RFC3339), h.failing)
	}
	if since := o.began(); !since.IsZero() && now.Sub(since) >= h.after {
		return fmt.Errorf("intake cannot hand on what it receives since %s", since.UTC().Format(time.RFC3339))
	}
	if _, oldest := in.count(); !oldest.IsZero() && now.Sub(oldest) > h.stuck {
		return fmt.Errorf("intake has held a message since %s: a handler is stuck", oldest.UTC().Format(time.RFC3339))
	}
	return nil
}
