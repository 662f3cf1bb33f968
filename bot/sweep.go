package bot

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/securitybot/securitybot/bot/cases"
	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/findings"
	"github.com/securitybot/securitybot/findings/intake"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/guardduty"
)

// The sweep: GuardDuty's own list is compared with the store, so that a finding
// which never came through the queue gets its case all the same (P4).

const (
	// sweepLook is how often a replica looks whether a sweep is due.
	sweepLook = 30 * time.Second
	// sweepAtOnce is how many places are read at the same time. GuardDuty does
	// not publish its request rates; what it throttles is asked again.
	sweepAtOnce = 4
	// sweepGrace is how old a finding is before it counts as missing: the queue
	// may be about to bring it. EventBridge publishes within five minutes
	// (GuardDuty user guide, "Processing findings with EventBridge").
	sweepGrace = 10 * time.Minute
)

// sweeper is what a sweep works with.
type sweeper struct {
	cfg     config.Sweep
	places  []guardduty.Place
	reader  *guardduty.Reader
	allowed []intake.Config // what each queue takes
	last    prometheus.Gauge
	missing prometheus.Counter
	seen    prometheus.Gauge
	trouble prometheus.Gauge
}

// newSweeper prepares the sweep; nil when none is configured.
func (b *Bot) newSweeper(hub aws.Config, queues []Queue) (*sweeper, error) {
	c := b.cfg.Sweep
	if !c.Enabled() {
		return nil, nil
	}
	sessions, err := sessionsOf(b.cfg.AWSIR, hub, b.clock)
	if err != nil {
		return nil, err
	}
	s := &sweeper{cfg: c, places: sweepPlaces(b.cfg.AWSIR, c), reader: guardduty.NewReader(sessions),
		last:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "securitybot_sweep_last_timestamp_seconds", Help: "When this replica last compared GuardDuty's own list with the store."}),
		missing: prometheus.NewCounter(prometheus.CounterOpts{Name: "securitybot_sweep_missing_total", Help: "Findings that GuardDuty has and that had not arrived, or had arrived with a lower severity."}),
		seen:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "securitybot_sweep_findings", Help: "Findings compared in this replica's last sweep."}),
		trouble: prometheus.NewGauge(prometheus.GaugeOpts{Name: "securitybot_sweep_trouble", Help: "Accounts and regions whose list could not be read in this replica's last sweep, or in which GuardDuty is off."})}
	b.reg.MustRegister(s.last, s.missing, s.seen, s.trouble)
	for _, q := range queues {
		s.allowed = append(s.allowed, q.Config)
	}
	return s, nil
}

// sweepPlaces are the accounts and regions that are asked.
func sweepPlaces(a config.AWSIR, c config.Sweep) []guardduty.Place {
	accounts := c.Accounts
	if len(accounts) == 0 {
		accounts = a.Accounts
	}
	var out []guardduty.Place
	for _, account := range accounts {
		for _, region := range c.Regions {
			out = append(out, guardduty.Place{Account: account, Region: region})
		}
	}
	return out
}

// runSweep sweeps when it is time. Of many replicas, one does.
func (b *Bot) runSweep(ctx context.Context) {
	if b.sweeper == nil {
		return
	}
	for {
		mine, err := b.claimSweep(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			b.log.Warn("the time of the last sweep cannot be read", "error", err)
		case mine:
			b.sweep(ctx)
		}
		if !b.wakes.wait(ctx, "sweep", sweepLook) {
			return
		}
	}
}

// sweepDoc is the document that says when the next sweep is due and what was
// said about the last ones.
const sweepDoc = "w:sweep"

// sweepState is what replicas know of each other's sweeps.
type sweepState struct {
	Next    time.Time             `json:"next"`
	Trouble map[string]sweepWrong `json:"trouble,omitempty"` // by place
	Lost    bool                  `json:"lost,omitempty"`    // the last sweep found something missing, and it was said
}

// sweepWrong is a place that could not be compared.
type sweepWrong struct {
	Said bool `json:"said,omitempty"`
}

func (t *tx) loadSweep(ctx context.Context) (sweepState, error) {
	var s sweepState
	body, err := t.loadRaw(ctx, sweepDoc)
	if err != nil || len(body) == 0 {
		return s, err
	}
	if err := json.Unmarshal(body, &s); err != nil {
		return s, fmt.Errorf("decode the state of sweeps: %w", err)
	}
	return s, nil
}

func (t *tx) putSweep(s sweepState) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the state of sweeps: %w", err)
	}
	t.putRaw(sweepDoc, body, 0)
	return nil
}

