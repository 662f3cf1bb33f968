package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// unknown stands for a setting that the server does not tell.
const unknown = "unknown"

// DurabilityReport says what the server's settings mean for what has been
// acknowledged. The facts are those of the Redis documentation on persistence
// and replication.
type DurabilityReport struct {
	Level    string // the level asked for
	Version  string // of the server
	AOF      string // "on", "off" or "unknown"
	Fsync    string // appendfsync: "always", "everysec", "no" or "unknown"
	Eviction string // maxmemory-policy, or "unknown"
	Replicas int    // connected now
	// MinReplicas is min-replicas-to-write, or "unknown".
	MinReplicas string

	// ProcessCrash, HostCrash and Failover say in one sentence each what that
	// event would lose.
	ProcessCrash, HostCrash, Failover string
	// Problems are the reasons for which the level does not hold.
	Problems []string
	// Unknown are the settings that decide about the level and are not told,
	// as on managed servers that forbid CONFIG.
	Unknown []string
}

// Holds is true when nothing speaks against the level.
func (r DurabilityReport) Holds() bool { return len(r.Problems) == 0 }

// Certain is true when the level holds and no setting had to be guessed.
func (r DurabilityReport) Certain() bool { return r.Holds() && len(r.Unknown) == 0 }

// Sentences lists everything an operator should read.
func (r DurabilityReport) Sentences() []string {
	out := []string{r.ProcessCrash, r.HostCrash, r.Failover}
	for _, p := range r.Problems {
		out = append(out, fmt.Sprintf("The durability level %q does not hold: %s.", r.Level, p))
	}
	for _, u := range r.Unknown {
		out = append(out, fmt.Sprintf("The server does not tell its setting %s.", u))
	}
	return out
}

// NotDurableError is what Open returns when Options.Strict refuses the server.
type NotDurableError struct{ Report DurabilityReport }

// Error lists the reasons.
func (e *NotDurableError) Error() string {
	reasons := append([]string{}, e.Report.Problems...)
	for _, u := range e.Report.Unknown {
		reasons = append(reasons, "the server does not tell its setting "+u)
	}
	return fmt.Sprintf("the durability level %q does not hold: %s", e.Report.Level, strings.Join(reasons, "; "))
}

// Durability reads the server's settings now.
func (s *Store) Durability(ctx context.Context) (DurabilityReport, error) {
	r, _, err := s.durability(ctx)
	if err != nil {
		return r, fmt.Errorf("read durability: %w", err)
	}
	return r, nil
}

func (s *Store) durability(ctx context.Context) (DurabilityReport, settings, error) {
	node, err := s.node(ctx)
	if err != nil {
		return DurabilityReport{}, settings{}, err
	}
	set, err := readSettings(ctx, node)
	if err != nil {
		return DurabilityReport{}, settings{}, err
	}
	return assess(s.o, set), set, nil
}

// settings are what the server says about itself; "unknown" where it does not.
type settings struct {
	version, aof, fsync, eviction, minReplicas, save string
	replica                                          bool
	replicas                                         int
}

// readSettings uses INFO, which nearly every server permits, and CONFIG GET,
// which managed servers often forbid.
func readSettings(ctx context.Context, node *redis.Client) (settings, error) {
	pipe := node.Pipeline()
	info := pipe.Info(ctx)
	names := []string{"appendonly", "appendfsync", "maxmemory-policy", "min-replicas-to-write", "save"}
	gets := make([]*redis.MapStringStringCmd, len(names))
	for i, n := range names {
		gets[i] = pipe.ConfigGet(ctx, n)
	}
	_, _ = pipe.Exec(ctx)
	if err := info.Err(); err != nil {
		return settings{}, wrap(err)
	}
	value := map[string]string{}
	for i, n := range names {
		value[n] = unknown
		if v, ok := gets[i].Val()[n]; ok {
			value[n] = v
		}
	}
	return settingsFrom(infoFields(info.Val()), value), nil
}

func settingsFrom(info, config map[string]string) settings {
	or := func(v, def string) string {
		if v == "" {
			return def
		}
		return v
	}
	set := settings{
		version: or(info["redis_version"], unknown), replica: info["role"] == "slave",
		fsync: config["appendfsync"], eviction: config["maxmemory-policy"],
		minReplicas: config["min-replicas-to-write"], save: config["save"],
		aof: map[string]string{"yes": "on", "no": "off"}[config["appendonly"]],
	}
	if set.aof == "" {
		set.aof = or(map[string]string{"1": "on", "0": "off"}[info["aof_enabled"]], unknown)
	}
	if set.eviction == unknown {
		set.eviction = or(info["maxmemory_policy"], unknown)
	}
	set.replicas, _ = strconv.Atoi(info["connected_slaves"])
	return set
}

// hasWaitAOF: WAITAOF came with Redis 7.2.
func (s settings) hasWaitAOF() bool {
	major, rest, _ := strings.Cut(s.version, ".")
	minor, _, _ := strings.Cut(rest, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	return err1 == nil && err2 == nil && (a > 7 || a == 7 && b >= 2)
}

// infoFields reads the "name:value" lines of INFO.
func infoFields(info string) map[string]string {
	out := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok {
			out[name] = value
		}
	}
	return out
}
