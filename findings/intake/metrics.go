package intake

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	received, handled, later, left   prometheus.Counter
	extended, deleteFailures, panics prometheus.Counter
	parked, errors                   *prometheus.CounterVec
	oldest                           prometheus.Gauge
}

// newMetrics makes all series at once, so that they start at zero.
func newMetrics(reg prometheus.Registerer, h *hand) (*metrics, error) {
	var all []prometheus.Collector
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "securitybot", Subsystem: "intake", Name: name, Help: help}
	}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts(opts(name, help)))
		all = append(all, c)
		return c
	}
	vector := func(name, help, label string, values ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts(opts(name, help)), []string{label})
		for _, value := range values {
			v.WithLabelValues(value)
		}
		all = append(all, v)
		return v
	}
	m := &metrics{
		received:       counter("received_total", "Messages received from the queue, each time they were."),
		handled:        counter("handled_total", "Messages of which everything usable became durable."),
		later:          counter("later_total", "Messages handed back to the queue to be tried again."),
		left:           counter("left_total", "Messages received again that were parked before, left for the dead-letter queue."),
		extended:       counter("extended_total", "Extensions of the visibility of messages in hand."),
		deleteFailures: counter("delete_failures_total", "Deletions of handled messages that failed, each time they did."),
		panics:         counter("panics_total", "Panics contained while a message was parsed, handled or parked."),
		parked:         vector("parked_total", "Messages parked, by kind.", "kind", Kinds()...),
		errors: vector("call_errors_total", "Calls to the queue that failed as a whole.", "call",
			"ReceiveMessage", "DeleteMessageBatch", "ChangeMessageVisibilityBatch"),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts(opts("oldest_message_age_seconds", "Age of the oldest message in the latest batch received; 0 when the queue was empty."))),
	}
	all = append(all, m.oldest, prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("in_hand", "Messages received and not yet deleted or handed back.")),
		func() float64 { n, _ := h.count(); return float64(n) }))
	if reg == nil {
		return m, nil
	}
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register intake metrics: %w", err)
		}
	}
	return m, nil
}