// claimSweep takes the next sweep when it is due. In a store without one the
// first is due in a while: what is in the queue comes first.
func (b *Bot) claimSweep(ctx context.Context) (mine bool, err error) {
	err = b.change(ctx, func(t *tx, now time.Time) error {
		mine = false
		s, err := t.loadSweep(ctx)
		if err != nil {
			return err
		}
		if now.Before(s.Next) {
			return errGiveUp
		}
		mine = !s.Next.IsZero()
		s.Next = now.Add(b.sweeper.cfg.Every)
		return t.putSweep(s)
	})
	return mine && err == nil, err
}

// swept is what one sweep found.
type swept struct {
	mu      sync.Mutex
	seen    int
	missing int
	trouble map[string]string // by place: why, in words for people
	off     map[string]bool   // places in which GuardDuty is not on: no outage, said at once
}

// sweep compares all places, a few at a time, within the time until the next.
func (b *Bot) sweep(ctx context.Context) {
	began := time.Now()
	work, cancel := context.WithTimeout(ctx, b.sweeper.cfg.Every)
	defer cancel()
	r := &swept{trouble: map[string]string{}, off: map[string]bool{}}
	var wait sync.WaitGroup
	slots := make(chan struct{}, sweepAtOnce)
	for _, p := range b.sweeper.places {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			r.add(p, b.guard(func() error { return b.sweepPlace(work, p, r) }))
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return // the process ends; the next sweep sees the same
	}
	b.sweeper.last.SetToCurrentTime()
	b.sweeper.seen.Set(float64(r.seen))
	b.sweeper.trouble.Set(float64(len(r.trouble)))
	b.log.Info("GuardDuty's list compared", "places", len(b.sweeper.places), "findings", r.seen, "missing", r.missing, "trouble", len(r.trouble), "took", time.Since(began).Round(time.Millisecond).String())
	if err := b.tellSweep(ctx, r); err != nil && ctx.Err() == nil {
		b.log.Warn("the outcome of the sweep is not stored", "error", err)
	}
}

// add notes how a place went.
func (r *swept) add(p guardduty.Place, err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off[p.String()] = errors.Is(err, guardduty.ErrNoDetector) || errors.Is(err, guardduty.ErrSuspended)
	r.trouble[p.String()] = sweepWhy(err)
}

// sweepPlace compares one place, newest findings first.
func (b *Bot) sweepPlace(ctx context.Context, p guardduty.Place, r *swept) error {
	since := b.clock.Now().Add(-b.sweeper.cfg.Window)
	return b.sweeper.reader.Since(ctx, p, since, func(items []findings.Item) error {
		missing, err := b.missing(ctx, items)
		if err != nil {
			return err
		}
		r.mu.Lock()
		r.seen += len(items)
		r.missing += len(missing)
		r.mu.Unlock()
		if len(missing) == 0 {
			return nil
		}
		for _, it := range missing {
			b.log.Warn("GuardDuty has a finding that had not arrived", "case", cases.RefOf(cases.IDOf(it.Finding.Key())), "type", it.Finding.Type, "place", p.String(), "updated", it.Finding.UpdatedAt)
		}
		if b.HandleArrivals(ctx, []intake.Arrival{{Items: missing}})[0] != intake.Handled {
			return errNotStored
		}
		b.sweeper.missing.Add(float64(len(missing)))
		return nil
	})
}

var errNotStored = errors.New("the store does not take findings")

// missing picks what the store does not know, or knows as less severe.
func (b *Bot) missing(ctx context.Context, items []findings.Item) ([]findings.Item, error) {
	var asked []findings.Item
	var ids []string
	for _, it := range items {
		if it.Err != nil {
			b.log.Warn("a finding in GuardDuty's list cannot be read", "error", it.Err)
			continue
		}
		if b.sweeper.takes(it.Finding) {
			asked, ids = append(asked, it), append(ids, cases.DocID(cases.IDOf(it.Finding.Key())))
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	docs, err := b.store.Load(ctx, ids...)
	if err != nil {
		return nil, fmt.Errorf("compare findings: %w", err)
	}
	old := b.clock.Now().Add(-sweepGrace)
	var out []findings.Item
	for i, it := range asked {
		if unmet(docs[i], it.Finding, old) {
			out = append(out, it)
		}
	}
	return out, nil
}

// unmet says that a finding should have arrived by now and has not.
func unmet(d store.Doc, f *findings.Finding, old time.Time) bool {
	c, err := cases.Decode("", d.Body)
	switch {
	case err != nil:
		return false // written by a newer version
	case !c.Known():
		return f.CreatedAt.Before(old)
	}
	return f.Severity > c.Severity && f.UpdatedAt.Before(old)
}

// takes says whether some queue would take the finding.
func (s *sweeper) takes(f *findings.Finding) bool {
	for _, q := range s.allowed {
		if q.Allows(f) {
			return true
		}
	}
	return false
}
