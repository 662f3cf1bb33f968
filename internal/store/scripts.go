package store

import (
	"context"
	"crypto/sha1" //nolint:gosec // Redis names scripts by SHA-1
	"embed"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var scriptFiles embed.FS

// scriptHeader makes Redis (from 7.0) refuse a script before its first
// command when memory is full, instead of in the middle.
const scriptHeader = "#!lua\n"

// script is one Lua script as this server takes it.
type script struct{ src, sha string }

// scripts are all of them; see the comment at the top of each file.
type scripts struct {
	commit, claim, settle, hold                     script
	auditOpen, auditTimers, auditLane, auditEffects script
}

func (c *scripts) all() map[string]*script {
	return map[string]*script{
		"commit": &c.commit, "claim": &c.claim, "settle": &c.settle, "hold": &c.hold,
		"audit_open": &c.auditOpen, "audit_timers": &c.auditTimers,
		"audit_lane": &c.auditLane, "audit_effects": &c.auditEffects,
	}
}

func readScripts(header bool) (*scripts, error) {
	c := &scripts{}
	for name, sc := range c.all() {
		b, err := scriptFiles.ReadFile("scripts/" + name + ".lua")
		if err != nil {
			return nil, fmt.Errorf("read script %s: %w", name, err)
		}
		sc.src = string(b)
		if !header {
			sc.src = strings.TrimPrefix(sc.src, scriptHeader)
		}
		sum := sha1.Sum([]byte(sc.src))
		sc.sha = hex.EncodeToString(sum[:])
	}
	return c, nil
}

// loadScripts loads all scripts, and finds out once whether the server takes
// script headers: Redis before 7.0 and miniredis do not.
func (s *Store) loadScripts(ctx context.Context) (*scripts, error) {
	node, err := s.node(ctx)
	if err != nil {
		return nil, err
	}
	header := node.ScriptLoad(ctx, scriptHeader+"return 1").Err()
	if _, ok := header.(redis.Error); header != nil && !ok {
		return nil, wrap(header)
	}
	c, err := readScripts(header == nil)
	if err != nil {
		return nil, err
	}
	return c, c.load(ctx, node)
}

func (c *scripts) load(ctx context.Context, node *redis.Client) error {
	pipe := node.Pipeline()
	for _, sc := range c.all() {
		pipe.ScriptLoad(ctx, sc.src)
	}
	_, err := pipe.Exec(ctx)
	return wrap(err)
}

// call is one run of a script.
type call struct {
	keys []string
	args []any
}

// maxReplays bounds how often run repeats commands that were not executed.
const maxReplays = 3

// run executes one script for each call, pipelined in one round trip. Only
// commands that the server certainly did not execute (NOSCRIPT, MOVED) are
// sent again. With confirmed, the answers count only when the configured
// durability has been confirmed; else each is an *UnavailableError.
func (s *Store) run(ctx context.Context, sc script, calls []call, confirmed bool) []*redis.Cmd {
	cmds := make([]*redis.Cmd, len(calls))
	node, err := s.node(ctx)
	if err != nil {
		return failed(ctx, cmds, err)
	}
	pending := make([]int, len(calls))
	for i := range pending {
		pending[i] = i
	}
	for range maxReplays {
		pipe := node.Pipeline()
		for _, i := range pending {
			cmds[i] = pipe.EvalSha(ctx, sc.sha, calls[i].keys, calls[i].args...)
		}
		var wait *redis.Cmd
		if confirmed {
			wait = s.confirm.add(ctx, pipe)
		}
		_, _ = pipe.Exec(ctx) // each command carries its own error
		if confirmed {
			s.confirm.settle(cmds, pending, wait)
		}
		missing, moved := unexecuted(cmds, pending)
		switch {
		case len(missing) == 0:
			return cmds
		case moved && s.many != nil:
			if node, err = s.moved(ctx, node); err != nil {
				return cmds
			}
		default:
			if err := s.scripts.load(ctx, node); err != nil {
				return cmds
			}
		}
		pending = missing
	}
	return cmds
}

// unexecuted picks the commands that the server has not executed.
func unexecuted(cmds []*redis.Cmd, of []int) (which []int, moved bool) {
	for _, i := range of {
		err := cmds[i].Err()
		switch {
		case err == nil:
		case redis.HasErrorPrefix(err, "NOSCRIPT"):
			which = append(which, i)
		case redis.HasErrorPrefix(err, "MOVED"):
			which, moved = append(which, i), true
		}
	}
	return which, moved
}

func failed(ctx context.Context, cmds []*redis.Cmd, err error) []*redis.Cmd {
	for i := range cmds {
		cmds[i] = redis.NewCmd(ctx)
		cmds[i].SetErr(err)
	}
	return cmds
}

// noteMoved makes the cluster client look for our slot again.
func (s *Store) noteMoved(ctx context.Context, err error) {
	if s.many != nil && (redis.HasErrorPrefix(err, "MOVED") || redis.HasErrorPrefix(err, "READONLY")) {
		s.many.ReloadState(ctx)
	}
}
