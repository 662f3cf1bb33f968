package store

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// The durability levels: when a Commit may be called done.
const (
	// DurabilityLocal wants the append-only file on: a crash of the Redis
	// process loses nothing, a crash of its host about a second.
	DurabilityLocal = "local"
	// DurabilityReplicated waits after each Commit until Options.Replicas
	// replicas have it.
	DurabilityReplicated = "replicated"
	// DurabilityFsynced wants each Commit on disk before it is acknowledged:
	// by "appendfsync always", or WAITAOF on servers from 7.2.
	DurabilityFsynced = "fsynced"
)

// Options says where the store is and what it must promise.
type Options struct {
	// Addrs is one "host:port" (or an absolute path of a unix socket), several
	// nodes of one cluster, or the sentinels when MasterName is set. Whether a
	// server is part of a cluster is found out by asking it.
	Addrs []string
	// MasterName is the name by which the sentinels know the primary.
	MasterName string

	Username, Password                 string
	SentinelUsername, SentinelPassword string
	TLS                                *tls.Config
	DB                                 int // 0 in a cluster

	// Prefix separates stores that share a server; "sb" when empty. It must
	// not contain braces.
	Prefix string

	// Durability is one of the levels above; DurabilityLocal when empty.
	Durability string
	// Strict makes Open fail when the level does not hold, or when the server
	// does not tell.
	Strict bool
	// Replicas is how many must have a Commit at the level "replicated"; 1
	// when zero.
	Replicas int
	// ConfirmTimeout is how long a Commit waits for replicas or disk; 1 s when
	// zero. It must be shorter than Timeout.
	ConfirmTimeout time.Duration

	DialTimeout time.Duration // 3 s when zero
	Timeout     time.Duration // for one answer; 3 s when zero
	PoolSize    int           // connections; the client library's default when zero
}

// String leaves the passwords out.
func (o Options) String() string {
	return fmt.Sprintf("redis %s prefix %s durability %s", strings.Join(o.Addrs, ","), o.Prefix, o.Durability)
}

// GoString is String.
func (o Options) GoString() string { return o.String() }

// LogValue is String.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

func (o Options) withDefaults() (Options, error) {
	if o.Prefix == "" {
		o.Prefix = "sb"
	}
	if o.Durability == "" {
		o.Durability = DurabilityLocal
	}
	if o.Replicas == 0 {
		o.Replicas = 1
	}
	for _, d := range []struct {
		v   *time.Duration
		def time.Duration
	}{{&o.ConfirmTimeout, time.Second}, {&o.DialTimeout, 3 * time.Second}, {&o.Timeout, 3 * time.Second}} {
		if *d.v == 0 {
			*d.v = d.def
		}
	}
	switch {
	case len(o.Addrs) == 0:
		return o, fmt.Errorf("%w: no address", ErrUsage)
	case strings.ContainsAny(o.Prefix, "{}"):
		return o, fmt.Errorf("%w: the prefix contains a brace", ErrUsage)
	case o.Durability != DurabilityLocal && o.Durability != DurabilityReplicated && o.Durability != DurabilityFsynced:
		return o, fmt.Errorf("%w: durability is local, replicated or fsynced", ErrUsage)
	case o.Replicas < 0 || o.DialTimeout < 0 || o.Timeout < 0 || o.ConfirmTimeout < time.Millisecond:
		return o, fmt.Errorf("%w: a negative number of replicas or time-out", ErrUsage)
	case o.ConfirmTimeout >= o.Timeout:
		return o, fmt.Errorf("%w: the confirm time-out is not shorter than the time-out", ErrUsage)
	}
	return o, nil
}

// noRetries: go-redis repeats a command whose answer is late, up to three
// times by default; -1 turns that off. What may be repeated safely is decided
// in this package.
const noRetries = -1

func (o Options) single() *redis.Options {
	return &redis.Options{
		Addr: o.Addrs[0], Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLS,
		Protocol: 2, MaxRetries: noRetries, DialerRetries: 1, DisableIdentity: true,
		DialTimeout: o.DialTimeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout,
		ContextTimeoutEnabled: true, PoolSize: o.PoolSize,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func (o Options) cluster() *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs: o.Addrs, Username: o.Username, Password: o.Password, TLSConfig: o.TLS,
		Protocol: 2, MaxRetries: noRetries, MaxRedirects: noRetries, DialerRetries: 1, DisableIdentity: true,
		DialTimeout: o.DialTimeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout,
		ContextTimeoutEnabled: true, PoolSize: o.PoolSize,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

func (o Options) failover() *redis.FailoverOptions {
	return &redis.FailoverOptions{
		MasterName: o.MasterName, SentinelAddrs: o.Addrs,
		SentinelUsername: o.SentinelUsername, SentinelPassword: o.SentinelPassword,
		Username: o.Username, Password: o.Password, DB: o.DB, TLSConfig: o.TLS,
		Protocol: 2, MaxRetries: noRetries, DialerRetries: 1, DisableIdentity: true,
		DialTimeout: o.DialTimeout, ReadTimeout: o.Timeout, WriteTimeout: o.Timeout,
		ContextTimeoutEnabled: true, PoolSize: o.PoolSize,
	}
}
