package bot

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/securitybot/securitybot/responders/pagerduty"
)

// health knows what is wrong at the moment, and since when. What stays wrong is
// paged directly, without the store: it may be the store that is gone.
type health struct {
	mu     sync.Mutex
	since  map[string]time.Time
	why    map[string]string
	paged  map[string]bool
	server *http.Server
	addr   string
}

const (
	healthEvery = 5 * time.Second
	// outageAfter is how long something may be wrong before the team is paged
	// past everything else (P20: within two minutes).
	outageAfter = 75 * time.Second
)

// components lists what has to work, with how to look. Each look is short.
func (b *Bot) components() map[string]func(context.Context) error {
	out := map[string]func(context.Context) error{
		"store": b.store.Ping,
		"slack": func(context.Context) error { return b.slack.Healthy() },
		"audit": func(context.Context) error { return b.auditLog.healthy() },
	}
	for i, p := range b.pollers {
		out[fmt.Sprintf("queue-%d", i)] = func(context.Context) error { return p.Healthy() }
	}
	return out
}

// runHealth looks at every component and pages about lasting trouble.
func (b *Bot) runHealth(ctx context.Context) {
	for {
		for name, look := range b.components() {
			one, cancel := context.WithTimeout(ctx, healthEvery)
			err := look(one)
			cancel()
			if ctx.Err() != nil {
				return
			}
			b.judge(ctx, name, err, time.Now())
		}
		if !sleep(ctx, healthEvery) {
			return
		}
	}
}

// judge notes the state of one component and pages or resolves when it is time.
func (b *Bot) judge(ctx context.Context, name string, err error, now time.Time) {
	page, resolve := b.health.note(name, err, now)
	key := "securitybot/outage/" + name
	switch {
	case page:
		b.log.Error("a part has been out of order for too long: paging directly", "part", name, "error", err)
		p := pagerduty.Page{DedupKey: key, Source: "securitybot", Severity: "critical", At: now, Component: name,
			Summary: outageSummary(name),
			Details: map[string]any{"part": name}}
		if err := b.pager.Trigger(ctx, pagerduty.Primary, p); err != nil {
			b.log.Error("the direct page was not accepted", "error", err)
			b.health.repage(name)
			if b.cfg.FallbackKey {
				if err := b.pager.Trigger(ctx, pagerduty.Fallback, p); err != nil {
					b.log.Error("the fallback did not accept it either", "error", err)
				}
			}
		}
	case resolve:
		if err := b.pager.Resolve(ctx, pagerduty.Primary, key, name+" works again"); err != nil {
			b.log.Warn("the direct page was not resolved", "error", err)
		}
	}
}

// outageSummary says what lasting trouble means.
func outageSummary(part string) string {
	if part == "audit" {
		return "SecurityBot's audit log was tampered with, or its checkpoints cannot be written. Alerts go on; after an hour without checkpoints, privileged changes are refused."
	}
	return "SecurityBot cannot work: " + part + " is out of order. Findings wait in the queue; questions and answers may not get through."
}

func (h *health) note(name string, err error, now time.Time) (page, resolve bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.since == nil {
		h.since, h.why, h.paged = map[string]time.Time{}, map[string]string{}, map[string]bool{}
	}
	if err == nil {
		resolve = h.paged[name]
		delete(h.since, name)
		delete(h.why, name)
		delete(h.paged, name)
		return false, resolve
	}
	h.why[name] = err.Error()
	if h.since[name].IsZero() {
		h.since[name] = now
	}
	if !h.paged[name] && now.Sub(h.since[name]) >= outageAfter {
		h.paged[name] = true
		return true, false
	}
	return false, false
}

// repage lets the next look page again.
func (h *health) repage(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.paged, name)
}

// startHTTP serves /healthz, /readyz and /metrics.
func (b *Bot) startHTTP() error {
	if b.cfg.HTTPAddr == "" {
		return nil
	}
	l, err := net.Listen("tcp", b.cfg.HTTPAddr)
	if err != nil {
		return fmt.Errorf("listen for health checks: %w", err)
	}
	b.health.mu.Lock()
	b.health.addr = l.Addr().String()
	b.health.server = &http.Server{Handler: b.Handler(), ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second}
	server := b.health.server
	b.health.mu.Unlock()
	go func() { _ = server.Serve(l) }()
	b.log.Info("health and metrics", "addr", l.Addr().String())
	return nil
}

func (b *Bot) stopHTTP() {
	b.health.mu.Lock()
	server := b.health.server
	b.health.mu.Unlock()
	if server != nil {
		_ = server.Close()
	}
}

// Handler serves /healthz (the process lives), /readyz (it can do its work;
// 503 with the parts that are out of order) and /metrics. It tells nothing
// about people or findings.
func (b *Bot) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", b.ready)
	mux.Handle("GET /metrics", promhttp.HandlerFor(b.reg, promhttp.HandlerOpts{}))
	return mux
}

func (b *Bot) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	wrong := map[string]string{}
	for name, look := range b.components() {
		if err := look(ctx); err != nil {
			wrong[name] = err.Error()
		}
	}
	w.Header().Set("Content-Type", "application/json")
	if len(wrong) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(wrong) == 0, "out_of_order": wrong})
}
