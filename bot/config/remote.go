package config

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Remote reads secrets that are kept elsewhere. Errors must not repeat values.
type Remote interface {
	// Secret returns the current text of the secret with this ARN.
	Secret(ctx context.Context, arn string) (string, error)
	// Parameter returns the decrypted value of the parameter with this name.
	Parameter(ctx context.Context, name string) (string, error)
}

// fetchTimeout bounds one read of a remote secret.
const fetchTimeout = 20 * time.Second

// Fetch reads the secrets that are kept in AWS: each once, all at the same time.
// An error is a Problems with every secret that cannot be had. It must not run
// at the same time as Reveal.
func (c *Config) Fetch(ctx context.Context, from Remote) error {
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		ps   Problems
	)
	for _, h := range c.remote() {
		wait.Go(func() {
			if err := h.fetch(ctx, from); err != nil {
				mu.Lock()
				defer mu.Unlock()
				ps = append(ps, h.ref.problem("%s: %s: %v", h.ref.path, h.ref, err))
			}
		})
	}
	wait.Wait()
	if len(ps) > 0 {
		return ps.sorted(c.file)
	}
	return nil
}

// NeedsFetch says whether any secret is kept in AWS.
func (c *Config) NeedsFetch() bool { return len(c.remote()) > 0 }

func (c *Config) remote() []*held {
	var out []*held
	for _, s := range c.secrets {
		if scheme := s.held().ref.scheme; scheme == "secretsmanager" || scheme == "ssm" {
			out = append(out, s.held())
		}
	}
	return out
}

func (h *held) fetch(ctx context.Context, from Remote) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	read := from.Secret
	if h.ref.scheme == "ssm" {
		read = from.Parameter
	}
	value, err := read(ctx, h.ref.name)
	if err != nil {
		return err
	}
	if h.ref.key != "" {
		if value, err = field(value, h.ref.key); err != nil {
			return err
		}
	}
	if h.validate != nil {
		if err := h.validate(trimLineEnd(value)); err != nil {
			return err
		}
	}
	return h.set(value)
}

// field takes one text out of a JSON object. Its errors do not repeat the
// object, as those of encoding/json may.
func field(object, key string) (string, error) {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &fields); err != nil {
		return "", errors.New("the secret is not a JSON object; leave out #key, or store key and value")
	}
	raw, ok := fields[key]
	if !ok {
		return "", fmt.Errorf("the secret has no key %q", key)
	}
	var value string
	if err := json.Unmarshal(raw, &value); err != nil {
		return "", fmt.Errorf("the key %q of the secret is not text", key)
	}
	return value, nil
}
