package store

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Store is a connection to one store. It is safe for concurrent use.
type Store struct {
	o       Options
	k       keys
	one     *redis.Client        // a single server, or the primary that the sentinels name
	many    *redis.ClusterClient // a cluster; then one is nil
	scripts *scripts
	confirm confirm

	mu         sync.Mutex
	seq        int64   // highest number of a commit seen
	lost       int64   // commits that were acknowledged and have disappeared
	reported   int64   // of these, by an audit
	unreadable Anomaly // effects claimed since the last audit
	epoch      string
	created    bool // this Store found no epoch and made one
}

// Open connects, loads the scripts, names the store's epoch if it has none and
// reads the settings that decide what a crash would lose. It returns an
// *UnavailableError when the server cannot be used now, a *NotDurableError
// when Options.Strict is set and the level does not hold, and ErrUsage for
// impossible options.
func Open(ctx context.Context, o Options) (*Store, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{o: o, k: newKeys(o.Prefix)}
	if err := s.open(ctx); err != nil {
		s.Close()
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	report, set, err := s.durability(ctx)
	if err != nil {
		return err
	}
	if s.o.Strict && !report.Certain() {
		return &NotDurableError{Report: report}
	}
	s.confirm = s.o.confirmation(set)
	if s.scripts, err = s.loadScripts(ctx); err != nil {
		return err
	}
	if _, _, err := s.Epoch(ctx); err != nil {
		return err
	}
	n, err := s.serverSeq(ctx)
	s.seq = n
	return err
}

func (s *Store) connect(ctx context.Context) error {
	if s.o.MasterName != "" {
		s.one = redis.NewFailoverClient(s.o.failover())
		return wrap(s.one.Ping(ctx).Err())
	}
	cluster, err := s.findServer(ctx)
	if err != nil {
		return err
	}
	if cluster {
		s.many = redis.NewClusterClient(s.o.cluster())
		return nil
	}
	if len(s.o.Addrs) > 1 {
		return fmt.Errorf("%w: several addresses are for a cluster, or for sentinels with a master name", ErrUsage)
	}
	s.one = redis.NewClient(s.o.single())
	return nil
}

// findServer asks the first address that answers whether it is in a cluster.
func (s *Store) findServer(ctx context.Context) (cluster bool, _ error) {
	var last error
	for _, addr := range s.o.Addrs {
		o := s.o
		o.Addrs = []string{addr}
		probe := redis.NewClient(o.single())
		info, err := probe.Info(ctx).Result()
		probe.Close()
		if err == nil {
			return infoFields(info)["cluster_enabled"] == "1", nil
		}
		last = err
	}
	return false, wrap(last)
}

// Close closes the connections.
func (s *Store) Close() error {
	switch {
	case s.one != nil:
		return s.one.Close()
	case s.many != nil:
		return s.many.Close()
	}
	return nil
}

// node is the server that holds our slot. All keys share it, so a cluster is
// used like a single server, and nothing is retried behind our back.
func (s *Store) node(ctx context.Context) (*redis.Client, error) {
	if s.one != nil {
		return s.one, nil
	}
	n, err := s.many.MasterForKey(ctx, s.k.epoch())
	if err != nil {
		s.many.ReloadState(ctx)
		return nil, wrap(err)
	}
	return n, nil
}

// moved waits for the cluster client to learn the new place of our slot.
func (s *Store) moved(ctx context.Context, from *redis.Client) (*redis.Client, error) {
	deadline := time.NewTimer(time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s.many.ReloadState(ctx)
		select {
		case <-ctx.Done():
			return nil, wrap(ctx.Err())
		case <-deadline.C:
			return nil, &UnavailableError{Reason: "the cluster has moved the data", Refused: true}
		case <-tick.C:
		}
		if n, err := s.node(ctx); err == nil && n.Options().Addr != from.Options().Addr {
			return n, nil
		}
	}
}

// Ping checks that the store accepts a write at this moment, and that it is
// confirmed as a commit would be.
func (s *Store) Ping(ctx context.Context) error {
	node, err := s.node(ctx)
	if err != nil {
		return fmt.Errorf("ping store: %w", err)
	}
	pipe := node.Pipeline()
	write := pipe.Set(ctx, s.k.ping(), "1", time.Minute)
	wait := s.confirm.add(ctx, pipe)
	if _, err := pipe.Exec(ctx); err != nil {
		s.noteMoved(ctx, err)
	}
	if err := write.Err(); err != nil {
		return fmt.Errorf("ping store: %w", wrap(err))
	}
	if err := s.confirm.check(wait); err != nil {
		return fmt.Errorf("ping store: %w", err)
	}
	return nil
}

// Time is the store's clock, in microseconds.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	node, err := s.node(ctx)
	if err != nil {
		return time.Time{}, fmt.Errorf("read store clock: %w", err)
	}
	t, err := node.Time(ctx).Result()
	if err != nil {
		return time.Time{}, fmt.Errorf("read store clock: %w", wrap(err))
	}
	return t.UTC(), nil
}
