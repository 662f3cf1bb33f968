package bot

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/internal/store"
)

// metrics are the runtime's own figures. Labels come from closed sets: never a
// user, an address, an account or a finding id.
type metrics struct {
	arrivals      *prometheus.CounterVec
	folded        *prometheus.CounterVec
	decisions     *prometheus.CounterVec
	effects       *prometheus.CounterVec
	effectSeconds *prometheus.HistogramVec
	pages         *prometheus.CounterVec
	denied        *prometheus.CounterVec
	closed        *prometheus.CounterVec
	answers       *prometheus.CounterVec
	proofs        *prometheus.CounterVec
	parked        *prometheus.CounterVec
	records       *prometheus.CounterVec
	asked         prometheus.Counter
	audit         *prometheus.GaugeVec
	waiting       *prometheus.GaugeVec
	oldest        *prometheus.GaugeVec
	lastFinding   prometheus.Gauge
	lastAudit     prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "securitybot_" + name, Help: help}, labels)
		reg.MustRegister(v)
		return v
	}
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "securitybot_" + name, Help: help}, labels)
		reg.MustRegister(v)
		return v
	}
	m := &metrics{
		arrivals:  counter("arrivals_total", "Findings that arrived, by what became of them.", "result"),
		folded:    counter("findings_merged_total", "Findings folded into what was known.", "into"),
		decisions: counter("decisions_total", "Decisions by rule and step.", "rule", "step"),
		effects:   counter("effects_total", "Attempts at effects, by kind and result.", "kind", "result"),
		pages:     counter("pages_total", "Attempts at pages, by result.", "result"),
		denied:    counter("denied_total", "Refusals by reason.", "reason"),
		closed:    counter("cases_closed_total", "Cases closed by people, by verdict.", "verdict"),
		answers:   counter("inquiry_answers_total", "Clicks on questions, by choice and whether they counted.", "choice", "counted"),
		proofs:    counter("inquiry_proofs_total", "Second proofs of a yes, by how they ended.", "result"),
		parked:    counter("parked_total", "Messages that could not be used, by kind.", "kind"),
		records:   counter("records_total", "Lines of cases' records in TheHive, by what became of them.", "result"),
		audit:     gauge("audit_repairs", "What the last audit of the store found wrong and repaired.", "what"),
		waiting:   gauge("effects_waiting", "Planned effects by lane.", "lane"),
		oldest:    gauge("effects_oldest_seconds", "Age of the oldest due effect by lane.", "lane"),
	}
	m.effectSeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "securitybot_effect_seconds",
		Help: "Duration of one attempt at an effect.", Buckets: []float64{.01, .05, .1, .5, 1, 5, 20}}, []string{"kind"})
	m.asked = prometheus.NewCounter(prometheus.CounterOpts{Name: "securitybot_inquiries_sent_total", Help: "Questions put to employees."})
	m.lastFinding = prometheus.NewGauge(prometheus.GaugeOpts{Name: "securitybot_last_finding_timestamp_seconds", Help: "When the last finding was stored."})
	m.lastAudit = prometheus.NewGauge(prometheus.GaugeOpts{Name: "securitybot_last_audit_timestamp_seconds", Help: "When the store was last audited: the auditor's own heartbeat."})
	reg.MustRegister(m.effectSeconds, m.asked, m.lastFinding, m.lastAudit)
	m.zero()
	return m
}

// zero creates the series that alerts are written on, so that a rate exists
// before the first failure.
func (m *metrics) zero() {
	for _, r := range []string{"accepted", "failed", "fallback", "unreachable"} {
		m.pages.WithLabelValues(r)
	}
	for _, r := range []string{"stored", "later"} {
		m.arrivals.WithLabelValues(r)
	}
	for _, r := range []string{"kept", "refused", "expired"} {
		m.records.WithLabelValues(r)
	}
	for _, lane := range store.Lanes {
		m.waiting.WithLabelValues(string(lane))
		m.oldest.WithLabelValues(string(lane))
	}
}
