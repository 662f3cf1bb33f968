package bot

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/securitybot/securitybot/bot/config"
	"github.com/securitybot/securitybot/internal/store"
	"github.com/securitybot/securitybot/responders/portmap"
)

// PortMap is the map of ports for people at a command line. Close ends it.
type PortMap struct {
	Map   *portmap.Map
	Job   *portmap.Job // to read everything once
	Close func()
}

// systemClock is the time of this machine.
type systemClock struct{}

func (systemClock) Now() time.Time { return time.Now() }

// OpenPortMap opens the map of ports that a configuration describes, without a
// bot.
func OpenPortMap(ctx context.Context, cfg *config.Config, log *slog.Logger) (*PortMap, error) {
	if !cfg.NLBMap.Enabled() {
		return nil, errors.New("the configuration has no nlb_map with regions")
	}
	hub, err := hubOf(ctx, cfg)
	if err != nil {
		return nil, err
	}
	b := &Bot{cfg: SettingsOf(cfg), clock: systemClock{}, log: log}
	end := func() {}
	if cfg.NLBMap.Table == "" {
		s, err := store.Open(ctx, storeOptions(cfg))
		if err != nil {
			return nil, fmt.Errorf("open the store: %w", err)
		}
		b.store, end = s, func() { _ = s.Close() }
	}
	l, err := b.newLooking(hub)
	if err != nil {
		end()
		return nil, err
	}
	return &PortMap{Map: l.ports, Job: l.portJob, Close: end}, nil
}
