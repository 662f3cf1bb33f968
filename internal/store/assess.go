package store

import "fmt"

// assess judges the settings against the level asked for. It is pure.
func assess(o Options, set settings) DurabilityReport {
	r := DurabilityReport{
		Level: o.Durability, Version: set.version, AOF: set.aof, Fsync: set.fsync,
		Eviction: set.eviction, Replicas: set.replicas, MinReplicas: set.minReplicas,
		ProcessCrash: processCrash(set), HostCrash: hostCrash(o, set), Failover: failover(o, set),
	}
	switch set.aof {
	case "off":
		r.Problems = append(r.Problems, "the append-only file is off")
	case unknown:
		r.Unknown = append(r.Unknown, "appendonly")
	}
	switch set.eviction {
	case "noeviction":
	case unknown:
		r.Unknown = append(r.Unknown, "maxmemory-policy")
	default:
		r.Problems = append(r.Problems, fmt.Sprintf("maxmemory-policy is %s, which deletes state when memory is short; set noeviction", set.eviction))
	}
	if set.replica {
		r.Problems = append(r.Problems, "this server is a replica")
	}
	switch o.Durability {
	case DurabilityReplicated:
		if set.replicas < o.Replicas {
			r.Problems = append(r.Problems, fmt.Sprintf("%d of %d replicas are connected", set.replicas, o.Replicas))
		}
	case DurabilityFsynced:
		switch {
		case set.fsync == "always" || set.hasWaitAOF():
		case set.fsync == unknown:
			r.Unknown = append(r.Unknown, "appendfsync")
		default:
			r.Problems = append(r.Problems, fmt.Sprintf("appendfsync is %s; set always, or use Redis 7.2 or later", set.fsync))
		}
	}
	return r
}

func processCrash(set settings) string {
	switch {
	case set.aof == "on":
		return "A crash of the Redis process loses nothing that was acknowledged."
	case set.aof == "off" && set.save == "":
		return "A crash of the Redis process loses everything: neither the append-only file nor snapshots are on."
	case set.aof == "off":
		return "A crash of the Redis process loses everything since its last snapshot, which may be an hour old."
	}
	return "What a crash of the Redis process loses is unknown, because the server does not tell whether the append-only file is on."
}

func hostCrash(o Options, set settings) string {
	switch {
	case set.aof == "off":
		return "A crash of the Redis host loses at least what a crash of the process loses."
	case set.aof == "on" && (set.fsync == "always" || o.Durability == DurabilityFsynced && set.hasWaitAOF()):
		return "A crash of the Redis host loses nothing that was acknowledged, provided its disk keeps what it has synced."
	case set.aof == "on" && set.fsync == "everysec":
		return "A crash of the Redis host loses about the last second of what was acknowledged."
	case set.aof == "on" && set.fsync == "no":
		return "A crash of the Redis host loses what the operating system had not written yet, about the last 30 seconds."
	}
	return "What a crash of the Redis host loses is unknown, because the server does not tell its settings."
}

func failover(o Options, set settings) string {
	switch {
	case set.replicas == 0:
		return "There is no replica to fail over to: while Redis is down, nothing is accepted."
	case o.Durability == DurabilityReplicated:
		return fmt.Sprintf("A failover to a replica that had confirmed loses nothing; each change is confirmed by %d of the %d connected.", o.Replicas, set.replicas)
	case set.minReplicas == "0" || set.minReplicas == unknown:
		return "A failover loses what the promoted replica had not received, without a limit when the primary had been cut off from it."
	}
	return "A failover loses what the promoted replica had not received, at most what fits into min-replicas-max-lag."
}
