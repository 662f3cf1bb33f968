package chat

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics holds the counters of the package. Labels have closed vocabularies.
type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	plain     *prometheus.CounterVec
	waiting   *prometheus.GaugeVec
	live      prometheus.Gauge
	expected  prometheus.Gauge
	reported  prometheus.Gauge
	attempts  *prometheus.CounterVec
	ended     *prometheus.CounterVec
	envelopes *prometheus.CounterVec
	acks      *prometheus.CounterVec
	ackTime   prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer, connections int) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "securitybot", Subsystem: "slack", Name: name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "securitybot", Subsystem: "slack", Name: name, Help: help})
	}
	m := &metrics{
		requests: counter("requests_total", "Web API calls by method and result.", "method", "result"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "securitybot", Subsystem: "slack", Name: "request_seconds",
			Help: "Duration of Web API calls.", Buckets: []float64{.02, .05, .1, .2, .5, 1, 2, 5, 10}}, []string{"method"}),
		plain: counter("plain_text_fallbacks_total", "Messages sent as plain text because Slack refused their layout.", "method"),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "securitybot", Subsystem: "slack", Name: "posts_waiting",
			Help: "Posts waiting for a slot."}, []string{"urgent"}),
		live:      gauge("connections", "Socket Mode connections that are up."),
		expected:  gauge("connections_wanted", "Socket Mode connections this replica keeps."),
		reported:  gauge("app_connections", "Connections of the app to all replicas, as Slack counted at the last hello."),
		attempts:  counter("connection_attempts_total", "Attempts to open a Socket Mode connection by result.", "result"),
		ended:     counter("connections_ended_total", "Ended Socket Mode connections by reason.", "reason"),
		envelopes: counter("envelopes_total", "Envelopes received by type and result.", "type", "result"),
		acks:      counter("acks_total", "Acknowledgements by result.", "result"),
		ackTime: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: "securitybot", Subsystem: "slack", Name: "ack_seconds",
			Help: "From receipt of an envelope to its acknowledgement. Slack waits 3 s.", Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2, 2.5, 3}}),
	}
	m.expected.Set(float64(connections))
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds, m.plain, m.waiting, m.live, m.expected, m.reported,
		m.attempts, m.ended, m.envelopes, m.acks, m.ackTime} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register slack metrics: %w", err)
		}
	}
	return m, nil
}

// knownMethods bounds the method label: a response_url ends in outside text.
func knownMethod(method string) string {
	switch method {
	case "auth.test", "apps.connections.open", "chat.postMessage", "chat.update", "chat.postEphemeral", "views.open",
		"conversations.history", "conversations.replies", "conversations.open", "users.info", "users.lookupByEmail",
		"usergroups.users.list":
		return method
	}
	return "other"
}

func (m *metrics) request(method string, e *Error, took time.Duration) {
	result := "ok"
	if e != nil {
		result = e.Kind.String()
	}
	m.requests.WithLabelValues(knownMethod(method), result).Inc()
	m.seconds.WithLabelValues(knownMethod(method)).Observe(took.Seconds())
}

func (m *metrics) lane(urgent bool, delta int) {
	label := "no"
	if urgent {
		label = "yes"
	}
	m.waiting.WithLabelValues(label).Add(float64(delta))
}
