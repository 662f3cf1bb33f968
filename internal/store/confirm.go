package store

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// confirm is what follows a commit in its round trip, so that the answer
// means "durable" at the configured level.
type confirm struct {
	replicas int           // WAIT for so many replicas
	disk     bool          // WAITAOF for this server's disk
	timeout  time.Duration // for either
}

// confirmation decides from the settings once, at Open.
func (o Options) confirmation(set settings) confirm {
	switch {
	case o.Durability == DurabilityReplicated:
		return confirm{replicas: o.Replicas, timeout: o.ConfirmTimeout}
	case o.Durability == DurabilityFsynced && set.fsync != "always" && set.hasWaitAOF():
		return confirm{disk: true, timeout: o.ConfirmTimeout}
	}
	return confirm{}
}

// add appends the confirming command to the pipeline. Redis makes WAIT cover
// everything it had written when it executed the connection's last command,
// by whomever: so it also confirms a repeated commit, which writes nothing.
func (c confirm) add(ctx context.Context, pipe redis.Pipeliner) *redis.Cmd {
	switch {
	case c.disk:
		return pipe.Do(ctx, "waitaof", 1, 0, c.timeout.Milliseconds())
	case c.replicas > 0:
		return pipe.Do(ctx, "wait", c.replicas, c.timeout.Milliseconds())
	}
	return nil
}

// check reads the answer to add.
func (c confirm) check(wait *redis.Cmd) error {
	if wait == nil {
		return nil
	}
	if err := wait.Err(); err != nil {
		err = wrap(err)
		if ue, ok := err.(*UnavailableError); ok { // what came before may be in place
			ue.Refused = false
		}
		return err
	}
	if c.disk {
		if counts, err := wait.Int64Slice(); err != nil || len(counts) == 0 || counts[0] < 1 {
			return &UnavailableError{Reason: "the server did not confirm that the change is on disk"}
		}
		return nil
	}
	if n, err := wait.Int(); err != nil || n < c.replicas {
		return &UnavailableError{Reason: fmt.Sprintf("%d of %d replicas confirmed the change", n, c.replicas)}
	}
	return nil
}

// settle replaces answers that have not been confirmed.
func (c confirm) settle(cmds []*redis.Cmd, of []int, wait *redis.Cmd) {
	err := c.check(wait)
	if err == nil {
		return
	}
	for _, i := range of {
		if cmds[i].Err() == nil {
			cmds[i].SetErr(err)
		}
	}
}
