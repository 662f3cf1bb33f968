package bot

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/securitybot/securitybot/internal/fakes/pagerdutyfake"
	"github.com/securitybot/securitybot/responders/pagerduty"
)

// TestLastingTroubleIsPagedPastTheStore covers P20: whatever stays out of order
// is paged within two minutes without the store, once, and resolved afterwards.
func TestLastingTroubleIsPagedPastTheStore(t *testing.T) {
	t.Parallel()
	fake := pagerdutyfake.New()
	defer fake.Close()
	pager, err := pagerduty.New(pagerduty.Config{EventsURL: fake.URL, RoutingKey: "0123456789abcdef0123456789abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	b := &Bot{pager: pager, log: slog.New(slog.DiscardHandler)}
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	broken := errors.New("connection refused")
	for s := 0; s < 75; s += 5 {
		b.judge(t.Context(), "store", broken, start.Add(time.Duration(s)*time.Second))
	}
	if n := len(fake.Snapshot().Incidents); n != 0 {
		t.Fatalf("a short trouble paged %d times", n)
	}
	for s := 75; s < 300; s += 5 {
		b.judge(t.Context(), "store", broken, start.Add(time.Duration(s)*time.Second))
	}
	p := fake.Snapshot()
	if len(p.Incidents) != 1 || p.Incidents[0].Triggers != 1 || p.Incidents[0].DedupKey != "securitybot/outage/store" {
		t.Fatalf("incidents %+v", p.Incidents)
	}
	b.judge(t.Context(), "store", nil, start.Add(6*time.Minute))
	if open := fake.Snapshot().Open(); len(open) != 0 {
		t.Fatalf("still open after it works again: %+v", open)
	}
}

// TestAPageThatIsNotTakenIsTriedAgain: the direct page is the last resort.
func TestAPageThatIsNotTakenIsTriedAgain(t *testing.T) {
	t.Parallel()
	fake := pagerdutyfake.New()
	defer fake.Close()
	pager, err := pagerduty.New(pagerduty.Config{EventsURL: fake.URL, RoutingKey: "0123456789abcdef0123456789abcdef"})
	if err != nil {
		t.Fatal(err)
	}
	b := &Bot{pager: pager, log: slog.New(slog.DiscardHandler)}
	start := time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)
	fake.Fail(pagerdutyfake.Status(503))
	for s := 0; s <= 90; s += 5 {
		b.judge(t.Context(), "slack", errors.New("no socket"), start.Add(time.Duration(s)*time.Second))
	}
	if n := len(fake.Snapshot().Open()); n != 1 {
		t.Fatalf("%d incidents open after a refused attempt, want 1", n)
	}
}
